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

/** A machine at 10.9.0.53 and fd09::53 behind `dmz0` of the gateway, which is given its addresses: a bridge that is no LAN. */
export async function demilitarized(lab: Lab): Promise<Annex> {
  const { gateway } = lab;
  const dmz = await annex(
    lab,
    'dmz',
    (there) => `link add dmz0 netns ${gateway.namespace} type veth peer name eth0 netns ${there}`.split(' '),
    [
      ...['addr add 10.9.0.53/24 dev eth0', 'addr add fd09::53/64 dev eth0 nodad', 'link set eth0 up'],
      ...['route add default via 10.9.0.1', 'route add ::/0 via fd09::1'],
    ],
  );
  await gateway.must([
    ...['sh', '-ec'],
    'ip addr add 10.9.0.1/24 dev dmz0; ip addr add fd09::1/64 dev dmz0 nodad; ip link set dmz0 up',
  ]);
  return dmz;
}
