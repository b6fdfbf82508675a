/** Answers that come late, twice or wrong. */
import { expect } from 'vitest';
import { BOTH, type Case } from '../case.js';
import type { Seen } from '../seen.js';
import { IMPATIENT, three } from '../sites.js';
import { carriedBy, GIVEN_UP, UNANSWERED, WON } from './race.js';

/** Slow enough that an answer by hand is there first. */
const SLOW = three({ a: { delayMs: 300 }, b: { delayMs: 350 }, c: { delayMs: 400 } });

function resetsOf(seen: Seen, route: string): number[] {
  const { wire } = seen.connection();
  return wire
    .filter((packet) => packet.route === route && packet.kind === 'rst' && packet.direction === 'out')
    .map(({ seq }) => seq);
}

export const LATE: readonly Case[] = [
  {
    name: 'a loser’s SYN+ACK a second after the decision is reset',
    site: three({ a: { blackhole: 'in' } }),
    families: BOTH,
    steps: [
      { open: {} },
      { until: 'all-told' },
      { wait: 300 },
      { link: 'a', set: { blackhole: false } },
      { wait: 1000 },
    ],
    expect: [carriedBy('b')],
  },
  {
    name: 'a SYN+ACK after the race is forgotten is reset',
    site: three({ a: { blackhole: 'in' } }),
    families: BOTH,
    steps: [
      { open: {} },
      { until: 'all-told' },
      { wait: 2500 },
      { link: 'a', set: { blackhole: false } },
      { wait: 1000 },
    ],
    expect: [carriedBy('b')],
  },
  {
    name: 'a SYN+ACK after a race that had no answer in time is reset',
    site: IMPATIENT,
    families: BOTH,
    steps: [
      { open: { dark: true, giveUpMs: 600 } },
      { wait: 1000 },
      { answer: { on: 'b', flags: 'SA' } },
      { wait: 100 },
    ],
    expect: [
      {
        routes: { a: GIVEN_UP, b: ['>syn', '>rst', '<synack', '>rst'], c: GIVEN_UP },
        client: ['>syn'],
        outcome: 'gave-up',
      },
    ],
  },
  {
    name: 'the winner’s SYN+ACK again reaches the client and is not reset',
    site: three(),
    families: BOTH,
    steps: [
      { open: {} },
      { until: 'all-told' },
      { wait: 200 },
      { answer: { on: 'a', flags: 'SA', seq: 'same' } },
    ],
    expect: [
      { ...carriedBy('a', { a: ['>syn', '<synack', '<synack'] }), client: ['>syn', '<synack', '<synack'] },
    ],
  },
  {
    name: 'a SYN+ACK with a wrong ACK is reset with its own number and does not win',
    site: SLOW,
    families: BOTH,
    steps: [{ open: {} }, { answer: { on: 'b', flags: 'SA', ackOff: 77 } }],
    expect: [carriedBy('a', { b: ['>syn', '<synack', '>rst', '<synack', '>rst'] })],
    check: (seen) => {
      const { isn } = seen.connection();
      expect(resetsOf(seen, 'b')).toEqual([(isn + 78) >>> 0, (isn + 1) >>> 0]);
    },
  },
  {
    name: 'a SYN+ACK with a wrong ACK on every route: the right one of the last wins',
    site: three(),
    steps: [
      { open: { dark: true } },
      { answer: { on: 'a', flags: 'SA', ackOff: 77 } },
      { answer: { on: 'b', flags: 'SA', ackOff: -1 } },
      { answer: { on: 'c', flags: 'SA', ackOff: 1 } },
      { wait: 50 },
      { answer: { on: 'c', flags: 'SA' } },
    ],
    expect: [
      {
        ...carriedBy('c', {
          a: ['>syn', '<synack', '>rst'],
          b: ['>syn', '<synack', '>rst'],
          c: ['>syn', '<synack', '>rst', '<synack'],
        }),
        ms: [0, 1000],
      },
    ],
  },
  {
    name: 'a challenge ACK is answered with its number and the copy is sent again at once',
    site: three(),
    families: BOTH,
    steps: [
      { open: { dark: true } },
      { answer: { on: 'a', flags: 'A', ackOff: 123_456 } },
      { until: 'copies', on: 'a', count: 2 },
      { answer: { on: 'a', flags: 'SA' } },
    ],
    expect: [
      {
        ...carriedBy('a', { a: ['>syn', '>rst', '>syn', '<synack'], b: UNANSWERED, c: UNANSWERED }),
        ms: [0, 1000],
      },
    ],
    check: (seen) => {
      expect(resetsOf(seen, 'a')).toEqual([(seen.connection().isn + 1 + 123_456) >>> 0]);
    },
  },
  {
    name: 'a challenge ACK on one route does not keep another from winning',
    site: SLOW,
    steps: [{ open: {} }, { answer: { on: 'c', flags: 'A', ackOff: 123_456 } }],
    expect: [
      {
        ...carriedBy('a'),
        // The server answers both copies.
        routes: { a: WON, b: ['>syn', '<synack', '>rst'], c: /^>syn >rst >syn <synack( <synack| >rst)+$/ },
      },
    ],
  },
  {
    name: 'simultaneous open: the server’s SYN makes the connection by its route',
    site: three(),
    families: BOTH,
    steps: [
      { open: { dark: true } },
      { answer: { on: 'b', flags: 'S' } },
      { wait: 50 },
      { answer: { on: 'b', flags: 'A', seq: 90_001 } },
    ],
    expect: [
      {
        routes: { a: UNANSWERED, b: ['>syn', '<syn', '>synack'], c: UNANSWERED },
        client: ['>syn', '<syn', '>synack'],
        outcome: 'connected',
        by: 'b',
        ms: [0, 1000],
      },
    ],
  },
];
