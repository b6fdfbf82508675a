import { describe, expect, it } from 'vitest';
import { ATTEMPT, ATTEMPT_EDGES, RACE, RACE_EDGES, to } from '../../src/core/race/states.js';
import { PathraceError } from '../../src/model/errors.js';

describe.each([
  ['RACE', RACE, RACE_EDGES],
  ['ATTEMPT', ATTEMPT, ATTEMPT_EDGES],
] as const)('the state table %s', (_, names, edges) => {
  const states: number[] = Object.values(names);

  it('has a row for every state, and only for states', () => {
    expect(Object.keys(edges).map(Number).sort()).toEqual([...states].sort());
  });

  it('names only states', () => {
    for (const next of Object.values(edges).flat()) expect(states).toContain(next);
  });

  it('lets every state be reached from the first', () => {
    const reached = new Set([0]);
    for (const state of reached) for (const next of edges[state]) reached.add(next);
    expect([...reached].sort()).toEqual([...states].sort());
  });

  it('takes exactly the edges of the table: every pair', () => {
    for (const from of states) {
      for (const next of states) {
        const column = Uint8Array.of(from);
        const legal = edges[from].includes(next);
        if (legal) {
          to(column, 0, next, edges);
          expect(column[0]).toBe(next);
        } else {
          expect(() => to(column, 0, next, edges)).toThrow(PathraceError);
          expect(column[0]).toBe(from);
        }
      }
    }
  });

  it('has unique numbers', () => {
    expect(new Set(states).size).toBe(states.length);
  });
});

describe('what the tables promise', () => {
  it('a race can always be freed, and is never decided without the kernel', () => {
    for (const state of [RACE.RACING, RACE.COMMITTING, RACE.DECIDED])
      expect(RACE_EDGES[state]).toContain(RACE.FREE);
    const before = Object.entries(RACE_EDGES).filter(([, next]) => next.includes(RACE.DECIDED));
    expect(before.map(([state]) => Number(state))).toEqual([RACE.COMMITTING]);
  });

  it('a decided attempt has had its answer: nothing takes it back', () => {
    expect(ATTEMPT_EDGES[ATTEMPT.ANSWERED]).toEqual([]);
  });

  it('every attempt of which a copy may be out can still be answered', () => {
    for (const state of [ATTEMPT.SENT, ATTEMPT.NEGATIVE])
      expect(ATTEMPT_EDGES[state]).toContain(ATTEMPT.ANSWERED);
  });
});
