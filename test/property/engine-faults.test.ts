import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coverage } from '../../bench/engine/coverage.js';
import { FAULT_PLACES, Faults } from '../../bench/engine/faults.js';
import { Program } from '../../bench/engine/program.js';
import { programOf } from '../../bench/engine/run.js';
import { start, steps } from '../arbitrary/engine-programs.js';

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 400);

/**
 * A sink or a protocol that throws, whenever: the input has its verdict all the same, the race in hand is over, and everything else goes
 * on; bench/engine/program.ts looks at that after each step, and lets a connection come about at the end.
 */
describe('an error at any call', () => {
  it('takes nothing with it but the race in hand', () => {
    const fault = fc.record({
      place: fc.constantFrom(...FAULT_PLACES),
      call: fc.integer({ min: 1, max: 30 }),
      at: fc.nat(60),
    });
    fc.assert(
      fc.property(start, steps(80), fc.array(fault, { maxLength: 6 }), (given, program, wanted) => {
        const faults = new Faults();
        const running = new Program(given, new Coverage(), faults);
        for (const [i, step] of program.entries()) {
          const next = wanted.find(({ at }) => at === i);
          if (next !== undefined) faults.arm(next.place, next.call);
          running.apply(step);
        }
        faults.arm(null);
        running.finish();
        expect(running.engine.counters.broken).toBe(running.caught);
      }),
      { numRuns: RUNS },
    );
  });

  it.each(FAULT_PLACES)('%s: many calls throw, for thousands of steps', (place) => {
    const faults = new Faults();
    let caught = 0;
    for (let number = 0; number < 6; number++) {
      const { start: given, steps: all } = programOf(5, number);
      const program = new Program({ ...given, flows: true, notes: true }, new Coverage(), faults);
      for (const [i, step] of all.entries()) {
        if (i % 5 === 0) faults.arm(place, 1 + (i % 3));
        program.apply(step);
      }
      faults.arm(null);
      program.finish();
      expect(program.engine.counters.broken).toBe(program.caught);
      caught += program.caught;
    }
    expect(caught).toBeGreaterThan(place === 'isWaiting' ? 5 : 20);
  });
});
