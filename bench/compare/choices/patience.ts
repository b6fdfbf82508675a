/** Round trips that are longer than a client waits before it repeats its SYN, and servers that let one provider in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectResult, plainNat } from '../../../lab/index.js';
import { figure } from '../comparison.js';
import { plain } from '../subjects.js';
import {
  CHEAPEST,
  type ChoiceCase,
  connect,
  NAT,
  PRIORITY,
  providers,
  RACED,
  REMEMBERED,
  type Remark,
  SERVERS,
  TURNS,
  targets,
} from './case.js';

/** The third provider's round trip, and what a busy machine adds. */
const SLOW_MS = 300;
const NOISE_MS = 300;
/** A client repeats its SYN after a second: nobody is kept waiting for so long. */
const PATIENCE_MS = 1000;

export const PATIENCE: readonly ChoiceCase[] = [
  slow(1300),
  { ...slow(2200), inQuick: false },
  { ...slow(3000), inQuick: false },
  {
    name: 'a cheap provider with a round trip of 1.2 s',
    scenario: providers({ a: 600, b: 5 }),
    subjects: [NAT, CHEAPEST, PRIORITY],
    run: async ({ lab }) => {
      const results: ConnectResult[] = [];
      for (let i = 0; i < 14; i++) results.push(...(await connect(lab, { count: 1, close: 'reset' })));
      return { results };
    },
    wanted: 'a',
    // What is as slow as this has to be learnt.
    elsewhereAtMost: 2,
  },
];

export const LET_IN: readonly ChoiceCase[] = [
  {
    name: 'a server’s firewall resets all but the slowest of three providers (300 ms)',
    scenario: providers({ a: 5, b: 10, c: SLOW_MS / 2 }),
    subjects: [plain('plain NAT by c', (lab) => plainNat(lab, 'c')), RACED, REMEMBERED],
    before: async ({ lab }) => {
      for (const name of ['a', 'b']) await lab.link(name).set({ reject: { [SERVERS[0]!]: 'rst' } });
    },
    run: async ({ lab }) => {
      const connector = lab.client().connector();
      const results: ConnectResult[] = [];
      // One after the other: what the first has taught is in the kernel when the next begins.
      for (let i = 0; i < 5; i++) {
        results.push(...(await connector.run({ targets: targets([SERVERS[0]!]), bytes: 100 })));
        await sleep(300);
      }
      await connector.stop();
      return { results, remarks: [firstAndNext(results)] };
    },
    wanted: 'c',
    elsewhereAtMost: 0,
  },
];

/** Longer than the client waits before it repeats its SYN. */
function slow(roundTripMs: number): ChoiceCase {
  return {
    name: `a round trip of ${roundTripMs / 1000} s by both`,
    scenario: providers({ a: roundTripMs / 2, b: roundTripMs / 2 }, {}, 50),
    subjects: [NAT, RACED, REMEMBERED, PRIORITY, TURNS],
    run: async ({ lab }) => ({ results: await connect(lab, { count: 15, concurrency: 5, close: 'reset' }) }),
    wanted: null,
    elsewhereAtMost: 0,
  };
}

function firstAndNext(results: readonly ConnectResult[]): Remark {
  const [first = Number.NaN, ...next] = results.map(({ connectMicros }) => connectMicros / 1000);
  const slowest = Math.max(...next);
  return {
    text: `first ${figure(first, 'ms')}, then at most ${figure(slowest, 'ms')}`,
    asWanted: first < SLOW_MS + PATIENCE_MS && slowest < SLOW_MS + NOISE_MS,
  };
}
