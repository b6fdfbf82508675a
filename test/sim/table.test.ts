import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compare, type Outcome, tableText } from '../../src/sim/compare.js';
import type { Link, Scenario } from '../../src/sim/scenario.js';

const LOAD = { connections: 300, everyMs: 50 };
const FILE = new URL('table.expected.txt', import.meta.url);

/** Three servers, each nearest by another provider. */
function scenario(link: Partial<Link>, b: Partial<Link> = {}): Scenario {
  return {
    seed: 42,
    providers: [
      { name: 'a', link: { delayMs: 8, jitterMs: 2, ...link } },
      { name: 'b', link: { delayMs: 5, jitterMs: 6, ...link, ...b } },
      { name: 'c', link: { delayMs: 11, jitterMs: 1, ...link } },
    ],
    servers: [
      { name: 'near a', distanceMs: { a: 2, b: 25, c: 18 } },
      { name: 'near b', distanceMs: { a: 30, b: 4, c: 20 } },
      { name: 'near c', distanceMs: { a: 40, b: 60, c: 3 } },
    ],
  };
}

const SCENARIOS: readonly (readonly [string, Scenario])[] = [
  ['no loss', scenario({})],
  ['1 % loss each way', scenario({ loss: 0.01 })],
  ['5 % loss each way', scenario({ loss: 0.05 })],
  ['5 % loss, 10 % reordered by 20 ms', scenario({ loss: 0.05, reorder: 0.1, reorderMs: 20 })],
  ['b is a blackhole', scenario({}, { blackhole: true })],
  ['b refuses with ICMP 3/13', scenario({}, { reject: { '*': 'prohibited' } })],
  ['b resets', scenario({}, { reject: { '*': 'rst' } })],
];

const blocks: [string, Outcome[]][] = SCENARIOS.map(([title, each]) => [title, compare(each, LOAD)]);

describe('simulated connect times', () => {
  it('are those of the committed table (PATHRACE_UPDATE=1 writes it anew; then read the difference)', () => {
    const text = tableText(blocks);
    if (process.env.PATHRACE_UPDATE === '1') writeFileSync(FILE, text);
    expect(text).toBe(readFileSync(FILE, 'utf8'));
  });

  it.each(blocks)('%s: racing loses no connection and leaves nothing behind', (_, [race]) => {
    expect(race.failed).toBe(0);
    expect(race.halfOpenLeft).toBe(0);
  });

  it.each(blocks)(
    '%s: racing is not slower than the best single route that loses none',
    (_, [race, ...alone]) => {
      const best = Math.min(...alone.filter(({ failed }) => failed === 0).map(({ meanMs }) => meanMs));
      expect(race.meanMs).toBeLessThanOrEqual(best);
      expect(race.p95Ms).toBeLessThanOrEqual(
        Math.min(...alone.filter(({ failed }) => failed === 0).map(({ p95Ms }) => p95Ms)),
      );
    },
  );
});
