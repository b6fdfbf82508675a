/** Whether the copies of a race get an address of a route, or keep the client's: the service says, else the route. */
import type { Family } from '../../model/address.js';
import type { Context } from '../context.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { mapOut } from './prefix.js';

/** What a race's service says of it. */
export const TRANSLATE = { AS_ROUTE: 0, NEVER: 1, ALWAYS: 2 } as const;

export function translateOf(says: boolean | null | undefined): number {
  if (says === true) return TRANSLATE.ALWAYS;
  return says === false ? TRANSLATE.NEVER : TRANSLATE.AS_ROUTE;
}

export function isTranslated(context: Context, race: RaceId, number: RouteNumber): boolean {
  const { races } = context;
  const route = context.routes[number - 1];
  const says = races.translate[race];
  if (says === TRANSLATE.NEVER) return false;
  // A route that keeps inside addresses may have none of its own.
  return (
    route.translate || (says === TRANSLATE.ALWAYS && route.addresses[races.family[race] as Family].length > 0)
  );
}

/** Its copies get an address of the route and the port of the race; else they keep the client's port. */
export function hasRacePort(context: Context, race: RaceId, number: RouteNumber): boolean {
  const { races, routes } = context;
  if (!isTranslated(context, race, number)) return false;
  return races.family[race] === 4 || !mapOut(routes[number - 1].prefixes, races.client, race * 4, scratch, 0);
}

const scratch = new Int32Array(4);
