/**
 * What must become of an answer, found out by looking at every attempt there is: the rules of the race once more, without
 * its indexes and tables. Nothing is expected where two attempts could be meant.
 */
import type { Input, Verdict } from '../../src/core/contract.js';
import type { Engine } from '../../src/core/engine.js';
import type { RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { isInPool } from '../../src/core/pool.js';
import { ENDS } from '../../src/core/race/ends.js';
import { ATTEMPT, RACE } from '../../src/core/race/life.js';
import { mapOut } from '../../src/core/race/prefix.js';
import { NO_RACE } from '../../src/core/race/table.js';
import { type AddressWords, sameAddress } from '../../src/model/address.js';
import { FLAG, type Packet, PROTOCOL } from '../../src/wire/packet.js';

export interface Expected {
  /** null: this is not said. */
  verdict: Verdict['kind'] | null;
  /** Its sender is told that nobody uses the connection: by a reset for the attempt, or for no race at all. */
  tells: 'cancel' | 'refuse' | null;
  /** The attempt that it is about, and what becomes of that while its race lives; null: none, or this is not said. */
  race: RaceId;
  route: RouteNumber;
  state: number | null;
  /** So many others are told that they have lost, whose yes was kept back. */
  held: number;
}

export const ANYTHING: Expected = {
  verdict: null,
  tells: null,
  race: NO_RACE,
  route: 0,
  state: null,
  held: 0,
};

/** Reused: valid until the next call. */
const expected: Expected = { ...ANYTHING };

export function expectedOf(
  engine: Engine,
  { packet, interfaceIndex, known }: Input & { kind: 'answer' },
): Expected {
  // No program of this bench races datagrams.
  if (packet.protocol === PROTOCOL.UDP) return say('pass');
  const isError = packet.protocol !== PROTOCOL.TCP;
  if (isError && packet.quote.protocol !== PROTOCOL.TCP) return say('pass');
  const matches = isError
    ? search(engine, packet.quote, interfaceIndex)
    : searchSource(engine, packet, interfaceIndex);
  if (matches > 1 || found.isMoved) return ANYTHING;
  const flags = packet.flags & (FLAG.SYN | FLAG.ACK | FLAG.RST | FLAG.FIN);
  const isYes = !isError && flags === (FLAG.SYN | FLAG.ACK);
  if (matches === 1) return isError ? forError(engine, packet) : forAttempt(engine, packet, flags);
  return isYes && !known ? say('drop', 'refuse') : say('pass');
}

/** An error about the attempt that was found is believed when it quotes the right number, and says more than a size. */
function forError({ races }: Engine, { family, icmpType, icmpCode, quote }: Packet): Expected {
  const { race, route } = found;
  const isSize = family === 4 ? icmpType === 3 && icmpCode === 4 : icmpType === 2;
  const isBelieved = !isSize && quote.sequence === races.token[race];
  const state = races.stateOf(race, route);
  return becomes(say('drop'), isBelieved && state === ATTEMPT.SENT ? ATTEMPT.NEGATIVE : state);
}

/** About the attempt that was found. */
function forAttempt(engine: Engine, { acknowledgement }: Packet, flags: number): Expected {
  const { races } = engine;
  const { race, route } = found;
  const state = races.stateOf(race, route);
  const isExact = acknowledgement === ((races.token[race] + 1) | 0);
  const isRacing = races.state[race] === RACE.RACING;
  const isCarrier = !isRacing && races.carrier[race] === route;
  const mayWin = isRacing && (races.trials[race] & (1 << route)) === 0;
  const { joins } = engine.shard;
  const isKeptBack = mayWin && joins.route[race] !== 0 && joins.route[race] !== route;
  if (flags === (FLAG.SYN | FLAG.ACK)) {
    if (!isExact) return becomes(say('drop', 'cancel'), state);
    // Nor is a route on trial told, while nobody carries the connection.
    if (isKeptBack || (isRacing && !mayWin)) return becomes(say('drop'), state);
    if (mayWin) return winner(engine, state);
    if (isCarrier) return becomes(say('pass'), state);
    return becomes(say('drop', sharesEnds(engine) ? null : 'cancel'), ATTEMPT.ANSWERED);
  }
  if (flags === FLAG.SYN && isKeptBack) return becomes(say('drop'), state);
  if (flags === FLAG.SYN && mayWin) return winner(engine, state);
  const isNo = (flags & (FLAG.RST | FLAG.SYN)) === FLAG.RST && (flags & FLAG.ACK) !== 0 && isExact;
  const isDenied = isNo && !isCarrier && state === ATTEMPT.SENT;
  return becomes(say(isCarrier ? 'pass' : 'drop'), isDenied ? ATTEMPT.NEGATIVE : state);
}

/** The first yes, unless its address has left us or it has been told already. */
function winner(engine: Engine, state: number): Expected {
  const wins = isOurs(engine) && state !== ATTEMPT.ANSWERED;
  const value = becomes(say(wins ? 'commit' : 'drop'), wins ? ATTEMPT.ANSWERED : state);
  for (let bits = wins ? engine.shard.joins.held[found.race] : 0; bits !== 0; bits &= bits - 1) value.held++;
  return value;
}

function becomes(value: Expected, state: number): Expected {
  value.race = found.race;
  value.route = found.route;
  value.state = state;
  return value;
}

function say(verdict: Verdict['kind'], tells: Expected['tells'] = null): Expected {
  expected.verdict = verdict;
  expected.tells = tells;
  expected.state = null;
  expected.held = 0;
  return expected;
}

interface Named {
  source: AddressWords;
  sourcePort: number;
  destination: AddressWords;
  destinationPort: number;
}

/** The attempt that was found last. `isMoved`: its race has another port meanwhile, and need not be found. */
const found = { race: 0 as RaceId, route: 0 as RouteNumber, isMoved: false };
const named: Named = {
  source: new Int32Array(4),
  sourcePort: 0,
  destination: new Int32Array(4),
  destinationPort: 0,
};

function searchSource(engine: Engine, packet: Packet, interfaceIndex: number): number {
  named.source = packet.destination;
  named.sourcePort = packet.destinationPort;
  named.destination = packet.source;
  named.destinationPort = packet.sourcePort;
  return search(engine, named, interfaceIndex);
}

/** How many attempts have left with these ends by routes of an interface. */
function search({ races, routes }: Engine, ends: Named, interfaceIndex: number): number {
  let count = 0;
  found.isMoved = false;
  for (let race = 0; race < races.slots; race++) {
    if (races.isFree(race) || races.transport[race] !== PROTOCOL.TCP) continue;
    if (races.destinationPort[race] !== ends.destinationPort) continue;
    if (!sameAddress(races.destination, race * 4, ends.destination, 0)) continue;
    for (const { number, interfaceIndex: own } of routes) {
      const at = races.attempt(race, number);
      if (own !== interfaceIndex || !races.hasAttempt(race, number)) continue;
      if (races.attemptPort[at] !== ends.sourcePort) continue;
      if (!sameAddress(races.attemptAddress, at * 4, ends.source, 0)) continue;
      count++;
      found.race = race;
      found.route = number;
      found.isMoved ||= races.attemptEnds[at] === ENDS.POOL && races.attemptPort[at] !== races.natPort[race];
    }
  }
  return count;
}

const mapped = new Int32Array(4);

/** Whether the route still has the address that the attempt left with. */
function isOurs({ races, routes }: Engine): boolean {
  const { race, route } = found;
  const { addresses, prefixes } = routes[route - 1];
  const at = races.attempt(race, route);
  if (races.attemptEnds[at] === ENDS.OWN) return true;
  if (races.attemptEnds[at] === ENDS.POOL)
    return isInPool(addresses[races.family[race] as 4 | 6], races.attemptAddress, at * 4);
  const isFlow = races.attemptEnds[at] === ENDS.FLOW;
  if (isFlow && isInPool(addresses[races.family[race] as 4 | 6], races.attemptAddress, at * 4)) return true;
  if (isFlow && sameAddress(races.attemptAddress, at * 4, races.client, race * 4)) return true;
  const isMapped = mapOut(prefixes, races.client, race * 4, mapped, 0);
  return isMapped && sameAddress(races.attemptAddress, at * 4, mapped, 0);
}

/** Whether the attempt and the carrier of its race are one connection to the server. */
function sharesEnds({ races }: Engine): boolean {
  const { race, route } = found;
  const carrier = races.carrier[race];
  if (carrier === 0) return false;
  const a = races.attempt(race, route);
  const b = races.attempt(race, carrier);
  const { attemptAddress, attemptPort } = races;
  return attemptPort[a] === attemptPort[b] && sameAddress(attemptAddress, a * 4, attemptAddress, b * 4);
}
