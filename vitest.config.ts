import { defineConfig } from 'vitest/config';

/** Lab tests whose time goes by in waiting, and that measure no times shorter than a SYN repeat: several at once. */
const WAITING = [
  'conformance',
  'gateway-absent',
  'gateway-affinity',
  'gateway-beside-main',
  'gateway-clean-up',
  'gateway-clock',
  'gateway-commands',
  'gateway-criteria',
  'gateway-failover',
  'gateway-firewall',
  'gateway-foreign-sources',
  'gateway-guard',
  'gateway-guide',
  'gateway-habits',
  'gateway-helpers',
  'gateway-inbound',
  'gateway-ipv6-off',
  'gateway-kernel-owns',
  'gateway-large-file',
  'gateway-many',
  'gateway-mask',
  'gateway-mtu',
  'gateway-names',
  'gateway-no-route',
  'gateway-output',
  'gateway-own-snat',
  'gateway-patience',
  'gateway-pools',
  'gateway-port-exhaustion',
  'gateway-protect',
  'gateway-providers',
  'gateway-quota',
  'gateway-reload',
  'gateway-reload-fates',
  'gateway-report',
  'gateway-rest',
  'gateway-router-preference',
  'gateway-same-subnet',
  'gateway-services',
  'gateway-settings',
  'gateway-store',
  'kernel-checks',
  'kernel-conntrack',
  'kernel-state',
].map((name) => `test/lab/${name}.test.ts`);

/**
 * They walk through every moment, every call that may fail, every criterion or every neighbour: minutes each, so they have a command of their
 * own, `npm run test:long`.
 */
const LONG = [
  'gateway-asked',
  'gateway-criteria-failing',
  'gateway-ends',
  'gateway-faults',
  'gateway-gives-up',
  'gateway-grace',
  'gateway-many-flows',
  'gateway-neighbour-marks',
  'gateway-neighbours',
  'gateway-path-mtu-long',
  'gateway-patience-long',
  'gateway-proof-of-life',
  'gateway-reload-faults',
  'gateway-reload-maps',
  'gateway-return',
  'gateway-route-storm',
  'gateway-signals',
].map((name) => `test/lab/${name}.test.ts`);

const LAB = {
  testTimeout: 180_000,
  hookTimeout: 120_000,
  // Real time on a shared machine: one more try, which the report shows as a retry.
  retry: 1,
};

/**
 * `lab` needs root and network namespaces and runs one file at a time, `long` as well, `waiting` several; `fast` is everything else
 * and needs nothing.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**'],
          // They keep nothing between files; to load everything anew for each takes half of the time.
          isolate: false,
          // They compute: one for each processor. Of itself vitest leaves one processor to itself, which is half of a small machine.
          maxWorkers: '100%',
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...LAB,
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          exclude: [...WAITING, ...LONG],
          fileParallelism: false,
        },
      },
      { test: { ...LAB, name: 'waiting', include: WAITING, maxWorkers: 3 } },
      { test: { ...LAB, name: 'long', include: LONG, fileParallelism: false } },
    ],
  },
});
