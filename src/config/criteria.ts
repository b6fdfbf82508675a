/** The ways to select a route, as the file names them: what each does and which options it takes. */
import { CRITERIA, type CriterionName, type SelectConfig } from '../model/config.js';

/** Keys of `select` beside `criterion`. */
export type SelectOption = 'routes' | 'threshold' | 'period' | 'by' | 'costDelay' | 'atMost';

export interface CriterionDoc {
  readonly meaning: string;
  readonly uses: readonly SelectOption[];
}

export const CRITERION_DOCS: Readonly<Record<CriterionName, CriterionDoc>> = {
  race: {
    meaning:
      'Sends the set-up message by every route at once; the route whose answer comes first carries the connection.',
    uses: ['routes', 'costDelay', 'atMost'],
  },
  'round-robin': { meaning: 'Each new connection takes the next route.', uses: ['routes'] },
  weighted: { meaning: 'New connections in proportion to the routes’ `weight`.', uses: ['routes'] },
  'least-connections': {
    meaning: 'The route with the fewest living connections for its `weight`.',
    uses: ['routes'],
  },
  'least-traffic': {
    meaning:
      'The route with the least traffic for its `capacity`; for its `weight` unless every route says a capacity.',
    uses: ['routes'],
  },
  'least-weighted-load': {
    meaning:
      'The route with the smallest sum of `sessionWeight` over its living connections for its `capacity`; for its `weight` unless every route says a capacity.',
    uses: ['routes'],
  },
  'fastest-probe': {
    meaning:
      'The route whose own checks had the shortest round trip in the last `period`. Every route needs `check`.',
    uses: ['routes', 'period'],
  },
  'fastest-history': {
    meaning:
      'The route that lost the least time in the races of the last `period`, whatever their destination. Its own connections are raced until enough is known, and then a share of them (`memory.refresh`; with 0 none ever).',
    uses: ['routes', 'period'],
  },
  cheapest: {
    meaning:
      'The route with the lowest `cost` whose `quota` is not used up (with `then: alarm` it does not count); equal ones share by `weight`.',
    uses: ['routes'],
  },
  priority: { meaning: 'The first of `routes` that can be used.', uses: ['routes'] },
  spillover: {
    meaning:
      'The first of `routes` whose traffic is below `threshold` of its `capacity`. Every route but the last needs `capacity`.',
    uses: ['routes', 'threshold'],
  },
  hash: {
    meaning: 'The same route for the same `by`; shared in proportion to `weight`.',
    uses: ['routes', 'by'],
  },
};

/** Options that mean something to the criterion. */
export function usesOf(criterion: SelectConfig['criterion']): readonly SelectOption[] {
  return criterion === 'fixed' || criterion === 'rest' ? [] : CRITERION_DOCS[criterion].uses;
}

/** What `select: NAME` means where the routes have these names. */
export function criterionOf(name: string, routes: readonly string[]): SelectConfig['criterion'] | undefined {
  if (isCriterion(name) || name === 'rest') return name;
  return routes.includes(name) ? 'fixed' : undefined;
}

/** Words that no route may be called, in any case of letters, or `select` would be ambiguous. */
export function isReserved(name: string): boolean {
  const word = name.toLowerCase();
  return isCriterion(word) || word === 'rest';
}

export const DEFAULT_THRESHOLD = 0.8;
export const DEFAULT_BY = 'client+destination';
export const DEFAULT_AFFINITY_MS = 30 * 60_000;
/** Of `onDown`. */
export const DEFAULT_GRACE_MS = 5000;

/** How long a measurement counts unless the file says it. */
export function defaultPeriodMs(criterion: SelectConfig['criterion']): number {
  return criterion === 'fastest-history' ? 3_600_000 : 600_000;
}

function isCriterion(name: string): name is CriterionName {
  return (CRITERIA as readonly string[]).includes(name);
}
