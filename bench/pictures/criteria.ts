/** What each criterion does, as a run of the engine that shows it, and in words. */
import type { CriterionName } from '../../src/model/config.js';
import { link, type Story } from './criterion-run.js';

export interface Shown {
  /** What is given besides the three routes of all pictures. */
  readonly given: readonly string[];
  readonly story: Story;
}

const MBIT = 1e6;

/** Short ones and long ones: each fourth stays open, the others are over after two seconds. */
const lives = (number: number): object =>
  number % 4 === 0 ? { bytes: 100 } : { bytes: 100, talk: { times: 4, pauseMicros: 500_000 }, closes: true };

export const SHOWN: Readonly<Record<CriterionName | 'fixed', Shown>> = {
  race: {
    given: [
      'every connection is raced; the way to some servers is longer by some routes',
      'from connection 101 on fiber is a silent black hole, and nobody has noticed',
    ],
    story: {
      service: { criterion: 'race' },
      forgets: true,
      events: { 100: (world) => world.provider('fiber').set({ blackhole: true }) },
    },
  },
  'round-robin': { given: ['nothing else'], story: { service: { criterion: 'round-robin' } } },
  weighted: { given: ['weights 5, 3 and 2'], story: { service: { criterion: 'weighted' } } },
  'least-connections': {
    given: ['weights 5, 3 and 2', 'each fourth connection stays open, the others end after two seconds'],
    story: { service: { criterion: 'least-connections' }, connection: lives },
  },
  'least-traffic': {
    given: [
      'capacities 100, 60 and 20 Mbit/s',
      'measured traffic: fiber 90, cable 6, lte 4 Mbit/s; from connection 101 on 5, 30, 4',
    ],
    story: {
      service: { criterion: 'least-traffic' },
      facts: Object.fromEntries(
        Array.from({ length: 20 }, (_, second) => [
          second * 10,
          { traffic: (second < 10 ? [90, 6, 4] : [5, 30, 4]).map((mbit) => mbit * MBIT) },
        ]),
      ),
    },
  },
  'least-weighted-load': {
    given: [
      'capacities 100, 60 and 20 Mbit/s',
      'each fifth connection is of a service with sessionWeight 8; all stay open',
    ],
    story: {
      service: { criterion: 'least-weighted-load' },
      services: [{ criterion: 'least-weighted-load', sessionWeight: 8, port: 5060 }],
      connection: (number) => ({ bytes: 100, ...(number % 5 === 0 ? { port: 5060 } : {}) }),
    },
  },
  'fastest-probe': {
    given: ['checks take 18, 26 and 48 ms; from connection 101 on those of fiber take 70 ms'],
    story: {
      service: { criterion: 'fastest-probe' },
      facts: { 0: { probe: [18_000, 26_000, 48_000] }, 100: { probe: [70_000, 26_000, 48_000] } },
    },
  },
  'fastest-history': {
    given: [
      'a tenth of the connections is raced again (memory.refresh)',
      'from connection 101 on everything takes 40 ms longer by fiber',
    ],
    story: {
      service: { criterion: 'fastest-history' },
      refresh: 0.1,
      planned: true,
      forgets: true,
      events: { 100: (world) => world.provider('fiber').set({ delayMs: 49 }) },
    },
  },
  cheapest: {
    given: ['cost 2, 1 and 8 a gigabyte', 'cable has used up its quota from connection 121 on'],
    story: {
      service: { criterion: 'cheapest' },
      facts: { 0: { quota: [0, 1e9, 0], used: [0, 5e8, 0] }, 120: { used: [0, 1.1e9, 0] } },
    },
  },
  priority: {
    given: [
      'routes: [cable, fiber, lte]',
      'the link of cable is down for connections 81 to 140; when it is back it proves itself first',
    ],
    story: {
      service: { criterion: 'priority', routes: [2, 1, 3] },
      events: { 80: link(2, false), 140: link(2, true) },
    },
  },
  spillover: {
    given: [
      'threshold 80 %',
      'traffic of fiber: 60, from connection 61 on 85, from 161 on 40 Mbit/s',
      'of cable: 10, from connection 101 on 50 Mbit/s',
    ],
    story: {
      service: { criterion: 'spillover', threshold: 0.8 },
      facts: Object.fromEntries(
        Array.from({ length: 20 }, (_, second) => {
          const fiber = second < 6 || second >= 16 ? (second < 6 ? 60 : 40) : 85;
          return [second * 10, { traffic: [fiber, second < 10 ? 10 : 50, 1].map((mbit) => mbit * MBIT) }];
        }),
      ),
    },
  },
  hash: {
    given: ['weights 5, 3 and 2', '20 clients, a column each, connect to 10 servers, a line each'],
    story: {
      service: { criterion: 'hash' },
      connection: (number) => ({ client: number % 20, to: `s${Math.floor(number / 20) + 1}` }),
    },
  },
  fixed: { given: ['select: cable'], story: { service: { criterion: 'fixed', routes: [2] } } },
};
