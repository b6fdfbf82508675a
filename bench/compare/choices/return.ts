/** What was left comes back: after one lost SYN, an outage, a command, and a family that nobody uses. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../../lab/index.js';
import { type Contender, gateway } from '../subjects.js';
import {
  byClient,
  CHEAPEST,
  type ChoiceCase,
  connect,
  LAST_RESORT,
  MEMORY,
  MWAN3,
  NAT,
  PRIORITY,
  PRIORITY_BY_CLIENT,
  providers,
  REMEMBERED,
  stateOf,
} from './case.js';

/** A family without traffic is proved by its next hop, 20 s after it is back. */
const PROVED_WITHIN_MS = 45_000;

export const RETURN: readonly ChoiceCase[] = [
  left(
    'one SYN lost by the preferred provider',
    async (lab) => {
      await lab.link('a').dropNext('syn', 1, { direction: 'out' });
      await connect(lab, { count: 1 });
    },
    [PRIORITY, PRIORITY_BY_CLIENT, CHEAPEST, LAST_RESORT, MWAN3],
    1000,
  ),
  {
    ...left(
      'the preferred provider silent for 5 s, 30 s later',
      async (lab) => {
        await lab.link('a').set({ blackhole: true });
        await connect(lab, { count: 16, rate: 4 });
        await lab.link('a').set({ blackhole: false });
      },
      [PRIORITY, PRIORITY_BY_CLIENT, CHEAPEST, LAST_RESORT, MWAN3],
      30_000,
    ),
    inQuick: false,
  },
  {
    name: 'the fast provider of a race silent for 20 s, 60 s later; the other has 600 ms',
    scenario: providers({ a: 6, b: 300 }),
    subjects: [REMEMBERED, gateway('race, by client', byClient('race', MEMORY))],
    async before({ lab }) {
      await connect(lab, { count: 8 });
      await lab.link('a').set({ blackhole: true });
      await connect(lab, { count: 40, rate: 2 });
      await lab.link('a').set({ blackhole: false });
      // Clients go on as they do; what is asked again is asked by their connections.
      await connect(lab, { count: 120, rate: 2 });
    },
    run: async ({ lab }) => ({ results: await connect(lab, { count: 40, concurrency: 8 }) }),
    wanted: 'a',
    elsewhereAtMost: 1,
    inQuick: false,
  },
  left('disabled and enabled again', (lab) => commands(lab, 'disable', 'enable'), [PRIORITY, CHEAPEST], 3000),
  left('drained and undrained', (lab) => commands(lab, 'drain', 'undrain'), [PRIORITY, CHEAPEST], 3000),
  {
    name: 'IPv6 of a provider gone for 1 s, clients have IPv4 only',
    scenario: providers({ a: 5, b: 15 }),
    subjects: [NAT, PRIORITY],
    async before({ lab }) {
      await connect(lab, { count: 8 });
      const script = `ip -6 addr del fd03:1::2/64 dev wan1; sleep 1
        ip -6 addr add fd03:1::2/64 dev wan1 nodad; ip -6 route replace ::/0 via fd03:1::1 dev wan1 metric 101`;
      await lab.gateway.must(['sh', '-c', script]);
    },
    async run({ lab, ours, forget }) {
      if (!ours) return { results: await connect(lab, { count: 16 }) };
      const startedAt = performance.now();
      let { state, reasons } = await stateOf(lab, 'a');
      const clients = lab.client().connector();
      const deadline = startedAt + PROVED_WITHIN_MS;
      while (state !== 'up' && performance.now() < deadline) {
        await clients.run({ targets: [{ address: '198.51.100.1', port: 7 }], count: 2, bytes: 100 });
        await sleep(1000);
        ({ state, reasons } = await stateOf(lab, 'a'));
      }
      await clients.stop();
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      const text = state === 'up' ? `a up after ${seconds} s` : `a ${state} (${reasons.join(', ')})`;
      await forget();
      const results = await connect(lab, { count: 16 });
      return { results, remarks: [{ text, asWanted: state === 'up' }] };
    },
    wanted: null,
    elsewhereAtMost: 0,
    inQuick: false,
  },
];

/** Preferred, and left for a moment: `after` is how long it has been well again before anybody looks. */
function left(
  name: string,
  outage: (lab: Lab) => Promise<void>,
  subjects: readonly Contender[],
  afterMs: number,
): ChoiceCase {
  return {
    name,
    // The other is faster: it wins whatever both are asked for.
    scenario: providers({ a: 30, b: 5 }),
    subjects,
    async before({ lab }) {
      await connect(lab, { count: 8 });
      await outage(lab);
      await sleep(afterMs);
    },
    run: async ({ lab }) => ({ results: await connect(lab, { count: 40, concurrency: 8 }) }),
    wanted: 'a',
    elsewhereAtMost: 1,
  };
}

async function commands(lab: Lab, ...words: string[]): Promise<void> {
  for (const word of words) {
    await lab.gateway.must(['./bin/pathrace', word, 'a', '--control', lab.controlSocket]);
    // Everybody goes elsewhere meanwhile.
    await connect(lab, { count: 16 });
  }
}
