/** Two providers' boxes with the same subnet and the same address, as they are sold: kept apart by interface. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { EchoServer, Task } from '../../lab/index.js';
import { Tap } from '../../lab/tap.js';
import type { Status } from '../../src/api/contract.js';
import { connectMs, eventually, PATHRACE } from './support/gateway-lab.js';
import { expectedState, type KernelState, kernelState } from './support/kernel-state.js';
import { BOX, startTwinLab, type TwinLab } from './support/twin-lab.js';

const PORT = 7;
const TARGETS = [{ address: '198.51.100.1', port: PORT }];

let lab: TwinLab;
let daemon: Task | undefined;

afterEach(async () => {
  await lab?.stop();
  expect(readdirSync('/run/netns').filter((name) => name.startsWith(`pr${process.pid}x9`))).toEqual([]);
});

async function start(
  addresses: readonly [string, string],
): Promise<{ echo: EchoServer; before: KernelState }> {
  lab = await startTwinLab(addresses);
  const before = await kernelState(lab.gateway);
  daemon = lab.gateway.spawn([PATHRACE, 'gateway', '--config', lab.config(addresses)]);
  await daemon.waitForLine(/^ready/, 15_000);
  return { echo: await lab.server.echo({ ports: [PORT] }), before };
}

/** Which boxes the connections of the server came by, without repetition. */
async function cameBy(echo: EchoServer): Promise<string[]> {
  return [...new Set((await echo.connections()).map(({ remoteAddress }) => remoteAddress))].sort();
}

function halfOpen(): Promise<number> {
  return eventually(
    () => lab.server.halfOpen(),
    (left) => left === 0,
    2000,
  );
}

async function status(): Promise<Status> {
  const text = await lab.gateway.must([PATHRACE, 'status', '--control', lab.controlSocket, '--json']);
  return JSON.parse(text) as Status;
}

test.each([
  ['another address of ours on each', ['192.168.1.2', '192.168.1.3']],
  ['the same address of ours on both', ['192.168.1.2', '192.168.1.2']],
] as const)('%s', async (_, addresses) => {
  const { echo, before } = await start(addresses);
  expect((await status()).routes.map(({ state }) => state)).toEqual(['up', 'up']);

  // Both answer.
  connectMs(await lab.client.connect({ targets: TARGETS, count: 100, concurrency: 10, bytes: 20_000 }));
  expect(await halfOpen()).toBe(0);
  expect(await echo.count()).toMatchObject({ accepted: 100, bytes: 2_000_000 });
  const [first, second] = [await lab.syns(0), await lab.syns(1)];
  expect([first, second]).toEqual([100, 100]);
  const { routes, races } = await status();
  expect(races).toMatchObject({ started: 100, decided: 100, failed: 0 });
  // A SYN+ACK is an answer of the route that it came in by: the server says the same of every connection.
  const by = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  expect(routes.map(({ wins }) => wins)).toEqual(
    BOX.map((box) => by.filter((remote) => remote === box).length),
  );
  expect(routes.map(({ wins, losses }) => wins + losses)).toEqual([100, 100]);

  // One of them alone, then the other; what is held through the change lives on its own route.
  const holder = lab.client.connector();
  for (const [dead, alive] of [
    [0, 1],
    [1, 0],
  ] as const) {
    await lab.blackhole(dead, true);
    await echo.forget();
    connectMs(await holder.run({ targets: TARGETS, count: 20, hold: true, bytes: 1000 }));
    expect(await cameBy(echo)).toEqual([BOX[alive]]);
    await lab.blackhole(dead, false);
  }
  connectMs(await lab.client.connect({ targets: TARGETS, count: 50, concurrency: 10, bytes: 100 }));
  expect(await holder.check(10_000)).toEqual({ held: 40, ok: 40, errors: {} });
  await holder.stop();
  expect(await halfOpen()).toBe(0);

  const ended = await daemon?.stop(8000);
  expect(ended?.code, ended?.stderr).toBe(0);
  const after = await kernelState(lab.gateway);
  expect(after).toEqual(await expectedState(lab.gateway, before, after));
});

test('the same address on both: a late SYN+ACK of the loser is reset by its own way, and the client is left alone', async () => {
  const { echo } = await start(['192.168.1.2', '192.168.1.2']);
  // What the server answers by the second box is kept there until the race is long forgotten.
  await lab.boxes[1].must([
    'nft',
    'add',
    'chain',
    'inet',
    'box',
    'back',
    '{ type filter hook forward priority 0; }',
  ]);
  await lab.boxes[1].must(['nft', 'add', 'rule', 'inet', 'box', 'back', 'iifname', 'net0', 'drop']);
  const holder = lab.client.connector();
  connectMs(await holder.run({ targets: TARGETS, count: 5, hold: true, bytes: 1000 }));
  expect(await cameBy(echo)).toEqual([BOX[0]]);
  await sleep(2500);
  const tap = new Tap(lab.client, 'eth0', {
    to: '02:00:00:00:00:00',
    keep: ({ kind }) => kind === 'synack' || kind === 'rst',
  });
  await lab.boxes[1].must(['nft', 'flush', 'chain', 'inet', 'box', 'back']);
  // The server repeats its SYN+ACKs after one, three and seven seconds.
  const left = await eventually(
    () => lab.server.halfOpen(),
    (count) => count === 0,
    1500,
  );
  expect(await holder.check(1000)).toEqual({ held: 5, ok: 5, errors: {} });
  tap.close();
  expect(tap.received.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual([]);
  expect(left).toBe(0);
  await holder.stop();
});
