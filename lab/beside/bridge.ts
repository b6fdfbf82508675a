/** A bridge of the gateway's machine with one machine behind it: a container, a guest. */
import { type Annex, annex } from '../annex.js';
import type { Lab } from '../lab.js';

export interface Bridge {
  readonly name: string;
  /** The gateway's address there, and the machine's, with their prefix length. */
  readonly gateway: string;
  readonly machine: string;
}

export interface Bridged {
  readonly machine: Annex;
  remove(): Promise<void>;
}

/** The machine has an echo server on `port`. */
export async function bridged(lab: Lab, { name, gateway, machine }: Bridge, port: number): Promise<Bridged> {
  const here = lab.gateway;
  const lines = [
    `ip link add ${name} type bridge`,
    `ip addr add ${gateway} dev ${name}`,
    `ip link set ${name} up`,
  ];
  await here.must(['sh', '-ec', lines.join('\n')]);
  const made = await annex(
    lab,
    name,
    (there) => `link add ${name}p netns ${here.namespace} type veth peer name eth0 netns ${there}`.split(' '),
    [
      ...[`addr add ${machine} dev eth0`, 'link set eth0 up'],
      `route add default via ${gateway.split('/')[0]}`,
    ],
  );
  await here.must(['ip', 'link', 'set', `${name}p`, 'master', name, 'up']);
  await made.child('children/echo').ask('listen', { ports: [port] });
  return {
    machine: made,
    remove: async () => {
      await made.stop();
      await here.must(['ip', 'link', 'delete', name]);
    },
  };
}
