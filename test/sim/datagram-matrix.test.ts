/** All that three routes may say of a raced datagram, in all orders: what becomes of it, by a small table. */
import { describe, expect, it } from 'vitest';
import type { RouteNumber } from '../../src/core/engine-types.js';
import { icmpPacket } from '../../src/sim/packets.js';
import { createPacket, DECODE, decode } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { type DatagramHarness, dns, gatewayTo, ntp, type Payload, quic, stun } from './datagram-harness.js';

/** `no` is the server's own, `closed` an ICMP error of its host, `other` an answer to another question. */
type Word = 'yes' | 'no' | 'closed' | 'silence' | 'other';
const WORDS: readonly Word[] = ['yes', 'no', 'closed', 'silence', 'other'];

interface Case {
  readonly name: string;
  readonly port: number;
  readonly ask: Payload;
  readonly yes: Payload;
  readonly no: Payload | null;
  readonly other: Payload;
}

const CASES: readonly Case[] = [
  {
    name: 'DNS',
    port: 53,
    ask: dns.query(),
    yes: dns.yes(),
    no: dns.no(dns.SERVFAIL),
    other: dns.yes({ id: 7 }),
  },
  {
    name: 'QUIC',
    port: 443,
    ask: quic.initial(),
    yes: quic.yes(),
    no: null,
    other: quic.yes({ source: [8] }),
  },
  {
    name: 'STUN',
    port: 3478,
    ask: stun.request(),
    yes: stun.yes(),
    no: stun.no(),
    other: stun.yes(zeros(12)),
  },
  { name: 'NTP', port: 123, ask: ntp.question(), yes: ntp.yes(), no: ntp.no(), other: ntp.yes(zeros(8)) },
];
/** Milliseconds after which the routes speak. */
const ORDERS = [
  [10, 20, 30],
  [10, 30, 20],
  [20, 10, 30],
  [20, 30, 10],
  [30, 10, 20],
  [30, 20, 10],
];

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

/** Who says what, and when, in the order of time. */
interface Said {
  readonly route: RouteNumber;
  readonly word: Word;
  readonly after: number;
}

function saidBy(words: readonly Word[], times: readonly number[]): Said[] {
  return words.map((word, i) => ({ route: i + 1, word, after: times[i] })).sort((a, b) => a.after - b.after);
}

/** A yes anywhere wins, the earliest; else the server's own no is told before that of a host; else nothing is. */
function expected(said: readonly Said[]): string {
  const yes = said.find(({ word }) => word === 'yes');
  if (yes !== undefined) return `route ${yes.route} after ${yes.after}`;
  const noes = said.filter(({ word }) => word === 'no' || word === 'closed');
  if (noes.length === 0) return 'nothing';
  const told = noes.some(({ word }) => word === 'no') ? 'no' : 'closed';
  const last = noes[noes.length - 1].after;
  // All have said so: at once. Else the silent ones have a time, which two of the server's own make shorter.
  if (noes.length === said.length) return `${told} after ${last}`;
  return `${told} ${noes.filter(({ word }) => word === 'no').length >= 2 ? 'soon' : 'late'}`;
}

function play({ port, ask, yes, no, other }: Case, said: readonly Said[]): string {
  const h = gatewayTo(port);
  const outcomes: string[] = [];
  const note = (): void => {
    const commit = h.last.find(({ kind }) => kind === 'commit');
    if (commit !== undefined) outcomes.push(`route ${commit.route} after ${h.now / 1000}`);
    for (const bytes of h.told) outcomes.push(`${toldWord(h, bytes, no)} ${whenOf(h.now / 1000, said)}`);
  };
  h.send(ask);
  const copies = h.sent;
  for (const { route, word, after } of said) {
    h.pass(after - h.now / 1000);
    if (word === 'silence') continue;
    if (word === 'closed') h.answerBytes(route, closed(h, route, copies[route - 1].bytes), true);
    else h.reply(route, { yes, no: no ?? [], other }[word]);
    note();
    const verdict = h.words.at(-1)!;
    // Whatever comes of it, only the winner's goes on.
    expect(verdict === 'drop' || verdict === `commit ${route}`).toBe(true);
    expect(h.sent).toEqual([]);
  }
  while (h.now < 6_000_000) {
    h.pass(10);
    h.last = [];
    note();
  }
  expect(h.race).toBe(-1);
  expect(h.engine.races.active).toBe(0);
  return outcomes.join(', ') || 'nothing';
}

function whenOf(now: number, said: readonly Said[]): string {
  const last = said[said.length - 1].after;
  if (now <= last) return `after ${now}`;
  return now < 1000 + last ? 'soon' : now < 3100 ? 'late' : 'never';
}

function closed(h: DatagramHarness, route: RouteNumber, copy: Uint8Array): Uint8Array {
  const to = h.engine.routes[route - 1].addresses[4].slice(0, 4);
  return icmpPacket({ from: h.flow.server.address, to, type: 3, code: 3, quote: copy });
}

/** What the client was told, which must be about its own ends. */
function toldWord(h: DatagramHarness, bytes: Uint8Array, no: Payload | null): string {
  if (no !== null && Buffer.from(bytes).equals(Buffer.from(h.asTold(no)))) return 'no';
  const packet = createPacket();
  expect(decode(packet, viewed(bytes), 0, bytes.length)).toBe(DECODE.OK);
  expect([packet.icmpType, packet.icmpCode]).toEqual([3, 3]);
  expect(packet.quote).toMatchObject({ sourcePort: h.flow.client.port, destinationPort: h.flow.server.port });
  expect([packet.destination, packet.quote.source]).toEqual([h.flow.client.address, h.flow.client.address]);
  return 'closed';
}

describe.each(CASES)('$name', (one) => {
  const words = WORDS.filter((word) => word !== 'no' || one.no !== null);
  const programs = words.flatMap((first) =>
    words.flatMap((second) => words.map((third) => [first, second, third] as const)),
  );

  it.each(ORDERS)('routes that speak after %i, %i and %i ms', (...times) => {
    expect(programs.length).toBe(words.length ** 3);
    for (const program of programs) {
      const said = saidBy(program, times);
      expect([program, play(one, said)]).toEqual([program, expected(said)]);
    }
  });
});
