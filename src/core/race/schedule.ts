/** When the copies of a race leave: at once, or one after the other, the best remembered route first (RFC 8305 section 5). */
import type { Family } from '../../model/address.js';
import { isAvailable, maskOf } from '../choose/candidates.js';
import type { Candidates } from '../choose/criterion.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import { TIMES, type Times } from '../memory/times.js';
import type { Turn } from '../turn.js';
import { enterRoute } from './attempt.js';
import { setNextStart } from './deadline.js';
import { ATTEMPT_EVENT } from './life.js';
import { overdueAfter } from './patience.js';

/** RFC 8305 section 8: never sooner, never later; and where nothing is known. */
const GAP_MICROS = { least: 10_000, most: 2_000_000, unknown: 250_000 } as const;
/** A last resort is asked when the answer of the others is overdue; a client's repeat of its SYN ends the wait. */
const BACKUP_MICROS = { least: 250_000, most: 2_000_000, unknown: 500_000 } as const;

/** Sends what of the plan is due now and notes when the others are. */
export function sendCopies(turn: Turn, race: RaceId): void {
  const { now, shard } = turn;
  const { races } = shard;
  const { racers, atOnce, notBefore } = shard.plan;
  const staggered = !atOnce && (leads(turn, race) || orderByMemory(turn, race, racers));
  let due = Math.max(now, notBefore);
  let first = notBefore > now ? now : Number.POSITIVE_INFINITY;
  for (let i = 0; i < racers.count; i++) {
    const number = racers.routes[i];
    if (races.hasAttempt(race, number)) continue;
    // A last resort waits for the others, and a route whose silence is to be asked about waits for nobody.
    const backup = atOnce ? 0 : backupDelay(turn, race, number);
    const isApart = backup > 0 || (staggered && isDue(turn, race, number));
    const start =
      (isApart ? Math.max(now, notBefore) + backup : due) + (atOnce ? 0 : headStart(turn, race, number));
    races.attemptDueAt[races.attempt(race, number)] = start;
    first = Math.min(first, start);
    if (staggered && !isApart) due += gapAfter(turn, race, number);
  }
  // Whoever is first need not wait: order and head start may each have put another route there.
  for (let i = 0; i < racers.count; i++) {
    const number = racers.routes[i];
    if (races.hasAttempt(race, number)) continue;
    const at = races.attempt(race, number);
    if (races.attemptDueAt[at] <= first) {
      enterRoute(turn, race, number);
    } else {
      races.attemptDueAt[at] -= first - now;
      races.stepAttempt(race, number, ATTEMPT_EVENT.WAIT);
    }
  }
  planNext(turn, race);
}

/** Sends the waiting copies that are due. */
export function sendDue(turn: Turn, race: RaceId): void {
  const { races } = turn.shard;
  for (let route = 1; races.waiting[race] !== 0 && route <= races.routeCount; route++) {
    if (!isWaiting(turn, race, route)) continue;
    if (races.attemptDueAt[races.attempt(race, route)] <= turn.now) leaveWaiting(turn, race, route);
  }
  planNext(turn, race);
}

/** A route has said no: the next copy does not wait any longer. */
export function sendNext(turn: Turn, race: RaceId): void {
  const { races } = turn.shard;
  if (races.waiting[race] === 0) return;
  let next = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    if (!isWaiting(turn, race, route)) continue;
    const due = races.attemptDueAt[races.attempt(race, route)];
    if (next === 0 || due < races.attemptDueAt[races.attempt(race, next)]) next = route;
  }
  leaveWaiting(turn, race, next);
  planNext(turn, race);
}

/** The race is decided, or its copies leave otherwise: nothing waits any more. */
export function dropWaiting(turn: Turn, race: RaceId): void {
  const { races } = turn.shard;
  if (races.waiting[race] === 0) return;
  for (let route = 1; route <= races.routeCount; route++)
    races.stepAttempt(race, route, ATTEMPT_EVENT.STOP_WAITING);
  setNextStart(turn.shard, race, Number.POSITIVE_INFINITY);
}

/** One copy does not wait for its turn. */
export function sendAtOnce(turn: Turn, race: RaceId, route: RouteNumber): void {
  leaveWaiting(turn, race, route);
  planNext(turn, race);
}

/** A copy leaves later, unless the race is decided before. */
export function sendLater(turn: Turn, race: RaceId, route: RouteNumber, due: Micros): void {
  const { races } = turn.shard;
  races.attemptDueAt[races.attempt(race, route)] = due;
  races.stepAttempt(race, route, ATTEMPT_EVENT.WAIT);
  planNext(turn, race);
}

function leaveWaiting(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  const family = races.family[race] as Family;
  if (isAvailable(turn.site.routes[route - 1], family)) enterRoute(turn, race, route);
  else races.stepAttempt(race, route, ATTEMPT_EVENT.STOP_WAITING);
}

function planNext(turn: Turn, race: RaceId): void {
  const { races } = turn.shard;
  let next = Number.POSITIVE_INFINITY;
  for (let route = 1; races.waiting[race] !== 0 && route <= races.routeCount; route++) {
    if (isWaiting(turn, race, route)) next = Math.min(next, races.attemptDueAt[races.attempt(race, route)]);
  }
  if (next !== races.nextStart[race]) setNextStart(turn.shard, race, next);
}

function isWaiting({ shard: { races } }: Turn, race: RaceId, route: RouteNumber): boolean {
  return (races.waiting[race] & (1 << route)) !== 0;
}

/** Puts the route that is remembered before the others; false: there is none. */
function leads({ shard: { plan, races } }: Turn, race: RaceId): boolean {
  const { leader, racers } = plan;
  if (leader === 0 || races.trials[race] !== 0) return false;
  let at = 0;
  while (at < racers.count && racers.routes[at] !== leader) at++;
  if (at === racers.count) return false;
  for (; at > 0; at--) racers.routes[at] = racers.routes[at - 1];
  racers.routes[0] = leader;
  return true;
}

/** Puts the racers into the order of memory; false when all copies leave at once. */
function orderByMemory({ site, shard, now }: Turn, race: RaceId, racers: Candidates): boolean {
  const { races, memory } = shard;
  const { stagger, trustMicros, forgetMicros } = site.memorySettings;
  // On trial a route shall be compared with all the others.
  const times = races.times[race];
  const hasOrder = times === TIMES.CONNECT || times === TIMES.PAYLOAD;
  if (stagger === 'never' || races.trials[race] !== 0 || !hasOrder) return false;
  const slot = trustMicros === 0 ? -1 : memory.find(races.destination, race * 4, races.times[race] as Times);
  const mask = maskOf(racers);
  // Still trusted, and raced all the same: to measure all routes again.
  if (slot >= 0 && memory.expiry(slot, mask, now, trustMicros) > now) return false;
  if (slot < 0 || !memory.isKnown(slot, mask, now, forgetMicros)) return stagger === 'always';
  racers.count = memory.order(slot, mask, now, forgetMicros, racers.routes);
  return true;
}

/** How long the copy after this one waits: until the answer to it is overdue. */
function gapAfter({ shard: { memory, races } }: Turn, race: RaceId, route: RouteNumber): Micros {
  const slot = memory.find(races.destination, race * 4, races.times[race] as Times);
  const rtt = slot < 0 ? -1 : memory.rttOf(slot, route);
  if (rtt < 0) return GAP_MICROS.unknown;
  return Math.min(GAP_MICROS.most, Math.max(GAP_MICROS.least, overdueAfter(rtt)));
}

/** The route was silent for this destination: whether it is back shows only if it is asked before the others have answered. */
function isDue({ site, shard: { memory, races }, now }: Turn, race: RaceId, route: RouteNumber): boolean {
  const slot = memory.find(races.destination, race * 4, races.times[race] as Times);
  return slot >= 0 && memory.isDue(slot, route, now, site.memorySettings.trustMicros);
}

/** How long a last resort waits for the others of the race to answer; 0: it is none, or there are no others. */
function backupDelay({ site, shard }: Turn, race: RaceId, route: RouteNumber): Micros {
  if (!site.routes[route - 1].lastResort) return 0;
  const { memory, races, plan } = shard;
  const slot = memory.find(races.destination, race * 4, races.times[race] as Times);
  let delay = 0;
  for (let i = 0; i < plan.racers.count; i++) {
    const other = plan.racers.routes[i];
    if (site.routes[other - 1].lastResort) continue;
    const rtt = slot < 0 ? -1 : memory.rttOf(slot, other);
    const overdue = rtt < 0 ? BACKUP_MICROS.unknown : overdueAfter(rtt);
    delay = Math.max(delay, Math.min(BACKUP_MICROS.most, Math.max(BACKUP_MICROS.least, overdue)));
  }
  return delay;
}

/** Cheaper routes start earlier, where the service says so. */
function headStart({ site, shard }: Turn, race: RaceId, route: RouteNumber): Micros {
  const { racers } = shard.plan;
  const perUnit = site.services[shard.races.service[race]]?.costDelayMicros ?? 0;
  if (perUnit === 0) return 0;
  const { cost } = site.facts;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < racers.count; i++) least = Math.min(least, cost[racers.routes[i]]);
  return Math.min(GAP_MICROS.most, (cost[route] - least) * perUnit);
}
