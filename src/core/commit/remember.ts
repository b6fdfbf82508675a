/** What a race has measured goes into memory, and from there into the kernel (tell-kernel.ts). */
import { askRace, pinRace } from '../affinity/pin.js';
import { settleGroup } from '../affinity/settle.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { noteSilence } from '../health/evidence.js';
import { interceptedRoute } from '../judge/intercepted.js';
import { TIMES, type Times } from '../memory/times.js';
import { VERDICT, type Verdict } from '../memory/verdicts.js';
import { notePayload } from '../payload/remember.js';
import { isUnsure, mayHaveRepeated, mostTime, UNEVEN } from '../race/attempt.js';
import { ATTEMPT } from '../race/life.js';
import { expectedOf, overdueAfter } from '../race/patience.js';
import type { RaceTable } from '../race/table.js';
import type { Turn } from '../turn.js';
import { forgetInKernel, tellKernel } from './tell-kernel.js';

/** A loser that has not answered for this long was silent. */
const SILENT_AFTER_MICROS = 900_000;

/** Silences in a row of one destination that still say something of the route. */
const STALE_SILENCES = 6;

/** A race has been decided: the carrier's time, and what the others have said until now. */
export function rememberDecision(turn: Turn, race: RaceId): void {
  const slot = slotOf(turn, race);
  const { races, memory } = turn.shard;
  if (slot >= 0) {
    memory.noteRace(slot, askedRoutes(races, race), turn.now, turn.site.memorySettings.forgetMicros);
    for (let route = 1; route <= races.routeCount; route++) noteVerdict(turn, slot, race, route);
  }
  rememberRescue(turn, race, slot);
  if (slot >= 0) tellKernel(turn, slot);
}

/** A loser has answered after the decision. */
export function rememberLoser(turn: Turn, race: RaceId, route: RouteNumber): void {
  const slot = slotOf(turn, race);
  if (slot >= 0 && noteVerdict(turn, slot, race, route)) tellKernel(turn, slot);
}

/**
 * A decided race ends: who has kept silent until now, who was intercepted, and what it says about the routes. `isWhole`: nothing more can come
 * that it would learn from, also of routes that have said nothing.
 */
export function rememberEnd(turn: Turn, race: RaceId, isWhole: boolean): void {
  const { now, shard } = turn;
  const { races, memory } = shard;
  if (races.proven[race] === 0) return;
  const slot = slotOf(turn, race);
  const isOnlyOne = turn.site.protocols[races.protocol[race]].answersOnce;
  for (let route = 1; route <= races.routeCount; route++) {
    if (route === races.carrier[race] || races.stateOf(race, route) !== ATTEMPT.SENT || isOnlyOne) continue;
    const expected = expectedOf(turn, race, route);
    const overdue = expected < 0 ? 0 : overdueAfter(expected);
    if (now - races.attemptSentAt[races.attempt(race, route)] < Math.max(SILENT_AFTER_MICROS, overdue))
      continue;
    // The rescue has counted already: one connection, one silence of the route.
    if (route !== races.tried[race] && isNews(turn, slot, route)) noteSilence(turn, race, route, 'silent');
    if (slot >= 0) memory.note(slot, route, VERDICT.SILENT, 0, now);
    if (route === races.tried[race]) helpOut(turn, race, slot);
  }
  // What has brought a payload is no such thing, whatever it looks like.
  const odd = races.times[race] === TIMES.PAYLOAD ? 0 : interceptedRoute(races, race);
  settleGroup(turn, race, odd, SILENT_AFTER_MICROS);
  noteHistory(turn, race);
  if (odd !== 0) shard.decisions.noteIntercepted(races.decision[race], odd);
  if (slot < 0) return;
  if (odd !== 0) memory.note(slot, odd, VERDICT.INTERCEPTED, races.attemptRtt[races.attempt(race, odd)], now);
  if (isWhole) memory.awaitNobody(slot, now);
  tellKernel(turn, slot);
}

/** Forgets what has not been used for long, of `count` slots from `from` on. */
export function sweep(turn: Turn, from: number, count: number): void {
  turn.shard.leaving = (slot) => forgetInKernel(turn, slot);
  turn.shard.memory.sweep(from, count, turn.now, turn.site.memorySettings.forgetMicros);
}

/** Forgets those from `from` to before `end` that are meant; returns how many. */
export function forget(turn: Turn, from: number, end: number, isMeant: (slot: number) => boolean): number {
  const { memory } = turn.shard;
  turn.shard.leaving = (slot) => forgetInKernel(turn, slot);
  let forgotten = 0;
  for (let slot = from; slot < end; slot++) {
    if (!memory.isUsed(slot) || !isMeant(slot)) continue;
    memory.remove(slot);
    forgotten++;
  }
  return forgotten;
}

/** The entry of a race's destination, made when there is none; -1 when nothing is remembered. */
function slotOf(turn: Turn, race: RaceId): number {
  const { races, memory } = turn.shard;
  if (turn.site.memorySettings.trustMicros === 0) return -1;
  const found = memory.find(races.destination, race * 4, races.times[race] as Times);
  if (found >= 0) return found;
  turn.shard.leaving = (slot) => forgetInKernel(turn, slot);
  return memory.take(races.destination, race * 4, turn.now, races.times[race] as Times);
}

/** Bits of the routes whose copies have left. */
function askedRoutes(races: RaceTable, race: RaceId): number {
  let mask = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    if (races.hasAttempt(race, route) && races.stateOf(race, route) !== ATTEMPT.NOT_SENT) mask |= 1 << route;
  }
  return mask;
}

/** Notes what a race says of a route; false when it says nothing. */
function noteVerdict(turn: Turn, slot: number, race: RaceId, route: RouteNumber): boolean {
  const { races, memory } = turn.shard;
  if (races.times[race] === TIMES.PAYLOAD) return notePayload(turn, slot, race, route);
  let verdict = verdictOf(races, race, route);
  if (verdict === null) return false;
  let time = races.attemptRtt[races.attempt(race, route)];
  if (isUnsure(races, race, route)) {
    // The second answer that has taken so long has not been late by chance, where the route takes long whenever it is heard.
    const most = mostTime(races, race, route);
    const before = memory.verdicts.longest(slot, route);
    const isAsBefore = before >= 0 && Math.abs(before - most) <= most * UNEVEN;
    if (isAsBefore && !mayHaveRepeated(turn, race, route)) verdict = VERDICT.ANSWERED;
    if (verdict !== VERDICT.RETRANSMITTED) time = most;
  }
  memory.note(slot, route, verdict, time, turn.now);
  return true;
}

function verdictOf(races: RaceTable, race: RaceId, route: RouteNumber): Verdict | null {
  const at = races.attempt(race, route);
  if (races.attemptState[at] === ATTEMPT.NEGATIVE) return VERDICT.FAILED;
  if (races.attemptState[at] !== ATTEMPT.ANSWERED) return null;
  if (races.attemptRtt[at] >= 0) return VERDICT.ANSWERED;
  return races.isFlow(race, route) && isUnsure(races, race, route) ? VERDICT.SLOW : VERDICT.RETRANSMITTED;
}

/** The kernel gave the connection to a route that did not answer, and another one has. */
function rememberRescue(turn: Turn, race: RaceId, slot: number): void {
  const { races, memory, counters } = turn.shard;
  const tried = races.tried[race];
  if (tried === 0 || races.carrier[race] === tried) return;
  counters.rescues[tried]++;
  if (races.stateOf(race, tried) === ATTEMPT.ANSWERED) return;
  if (isNews(turn, slot, tried)) noteSilence(turn, race, tried, 'rescued');
  if (slot >= 0) {
    if (mayBeSlow(turn, slot, race, tried)) return;
    memory.note(slot, tried, VERDICT.SILENT, 0, turn.now);
  }
  helpOut(turn, race, slot);
}

/**
 * Where the route that was tried is silent time after time, its group is helped out until that is asked again. The first time may be one
 * lost packet: whoever comes next goes as before. Nothing is pinned by it for good.
 */
function helpOut(turn: Turn, race: RaceId, slot: number): void {
  const { site, shard, now } = turn;
  const { races, memory } = shard;
  const tried = races.tried[race];
  const silences = slot < 0 ? 0 : memory.verdicts.silencesOf(slot, tried);
  if (silences < 2) return;
  if (site.services[races.service[race]]?.criterion === 'race')
    return pinRace(turn, race, races.carrier[race], silences);
  askRace(turn, race, memory.silentUntil(slot, tried, now, site.memorySettings.trustMicros) - now);
}

/** A destination that is silent on a route time after time says nothing new of the route. */
function isNews({ shard: { memory } }: Turn, slot: number, route: RouteNumber): boolean {
  return slot < 0 || memory.verdicts.silencesOf(slot, route) < STALE_SILENCES;
}

/** It has once taken longer than it has had by now. */
function mayBeSlow({ shard, now }: Turn, slot: number, race: RaceId, route: RouteNumber): boolean {
  const { races, memory } = shard;
  const longest = memory.verdicts.longest(slot, route);
  if (longest < 0) return false;
  return races.attemptFirstSentAt[races.attempt(race, route)] + overdueAfter(longest) > now;
}

/** For `fastest-history`: how far behind the first each route was. */
function noteHistory({ site, shard: { races }, now }: Turn, race: RaceId): void {
  let first = Number.POSITIVE_INFINITY;
  let answers = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    const rtt = races.attemptRtt[races.attempt(race, route)];
    if (rtt < 0) continue;
    first = Math.min(first, rtt);
    answers++;
  }
  if (answers < 2) return;
  for (let route = 1; route <= races.routeCount; route++) {
    const rtt = races.attemptRtt[races.attempt(race, route)];
    if (rtt >= 0) site.history.add(route, rtt - first, now);
  }
}
