/** Whatever the clocks do, what a route has carried in a billing period is what was sent in it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { periodOf } from '../../src/core/quota/calendar.js';
import { EARLIEST_MS, KnownClock } from '../../src/core/quota/clock.js';
import { EMPTY_RECORD, Ledger, type LedgerRecord } from '../../src/core/quota/ledger.js';
import { localTime } from '../../src/daemon/local-time.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Of zones with and without summer time, one whose summer begins at midnight, one by half an hour. */
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Africa/Cairo', 'Australia/Lord_Howe'].map(
  localTime,
);
/** Steps of about ten hours over thirteen months, in no rhythm with the day. */
const STEP = 9.7 * HOUR;
const STEPS = 1000;
/** A leap year is among the months. */
const BEGIN = Date.UTC(2027, 4, 3);

/** A gateway with its clocks; `true` time is what a right clock says. */
class Machine {
  clock!: KnownClock;
  ledger!: Ledger;
  /** Wall clock less true time. */
  wrong = 0;
  private monotonicOf = 0;
  private saved: LedgerRecord = EMPTY_RECORD;
  private known = { lastMs: 0, steadyMs: 0 };

  constructor(
    readonly local: (typeof ZONES)[number],
    readonly billingDay: number,
    private readonly bootAt: number,
  ) {
    this.start(bootAt);
  }

  add(bytes: number, at: number): void {
    const monotonic = at - this.monotonicOf;
    this.clock.read(monotonic, at + this.wrong);
    this.ledger.add(bytes, monotonic, this.billingDay);
  }

  /** `save`: the process ends in order. */
  restart(at: number): void {
    this.saved = JSON.parse(JSON.stringify(this.ledger.record()));
    this.known = this.clock.known();
    this.start(at);
  }

  reboot(at: number, wrong: number): void {
    this.wrong = wrong;
    this.monotonicOf = at - 5000;
    this.restart(at);
  }

  private start(at: number): void {
    if (this.monotonicOf === 0) this.monotonicOf = this.bootAt - 5000;
    this.clock = new KnownClock(this.known);
    this.clock.read(at - this.monotonicOf, at + this.wrong);
    this.ledger = new Ledger(this.saved, this.clock, this.local);
  }
}

/** What was sent in the true period. */
class Truth {
  total = 0;
  /** In the period of the last time. */
  now = 0;
  private from = '';
  constructor(private readonly machine: Machine) {}
  add(bytes: number, at: number): void {
    const { local, billingDay } = this.machine;
    const { from } = periodOf(local.dayOf(at), billingDay);
    this.now = (from === this.from ? this.now : 0) + bytes;
    this.from = from;
    this.total += bytes;
  }
}

interface Disturbance {
  readonly kind: 'jump' | 'restart' | 'boot in 1970' | 'boot where it was switched off';
  readonly atStep: number;
  readonly byMs: number;
  readonly steps: number;
}

const disturbance = (kinds: readonly Disturbance['kind'][]): fc.Arbitrary<Disturbance> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    atStep: fc.integer({ min: 1, max: STEPS - 10 }),
    byMs: fc.oneof(
      fc.integer({ min: -3 * HOUR, max: 3 * HOUR }),
      fc.integer({ min: -70 * DAY, max: 70 * DAY }),
      fc.integer({ min: 0, max: 3000 * DAY }),
    ),
    steps: fc.integer({ min: 1, max: 2 }),
  });

function run(
  made: Made,
  disturbances: readonly Disturbance[],
  check: (machine: Machine, truth: Truth, at: number) => void,
): { machine: Machine; truth: Truth } {
  const machine = new Machine(ZONES[made.zone], made.billingDay, BEGIN);
  const truth = new Truth(machine);
  let at = BEGIN;
  let rightFrom = 0;
  for (let step = 1; step <= STEPS; step++) {
    at += STEP;
    if (step >= rightFrom) machine.wrong = 0;
    for (const one of disturbances) {
      if (one.atStep !== step) continue;
      if (one.kind === 'restart') machine.restart(at);
      else if (one.kind === 'boot in 1970') machine.reboot(at, -at + 1000);
      else if (one.kind === 'boot where it was switched off')
        machine.reboot(at, -Math.abs(one.byMs % (20 * DAY)) - DAY);
      else machine.wrong = Math.max(one.byMs, EARLIEST_MS - at);
      if (one.kind !== 'restart') rightFrom = Math.max(rightFrom, step + one.steps);
    }
    const bytes = 1 + ((step * 7919) % 1000);
    machine.add(bytes, at);
    truth.add(bytes, at);
    check(machine, truth, at);
  }
  return { machine, truth };
}

interface Made {
  readonly zone: number;
  readonly billingDay: number;
}

const anyMachine: fc.Arbitrary<Made> = fc.record({
  zone: fc.nat({ max: ZONES.length - 1 }),
  billingDay: fc.integer({ min: 1, max: 31 }),
});

describe('a year of a quota', () => {
  it('months, days, a leap February, summer time: the sum of a period is what was sent in it', () => {
    fc.assert(
      fc.property(anyMachine, fc.array(disturbance(['restart']), { maxLength: 20 }), (made, disturbances) => {
        run(made, disturbances, ({ ledger }, truth) => expect(ledger.used).toBe(truth.now));
      }),
      { numRuns: 30 },
    );
  });

  it('clocks that jump forward and back at any moment: once it is right again, so is the sum', () => {
    fc.assert(
      fc.property(anyMachine, fc.array(disturbance(['jump']), { maxLength: 12 }), (made, disturbances) => {
        run(made, disturbances, ({ ledger, wrong }, truth) => {
          if (wrong === 0) expect(ledger.used).toBe(truth.now);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('boots in 1970, or where the machine was switched off: nothing is lost, before and after the clock is set', () => {
    const kinds = ['boot in 1970', 'boot where it was switched off', 'restart'] as const;
    fc.assert(
      fc.property(anyMachine, fc.array(disturbance(kinds), { maxLength: 12 }), (made, disturbances) => {
        let before = 0;
        run(made, disturbances, ({ ledger, wrong, local, billingDay }, truth, at) => {
          const day = local.dayOf(at);
          const turned = periodOf(day, billingDay).from > periodOf(local.dayOf(at - STEP), billingDay).from;
          // Until the clock is set the period goes on.
          if (wrong !== 0 && !turned) expect(ledger.used).toBeGreaterThanOrEqual(before);
          if (wrong === 0) expect(ledger.used).toBeGreaterThanOrEqual(truth.now);
          before = ledger.used;
        });
      }),
      { numRuns: 30 },
    );
  });

  it('all of it at once: nothing is lost, and no more than what was sent while no date was known counts in a later period', () => {
    const kinds = ['jump', 'boot in 1970', 'boot where it was switched off', 'restart'] as const;
    fc.assert(
      fc.property(anyMachine, fc.array(disturbance(kinds), { maxLength: 12 }), (made, disturbances) => {
        const { machine, truth } = run(made, disturbances, ({ ledger, wrong }, so) => {
          if (wrong === 0) expect(ledger.used).toBeGreaterThanOrEqual(so.now);
        });
        const { days, undated } = machine.ledger.record();
        const kept = Object.values(days).reduce((sum, bytes) => sum + bytes, undated);
        expect(kept).toBeLessThanOrEqual(truth.total);
      }),
      { numRuns: 30 },
    );
  });

  it('a clock ahead over a month’s turn, a restart, and a clock that is right again but not believed yet: nothing is lost', () => {
    const jump = { kind: 'jump', atStep: 8, byMs: 26 * DAY, steps: 1 } as const;
    const restart = { kind: 'restart', atStep: 9, byMs: 0, steps: 1 } as const;
    run({ zone: 0, billingDay: 1 }, [restart, jump], ({ ledger, wrong }, so) => {
      if (wrong === 0) expect(ledger.used).toBeGreaterThanOrEqual(so.now);
    });
  });
});
