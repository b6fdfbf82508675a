/** Hundreds of thousands of living flows: reports are quick, what is cut is cut in the background, and a link that is lost waits for none of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { callControl, commandControl } from '../../src/api/client.js';
import type { RouteCommandReport } from '../../src/api/contract.js';
import { ROUTES_PATH, routePath, STATUS_PATH } from '../../src/api/paths.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import { connectMs, eventually, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';
import { setCarrier, untilState } from './support/routes.js';

const PORT = 7;
const SCENARIO = { providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] };
const CONFIG = {
  services: [
    { name: 'all', match: { tcp: 'any' }, select: { criterion: 'priority', routes: ['a', 'b', 'c'] } },
  ],
};

/** Entries as of flows over the route `a`. */
async function fill({ lab }: GatewayLab, count: number, from = 0): Promise<void> {
  const child = lab.gateway.child('children/flow-table');
  const plan = { count, from, route: 1, source: '203.0.1.2', mark: DEFAULT_MARK_MASK };
  expect(await child.ask<number>('fill', plan)).toBe(0);
  await child.stop();
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now();
  return [await work, performance.now() - startedAt];
}

async function kill(made: GatewayLab): Promise<[RouteCommandReport, number]> {
  const [report, ms] = await timed(commandControl(made.lab.controlSocket, routePath('a', 'kill')));
  return [report as RouteCommandReport, ms];
}

async function entries({ lab }: GatewayLab): Promise<number> {
  return Number(await lab.gateway.must(['cat', '/proc/sys/net/netfilter/nf_conntrack_count']));
}

test('`status` and `routes` answer from what is known, also several at once; counts are right', async () => {
  await withGateway(SCENARIO, { config: CONFIG }, async (made) => {
    await fill(made, 200_000);
    const connections = async (): Promise<number> => (await made.status()).routes[0].connections;
    expect(await eventually(connections, (count) => count >= 199_900, 30_000)).toBeGreaterThan(199_900);
    const ask = (path: string) => timed(callControl(made.lab.controlSocket, path, 20_000));
    const took: number[] = [];
    for (let i = 0; i < 10; i++) took.push((await ask(STATUS_PATH))[1], (await ask(ROUTES_PATH))[1]);
    const together = await Promise.all(Array.from({ length: 5 }, () => ask(STATUS_PATH)));
    took.push(...together.map(([, ms]) => ms));
    process.stderr.write(`reports with 200 000 flows: ${took.map((ms) => ms.toFixed(0)).join(' ')} ms\n`);
    // Alone on a machine a tenth of that.
    expect(took.sort((a, b) => a - b)[took.length >> 1]).toBeLessThan(200);
  });
});

test('`kill` of 200 000 flows answers at once; meanwhile commands, reports and a lost link are as quick as ever', async () => {
  const options = { config: CONFIG, topologyChanges: true };
  await withGateway(SCENARIO, options, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    const holder = made.lab.client().connector();
    const targets = [{ address: NEAR, port: PORT }];
    connectMs(await holder.run({ targets, count: 20, hold: true, bytes: 100 }));
    await fill(made, 200_000);
    await eventually(
      async () => (await made.status()).routes[0].connections,
      (count) => count >= 199_900,
      30_000,
    );
    const [report, ms] = await kill(made);
    process.stderr.write(`kill answered within ${ms.toFixed(0)} ms: ${JSON.stringify(report)}\n`);
    expect(report.cut + (report.left ?? 0)).toBeGreaterThan(199_000);
    expect(report.left).toBeGreaterThan(0);
    expect(ms).toBeLessThan(3000);
    const [, drained] = await timed(made.command('drain', 'c'));
    const startedAt = performance.now();
    await setCarrier(made, 2, false);
    expect((await untilState(made, 'b', 'down', 5000)).state).toBe('down');
    const lost = performance.now() - startedAt;
    const status = await made.status();
    expect(status.cutting.left).toBeGreaterThan(0);
    process.stderr.write(
      `meanwhile: drain ${drained.toFixed(0)} ms, a link lost seen after ${lost.toFixed(0)} ms, ${status.cutting.left} left\n`,
    );
    const over = await eventually(
      () => made.status(),
      ({ cutting }) => cutting.left === 0,
      60_000,
    );
    expect(over.cutting.cut).toBeGreaterThan(199_900);
    // Those of a real client among them have heard it.
    expect(await holder.check()).toMatchObject({ held: 20, ok: 0, errors: { ECONNRESET: 20 } });
    await eventually(
      () => entries(made),
      (count) => count < 2000,
      5000,
    );
    expect(await entries(made)).toBeLessThan(2000);
    await made.command('undrain', 'c');
    await holder.stop();
  });
});

test('a gateway that is stopped while it cuts has cut everything when it is gone', async () => {
  await withGateway(SCENARIO, { config: CONFIG }, async (made) => {
    await fill(made, 60_000);
    await sleep(1500);
    const [report] = await kill(made);
    expect(report.left).toBeGreaterThan(0);
    await made.stopDaemon();
    expect(made.daemon.stderr()).not.toContain('flows-left');
    expect(await entries(made)).toBeLessThan(600);
    await made.startDaemon();
  });
});
