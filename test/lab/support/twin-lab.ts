/**
 * A lab by hand, for what the usual one cannot have: two providers whose boxes use the same subnet and the same address.
 *
 *   client 10.0.0.2 -- gateway -- wan1, wan2: both 192.168.1.0/24, next hop .1 -- box1, box2 (NAT) -- server 198.51.100.1
 *
 * The server sees the boxes as 10.9.1.1 and 10.9.2.1: by which provider a connection came.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hireJanitor } from '../../../lab/cleanup.js';
import { client } from '../../../lab/client.js';
import { must, type Task } from '../../../lab/exec.js';
import { host } from '../../../lab/host.js';
import type { Client, Host, ServerHost } from '../../../lab/index.js';
import { serverHost } from '../../../lab/server.js';

/** What the server sees of the i-th provider. */
export const BOX = ['10.9.1.1', '10.9.2.1'] as const;

export interface TwinLab {
  readonly gateway: Host;
  readonly client: Client;
  readonly server: ServerHost;
  readonly boxes: readonly [Host, Host];
  readonly controlSocket: string;
  /** Writes a configuration for two routes `a` and `b` with these addresses. */
  config(addresses: readonly [string, string]): string;
  /** Loses every SYN that comes to a box from the gateway, or no longer. */
  blackhole(box: 0 | 1, on: boolean): Promise<void>;
  /** SYNs that came to a box since it was built. */
  syns(box: 0 | 1): Promise<number>;
  stop(): Promise<void>;
}

/** Far above the numbers that the labs of one process get. */
let serial = 900;

export async function startTwinLab(addresses: readonly [string, string]): Promise<TwinLab> {
  // Names of the usual lab's form: its next start removes them should this process be killed with its janitor.
  const prefix = `pr${process.pid}x${serial++}`;
  const names = {
    ...{ gateway: `${prefix}-gw`, client: `${prefix}-c1`, server: `${prefix}-s1` },
    ...{ box1: `${prefix}-net`, box2: `${prefix}-lan` },
  };
  const directory = mkdtempSync(join(tmpdir(), `${prefix}-`));
  const janitor = hireJanitor(Object.values(names), directory);
  // BOUNDED: what one test starts.
  const tasks = new Set<Task>();
  const machine = (namespace: string): Host => host(namespace, (task) => tasks.add(task));
  const boxes = [machine(names.box1), machine(names.box2)] as const;
  const stop = async (): Promise<void> => {
    for (const task of tasks) task.signal('SIGKILL');
    await Promise.all([...tasks].map(({ done }) => done));
    await janitor.sweep();
  };
  try {
    await build(names, addresses);
  } catch (error) {
    await stop();
    throw error;
  }
  const controlSocket = join(directory, 'control.sock');
  const nft = (box: 0 | 1, script: string): Promise<string> =>
    boxes[box].must(['nft', '-f', '-'], { input: script });
  return {
    gateway: machine(names.gateway),
    client: client(machine(names.client), { ipv4: '10.0.0.2', ipv6: '' }),
    server: serverHost(
      machine(names.server),
      { name: 'server', ipv4: ['198.51.100.1'], ipv6: [], distanceMs: {}, group: 'all' },
      directory,
    ),
    boxes,
    controlSocket,
    config: (own) => {
      const path = join(directory, `${own.join('-')}.yaml`);
      writeFileSync(path, configuration(controlSocket, own));
      return path;
    },
    blackhole: async (box, on) => {
      const rule = on ? 'add rule inet box hole tcp flags & (syn | ack) == syn drop' : '';
      await nft(box, `flush chain inet box hole\n${rule}\n`);
    },
    syns: async (box) => {
      const listed = await boxes[box].must(['nft', '-j', 'list', 'counter', 'inet', 'box', 'syns']);
      return Number(/"packets": ?(\d+)/.exec(listed)?.[1] ?? -1);
    },
    stop,
  };
}

function configuration(control: string, [first, second]: readonly [string, string]): string {
  return `
control: ${control}
lan: [lan0]
routes:
  a: { interface: wan1, gateway: 192.168.1.1, addresses: [${first}] }
  b: { interface: wan2, gateway: 192.168.1.1, addresses: [${second}] }
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: a }
memory: { trust: 0s }
`;
}

type Names = Record<'gateway' | 'client' | 'server' | 'box1' | 'box2', string>;

async function build(names: Names, addresses: readonly [string, string]): Promise<void> {
  const links = [
    ...Object.values(names).map((name) => `netns add ${name}`),
    `link add lan0 netns ${names.gateway} type veth peer name eth0 netns ${names.client}`,
    ...[1, 2].flatMap((number) => [
      `link add wan${number} netns ${names.gateway} type veth peer name lan0 netns ${names[`box${number}` as 'box1']}`,
      `link add net0 netns ${names[`box${number}` as 'box1']} type veth peer name s${number} netns ${names.server}`,
    ]),
  ];
  await must(undefined, ['ip', '-batch', '-'], { input: links.join('\n') });
  await configure(names.gateway, [
    ...['addr add 10.0.0.1/24 dev lan0', 'link set lan0 up'],
    ...[1, 2].flatMap((number) => [
      `addr add ${addresses[number - 1]}/24 dev wan${number}`,
      `link set wan${number} up`,
    ]),
  ]);
  await must(names.gateway, ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
  await configure(names.client, [
    ...['addr add 10.0.0.2/24 dev eth0', 'link set eth0 up', 'route add default via 10.0.0.1'],
  ]);
  await configure(names.server, [
    'addr add 198.51.100.1/32 dev lo',
    ...[1, 2].flatMap((number) => [`addr add 10.9.${number}.2/24 dev s${number}`, `link set s${number} up`]),
  ]);
  for (const number of [1, 2] as const) {
    const box = names[`box${number}`];
    await configure(box, [
      ...['addr add 192.168.1.1/24 dev lan0', 'link set lan0 up'],
      ...[`addr add 10.9.${number}.1/24 dev net0`, 'link set net0 up'],
      `route add default via 10.9.${number}.2`,
    ]);
    await must(box, ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
    await must(box, ['nft', '-f', '-'], {
      input: `
        table inet box {
          counter syns { }
          chain hole { }
          chain before {
            type filter hook prerouting priority -300;
            iifname "lan0" tcp flags & (syn | ack) == syn counter name syns jump hole
          }
          chain after {
            type nat hook postrouting priority 100;
            oifname "net0" masquerade
          }
        }`,
    });
  }
}

async function configure(namespace: string, lines: readonly string[]): Promise<void> {
  await must(namespace, ['ip', '-batch', '-'], { input: ['link set lo up', ...lines].join('\n') });
}
