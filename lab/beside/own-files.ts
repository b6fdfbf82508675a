/**
 * Programs that write /etc, /run and /var: they see the machine's files, and write into a layer that goes with them. Their processes
 * are a namespace of their own, too, so none outlives it.
 */
import { readFileSync } from 'node:fs';
import type { RunOptions, Task } from '../exec.js';
import type { Host } from '../host.js';

export interface OwnFiles {
  /** A shell script there; anything but exit code 0 throws. */
  run(script: string, options?: RunOptions): Promise<string>;
  /** Ends what still runs, and forgets the files. */
  stop(): Promise<void>;
}

const LAYER = `
mount -t tmpfs tmpfs /mnt
for folder in etc var; do
  mkdir -p /mnt/$folder/upper /mnt/$folder/work
  mount -t overlay overlay -o lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work /$folder
done
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/dbus
echo mounted
exec sleep infinity
`;
const UNSHARE = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** Debian keeps these out of the PATH of ordinary users. */
const PATH = 'PATH=$PATH:/usr/sbin:/sbin';

export async function ownFiles(host: Host): Promise<OwnFiles> {
  const task = host.spawn([...UNSHARE, 'sh', '-ec', LAYER]);
  await task.waitForLine(/^mounted$/);
  const enter = ['nsenter', '-t', String(childOf(task)), '--mount', '--pid'];
  return {
    run: (script, options) =>
      host.must([...enter, 'sh', '-ec', `${PATH}\n${script}`], { timeoutMs: 60_000, ...options }),
    stop: async () => void (await task.stop(0)),
  };
}

/** The first process of the inner namespace. */
function childOf({ pid }: Task): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
}

/** Runs what loads rules; the result takes the tables away that it has made, should it not have done so itself. */
export async function addingTables(host: Host, action: () => Promise<unknown>): Promise<() => Promise<void>> {
  const before = await listTables(host);
  await action();
  const made = (await listTables(host)).filter((table) => !before.includes(table));
  return async () => {
    const left = (await listTables(host)).filter((table) => made.includes(table));
    await host.must(['nft', '-f', '-'], { input: left.map((table) => `delete ${table}\n`).join('') });
  };
}

/** The result sets these settings as they are now. */
export async function keepSettings(host: Host, keys: readonly string[]): Promise<() => Promise<void>> {
  const values = await Promise.all(
    keys.map(async (key) => `${key}=${(await host.must(['sysctl', '-n', key])).trim()}`),
  );
  return async () => void (await host.must(['sysctl', '-q', '-w', ...values]));
}

/** The kernel sends as many errors as there are: who is refused twelve times hears of it twelve times. The result ends that. */
export async function unlimitedIcmp(host: Host): Promise<() => Promise<void>> {
  const keys = ['net.ipv4.icmp_ratelimit', 'net.ipv6.icmp.ratelimit'];
  const restore = await keepSettings(host, keys);
  await host.must(['sysctl', '-q', '-w', ...keys.map((key) => `${key}=0`)]);
  return restore;
}

async function listTables(host: Host): Promise<string[]> {
  return (await host.must(['nft', 'list', 'tables'])).split('\n').filter(Boolean);
}
