/** What a run has reached, so that a reader sees what it proves. */
import type { Engine } from '../../src/core/engine.js';
import { ATTEMPT, ATTEMPT_EVENT, RACE, RACE_EVENT } from '../../src/core/race/life.js';
import { IGNORED_REASONS, OUTCOME_REASONS, SINGLE_REASONS } from '../../src/model/reasons.js';

export type Counts = Record<string, number>;

export interface CoverageReport {
  readonly races: Counts;
  readonly steps: Counts;
  readonly verdicts: Counts;
  readonly effects: Counts;
  readonly single: Counts;
  readonly ignored: Counts;
  readonly outcomes: Counts;
  readonly health: Counts;
  /** Events of races and attempts by the state that they met. */
  readonly raceEvents: Counts;
  readonly attemptEvents: Counts;
}

const ATTEMPTS = Object.keys(ATTEMPT);
const RACES = Object.keys(RACE);

export class Coverage {
  readonly steps: Counts = {};
  readonly verdicts: Counts = {};
  readonly effects: Counts = {};
  readonly single: Counts = zeros(SINGLE_REASONS);
  readonly ignored: Counts = zeros(IGNORED_REASONS);
  readonly outcomes: Counts = zeros(OUTCOME_REASONS);
  readonly health: Counts = {};
  private readonly attemptTable = new Float64Array(Object.keys(ATTEMPT_EVENT).length * ATTEMPTS.length);
  private readonly raceTable = new Float64Array(Object.keys(RACE_EVENT).length * RACES.length);
  private started = 0;
  private decided = 0;
  private failed = 0;

  /** Counts what this engine does from now on. */
  attach({ shard }: Engine): void {
    const { races, decisions } = shard;
    const { outcomes } = this;
    const noteRace = decisions.noteRace.bind(decisions);
    decisions.noteRace = (table, race, route, reason, now) => {
      outcomes[reason]++;
      return noteRace(table, race, route, reason, now);
    };
    const stepAttempt = races.stepAttempt.bind(races);
    races.stepAttempt = (race, route, event) => {
      const before = races.stateOf(race, route);
      const counts = stepAttempt(race, route, event);
      this.attemptTable[event * ATTEMPTS.length + before]++;
      return counts;
    };
    const stepRace = races.stepRace.bind(races);
    races.stepRace = (race, event) => {
      this.raceTable[event * RACES.length + races.state[race]]++;
      return stepRace(race, event);
    };
  }

  /** Adds what an engine that is done has counted. */
  add({ counters }: Engine): void {
    for (const [i, reason] of SINGLE_REASONS.entries()) this.single[reason] += counters.single[i];
    for (const [i, reason] of IGNORED_REASONS.entries()) this.ignored[reason] += counters.ignored[i];
    this.started += counters.started;
    this.decided += counters.decided;
    this.failed += counters.failed;
  }

  /** All of it in words and numbers. */
  report(): CoverageReport {
    const { started, decided, failed, steps, verdicts, effects, single, ignored, outcomes, health } = this;
    const counted = {
      races: { started, decided, failed },
      steps,
      verdicts,
      effects,
      single,
      ignored,
      outcomes,
      health,
    };
    const raceEvents = named(this.raceTable, Object.keys(RACE_EVENT), RACES);
    return {
      ...counted,
      raceEvents,
      attemptEvents: named(this.attemptTable, Object.keys(ATTEMPT_EVENT), ATTEMPTS),
    };
  }
}

export function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function zeros(names: readonly string[]): Counts {
  return Object.fromEntries(names.map((name) => [name, 0]));
}

/** What was counted at all, by event and state. */
function named(table: Float64Array, events: readonly string[], states: readonly string[]): Counts {
  const counts: Counts = {};
  for (const [e, event] of events.entries()) {
    for (const [s, state] of states.entries()) {
      const value = table[e * states.length + s];
      if (value > 0) counts[`${event} ${state}`] = value;
    }
  }
  return counts;
}
