/** Another `kernel.mark`: a new start. What was marked by the old one ends or goes on as it was; nothing leaves with a wrong address. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Connector } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';
import { routeOf } from './support/taken.js';

const RACED = 7001;
const TURNS = 7002;
const CONFIG = {
  services: [
    { name: 'raced', match: { tcp: RACED }, select: 'race' },
    { name: 'turns', match: { tcp: TURNS }, select: 'round-robin' },
  ],
};
const OTHER = { ...CONFIG, kernel: { mark: '0x0ff000f0' } };
const TARGETS = [NEAR, NEAR6].flatMap((address) => [RACED, TURNS].map((port) => ({ address, port })));

let made: GatewayLab;
let holder: Connector;

beforeEach(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 5 } },
        { name: 'c', link: { delayMs: 5 } },
      ],
    },
    { config: CONFIG },
  );
  await made.lab.server().echo({ ports: [RACED, TURNS] });
  holder = made.lab.client().connector();
  connectMs(await holder.run({ targets: TARGETS, count: 24, bytes: 500, hold: true }));
  await made.lab.wire.reset();
});

afterEach(async () => {
  await holder?.stop();
  await made?.stop();
});

async function foreign(): Promise<string[]> {
  const out = (await made.lab.wire.trace({ direction: 'out' })).filter(({ protocol }) => protocol === 'tcp');
  return out
    .filter(({ provider, source }) => routeOf(made.lab, source) !== provider)
    .map(({ provider, kind, source }) => `${kind} from ${source} by ${provider}`);
}

const masks = async (): Promise<string> => {
  const { gateway } = made.lab;
  const rules = (await gateway.must(['ip', 'rule'])) + (await gateway.must(['ip', '-6', 'rule']));
  return [...new Set([...rules.matchAll(/fwmark 0x[0-9a-f]+\/(0x[0-9a-f]+)/g)].map(([, mask]) => mask))]
    .sort()
    .join(' ');
};

async function connectAnew(): Promise<void> {
  connectMs(await made.lab.client().connect({ targets: TARGETS, count: 24, bytes: 500, timeoutMs: 3000 }));
}

test('state that was left with another mask is removed as a whole, and its connections’ clients are reset', async () => {
  const before = await masks();
  made.daemon.signal('SIGQUIT');
  expect((await made.daemon.done).code).toBe(0);
  await made.startDaemon(OTHER);
  expect(await masks()).not.toBe(before);
  const tables = await made.lab.gateway.must(['nft', 'list', 'table', 'inet', 'pathrace']);
  expect(tables).toContain('chain marks_');
  expect(tables).not.toContain('chain marks_ff0000ff');
  expect(made.daemon.stderr()).toContain('"event":"marks-changed"');
  await connectAnew();
  const held = await eventually(
    () => holder.check(100),
    ({ errors }) => Object.keys(errors).length > 0,
    3000,
  );
  expect(held.ok).toBe(0);
  expect(Object.keys(held.errors)).toEqual(['ECONNRESET']);
  expect(await foreign()).toEqual([]);
});

test('after a clean stop the same: what goes on has its provider’s address', async () => {
  await made.restart(OTHER);
  await connectAnew();
  await holder.check(100);
  expect(await foreign()).toEqual([]);
});

test('the same mask goes on with everything, over a stop and over a restart', async () => {
  await made.restart(CONFIG);
  expect((await holder.check(500)).ok).toBe(24);
  made.daemon.signal('SIGQUIT');
  expect((await made.daemon.done).code).toBe(0);
  await made.startDaemon(CONFIG);
  expect((await holder.check(500)).ok).toBe(24);
  await connectAnew();
  expect(await foreign()).toEqual([]);
});

test('`cleanup` removes what a gateway with any mask has left', async () => {
  await made.restart(OTHER);
  made.daemon.signal('SIGQUIT');
  expect((await made.daemon.done).code).toBe(0);
  await made.lab.gateway.must([PATHRACE, 'cleanup']);
  await made.expectCleanState();
  await made.startDaemon(CONFIG);
  await connectAnew();
});
