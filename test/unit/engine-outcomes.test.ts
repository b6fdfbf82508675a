import { describe, expect, it } from 'vitest';
import { CLIENT, Harness, routes, SERVER } from '../sim/engine-harness.js';

/** A front end that opens connections itself says what became of them. */
describe('outcomes', () => {
  function raced(h = new Harness()): Harness {
    h.now = 1_000_000;
    h.socket();
    return h;
  }

  it('the first connection carries, the others are closed', () => {
    const h = raced();
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    expect(h.outcome(0, 2, 'answered')).toMatchObject([{ kind: 'commit', route: 2 }]);
    h.outcome(0, 1, 'answered');
    expect(h.words).toEqual(['cancel 1', 'drop']);
    h.outcome(0, 2, 'answered');
    expect(h.words).toEqual(['pass']);
  });

  it('are measured as of when they were seen, and nothing else is dated back', () => {
    const h = raced();
    h.now = 1_050_000;
    h.outcome(0, 2, 'answered', 1_020_000);
    const { races } = h.engine;
    expect(races.attemptRtt[races.attempt(0, 2)]).toBe(20_000);
    expect(h.engine.latestDecisions(1)[0].at).toBe(1_050_000);
  });

  it('from before the attempt has begun take no time, and never less', () => {
    const h = raced();
    h.outcome(0, 2, 'answered', 0);
    const { races } = h.engine;
    expect(races.attemptRtt[races.attempt(0, 2)]).toBe(0);
  });

  it('the next attempt after a late word begins now', () => {
    const h = new Harness();
    h.setServices([], { stagger: 'always' });
    raced(h);
    expect(h.words).toEqual(['attempt 1', 'drop']);
    h.now = 1_100_000;
    h.outcome(0, 1, 'failed', 1_030_000);
    expect(h.words).toEqual(['attempt 2', 'drop']);
    const { races } = h.engine;
    expect(races.attemptSentAt[races.attempt(0, 2)]).toBe(1_100_000);
    expect(races.attemptRtt[races.attempt(0, 1)]).toBe(30_000);
  });

  it('of what has not been asked say nothing', () => {
    const withoutAddress = routes(3, ({ number, addresses }) =>
      number === 3 ? { addresses: { ...addresses, 4: new Int32Array(0) } } : {},
    );
    const h = raced(new Harness(3, {}, withoutAddress));
    for (const [race, route] of [
      [0, 3],
      [0, 0],
      [0, 4],
      [0, 33],
      [1, 1],
      [-1, 1],
      [9999, 1],
    ])
      expect(h.outcome(race, route, 'answered')).toEqual([{ kind: 'drop' }]);
    expect(h.engine.counters.decided).toBe(0);
  });

  it('of a race whose attempts are packets say nothing', () => {
    const h = new Harness();
    h.setup({ client: CLIENT, destination: SERVER });
    for (const outcome of ['answered', 'refused', 'failed'] as const)
      expect(h.outcome(0, 1, outcome)).toEqual([{ kind: 'drop' }]);
    expect(h.engine.counters.ignored.reduce((sum, count) => sum + count)).toBe(3);
  });
});
