/** No route says yes, or some do not: a refusal waits for the others, and the client hears of exactly one. */
import { expect } from 'vitest';
import type { Link } from '../../../src/sim/scenario.js';
import { BOTH, type Case, type Expected, type Word } from '../case.js';
import type { Seen } from '../seen.js';
import {
  answering,
  DELAY_MS,
  HOST_UNREACHABLE,
  PORT_UNREACHABLE,
  PROHIBITED,
  RST,
  SILENT,
  TTL_EXCEEDED,
  three,
  YES,
} from '../sites.js';
import { AT_ONCE_MS, carriedBy, GIVEN_UP } from './race.js';

const REFUSED: readonly Word[] = ['>syn', '<rst'];
const ERROR: readonly Word[] = ['>syn', '<icmp-error'];

function wordsOf(link: Partial<Link>): readonly Word[] {
  return link === RST ? REFUSED : ERROR;
}

/** All three have said no when the client is told. */
function told(
  outcome: 'refused' | 'unreachable',
  links: readonly [Partial<Link>, Partial<Link>, Partial<Link>],
) {
  const [a, b, c] = links.map(wordsOf);
  const client = outcome === 'refused' && links.includes(RST) ? REFUSED : ERROR;
  const ms = [2 * DELAY_MS.c, AT_ONCE_MS] as const;
  return { routes: { a, b, c }, client, outcome, ms } as Expected;
}

/** The error that the client got has this code, is about its own packet, and came after every route had spoken. */
function errorIs(ipv4: string, ipv6: string): (seen: Seen) => void {
  return (seen) => {
    const { lan, wire, source, sourcePort, destination, destinationPort } = seen.connection();
    const error = lan.find(({ direction }) => direction === 'to-client');
    expect(`${error?.icmp?.type}/${error?.icmp?.code}`).toBe(seen.family === 'ipv4' ? ipv4 : ipv6);
    expect(error?.icmp?.quoted).toMatchObject({ source, sourcePort, destination, destinationPort });
    afterAll({ lan, wire });
  };
}

function refusedAfterAll(seen: Seen): void {
  afterAll(seen.connection());
}

function afterAll({ lan, wire }: Pick<ReturnType<Seen['connection']>, 'lan' | 'wire'>): void {
  const at = lan.find(({ direction }) => direction === 'to-client')?.at ?? 0;
  const last = Math.max(...wire.filter(({ direction }) => direction === 'in').map((packet) => packet.at));
  expect(at).toBeGreaterThanOrEqual(last);
}

export const REFUSALS: readonly Case[] = [
  {
    name: 'the nearest says RST, the next yes: nothing of the RST reaches the client',
    site: answering(RST, YES, YES),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [carriedBy('b', { a: REFUSED })],
  },
  {
    name: 'RST and an error, the last says yes',
    site: answering(RST, HOST_UNREACHABLE, YES),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [carriedBy('c', { a: REFUSED, b: ERROR })],
  },
  {
    name: 'the nearest says yes, later refusals of the others change nothing',
    site: answering(YES, RST, PROHIBITED),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [carriedBy('a', { b: REFUSED, c: ERROR })],
  },
  {
    name: 'all say RST: one RST to the client',
    site: answering(RST, RST, RST),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [told('refused', [RST, RST, RST])],
    check: refusedAfterAll,
  },
  {
    name: '3/1, 3/13 and RST: the client is told of the RST',
    site: answering(HOST_UNREACHABLE, PROHIBITED, RST),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [told('refused', [HOST_UNREACHABLE, PROHIBITED, RST])],
    check: refusedAfterAll,
  },
  {
    name: 'RST first, then 3/13 and 3/1: still the RST, when all have spoken',
    site: answering(RST, PROHIBITED, HOST_UNREACHABLE),
    steps: [{ open: {} }],
    expect: [told('refused', [RST, PROHIBITED, HOST_UNREACHABLE])],
    check: refusedAfterAll,
  },
  {
    name: '3/1, 3/13 and 11/0: the client is told of 3/13',
    site: answering(HOST_UNREACHABLE, PROHIBITED, TTL_EXCEEDED),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [told('unreachable', [HOST_UNREACHABLE, PROHIBITED, TTL_EXCEEDED])],
    check: errorIs('3/13', '1/1'),
  },
  {
    name: '3/1, 3/3 and 3/13: the client is told of 3/3',
    site: answering(HOST_UNREACHABLE, PORT_UNREACHABLE, PROHIBITED),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [told('refused', [HOST_UNREACHABLE, PORT_UNREACHABLE, PROHIBITED]) as Expected],
    check: errorIs('3/3', '1/4'),
  },
  {
    name: '3/1 of all routes: one error',
    site: answering(HOST_UNREACHABLE, HOST_UNREACHABLE, HOST_UNREACHABLE),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [told('unreachable', [HOST_UNREACHABLE, HOST_UNREACHABLE, HOST_UNREACHABLE])],
    check: errorIs('3/1', '1/3'),
  },
  {
    name: 'RST on one, silence on the others: held for three seconds, then told',
    site: answering(RST, SILENT, SILENT),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [
      {
        routes: { a: REFUSED, b: ['>syn', '>syn', '>syn', '>rst'], c: ['>syn', '>syn', '>syn', '>rst'] },
        client: ['>syn', '>syn', '>syn', '<rst'],
        outcome: 'refused',
        ms: [2950, 3400],
      },
    ],
  },
  {
    name: 'RST on two, silence on the third: the server has refused, told after a grace',
    site: answering(RST, RST, SILENT),
    steps: [{ open: {} }],
    expect: [
      {
        routes: { a: REFUSED, b: REFUSED, c: GIVEN_UP },
        client: REFUSED,
        outcome: 'refused',
        // Nothing is known of the third: it has the time until the client would repeat its SYN.
        ms: [2 * DELAY_MS.b + 1, AT_ONCE_MS + 950],
      },
    ],
  },
  {
    name: 'a forged RST with a wrong number is no refusal',
    site: three({ a: { delayMs: 300 }, b: { delayMs: 350 }, c: { delayMs: 400 } }),
    steps: [
      { open: {} },
      { answer: { on: 'a', flags: 'RA', ackOff: 5, seq: 0 } },
      { answer: { on: 'b', flags: 'R', seq: 0 } },
    ],
    expect: [
      { ...carriedBy('a', { a: ['>syn', '<rst', '<synack'], b: ['>syn', '<rst', '<synack', '>rst'] }) },
    ],
  },
];
