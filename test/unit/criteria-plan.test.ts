/** What the kernel is told to do by itself. */
import { describe, expect, it } from 'vitest';
import { CRITERION_KINDS } from '../../src/core/choose/criteria/index.js';
import {
  type Candidates,
  createFacts,
  type KernelPlan,
  MAX_PLAN,
  type RouteFacts,
} from '../../src/core/choose/criterion.js';

type Columns = Partial<Record<keyof RouteFacts, readonly number[]>>;

function planOf(name: keyof typeof CRITERION_KINDS, routes: readonly number[], columns: Columns): KernelPlan {
  const facts = createFacts(16);
  for (const [column, values] of Object.entries(columns)) facts[column as keyof RouteFacts].set(values, 1);
  const candidates: Candidates = { routes: Uint8Array.from(routes), count: routes.length };
  return CRITERION_KINDS[name].plan!(candidates, facts, { threshold: 0.8, by: 'client' });
}

function entriesOf(plan: KernelPlan, routes: readonly number[]): number[] {
  return routes.map((route) => plan.routes.filter((entry) => entry === route).length);
}

describe('the plan of', () => {
  it('criteria of living load: none, each connection is decided by the daemon', () => {
    for (const name of ['least-connections', 'least-traffic', 'least-weighted-load'] as const)
      expect(CRITERION_KINDS[name].plan).toBeNull();
  });

  it('round-robin: one turn each', () => {
    expect(planOf('round-robin', [3, 1, 2], {})).toEqual({ kind: 'turns', routes: [3, 1, 2] });
    expect(planOf('round-robin', [3], {})).toEqual({ kind: 'one', routes: [3] });
  });

  it('weighted: one cycle, by the smallest whole numbers', () => {
    expect(planOf('weighted', [1, 2, 3], { weight: [500, 100, 100] })).toEqual({
      kind: 'turns',
      routes: [1, 1, 2, 1, 3, 1, 1],
    });
    expect(planOf('weighted', [2], { weight: [500, 100, 100] })).toEqual({ kind: 'one', routes: [2] });
    expect(planOf('weighted', [1, 2], { weight: [511, 1] }).routes).toHaveLength(MAX_PLAN);
  });

  it('weighted: a longer cycle by largest remainder', () => {
    // 1000 in 512 places: 307.2, 153.6 and 51.2.
    const weight = [600, 300, 101];
    // 1001: 306.89, 153.45, 51.66.
    expect(entriesOf(planOf('weighted', [1, 2, 3], { weight }), [1, 2, 3])).toEqual([307, 153, 52]);
  });

  it('weighted: no route is left out, however light', () => {
    const routes = Array.from({ length: 16 }, (_, i) => i + 1);
    const weight = routes.map((route) => (route === 1 ? 1000 : 1));
    // By remainder alone the light ones would have 0.504 entries each: seven of them one, eight none.
    expect(entriesOf(planOf('weighted', routes, { weight }), routes)).toEqual([497, ...Array(15).fill(1)]);
  });

  it('cheapest: the one of lowest cost, or those of equal cost by weight', () => {
    expect(planOf('cheapest', [1, 2, 3], { cost: [3, 1, 2] })).toEqual({ kind: 'one', routes: [2] });
    expect(planOf('cheapest', [1, 2, 3], { cost: [1, 1, 2], weight: [2, 1, 1] })).toEqual({
      kind: 'turns',
      routes: [1, 2, 1],
    });
    const quota = { quota: [5, 0, 0], used: [5, 0, 0] };
    expect(planOf('cheapest', [1, 2, 3], { cost: [0, 1, 2], ...quota })).toEqual({
      kind: 'one',
      routes: [2],
    });
  });

  it('priority, spillover and the fastest ones: one, until the facts change', () => {
    expect(planOf('priority', [3, 1], {})).toEqual({ kind: 'one', routes: [3] });
    const busy = { capacity: [100, 100, 100], traffic: [80, 79, 0] };
    expect(planOf('spillover', [1, 2, 3], busy)).toEqual({ kind: 'one', routes: [2] });
    expect(planOf('fastest-probe', [1, 2], { probe: [9000, 7000] })).toEqual({ kind: 'one', routes: [2] });
    expect(planOf('fastest-history', [1, 2], { history: [9000, 0] })).toEqual({ kind: 'one', routes: [2] });
  });

  it('hash: the winner of each slot', () => {
    const plan = planOf('hash', [1, 2], { weight: [3, 1] });
    expect(plan.kind).toBe('hash');
    expect(plan.routes).toHaveLength(MAX_PLAN);
    expect(new Set(planOf('hash', [2], {}).routes)).toEqual(new Set([2]));
  });
});
