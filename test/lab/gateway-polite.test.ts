/** How few copies there are: over the best routes alone, so many towards one address, none where they are not wanted; ping; what a service speaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WirePacket } from '../../lab/index.js';
import { NameServer } from '../../lab/name-server.js';
import { connectMs, FAR, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const SPOKEN_PORT = 5353;
const SCENARIO = {
  servers: [
    { name: 'near', ipv4: [NEAR], ipv6: [NEAR6] },
    { name: 'far', ipv4: [FAR], ipv6: [] },
  ],
  providers: [
    { name: 'a', link: { delayMs: 40 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 5 } },
  ],
};
const race = { criterion: 'race' };

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(SCENARIO, { config: bestOnly() });
  await made.lab.server('near').echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
});

function bestOnly(): never {
  const services = [
    { name: 'names', match: { udp: SPOKEN_PORT }, select: 'race', speaks: 'dns' },
    { name: 'all', match: { tcp: 'any' }, select: { ...race, atMost: 2 }, affinity: 'none' },
    { name: 'pings', match: { protocol: 'icmp' }, select: { criterion: 'round-robin' }, affinity: 'none' },
  ];
  return { services, memory: { refresh: 0 } } as never;
}

async function outOf(kind: WirePacket['kind']): Promise<WirePacket[]> {
  await sleep(100);
  return made.lab.wire.trace({ kind, direction: 'out' });
}

/** Providers of the SYNs of new connections, one after the other; all of them must work. */
async function connect(address: string, count = 1, concurrency = 1): Promise<string[][]> {
  await made.lab.wire.reset();
  const targets = Array.from({ length: count }, () => ({ address, port: PORT }));
  connectMs(await made.lab.client().connect({ targets, bytes: 10, concurrency }));
  const syns = await outOf('syn');
  const flows = new Map<number, string[]>();
  // The initial sequence number is the client's on every copy.
  for (const { seq, provider } of syns) flows.set(seq, [...(flows.get(seq) ?? []), provider]);
  return [...flows.values()];
}

describe('atMost: 2 of three routes', () => {
  test('the first two, then the best and the one that nobody knows, then none but the best', async () => {
    expect(await connect(NEAR)).toEqual([['a', 'b']]);
    expect((await connect(NEAR)).map((each) => each.sort())).toEqual([['b', 'c']]);
    await sleep(300);
    // The first packets of a route wait for its neighbour's address: which of the two is the best is not said.
    const ways = await connect(NEAR, 5);
    expect(ways.map((each) => each.length)).toEqual([1, 1, 1, 1, 1]);
    expect(new Set(ways.flat()).size).toBe(1);
  });

  test('when both are silent the third one is asked with the client’s first repeat', async () => {
    await made.lab.link('a').set({ blackhole: true });
    await made.lab.link('b').set({ blackhole: true });
    const [result] = await made.lab.client().connect({ targets: [{ address: FAR, port: PORT }], bytes: 10 });
    await made.lab.link('a').set({ blackhole: false });
    await made.lab.link('b').set({ blackhole: false });
    connectMs([result!]);
    expect(result!.connectMicros).toBeGreaterThan(900_000);
    expect(result!.connectMicros).toBeLessThan(2_000_000);
  });
});

test.each([
  ['IPv4', '-4', NEAR],
  ['IPv6', '-6', NEAR6],
])('a ping of %s is chosen: each by one route, and answered', async (_, flag, address) => {
  const kinds = flag === '-4' ? 3 : 0;
  const ways = new Set<string>();
  for (let i = 0; i < 3; i++) {
    await made.lab.wire.reset();
    const { code } = await made.lab.client().run(['ping', flag, '-c', '2', '-i', '0.2', '-W', '1', address]);
    expect(code).toBe(0);
    const out = (await outOf('other')).filter(
      ({ protocol, destination }) => protocol === 'icmp' && destination === address,
    );
    expect(out.length).toBe(2);
    const by = new Set(out.map(({ provider }) => provider));
    expect(by.size).toBe(1);
    for (const provider of by) ways.add(provider);
  }
  // No service names those of IPv6 here: they go with the rest.
  expect(ways.size).toBe(kinds || 1);
});

test('speaks: questions to another port are raced', async () => {
  const names = await NameServer.listen(
    made.lab.server('near'),
    NEAR,
    { 'www.example.test': ['192.0.2.7'] },
    undefined,
    SPOKEN_PORT,
  );
  const { stdout } = await made.lab
    .client()
    .run(['dig', '-p', String(SPOKEN_PORT), `@${NEAR}`, 'www.example.test', '+tries=1', '+time=3']);
  names.close();
  expect(stdout).toContain('192.0.2.7');
  expect((await outOf('udp')).map(({ provider }) => provider).sort()).toEqual(['a', 'b', 'c']);
});

test('perDestination: so many a second are raced, the others have one route each, and why says it', async () => {
  const services = [{ name: 'all', match: { tcp: 'any' }, select: 'race', affinity: 'none' }];
  await made.restart({ services, race: { perDestination: 5 }, memory: { trust: '0s' } } as never);
  const copies = (await connect(NEAR, 60, 60)).map((each) => each.length);
  const raced = copies.filter((count) => count === 3).length;
  expect(copies.length).toBe(60);
  expect(raced).toBeGreaterThanOrEqual(5);
  expect(raced).toBeLessThanOrEqual(10);
  expect(copies.filter((count) => count === 1).length).toBe(60 - raced);
  expect((await made.status()).races.single['destination-race-rate']).toBe(60 - raced);
  const decisions = await made.why(`${NEAR}:${PORT}`);
  expect(decisions.some(({ reasons }) => reasons.includes('destination-race-rate'))).toBe(true);
  // Another server has its own.
  expect((await connect(FAR)).map((each) => each.length)).toEqual([3]);
  await sleep(2100);
  expect((await connect(NEAR)).map((each) => each.length)).toEqual([3]);
});

describe('never', () => {
  beforeAll(async () => {
    const services = [
      { name: 'all', match: { tcp: 'any' }, select: { ...race, routes: ['b', 'a', 'c'] }, affinity: 'none' },
    ];
    await made.restart({ services, race: { never: [`${NEAR}/32`] }, memory: { trust: '0s' } } as never);
  });

  test('one route, the first of the service, without the daemon; others are raced; why says it', async () => {
    const before = await made.status();
    expect(await connect(NEAR, 20, 5)).toEqual(new Array(20).fill(['b']));
    const after = await made.status();
    expect(Number(after.packets.queue.lan)).toBe(Number(before.packets.queue.lan));
    expect((await connect(FAR)).map((each) => each.length)).toEqual([3]);
    const held = made.lab.client().connector();
    await held.run({ targets: [{ address: NEAR, port: PORT }], hold: true });
    const [decision] = await made.why(`${NEAR}:${PORT}`);
    expect(decision).toMatchObject({ by: 'kernel', route: 'b', reasons: ['never-raced'] });
    await held.stop();
  });

  test('the next one when that is down', async () => {
    await made.command('disable', 'b');
    expect((await connect(NEAR, 3)).flat()).toEqual(['a', 'a', 'a']);
    await made.command('enable', 'b');
  });
});
