/** When the copies of a race leave: at once, or one after the other, the best remembered route first (RFC 8305 section 5). */
import type { Family } from '../../model/address.js';
import { isAvailable, maskOf } from '../choose/candidates.js';
import type { Candidates } from '../choose/criterion.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId } from '../engine-types.js';
import { enterRoute } from './attempt.js';
import { setNextStart } from './deadline.js';

/** RFC 8305 section 8: never sooner, never later; and where nothing is known. */
const GAP_MICROS = { least: 10_000, most: 2_000_000, unknown: 250_000 } as const;
/** The next copy leaves when the answer to the one before is overdue. */
const OVERDUE = { times: 1.25, plus: 5000 } as const;

/** Sends what is due now and notes when the others are. `racers` is in the order of the service. */
export function sendCopies(
  context: Context,
  race: RaceId,
  racers: Candidates,
  atOnce: boolean,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  const staggered = !atOnce && orderByMemory(context, race, racers, now);
  let due = now;
  let first = Number.POSITIVE_INFINITY;
  for (let i = 0; i < racers.count; i++) {
    const number = racers.routes[i];
    const start = due + (atOnce ? 0 : headStart(context, race, racers, number));
    races.attemptDueAt[races.attempt(race, number)] = start;
    first = Math.min(first, start);
    if (staggered) due += gapAfter(context, race, number);
  }
  // Whoever is first need not wait: order and head start may each have put another route there.
  for (let i = 0; i < racers.count; i++) {
    const number = racers.routes[i];
    const at = races.attempt(race, number);
    if (races.attemptDueAt[at] <= first) {
      enterRoute(context, race, context.routes[number - 1], now, out);
    } else {
      races.attemptDueAt[at] -= first - now;
      races.waiting[race] |= 1 << number;
    }
  }
  planNext(context, race);
}

/** Sends the waiting copies that are due. */
export function sendDue(context: Context, race: RaceId, now: Micros, out: EffectSink): void {
  const { races } = context;
  if (races.waiting[race] === 0) return;
  for (const route of context.routes) {
    if ((races.waiting[race] & (1 << route.number)) === 0) continue;
    if (races.attemptDueAt[races.attempt(race, route.number)] > now) continue;
    leaveWaiting(context, race, route.number, now, out);
  }
  planNext(context, race);
}

/** A route has said no: the next copy does not wait any longer. */
export function sendNext(context: Context, race: RaceId, now: Micros, out: EffectSink): void {
  const { races } = context;
  if (races.waiting[race] === 0) return;
  let next = 0;
  for (const { number } of context.routes) {
    if ((races.waiting[race] & (1 << number)) === 0) continue;
    const due = races.attemptDueAt[races.attempt(race, number)];
    if (next === 0 || due < races.attemptDueAt[races.attempt(race, next)]) next = number;
  }
  if (next !== 0) leaveWaiting(context, race, next, now, out);
  planNext(context, race);
}

/** The race is decided, or its copies leave otherwise: nothing waits any more. */
export function dropWaiting(context: Context, race: RaceId): void {
  const { races } = context;
  if (races.waiting[race] === 0) return;
  races.waiting[race] = 0;
  setNextStart(context, race, Number.POSITIVE_INFINITY);
}

function leaveWaiting(context: Context, race: RaceId, number: number, now: Micros, out: EffectSink): void {
  const { races } = context;
  races.waiting[race] &= ~(1 << number);
  const route = context.routes[number - 1];
  if (isAvailable(route, races.family[race] as Family)) enterRoute(context, race, route, now, out);
}

function planNext(context: Context, race: RaceId): void {
  const { races } = context;
  let next = Number.POSITIVE_INFINITY;
  for (const { number } of context.routes) {
    if ((races.waiting[race] & (1 << number)) === 0) continue;
    next = Math.min(next, races.attemptDueAt[races.attempt(race, number)]);
  }
  if (next !== races.nextStart[race]) setNextStart(context, race, next);
}

/** Puts the racers into the order of memory; false when all copies leave at once. */
function orderByMemory(context: Context, race: RaceId, racers: Candidates, now: Micros): boolean {
  const { races, memory, memorySettings } = context;
  const { stagger, trustMicros, forgetMicros } = memorySettings;
  // On trial a route shall be compared with all the others.
  if (stagger === 'never' || races.trials[race] !== 0) return false;
  const slot = trustMicros === 0 ? -1 : memory.find(races.destination, race * 4);
  const mask = maskOf(racers);
  // Still trusted, and raced all the same: to measure all routes again.
  if (slot >= 0 && memory.expiry(slot, mask, now, trustMicros) > now) return false;
  if (slot < 0 || !memory.isKnown(slot, mask, now, forgetMicros)) return stagger === 'always';
  racers.count = memory.order(slot, mask, now, forgetMicros, racers.routes);
  return true;
}

/** How long the copy after this one waits. */
function gapAfter(context: Context, race: RaceId, number: number): Micros {
  const { memory, races } = context;
  const slot = memory.find(races.destination, race * 4);
  const rtt = slot < 0 ? -1 : memory.rttOf(slot, number);
  if (rtt < 0) return GAP_MICROS.unknown;
  return Math.min(GAP_MICROS.most, Math.max(GAP_MICROS.least, rtt * OVERDUE.times + OVERDUE.plus));
}

/** Cheaper routes start earlier, where the service says so. */
function headStart(context: Context, race: RaceId, racers: Candidates, number: number): Micros {
  const perUnit = context.services[context.races.service[race]]?.costDelayMicros ?? 0;
  if (perUnit === 0) return 0;
  const { cost } = context.facts;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < racers.count; i++) least = Math.min(least, cost[racers.routes[i]]);
  return Math.min(GAP_MICROS.most, (cost[number] - least) * perUnit);
}
