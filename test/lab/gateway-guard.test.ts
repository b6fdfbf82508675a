/**
 * No packet leaves a provider with an address that is not its own, whatever others do to rules and marks meanwhile. The oracle is what
 * was on every provider's wire; and the same without the guard, which must show that there was something to guard against.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { annex } from '../../lab/annex.js';
import type { EchoServer, WirePacket } from '../../lab/index.js';
import { hex, marksOf, routeMark } from '../../src/kernel/marks.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { UdpEcho, udpFlow } from './support/taken.js';

const PORT = { raced: 7, turns: 8, fixed: 9, datagrams: 21 } as const;
const HOSTILE = 'hostile';

let made: GatewayLab;
let echo: EchoServer;
const datagrams: UdpEcho[] = [];

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: ['a', 'b', 'c'].map((name) => ({ name })), lan: { clients: 2 } },
    {
      config: {
        services: [
          { name: 'raced', match: { tcp: PORT.raced }, select: 'race', affinity: 'none' },
          {
            name: 'turns',
            match: { tcp: PORT.turns, udp: PORT.datagrams },
            select: 'round-robin',
            affinity: 'none',
          },
          { name: 'fixed', match: { tcp: PORT.fixed }, select: 'a' },
        ],
        memory: { trust: '10m', refresh: 0.5, store: 'none' },
      },
      topologyChanges: true,
    },
  );
  echo = await made.lab.server().echo({ ports: [PORT.raced, PORT.turns, PORT.fixed] });
  for (const address of [NEAR, NEAR6])
    datagrams.push(await UdpEcho.listen(made.lab.server(), address, PORT.datagrams));
});

afterAll(async () => {
  for (const one of datagrams) one.close();
  await made?.stop();
});

/** Connections and flows of datagrams, of both families, raced, remembered and by turns; some of them come to nothing. */
async function traffic(): Promise<void> {
  const { lab } = made;
  const targets = [NEAR, NEAR6].flatMap((address) => [
    { address, port: PORT.raced },
    { address, port: PORT.turns },
  ]);
  const client = lab.client();
  const flows = [NEAR, NEAR6].flatMap((to) =>
    Array.from({ length: 6 }, () =>
      udpFlow(client, {
        from: to === NEAR ? client.ipv4 : client.ipv6,
        to,
        port: PORT.datagrams,
        texts: ['1', '2', '3', '4'],
        gapMs: 30,
        waitMs: 300,
      }),
    ),
  );
  const plan = { targets, count: 48, concurrency: 12, bytes: 3000, timeoutMs: 500 };
  await Promise.all([client.connect(plan), ...flows]);
}

/** What left a provider with an address that is not the provider's. */
async function strangers(): Promise<WirePacket[]> {
  const trace = await made.lab.wire.trace({ direction: 'out', limit: 200_000 });
  const numbers = new Map(made.lab.scenario.providers.map(({ name, number }) => [name, number]));
  return trace.filter(({ provider, source }) => {
    const number = numbers.get(provider);
    const own = [`203.0.${number}.`, `fd03:${number}::`, 'fe80:'];
    return source !== '::' && !own.some((prefix) => source.startsWith(prefix));
  });
}

function texts(packets: readonly WirePacket[]): string[] {
  return [...new Set(packets.map(({ provider, source, kind }) => `${provider}: ${kind} from ${source}`))];
}

/** What left while there was traffic. */
async function strangersOf(during: () => Promise<void>): Promise<string[]> {
  await made.lab.wire.reset();
  await during();
  // What is sent again.
  await sleep(300);
  return texts(await strangers());
}

/** With the guard's first rule letting everything pass. */
async function withoutGuard<Value>(action: () => Promise<Value>): Promise<Value> {
  const nft = (...words: string[]): Promise<string> => made.lab.gateway.must(['nft', ...words]);
  await nft('insert', 'rule', 'inet', 'pathrace', 'guard', 'accept');
  try {
    return await action();
  } finally {
    const listed = await nft('-a', 'list', 'chain', 'inet', 'pathrace', 'guard');
    const handle = /^\s*accept # handle (\d+)/m.exec(listed)?.[1] ?? '';
    await nft('delete', 'rule', 'inet', 'pathrace', 'guard', 'handle', handle);
  }
}

async function withRules<Value>(rules: string, action: () => Promise<Value>): Promise<Value> {
  const { gateway } = made.lab;
  await gateway.must(['nft', '-f', '-'], { input: `table inet ${HOSTILE} {\n${rules}\n}\n` });
  try {
    return await action();
  } finally {
    await gateway.must(['nft', 'delete', 'table', 'inet', HOSTILE]);
  }
}

/** Our rules are removed again and again, as by a program that knows only its own. */
async function whileRulesAreRemoved(action: () => Promise<void>): Promise<void> {
  const loop = 'while :; do ip rule flush protocol 82; ip -6 rule flush protocol 82; done';
  const task = made.lab.gateway.spawn(['sh', '-c', loop]);
  try {
    await action();
  } finally {
    task.signal('SIGKILL');
    await task.done;
  }
}

async function heldByEachRoute(): Promise<ReturnType<ReturnType<typeof made.lab.client>['connector']>> {
  const holder = made.lab.client().connector();
  const targets = [NEAR, NEAR6].flatMap((address) => [
    { address, port: PORT.raced },
    { address, port: PORT.turns },
  ]);
  connectMs(await holder.run({ targets, count: 24, concurrency: 4, hold: true, bytes: 1000 }));
  return holder;
}

test('nothing strange leaves while nobody does anything, and nothing is counted', async () => {
  expect(await strangersOf(traffic)).toEqual([]);
  const { alarms, packets } = await made.status();
  expect(alarms).toEqual([]);
  expect(packets.dropped).toMatchObject({ 'guarded-way': 0, 'guarded-source': 0, protected: 0 });
});

test('while our ip rules are removed in a loop, new connections and living ones', async () => {
  const holder = await heldByEachRoute();
  const found = await strangersOf(() =>
    whileRulesAreRemoved(async () => {
      for (let i = 0; i < 4; i++) await Promise.all([traffic(), holder.check().catch(() => undefined)]);
    }),
  );
  expect(found).toEqual([]);
  const { alarms, packets } = await made.status();
  expect(alarms.join('\n')).toMatch(/\d+ packets .* were kept from leaving by wan\d/);
  expect((packets.dropped['guarded-way'] ?? 0) + (packets.dropped['guarded-source'] ?? 0)).toBeGreaterThan(0);
  expect(made.daemon.stderr()).toMatch(/"event":"guarded".*"interface":"wan\d"/);
  await holder.stop();
  await allWorksAgain();
  // What leaks are flows that began with the rules: of those that begin without them, the packets all go one way, with its address.
  const another = await heldByEachRoute();
  const without = await withoutGuard(() =>
    strangersOf(() =>
      whileRulesAreRemoved(async () => {
        await Promise.all([traffic(), another.check().catch(() => undefined)]);
      }),
    ),
  );
  expect(without).not.toEqual([]);
  await another.stop();
  await allWorksAgain();
});

/** The rules are put back, and connections live. */
async function allWorksAgain(): Promise<void> {
  const rules = await eventually(
    () => made.lab.gateway.must(['ip', 'rule']),
    (text) => (text.match(/proto 82/g) ?? []).length >= 9,
    8000,
  );
  expect(rules).toMatch(/proto 82/);
  connectMs(
    await made.lab
      .client()
      .connect({ targets: [{ address: NEAR, port: PORT.raced }], count: 5, bytes: 1000 }),
  );
}

const MARKS = marksOf(DEFAULT_MARK_MASK);
const anyOf = (...marks: number[]): string =>
  `numgen inc mod ${marks.length} map { ${marks.map((mark, i) => `${i} : ${hex(mark)}`).join(', ')} }`;
const FLOWS = [1, 2, 3].map((route) => routeMark(MARKS, route) | MARKS.chosen).concat(0);
const ROUTES = FLOWS.map((mark) => (mark === 0 ? 0 : mark | MARKS.held));

test.each([
  [
    'packet marks behind ours',
    `chain c { type filter hook prerouting priority -105; iifname "lan0" meta mark set ${anyOf(...ROUTES)}; }`,
  ],
  [
    'connection marks in forward',
    `chain c { type filter hook forward priority 300; iifname "lan0" ct mark set ${anyOf(...FLOWS)}; }`,
  ],
  [
    'connection marks before source translation',
    `chain c { type filter hook postrouting priority 0; iifname "lan0" ct mark set ${anyOf(...FLOWS)}; }`,
  ],
  [
    'connection marks without a route',
    'chain c { type filter hook forward priority 300; iifname "lan0" ct mark set 0; }',
  ],
  [
    'a service that keeps the client’s address',
    `chain c { type filter hook forward priority 300; iifname "lan0" ct state new ct mark set ct mark and ${hex(~MARKS.serviceMask)} or ${hex(MARKS.apart)}; }`,
  ],
  [
    'connections that are not tracked',
    'chain c { type filter hook prerouting priority raw; iifname "lan0" udp dport 21 notrack; }',
  ],
])('hostile rules: %s', async (_, rules) => {
  const found = await withRules(rules, () => strangersOf(traffic));
  expect(found).toEqual([]);
  const without = await withoutGuard(() => withRules(rules, () => strangersOf(traffic)));
  expect(without).not.toEqual([]);
});

describe('what it leaves alone', () => {
  test('what the operator translates on purpose', async () => {
    const rules =
      'chain c { type nat hook postrouting priority 50; ip saddr 10.0.0.3 oifname "wan1" snat ip to 203.0.1.99; }';
    await withRules(rules, async () => {
      await echo.forget();
      const targets = [{ address: NEAR, port: PORT.fixed }];
      const sources = [made.lab.client(1).ipv4];
      connectMs(await made.lab.client().connect({ targets, sources, count: 3, bytes: 20_000 }));
      const seen = (await echo.connections()).map(({ remoteAddress }) =>
        remoteAddress.replace('::ffff:', ''),
      );
      expect(new Set(seen)).toEqual(new Set(['203.0.1.99']));
    });
  });

  test('what was for the gateway and has another destination by now gets an address of the way it goes', async () => {
    const rules = `chain c { type nat hook prerouting priority dstnat; ip daddr 10.0.0.1 udp dport 53 dnat ip to ${NEAR}:${PORT.datagrams}; }`;
    await withRules(rules, async () => {
      const client = made.lab.client();
      await made.lab.wire.reset();
      const plan = { from: client.ipv4, to: '10.0.0.1', port: 53, texts: ['1', '2', '3'] };
      expect(await udpFlow(client, plan)).toBe(3);
      expect(texts(await strangers())).toEqual([]);
    });
  });

  test('the gateway’s own packets, and those of a bridge that is no LAN', async () => {
    const { lab } = made;
    const { gateway } = lab;
    const there = await annex(
      lab,
      'bridge',
      (name) => `link add br0 netns ${gateway.namespace} type veth peer name eth0 netns ${name}`.split(' '),
      ['addr add 10.9.0.53/24 dev eth0', 'link set eth0 up', 'route add default via 10.9.0.1'],
    );
    await gateway.must(['sh', '-ec', 'ip addr add 10.9.0.1/24 dev br0; ip link set br0 up']);
    await lab.wire.reset();
    await there.run(['ping', '-c', '1', '-W', '1', NEAR]);
    await gateway.run(['ping', '-c', '1', '-W', '1', '-I', '10.9.0.1', NEAR]);
    const sources = (await strangers()).map(({ source }) => source);
    expect(new Set(sources)).toEqual(new Set(['10.9.0.53', '10.9.0.1']));
    await gateway.must(['ip', 'link', 'delete', 'br0']);
    await there.stop();
  });
});
