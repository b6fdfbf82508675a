/** Programs from seeds, one after the other; and the shortest program that breaks the same promise. */
import { random, subSeed } from '../../src/sim/random.js';
import { Coverage } from './coverage.js';
import { Program } from './program.js';
import { drawStart, drawStep, type Start, type Step } from './steps.js';

/** Steps of one engine. */
export const PROGRAM_LENGTH = 2000;

export interface BrokenProgram {
  /** Number of the program in the run, and of the step in it at which it broke; the length of the program: in the quiet afterwards. */
  readonly program: number;
  readonly step: number;
  readonly why: string;
  readonly start: Start;
  /** As few of its steps as break a promise. */
  readonly steps: readonly Step[];
}

/** The same program for the same seed and number. */
export function programOf(seed: number, program: number): { readonly start: Start; readonly steps: Step[] } {
  const luck = random(subSeed(seed, program));
  return { start: drawStart(luck), steps: Array.from({ length: PROGRAM_LENGTH }, () => drawStep(luck)) };
}

/** Runs the first `length` steps of a program; null: no promise was broken. */
export function runProgram(
  seed: number,
  program: number,
  length: number,
  coverage: Coverage,
): BrokenProgram | null {
  const { start, steps } = programOf(seed, program);
  steps.length = Math.min(length, steps.length);
  const broken = attemptProgram(start, steps, coverage);
  if (broken === null) return null;
  return { program, step: broken.step, start, ...shrink(start, steps.slice(0, broken.step + 1), broken.why) };
}

/** Where a program breaks, and how. */
export function attemptProgram(
  start: Start,
  steps: readonly Step[],
  coverage = new Coverage(),
): { readonly step: number; readonly why: string } | null {
  let at = 0;
  try {
    const program = new Program(start, coverage);
    for (; at < steps.length; at++) program.apply(steps[at]);
    program.finish();
    return null;
  } catch (error) {
    return { step: at, why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Leaves out steps in ever smaller parts, as long as some promise breaks all the same. */
function shrink(start: Start, all: readonly Step[], first: string): { why: string; steps: readonly Step[] } {
  let steps = [...all];
  let why = first;
  for (let part = Math.ceil(steps.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = steps.length - part; from > -part; from -= part) {
      const fewer = [...steps.slice(0, Math.max(0, from)), ...steps.slice(from + part)];
      const broken = attemptProgram(start, fewer);
      if (broken === null) continue;
      steps = fewer.slice(0, broken.step + 1);
      why = broken.why;
      from = Math.min(from, steps.length);
    }
  }
  return { why, steps };
}
