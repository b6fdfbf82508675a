/** Who gets 10 000 connections, criterion by criterion, against a distribution worked out by hand. */
import { describe, expect, it } from 'vitest';
import { CRITERION_KINDS } from '../../src/core/choose/criteria/index.js';
import {
  type Candidates,
  type CriterionOptions,
  createFacts,
  type RouteFacts,
} from '../../src/core/choose/criterion.js';
import { CRITERIA } from '../../src/model/config.js';

const OPTIONS: CriterionOptions = { threshold: 0.8, by: 'client+destination' };

type Name = keyof typeof CRITERION_KINDS;
/** Values of routes 1, 2, 3, ... for some columns of the facts. */
type Columns = Partial<Record<keyof RouteFacts, readonly number[]>>;

function candidates(...routes: number[]): Candidates {
  return { routes: Uint8Array.from(routes), count: routes.length };
}

function factsOf(columns: Columns): RouteFacts {
  const facts = createFacts(16);
  for (const [name, values] of Object.entries(columns)) facts[name as keyof RouteFacts].set(values, 1);
  return facts;
}

/** Chooses `connections` times; returns how many each route got. `assigned` is told after each choice. */
function distribute(
  name: Name,
  connections: number,
  among: Candidates,
  facts: RouteFacts,
  assigned: (route: number, connection: number) => void = () => {},
): number[] {
  const criterion = CRITERION_KINDS[name].create(OPTIONS);
  const counts = Array.from(among.routes, () => 0);
  for (let i = 0; i < connections; i++) {
    // Spread over all hashes, in no order.
    const route = criterion.pick(among, facts, Math.imul(i, 0x9e3779b1));
    counts[among.routes.indexOf(route)]++;
    assigned(route, i);
  }
  return counts;
}

function sequence(name: Name, connections: number, among: Candidates, facts: RouteFacts): number[] {
  const criterion = CRITERION_KINDS[name].create(OPTIONS);
  return Array.from({ length: connections }, () => criterion.pick(among, facts, 0));
}

function chosen(name: Name, columns: Columns, among = candidates(1, 2, 3)): number {
  return sequence(name, 1, among, factsOf(columns))[0];
}

it('every criterion but race is listed, under its own name', () => {
  expect(Object.keys(CRITERION_KINDS).sort()).toEqual(CRITERIA.filter((name) => name !== 'race').sort());
  for (const [name, kind] of Object.entries(CRITERION_KINDS)) expect(kind.name).toBe(name);
});

describe('round-robin', () => {
  it('gives every route the same', () => {
    expect(distribute('round-robin', 9999, candidates(3, 1, 2), createFacts(3))).toEqual([3333, 3333, 3333]);
    expect(distribute('round-robin', 10_000, candidates(1, 2), factsOf({ weight: [9, 1] }))).toEqual([
      5000, 5000,
    ]);
  });

  it('goes in the order of the service', () => {
    expect(sequence('round-robin', 7, candidates(3, 1, 2), createFacts(3))).toEqual([3, 1, 2, 3, 1, 2, 3]);
  });

  it('starves nobody when candidates alternate', () => {
    const criterion = CRITERION_KINDS['round-robin'].create(OPTIONS);
    const facts = createFacts(3);
    const all = Array.from({ length: 6 }, () => {
      criterion.pick(candidates(1), facts, 0);
      return criterion.pick(candidates(1, 2, 3), facts, 0);
    });
    expect(all).toEqual([2, 3, 2, 3, 2, 3]);
  });

  it('gives a route that returns one turn at once, not all that it missed', () => {
    const criterion = CRITERION_KINDS['round-robin'].create(OPTIONS);
    const facts = createFacts(2);
    for (let i = 0; i < 1000; i++) criterion.pick(candidates(1), facts, 0);
    const after = Array.from({ length: 4 }, () => criterion.pick(candidates(1, 2), facts, 0));
    expect(after).toEqual([2, 1, 2, 1]);
  });
});

describe('weighted', () => {
  it('gives every route its weight in every cycle', () => {
    const facts = factsOf({ weight: [5, 3, 2] });
    expect(distribute('weighted', 10_000, candidates(1, 2, 3), facts)).toEqual([5000, 3000, 2000]);
    expect(distribute('weighted', 10, candidates(1, 2, 3), facts)).toEqual([5, 3, 2]);
    expect(distribute('weighted', 10_010, candidates(1, 2), factsOf({ weight: [1000, 1] }))).toEqual([
      10_000, 10,
    ]);
  });

  it('interleaves', () => {
    expect(sequence('weighted', 7, candidates(1, 2, 3), factsOf({ weight: [5, 1, 1] }))).toEqual([
      1, 1, 2, 1, 3, 1, 1,
    ]);
  });

  it('carries no long run from heavy routes to light ones', () => {
    const criterion = CRITERION_KINDS.weighted.create(OPTIONS);
    const facts = factsOf({ weight: [1, 1, 1000] });
    for (let i = 0; i < 450; i++) criterion.pick(candidates(1, 3), facts, 0);
    const after = Array.from({ length: 6 }, () => criterion.pick(candidates(1, 2), facts, 0));
    expect(after).toEqual([1, 2, 1, 2, 1, 2]);
  });
});

describe('least-connections', () => {
  const living = (columns: Columns, connections: number, lifetime = Number.POSITIVE_INFINITY): number[] => {
    const facts = factsOf(columns);
    const routes: number[] = [];
    return distribute('least-connections', connections, candidates(1, 2, 3), facts, (route, i) => {
      routes.push(route);
      facts.sessions[route]++;
      if (i >= lifetime) facts.sessions[routes[i - lifetime]]--;
    });
  };

  it('levels the living sessions by weight', () => {
    expect(living({ weight: [5, 3, 2] }, 10_000)).toEqual([5000, 3000, 2000]);
  });

  it('fills the emptier routes first', () => {
    // Levels at 10 500 sessions on three routes: 3500 on each.
    expect(living({ sessions: [400, 100, 0] }, 10_000)).toEqual([3100, 3400, 3500]);
  });

  it('spreads short sessions too', () => {
    expect(living({}, 9999, 1)).toEqual([3333, 3333, 3333]);
  });

  it('prefers the cheaper of equals, then takes turns', () => {
    expect(chosen('least-connections', { sessions: [4, 8, 4], weight: [1, 2, 1], cost: [2, 1, 2] })).toBe(2);
    expect(sequence('least-connections', 5, candidates(1, 2, 3), createFacts(3))).toEqual([1, 2, 3, 1, 2]);
    const facts = factsOf({ cost: [5, 1, 1] });
    expect(sequence('least-connections', 4, candidates(1, 2, 3), facts)).toEqual([2, 3, 2, 3]);
  });
});

describe('least-traffic', () => {
  /** Each session carries `rate` for ever; traffic is measured every `interval` connections. */
  const measured = (columns: Columns, rate: number, interval: number): number[] => {
    const facts = factsOf(columns);
    return distribute('least-traffic', 10_000, candidates(1, 2, 3), facts, (route, i) => {
      facts.sessions[route]++;
      facts.assigned[route]++;
      if ((i + 1) % interval !== 0) return;
      for (let r = 1; r <= 3; r++) {
        facts.traffic[r] += facts.assigned[r] * rate;
        facts.assigned[r] = 0;
      }
    });
  };

  it('levels by capacity, however rarely it is measured', () => {
    const capacity = [500e6, 300e6, 200e6];
    for (const interval of [1, 100, 10_000])
      expect(measured({ capacity }, 1e6, interval)).toEqual([5000, 3000, 2000]);
  });

  it('goes by weight when one capacity is not known', () => {
    expect(measured({ capacity: [1e9, 1e6, 0], weight: [5, 3, 2] }, 1e6, 100)).toEqual([5000, 3000, 2000]);
  });

  it('lets no herd run to the route that was emptiest in the last measurement', () => {
    // Two sessions of 10 Mbit/s each on routes 1 and 2, none on 3: two fill it to their level, then all three alike.
    const facts = factsOf({ traffic: [20e6, 20e6, 0], sessions: [2, 2, 0] });
    const counts = distribute('least-traffic', 32, candidates(1, 2, 3), facts, (route) => {
      facts.sessions[route]++;
      facts.assigned[route]++;
    });
    expect(counts).toEqual([10, 10, 12]);
  });

  it('fills idle lines evenly, also when one is not quite silent', () => {
    const facts = factsOf({ traffic: [900, 0, 0] });
    const counts = distribute('least-traffic', 9999, candidates(1, 2, 3), facts, (route) => {
      facts.assigned[route]++;
    });
    expect(counts).toEqual([3333, 3333, 3333]);
  });
});

describe('least-weighted-load', () => {
  /**
   * RFC 2391 section 5.1: a session of FTP weighs 5x, one of TELNET x; S3 is 3 times as powerful as S1. S1 has one of each,
   * 6x; S3 has 2 of FTP and 5 of TELNET, (2 * 5x + 5x) / 3 = 5x, so S3 gets the next session of TELNET.
   */
  it('does the example of RFC 2391', () => {
    const [S1, S3] = [1, 3];
    const weightedSessions = [5 + 1, 0, 2 * 5 + 5];
    expect(chosen('least-weighted-load', { weightedSessions, weight: [1, 1, 3] }, candidates(S1, S3))).toBe(
      S3,
    );
    const capacity = [10e6, 10e6, 30e6];
    expect(chosen('least-weighted-load', { weightedSessions, capacity }, candidates(S1, S3))).toBe(S3);
    // By sessions alone it would be the other one: 2 against 7.
    expect(chosen('least-connections', { sessions: [2, 0, 7], weight: [1, 1, 3] }, candidates(S1, S3))).toBe(
      S1,
    );
  });

  it('levels the weighted load: of every six sessions the first weighs 5', () => {
    const facts = factsOf({ capacity: [300e6, 100e6, 100e6] });
    distribute('least-weighted-load', 9996, candidates(1, 2, 3), facts, (route, i) => {
      facts.weightedSessions[route] += i % 6 === 0 ? 5 : 1;
    });
    const loads = Array.from(facts.weightedSessions.subarray(1, 4));
    expect(loads.reduce((a, b) => a + b)).toBe((9996 / 6) * 10);
    // Levels at 16 660 / 5 = 3332 for 100 Mbit/s, to within one heavy session.
    expect(Math.abs(loads[0] / 3 - 3332)).toBeLessThanOrEqual(5);
    expect(Math.abs(loads[1] - 3332)).toBeLessThanOrEqual(5);
    expect(Math.abs(loads[2] - 3332)).toBeLessThanOrEqual(5);
  });
});

describe.each([
  ['fastest-probe', 'probe', 0],
  ['fastest-history', 'history', -1],
] as const)('%s', (name, column, unknown) => {
  it('takes the fastest every time', () => {
    const facts = factsOf({ [column]: [30_000, 20_000, 40_000] });
    expect(distribute(name, 10_000, candidates(1, 2, 3), facts)).toEqual([0, 10_000, 0]);
  });

  it('takes the cheapest within 10 % or 500 us of the best', () => {
    expect(chosen(name, { [column]: [20_000, 22_000, 22_001], cost: [9, 3, 0] })).toBe(2);
    expect(chosen(name, { [column]: [1500, 1000, 1501], cost: [3, 9, 0] })).toBe(1);
  });

  it('takes the first of the service among equals', () => {
    expect(chosen(name, { [column]: [20_000, 21_000, 20_500] }, candidates(2, 3, 1))).toBe(2);
  });

  it('takes a route without a measurement only while nothing is known', () => {
    expect(chosen(name, { [column]: [unknown, 900_000, unknown], cost: [0, 9, 0] })).toBe(2);
    const none = { [column]: [unknown, unknown, unknown], cost: [3, 1, 1] };
    expect(chosen(name, none)).toBe(2);
  });
});

it('fastest-history: no excess at all is the best that there is', () => {
  expect(chosen('fastest-history', { history: [501, 0, -1] })).toBe(2);
  expect(chosen('fastest-history', { history: [500, 0, -1] })).toBe(1);
});

describe('cheapest', () => {
  it('takes the lowest cost', () => {
    const facts = factsOf({ cost: [8, 2, 5] });
    expect(distribute('cheapest', 10_000, candidates(1, 2, 3), facts)).toEqual([0, 10_000, 0]);
  });

  it('shares among equals by weight', () => {
    const facts = factsOf({ cost: [1, 1, 2], weight: [4, 1, 9] });
    expect(distribute('cheapest', 10_000, candidates(1, 2, 3), facts)).toEqual([8000, 2000, 0]);
  });

  it('leaves a route at the end of its quota, and ignores quotas when all are used up', () => {
    const cost = [0, 2, 5];
    expect(chosen('cheapest', { cost, quota: [100, 0, 0], used: [99, 7, 7] })).toBe(1);
    expect(chosen('cheapest', { cost, quota: [100, 0, 0], used: [100, 7, 7] })).toBe(2);
    expect(chosen('cheapest', { cost, quota: [100, 5, 5], used: [100, 7, 7] })).toBe(1);
  });

  it('moves over in the middle of the month', () => {
    // 1 GB for each connection: 4000 on the free route of 4 TB, the others on the next one.
    const facts = factsOf({ cost: [0, 3, 8], quota: [4e12, 0, 0] });
    const counts = distribute('cheapest', 10_000, candidates(1, 2, 3), facts, (route) => {
      facts.used[route] += 1e9;
    });
    expect(counts).toEqual([4000, 6000, 0]);
  });
});

it('priority: all to the first of the service', () => {
  expect(distribute('priority', 10_000, candidates(3, 1, 2), createFacts(3))).toEqual([10_000, 0, 0]);
});

describe('spillover', () => {
  it('fills each to its threshold in order, then the least used for its capacity', () => {
    // 100 kbit/s each; 0.8 of 500 and 250 Mbit/s take 4000 and 2000, then the levels rise alike, by capacity.
    const facts = factsOf({ capacity: [500e6, 250e6, 250e6] });
    const counts = distribute('spillover', 10_000, candidates(1, 2, 3), facts, (route) => {
      facts.traffic[route] += 100e3;
    });
    expect(counts).toEqual([5000, 2500, 2500]);
    const sixThousand = factsOf({ capacity: [500e6, 250e6, 250e6] });
    const before = distribute('spillover', 6001, candidates(1, 2, 3), sixThousand, (route) => {
      sixThousand.traffic[route] += 100e3;
    });
    expect(before).toEqual([4000, 2000, 1]);
  });

  it('comes back as soon as there is room', () => {
    expect(chosen('spillover', { capacity: [100, 100, 100], traffic: [80, 0, 0] })).toBe(2);
    expect(chosen('spillover', { capacity: [100, 100, 100], traffic: [79, 50, 0] })).toBe(1);
  });

  it('never leaves a route of unknown capacity', () => {
    expect(chosen('spillover', { capacity: [100, 0, 100], traffic: [90, 1e9, 0] })).toBe(2);
  });
});
