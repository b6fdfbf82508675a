/** Tuples that are used twice. */
import { expect } from 'vitest';
import { BOTH, type Case } from '../case.js';
import { CLOSING_PORT } from '../ports.js';
import type { Seen } from '../seen.js';
import { SILENT, three } from '../sites.js';
import { carriedBy, GIVEN_UP, UNANSWERED } from './race.js';

/** No two connections at one time are the same to a server. */
function portsApart(seen: Seen): void {
  const names = seen.connections.map((each) => seen.copies('a', each)[0]?.sourcePort);
  expect(new Set(names).size).toBe(seen.connections.length);
}

export const TUPLES: readonly Case[] = [
  {
    name: 'two clients with the same port to the same server get different ports',
    site: three(),
    families: BOTH,
    steps: [{ open: { client: 0, clientPort: 41_000 } }, { open: { client: 1, clientPort: 41_000 } }],
    expect: [carriedBy('a'), carriedBy('a')],
    check: portsApart,
  },
  {
    name: 'a client uses its port again, the server has closed and is in TIME_WAIT',
    site: three(),
    families: BOTH,
    steps: [
      { open: { clientPort: 43_000, port: CLOSING_PORT } },
      { until: 'all-told' },
      { wait: 600 },
      { open: { clientPort: 43_000, port: CLOSING_PORT } },
    ],
    expect: [carriedBy('a'), carriedBy('a')],
  },
  {
    name: 'a client uses its port again while its first connection is still racing',
    site: three({ a: SILENT, b: SILENT, c: SILENT }),
    families: BOTH,
    steps: [
      { open: { clientPort: 42_000, giveUpMs: 300 } },
      { until: 'all-told' },
      { link: 'a', set: { blackhole: false } },
      { link: 'b', set: { blackhole: false } },
      { link: 'c', set: { blackhole: false } },
      { open: { clientPort: 42_000 } },
    ],
    expect: [
      {
        routes: { a: GIVEN_UP, b: GIVEN_UP, c: GIVEN_UP },
        client: ['>syn'],
        outcome: 'gave-up',
      },
      carriedBy('a'),
    ],
  },
  {
    name: 'a client uses its port again when one answer to its first connection is on its way',
    site: three({ a: { delayMs: 350 }, b: SILENT, c: SILENT }),
    steps: [
      { open: { clientPort: 42_500, giveUpMs: 250 } },
      { until: 'all-told' },
      { open: { clientPort: 42_500 } },
    ],
    expect: [
      {
        routes: { a: GIVEN_UP, b: GIVEN_UP, c: GIVEN_UP },
        client: ['>syn'],
        outcome: 'gave-up',
      },
      // What belongs to the first on the same tuple is counted here: the old answer, and what it brings.
      {
        routes: { a: /^>syn .*<synack$/, b: UNANSWERED, c: UNANSWERED },
        client: ['>syn', '<synack'],
        outcome: 'connected',
        by: 'a',
        ms: [600, 1000],
      },
    ],
  },
];
