/** What every front end promises of every run, whatever happens in it. Each promise throws what was wrong. */
import { expect } from 'vitest';
import type { Case, PromiseName } from './case.js';
import { answers, type Seen, type SeenConnection, sameTuple } from './seen.js';
import type { OnLan, OnWire } from './subject.js';

/** What a client sends by the route that it was given. */
const MORE: readonly string[] = ['ack', 'data', 'fin', 'synack'];

export function expectPromises(seen: Seen, { except = {} }: Pick<Case, 'except'>): void {
  const holds = (name: PromiseName): boolean => except[name] === undefined;
  if (holds('addresses are the route’s')) {
    expectOwnSources(seen);
    expectNothingStray(seen);
  }
  if (holds('resets are exact')) expectExactResets(seen);
  for (const connection of seen.connections) {
    expectOneRoute(seen, connection);
    if (holds('one port for all copies')) expectOnePort(connection);
    if (holds('every answer is reset')) expectLosersReset(connection);
    expectOneWord(connection, holds('refusals are a route’s'));
  }
  if (holds('no half-open connection')) expect(seen.observed.halfOpen, 'half-open connections').toBe(0);
}

/** No packet leaves a route with an address that is not the route's. */
function expectOwnSources(seen: Seen): void {
  const foreign = seen.observed.wire.filter(
    ({ direction, route, source }) => direction === 'out' && !seen.sourcesOn(route).includes(source),
  );
  expect(foreign.map(text), 'addresses that are not the route’s').toEqual([]);
}

/** All that is on a wire or at a client belongs to a connection that a client has begun. */
function expectNothingStray(seen: Seen): void {
  expect(seen.strayOnWire.map(text), 'packets of no connection on a wire').toEqual([]);
  const toClients = seen.strayOnLan.filter(({ direction }) => direction === 'to-client');
  expect(toClients.map(text), 'packets of no connection to a client').toEqual([]);
}

/**
 * A reset without ACK carries the number that a packet before it acknowledged; where nobody has answered a copy that is given up, the
 * number that the server would acknowledge. Nothing else.
 */
function expectExactResets(seen: Seen): void {
  for (const { wire, isn } of seen.connections) {
    for (const [index, reset] of wire.entries()) {
      if (reset.kind !== 'rst' || reset.direction !== 'out') continue;
      // A program's own reset, of its established connection.
      if (reset.flags === 'AR' && wire.some((packet) => isMore(packet) && sameTuple(packet, reset))) continue;
      expect(reset.flags, text(reset)).toBe('R');
      const acknowledged = wire
        .slice(0, index)
        .filter((packet) => isAnswerTo(packet, reset) && packet.flags.includes('A'))
        .map(({ ack }) => ack);
      expect([...acknowledged, (isn + 1) >>> 0], `SEQ of the reset: ${text(reset)}`).toContain(reset.seq);
      expect({ ack: reset.ack, window: reset.window, length: reset.length }, text(reset)).toEqual({
        ...{ ack: 0, window: 0, length: 0 },
      });
    }
  }
}

/** Once decided, nothing but answers to losers leaves by another route. */
function expectOneRoute(seen: Seen, connection: SeenConnection): void {
  const carried = connection.wire.filter(({ direction, kind }) => direction === 'out' && MORE.includes(kind));
  const used = new Set(carried.map(({ route, source, sourcePort }) => `${route} ${source} ${sourcePort}`));
  expect(used.size, [...used].join(', ')).toBeLessThanOrEqual(1);
  const copies = seen.copies(undefined, connection);
  for (const packet of carried) expect(copies.some((copy) => sameTuple(copy, packet))).toBe(true);
}

/** Copies over routes that translate have one port, and every copy is the client's own SYN. */
function expectOnePort({ wire, sourcePort, source, isn }: SeenConnection): void {
  const copies = wire.filter(({ kind, direction }) => kind === 'syn' && direction === 'out');
  const translated = copies.filter((copy) => copy.source !== source);
  expect(new Set(translated.map((copy) => copy.sourcePort)).size).toBeLessThanOrEqual(1);
  for (const copy of copies) {
    if (copy.source === source) expect(copy.sourcePort, text(copy)).toBe(sourcePort);
    expect({ seq: copy.seq, ack: copy.ack, length: copy.length }, text(copy)).toEqual({
      ...{ seq: isn, ack: 0, length: 0 },
    });
  }
}

/** Each SYN+ACK is on the wire that was chosen, or is followed by a reset of its own on its wire. */
function expectLosersReset({ wire }: SeenConnection): void {
  const isCarried = (packet: OnWire): boolean =>
    wire.some((other) => isMore(other) && isAnswerTo(packet, other));
  const losers = wire.filter(
    (packet) => packet.direction === 'in' && packet.kind === 'synack' && !isCarried(packet),
  );
  // BOUNDED: packets of one connection.
  const used = new Set<OnWire>();
  for (const answer of losers) {
    const reset = wire
      .slice(wire.indexOf(answer))
      .find(
        (packet) =>
          packet.kind === 'rst' &&
          isAnswerTo(answer, packet) &&
          packet.seq === answer.ack &&
          !used.has(packet),
      );
    expect(reset, `no reset after ${text(answer)}`).toBeDefined();
    used.add(reset as OnWire);
  }
}

/**
 * A client hears one thing: the SYN+ACK of one route, with its numbers and not before it came, or one refusal, which a route has
 * said of this connection's own copy, in the client's own terms.
 */
function expectOneWord({ lan, wire, isn, client }: SeenConnection, fromRoutes: boolean): void {
  const heard = lan.filter(({ direction }) => direction === 'to-client');
  const errors = heard.filter(({ kind }) => kind === 'rst' || kind === 'icmp-error');
  expect(errors.length, `refusals: ${errors.map(text).join(', ')}`).toBeLessThanOrEqual(
    client.outcome === 'connected' ? 0 : 1,
  );
  for (const synAck of heard.filter(({ kind }) => kind === 'synack')) {
    expect(synAck.ack, text(synAck)).toBe((isn + 1) >>> 0);
    const source = wire.filter(
      ({ kind, direction, seq, at }) =>
        kind === 'synack' && direction === 'in' && seq === synAck.seq && at <= synAck.at,
    );
    expect(source.length, `${text(synAck)}: no route has said that`).toBeGreaterThan(0);
  }
  expect(
    new Set(heard.filter(({ kind }) => kind === 'synack').map(({ seq }) => seq)).size,
  ).toBeLessThanOrEqual(1);
  if (fromRoutes) for (const error of errors) expectTranslated(error, wire, isn);
}

function expectTranslated(error: OnLan, wire: readonly OnWire[], isn: number): void {
  const before = wire.filter(({ direction, at }) => direction === 'in' && at <= error.at);
  if (error.kind === 'rst') {
    expect({ flags: error.flags, ack: error.ack }, text(error)).toEqual({
      flags: 'AR',
      ack: (isn + 1) >>> 0,
    });
    const said = before.filter(({ kind, seq }) => kind === 'rst' && seq === error.seq);
    expect(said.length, `${text(error)}: no route has said that`).toBeGreaterThan(0);
    return;
  }
  expect(error.icmp?.quoted?.seq, text(error)).toBe(isn);
  const code = ({ icmp }: OnLan | OnWire): string => `${icmp?.type}/${icmp?.code}`;
  const said = before.filter(
    (packet) =>
      packet.kind === 'icmp-error' && code(packet) === code(error) && packet.source === error.source,
  );
  expect(said.length, `${text(error)} ${code(error)}: no route has said that`).toBeGreaterThan(0);
}

function isMore({ direction, kind }: OnWire): boolean {
  return direction === 'out' && MORE.includes(kind);
}

function isAnswerTo(packet: OnWire, asked: OnWire): boolean {
  return packet.route === asked.route && answers(packet, asked);
}

/** A packet for a person. */
export function text(packet: OnWire | OnLan): string {
  const where = 'route' in packet ? `${packet.route} ${packet.direction}` : packet.direction;
  const { source, sourcePort, destination, destinationPort, kind, flags, seq, ack, at } = packet;
  const numbers =
    kind === 'icmp-error' ? `${packet.icmp?.type}/${packet.icmp?.code}` : `${flags} ${seq} ${ack}`;
  const time = (at / 1000).toFixed(1);
  return `${time} ${where}: ${source} ${sourcePort} > ${destination} ${destinationPort} ${kind} ${numbers}`;
}

/** The whole run for a person: what a failed case is explained by. */
export function account(seen: Seen): string {
  const all = [...seen.observed.wire, ...seen.observed.lan].sort((one, other) => one.at - other.at);
  const clients = seen.observed.clients.map(
    (client) => `${client.address} ${client.port}: ${client.outcome} after ${client.connectMs.toFixed(1)} ms`,
  );
  return [...all.map(text), ...clients, `half-open ${seen.observed.halfOpen}`].join('\n');
}
