/**
 * Smooth weighted round robin, as nginx has it: each connection gives every candidate its weight as credit; the one with
 * the most credit gets the connection and pays the sum of the weights. Weights 5, 1, 1 give A A B A C A A.
 */
import type { RouteNumber } from '../../engine-types.js';
import { type Candidates, type KernelPlan, MAX_PLAN } from '../criterion.js';
import { createColumn, keepColumns, listOf, weightOf } from './columns.js';

export interface Smooth {
  /** The next one. Ties: the first in the order of the candidates. */
  next(candidates: Candidates, weights: Float64Array): RouteNumber;
  /** All credit as it is now; call it to have that back. */
  keep(): () => void;
}

/**
 * While the candidates stay the same it is exact: whole numbers only, and all credit is zero after each cycle. Credit
 * counts connections, in units of one over the sum of the weights. That sum changes with the candidates, so a route's credit
 * is converted when it is used with another sum; nobody who saved it among heavy routes has a long run among light ones.
 * Whichever of n routes come and go, none is ever more than 1/2 + 1/3 + ... + 1/n connections off the sum of its shares: 2.4 of 16.
 */
export function createSmooth(): Smooth {
  const credit = createColumn();
  /** The sum that the credit of a route is in units of; 0: no credit yet. */
  const unit = createColumn();
  return {
    next({ routes, count }, weights) {
      let total = 0;
      for (let i = 0; i < count; i++) total += weightOf(weights, routes[i]);
      let best = routes[0];
      for (let i = 0; i < count; i++) {
        const route = routes[i];
        if (unit[route] !== total) {
          if (unit[route] !== 0) credit[route] *= total / unit[route];
          unit[route] = total;
        }
        credit[route] += weightOf(weights, route);
        if (credit[route] > credit[best]) best = route;
      }
      credit[best] -= total;
      return best;
    },
    keep: () => keepColumns(credit, unit),
  };
}

/**
 * One whole cycle, in the order in which a fresh `Smooth` goes through it. When it would be longer than MAX_PLAN, it is
 * MAX_PLAN long and only nearly exact: a route's share of it is less than 1/512 off. A route that this would leave less than
 * one entry gets one, and the others together give up less than one entry for each of those.
 */
export function planTurns(candidates: Candidates, weights: Float64Array): KernelPlan {
  const routes = listOf(candidates);
  if (routes.length === 1) return { kind: 'one', routes };
  const entries = cycleOf(routes.map((route) => weightOf(weights, route)));
  const column = createColumn();
  for (const [i, route] of routes.entries()) column[route] = entries[i];
  const smooth = createSmooth();
  const length = entries.reduce((a, b) => a + b);
  return { kind: 'turns', routes: Array.from({ length }, () => smooth.next(candidates, column)) };
}

/** How many entries of a cycle each weight gets. */
function cycleOf(weights: readonly number[]): number[] {
  const divisor = weights.reduce(commonDivisor);
  const length = weights.reduce((a, b) => a + b) / divisor;
  return length <= MAX_PLAN ? weights.map((weight) => weight / divisor) : apportion(weights, MAX_PLAN);
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** Largest remainder, with at least one for each: those who would get less leave the division with one. */
function apportion(weights: readonly number[], places: number): number[] {
  const entries = weights.map(() => 1);
  let sharing = weights.map((_, i) => i);
  let left = places;
  let perWeight = 0;
  for (let before = 0; before !== sharing.length; left -= before - sharing.length) {
    before = sharing.length;
    perWeight = left / sharing.reduce((sum, i) => sum + weights[i], 0);
    sharing = sharing.filter((i) => weights[i] * perWeight >= 1);
  }
  for (const i of sharing) {
    entries[i] = Math.floor(weights[i] * perWeight);
    left -= entries[i];
  }
  const remainder = (i: number): number => weights[i] * perWeight - entries[i];
  const winners = [...sharing].sort((a, b) => remainder(b) - remainder(a)).slice(0, left);
  for (const i of winners) entries[i]++;
  return entries;
}
