/** A further machine beside a lab, on a cable of its own: a DMZ, a container's bridge, a modem. */
import { must, type Task } from './exec.js';
import { type Host, host } from './host.js';
import type { Lab } from './lab.js';

export interface Annex extends Host {
  stop(): Promise<void>;
}

/** `link`: how its interface `eth0` is made, as words for `ip link add` in its namespace; then `ip` lines to run there. */
export async function annex(
  lab: Lab,
  name: string,
  link: (namespace: string) => string[],
  lines: readonly string[],
): Promise<Annex> {
  const namespace = `${lab.gateway.namespace.replace(/-gw$/, '-')}${name}`;
  await must(undefined, ['ip', 'netns', 'add', namespace]);
  await must(undefined, ['ip', ...link(namespace)]);
  const setup = ['link set lo up', ...lines];
  await must(namespace, ['sh'], {
    input: `echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad\necho 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad\nset -e\n${setup.map((line) => `ip ${line}`).join('\n')}\n`,
  });
  // BOUNDED: what one test starts.
  const tasks = new Set<Task>();
  return {
    ...host(namespace, (task) => tasks.add(task)),
    stop: async () => {
      for (const task of tasks) task.signal('SIGKILL');
      await Promise.all([...tasks].map(({ done }) => done));
      await must(undefined, ['ip', 'netns', 'delete', namespace]);
    },
  };
}
