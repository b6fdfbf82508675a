/** Routes that are not like the others, or not there. */
import { expect } from 'vitest';
import { clientAddress } from '../../../lab/plan.js';
import { BOTH, type Case, type Expected } from '../case.js';
import { IMPATIENT, site } from '../sites.js';
import type { Site } from '../subject.js';
import { AT_ONCE_MS, carriedBy, LOST, WON } from './race.js';

const HALVES = site([
  { name: 'a', families: ['ipv4'], link: { delayMs: 10 } },
  { name: 'b', link: { delayMs: 40 } },
  { name: 'c', families: ['ipv6'], link: { delayMs: 70 } },
]);

function plainAfter(plainMs: number, otherMs: number): Site {
  return site([
    { name: 'other', link: { delayMs: otherMs } },
    { name: 'plain', translate: false, link: { delayMs: plainMs } },
  ]);
}

function wonBy(by: string, loser: string): Expected {
  return {
    routes: { [by]: WON, [loser]: LOST },
    client: WON,
    outcome: 'connected',
    by,
    ms: [20, AT_ONCE_MS],
  };
}

export const ROUTE_CASES: readonly Case[] = [
  {
    name: 'a route without IPv6 is left out',
    site: HALVES,
    families: ['ipv6'],
    steps: [{ open: {} }],
    expect: [{ routes: { b: WON, c: LOST }, client: WON, outcome: 'connected', by: 'b' }],
  },
  {
    name: 'a route without IPv4 is left out',
    site: HALVES,
    families: ['ipv4'],
    steps: [{ open: {} }],
    expect: [{ routes: { a: WON, b: LOST }, client: WON, outcome: 'connected', by: 'a' }],
  },
  {
    name: 'a route that does not translate wins: the server sees the client itself',
    site: plainAfter(10, 50),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [wonBy('plain', 'other')],
    check: (seen) => {
      const { sourcePort } = seen.connection();
      const source = clientAddress(0)[seen.family];
      expect(seen.observed.servers).toMatchObject([{ source, sourcePort }]);
    },
  },
  {
    name: 'a route that does not translate loses: reset with the client’s own address',
    site: plainAfter(50, 10),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [wonBy('other', 'plain')],
    check: (seen) => {
      const reset = seen.connection().wire.find(({ kind }) => kind === 'rst');
      expect(reset).toMatchObject({ route: 'plain', source: clientAddress(0)[seen.family] });
    },
  },
  {
    name: 'a route whose interface is down is left out, and takes part when it is up again',
    site: IMPATIENT,
    steps: [
      { interface: 'a', up: false },
      { open: {} },
      { until: 'all-told' },
      { interface: 'a', up: true },
      { wait: 300 },
      { open: {} },
    ],
    expect: [{ ...carriedBy('b'), routes: { b: WON, c: LOST } }, carriedBy('a')],
  },
];
