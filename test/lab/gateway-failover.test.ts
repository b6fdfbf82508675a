/** Routes that fall and return: nothing new goes to a dead one, what it carried is cut or kept as its configuration says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConfigOverrides, EchoServer } from '../../lab/index.js';
import { connectMs, eventually, type GatewayLab, NEAR, NEAR6, withGateway } from './support/gateway-lab.js';
import { answerDatagrams, datagramFlows, routeOf, setCarrier, untilState } from './support/routes.js';

const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 15 } },
    { name: 'c', link: { delayMs: 30 } },
  ],
};
const ORDER = { routes: ['a', 'b', 'c'] };
const PORTS = { fixed: 11, priority: 12, turns: 13, raced: 14, pinned: 15, udp: 21 } as const;
const TCP_PORTS = [PORTS.fixed, PORTS.priority, PORTS.turns, PORTS.raced, PORTS.pinned];
const SERVICES = [
  { name: 'fixed', match: { tcp: PORTS.fixed }, select: 'a' },
  {
    name: 'priority',
    match: { tcp: PORTS.priority },
    select: { criterion: 'priority', ...ORDER },
    affinity: 'none',
  },
  { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', affinity: 'none' },
  { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', affinity: 'none' },
  {
    name: 'pinned',
    match: { tcp: PORTS.pinned },
    select: { criterion: 'priority', ...ORDER },
    affinity: 'client',
  },
  { name: 'udp', match: { udp: 'any' }, select: { criterion: 'priority', ...ORDER }, affinity: 'none' },
];

/** Without a grace, so that what follows is seen at once. */
const NOW = { onDown: { flows: 'reset', after: '0s' } };

function config(changes: Record<string, Record<string, unknown>> = {}): ConfigOverrides {
  const routes = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { ...NOW, ...changes[name] }]));
  return { routes, services: SERVICES, memory: { trust: '10m', refresh: 0 }, rest: { route: 'c' } };
}

function withRoutes<Value>(
  settings: ConfigOverrides,
  action: (made: GatewayLab, echo: EchoServer) => Promise<Value>,
): Promise<Value> {
  return withGateway(SCENARIO, { config: settings, topologyChanges: true }, async (made) =>
    action(made, await made.lab.server().echo({ ports: [...TCP_PORTS] })),
  );
}

/** Where the next connections to a port go: providers by the source that the server sees, in order. */
async function goesBy(
  made: GatewayLab,
  echo: EchoServer,
  port: number,
  count = 4,
  address = NEAR,
): Promise<string[]> {
  await echo.forget();
  const results = await made.lab
    .client()
    .connect({ targets: [{ address, port }], count, concurrency: 1, bytes: 10 });
  const times = connectMs(results);
  expect(Math.max(...times)).toBeLessThan(500);
  return (await echo.connections()).map(({ remoteAddress }) => providerOf(remoteAddress));
}

function providerOf(address: string | null): string {
  const number = Number(/^(?:203\.0\.|fd03:)(\d+)/.exec(address ?? '')?.[1] ?? 0);
  return SCENARIO.providers[number - 1]?.name ?? String(address);
}

function all(name: string, count = 4): string[] {
  return Array<string>(count).fill(name);
}

/** Until a route takes connections again, with connections that let it prove itself. */
async function prove(made: GatewayLab, name: string, withinMs: number): Promise<string> {
  const state = await eventually(
    async () => {
      connectMs(
        await made.lab.client().connect({
          targets: [
            { address: NEAR, port: PORTS.raced },
            { address: NEAR6, port: PORTS.raced },
          ],
        }),
      );
      return (await routeOf(made, name)).state;
    },
    (state) => state === 'up',
    withinMs,
  );
  return state;
}

describe('a route that falls', () => {
  test.each(['carrier', 'address'])(
    'takes no new connection from then on, whatever chooses: %s',
    async (what) => {
      await withRoutes(config(), async (made, echo) => {
        const { lab } = made;
        await answerDatagrams(lab.server(), [PORTS.udp]);
        const flow = await datagramFlows(lab.client())({ address: NEAR, port: PORTS.udp });
        for (const address of [NEAR, NEAR6]) {
          for (const port of [PORTS.fixed, PORTS.priority, PORTS.pinned, PORTS.raced])
            expect(await goesBy(made, echo, port, 4, address)).toEqual(all('a'));
          expect(
            (await goesBy(made, echo, PORTS.turns, 6, address)).filter((name) => name === 'a'),
          ).toHaveLength(2);
        }
        expect(providerOf(await flow.ask())).toBe('a');

        if (what === 'carrier') await setCarrier(made, 1, false);
        else await lab.gateway.must(['ip', 'addr', 'flush', 'dev', 'wan1', 'scope', 'global']);
        expect((await untilState(made, 'a', 'down', 1000)).state).toBe('down');
        await lab.wire.reset();
        for (const address of [NEAR, NEAR6]) {
          expect(await goesBy(made, echo, PORTS.priority, 4, address)).toEqual(all('b'));
          expect(await goesBy(made, echo, PORTS.pinned, 4, address)).toEqual(all('b'));
          expect(await goesBy(made, echo, PORTS.raced, 4, address)).toEqual(all('b'));
          expect(new Set(await goesBy(made, echo, PORTS.turns, 6, address))).toEqual(new Set(['b', 'c']));
          // Its only route is gone: as what no service names.
          expect(await goesBy(made, echo, PORTS.fixed, 4, address)).toEqual(all('c'));
        }
        // The same socket, the same ports: the flow has left the dead route.
        expect(providerOf(await flow.ask())).toBe('b');
        expect(
          await lab.wire.trace({ provider: 'a', direction: 'out', kind: ['syn', 'udp', 'data', 'ack'] }),
        ).toEqual([]);
      });
    },
  );

  test('`onDown: reset` tells its clients at once, who reconnect elsewhere; other flows are left alone', async () => {
    await withRoutes(config(), async (made, echo) => {
      const { lab } = made;
      const [onA, onB] = [lab.client().connector(), lab.client().connector()];
      connectMs(
        await onA.run({
          targets: [
            { address: NEAR, port: PORTS.fixed },
            { address: NEAR6, port: PORTS.fixed },
          ],
          count: 20,
          hold: true,
          bytes: 100,
        }),
      );
      await lab.link('b').set({ delayMs: 0 });
      connectMs(
        await onB.run({ targets: [{ address: NEAR, port: PORTS.raced }], count: 10, hold: true, bytes: 100 }),
      );
      expect(new Set((await echo.connections()).slice(-10).map((c) => providerOf(c.remoteAddress)))).toEqual(
        new Set(['b']),
      );
      const startedAt = performance.now();
      await setCarrier(made, 1, false);
      // Idle: they have not said a word since.
      const left = await eventually(
        () => lab.client().sockets('established'),
        (open) => open === 10,
        1500,
      );
      process.stderr.write(
        `clients of a fallen route were reset within ${(performance.now() - startedAt).toFixed(0)} ms\n`,
      );
      expect(left).toBe(10);
      expect(await onA.check()).toEqual({ held: 20, ok: 0, errors: { ECONNRESET: 20 } });
      expect(await onB.check()).toEqual({ held: 10, ok: 10, errors: {} });
      expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('b'));
      await Promise.all([onA.stop(), onB.stop()]);
    });
  });

  test('echo requests of one ping leave the dead route, too', async () => {
    await withRoutes(config(), async (made) => {
      const ping = made.lab.client().spawn(['ping', '-i', '0.2', '-c', '20', '-W', '1', NEAR]);
      await ping.waitForLine(/icmp_seq=4 /);
      await setCarrier(made, 3, false);
      await ping.done;
      const answered = [...ping.stdout().matchAll(/icmp_seq=(\d+) /g)].map(([, number]) => Number(number));
      expect(answered).toEqual(expect.arrayContaining([1, 2, 3, 4, 15, 16, 17, 18, 19, 20]));
      expect(answered.length).toBeGreaterThanOrEqual(16);
    });
  });

  test('`onDown: keep` cuts nothing: it works again when the link is back', async () => {
    await withRoutes(config({ a: { onDown: 'keep' } }), async (made, echo) => {
      const holder = made.lab.client().connector();
      const targets = [
        { address: NEAR, port: PORTS.fixed },
        { address: NEAR6, port: PORTS.fixed },
      ];
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      await setCarrier(made, 1, false);
      expect((await untilState(made, 'a', 'down', 1000)).state).toBe('down');
      expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('b'));
      await sleep(700);
      expect(await made.lab.client().sockets('established')).toBe(10);
      await setCarrier(made, 1, true);
      expect((await untilState(made, 'a', 'suspect', 1000)).state).toBe('suspect');
      expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
      await holder.stop();
    });
  });

  test('`onDown: keep`, but it comes back with another address: what has the old one is cut and leaks nothing', async () => {
    await withRoutes(config({ a: { onDown: 'keep', addresses: 'auto', gateway: 'auto' } }), async (made) => {
      const { lab } = made;
      const holder = lab.client().connector();
      const targets = [
        { address: NEAR, port: PORTS.fixed },
        { address: NEAR6, port: PORTS.fixed },
      ];
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      await setCarrier(made, 1, false);
      expect((await untilState(made, 'a', 'down', 1000)).state).toBe('down');
      await lab.gateway.must(['sh'], {
        input:
          'ip addr del 203.0.1.2/24 dev wan1\nip addr add 203.0.1.77/24 dev wan1\nip route replace default via 203.0.1.1 dev wan1 metric 101',
      });
      await setCarrier(made, 1, true);
      const route = await untilState(made, 'a', 'suspect', 1000);
      expect(route.addresses).toContain('203.0.1.77');
      await sleep(200);
      await lab.wire.reset();
      expect(await holder.check()).toEqual({ held: 10, ok: 5, errors: { ECONNRESET: 5 } });
      const leaked = await lab.wire.trace({ address: '203.0.1.2', direction: 'out' });
      expect(leaked).toEqual([]);
      await holder.stop();
    });
  });

  test('nothing is cut while no other route could take it; then it is', async () => {
    await withRoutes(config(), async (made) => {
      const { lab } = made;
      const holder = lab.client().connector();
      connectMs(
        await holder.run({
          targets: [{ address: NEAR, port: PORTS.fixed }],
          count: 10,
          hold: true,
          bytes: 100,
        }),
      );
      await setCarrier(made, 2, false);
      await setCarrier(made, 3, false);
      await untilState(made, 'b', 'down', 1000);
      await untilState(made, 'c', 'down', 1000);
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      await sleep(500);
      expect(await lab.client().sockets('established')).toBe(10);
      await setCarrier(made, 1, true);
      await untilState(made, 'a', 'suspect', 1000);
      expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      expect(await lab.client().sockets('established')).toBe(10);
      await setCarrier(made, 2, true);
      const left = await eventually(
        () => lab.client().sockets('established'),
        (open) => open === 0,
        1500,
      );
      expect(left).toBe(0);
      await holder.stop();
    });
  });
});

describe('a route that returns', () => {
  test('is suspect until three answers and a second have proved it; then memory and criteria use it again', async () => {
    await withRoutes(config(), async (made, echo) => {
      expect(await goesBy(made, echo, PORTS.raced, 4)).toEqual(all('a'));
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      expect(await goesBy(made, echo, PORTS.raced, 2)).toEqual(all('b', 2));
      await setCarrier(made, 1, true);
      const returnedAt = performance.now();
      expect(await untilState(made, 'a', 'suspect', 1000)).toMatchObject({ state: 'suspect' });
      // Without traffic nothing proves it.
      expect(await goesBy(made, echo, PORTS.priority, 1)).toEqual(['b']);
      await sleep(1500);
      expect((await routeOf(made, 'a')).state).toBe('suspect');
      expect(await goesBy(made, echo, PORTS.turns, 1)).not.toEqual(['a']);
      expect(await prove(made, 'a', 10_000)).toBe('up');
      expect(performance.now() - returnedAt).toBeGreaterThan(1000);
      expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('a'));
      expect(await goesBy(made, echo, PORTS.raced)).toEqual(all('a'));
    });
  });

  test('waits longer each time when it falls again and again', async () => {
    await withRoutes(config(), async (made) => {
      const held: number[] = [];
      for (let round = 0; round < 3; round++) {
        await setCarrier(made, 1, false);
        await untilState(made, 'a', 'down', 1000);
        const startedAt = performance.now();
        await setCarrier(made, 1, true);
        await untilState(made, 'a', 'suspect', 1000);
        expect(await prove(made, 'a', 10_000)).toBe('up');
        held.push(performance.now() - startedAt);
      }
      process.stderr.write(
        `suspect after one, two, three falls: ${held.map((t) => t.toFixed(0)).join(', ')} ms\n`,
      );
      expect(held[0]).toBeGreaterThan(1000);
      expect(held[1]).toBeGreaterThan(2000);
      expect(held[2]).toBeGreaterThan(4000);
      // Not by the clock: a busy machine adds to each.
      expect(held[0]).toBeLessThan(held[2] as number);
    });
  });

  test.each([
    ['stay', 'b', 10],
    ['move-new', 'a', 10],
    ['reset after 1s', 'a', 0],
  ] as const)(
    'failback %s: a pinned group goes by %s, %d of 10 moved connections live',
    async (failback, by, living) => {
      await withRoutes(config({ a: { failback } }), async (made, echo) => {
        const { lab } = made;
        expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('a', 2));
        await setCarrier(made, 1, false);
        await untilState(made, 'a', 'down', 1000);
        expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('b', 2));
        const holder = lab.client().connector();
        const other = lab.client().connector();
        const plan = { count: 10, hold: true, bytes: 100 };
        connectMs(await holder.run({ targets: [{ address: NEAR, port: PORTS.priority }], ...plan }));
        connectMs(await other.run({ targets: [{ address: NEAR, port: PORTS.raced }], ...plan }));
        await setCarrier(made, 1, true);
        expect(await prove(made, 'a', 10_000)).toBe('up');
        await sleep(300);
        expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
        expect(await goesBy(made, echo, PORTS.pinned)).toEqual(all(by));
        expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('a'));
        await sleep(1300);
        expect(await holder.check()).toMatchObject({ held: 10, ok: living });
        // A race has no order of preference: nothing to come back for.
        expect(await other.check()).toEqual({ held: 10, ok: 10, errors: {} });
        await Promise.all([holder.stop(), other.stop()]);
      });
    },
  );

  test('proves itself also where all that is new belongs to one pinned group, whose route stays meanwhile', async () => {
    await withRoutes(config(), async (made, echo) => {
      expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('a', 2));
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('b', 2));
      await setCarrier(made, 1, true);
      await untilState(made, 'a', 'suspect', 1000);
      const used = await eventually(
        () => goesBy(made, echo, PORTS.pinned, 1),
        ([name]) => name !== 'b',
        8000,
      );
      // By the proofs of IPv4 alone.
      expect(used).toEqual(['a']);
      expect((await routeOf(made, 'a')).reasons).toEqual(['ipv6-returned']);
    });
  });

  test('a last resort carries only while nothing else does, and is left again', async () => {
    const settings = config({
      c: { use: 'last-resort' },
      a: { failback: 'reset after 1s' },
      b: { failback: 'stay' },
    });
    await withRoutes(settings, async (made, echo) => {
      const { lab } = made;
      expect(new Set(await goesBy(made, echo, PORTS.turns, 6))).toEqual(new Set(['a', 'b']));
      await setCarrier(made, 1, false);
      await setCarrier(made, 2, false);
      await untilState(made, 'a', 'down', 1000);
      await untilState(made, 'b', 'down', 1000);
      for (const port of [PORTS.turns, PORTS.raced, PORTS.pinned])
        expect(await goesBy(made, echo, port)).toEqual(all('c'));
      const holder = lab.client().connector();
      const targets = [PORTS.turns, PORTS.raced].map((port) => ({ address: NEAR, port }));
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      await setCarrier(made, 1, true);
      await untilState(made, 'a', 'suspect', 1000);
      expect(await prove(made, 'a', 10_000)).toBe('up');
      for (const port of [PORTS.turns, PORTS.raced]) expect(await goesBy(made, echo, port)).toEqual(all('a'));
      await sleep(1500);
      expect((await holder.check()).ok).toBe(0);
      expect(await goesBy(made, echo, PORTS.pinned)).toEqual(all('a'));
      await holder.stop();
    });
  });
});
