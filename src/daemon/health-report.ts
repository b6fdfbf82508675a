/** What monitoring is to think of the gateway. Pure. */
import type { Health, Status } from '../api/contract.js';
import { verdictOf } from '../api/verdict.js';

export function healthReport({ alarms, routes }: Pick<Status, 'alarms' | 'routes'>): Health {
  const up = routes.filter(({ state }) => state === 'up').length;
  const usable = routes.filter(({ state }) => state === 'up' || state === 'suspect').length;
  return { verdict: verdictOf({ alarms, routes }), routes: { up, usable, all: routes.length }, alarms };
}
