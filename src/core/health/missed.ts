/**
 * What other routes are given in the place of one that is away is interim: it is void as soon as one is back. So all ways of leaving
 * have one way of coming back.
 */
import type { Family } from '../../model/address.js';
import { isOpen } from '../choose/candidates.js';
import { comesBefore, type Standing } from '../choose/preference.js';
import type { RouteNumber } from '../engine-types.js';
import type { ActiveService, Site } from '../site.js';
import type { Turn } from '../turn.js';

/** Called after everything that may close or open routes. Returns a route that is back; 0: none is. */
export function followAbsence({ site, now }: Turn): RouteNumber {
  let someBack = 0;
  for (const family of FAMILIES) {
    let back = 0;
    for (const { number, configured, callsBack } of site.routes) {
      if (!configured) site.absence.forget(number);
      const isBack = site.absence.note(number, family, isOpen(site, number, family));
      if (!isBack) continue;
      for (const { memory } of site.shards) memory.verdicts.forgive(number, family, now);
      if (callsBack !== false) back = number;
    }
    if (back === 0) continue;
    site.health.endInterim(family);
    for (const { memory, kernelCopy } of site.shards)
      kernelCopy.forgetInterim((slot) => memory.familyOf(slot) === family);
    someBack = back;
  }
  return someBack;
}

/** What a service gives a route now is interim: another one, which its connections would come back to, is away. */
export function isInterim(site: Site, service: ActiveService, route: RouteNumber, family: Family): boolean {
  for (let place = 0; place < service.routes.length; place++) {
    const other = service.routes[place];
    if (other === route || !isMissed(site, other, family)) continue;
    fill(missed, site, other, place);
    // As it will be when its quota is renewed.
    if (site.routes[other - 1].isSpent === true) missed.lastResort = false;
    fill(present, site, route, service.routes.indexOf(route));
    if (comesBefore(service.criterion, missed, present)) return true;
  }
  return false;
}

/** The same for what is remembered over a set of routes: races prefer whoever is the fastest. */
export function isAnyMissed(site: Site, mask: number, family: Family): boolean {
  for (const { number } of site.routes)
    if ((mask & (1 << number)) !== 0 && isMissed(site, number, family)) return true;
  return false;
}

/** It is away, and what has moved away from it will come back. */
export function isMissed({ routes, absence }: Site, route: RouteNumber, family: Family): boolean {
  return absence.isAway(route, family) && routes[route - 1].callsBack !== false;
}

function fill(out: Standing, { routes, facts }: Site, route: RouteNumber, place: number): void {
  out.place = place;
  out.cost = facts.cost[route];
  out.lastResort = routes[route - 1].lastResort;
}

const FAMILIES = [4, 6] as const;
/** Two values, reused. */
const missed: Standing = { place: 0, cost: 0, lastResort: false };
const present: Standing = { place: 0, cost: 0, lastResort: false };
