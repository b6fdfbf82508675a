/** Providers that meddle: options stripped, SYNs answered on behalf of the server, nothing answered at all. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import {
  connectMs,
  eventually,
  FAR,
  GatewayLab,
  halfOpen,
  NEAR,
  NEAR6,
  percentile,
} from './support/gateway-lab.js';

const PORT = 7;
const BOTH = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];
const DELAY_MS = { a: 5, b: 15, c: 15 } as const;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  const providers = Object.entries(DELAY_MS).map(([name, delayMs]) => ({ name, link: { delayMs } }));
  made = await GatewayLab.start({ providers, servers: [{ name: 'near' }, { name: 'far' }] });
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
  await echo.forget();
});

afterEach(async () => {
  const usual = { stripOptions: [], answersSyn: false, blackhole: false, silent: false };
  for (const [name, delayMs] of Object.entries(DELAY_MS)) {
    await made.lab.link(name).set({ ...usual, delayMs });
  }
});

test('options stripped on the fastest route, byte-exact all the same', async () => {
  const { lab } = made;
  await lab.link('a').set({ stripOptions: [3, 4, 8] });
  connectMs(await lab.client().connect({ targets: BOTH, count: 6, bytes: 300_000 }));
  expect(await echo.count()).toMatchObject({ accepted: 6, bytes: 1_800_000 });
  const remote = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  expect(new Set(remote)).toEqual(new Set(['203.0.1.2', 'fd03:1::2']));
});

test('a provider that answers SYNs itself wins by the rule, and the real answers are reset', async () => {
  const { lab } = made;
  await lab.link('a').set({ answersSyn: true, delayMs: 20 });
  const [result] = await lab.client().connect({
    targets: [{ address: FAR, port: PORT }],
    bytes: 10,
    timeoutMs: 1000,
  });
  // First reply wins, also a false one; that is how it is defined. That nothing is left behind is what must hold.
  expect(result).toMatchObject({ connected: true, ok: false });
  expect(await halfOpen(lab)).toBe(0);
});

test('a blackhole on two of three routes delays nobody', async () => {
  const { lab } = made;
  await lab.link('a').set({ blackhole: true });
  await lab.link('b').set({ silent: true });
  const results = await lab.client().connect({ targets: BOTH, count: 100, concurrency: 10, bytes: 100 });
  expect(Math.max(...connectMs(results))).toBeLessThan(200);
  expect(percentile(connectMs(results), 0.5)).toBeLessThan(50);
});

/** Fast Open of a real client: copies carry neither the option nor data, and the request arrives once. */
test('curl with TCP Fast Open', async () => {
  const { lab } = made;
  await lab.client().sysctl({ 'net.ipv4.tcp_fastopen': 0x5 }); // client, data in the SYN without a cookie
  const nginx = await lab.server().nginx({ ports: [80], bodyBytes: 2000 });
  for (const url of [`http://${NEAR}/`, `http://[${NEAR6}]/`]) {
    const page = await lab.client().curl(url, ['--tcp-fastopen']);
    expect(page).toMatchObject({ ok: true, bytes: 2000 });
  }
  await nginx.stop();
  const syns = await eventually(
    () => lab.wire.trace({ kind: 'syn' }),
    (seen) => seen.length >= 6,
    1000,
  );
  expect(syns.length).toBe(6);
  for (const { options, length } of syns) {
    expect(options).not.toContain(34);
    expect(length).toBe(0);
  }
});
