/** The life of a sample: taken when its race begins, over when its server has spoken, or with the race. */
import type { RaceId } from '../engine-types.js';
import type { Protocol } from '../protocols/protocol.js';
import { endRace, hasLearntAll } from '../race/end.js';
import type { FlowEnds } from '../race/ends.js';
import { RACE } from '../race/life.js';
import { NO_RACE } from '../race/table.js';
import type { Turn } from '../turn.js';

/** The race of the set-up in hand, by the shard's plan. What the gateway itself sends passes no rule that tells of payloads. */
export function takeSample(turn: Turn, race: RaceId, protocol: Protocol): void {
  const { shard, now } = turn;
  const { plan, samples, openings } = shard;
  if (turn.flows?.tellsPayloads !== true || turn.isLocal || protocol.opening === null) return;
  if (plan.tried !== 0 || plan.settles || plan.chosen !== null || plan.racers.count < 2) return;
  if (!openings.has(race)) samples.take(race, now);
}

/** The front end has seen words of a flow that is a sample. `isServer`: not the client's. */
export function noteWords(turn: Turn, flow: FlowEnds, isServer: boolean, at: number): void {
  const { races, samples } = turn.shard;
  const race = races.findFlow(flow);
  if (race === NO_RACE || !samples.has(race)) return;
  turn.race = race;
  if (!isServer) return samples.spoke(race, at);
  samples.answered(race, at);
  if (races.state[race] === RACE.DECIDED && hasLearntAll(turn, race)) endRace(turn, race, 'first-reply');
}
