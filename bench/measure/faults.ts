/** What clients notice of a provider that falls silent, and of a daemon that is killed and started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectResult, Lab } from '../../lab/index.js';
import { median, RACING } from '../side-by-side.js';

export interface FaultResult {
  readonly connections: number;
  readonly lost: number;
  readonly p50Millis: number;
  readonly slowestMillis: number;
  /** Of connections that were open before: how many still worked after. */
  readonly held: number;
  readonly heldAlive: number;
}

const PORT = 7;

/** 100 new connections while one of three providers loses everything beyond its next hop. */
export async function measureBlackhole(lab: Lab): Promise<{ healthy: FaultResult; blackhole: FaultResult }> {
  return withGateway(lab, async (connect) => {
    const healthy = await connect(100, 50);
    await lab.link(lab.scenario.providers[0]!.name).set({ blackhole: true });
    const blackhole = await connect(100, 50);
    await lab.link(lab.scenario.providers[0]!.name).set({ blackhole: false });
    return { healthy, blackhole };
  });
}

/** New connections at 100 a second and 50 held ones, while the daemon is killed, stopped, and started again. */
export async function measureDaemonLoss(lab: Lab): Promise<{ killed: FaultResult; stopped: FaultResult }> {
  const server = lab.server();
  const echo = await server.echo({ ports: [PORT] });
  const target = { address: server.addresses.ipv4[0]!, port: PORT };
  const during = async (disturb: () => Promise<void>): Promise<FaultResult> => {
    const holder = lab.client().connector();
    const opener = lab.client().connector();
    await holder.run({ targets: [target], count: 50, bytes: 100, hold: true });
    const opening = opener.run({ targets: [target], count: 500, rate: 100, concurrency: 400, bytes: 100 });
    await sleep(1000);
    await disturb();
    const results = await opening;
    const check = await holder.check();
    await holder.release('reset');
    await holder.stop();
    await opener.stop();
    return { ...summarize(results), held: check.held, heldAlive: check.ok };
  };
  let installed = await RACING.install(lab);
  const killed = await during(async () => {
    installed.task!.signal('SIGKILL');
    await sleep(1500);
    installed = await RACING.install(lab);
  });
  const stopped = await during(async () => {
    installed.task!.signal('SIGSTOP');
    await sleep(2000);
    installed.task!.signal('SIGCONT');
  });
  await installed.remove();
  await echo.stop();
  return { killed, stopped };
}

async function withGateway<T>(
  lab: Lab,
  work: (connect: (count: number, rate: number) => Promise<FaultResult>) => Promise<T>,
): Promise<T> {
  const server = lab.server();
  const echo = await server.echo({ ports: [PORT] });
  const installed = await RACING.install(lab);
  const connector = lab.client().connector();
  const targets = [{ address: server.addresses.ipv4[0]!, port: PORT }];
  try {
    return await work(async (count, rate) => ({
      ...summarize(
        await connector.run({ targets, count, rate, concurrency: count, bytes: 100, timeoutMs: 16_000 }),
      ),
      held: 0,
      heldAlive: 0,
    }));
  } finally {
    await connector.stop();
    await installed.remove();
    await echo.stop();
  }
}

function summarize(results: readonly ConnectResult[]): Omit<FaultResult, 'held' | 'heldAlive'> {
  const millis = results.filter((r) => r.ok).map((r) => r.connectMicros / 1000);
  return {
    connections: results.length,
    lost: results.length - millis.length,
    p50Millis: median(millis),
    slowestMillis: Math.max(...millis),
  };
}
