/** Random programs of everything that can happen into the engine alone: from a seed, many small engines one after the other. */
import { Coverage, type CoverageReport } from './engine/coverage.js';
import { type BrokenProgram, PROGRAM_LENGTH, runProgram } from './engine/run.js';
import { counts } from './fuzz-words.js';

export interface EngineReport {
  readonly steps: number;
  readonly programs: number;
  readonly perSecond: number;
  /** What was reached: each kind of step, verdict, effect, reason, and event on a state. */
  readonly coverage: CoverageReport;
  /** null: no promise was broken. */
  readonly failure: BrokenProgram | null;
}

export interface EngineFuzzOptions {
  readonly count: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

/** Deterministic for a seed, but for the time it takes. */
export function fuzzEngine({ count, seed, onProgress }: EngineFuzzOptions): EngineReport {
  const coverage = new Coverage();
  const started = performance.now();
  let told = started;
  let steps = 0;
  let program = 0;
  let failure: BrokenProgram | null = null;
  for (; steps < count && failure === null; program++) {
    const length = Math.min(PROGRAM_LENGTH, count - steps);
    failure = runProgram(seed, program, length, coverage);
    steps += failure === null ? length : failure.step;
    if (onProgress === undefined || performance.now() - told < 10_000) continue;
    told = performance.now();
    onProgress(`engine: ${steps} of ${count}, ${rate(steps, started)} steps/s`);
  }
  return { steps, programs: program, perSecond: rate(steps, started), coverage: coverage.report(), failure };
}

function rate(steps: number, started: number): number {
  return Math.round((1000 * steps) / (performance.now() - started));
}

/** The report in words; whether a promise was broken. */
export function describeEngine(report: EngineReport, print: (line: string) => void): boolean {
  const { steps, programs, perSecond, coverage, failure } = report;
  print(`engine: ${steps} steps of ${programs} engines, ${perSecond} steps/s`);
  for (const [name, values] of Object.entries(coverage)) print(`  ${WORDS[name] ?? name}: ${counts(values)}`);
  if (failure === null) return false;
  print(`  FAILED at step ${failure.step} of program ${failure.program}: ${failure.why}`);
  print(`  as short as it gets, of an engine with ${JSON.stringify(failure.start)}:`);
  for (const step of failure.steps) print(`    ${JSON.stringify(step)}`);
  return true;
}

const WORDS: Readonly<Record<string, string>> = {
  single: 'without a race',
  health: 'changes of health',
  raceEvents: 'events of races, by state',
  attemptEvents: 'events of attempts, by state',
};
