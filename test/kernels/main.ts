/**
 * What a gateway must do on every kernel: a smoke test that runs in a virtual machine which nobody else uses, freshly booted
 * (scripts/kernels.mjs). It changes what modules the machine may load.
 */
import { env } from 'node:process';

if (env.PATHRACE_MACHINE !== 'virtual') throw new Error('not a machine for this: run `npm run test:kernels`');
await import('./gateway.js');
