/** What the connection table said to a commit. */
import {
  OUTCOME_REASONS,
  type OutcomeReason,
  SINGLE_REASONS,
  type SingleReason,
} from '../../model/reasons.js';
import { pinWinner } from '../affinity/settle.js';
import { countSession } from '../choose/sessions.js';
import type { RaceId } from '../engine-types.js';
import { setDeadline } from '../race/deadline.js';
import { allAnswered, endRace } from '../race/end.js';
import { RACE } from '../race/life.js';
import type { Turn } from '../turn.js';
import { rememberDecision } from './remember.js';

/** How long a decided race waits for its losers, to measure and tell them; later answers are told all the same. */
export const LINGER_MICROS = 2_000_000;

export function handleCommitted(turn: Turn, race: RaceId, ok: boolean): void {
  const { site, shard, now } = turn;
  const { races, counters } = shard;
  if (races.state[race] !== RACE.COMMITTING) return;
  turn.race = race;
  const route = races.carrier[race];
  if (!ok) {
    // The server holds a connection that nobody will use; and the port is somebody's.
    turn.wire.cancel(race, route, site.protocols[races.protocol[race]].proof(races.token[race]));
    shard.ports.taken(race, now);
    endRace(turn, race, 'tuple-in-use');
    return;
  }
  counters.decided++;
  counters.wins[route]++;
  site.clients.done(races.client, race * 4);
  races.linger(race);
  races.decision[race] = shard.decisions.noteRace(races, race, route, outcomeOf(turn, race), now);
  site.facts.assigned[route]++;
  if (site.countsSessions) countSession(site, route, races.service[race], 1);
  pinWinner(turn, race);
  rememberDecision(turn, race);
  if (allAnswered(turn, race)) endRace(turn, race, 'first-reply');
  else setDeadline(shard, race, now + LINGER_MICROS);
}

function outcomeOf({ shard: { races } }: Turn, race: RaceId): OutcomeReason | SingleReason {
  if (races.chosen[race] !== 0) return SINGLE_REASONS[races.chosen[race] - 1];
  const outcome = OUTCOME_REASONS[races.outcome[race]];
  return outcome === 'first-reply' && races.tried[race] !== 0 ? 'rescued' : outcome;
}
