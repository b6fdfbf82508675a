/** The checks of the conformance suite can fail: each right record, changed in one thing, is wrong. */
import { describe, expect, test } from 'vitest';
import type { Case } from '../conformance/case.js';
import { check, run } from '../conformance/run.js';
import { Seen } from '../conformance/seen.js';
import type { Observed, OnLan, OnWire } from '../conformance/subject.js';
import { SUITE } from '../conformance/suite.js';
import { SimSubject } from './conformance-subject.js';

type Change = (seen: Observed) => Partial<Observed>;

function named(name: string): Case {
  const found = Object.values(SUITE)
    .flat()
    .find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case is called ${name}`);
  return found;
}

/** Changes the packets for which `is` holds; null takes them away. */
function wire(is: (packet: OnWire) => boolean, change: Partial<OnWire> | null): Change {
  return ({ wire: packets }) => ({
    wire: packets.flatMap((packet) => {
      if (!is(packet)) return [packet];
      return change === null ? [] : [{ ...packet, ...change }];
    }),
  });
}

function lan(is: (packet: OnLan) => boolean, change: (packet: OnLan) => OnLan[]): Change {
  return ({ lan: packets }) => ({
    lan: packets.flatMap((packet) => (is(packet) ? change(packet) : [packet])),
  });
}

function on(route: string, kind: string): (packet: OnWire) => boolean {
  return (packet) => packet.route === route && packet.kind === kind;
}

function toClient(kind: string): (packet: OnLan) => boolean {
  return (packet) => packet.direction === 'to-client' && packet.kind === kind;
}

const NEAREST = 'the nearest of three carries it, the others are reset';
const RSTS = 'all say RST: one RST to the client';
const ERRORS = '3/1, 3/13 and 11/0: the client is told of 3/13';
const ALONE = 'a remembered destination: one SYN by the route that was nearest';

const CHANGES: readonly (readonly [string, string, Change])[] = [
  [NEAREST, 'a loser is not reset', wire(on('b', 'rst'), null)],
  [NEAREST, 'a reset comes before its reason', wire(on('b', 'rst'), { at: 1 })],
  [NEAREST, 'a reset has another number', wire(on('c', 'rst'), { seq: 7 })],
  [NEAREST, 'a reset has the ACK flag', wire(on('c', 'rst'), { flags: 'AR', ack: 1 })],
  [NEAREST, 'the winner is reset, too', ({ wire: all }) => ({ wire: [...all, resetOf(all, 'a')] })],
  [NEAREST, 'a copy has another route’s address', wire(on('b', 'syn'), { source: '203.0.1.2' })],
  [NEAREST, 'a copy has a port of its own', wire(on('b', 'syn'), { sourcePort: 9000 })],
  [NEAREST, 'a copy has another number', wire(on('b', 'syn'), { seq: 5 })],
  [NEAREST, 'a copy carries data', wire(on('b', 'syn'), { length: 5 })],
  [NEAREST, 'a route is left out', wire(({ route }) => route === 'c', null)],
  [NEAREST, 'a SYN is sent twice', ({ wire: all }) => ({ wire: [...all.filter(on('a', 'syn')), ...all] })],
  [NEAREST, 'data leaves by a loser', ({ wire: all }) => ({ wire: [...all, byLoser(all)] })],
  [
    NEAREST,
    'the client hears before a route has answered',
    lan(toClient('synack'), (p) => [{ ...p, at: 1 }]),
  ],
  [NEAREST, 'the client gets numbers that nobody sent', lan(toClient('synack'), (p) => [{ ...p, seq: 9 }])],
  [NEAREST, 'the client hears of a reset', lan(toClient('synack'), (p) => [p, { ...p, kind: 'rst' }])],
  [
    NEAREST,
    'the client repeats its SYN',
    lan(
      ({ kind }) => kind === 'syn',
      (p) => [p, { ...p, at: p.at + 1 }],
    ),
  ],
  [NEAREST, 'a connection stays half open', () => ({ halfOpen: 1 })],
  [NEAREST, 'the server sees another address', servers({ source: '203.0.2.2' })],
  [NEAREST, 'the server misses a byte', servers({ received: 99 })],
  [
    NEAREST,
    'the server has a second connection',
    (seen) => ({ servers: [...seen.servers, ...seen.servers] }),
  ],
  [NEAREST, 'the client waits too long', clients({ connectMs: 1020 })],
  [RSTS, 'the client is told twice', lan(toClient('rst'), (p) => [p, p])],
  [RSTS, 'the client is not told', lan(toClient('rst'), () => [])],
  [RSTS, 'the client is told before all have spoken', lan(toClient('rst'), (p) => [{ ...p, at: 90_000 }])],
  [RSTS, 'the refusal acknowledges another number', lan(toClient('rst'), (p) => [{ ...p, ack: 3 }])],
  [ERRORS, 'the worse error', lan(toClient('icmp-error'), (p) => [withIcmp(p, { code: 1 })])],
  [ERRORS, 'an error that nobody sent', lan(toClient('icmp-error'), (p) => [{ ...p, source: '192.0.2.1' }])],
  [ERRORS, 'the error quotes the copy', lan(toClient('icmp-error'), (p) => [withQuote(p, '203.0.2.2')])],
  [ALONE, 'a second route is asked', ({ wire: all }) => ({ wire: [...all, { ...last(all), route: 'b' }] })],
];

describe('a record that is wrong in one thing is found', () => {
  test.each(CHANGES)('%s: %s', async (name, _, change) => {
    const which = named(name);
    const right = await run(new SimSubject(which.site), which, 'ipv4');
    check(which, right);
    const { observed, scenario, family } = right;
    expect(() => check(which, new Seen({ ...observed, ...change(observed) }, scenario, family))).toThrow();
  });
});

function servers(change: object): Change {
  return (seen) => ({ servers: seen.servers.map((each) => ({ ...each, ...change })) });
}

function clients(change: object): Change {
  return (seen) => ({ clients: seen.clients.map((each) => ({ ...each, ...change })) });
}

function resetOf(all: readonly OnWire[], route: string): OnWire {
  const copy = all.find(on(route, 'syn')) as OnWire;
  return { ...copy, kind: 'rst', flags: 'R', seq: copy.seq + 1, ack: 0, window: 0, at: 500_000 };
}

function byLoser(all: readonly OnWire[]): OnWire {
  const data = all.find(on('a', 'data')) as OnWire;
  return { ...data, route: 'b', source: '203.0.2.2' };
}

function last(all: readonly OnWire[]): OnWire {
  const syn = all.findLast(({ kind, direction }) => kind === 'syn' && direction === 'out') as OnWire;
  return { ...syn, source: '203.0.2.2' };
}

function withIcmp(packet: OnLan, change: object): OnLan {
  const { icmp } = packet;
  return icmp === undefined ? packet : { ...packet, icmp: { ...icmp, ...change } };
}

function withQuote(packet: OnLan, source: string): OnLan {
  const { quoted } = packet.icmp ?? {};
  return quoted === undefined ? packet : withIcmp(packet, { quoted: { ...quoted, source } });
}
