import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/sim/scenario.js';
import { World } from '../../src/sim/world.js';
import { choices, expected, permutations, type RouteAnswer } from './rules.js';

const ANSWERS: readonly Answer[] = [
  'normal',
  'rst',
  'host-unreachable',
  'port-unreachable',
  'prohibited',
  'ttl-exceeded',
  'silent',
];
const CASES = choices(ANSWERS, 3);

function worldOf(routes: readonly RouteAnswer[]): World {
  return new World({
    providers: routes.map(({ answer, rtt }, i) => ({
      name: `p${i + 1}`,
      link: { delayMs: rtt / 2, reject: answer === 'normal' ? {} : { '*': answer } },
    })),
  });
}

/** Runs one case; returns what differs from the rule. */
function check(routes: readonly RouteAnswer[], family: 4 | 6): string[] {
  const rule = expected(routes, family);
  const world = worldOf(routes);
  const client = world.connect({ at: 0, family: family === 4 ? 'ipv4' : 'ipv6', bytes: 100 });
  const settled = Math.min(rule.at, 11_100);
  world.runUntil(settled + 2000);
  const halfOpen = world.halfOpen;
  world.runUntil(30_000);
  const wrong: string[] = [];
  const same = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) wrong.push(`${what}: found ${found}, expected ${wanted}`);
  };
  same('result', client.result, rule.result);
  same('time', client.connectMicros / 1000, rule.at);
  same('winner', client.winner, rule.winner);
  same('errors', client.errorsReceived, rule.errors);
  same('half-open 2 s later', halfOpen, 0);
  same('half-open at the end', world.halfOpen, 0);
  same('races left', world.gateway.engine.races.active, 0);
  same('bytes acknowledged', client.acknowledged, rule.winner > 0 ? 100 : 0);
  const late = client.arrivals.filter(({ at }) => at > client.startedAt + client.connectMicros);
  same('from others after the end', late.filter(({ provider }) => provider !== rule.winner).length, 0);
  const { started, decided, failed } = world.gateway.engine.counters;
  same('races counted', decided + failed, started);
  if (wrong.length > 0) wrong.unshift(`${JSON.stringify(routes)} IPv${family}`);
  return wrong;
}

/** All cases for one assignment of RTTs; the first few differences, for a person. */
function checkAll(rtts: readonly number[], family: 4 | 6): string[] {
  return CASES.flatMap((answers) =>
    check(
      answers.map((answer, i) => ({ answer, rtt: rtts[i] })),
      family,
    ),
  ).slice(0, 30);
}

describe('the negative-answer matrix: 343 cases', () => {
  it('has 343 cases', () => {
    expect(CASES).toHaveLength(343);
  });

  describe.each([4, 6] as const)('IPv%i', (family) => {
    it.each(permutations([20, 45, 80]))('round-trip times %i, %i, %i ms', (...rtts) => {
      expect(checkAll(rtts, family)).toEqual([]);
    });
  });

  describe('one route much slower than the grace after two resets', () => {
    it.each(permutations([20, 45, 700]))('round-trip times %i, %i, %i ms', (...rtts) => {
      expect(checkAll(rtts, 4)).toEqual([]);
    });
  });

  it('nearly equal round-trip times', () => {
    expect(checkAll([30, 30.002, 30.001], 4)).toEqual([]);
  });
});
