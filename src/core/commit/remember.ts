/** Stage 6: what a race has measured goes into memory, and from there into the kernel. */
import type { AddressWords, Family } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import { lastingRoutes } from '../choose/candidates.js';
import { addressHash } from '../choose/source.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { finishHash, mix } from '../hash.js';
import { noteSilence } from '../health/evidence.js';
import { VERDICT, type Verdict } from '../memory/verdicts.js';
import { ATTEMPT } from '../race/states.js';
import type { RaceTable } from '../race/table.js';
import { interceptedRoute } from './intercepted.js';

/** A loser that has not answered for this long was silent. */
const SILENT_AFTER_MICROS = 900_000;

/** A race has been decided: the winner's time, and what the others have said until now. */
export function rememberDecision(context: Context, race: RaceId, now: Micros, out: EffectSink): void {
  const slot = slotOf(context, race, now, out);
  const { races } = context;
  if (slot >= 0) context.memory.noteRace(slot, askedRoutes(context, race), now);
  for (let route = 1; route <= races.routeCount; route++) {
    const verdict = verdictOf(context, race, route);
    if (verdict !== null && slot >= 0)
      context.memory.note(slot, route, verdict, races.attemptRtt[races.attempt(race, route)], now);
  }
  rememberRescue(context, race, slot, now, out);
  if (slot >= 0)
    tellKernel(context, slot, races.destination, race * 4, races.family[race] as Family, now, out);
}

/** A loser has answered after the decision. */
export function rememberLoser(
  context: Context,
  race: RaceId,
  route: number,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  const verdict = verdictOf(context, race, route);
  const slot = slotOf(context, race, now, out);
  if (slot < 0 || verdict === null) return;
  context.memory.note(slot, route, verdict, races.attemptRtt[races.attempt(race, route)], now);
  tellKernel(context, slot, races.destination, race * 4, races.family[race] as Family, now, out);
}

/** A decided race ends: who has kept silent until now, who was intercepted, and what it says about the routes. */
export function rememberEnd(context: Context, race: RaceId, now: Micros, out: EffectSink): void {
  const { races } = context;
  const family = races.family[race] as Family;
  const slot = slotOf(context, race, now, out);
  const target = addressHash(races.destination, race * 4, family);
  for (let route = 1; route <= races.routeCount; route++) {
    if (!races.hasAttempt(race, route) || route === races.winner[race]) continue;
    const at = races.attempt(race, route);
    if (races.attemptState[at] !== ATTEMPT.SENT) continue;
    if (now - races.attemptSentAt[at] < SILENT_AFTER_MICROS) continue;
    if (slot >= 0) context.memory.note(slot, route, VERDICT.SILENT, 0, now);
    // The rescue has counted already: one connection, one silence.
    if (route !== races.tried[race]) noteSilence(context, route, family, target, 'silent', now, out);
  }
  noteHistory(context, race, now);
  if (slot < 0) return;
  const odd = interceptedRoute(races, race);
  if (odd !== 0) {
    context.memory.note(slot, odd, VERDICT.INTERCEPTED, races.attemptRtt[races.attempt(race, odd)], now);
  }
  tellKernel(context, slot, races.destination, race * 4, family, now, out);
}

/** Memory has chosen here although the kernel could have: it does not know yet, or no longer. */
export function tellChosen(context: Context, packet: Packet, now: Micros, out: EffectSink): void {
  const slot = context.memory.find(packet.destination, 0);
  if (slot >= 0) tellKernel(context, slot, packet.destination, 0, packet.family, now, out);
}

/** Brings the kernel's memory of a destination to what ours would choose now. */
export function tellKernel(
  context: Context,
  slot: number,
  words: AddressWords,
  at: number,
  family: Family,
  now: Micros,
  out: EffectSink,
): void {
  const { memory, told, masks, memorySettings } = context;
  for (let view = 0; view < masks.length; view++) {
    const mask = masks[view];
    const open = lastingRoutes(context, mask, family);
    const before = told.routeOf(slot, view, now);
    const best = keepEqual(
      context,
      slot,
      before,
      memory.best(slot, open, now, memorySettings.trustMicros),
      open,
      now,
    );
    const until = memory.expiry(slot, open, now, memorySettings.trustMicros);
    if (best === 0 || until <= now) {
      if (!told.isHeld(slot, view, now)) continue;
      told.clear(slot, view);
      out.unremember(mask, family, words, at);
      continue;
    }
    const left = until - now;
    // Nothing the kernel would notice: the same route, for most of the time that is left.
    if (before === best && told.untilOf(slot, view) - now > left / 2) continue;
    // Up to a tenth shorter, so that what was learnt together does not expire together.
    const luck = (finishHash(mix(context.settings.secret[0] ^ slot, now | 0)) >>> 0) / 0x1_0000_0000;
    const ttl = Math.floor(left * (1 - luck / 10));
    if (ttl < 1000) continue;
    told.set(slot, view, best, now + ttl, now);
    out.remember(mask, family, words, at, best, ttl);
  }
}

/** Within this the kernel keeps the route that it has: it costs a transaction to change it, and nobody would notice. */
const EQUAL = { times: 1.1, plusMicros: 500 } as const;

function keepEqual(
  { memory, memorySettings }: Context,
  slot: number,
  before: number,
  best: number,
  open: number,
  now: Micros,
): number {
  if (before === 0 || before === best || (open & (1 << before)) === 0) return best;
  // Its own time must count as the best one's does.
  if (memory.best(slot, 1 << before, now, memorySettings.trustMicros) === 0) return best;
  return memory.rttOf(slot, before) <= memory.rttOf(slot, best) * EQUAL.times + EQUAL.plusMicros
    ? before
    : best;
}

/** The entry of a race's destination, made when there is none; -1 when nothing is remembered. */
function slotOf(context: Context, race: RaceId, now: Micros, out: EffectSink): number {
  const { races, memory, memorySettings } = context;
  if (memorySettings.trustMicros === 0) return -1;
  const found = memory.find(races.destination, race * 4);
  if (found >= 0) return found;
  context.leaving = (slot) => forget(context, slot, now, out);
  return memory.take(races.destination, race * 4, now);
}

/** Forgets what has not been used for long, of `count` slots from `from` on. */
export function sweep(context: Context, from: number, count: number, now: Micros, out: EffectSink): void {
  context.leaving = (slot) => forget(context, slot, now, out);
  context.memory.sweep(from, count, now, context.memorySettings.forgetMicros);
}

/** An entry leaves: the kernel forgets it too. */
function forget(context: Context, slot: number, now: Micros, out: EffectSink): void {
  const { memory, told, masks } = context;
  for (let view = 0; view < masks.length; view++) {
    if (!told.isHeld(slot, view, now)) continue;
    told.clear(slot, view);
    out.unremember(masks[view], memory.familyOf(slot), memory.address, slot * 4);
  }
}

/** Bits of the routes whose copies have left. */
function askedRoutes({ races }: Context, race: RaceId): number {
  let mask = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    if (!races.hasAttempt(race, route)) continue;
    if (races.attemptState[races.attempt(race, route)] !== ATTEMPT.NOT_SENT) mask |= 1 << route;
  }
  return mask;
}

/** What a race says of a route; null when it says nothing. */
function verdictOf(context: Context, race: RaceId, route: number): Verdict | null {
  const { races } = context;
  if (!races.hasAttempt(race, route)) return null;
  const at = races.attempt(race, route);
  if (races.attemptState[at] === ATTEMPT.NEGATIVE) return VERDICT.FAILED;
  if (races.attemptState[at] !== ATTEMPT.ANSWERED) return null;
  return races.attemptRtt[at] >= 0 ? VERDICT.ANSWERED : VERDICT.RETRANSMITTED;
}

/** The kernel gave the connection to a route that did not answer, and another one has. */
function rememberRescue(context: Context, race: RaceId, slot: number, now: Micros, out: EffectSink): void {
  const { races } = context;
  const tried = races.tried[race];
  if (tried === 0 || races.winner[race] === tried) return;
  context.counters.rescues[tried]++;
  if (races.hasAttempt(race, tried) && races.attemptState[races.attempt(race, tried)] === ATTEMPT.ANSWERED)
    return;
  if (slot >= 0) context.memory.note(slot, tried, VERDICT.SILENT, 0, now);
  const family = races.family[race] as Family;
  const target = addressHash(races.destination, race * 4, family);
  noteSilence(context, tried, family, target, 'rescued', now, out);
}

/** For `fastest-history`: how far behind the first each route was. */
function noteHistory(context: Context, race: RaceId, now: Micros): void {
  const { races, history } = context;
  let first = Number.POSITIVE_INFINITY;
  let answers = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    const rtt = rttOf(races, race, route);
    if (rtt < 0) continue;
    first = Math.min(first, rtt);
    answers++;
  }
  if (answers < 2) return;
  for (let route = 1; route <= races.routeCount; route++) {
    const rtt = rttOf(races, race, route);
    if (rtt >= 0) history.add(route, rtt - first, now);
  }
}

/** Microseconds; -1: no copy left by this route, or its time is not known. */
function rttOf(races: RaceTable, race: RaceId, route: RouteNumber): number {
  return races.hasAttempt(race, route) ? races.attemptRtt[races.attempt(race, route)] : -1;
}
