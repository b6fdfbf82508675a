/** What must be true before anything is touched. */
import { readFileSync } from 'node:fs';
import { PathraceError } from '../model/errors.js';

/** Bits of the effective set (include/uapi/linux/capability.h). */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const;

/** Throws E_PRIVILEGE naming what is missing. */
export function checkPrivileges(): void {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const missing = Object.entries(CAPABILITIES)
    .filter(([, bit]) => (effective & (1n << BigInt(bit))) === 0n)
    .map(([name]) => name);
  if (missing.length > 0) {
    throw new PathraceError('E_PRIVILEGE', `The gateway needs ${missing.join(' and ')}.`, {
      found: `user ${process.getuid?.() ?? '?'} without them`,
    });
  }
}
