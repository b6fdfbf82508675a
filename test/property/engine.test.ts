import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coverage } from '../../bench/engine/coverage.js';
import { Program } from '../../bench/engine/program.js';
import { attemptProgram, programOf } from '../../bench/engine/run.js';
import { STEPS } from '../../bench/engine/steps.js';
import { fuzzEngine } from '../../bench/fuzz-engine.js';
import {
  IGNORED_REASONS,
  OPENING_REASONS,
  OUTCOME_REASONS,
  SINGLE_REASONS,
} from '../../src/model/reasons.js';
import { start, steps } from '../arbitrary/engine-programs.js';

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 500);

/** The promises are in bench/engine: invariants.ts, watch.ts, constants.ts, kernel-shadow.ts, wire-check.ts. */
describe('the engine, whatever happens in whatever order', () => {
  it('keeps every promise after every step, and forgets every race in time', () => {
    fc.assert(
      fc.property(start, steps(80), (given, program) => {
        expect(attemptProgram(given, program)).toBeNull();
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps them for 100 000 steps of a seed, which reach everything there is', () => {
    const { failure, steps: done, coverage } = fuzzEngine({ count: 100_000, seed: 12 });
    expect(failure).toBeNull();
    expect(done).toBe(100_000);
    expect(Object.keys(coverage.steps).sort()).toEqual(Object.keys(STEPS).sort());
    // `copies-refused` is of a batch (core/batch.ts).
    expect(missing(coverage.single, SINGLE_REASONS)).toEqual([
      'set-ups-full',
      'set-up-too-long',
      'copies-refused',
      'internal-error',
      'held',
    ]);
    // No program has datagrams that are raced. That a connection waits for its group happens once in 100 000 steps, and a host's groups are more than there are in a program; the others are those of a
    // front end alone.
    expect(missing(coverage.ignored, IGNORED_REASONS)).toEqual([
      'same-flight',
      'late-answer',
      'kept-for-group',
      'host-groups',
      'stale-queue',
      'bad-netlink',
    ]);
    // Nor has one a service that the first payload decides: test/sim/opening-matrix.test.ts.
    expect(missing(coverage.outcomes, OUTCOME_REASONS)).toEqual([...OPENING_REASONS, 'group-reply']);
    expect(Object.values(coverage.races).every((count) => count > 500)).toBe(true);
  });

  it('does not depend on what was in a slot before', () => {
    for (let number = 0; number < 12; number++) {
      const [plain, poisoned] = [false, true].map((isPoisoned) => {
        const { start: given, steps: all } = programOf(9, number);
        const coverage = new Coverage();
        const program = new Program(given, coverage);
        if (isPoisoned) poison(program);
        for (const each of all) program.apply(each);
        program.finish();
        return coverage.report();
      });
      expect(poisoned).toEqual(plain);
    }
  });

  it('is the same run for the same seed', () => {
    const [one, other] = [1, 2].map(() => fuzzEngine({ count: 6000, seed: 3 }).coverage);
    expect(one).toEqual(other);
  });
});

/** Whatever is in the columns of a free slot, nobody may read it. */
function poison({ engine: { races, shard } }: Program): void {
  const release = races.release.bind(races);
  races.release = (race) => {
    release(race);
    for (const column of [shard.joins.route, shard.joins.held, shard.joins.until, shard.joins.inVain])
      column[race] = 1;
    for (const [name, column] of Object.entries(races)) {
      if (!ArrayBuffer.isView(column) || name === 'state' || name === 'free') continue;
      const values = column as Int32Array;
      const each = values.length / races.slots;
      values.fill(name === 'attemptEnds' || name === 'outcome' ? 2 : 1, race * each, (race + 1) * each);
    }
  };
}

function missing(counts: Readonly<Record<string, number>>, names: readonly string[]): string[] {
  return names.filter((name) => !(counts[name] > 0));
}

/** A check that never fails checks nothing. */
describe('an engine that is broken on purpose', () => {
  const broken: Readonly<Record<string, (program: Program) => void>> = {
    'forgets a deadline': ({ engine: { shard } }) => {
      shard.deadlines.remove = () => {};
    },
    'counts a client twice': ({ engine: { site } }) => {
      const { clients } = site;
      const done = clients.done.bind(clients);
      clients.done = (words, at) => {
        done(words, at);
        done(words, at);
      };
    },
    'sends copies from elsewhere': ({ engine: { races } }) => {
      const leave = races.leave.bind(races);
      const elsewhere = Int32Array.of(0, 0, 0xffff, 0x01010101);
      races.leave = (race, route, ends) => leave(race, route, ends, elsewhere, 0);
    },
    'takes the route of another interface': ({ engine: { races } }) => {
      const find = races.findAttempt.bind(races);
      races.findAttempt = (route, ends) => find(1 + (route % 4), ends);
    },
  };

  it.each(Object.entries(broken))('%s: that is found', (_, sabotage) => {
    const found = Array.from({ length: 5 }, (_, number) => {
      const { start: given, steps: all } = programOf(11, number);
      const program = new Program(given, new Coverage());
      sabotage(program);
      try {
        for (const each of all) program.apply(each);
        program.finish();
        return false;
      } catch {
        return true;
      }
    });
    expect(found).toContain(true);
  });
});
