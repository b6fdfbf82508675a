/** Connections that begin at an even pace for as long as a measurement wants, and what became of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connector, ConnectPlan, ConnectResult } from '../../lab/index.js';

/** What a connection of 10 to 30 ms may take before it counts as hurt. */
export const HURT_MS = 500;

export interface Stream {
  /** What has ended so far, in the order of the starts of the second that it belongs to. */
  readonly results: readonly ConnectResult[];
  /** No new connections; resolves when the last one has ended. */
  stop(): Promise<readonly ConnectResult[]>;
}

/** `perSecond` new connections a second. The plan's `count`, `rate` and `concurrency` are set here. */
export function startStream(
  connector: Connector,
  plan: Omit<ConnectPlan, 'count' | 'rate' | 'concurrency'>,
  perSecond: number,
): Stream {
  // BOUNDED: by the length of a measurement.
  const results: ConnectResult[] = [];
  let running = true;
  const parts: Promise<void>[] = [];
  const { targets } = plan;
  let opened = 0;
  const loop = (async () => {
    const startedAt = performance.now();
    for (let second = 0; running; second++) {
      const turn = targets.map((_, i) => targets[(opened + i) % targets.length] as (typeof targets)[0]);
      opened += perSecond;
      const part = connector.run({
        ...plan,
        targets: turn,
        count: perSecond,
        rate: perSecond,
        concurrency: perSecond,
      });
      parts.push(part.then((done) => void results.push(...done)));
      await sleep(startedAt + (second + 1) * 1000 - performance.now());
    }
  })();
  return {
    results,
    async stop() {
      running = false;
      await loop;
      await Promise.all(parts);
      return results;
    },
  };
}

/** Monotonic microseconds, as in results and on the wire. */
export function micros(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

export function lost(results: readonly ConnectResult[]): number {
  return results.filter(({ ok }) => !ok).length;
}

/** What the lost ones said, counted. */
export function errorsOf(results: readonly ConnectResult[]): Record<string, number> {
  const errors: Record<string, number> = {};
  for (const { ok, error } of results) {
    if (!ok) errors[error ?? 'unknown'] = (errors[error ?? 'unknown'] ?? 0) + 1;
  }
  return errors;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
