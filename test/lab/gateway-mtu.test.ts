/** Segments fit the route that carries them: the interface's MTU, the key `mtu`, and a path that is smaller than both. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EchoServer, type Lab, plainNat, startLab } from '../../lab/index.js';
import { Tap } from '../../lab/tap.js';
import { connectMs, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { UdpEcho, udpFlow } from './support/taken.js';

const PORT = 7;
const BOTH = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];
const MTU = { a: 1400, b: 1360, c: 1500 } as const;
const ROUTES = ['a', 'b', 'c'] as const;
const DATAGRAMS = 21;
const SERVICES = [
  { name: 'pings', match: { protocol: ['icmp', 'icmpv6'] }, select: 'b' },
  { name: 'datagrams', match: { udp: DATAGRAMS }, select: 'b' },
  { name: 'everything', match: { tcp: 'any' }, select: 'race' },
];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: ROUTES.map((name) => ({ name, ...(name === 'a' ? { mtu: MTU.a } : {}) })) },
    { config: { routes: { b: { mtu: MTU.b } }, services: SERVICES } },
  );
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

/** Makes one route the fastest. */
async function prefer(first: string): Promise<void> {
  for (const name of ROUTES) await made.lab.link(name).set({ delayMs: name === first ? 5 : 25 });
}

test.each(ROUTES)('each copy and the answer shown are clamped to their route: %s wins', async (first) => {
  const { lab } = made;
  const shown = new Tap(lab.client(), 'eth0', {
    to: '02:00:00:00:00:00',
    keep: ({ kind }) => kind === 'synack',
  });
  await prefer(first);
  await lab.wire.reset();
  connectMs(await lab.client().connect({ targets: BOTH, bytes: 30_000 }));
  for (const [address, header] of [
    [NEAR, 40],
    [NEAR6, 60],
  ] as const) {
    const syns = await lab.wire.trace({ kind: 'syn', address });
    expect(Object.fromEntries(syns.map(({ provider, mss }) => [provider, mss]))).toEqual({
      a: MTU.a - header,
      b: MTU.b - header,
      c: MTU.c - header,
    });
    const answer = shown.received.find(({ source }) => source === address);
    expect(answer?.mss).toBe(MTU[first] - header);
  }
  shown.close();
});

test('a path smaller than the interface tells by ICMP, and a large transfer works', async () => {
  const { lab } = made;
  await prefer('a');
  await lab.link('a').set({ pathMtu: 1300 });
  await lab.wire.reset();
  await echo.forget();
  connectMs(await lab.client().connect({ targets: BOTH, bytes: 400_000, timeoutMs: 8000 }));
  const reports = await lab.wire.trace({ provider: 'a', direction: 'in', kind: 'icmp-error' });
  expect(reports.map(({ icmp }) => `${icmp?.type}/${icmp?.code}`)).toEqual(
    expect.arrayContaining(['3/4', '2/0']),
  );
  expect(await echo.count()).toMatchObject({ bytes: 800_000 });
});

/** What does not fit is told to the client, whatever the protocol is (RFC 4787 REQ-13): by the key as by an interface. */
describe.each([
  [
    'plain NAT, whose interface is as narrow',
    async () => {
      const lab = await startLab({ providers: [{ name: 'a' }, { name: 'b', mtu: MTU.b }] });
      await plainNat(lab, 'b');
      return { lab, stop: () => lab.stop() };
    },
  ],
  ['the gateway, by the key `mtu`', async () => ({ lab: made.lab, stop: async () => {} })],
])('beside %s', (_, start) => {
  let beside: { lab: Lab; stop(): Promise<void> };
  const echoes: UdpEcho[] = [];

  beforeAll(async () => {
    beside = await start();
    for (const address of [NEAR, NEAR6])
      echoes.push(await UdpEcho.listen(beside.lab.server(), address, DATAGRAMS));
  });

  afterAll(async () => {
    for (const one of echoes) one.close();
    await beside?.stop();
  });

  test.each([
    ['-4', NEAR, 28],
    ['-6', NEAR6, 48],
  ])('ping %s that must not be fragmented', async (family, address, headers) => {
    const { lab } = beside;
    await lab.client().run(['ip', family, 'route', 'flush', 'cache']);
    const ping = async (size: number): Promise<string> => {
      const words = ['ping', family, '-n', '-M', 'do', '-c', '2', '-i', '0.2', '-W', '1', '-s', String(size)];
      const { stdout, stderr } = await lab.client().run([...words, address]);
      return stdout + stderr;
    };
    await lab.wire.reset();
    expect(await ping(MTU.b - headers + 1)).toMatch(/mtu ?= ?1360/);
    expect(await lab.wire.trace({ provider: 'b', direction: 'out', address })).toEqual([]);
    expect(await ping(MTU.b - headers)).toMatch(/ 0% packet loss/);
  });

  test.each([NEAR, NEAR6])('datagrams to %s: the client hears of it and makes them fit', async (address) => {
    const { lab } = beside;
    const { client } = lab;
    const from = address === NEAR ? client().ipv4 : client().ipv6;
    await client().run(['ip', address === NEAR ? '-4' : '-6', 'route', 'flush', 'cache']);
    await lab.wire.reset();
    const texts = ['1', '2', '3', '4'].map((text) => text.repeat(1400));
    await udpFlow(client(), { from, to: address, port: DATAGRAMS, texts, gapMs: 100 });
    // All but the first, which was too long.
    const received = echoes[address === NEAR ? 0 : 1]!.received.map(({ text }) => text.slice(0, 1));
    expect(received).toEqual(['2', '3', '4']);
    const sent = await lab.wire.trace({ provider: 'b', direction: 'out', address });
    const sizes = sent.filter(({ protocol }) => protocol === 'udp').map(({ length }) => length);
    expect(Math.max(0, ...sizes)).toBeLessThan(MTU.b);
  });

  test.each([NEAR, NEAR6])(
    'also when they follow smaller ones that were answered: to %s',
    async (address) => {
      const { client } = beside.lab;
      const isIpv4 = address === NEAR;
      await client().run(['ip', isIpv4 ? '-4' : '-6', 'route', 'flush', 'cache']);
      const at = echoes[isIpv4 ? 0 : 1]!;
      const before = at.received.length;
      const texts = ['a', 'b', 'c', 'd', 'e'].map((text, i) => text.repeat(i < 2 ? 10 : 1400));
      const from = isIpv4 ? client().ipv4 : client().ipv6;
      await udpFlow(client(), { from, to: address, port: DATAGRAMS, texts, gapMs: 100 });
      // All but the first that was too long.
      const received = at.received.slice(before).map(({ text }) => text.slice(0, 1));
      expect(received).toEqual(['a', 'b', 'd', 'e']);
    },
  );
});
