/** What a run must have reached, so that it proves something: names of `Report.coverage`. */

import { OUTAGE_KINDS } from './outage.js';
import { AFFINITIES, CRITERIA } from './plan.js';
import type { Report } from './report.js';

/** A shorter run need not reach everything. */
export const ENOUGH_CONNECTIONS = 100_000;

const REACHED: readonly string[] = [
  ...CRITERIA.map((name) => `criterion ${name}`),
  ...AFFINITIES.map((name) => `affinity ${name}`),
  ...OUTAGE_KINDS.map((name) => `outage ${name}`),
  ...OUTAGE_KINDS.filter((name) => name !== 'burst').map((name) => `flaps of ${name}`),
  'sites with a last resort',
  'sites with a route of one family',
  'rescues',
  'interim generations',
  'races without a winner',
  'packet: kept-for-group',
  'packet: syn-repeat',
  'packet: late-syn-ack',
  'packet: held-error',
  'packet: winner-repeat',
  'alone: criterion',
  'alone: affinity',
  'alone: remembered',
  'alone: only-route',
  'alone: no-route',
  'decided by the kernel: group',
  'decided by the kernel: memory',
  'drawn to the daemon',
  'destinations that gave way',
  'verdict answered',
  'verdict retransmitted',
  'verdict failed',
  'verdict silent',
  'verdict slow',
  'health answered',
  'health silent',
  'health rescued',
  'health returned',
  'health checks-failed',
  'health link',
  'health by-command',
  'routes asked: alive',
  'routes asked: dead',
  'routes asked: nobody can tell',
  'next hops asked',
  'checks failed',
  'flows cut',
];

/** What was to be reached and was not; nothing of a run that is too short. */
export function missing({ connections, coverage }: Report): string[] {
  if (connections < ENOUGH_CONNECTIONS) return [];
  return [...new Set(REACHED)].filter((name) => !((coverage[name] ?? 0) > 0));
}
