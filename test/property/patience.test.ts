/** A short share of `node dist/bench/fuzz.js --patience N`. */
import { expect, it } from 'vitest';
import { fuzzPatience } from '../../bench/fuzz-patience.js';

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 150);

it('round trips of 5 ms to 3 s, with losses: no connection that a plain router makes is lost or reset', () => {
  expect(fuzzPatience(40 * RUNS, 1)).toMatchObject({ failure: null });
});
