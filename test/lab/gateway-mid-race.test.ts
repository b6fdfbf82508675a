/** Routes change, or the daemon is replaced, while a connection is being set up. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const TARGET = [{ address: NEAR, port: PORT }];
const BOTH = [...TARGET, { address: NEAR6, port: PORT }];
/** Long enough for a change to be made and noticed within one handshake. */
const DELAY_MS = { a: 150, b: 200, c: 250 } as const;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: Object.entries(DELAY_MS).map(([name, delayMs]) => ({ name, link: { delayMs } })),
    },
    {
      topologyChanges: true,
      config: { routes: { a: { addresses: 'auto', gateway: 'auto' } }, rest: { route: 'b' } },
    },
  );
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
  for (const [name, delayMs] of Object.entries(DELAY_MS)) {
    await made.lab.link(name).set({ delayMs, blackhole: false });
  }
});

async function ip(...words: string[]): Promise<void> {
  await made.lab.gateway.must(['ip', ...words]);
}

/** The interface of `a` as it was; the kernel takes IPv6 addresses and routes away with an interface that goes down. */
async function restoreA(): Promise<void> {
  await ip('link', 'set', 'wan1', 'up');
  await ip('addr', 'replace', '203.0.1.2/24', 'dev', 'wan1');
  await ip('addr', 'replace', 'fd03:1::2/64', 'dev', 'wan1', 'nodad');
  await ip('route', 'replace', 'default', 'via', '203.0.1.1', 'dev', 'wan1', 'metric', '101');
  await ip('-6', 'route', 'replace', 'default', 'via', 'fd03:1::1', 'dev', 'wan1', 'metric', '101');
  expect(await stateOf('a', 'usable 2')).toBe('usable 2');
}

/** Waits until a route is as wanted: down, or usable if only on probation; and of how many addresses. */
function stateOf(name: string, wanted: string): Promise<string> {
  const state = async (): Promise<string> => {
    const route = (await made.status()).routes.find((each) => each.name === name);
    return `${route?.state === 'down' ? 'down' : 'usable'} ${route?.addresses.length}`;
  };
  return eventually(state, (now) => now === wanted, 1500);
}

/** Resolves when the copies of a SYN have left by all routes that race. */
async function copiesLeft(count: number): Promise<void> {
  const syns = () => made.lab.wire.trace({ kind: 'syn', direction: 'out' });
  expect((await eventually(syns, (seen) => seen.length >= count, 1000)).length).toBeGreaterThanOrEqual(count);
}

async function sources(): Promise<string[]> {
  return (await echo.connections()).map(({ remoteAddress }) => remoteAddress).sort();
}

test('the best route’s interface goes down after its copy has left: the next best wins', async () => {
  const results = made.lab.client().connect({ targets: BOTH, bytes: 1000 });
  await copiesLeft(6);
  await ip('link', 'set', 'wan1', 'down');
  expect(Math.max(...connectMs(await results))).toBeLessThan(900);
  expect(await sources()).toEqual(['203.0.2.2', 'fd03:2::2']);
  await restoreA();
  // What its copy left half open is reset when the server repeats its SYN+ACK.
  expect(await halfOpen(made.lab, 8000)).toBe(0);
});

test('a route that comes up during a race that nobody answers carries the next repeat of its SYN', async () => {
  const { lab } = made;
  await ip('link', 'set', 'wan1', 'down');
  expect(await stateOf('a', 'down 0')).toBe('down 0');
  for (const name of ['b', 'c']) await lab.link(name).set({ blackhole: true });
  const result = lab.client().connect({ targets: TARGET, bytes: 100, timeoutMs: 8000 });
  await copiesLeft(2);
  await restoreA();
  // The kernel of the client repeats after one second, and after two.
  expect(Math.max(...connectMs(await result))).toBeLessThan(2600);
});

test('all routes but one go down during the race: that one carries it', async () => {
  const { lab } = made;
  await lab.link('c').set({ delayMs: 300 });
  const result = lab.client().connect({ targets: TARGET, bytes: 1000 });
  await copiesLeft(3);
  await ip('link', 'set', 'wan1', 'down');
  await ip('link', 'set', 'wan2', 'down');
  expect(Math.max(...connectMs(await result))).toBeLessThan(1000);
  expect(await sources()).toEqual(['203.0.3.2']);
  await ip('link', 'set', 'wan2', 'up');
  await ip('addr', 'replace', 'fd03:2::2/64', 'dev', 'wan2', 'nodad');
  await restoreA();
  expect(await stateOf('b', 'usable 2')).toBe('usable 2');
});

test('the daemon is replaced during a race: the client’s repeat finds the new one', async () => {
  const { lab } = made;
  const result = lab.client().connect({ targets: BOTH, bytes: 1000, timeoutMs: 8000 });
  await copiesLeft(6);
  made.daemon.signal('SIGKILL');
  await made.daemon.done;
  await made.startDaemon();
  expect(Math.max(...connectMs(await result))).toBeLessThan(2600);
  expect(await halfOpen(lab, 4000)).toBe(0);
});

/** The last: what the servers have half open for an address that is gone stays so until they give up. */
test('the best route loses its address after its copy has left: nothing leaves with it any more', async () => {
  const { lab } = made;
  const results = lab.client().connect({ targets: TARGET, count: 4, bytes: 1000, timeoutMs: 5000 });
  await copiesLeft(12);
  await ip('addr', 'del', '203.0.1.2/24', 'dev', 'wan1');
  await ip('addr', 'add', '203.0.1.77/24', 'dev', 'wan1');
  const changedAt = Number(process.hrtime.bigint()) / 1000;
  connectMs(await results);
  expect(new Set(await sources())).toEqual(new Set(['203.0.2.2']));
  const late = (
    await lab.wire.trace({ direction: 'out', address: '203.0.1.2', since: changedAt + 100_000 })
  ).map(({ kind, destination }) => `${kind} to ${destination}`);
  expect(late).toEqual([]);
});
