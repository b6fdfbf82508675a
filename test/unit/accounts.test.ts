/** Who is charged with what an interface has carried. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { daysIn, periodOf } from '../../src/core/quota/calendar.js';
import { split } from '../../src/core/quota/split.js';
import { Accounts } from '../../src/daemon/accounts.js';
import { localTime } from '../../src/daemon/local-time.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { config } from '../golden/states.js';

const SHARED = config(`
lan: lan0
routes:
  a: { interface: wan1, addresses: 203.0.113.2, gateway: 203.0.113.1 }
  b: { interface: wan1, addresses: 203.0.113.3, gateway: 203.0.113.1 }
  c: { interface: wan2, addresses: 198.51.100.2, gateway: 198.51.100.1 }
rest: { route: a }
`);
const NOW = Date.UTC(2027, 4, 5, 12);

function accounts(): {
  charge(wan1: number, wan2: number, usage?: Record<string, number>): number[];
  of: Accounts;
} {
  const numbers = new Numbers(4);
  numbers.assign(['a', 'b', 'c']);
  const of = new Accounts(localTime('UTC'), 'boot');
  let at = 0;
  const charge = (wan1: number, wan2: number, usage: Record<string, number> = {}): number[] => {
    at += 1000;
    of.charge(SHARED.routes, numbers, {
      traffic: new Map([
        ['wan1', { received: wan1, sent: 0 }],
        ['wan2', { received: 0, sent: wan2 }],
      ]),
      usage: new Map(Object.entries(usage)),
      monotonicMs: at,
      wallMs: NOW + at,
    });
    return ['a', 'b', 'c'].map((name) => of.of(name).used);
  };
  return { charge, of };
}

describe('routes', () => {
  it('that share an interface are charged with their shares of it, and the others with all of theirs', () => {
    const { charge, of } = accounts();
    expect(charge(5000, 700)).toEqual([0, 0, 0]);
    expect(charge(6000, 800, { usage_in_1: 300, usage_out_1: 300, usage_in_2: 200 })).toEqual([
      750, 250, 100,
    ]);
    expect(of.shareOf('a')).toEqual({ in: 0.6, out: 1 });
    expect(of.shareOf('c')).toEqual({ in: 1, out: 1 });
    // A counter that went back has begun anew.
    expect(charge(6100, 50, { usage_in_1: 300, usage_out_1: 300, usage_in_2: 100 })).toEqual([750, 350, 150]);
  });

  it('that are told late what the last run has charged lose nothing, and are charged nothing twice', () => {
    const first = accounts();
    first.charge(0, 1000);
    expect(first.charge(0, 4000)).toEqual([0, 0, 3000]);
    const kept = first.of.kept(['wan1', 'wan2']);
    // The next run does not hear of it, and charges what is carried meanwhile.
    const { charge, of } = accounts();
    charge(0, 4500);
    expect(charge(0, 5000)).toEqual([0, 0, 500]);
    of.restore(kept);
    expect(charge(0, 5200)).toEqual([0, 0, 3000 + 1200]);
    expect(charge(0, 5300)).toEqual([0, 0, 3000 + 1300]);
  });

  it('what nobody has been counted for waits for somebody who is', () => {
    const { charge } = accounts();
    charge(0, 0);
    expect(charge(90, 0)).toEqual([0, 0, 0]);
    expect(charge(100, 0, { usage_out_2: 10 })).toEqual([0, 100, 0]);
  });

  it('property: the parts are whole, none is negative, and their sum is the whole', () => {
    const weights = fc.array(
      fc.oneof(fc.constant(0), fc.nat(), fc.double({ min: 0, max: 1e9, noNaN: true })),
      {
        minLength: 1,
        maxLength: 16,
      },
    );
    fc.assert(
      fc.property(fc.nat({ max: 1e12 }), weights, (total, weights) => {
        const parts = split(total, weights);
        if (parts === null) {
          expect(weights.some((weight) => weight > 0)).toBe(false);
          return;
        }
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total);
        for (const [i, part] of parts.entries()) {
          expect(Number.isInteger(part) && part >= 0).toBe(true);
          if (weights[i] === 0) expect(part).toBe(0);
        }
      }),
    );
  });
});

describe('a billing period', () => {
  it.each([
    ['2027-05-05', 1, '2027-05-01', '2027-06-01'],
    ['2027-05-05', 12, '2027-04-12', '2027-05-12'],
    ['2027-05-12', 12, '2027-05-12', '2027-06-12'],
    ['2027-02-27', 31, '2027-01-31', '2027-02-28'],
    ['2027-02-28', 31, '2027-02-28', '2027-03-31'],
    ['2028-02-29', 30, '2028-02-29', '2028-03-30'],
    ['2028-02-28', 29, '2028-01-29', '2028-02-29'],
    ['2027-12-31', 31, '2027-12-31', '2028-01-31'],
    ['2028-01-01', 31, '2027-12-31', '2028-01-31'],
  ])('%s, billed on day %d: from %s until %s', (day, billingDay, from, until) => {
    expect(periodOf(day, billingDay)).toEqual({ from, until });
  });

  it('months have the days that they have', () => {
    expect([1, 2, 3, 4, 12].map((month) => daysIn(2027, month))).toEqual([31, 28, 31, 30, 31]);
    expect([2000, 2028, 2100].map((year) => daysIn(year, 2))).toEqual([29, 29, 28]);
  });

  it('begins at midnight of the zone, also when there is none', () => {
    expect(new Date(localTime('Europe/Berlin').startOf('2027-03-28')).toISOString()).toBe(
      '2027-03-27T23:00:00.000Z',
    );
    // Cairo's clocks go from 23:59:59 to 01:00.
    expect(new Date(localTime('Africa/Cairo').startOf('2027-04-30')).toISOString()).toBe(
      '2027-04-29T22:00:00.000Z',
    );
    expect(localTime('Australia/Lord_Howe').dayOf(Date.UTC(2027, 4, 5, 13, 29))).toBe('2027-05-05');
    expect(localTime('Australia/Lord_Howe').dayOf(Date.UTC(2027, 4, 5, 13, 30))).toBe('2027-05-06');
  });
});
