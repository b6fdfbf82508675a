/** The clients of the demo: a connector that measures at an even pace, and curl, fetching pages from nginx. */

import { random, subSeed } from '../../src/sim/random.js';
import type { ConnectResult } from '../children/connector.js';
import type { Lab } from '../lab.js';
import { LOST_AFTER_MS, type Samples } from './figures.js';
import { pause } from './stopping.js';
import { shuffle, type World } from './world.js';

export interface Traffic {
  /** Opens connections for about `seconds`, always whole passes over all destinations in both families. */
  measure(seconds: number, samples: Samples, signal: AbortSignal): Promise<void>;
  /** Fetches pages for `seconds`, one after the other; none is under way when it resolves. */
  browse(seconds: number, signal: AbortSignal): Promise<void>;
  /** Until everything opened so far has connected or is lost, at most `withinMs`. */
  settled(withinMs?: number): Promise<void>;
  readonly pages: { readonly fetched: number; readonly failed: number };
}

/** Connections per second: enough for figures, far too few to be slowed down by what else the machine does. */
const RATE = 100;
const PAGE_INTERVAL_MS = 250;

export function startTraffic(lab: Lab, world: World, seed: number): Traffic {
  const connector = lab.client(0).connector();
  const browser = lab.client(1);
  const draw = random(subSeed(seed, 1));
  const targets = world.destinations.flatMap(({ ipv4, ipv6 }) =>
    [ipv4, ipv6].map((address) => ({ address, port: 80 })),
  );
  const passMs = (1000 * targets.length) / RATE;
  const pages = { fetched: 0, failed: 0 };
  // BOUNDED: passes of the last LOST_AFTER_MS.
  const pending = new Set<Promise<void>>();

  /** One pass in an order of its own: round robin must not meet the destinations in step. */
  function pass(samples: Samples): void {
    const plan = {
      targets: shuffle(targets, draw),
      rate: RATE,
      concurrency: targets.length,
      timeoutMs: LOST_AFTER_MS,
    };
    const tally = (results: readonly ConnectResult[]): void => {
      for (const { connected, connectMicros } of results) samples.add(connected, connectMicros);
    };
    const done = connector.run(plan).then(tally);
    const forget = (): void => void pending.delete(done);
    pending.add(done);
    // Who waits in `settled` sees the error; without anybody waiting it must not end the process.
    done.then(forget, () => {});
  }

  return {
    pages,
    async measure(seconds, samples, signal) {
      const passes = Math.max(1, Math.round((1000 * seconds) / passMs));
      const startedAt = performance.now();
      for (let index = 0; index < passes && !signal.aborted; index++) {
        pass(samples);
        await pause(startedAt + (index + 1) * passMs - performance.now(), signal);
      }
    },
    async browse(seconds, signal) {
      const end = performance.now() + 1000 * seconds;
      while (performance.now() < end - PAGE_INTERVAL_MS && !signal.aborted) {
        const { address } = targets[Math.floor(draw() * targets.length)] as { address: string };
        const host = address.includes(':') ? `[${address}]` : address;
        const page = await browser.curl(`http://${host}/`);
        if (signal.aborted) return; // It may have been interrupted, too.
        pages.fetched++;
        if (!page.ok) pages.failed++;
        await pause(PAGE_INTERVAL_MS, signal);
      }
    },
    async settled(withinMs = 2 * LOST_AFTER_MS) {
      const late = new AbortController();
      await Promise.race([Promise.all(pending), pause(withinMs, late.signal)]);
      late.abort();
    },
  };
}
