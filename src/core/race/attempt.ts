/** One copy of a race on one route: the address it leaves with, and that it leaves. */
import type { Family } from '../../model/address.js';
import { sourceIndex } from '../choose/source.js';
import type { Context } from '../context.js';
import type { EffectSink, EngineRoute, Micros, RaceId } from '../engine-types.js';
import { mapOut } from './prefix.js';
import { ATTEMPT } from './states.js';
import { isTranslated } from './translated.js';

/** Sends the first copy on a route. */
export function enterRoute(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  now: Micros,
  out: EffectSink,
): void {
  context.races.routes[race] |= 1 << route.number;
  if (!takeSource(context, race, route)) {
    context.races.setAttempt(context.races.attempt(race, route.number), ATTEMPT.NOT_SENT);
    return;
  }
  sendAttempt(context, race, route, now, out);
}

/** Sends (again) the copy of one route. */
export function sendAttempt(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  now: Micros,
  out: EffectSink,
): void {
  const { races, counters } = context;
  const at = races.attempt(race, route.number);
  races.setAttempt(at, ATTEMPT.SENT);
  races.attemptSentAt[at] = now;
  if (races.attemptSends[at] < 255) races.attemptSends[at]++;
  counters.attempts[route.number]++;
  out.attempt(race, route.number);
}

/** The address of a route that the client gets, or its own; false when the route has none. */
export function takeSource(context: Context, race: RaceId, route: EngineRoute): boolean {
  const { races } = context;
  const family = races.family[race] as Family;
  const to = races.attempt(race, route.number) * 4;
  if (!isTranslated(context, race, route.number)) {
    for (let i = 0; i < 4; i++) races.attemptAddress[to + i] = races.client[race * 4 + i];
    return true;
  }
  if (family === 6 && mapOut(route.prefixes, races.client, race * 4, races.attemptAddress, to)) return true;
  const pool = route.addresses[family];
  if (pool.length === 0) return false;
  const from = sourceIndex(races.client, race * 4, family, pool.length / 4) * 4;
  for (let i = 0; i < 4; i++) races.attemptAddress[to + i] = pool[from + i];
  return true;
}
