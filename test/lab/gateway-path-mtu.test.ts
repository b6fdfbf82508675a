/** A path that loses large packets without a word: noticed by connections that hang, proved by echo requests, and its MSS lowered (`mtu: auto`). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CurlResult, type Lab, plainNat, startLab } from '../../lab/index.js';
import type { RouteStatus } from '../../src/api/contract.js';
import { eventually, GatewayLab } from './support/gateway-lab.js';

const PATH = 1400;
const SERVERS = [
  { ipv4: ['198.51.100.1'], ipv6: ['2001:db8:100::1'] },
  { ipv4: ['192.0.2.1'], ipv6: ['2001:db8:200::1'] },
  { ipv4: ['198.18.0.1'], ipv6: ['2001:db8:300::1'] },
];
const PORT = { race: 7001, priority: 7002, 'round-robin': 7003, a: 7004, b: 7005, quiet: 7010 } as const;
const PORTS = Object.values(PORT);
/** The server sends so much when a connection begins. */
const BYTES = 200_000;
const SCENARIO = {
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
const SERVICES = [
  service('race', 'race'),
  service('priority', { criterion: 'priority', routes: ['b', 'a'] }),
  service('round-robin', 'round-robin'),
  service('a', 'a'),
  service('b', 'b'),
];

const addresses = SERVERS.flatMap(({ ipv4, ipv6 }) => [...ipv4, ...ipv6]);
const targets = (port: number): { address: string; port: number }[] =>
  addresses.map((address) => ({ address, port }));

/** One of each server and family at a time. */
function downloads(lab: Lab, port: number, seconds = 4): Promise<CurlResult[]> {
  const urls = addresses.map((address) => `http://${address.includes(':') ? `[${address}]` : address}:${port}/`);
  return Promise.all(urls.map((url) => lab.client().curl(url, ['--max-time', String(seconds)])));
}

const came = (results: readonly CurlResult[]): boolean[] => results.map(({ ok, bytes }) => ok && bytes === BYTES);

describe('plain NAT', () => {
  test('every download hangs', async () => {
    const lab = await startLab(SCENARIO);
    try {
      await plainNat(lab, 'b');
      await lab.server('s1').nginx({ ports: PORTS, bodyBytes: BYTES });
      await lab.link('b').set({ pathMtu: PATH, pathMtuSilent: true });
      const results = await downloads(lab, PORT.b);
      expect(results.every(({ connectMs }) => connectMs > 0)).toBe(true);
      expect(came(results)).toEqual(addresses.map(() => false));
    } finally {
      await lab.stop();
    }
  });
});

describe('the gateway', () => {
  let made: GatewayLab;

  beforeAll(async () => {
    made = await GatewayLab.start(SCENARIO, { config: { services: SERVICES }, expectedEvents: ['path-mtu'] });
    await made.lab.server('s1').nginx({ ports: PORTS.filter((port) => port !== PORT.quiet), bodyBytes: BYTES });
    await made.lab.server('s1').echo({ ports: [PORT.quiet] });
  });

  afterAll(async () => {
    await made?.stop();
  });

  const route = async (name: string): Promise<RouteStatus | undefined> =>
    (await made.status()).routes.find((one) => one.name === name);

  test('it is found and said within seconds, and what is new works', async () => {
    const { lab } = made;
    await lab.link('b').set({ pathMtu: PATH, pathMtuSilent: true });
    const begun = performance.now();
    const first = downloads(lab, PORT.race, 12);
    const b = await eventually(
      () => route('b'),
      (one) => one?.pathMtu?.ipv4 !== undefined && one.pathMtu.ipv6 !== undefined,
      30_000,
    );
    console.log('found after', performance.now() - begun, JSON.stringify(b?.pathMtu));
    console.log((await first).map(({ ok, bytes }) => `${ok} ${bytes}`));
    expect(b?.pathMtu).toEqual({ ipv4: PATH, ipv6: PATH });
    for (const port of [PORT.race, PORT.priority, PORT['round-robin'], PORT.b]) {
      expect(came(await downloads(lab, port))).toEqual(addresses.map(() => true));
    }
  });
});
