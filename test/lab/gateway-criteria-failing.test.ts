/** Every criterion with routes that are drained, down, only a last resort, or silent without anybody having noticed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConnectResult } from '../../lab/index.js';
import { CriteriaLab, PORT, type Service } from './support/criteria-lab.js';
import { connectMs, eventually, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';
import { countOf } from './support/taken.js';

describe('drained and down', () => {
  let lab: CriteriaLab;

  beforeAll(async () => {
    lab = await CriteriaLab.start();
  });

  afterAll(async () => {
    await lab?.made.stop();
  });

  beforeEach(async () => {
    await lab.begin();
  });

  /** Without b: what is left by the same definitions. */
  const WITHOUT_B = [
    ['round-robin', 30, { a: 15, c: 15 }],
    ['weighted', 30, { a: 25, c: 5 }],
    ['fastest-probe', 10, { a: 10 }],
    ['cheapest', 10, { c: 10 }],
    ['priority', 10, { a: 10 }],
    ['spillover', 10, { a: 10 }],
    ['least-connections', 6, { c: 6 }],
    ['race', 10, { a: 10 }],
    // Its only route is gone: as the rest, whose route is a.
    ['only b', 10, { a: 10 }],
    ['only c', 10, { c: 10 }],
  ] as const;

  async function expectShares(
    shares: readonly (readonly [Service, number, Record<string, number>])[],
    addresses: readonly string[],
  ): Promise<void> {
    for (const address of addresses) {
      for (const [name, count, expected] of shares) {
        const concurrency = name === 'least-connections' ? 1 : 4;
        const taken = countOf(await lab.open(name, address, count, concurrency));
        expect({ name, address, taken }).toEqual({ name, address, taken: expected });
        if (name === 'least-connections') await sleep(100);
      }
    }
  }

  test('drained: no new connection, what it has goes on; undrained: as before', async () => {
    const holder = lab.made.lab.client().connector();
    connectMs(await holder.run({ targets: [{ address: NEAR, port: PORT['only b'] }], count: 3, hold: true }));
    await lab.command('drain', 'b');
    await lab.made.lab.wire.reset();
    await expectShares(WITHOUT_B, [NEAR, NEAR6]);
    const out = await lab.made.lab.wire.trace({ provider: 'b', direction: 'out', kind: 'syn' });
    expect(out.filter(({ destinationPort }) => destinationPort !== PORT.check)).toEqual([]);
    expect(await holder.check()).toEqual({ held: 3, ok: 3, errors: {} });
    await holder.release();
    await holder.stop();
    await lab.command('undrain', 'b');
    await lab.untilStates({ b: 'up' }, 2000);
    expect(await lab.count('round-robin', NEAR, 30)).toEqual({ a: 10, b: 10, c: 10 });
    expect(await lab.count('priority', NEAR, 10)).toEqual({ b: 10 });
  });

  test('down by its link: within 200 ms no new connection; up again: it proves itself and is used as before', async () => {
    const { gateway } = lab.made.lab;
    await gateway.must(['ip', 'link', 'set', 'wan2', 'down']);
    await sleep(200);
    await expectShares(WITHOUT_B, [NEAR, NEAR6]);
    await gateway.must(['ip', 'link', 'set', 'wan2', 'up']);
    // The kernel took these away with the link.
    await gateway.must(['ip', 'addr', 'add', 'fd03:2::2/64', 'dev', 'wan2', 'nodad']);
    for (const [family, hop] of [
      ['-4', '203.0.2.1'],
      ['-6', 'fd03:2::1'],
    ])
      await gateway.run([
        'ip',
        family!,
        'route',
        'add',
        'default',
        'via',
        hop!,
        'dev',
        'wan2',
        'metric',
        '102',
      ]);
    // Its checks are of IPv4: IPv6 proves itself by connections.
    const returned = await eventually(
      async () => [await lab.count('round-robin', NEAR, 3), await lab.count('round-robin', NEAR6, 3)],
      (counts) => counts.every(({ b }) => b === 1),
      10_000,
    );
    expect(returned).toEqual([
      { a: 1, b: 1, c: 1 },
      { a: 1, b: 1, c: 1 },
    ]);
    await lab.untilStates({ b: 'up' }, 5000);
    expect(await lab.count('weighted', NEAR, 90)).toEqual({ a: 50, b: 30, c: 10 });
  });

  test('the last resort takes all when no other is left, and nothing after', async () => {
    await lab.command('drain', 'a', 'b', 'c');
    const all = Object.keys(PORT).filter((name) => name !== 'check') as Service[];
    await expectShares(
      all.map((name) => [name, 4, { d: 4 }]),
      [NEAR],
    );
    await lab.command('undrain', 'a', 'b', 'c');
    await lab.untilStates({ a: 'up', b: 'up', c: 'up' }, 2000);
    expect(await lab.count('round-robin', NEAR, 9)).toEqual({ a: 3, b: 3, c: 3 });
  });
});

/**
 * b is where every criterion would put them, or a share of them. Targets of four addresses, as of a site: silence of one
 * alone says nothing.
 */
describe('a silent blackhole behind the next hop of b', () => {
  const SERVERS = [1, 2, 3, 4].map((number) => `192.0.2.${number}`);
  const SELECTS: Record<string, unknown> = {
    'round-robin': 'round-robin',
    weighted: 'weighted',
    hash: 'hash',
    cheapest: 'cheapest',
    priority: { criterion: 'priority', routes: ['b', 'a', 'c'] },
    spillover: { criterion: 'spillover', routes: ['b', 'a', 'c'] },
    'least-connections': 'least-connections',
    'least-traffic': 'least-traffic',
    'least-weighted-load': 'least-weighted-load',
    race: 'race',
    'round-robin with affinity': 'round-robin',
  };
  const BY_LOAD = ['least-connections', 'least-traffic', 'least-weighted-load'];
  const PORT_OF = Object.fromEntries(Object.keys(SELECTS).map((name, i) => [name, 7001 + i]));
  const config = {
    routes: {
      a: { weight: 5, capacity: '100mbit', cost: 2 },
      b: { weight: 3, capacity: '100mbit', cost: 1 },
      c: { weight: 2, capacity: '100mbit', cost: 2 },
    },
    services: Object.entries(SELECTS).map(([name, select]) => ({
      name: name.replaceAll(' ', '-'),
      match: { tcp: PORT_OF[name] },
      select,
      affinity: name.endsWith('affinity') ? 'client+destination' : 'none',
    })),
    rest: { route: 'a' },
    memory: { trust: '0s', store: 'none' },
  };
  let made: GatewayLab;

  beforeAll(async () => {
    made = await GatewayLab.start(
      {
        lan: { clients: 8 },
        providers: ['a', 'b', 'c'].map((name) => ({ name, link: { delayMs: 5 } })),
        servers: [{ name: 'many', ipv4: SERVERS, ipv6: [] }],
      },
      { config },
    );
    await made.lab.server('many').echo({ ports: Object.values(PORT_OF) });
  });

  afterEach(async () => {
    // As new: up, and nothing remembered against it.
    await made.lab.link('b').set({ blackhole: false });
    await halfOpen(made.lab);
    await made.restart(config);
  });

  afterAll(async () => {
    await made?.stop();
  });

  const sources = Array.from({ length: 8 }, (_, i) => `10.0.0.${i + 2}`);

  test.each(Object.keys(SELECTS))(
    '%s: nobody is lost, one SYN repeat at most, then nobody waits',
    async (name) => {
      const { lab } = made;
      const targets = SERVERS.map((address) => ({ address, port: PORT_OF[name]! }));
      const before = await lab.client().connect({ targets, sources, count: 16 });
      expect(Math.max(...connectMs(before))).toBeLessThan(200);
      await lab.link('b').set({ blackhole: true });
      const since = Number(process.hrtime.bigint()) / 1000;
      const results = await lab
        .client()
        .connect({ targets, sources, count: 200, rate: 40, concurrency: 200 });
      const times = connectMs(results);
      // The first repeat of a SYN comes after one second.
      expect(Math.max(...times)).toBeLessThan(1300);
      const rescuedAt = results
        .filter(waited)
        .map(({ startedAt, connectMicros }) => startedAt + connectMicros)
        .sort((one, other) => one - other);
      // Three rescues are enough. Criteria of load leave a route alone while somebody waits on it: one in a second.
      const third = name === 'race' ? since : (rescuedAt[2] ?? Number.POSITIVE_INFINITY);
      if (!BY_LOAD.includes(name)) expect(third - since).toBeLessThan(1_500_000);
      const late = results.filter(({ startedAt }) => startedAt > third + 200_000);
      expect(late.length).toBeGreaterThan(20);
      expect(late.filter(waited)).toEqual([]);
      const status = await made.status();
      expect(status.routes.find((route) => route.name === 'b')?.state).not.toBe('up');
      // It comes back: new connections use it again, and nobody has waited for that either.
      await lab.link('b').set({ blackhole: false });
      const back = await eventually(
        async () => {
          const probes = await lab.client().connect({ targets, sources, count: 8 });
          expect(Math.max(...connectMs(probes))).toBeLessThan(1300);
          return (await made.status()).routes.map(({ state }) => state);
        },
        (states) => states.every((state) => state === 'up'),
        12_000,
      );
      expect(back).toEqual(['up', 'up', 'up']);
    },
  );

  function waited({ connectMicros }: ConnectResult): boolean {
    return connectMicros > 500_000;
  }

  test('a fixed route that is silent stays silent: it is the only one that may carry them', async () => {
    await made.restart({
      ...config,
      services: [{ name: 'fixed', match: { tcp: 7001 }, select: 'b' }],
    });
    await made.lab.link('b').set({ blackhole: true });
    await made.lab.wire.reset();
    const results = await made.lab
      .client()
      .connect({ targets: [{ address: SERVERS[0]!, port: 7001 }], timeoutMs: 1500 });
    expect(results[0]).toMatchObject({ ok: false, error: 'TIMEOUT' });
    const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
    expect(countOf(syns.map(({ provider }) => provider))).toEqual({ b: 2 });
  });
});
