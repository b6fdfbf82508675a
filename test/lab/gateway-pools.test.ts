/** Several addresses on a route: every client keeps its one, however it is decided. And whole prefixes (RFC 6296). */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConnectResult, EchoConnection, EchoServer } from '../../lab/index.js';
import { connectMs, type GatewayLab, halfOpen, NEAR, NEAR6, withGateway } from './support/gateway-lab.js';
import { answerDatagrams, datagramFlows } from './support/routes.js';
import { udpFlow } from './support/taken.js';

const PORTS = { raced: 11, fixed: 12, counted: 13, rest: 14, turns: 15, udp: 21 } as const;
const ROUTES = ['a', 'b'];
const SERVICES = [
  {
    name: 'raced',
    match: { tcp: PORTS.raced },
    select: { criterion: 'race', routes: ROUTES },
    affinity: 'none',
  },
  {
    name: 'turns',
    match: { tcp: PORTS.turns },
    select: { criterion: 'round-robin', routes: ROUTES },
    affinity: 'none',
  },
  { name: 'fixed', match: { tcp: PORTS.fixed, udp: PORTS.udp }, select: 'a' },
  {
    name: 'counted',
    match: { tcp: PORTS.counted },
    select: { criterion: 'least-connections', routes: ['a'] },
    affinity: 'none',
  },
];
const CLIENTS = 12;

interface Pooled {
  readonly made: GatewayLab;
  readonly echo: EchoServer;
}

interface Seen {
  readonly result: ConnectResult;
  readonly connection: EchoConnection;
}

/** One connection after the other, each with what the server saw of it. */
async function connections(
  { made, echo }: Pooled,
  sources: readonly string[],
  port: number,
): Promise<Seen[]> {
  await echo.forget();
  const address = sources[0]?.includes(':') ? NEAR6 : NEAR;
  const results = await made.lab
    .client()
    .connect({ targets: [{ address, port }], sources, count: sources.length, concurrency: 1, bytes: 2000 });
  expect(Math.max(...connectMs(results))).toBeLessThan(500);
  const seen = await echo.connections();
  expect(seen).toHaveLength(results.length);
  return results.map((result, i) => ({ result, connection: seen[i] as EchoConnection }));
}

/** All routes have been heard of the destination: from now on it is remembered, where anything is. */
async function raceOnce(all: Pooled, sources: readonly string[]): Promise<void> {
  await connections(all, sources.slice(0, 1), PORTS.raced);
  await sleep(150);
}

function startPooled(made: GatewayLab): Promise<EchoServer> {
  return made.lab
    .server()
    .echo({ ports: [PORTS.raced, PORTS.fixed, PORTS.counted, PORTS.rest, PORTS.turns] });
}

describe('a pool of addresses', () => {
  test.each(['0s', '10m'])(
    'every client has its one on a route, by race, memory, criterion and rest: trust %s',
    async (trust) => {
      const providers = [
        { name: 'a', addresses: 4, link: { delayMs: 2 } },
        { name: 'b', addresses: 3, link: { delayMs: 40 } },
      ];
      const config = { services: SERVICES, memory: { trust, refresh: 0 }, rest: { route: 'a' } };
      await withGateway({ lan: { clients: CLIENTS }, providers }, { config }, async (made) => {
        const all = { made, echo: await startPooled(made) };
        await answerDatagrams(made.lab.server(), [PORTS.udp]);
        const open = datagramFlows(made.lab.client());
        for (const family of ['ipv4', 'ipv6'] as const) {
          const sources = made.lab.clients.map((client) => client[family]);
          const addresses = new Map<string, Set<string>>(sources.map((source) => [source, new Set()]));
          await raceOnce(all, sources);
          for (const port of [PORTS.raced, PORTS.raced, PORTS.fixed, PORTS.counted, PORTS.rest]) {
            for (const { result, connection } of await connections(all, sources, port))
              addresses.get(result.source.address)?.add(connection.remoteAddress);
            await sleep(150);
          }
          for (const source of sources) {
            const flow = await open({ address: family === 'ipv4' ? NEAR : NEAR6, port: PORTS.udp, source });
            addresses.get(source)?.add((await flow.ask()) ?? 'no answer');
          }
          for (const [source, used] of addresses) expect([...used], source).toHaveLength(1);
          const pool = new Set([...addresses.values()].flatMap((used) => [...used]));
          expect([...pool].every((address) => /^(203\.0\.1\.[2345]|fd03:1::[2345])$/.test(address))).toBe(
            true,
          );
          expect(pool.size).toBeGreaterThan(1);
        }
        const { races } = await made.status();
        expect(races.started).toBe(trust === '0s' ? CLIENTS * 4 + 2 : 2);
        expect(await halfOpen(made.lab)).toBe(0);
      });
    },
  );
});

describe('translation by prefix', () => {
  const providers = [
    { name: 'a', subnets: ['2001:db8:1::/48'], link: { delayMs: 2 } },
    { name: 'b', subnets: ['2001:db8:2::/48'], link: { delayMs: 40 } },
  ];
  const prefix = (inside: string, outside: string): object => ({ translate: { inside, outside } });

  function withPrefixes<Value>(
    routes: object,
    trust: string,
    action: (all: Pooled) => Promise<Value>,
  ): Promise<Value> {
    const config = {
      routes,
      services: SERVICES,
      memory: { trust, refresh: 0 },
      rest: { route: 'a' },
    } as never;
    return withGateway({ lan: { clients: 3 }, providers }, { config, topologyChanges: true }, async (made) =>
      action({ made, echo: await startPooled(made) }),
    );
  }

  test.each([
    // fd00 - (2001 + 0db8 + 0001) is cf46 in one's complement: the subnet makes up for it (RFC 6296 section 3.4).
    ['/48 by RFC 6296', 'fd00::/48', '2001:db8:1::/48', '2001:db8:1:cf46::'],
    ['/56, the prefix alone', 'fd00::/56', '2001:db8:1:a00::/56', '2001:db8:1:a00::'],
    ['/64, the prefix alone', 'fd00::/64', '2001:db8:1:7::/64', '2001:db8:1:7::'],
  ])(
    '%s: host and port stay, raced, remembered, by criterion and by rest',
    async (_, inside, outside, expected) => {
      for (const trust of ['0s', '10m']) {
        await withPrefixes({ a: prefix(inside, outside) }, trust, async (all) => {
          const { made } = all;
          const sources = made.lab.clients.map(({ ipv6 }) => ipv6);
          await raceOnce(all, sources);
          for (const port of [PORTS.raced, PORTS.raced, PORTS.fixed, PORTS.counted, PORTS.rest]) {
            for (const { result, connection } of await connections(all, sources, port)) {
              const host = result.source.address.replace(/^fd00::/, '');
              expect(connection).toMatchObject({
                remoteAddress: `${expected}${host}`,
                remotePort: result.source.port,
              });
            }
            await sleep(150);
          }
          expect((await made.status()).races.started).toBe(trust === '0s' ? 7 : 1);
          // IPv4 of the same route has its address.
          const [first] = await connections(all, [made.lab.client().ipv4], PORTS.raced);
          expect(first?.connection.remoteAddress).toBe('203.0.1.2');
          await answerDatagrams(made.lab.server(), [PORTS.udp]);
          const flow = await datagramFlows(made.lab.client())({
            address: NEAR6,
            port: PORTS.udp,
            source: sources[1],
          });
          expect(await flow.whence()).toEqual({ address: `${expected}3`, port: flow.port });
          expect(await halfOpen(made.lab)).toBe(0);
          expect((await made.status()).packets.dropped['conntrack-invalid']).toBe(0);
        });
      }
    },
  );

  test('two routes with prefixes of their own: both copies are answered, the loser is reset exactly, held ones live', async () => {
    const routes = { a: prefix('fd00::/48', '2001:db8:1::/48'), b: prefix('fd00::/48', '2001:db8:2::/48') };
    await withPrefixes(routes, '0s', async (all) => {
      const { made } = all;
      const holder = made.lab.client().connector();
      const targets = [{ address: NEAR6, port: PORTS.raced }];
      await made.lab.wire.reset();
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      const [first] = (await all.echo.connections()).slice(-1);
      expect(first?.remoteAddress).toBe('2001:db8:1:cf46::2');
      expect(await halfOpen(made.lab)).toBe(0);
      const resets = await made.lab.wire.trace({ provider: 'b', kind: 'rst', direction: 'out' });
      expect(resets).toHaveLength(10);
      expect(new Set(resets.map(({ source }) => source))).toEqual(new Set(['2001:db8:2:cf45::2']));
      await made.lab.link('a').set({ blackhole: true });
      const [result] = await made.lab.client().connect({ targets, bytes: 10 });
      expect(result).toMatchObject({ ok: true });
      expect((await all.echo.connections()).at(-1)?.remoteAddress).toBe('2001:db8:2:cf45::2');
      await made.lab.link('a').set({ blackhole: false });
      expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
      await holder.stop();
    });
  });

  test('a further subnet behind the LAN, and one that the prefix does not have', async () => {
    await withPrefixes({ a: prefix('fd00::/48', '2001:db8:1::/48') }, '0s', async (all) => {
      const { lab } = all.made;
      await lab.gateway.must(['sh'], {
        input: 'ip addr add fd00:0:0:5::1/64 dev lan0 nodad\nip addr add fd11::1/64 dev lan0 nodad',
      });
      await lab.client().must(['sh'], {
        input: 'ip addr add fd00:0:0:5::9/64 dev eth0 nodad\nip addr add fd11::9/64 dev eth0 nodad',
      });
      await sleep(500);
      for (const port of [PORTS.raced, PORTS.fixed]) {
        const seen = await connections(all, ['fd00:0:0:5::9', 'fd11::9'], port);
        // cf46 + 5; and an address of the pool for who is not of the prefix.
        expect(seen.map(({ connection }) => connection.remoteAddress)).toEqual([
          '2001:db8:1:cf4b::9',
          'fd03:1::2',
        ]);
      }
    });
  });

  describe('a route by prefix alone, without an address for who is not of the prefix', () => {
    const OUTSIDE = 'fd11::9';
    const INSIDE = 'fd00::2';
    const OWN = '2001:db8:1:cf46::2';
    const OTHER = 'fd03:2::2';

    async function withoutAddress<Value>(
      trust: string,
      action: (all: Pooled) => Promise<Value>,
    ): Promise<Value> {
      const routes = { a: { ...prefix('fd00::/48', '2001:db8:1::/48'), addresses: 'auto' } };
      return withPrefixes(routes, trust, async (all) => {
        const { lab } = all.made;
        await lab.gateway.must([
          ...['sh', '-ec', 'ip addr add fd11::1/64 dev lan0 nodad; ip addr del fd03:1::2/64 dev wan1'],
        ]);
        await lab.client().must(['ip', 'addr', 'add', `${OUTSIDE}/64`, 'dev', 'eth0', 'nodad']);
        await sleep(800);
        const value = await action(all);
        const strange = (await lab.wire.trace({ direction: 'out' })).filter(
          ({ source }) => source === OUTSIDE,
        );
        expect(strange).toEqual([]);
        const { packets } = await all.made.status();
        expect(packets.dropped).toMatchObject({ 'guarded-way': 0, 'guarded-source': 0 });
        return value;
      });
    }

    test.each(['0s', '10m'])(
      'raced, remembered (%s) and by turns it is chosen for the others only',
      async (trust) => {
        await withoutAddress(trust, async (all) => {
          for (const port of [PORTS.raced, PORTS.turns]) {
            const inside = new Set<string>();
            for (let i = 0; i < 6; i++) {
              const [own] = await connections(all, [INSIDE], port);
              inside.add(own?.connection.remoteAddress ?? '');
              const [other] = await connections(all, [OUTSIDE], port);
              expect(other?.connection.remoteAddress).toBe(OTHER);
              await sleep(50);
            }
            expect(inside).toContain(OWN);
          }
        });
      },
    );

    test('where there is no other, it is refused at once, and the client can use another address', async () => {
      await withoutAddress('0s', async (all) => {
        const { made } = all;
        for (const port of [PORTS.fixed, PORTS.counted, PORTS.rest]) {
          const targets = [{ address: NEAR6, port }];
          const [refused] = await made.lab.client().connect({ targets, sources: [OUTSIDE], timeoutMs: 2000 });
          expect(refused).toMatchObject({ ok: false, error: 'EACCES' });
          expect((await connections(all, [INSIDE], port))[0]?.connection.remoteAddress).toBe(OWN);
        }
        const client = made.lab.client();
        const plan = { from: OUTSIDE, to: NEAR6, port: PORTS.udp, texts: ['1', '2'], waitMs: 300 };
        expect(await udpFlow(client, plan)).toBe(0);
        expect((await made.status()).packets.dropped['outside-prefix']).toBeGreaterThanOrEqual(5);
      });
    });
  });
});
