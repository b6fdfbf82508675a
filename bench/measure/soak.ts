/** A long run at half the highest rate, with the same client tuples again and again: nothing may be lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectResult, Lab } from '../../lab/index.js';
import { residentBytes } from '../process-time.js';
import { quantile, RACING } from '../side-by-side.js';
import { readStatus } from '../status.js';

export interface SoakResult {
  readonly seconds: number;
  readonly highestPerSecond: number;
  readonly perSecond: number;
  readonly connections: number;
  readonly lost: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Connects that needed a repeat of the SYN (900 ms and more). */
  readonly repeated: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** How often each client tuple was used, on average. */
  readonly uses: number;
  readonly halfOpenAfter2s: number;
  readonly residentBefore: number;
  readonly residentAfter: number;
  readonly racesFailed: number;
}

/** Client ports taken in turn: few, so that each is used again within seconds. */
const PORTS = Array.from({ length: 8000 }, (_, i) => 33_000 + i);
/** Results are kept in memory until a part ends. */
const PART_SECONDS = 5;

export async function measureSoak(lab: Lab, options: { seconds: number }): Promise<SoakResult> {
  const server = lab.server();
  const echo = await server.echo({ ports: [7] });
  const installed = await RACING.install(lab);
  const connector = lab.client().connector();
  const target = { address: server.addresses.ipv4[0]!, port: 7 };
  const plan = { targets: [target], bytes: 64, concurrency: 64, sourcePorts: PORTS };
  try {
    await connector.run({ ...plan, count: 2000 });
    const startedAt = performance.now();
    const count = 20_000;
    await connector.run({ ...plan, count });
    const highest = count / ((performance.now() - startedAt) / 1000);
    const rate = Math.floor(highest / 2);
    const residentBefore = residentBytes(installed.task!.pid);
    const tally = new Tally();
    const until = performance.now() + options.seconds * 1000;
    const began = performance.now();
    while (performance.now() < until) {
      tally.add(await connector.run({ ...plan, rate, count: rate * PART_SECONDS }));
    }
    const seconds = (performance.now() - began) / 1000;
    await sleep(2000);
    const halfOpen = await server.halfOpen();
    const { races } = await readStatus(lab);
    return {
      seconds,
      highestPerSecond: highest,
      perSecond: tally.connections / seconds,
      connections: tally.connections,
      lost: tally.lost,
      errors: tally.errors,
      repeated: tally.repeated,
      p50Micros: quantile(tally.micros, 0.5),
      p99Micros: quantile(tally.micros, 0.99),
      uses: tally.connections / PORTS.length,
      halfOpenAfter2s: halfOpen,
      residentBefore,
      residentAfter: residentBytes(installed.task!.pid),
      racesFailed: races.failed,
    };
  } finally {
    await connector.stop();
    await installed.remove();
    await echo.stop();
  }
}

class Tally {
  connections = 0;
  lost = 0;
  repeated = 0;
  readonly errors: Record<string, number> = {};
  // BOUNDED: by the length of the run; every tenth connect is enough for quantiles.
  readonly micros: number[] = [];

  add(results: readonly ConnectResult[]): void {
    for (const [i, result] of results.entries()) {
      this.connections++;
      if (result.connectMicros > 900_000) this.repeated++;
      if (i % 10 === 0) this.micros.push(result.connectMicros);
      if (result.ok) continue;
      this.lost++;
      const error = result.error ?? 'unknown';
      this.errors[error] = (this.errors[error] ?? 0) + 1;
    }
  }
}
