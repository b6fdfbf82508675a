/** What the engine counts for whoever watches it: times by service and route, refusals, outcomes. */
import { describe, expect, it } from 'vitest';
import { cellOf } from '../../src/core/durations.js';
import { EVERYTHING } from '../../src/core/site.js';
import { BOUNDS_MICROS, countOf, SUM_CELL } from '../../src/model/histogram.js';
import { OUTCOME_REASONS, type OutcomeReason } from '../../src/model/reasons.js';
import { CLIENT, Harness, RST_ACK } from '../sim/engine-harness.js';

const SERVICE = 5;

/** Count and sum in milliseconds of a route's histogram. */
function times(h: Harness, which: 'answerTimes' | 'decisionTimes', route: number, service = 0) {
  const cells = h.engine.counters[which];
  const at = cellOf(service, route, h.engine.routes.length);
  return [countOf(cells, at), cells[at + SUM_CELL] / 1000];
}

const outcome = (h: Harness, word: OutcomeReason): number =>
  h.engine.counters.outcomes[OUTCOME_REASONS.indexOf(word)];

describe('times', () => {
  it('of every route that answers, and of the decision by its winner alone, by service', () => {
    const h = new Harness(3);
    h.setServices([{ ...EVERYTHING, number: SERVICE, routes: [1, 2, 3] }], { trustMicros: 0 });
    h.connection(40_001, [20, 35, null], { service: SERVICE });
    h.connection(40_002, [50, 40, 60], { service: SERVICE });
    h.connection(40_003, [7, 9, 11]);
    expect(times(h, 'answerTimes', 1, SERVICE)).toEqual([2, 70]);
    expect(times(h, 'answerTimes', 2, SERVICE)).toEqual([2, 75]);
    expect(times(h, 'answerTimes', 3, SERVICE)).toEqual([1, 60]);
    expect(times(h, 'decisionTimes', 1, SERVICE)).toEqual([1, 20]);
    expect(times(h, 'decisionTimes', 2, SERVICE)).toEqual([1, 40]);
    expect(times(h, 'decisionTimes', 3, SERVICE)).toEqual([0, 0]);
    expect(times(h, 'answerTimes', 3)).toEqual([1, 11]);
    expect(h.engine.counters.startedBy[SERVICE]).toBe(2);
    expect(h.engine.counters.startedBy[0]).toBe(1);
    expect(outcome(h, 'first-reply')).toBe(3);
  });

  it('are not known of an answer that may be to either of two copies, but how long the client has waited is', () => {
    const h = new Harness(2);
    h.setup();
    h.pass(1000);
    h.setup();
    h.pass(500);
    h.answer(2);
    expect(times(h, 'answerTimes', 2)[0]).toBe(0);
    expect(times(h, 'decisionTimes', 2)).toEqual([1, 1500]);
  });

  it('lie in the bucket whose bound is not below them', () => {
    const h = new Harness(2);
    h.connection(40_001, [30, null]);
    h.connection(40_002, [30.001, null]);
    const at = cellOf(0, 1, 2);
    const bound = BOUNDS_MICROS.indexOf(30_000);
    expect([...h.engine.counters.answerTimes.slice(at + bound, at + bound + 2)]).toEqual([1, 1]);
  });
});

describe('refusals', () => {
  it('are counted by route, once for each copy, and are no answer times', () => {
    const h = new Harness(2);
    h.setup();
    h.pass(10);
    for (let i = 0; i < 3; i++) h.answer(1, { flags: RST_ACK });
    h.answer(2, { flags: RST_ACK });
    expect([...h.engine.counters.negatives]).toEqual([0, 1, 1]);
    expect(outcome(h, 'all-routes-negative')).toBe(1);
    expect(times(h, 'answerTimes', 1)[0]).toBe(0);
    expect(h.raceOf(CLIENT)).toBe(-1);
  });

  it('have outcomes of their own, as silence has', () => {
    const h = new Harness(2);
    h.setup();
    h.pass(60_000);
    expect(outcome(h, 'all-routes-silent')).toBe(1);
    const ended = h.engine.counters.outcomes.reduce((sum, count) => sum + count, 0);
    expect(ended).toBe(h.engine.counters.started);
  });
});
