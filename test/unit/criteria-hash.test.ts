/** How evenly `hash` shares its slots: a hash falls into each alike, so this is how it shares connections. */
import { describe, expect, it } from 'vitest';
import { CRITERION_KINDS } from '../../src/core/choose/criteria/index.js';
import { type Candidates, createFacts, MAX_PLAN } from '../../src/core/choose/criterion.js';
import { finishHash } from '../../src/core/hash.js';

const OPTIONS = { threshold: 1, by: 'client' } as const;

function candidates(routes: readonly number[]): Candidates {
  return { routes: Uint8Array.from(routes), count: routes.length };
}

/** Largest difference between a route's share of the slots and its share by weight. */
function errorOf(routes: readonly number[], weights: readonly number[]): number {
  const facts = createFacts(16);
  for (const [i, route] of routes.entries()) facts.weight[route] = weights[i];
  const plan = CRITERION_KINDS.hash.plan!(candidates(routes), facts, OPTIONS);
  expect(plan.routes).toHaveLength(MAX_PLAN);
  const total = weights.reduce((a, b) => a + b);
  const errors = routes.map((route, i) => {
    const slots = plan.routes.filter((entry) => entry === route).length;
    return Math.abs(slots / MAX_PLAN - weights[i] / total);
  });
  return Math.max(...errors);
}

/** `count` numbers from 0 to below `below`, the same in every run. */
function drawn(seed: number, count: number, below: number): number[] {
  return Array.from({ length: count }, (_, i) => (finishHash(seed * 64 + i + 1) >>> 0) % below);
}

describe('hash: shares of the slots', () => {
  it.each([
    [3, 0.013, 0.004],
    [5, 0.021, 0.007],
    [8, 0.025, 0.01],
    [16, 0.035, 0.013],
  ])('any of %i routes, weights from 1 to 10', (most, worst, median) => {
    const errors: number[] = [];
    for (let seed = 0; seed < 300; seed++) {
      const count = 2 + drawn(seed, 1, most - 1)[0];
      const order = drawn(seed + 1000, most, 1 << 20);
      const routes = order.map((_, i) => i + 1).sort((a, b) => order[a - 1] - order[b - 1]);
      const weights = drawn(seed + 2000, count, 10).map((weight) => weight + 1);
      errors.push(errorOf(routes.slice(0, count), weights));
    }
    errors.sort((a, b) => a - b);
    expect(errors[299]).toBeLessThan(worst);
    expect(errors[150]).toBeLessThan(median);
  });

  it.each([
    [1, 1],
    [2, 1],
    [1, 3],
    [10, 1],
  ])('any two routes, weights %i and %i', (...weights) => {
    for (let a = 1; a <= 16; a++)
      for (let b = 1; b < a; b++) expect(errorOf([a, b], weights)).toBeLessThan(0.016);
  });
});

describe('hash: 10 000 connections', () => {
  it('go by slot, the upper bits of the hash', () => {
    const facts = createFacts(3);
    facts.weight.set([5, 3, 2], 1);
    const among = candidates([1, 2, 3]);
    const { routes } = CRITERION_KINDS.hash.plan!(among, facts, OPTIONS);
    const criterion = CRITERION_KINDS.hash.create(OPTIONS);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) {
      const hash = finishHash(i);
      const route = criterion.pick(among, facts, hash);
      expect(route).toBe(routes[hash >>> 23]);
      counts[route]++;
    }
    for (const [i, due] of [5000, 3000, 2000].entries())
      expect(Math.abs(counts[i + 1] - due)).toBeLessThan(200);
  });
});
