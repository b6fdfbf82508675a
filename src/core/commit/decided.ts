/** A race is decided and its flow bound: what is counted, noted and remembered of it. */
import type { Family } from '../../model/address.js';
import {
  OUTCOME_REASONS,
  type OutcomeReason,
  SINGLE_REASONS,
  type SingleReason,
} from '../../model/reasons.js';
import { countSession } from '../choose/sessions.js';
import { noteOutcome } from '../choose/standing.js';
import type { Micros, RaceId } from '../engine-types.js';
import { HEALTH } from '../health/health.js';
import { AWAITED_MICROS } from '../memory/table.js';
import { noteInterceptions } from '../payload/remember.js';
import { setDeadline } from '../race/deadline.js';
import { endRace, hasLearntAll } from '../race/end.js';
import { ATTEMPT } from '../race/life.js';
import { overdueAfter } from '../race/patience.js';
import type { Turn } from '../turn.js';
import { rememberDecision } from './remember.js';

/** Of a race with a route in doubt. Later answers are told all the same. */
const LONG_LINGER_MICROS = 4_000_000;

export function decided(turn: Turn, race: RaceId): void {
  const { site, shard, now } = turn;
  const { races, counters, openings } = shard;
  const route = races.carrier[race];
  counters.decided++;
  counters.wins[route]++;
  site.clients.done(races.client, race * 4);
  site.hosts.done(races.host[race]);
  races.linger(race);
  races.decision[race] = noteOutcome(turn, race, route, outcomeOf(turn, race));
  shard.decisionTimes.note(races.service[race], route, now - races.startedAt[race]);
  noteInterceptions(turn, race);
  // A flow that the connection table had before has been counted already; so has one that stays with the answer that its client was shown.
  const isCounted = races.isFlow(race, route) || (openings.has(race) && races.shown[race] === route);
  if (!isCounted) {
    site.facts.assigned[route]++;
    if (site.countsSessions) countSession(site, route, races.service[race], 1);
  }
  races.shown[race] = route;
  // What anybody could have sent carries this connection alone.
  if (races.proven[race] === 1) rememberDecision(turn, race);
  if (hasLearntAll(turn, race)) endRace(turn, race, 'first-reply');
  else setDeadline(shard, race, now + lingerOf(turn, race));
}

/** Routes that are in doubt, or known to be slow, get the time to show that they live. */
function lingerOf({ site, shard: { races } }: Turn, race: RaceId): Micros {
  const family = races.family[race] as Family;
  for (let route = 1; route <= races.routeCount; route++) {
    if (races.stateOf(race, route) !== ATTEMPT.SENT) continue;
    const isInDoubt = route === races.tried[race] || site.health.of(route, family) !== HEALTH.UP;
    if (isInDoubt || overdueAfter(site.roundTrips.of(route, family)) > AWAITED_MICROS)
      return LONG_LINGER_MICROS;
  }
  return AWAITED_MICROS;
}

function outcomeOf({ shard: { races } }: Turn, race: RaceId): OutcomeReason | SingleReason {
  if (races.chosen[race] !== 0) return SINGLE_REASONS[races.chosen[race] - 1];
  const outcome = OUTCOME_REASONS[races.outcome[race]];
  const isRescue = races.tried[race] !== 0 && races.tried[race] !== races.carrier[race];
  return outcome === 'first-reply' && isRescue ? 'rescued' : outcome;
}
