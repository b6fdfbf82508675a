/** When a race is looked at again: when its next copy leaves, or when its time has come, whichever is first. */
import type { Context } from '../context.js';
import type { Micros, RaceId } from '../engine-types.js';

/** Sets when the time of a race comes. */
export function setDeadline(context: Context, race: RaceId, at: Micros): void {
  context.races.dueAt[race] = at;
  plan(context, race);
}

/** Brings it forward; a later time changes nothing. */
export function bringDeadline(context: Context, race: RaceId, at: Micros): void {
  if (at < context.races.dueAt[race]) setDeadline(context, race, at);
}

/** Sets when the next waiting copy leaves; Infinity: none waits. */
export function setNextStart(context: Context, race: RaceId, at: Micros): void {
  context.races.nextStart[race] = at;
  plan(context, race);
}

function plan(context: Context, race: RaceId): void {
  const { races, deadlines } = context;
  deadlines.set(race, Math.min(races.dueAt[race], races.nextStart[race]));
}
