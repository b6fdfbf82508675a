/** What a copy is like, and which first packets are not copied. */
import { expect } from 'vitest';
import { BOTH, type Case, type Word } from '../case.js';
import type { Seen } from '../seen.js';
import { MTU, REMEMBERING, three } from '../sites.js';
import { UNANSWERED } from './race.js';

const MSS_1460 = [2, 4, 5, 180];
/** With a cookie of eight bytes, padded. */
const FAST_OPEN = [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];
const MP_CAPABLE = [30, 4, 0x01, 0x81];
const MP_JOIN = [30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8];
const MD5 = [19, 18, ...Array.from({ length: 16 }, (_, index) => index), 1, 1];
const AO = [29, 16, 1, 1, ...Array.from({ length: 12 }, (_, index) => index)];
/** Ports that only copies have. */
const RACE_PORTS = { from: 8192, to: 32_767 };

const ALL = { a: UNANSWERED, b: UNANSWERED, c: UNANSWERED };
const ODD = { client: ['>syn'] as readonly Word[], outcome: 'no-program' } as const;
function mssOf(seen: Seen): Record<string, number | undefined> {
  return Object.fromEntries(seen.copies().map(({ route, mss }) => [route, mss]));
}

/** It left once, by the first route, from a port that no copy has. */
function leftAlone(seen: Seen, option?: number): void {
  const [copy] = seen.copies();
  expect(copy?.sourcePort).toBeGreaterThan(RACE_PORTS.to);
  if (option !== undefined) expect(copy?.options).toContain(option);
}

export const COPIES: readonly Case[] = [
  {
    name: 'copies leave from race ports',
    site: three(),
    families: BOTH,
    steps: [{ syn: { dark: true } }],
    expect: [{ ...ODD, routes: ALL }],
    check: (seen) => {
      for (const { sourcePort } of seen.copies()) {
        expect(sourcePort).toBeGreaterThanOrEqual(RACE_PORTS.from);
        expect(sourcePort).toBeLessThanOrEqual(RACE_PORTS.to);
      }
    },
  },
  {
    name: 'the MSS of a copy fits its route',
    site: REMEMBERING,
    families: BOTH,
    steps: [{ syn: { dark: true } }],
    expect: [{ ...ODD, routes: ALL }],
    check: (seen) => {
      const headers = seen.family === 'ipv4' ? 40 : 60;
      expect(mssOf(seen)).toEqual({ a: MTU.a - headers, b: MTU.b - headers, c: MTU.c - headers });
    },
  },
  {
    name: 'an MSS that fits is left as it is',
    site: REMEMBERING,
    families: BOTH,
    steps: [{ syn: { dark: true, options: [2, 4, 2, 0] } }],
    expect: [{ ...ODD, routes: ALL }],
    check: (seen) => expect(mssOf(seen)).toEqual({ a: 512, b: 512, c: 512 }),
  },
  {
    name: 'a Fast Open option and the data of a SYN are not copied',
    site: three(),
    families: BOTH,
    steps: [{ syn: { options: [...MSS_1460, ...FAST_OPEN], data: 20 } }, { wait: 300 }],
    expect: [
      {
        routes: {
          a: ['>syn', '<synack', '>rst'],
          b: ['>syn', '<synack', '>rst'],
          c: ['>syn', '<synack', '>rst'],
        },
        // No program waits: its client's kernel resets what comes.
        client: ['>syn', '<synack', '>rst'],
        outcome: 'no-program',
      },
    ],
    check: (seen) => {
      for (const { options, length, mss } of seen.copies()) {
        expect(options).not.toContain(34);
        expect({ length, mss }).toEqual({ length: 0, mss: seen.family === 'ipv4' ? 1460 : 1440 });
      }
    },
  },
  {
    name: 'MP_CAPABLE is copied with its option',
    site: three(),
    families: BOTH,
    steps: [{ syn: { dark: true, options: [...MSS_1460, ...MP_CAPABLE] } }],
    expect: [{ ...ODD, routes: ALL }],
    check: (seen) => {
      for (const { options } of seen.copies()) expect(options).toContain(30);
    },
  },
  {
    name: 'a hop limit is one less in every copy',
    site: three(),
    families: BOTH,
    steps: [{ syn: { dark: true, ttl: 9 } }],
    expect: [{ ...ODD, routes: ALL }],
    check: (seen) => expect(seen.copies().map(({ ttl }) => ttl)).toEqual([8, 8, 8]),
  },
  ...(
    [
      ['MP_JOIN', MP_JOIN, 30],
      ['a packet with an MD5 signature', MD5, 19],
      ['a packet with an AO signature', AO, 29],
    ] as const
  ).map(
    ([name, options, kind]): Case => ({
      name: `${name} is not copied: it goes by one route, as it is`,
      site: three(),
      families: BOTH,
      steps: [{ syn: { dark: true, options: [...MSS_1460, ...options] } }, { wait: 100 }],
      expect: [{ ...ODD, routes: { a: UNANSWERED } }],
      check: (seen) => leftAlone(seen, kind),
    }),
  ),
  {
    name: 'a packet with IP options is not copied',
    site: three(),
    steps: [{ syn: { dark: true, ipOptions: 4 } }, { wait: 100 }],
    expect: [{ ...ODD, routes: { a: UNANSWERED } }],
    check: (seen) => leftAlone(seen),
  },
  {
    name: 'a packet whose hop limit ends here goes nowhere',
    site: three(),
    families: BOTH,
    steps: [{ syn: { dark: true, ttl: 1 } }, { wait: 100 }],
    expect: [{ ...ODD, routes: {}, client: ['>syn', '<icmp-error'] }],
    except: { 'refusals are a route’s': 'the gateway itself is where the packet ends' },
    notOn: { simulator: 'its model of the kernel says no time exceeded: such a packet is a stray there' },
  },
];
