/** What holds of every criterion whatever is known of the routes, and whichever of them come and go. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CRITERION_KINDS } from '../../src/core/choose/criteria/index.js';
import {
  type Candidates,
  type CriterionKind,
  type CriterionOptions,
  createFacts,
  MAX_PLAN,
  type RouteFacts,
} from '../../src/core/choose/criterion.js';

const ROUTES = 16;
const KINDS: readonly CriterionKind[] = Object.values(CRITERION_KINDS);
const PLANNED = KINDS.filter(({ plan }) => plan !== null);

const numbers = Array.from({ length: ROUTES }, (_, i) => i + 1);
const hash = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const options: fc.Arbitrary<CriterionOptions> = fc.record({
  threshold: fc.double({ min: 0, max: 1, noNaN: true }),
  by: fc.constantFrom('client' as const, 'destination' as const, 'client+destination' as const),
});

/** Any routes in any order, with stale entries behind them. */
const candidates: fc.Arbitrary<Candidates> = fc
  .tuple(fc.shuffledSubarray(numbers, { minLength: 1 }), fc.shuffledSubarray(numbers))
  .map(([routes, stale]) => ({ routes: Uint8Array.from([...routes, ...stale]), count: routes.length }));

function facts(value: fc.Arbitrary<number>, weight = value): fc.Arbitrary<RouteFacts> {
  const column = (entry: fc.Arbitrary<number>): fc.Arbitrary<Float64Array> =>
    fc
      .array(entry, { minLength: ROUTES, maxLength: ROUTES })
      .map((values) => Float64Array.from([0, ...values]));
  const columns = Object.keys(createFacts(1)).map((name) => [
    name,
    column(name === 'weight' ? weight : value),
  ]);
  return fc.record(Object.fromEntries(columns)) as fc.Arbitrary<RouteFacts>;
}

const anything = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 0.5, 1e308, -1e308, Number.POSITIVE_INFINITY, Number.NaN),
  fc.double(),
);
/** Few different values, so that there are ties. */
const plausible = facts(
  fc.oneof(fc.integer({ min: -1, max: 3 }), fc.integer({ min: 0, max: 1_000_000 })),
  fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1000 })),
);

function listOf({ routes, count }: Candidates): number[] {
  return Array.from(routes.subarray(0, count));
}

function weightsOf(routes: readonly number[], { weight }: RouteFacts): { of: number[]; total: number } {
  const of = routes.map((route) => weight[route]);
  return { of, total: of.reduce((a, b) => a + b) };
}

function countIn(list: readonly number[], route: number): number {
  return list.filter((entry) => entry === route).length;
}

describe.each(KINDS)('$name', (kind) => {
  it('picks a candidate, whatever the facts, and however they change', () => {
    const step = fc.tuple(candidates, facts(anything), hash);
    fc.assert(
      fc.property(options, fc.array(step, { minLength: 1, maxLength: 8 }), (chosen, steps) => {
        const criterion = kind.create(chosen);
        for (const [among, known, word] of steps) {
          expect(listOf(among)).toContain(criterion.pick(among, known, word));
          if (kind.plan === null) continue;
          const plan = kind.plan(among, known, chosen);
          expect(plan.routes.length).toBeGreaterThanOrEqual(1);
          expect(plan.routes.length).toBeLessThanOrEqual(MAX_PLAN);
          expect(listOf(among)).toEqual(expect.arrayContaining([...new Set(plan.routes)]));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('two services share no state', () => {
    fc.assert(
      fc.property(candidates, plausible, options, (among, known, chosen) => {
        const [a, b] = [kind.create(chosen), kind.create(chosen)];
        const picks = (): number[] => Array.from({ length: 5 }, (_, i) => a.pick(among, known, i * 1e9));
        const alone = picks();
        expect(Array.from({ length: 5 }, (_, i) => b.pick(among, known, i * 1e9))).toEqual(alone);
      }),
      { numRuns: 50 },
    );
  });

  it('changes neither candidates nor facts', () => {
    fc.assert(
      fc.property(candidates, plausible, options, hash, (among, known, chosen, word) => {
        const before = JSON.stringify([among, known]);
        kind.create(chosen).pick(among, known, word);
        kind.plan?.(among, known, chosen);
        expect(JSON.stringify([among, known])).toBe(before);
      }),
      { numRuns: 50 },
    );
  });
});

describe.each(PLANNED)('the plan of $name', (kind) => {
  it('is what the daemon picks', () => {
    fc.assert(
      fc.property(candidates, plausible, options, (among, known, chosen) => {
        const plan = kind.plan!(among, known, chosen);
        const criterion = kind.create(chosen);
        if (plan.kind === 'one') expect(plan.routes).toHaveLength(1);
        // A list of the full length may be nearly exact only.
        if (plan.kind === 'turns' && plan.routes.length === MAX_PLAN) return;
        const length = plan.routes.length;
        for (let i = 0; i < 3 * length; i++) {
          // The first, the last, or some hash of a slot.
          const slot = i % length;
          const [first, next] = [slot, slot + 1].map((s) => Math.ceil((s * 2 ** 32) / length));
          const word = [first, next - 1, Math.floor((first + next) / 2)][Math.floor(i / length)];
          expect(criterion.pick(among, known, word | 0)).toBe(plan.routes[slot]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('round-robin', () => {
  it('two routes that are there all the time are never two connections apart', () => {
    fc.assert(
      fc.property(fc.array(candidates, { minLength: 1, maxLength: 200 }), (steps) => {
        const criterion = CRITERION_KINDS['round-robin'].create({ threshold: 1, by: 'client' });
        const known = createFacts(ROUTES);
        const picks = steps.map((others) => {
          const routes = [...new Set([1, 2, ...listOf(others)])];
          return criterion.pick({ routes: Uint8Array.from(routes), count: routes.length }, known, 0);
        });
        for (let from = 0; from < picks.length; from += 7) {
          const part = picks.slice(from);
          expect(Math.abs(countIn(part, 1) - countIn(part, 2))).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('weighted', () => {
  it('is exact in every cycle', () => {
    fc.assert(
      fc.property(candidates, plausible, (among, known) => {
        const criterion = CRITERION_KINDS.weighted.create({ threshold: 1, by: 'client' });
        const routes = listOf(among);
        const { of, total } = weightsOf(routes, known);
        for (let cycle = 0; cycle < 2; cycle++) {
          const counts = new Float64Array(ROUTES + 1);
          for (let i = 0; i < total; i++) counts[criterion.pick(among, known, 0)]++;
          expect(routes.map((route) => counts[route])).toEqual(of);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('keeps everybody within 1/2 + 1/3 + ... + 1/16 of its due when candidates come and go', () => {
    const bound = numbers.slice(1).reduce((sum, n) => sum + 1 / n, 0) + 1e-9;
    /** Besides any sets the worst ones: those who are furthest behind, or ahead, of their due. */
    const step = fc.oneof(
      candidates,
      fc.record({ sign: fc.constantFrom(1, -1), count: fc.integer({ min: 1, max: ROUTES }) }),
    );
    fc.assert(
      fc.property(plausible, fc.array(step, { minLength: 50, maxLength: 400 }), (known, steps) => {
        const criterion = CRITERION_KINDS.weighted.create({ threshold: 1, by: 'client' });
        const due = new Float64Array(ROUTES + 1);
        for (const wanted of steps) {
          const worst = (sign: number): number[] => [...numbers].sort((a, b) => sign * (due[a] - due[b]));
          const routes = 'sign' in wanted ? worst(wanted.sign).slice(0, wanted.count) : [...listOf(wanted)];
          const { of, total } = weightsOf(routes, known);
          for (const [i, route] of routes.entries()) due[route] += of[i] / total;
          due[criterion.pick({ routes: Uint8Array.from(routes), count: routes.length }, known, 0)]--;
          for (const route of routes) expect(Math.abs(due[route])).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('has a plan whose shares are as near to the weights as its doc comment says', () => {
    fc.assert(
      fc.property(candidates, plausible, (among, known) => {
        const routes = listOf(among);
        if (routes.length === 1) return;
        const { of, total } = weightsOf(routes, known);
        const plan = CRITERION_KINDS.weighted.plan!(among, known, { threshold: 1, by: 'client' });
        const exact = of.map((weight) => (weight / total) * plan.routes.length);
        const raised = exact.filter((entries) => entries < 1).length;
        for (const [i, route] of routes.entries()) {
          const entries = countIn(plan.routes, route);
          expect(entries).toBeGreaterThanOrEqual(1);
          expect(entries).toBeGreaterThan(exact[i] - 1 - raised);
          expect(entries).toBeLessThan(exact[i] + 1);
        }
      }),
    );
  });
});

describe('hash', () => {
  const plan = CRITERION_KINDS.hash.plan!;
  const by: CriterionOptions = { threshold: 1, by: 'client' };

  it('a route that leaves moves its own slots only, and takes the same ones when it returns', () => {
    fc.assert(
      fc.property(candidates, plausible, (among, known) => {
        const routes = listOf(among);
        if (routes.length === 1) return;
        const before = plan(among, known, by).routes;
        const rest = { routes: Uint8Array.from(routes.slice(1)), count: routes.length - 1 };
        const after = plan(rest, known, by).routes;
        for (const [slot, route] of before.entries()) {
          if (route !== routes[0]) expect(after[slot]).toBe(route);
        }
        expect(plan(among, known, by).routes).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it('a weight that grows takes slots and gives none away', () => {
    fc.assert(
      fc.property(candidates, plausible, fc.integer({ min: 1, max: 1000 }), (among, known, more) => {
        const grown = among.routes[0];
        const before = plan(among, known, by).routes;
        known.weight[grown] += more;
        for (const [slot, route] of plan(among, known, by).routes.entries()) {
          if (route !== grown) expect(route).toBe(before[slot]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('the order of the candidates does not matter', () => {
    fc.assert(
      fc.property(candidates, plausible, (among, known) => {
        const reversed = { routes: Uint8Array.from(listOf(among).reverse()), count: among.count };
        expect(plan(reversed, known, by).routes).toEqual(plan(among, known, by).routes);
      }),
      { numRuns: 60 },
    );
  });
});
