/** What races show about routes, and what follows when a route's health changes. */
import type { Family } from '../../model/address.js';
import type { HealthReason } from '../../model/reasons.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RouteNumber } from '../engine-types.js';
import { HEALTH } from './health.js';

/** Somebody beyond the next hop has answered by a route. */
export function noteLife(
  context: Context,
  route: RouteNumber,
  family: Family,
  now: Micros,
  out: EffectSink,
): void {
  if (context.health.answered(route, family, now)) tellChange(context, route, family, now, out);
}

/** A destination that another route reaches was silent on this one. */
export function noteSilence(
  context: Context,
  route: RouteNumber,
  family: Family,
  target: number,
  reason: HealthReason,
  now: Micros,
  out: EffectSink,
): void {
  if (context.health.silent(route, family, target, reason, now)) tellChange(context, route, family, now, out);
}

/** What was kept of a route that is down is void: its memory here, and the kernel's by the route's new generation. */
export function tellChange(
  context: Context,
  route: RouteNumber,
  family: Family,
  now: Micros,
  out: EffectSink,
): void {
  if (context.health.of(route, family) === HEALTH.DOWN) {
    context.memory.forgetRoute(route, now, family);
    context.told.forgetRoute(route, (slot) => context.memory.familyOf(slot) === family);
  }
  out.routeChanged(route, context.health.reasonOf(route, family));
}
