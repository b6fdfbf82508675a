/** Packets to the addresses of copies that belong to no race any more, or came by the wrong wire. */
import { expect } from 'vitest';
import { BOTH, type Case, type Step } from '../case.js';
import { IMPATIENT, three } from '../sites.js';
import { carriedBy, GIVEN_UP, LOST, UNANSWERED } from './race.js';

/** Longer than a decided race is kept for its losers. */
const FORGOTTEN: readonly Step[] = [{ open: {} }, { until: 'all-told' }, { wait: 2500 }];

export const STRAYS: readonly Case[] = [
  {
    name: 'an ACK and an RST to a loser’s address after the race is forgotten: no answer',
    site: three(),
    families: BOTH,
    steps: [
      ...FORGOTTEN,
      { answer: { on: 'b', flags: 'A', ackOff: 500 } },
      { wait: 100 },
      { answer: { on: 'b', flags: 'RA' } },
    ],
    expect: [carriedBy('a', { b: [...LOST, '<rst'] })],
    check: (seen) => {
      const wire = seen.connection().wire.filter(({ route }) => route === 'b');
      expect(wire.slice(-2)).toMatchObject([
        { direction: 'in', flags: 'A' },
        { direction: 'in', flags: 'AR' },
      ]);
    },
  },
  {
    name: 'a SYN to a loser’s address after the race is forgotten: refused as by a closed port',
    site: three(),
    steps: [...FORGOTTEN, { answer: { on: 'b', flags: 'S' } }],
    expect: [carriedBy('a', { b: [...LOST, '<syn', '>rst'] })],
    check: (seen) => {
      const wire = seen.connection().wire.filter(({ route }) => route === 'b');
      expect(wire.at(-1)).toMatchObject({ direction: 'out', flags: 'AR', seq: 0, ack: 90_001 });
    },
    except: { 'resets are exact': 'the gateway’s own stack answers, which knows nothing of the copy' },
    notOn: { simulator: 'it has no stack of its own that answers what is for the gateway itself' },
  },
  {
    name: 'a challenge ACK to a loser after the decision: reset, and no copy any more',
    site: three({ c: { delayMs: 300 } }),
    families: BOTH,
    steps: [
      { open: {} },
      { until: 'all-told' },
      { answer: { on: 'c', flags: 'A', ackOff: 123_456 } },
      { wait: 700 },
    ],
    expect: [carriedBy('a', { c: ['>syn', '>rst', '<synack', '>rst'] })],
    check: (seen) => {
      const [first] = seen.connection().wire.filter(({ route, kind }) => route === 'c' && kind === 'rst');
      expect(first?.seq).toBe((seen.connection().isn + 1 + 123_456) >>> 0);
    },
  },
  {
    name: 'a plain ACK, a FIN and an RST without ACK decide nothing',
    site: three(),
    steps: [
      { open: { dark: true } },
      { answer: { on: 'a', flags: 'A' } },
      { answer: { on: 'b', flags: 'FA' } },
      { answer: { on: 'c', flags: 'R' } },
      { answer: { on: 'c', flags: 'SA' } },
    ],
    expect: [
      {
        ...carriedBy('c', { a: UNANSWERED, b: UNANSWERED, c: ['>syn', '<rst', '<synack'] }),
        ms: [0, 1000],
      },
    ],
  },
  {
    name: 'the SYN+ACK for one route comes by another: it does not win, and the client hears nothing',
    site: IMPATIENT,
    steps: [
      { open: { dark: true, giveUpMs: 500 } },
      { answer: { on: 'a', via: 'c', flags: 'SA' } },
      { wait: 800 },
    ],
    expect: [
      {
        routes: { a: GIVEN_UP, b: GIVEN_UP, c: GIVEN_UP },
        client: ['>syn'],
        outcome: 'gave-up',
      },
    ],
    except: { 'addresses are the route’s': 'the reset goes back by the wire that the stray came by' },
    check: (seen) => {
      // No connection has that address there.
      const strays = seen.strayOnWire.map(({ direction, kind, route }) => `${route} ${direction} ${kind}`);
      expect(strays).toEqual(['c in synack', 'c out rst']);
    },
  },
];
