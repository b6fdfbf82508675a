/** What was measured decides the next connection. */
import { expect } from 'vitest';
import { BOTH, type Case, type Step } from '../case.js';
import type { Seen } from '../seen.js';
import { REMEMBERING, ROUTES } from '../sites.js';
import { AT_ONCE_MS, BY_REPEAT, carriedBy, WON } from './race.js';

/** The kernel's maps are written behind the packets. */
const WRITTEN: Step = { wait: 600 };
const LAST_RACE_PORT = 32_767;

function goneAlone(seen: Seen, index: number): void {
  const [syn] = seen.copies(undefined, seen.connection(index));
  expect(syn?.sourcePort).toBeGreaterThan(LAST_RACE_PORT);
}

export const MEMORY: readonly Case[] = [
  {
    name: 'a remembered destination: one SYN by the route that was nearest',
    site: REMEMBERING,
    families: BOTH,
    steps: [
      { open: { to: 's2' } },
      { until: 'all-told' },
      WRITTEN,
      { open: { to: 's2' } },
      { until: 'all-told' },
      { open: { to: 's2' } },
    ],
    expect: [
      carriedBy('a'),
      ...[1, 2].map(() => ({
        ...({ routes: { a: WON }, client: WON, outcome: 'connected', by: 'a' } as const),
        ...{ ms: [20, AT_ONCE_MS] as const },
      })),
    ],
    check: (seen) => {
      goneAlone(seen, 1);
      goneAlone(seen, 2);
    },
  },
  {
    name: 'a remembered route has become silent: the client’s repeat goes by it again, and is raced over the others',
    site: REMEMBERING,
    families: BOTH,
    steps: [
      { open: { to: 's3' } },
      { until: 'all-told' },
      WRITTEN,
      { link: 'a', set: { blackhole: true } },
      { open: { to: 's3' } },
    ],
    expect: [
      carriedBy('a'),
      {
        routes: { a: ['>syn', '>syn'], b: ['>syn', '<synack'], c: ['>syn', '<synack', '>rst'] },
        client: ['>syn', '>syn', '<synack'],
        outcome: 'connected',
        by: 'b',
        ms: [1080, 1700],
      },
    ],
    check: (seen) => {
      goneAlone(seen, 1);
      const all = seen.copies(undefined, seen.connection(1));
      const ports = (own: boolean): Set<number> =>
        new Set(all.filter(({ route }) => (route === 'a') === own).map(({ sourcePort }) => sourcePort));
      // The flow that the kernel had begun lives on; the others' copies have the port of the race.
      expect([ports(true).size, ports(false).size]).toEqual([1, 1]);
    },
    except: {
      'one port for all copies': 'the first SYN was the kernel’s own, the race has a port of its own',
    },
  },
  {
    name: 'the SYN was lost on all routes: no time was measured, the next connection is raced, too',
    site: REMEMBERING,
    steps: [
      ...ROUTES.map((name): Step => ({ loses: name, drop: { packet: 'syn' } })),
      { open: { to: 's4' } },
      { until: 'all-told' },
      WRITTEN,
      { open: { to: 's4' } },
    ],
    expect: [BY_REPEAT, carriedBy('a')],
  },
];
