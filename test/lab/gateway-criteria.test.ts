/** Every criterion on real connections: how many took which route, against what its definition says by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hash } from '../../src/core/choose/criteria/hash.js';
import { createCandidates, createFacts } from '../../src/core/choose/criterion.js';
import { addressHash, flowHash } from '../../src/core/jhash.js';
import { parseAddress } from '../../src/model/address.js';
import { CLIENTS, CriteriaLab, IPERF, MANY4, MANY6, PORT, type Service } from './support/criteria-lab.js';
import { connectMs, eventually, NEAR, NEAR6 } from './support/gateway-lab.js';
import { countOf, routesTaken, UdpEcho, udpFlow } from './support/taken.js';

const FAMILIES = [
  ['IPv4', NEAR],
  ['IPv6', NEAR6],
] as const;

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

describe.each(FAMILIES)('by the kernel alone, %s: exact, and without copies', (_, address) => {
  test.each([
    ['round-robin', 150, { a: 50, b: 50, c: 50 }],
    ['weighted', 144, { a: 80, b: 48, c: 16 }],
    ['fastest-probe', 60, { b: 60 }],
    ['cheapest', 60, { c: 60 }],
    ['priority', 60, { b: 60 }],
    ['spillover', 60, { a: 60 }],
    ['only a', 30, { a: 30 }],
    ['only b', 30, { b: 30 }],
    ['only c', 30, { c: 30 }],
    ['as the rest', 30, { a: 30 }],
    ['rest', 30, { a: 30 }],
  ] as const)('%s', async (name, count, expected) => {
    const before = await lab.asked();
    expect(await lab.count(name, address, count)).toEqual(expected);
    expect(await lab.syns(name)).toEqual(expected);
    expect(await lab.asked()).toBe(before);
  });
});

describe('by races', () => {
  test('race: every connection by the nearest, copies on all but the last resort', async () => {
    for (const [, address] of FAMILIES) expect(await lab.count('race', address, 40)).toEqual({ b: 40 });
    expect(await lab.syns('race')).toEqual({ a: 80, b: 80, c: 80 });
  });

  test('fastest-history: races until it knows, then the one route that lost the least', async () => {
    expect(await lab.count('fastest-history', NEAR, 5)).toEqual({ b: 5 });
    // The losers of the races are in, and the daemon has told the kernel.
    await sleep(2500);
    await lab.made.lab.wire.reset();
    expect(await lab.count('fastest-history', NEAR, 100)).toEqual({ b: 100 });
    const { a = 0, b, c = 0, d = 0 } = await lab.syns('fastest-history');
    expect({ b, d }).toEqual({ b: 100, d: 0 });
    // Two of a hundred are raced again, by lot: more than eleven once in a million times.
    expect(Math.max(a, c)).toBeLessThan(12);
  });
});

describe('hash', () => {
  /** By the engine's own functions; the kernel must agree. */
  function expected(
    by: 'client' | 'both',
    client: string,
    server: string,
    routes: readonly number[],
  ): string {
    const family = client.includes(':') ? 6 : 4;
    const candidates = createCandidates();
    candidates.routes.set(routes);
    candidates.count = routes.length;
    const facts = createFacts(4);
    facts.weight.set([5, 3, 1], 1);
    const [source, destination] = [parseAddress(client)!, parseAddress(server)!];
    const key = by === 'client' ? addressHash(source, 0, family) : flowHash({ family, source, destination });
    const criterion = hash.create({ threshold: 0, by: 'client+destination' });
    return 'abcd'[criterion.pick(candidates, facts, key) - 1] ?? '';
  }

  const clients4 = Array.from({ length: CLIENTS }, (_, i) => `10.0.0.${i + 2}`);
  const clients6 = Array.from({ length: CLIENTS }, (_, i) => `fd00::${(i + 2).toString(16)}`);

  /** Every client to every server, twice. */
  async function checkAll(
    name: 'hash' | 'client',
    clients: string[],
    servers: string[],
    routes: number[],
  ): Promise<void> {
    for (const source of clients) {
      await lab.echo.forget();
      const targets = servers.map((address) => ({ address, port: PORT[name] }));
      const count = targets.length * 2;
      connectMs(await lab.made.lab.client().connect({ targets, sources: [source], count }));
      const records = await lab.records(name);
      expect(records.length).toBe(count);
      const by = name === 'client' ? 'client' : 'both';
      const wrong = records.filter(
        (one) => routesTaken(lab.made.lab, [one])[0] !== expected(by, source, one.localAddress, routes),
      );
      expect(wrong).toEqual([]);
    }
  }

  test('the same client and destination, always the same route: kernel and engine agree', async () => {
    const before = await lab.asked();
    await checkAll('hash', clients4, MANY4, [1, 2, 3]);
    await checkAll('hash', clients6, MANY6, [1, 2, 3]);
    await checkAll('client', clients4, MANY4.slice(0, 2), [1, 2, 3]);
    await checkAll('client', clients6, MANY6.slice(0, 2), [1, 2, 3]);
    expect(await lab.asked()).toBe(before);
  });

  test('without a route only its own clients and destinations move, and come back', async () => {
    await lab.command('drain', 'b');
    await checkAll('hash', clients4.slice(0, 5), MANY4, [1, 3]);
    await checkAll('hash', clients6.slice(0, 5), MANY6, [1, 3]);
    await lab.command('undrain', 'b');
    await checkAll('hash', clients4.slice(0, 5), MANY4, [1, 2, 3]);
    const pairs = clients4.flatMap((client) => MANY4.map((server) => [client, server] as const));
    const moved = pairs.filter(
      ([c, s]) => expected('both', c, s, [1, 2, 3]) !== expected('both', c, s, [1, 3]),
    );
    expect(new Set(moved.map(([c, s]) => expected('both', c, s, [1, 2, 3])))).toEqual(new Set(['b']));
  });

  test('shares by weight, over 400 pairs', () => {
    const pairs = [clients4, clients6].flatMap((clients) =>
      clients.flatMap((client) =>
        (clients === clients4 ? MANY4 : MANY6).map((server) => expected('both', client, server, [1, 2, 3])),
      ),
    );
    const { a = 0, b = 0, c = 0 } = countOf(pairs);
    // Standard deviation of 400 draws: 2.5 % at a half.
    expect(Math.abs(a / 400 - 5 / 9)).toBeLessThan(0.1);
    expect(Math.abs(b / 400 - 3 / 9)).toBeLessThan(0.1);
    expect(Math.abs(c / 400 - 1 / 9)).toBeLessThan(0.06);
  });
});

/** Holds connections of several services, opened one after the other; gives the routes of each part. */
async function hold(
  plans: readonly (readonly [Service, number])[],
  action: (routes: Record<string, number>[]) => Promise<void> | void,
): Promise<void> {
  const connector = lab.made.lab.client().connector();
  const routes: Record<string, number>[] = [];
  try {
    for (const [name, count] of plans) {
      const before = (await lab.records()).length;
      const targets = [{ address: NEAR, port: PORT[name] }];
      connectMs(await connector.run({ targets, count, concurrency: 1, hold: true }));
      // Events of the connection table come behind the packets.
      await sleep(150);
      routes.push(countOf(routesTaken(lab.made.lab, (await lab.records()).slice(before))));
    }
    await action(routes);
  } finally {
    await connector.release();
    await connector.stop();
  }
}

describe('by load', () => {
  test('least-connections fills the routes to one level, by weight', async () => {
    // Ten elsewhere on a are two for its weight of five: b and c get as many, and then all go on together.
    const plans = [
      ['only a', 10],
      ['least-connections', 8],
      ['least-connections', 9],
    ] as const;
    await hold(plans, (routes) => expect(routes).toEqual([{ a: 10 }, { b: 6, c: 2 }, { a: 5, b: 3, c: 1 }]));
  });

  test('least-connections: what has ended does not count', async () => {
    await hold(
      [
        ['only c', 3],
        ['only b', 9],
      ],
      async () => {
        // a is the only empty one; each is over before the next.
        expect(countOf(await lab.open('least-connections', NEAR, 40, 1))).toEqual({ a: 40 });
      },
    );
    await lab.untilEmpty();
    // The cheapest of equals.
    expect(countOf(await lab.open('least-connections', NEAR, 12, 1))).toEqual({ c: 12 });
  });

  test('least-connections counts flows of UDP too, and those that the kernel decides', async () => {
    const client = lab.made.lab.client();
    const server = await UdpEcho.listen(lab.made.lab.server('near'), NEAR, PORT['only c']);
    for (let i = 0; i < 3; i++)
      await udpFlow(client, { from: client.ipv4, to: NEAR, port: PORT['only c'], texts: ['x'] });
    server.close();
    // c has three for its weight of one: a gets 15 and b 9 until all are level.
    await hold([['least-connections', 24]], (routes) => expect(routes).toEqual([{ a: 15, b: 9 }]));
  });

  test('least-weighted-load: sessions by the weight of their service, routes by capacity', async () => {
    // One of weight 4 on c (the cheapest of three empty ones): 20 on a and 12 on b are as much for their capacities.
    const plans = [
      ['heavy', 1],
      ['least-weighted-load', 32],
      ['least-weighted-load', 9],
    ] as const;
    await hold(plans, (routes) => expect(routes).toEqual([{ c: 1 }, { a: 20, b: 12 }, { a: 5, b: 3, c: 1 }]));
  });

  test('spillover and least-traffic leave a busy route, and come back', async () => {
    const { lab: net } = lab.made;
    await net.server('near').iperf3(IPERF);
    expect(await lab.count('spillover', NEAR, 10)).toEqual({ a: 10 });
    // 12 of 10 Mbit/s: above the threshold of a half after three seconds of smoothing.
    const load = net.client().run(['iperf3', '-c', NEAR, '-p', `${IPERF}`, '-b', '12M', '-t', '9']);
    await sleep(4500);
    expect(await lab.count('spillover', NEAR, 20)).toEqual({ b: 20 });
    // At most one between two measurements: by what was measured alone.
    const targets = [{ address: NEAR, port: PORT['least-traffic'] }];
    connectMs(await net.client().connect({ targets, count: 4, concurrency: 1, rate: 1 }));
    expect(countOf(routesTaken(net, await lab.records('least-traffic'))).a ?? 0).toBe(0);
    expect((await load).code).toBe(0);
    const after = await eventually(
      () => lab.open('spillover', NEAR, 1),
      ([route]) => route === 'a',
      10_000,
    );
    expect(after).toEqual(['a']);
  });

  test('least-traffic: idle routes share by capacity, many at once too', async () => {
    const { a = 0, b = 0, c = 0, ...others } = await lab.count('least-traffic', NEAR, 180);
    expect(others).toEqual({});
    expect(a + b + c).toBe(180);
    // Between two measurements exact; they are taken each second.
    expect(Math.abs(a - 100)).toBeLessThan(25);
    expect(Math.abs(b - 60)).toBeLessThan(20);
    expect(Math.abs(c - 20)).toBeLessThan(15);
  });
});

describe('UDP: a flow never changes its route, nor do several datagrams sent at once', () => {
  const at = NEAR;

  test.each([
    ['round-robin', 12, { a: 4, b: 4, c: 4 }],
    ['weighted', 18, { a: 10, b: 6, c: 2 }],
    ['hash', 6, null],
    ['priority', 3, { b: 3 }],
    ['least-connections', 18, { a: 10, b: 6, c: 2 }],
    // Not copied: by the route that the races of TCP have found best.
    ['race', 6, { b: 6 }],
  ] as const)('%s', async (name, flows, expected) => {
    const client = lab.made.lab.client();
    if (name === 'race') {
      await lab.open('race', NEAR, 5);
      await sleep(3000);
    }
    const server = await UdpEcho.listen(lab.made.lab.server('near'), at, PORT[name]);
    for (let flow = 0; flow < flows; flow++) {
      const texts = Array.from({ length: 10 }, (_, i) => `${flow} ${i}`);
      const answers = await udpFlow(client, { from: client.ipv4, to: at, port: PORT[name], texts });
      expect(answers).toBe(10);
    }
    server.close();
    const sources = new Map<string, Set<string>>();
    for (const { text, source, sourcePort } of server.received) {
      const flow = text.split(' ')[0] ?? '';
      sources.set(flow, (sources.get(flow) ?? new Set()).add(`${source} ${sourcePort}`));
    }
    expect([...sources.values()].map((all) => all.size)).toEqual(Array(flows).fill(1));
    const taken = [...sources.values()].map(
      (all) => routesTaken(lab.made.lab, [{ remoteAddress: [...all][0]?.split(' ')[0] } as never])[0] ?? '',
    );
    if (expected !== null) expect(countOf(taken)).toEqual(expected);
    else expect(new Set(taken).size).toBe(1);
  });
});

/** Last: it uses up the month. */
test('a used-up quota makes a last resort: cheapest goes to the next price, and round-robin goes without it', async () => {
  const used = async (): Promise<number> =>
    (await lab.made.status()).routes.find(({ name }) => name === 'c')?.quota.used ?? 0;
  expect(await lab.count('round-robin', NEAR, 6)).toEqual({ a: 2, b: 2, c: 2 });
  expect(await lab.count('cheapest', NEAR, 10)).toEqual({ c: 10 });
  const targets = [{ address: NEAR, port: PORT['only c'] }];
  connectMs(await lab.made.lab.client().connect({ targets, count: 2, bytes: 1_000_000 }));
  expect(await eventually(used, (bytes) => bytes > 4_000_000, 4000)).toBeGreaterThan(4_000_000);
  await sleep(1200);
  expect(await lab.count('cheapest', NEAR, 20)).toEqual({ b: 20 });
  expect(await lab.count('round-robin', NEAR, 6)).toEqual({ a: 3, b: 3 });
});
