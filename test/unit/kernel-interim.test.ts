/** What the kernel's maps say of a route that stands in for one that is away is void when that is back: the generation says so. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { createFacts } from '../../src/core/choose/criterion.js';
import { kernelChoices } from '../../src/daemon/choices.js';
import type { Admin } from '../../src/daemon/engine-routes.js';
import { Numbers } from '../../src/daemon/numbers.js';
import type { KernelChoices } from '../../src/kernel/desired.js';
import type { LaneHealth, RouteHealth } from '../../src/kernel/race-messages.js';

const GENERATION = 7;
const INTERIM = 0x8005;

/** Route a is the first and the dearest, b the second and the cheapest, c the third. */
function config(select: string, more: Record<string, string> = {}): string {
  const cost = { a: 5, b: 0, c: 1 };
  const routes = (['a', 'b', 'c'] as const).map(
    (name, i) =>
      `  ${name}: { interface: wan${i + 1}, gateway: 203.0.${i}.1, addresses: [203.0.${i}.2], cost: ${cost[name]}, check: { targets: [ping 192.0.2.1] }${more[name] ?? ''} }`,
  );
  return `
lan: [lan0]
routes:
${routes.join('\n')}
services:
  - { name: all, match: { tcp: any }, select: ${select} }
rest: { route: a }
`;
}

function lane(missed: boolean): LaneHealth {
  const state = missed ? 'down' : 'up';
  return { state, reason: 'answered', sinceMs: 0, generation: GENERATION, interim: INTERIM, missed };
}

/** The routes whose elements are interim, in the order of their numbers. */
function interim(
  text: string,
  missed: readonly string[],
  adminOf: (name: string) => Admin = () => 'enabled',
  spent: readonly string[] = [],
): string {
  const parsed = parseConfig(text, 'test.yaml');
  const routes = new Numbers(16);
  const services = new Numbers(127);
  routes.assign(parsed.routes.map(({ name }) => name));
  services.assign(parsed.services.map(({ name }) => name));
  const health: RouteHealth[] = parsed.routes.map(({ name }) => ({
    route: routes.of(name),
    4: lane(missed.includes(name)),
    6: lane(false),
  }));
  const choices: KernelChoices = kernelChoices({
    config: parsed,
    resolved: [],
    routes,
    services,
    masks: [],
    health,
    adminOf,
    facts: createFacts(16),
    isSpent: (name) => spent.includes(name),
    now: new Date(2026, 0, 1),
    monotonicMs: 0,
  });
  const [service] = parsed.services;
  const said = parsed.routes.map(({ name }) => ({
    name,
    generation: choices.generation(service, routes.of(name), 4),
  }));
  for (const { generation } of said) expect([GENERATION, INTERIM]).toContain(generation);
  // The other family has lost nothing.
  for (const { name } of parsed.routes) {
    const generation = choices.generation(service, routes.of(name), 6);
    if (adminOf(name) === 'enabled' && missed.length > 0) expect(generation).toBe(GENERATION);
  }
  return said
    .filter(({ generation }) => generation === INTERIM)
    .map(({ name }) => name)
    .join('');
}

describe('what stands in for a route that is away', () => {
  it.each([
    // What is behind it in the order of the service.
    ['priority', ['a'], 'bc'],
    ['priority', ['b'], 'c'],
    ['priority', ['c'], ''],
    ['priority', ['b', 'c'], 'c'],
    ['{ criterion: priority, routes: [c, a, b] }', ['a'], 'b'],
    ['{ criterion: priority, routes: [b, c] }', ['a'], ''],
    // What costs more.
    ['cheapest', ['b'], 'ac'],
    ['cheapest', ['c'], 'a'],
    ['cheapest', ['a'], ''],
    // Whoever is the fastest may be the one that is away.
    ['race', ['a'], 'bc'],
    ['fastest-probe', ['b'], 'ac'],
    ['fastest-history', ['c'], 'ab'],
    // Turns, shares and hashes have no preference.
    ['round-robin', ['a'], ''],
    ['weighted', ['a'], ''],
    ['hash', ['a'], ''],
    ['least-connections', ['a'], ''],
  ])('%s, %j away', (select, missed, expected) => {
    expect(interim(config(select), missed)).toBe(expected);
  });

  it('a last resort does so for everybody, whatever the criterion', () => {
    const lastResort = { a: ', use: last-resort' };
    expect(interim(config('round-robin', lastResort), ['b'])).toBe('a');
    expect(interim(config('priority', lastResort), ['a'])).toBe('');
  });

  it('a route whose quota is used up is away, unless nothing comes back to it', () => {
    expect(interim(config('priority'), [], undefined, ['a'])).toBe('bc');
    expect(interim(config('priority'), [], undefined, ['b'])).toBe('c');
    expect(interim(config('priority', { a: ', failback: stay' }), [], undefined, ['a'])).toBe('');
    expect(interim(config('round-robin'), [], undefined, ['a'])).toBe('');
  });

  it('a route that an operator has taken out is away, unless nothing comes back to it', () => {
    const disabled = (name: string): Admin => (name === 'a' ? 'disabled' : 'enabled');
    expect(interim(config('priority'), [], disabled)).toBe('bc');
    expect(interim(config('priority', { a: ', failback: stay' }), [], disabled)).toBe('');
  });
});
