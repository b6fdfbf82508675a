/** When a race is looked at again: when its next copy leaves, or when its time has come, whichever is first. */
import type { Micros, RaceId } from '../engine-types.js';
import type { Shard } from '../shard.js';

/** Sets when the time of a race comes. */
export function setDeadline(shard: Shard, race: RaceId, at: Micros): void {
  shard.races.dueAt[race] = at;
  plan(shard, race);
}

/** Brings it forward; a later time changes nothing. */
export function bringDeadline(shard: Shard, race: RaceId, at: Micros): void {
  if (at < shard.races.dueAt[race]) setDeadline(shard, race, at);
}

/** Sets when the next waiting copy leaves; Infinity: none waits. */
export function setNextStart(shard: Shard, race: RaceId, at: Micros): void {
  shard.races.nextStart[race] = at;
  plan(shard, race);
}

function plan({ races, deadlines }: Shard, race: RaceId): void {
  deadlines.set(race, Math.min(races.dueAt[race], races.nextStart[race]));
}
