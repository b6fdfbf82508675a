/** A lab needs to make network namespaces: as root, or in a user namespace of its own where the kernel allows that. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;
const INSIDE = 'PATHRACE_LAB_USERNS';

/** Whether this process may make network namespaces. */
export function isPrivileged(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const has = (capability: number): boolean => ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
  return process.getuid?.() === 0 && has(CAP_NET_ADMIN) && has(CAP_SYS_ADMIN);
}

/**
 * Returns when this process may build labs. Otherwise runs the same command again as root of a user namespace and ends with its
 * exit code; where the kernel does not allow that, prints one line why and ends with 1.
 */
export function ensurePrivileges(): void {
  if (isPrivileged()) return;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const why = process.env[INSIDE] === undefined ? whyNoUserNamespace() : 'not even in a user namespace';
  if (why !== undefined) {
    console.error(`The lab makes network namespaces and needs root for that: ${why}. Run it with sudo.`);
    process.exit(1);
  }
  const { status } = spawnSync('unshare', [...UNSHARE, 'sh', '-c', PREPARE, 'sh', ...again], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  process.exit(status ?? 1);
}

/** New user, network and mount namespaces, with the caller as root in them; its children die with it. */
const UNSHARE = ['-Urnm', '--kill-child'] as const;
/** `ip netns` keeps its names in /run/netns, which only the real root may write; a fresh /run is ours. */
const PREPARE = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && exec "$@"';

function whyNoUserNamespace(): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', [...UNSHARE, 'sh', '-c', PREPARE, 'sh', 'true'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return `unshare cannot be run (${error.message})`;
  return status === 0 ? undefined : `this kernel allows no user namespace either (${stderr.trim()})`;
}
