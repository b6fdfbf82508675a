/** A lab for paths that lose large packets without a word: servers of three owners, route b the fastest. */
import type { CurlResult, EchoServer, Lab } from '../../../lab/index.js';
import type { RouteStatus } from '../../../src/api/contract.js';
import type { GatewayLab } from './gateway-lab.js';

const SERVERS = [
  { ipv4: ['198.51.100.1'], ipv6: ['2001:db8:100::1'] },
  { ipv4: ['192.0.2.1'], ipv6: ['2001:db8:200::1'] },
  { ipv4: ['198.18.0.1'], ipv6: ['2001:db8:300::1'] },
];
/** Ports of web servers by who chooses; `up` takes what is sent by b, `quiet` is silent. */
export const PORT = {
  race: 7001,
  priority: 7002,
  'round-robin': 7003,
  a: 7004,
  b: 7005,
  up: 7010,
  quiet: 7011,
} as const;
export const WEB = [PORT.race, PORT.priority, PORT['round-robin'], PORT.a, PORT.b];
/** What a web server gives, and what is sent up. */
export const BYTES = 200_000;
export const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 20 } },
    { name: 'b', link: { delayMs: 5 } },
  ],
  servers: SERVERS.map((addresses, i) => ({ name: `s${i + 1}`, ...addresses })),
};
const service = (name: keyof typeof PORT, select: unknown): object => ({
  name,
  match: { tcp: PORT[name] },
  select,
  affinity: 'none',
});
export const SERVICES = [
  service('race', 'race'),
  service('priority', { criterion: 'priority', routes: ['b', 'a'] }),
  service('round-robin', 'round-robin'),
  service('a', 'a'),
  service('b', 'b'),
  service('up', 'b'),
  service('quiet', 'round-robin'),
];

/** Of every server, both families. */
export const ADDRESSES = SERVERS.flatMap(({ ipv4, ipv6 }) => [...ipv4, ...ipv6]);

export function targets(port: number): { address: string; port: number }[] {
  return ADDRESSES.map((address) => ({ address, port }));
}

/** One of each server and family at a time. */
export function downloads(lab: Lab, port: number, seconds = 4): Promise<CurlResult[]> {
  const hosts = ADDRESSES.map((address) => (address.includes(':') ? `[${address}]` : address));
  const args = ['--max-time', String(seconds)];
  return Promise.all(hosts.map((host) => lab.client().curl(`http://${host}:${port}/`, args)));
}

/** Whether each has come whole. */
export function came(results: readonly CurlResult[]): boolean[] {
  return results.map(({ ok, bytes }) => ok && bytes === BYTES);
}

/** Sends to every server and family; it says nothing back, so the client never knows. */
export async function upload(lab: Lab, timeoutMs: number): Promise<void> {
  await lab.client().connect({ targets: targets(PORT.up), bytes: BYTES, timeoutMs });
}

/** How many uploads the server has whole. */
export async function arrived(sink: EchoServer): Promise<number> {
  return (await sink.connections()).filter(({ received }) => received === BYTES).length;
}

export async function routeOf(made: GatewayLab, name: string): Promise<RouteStatus | undefined> {
  return (await made.status()).routes.find((one) => one.name === name);
}
