/** Segments fit the route that carries them: the interface's MTU, the key `mtu`, and a path that is smaller than both. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { connectMs, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { Tap } from './support/tap.js';

const PORT = 7;
const BOTH = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];
const MTU = { a: 1400, b: 1360, c: 1500 } as const;
const ROUTES = ['a', 'b', 'c'] as const;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: ROUTES.map((name) => ({ name, ...(name === 'a' ? { mtu: MTU.a } : {}) })) },
    { config: { routes: { b: { mtu: MTU.b } } } },
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
