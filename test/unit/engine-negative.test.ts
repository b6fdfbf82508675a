import { describe, expect, it } from 'vitest';
import { type Effect, Harness, RST_ACK } from '../sim/engine-harness.js';

const rst = { flags: RST_ACK, sequence: 0, known: false };

function rejects(effects: readonly Effect[]): Effect[] {
  return effects.filter(({ kind }) => kind === 'reject');
}

describe('an error on one route never ends a race that another can win', () => {
  it('that comes only after three seconds of silence leaves the others their time', () => {
    // The first three SYNs are lost everywhere (an outage of a few seconds); the fourth gets through.
    const h = new Harness(2);
    h.setup();
    h.pass(1000);
    h.setup();
    h.pass(1000);
    h.setup();
    h.pass(1100);
    h.setup();
    h.pass(10);
    h.icmp(1, 3, 1);
    const during = h.pass(40);
    expect(rejects(during)).toEqual([]);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('two resets after three seconds still leave the grace', () => {
    const h = new Harness(3);
    h.setup();
    for (const wait of [1000, 1000, 1100]) {
      h.pass(wait);
      h.setup();
    }
    h.pass(10);
    h.answer(1, rst);
    h.answer(2, rst);
    expect(rejects(h.pass(50))).toEqual([]);
    h.answer(3);
    expect(h.words).toEqual(['commit 3']);
  });

  it('the silent routes are tried again with each repeat of the SYN, the others are not', () => {
    const h = new Harness(3);
    h.setup();
    h.icmp(1, 3, 1);
    h.pass(1000);
    const attempts = h.setup().filter(({ kind }) => kind === 'attempt');
    expect(attempts.map(({ route }) => route)).toEqual([2, 3]);
  });
});

describe('the grace after two resets', () => {
  it('is not prolonged by what else comes in', () => {
    const h = new Harness(4);
    h.setup();
    h.now = 20_000;
    h.answer(1, rst);
    h.answer(2, rst);
    h.now = 119_000;
    h.icmp(3, 3, 1);
    const effects = h.pass(2);
    expect(rejects(effects)).toHaveLength(1);
  });

  it('lasts four round trips of the slower one, 100 to 900 ms', () => {
    for (const [rtt, grace] of [
      [5, 100],
      [50, 200],
      [500, 900],
    ]) {
      const h = new Harness(3);
      h.setup();
      h.pass(1);
      h.answer(1, rst);
      h.pass(rtt - 1);
      h.answer(2, rst);
      expect(rejects(h.pass(grace - 1))).toEqual([]);
      expect(rejects(h.pass(2))).toHaveLength(1);
    }
  });
});

describe('exactly one error', () => {
  it('and the silent copies are reset before the client is told', () => {
    const h = new Harness(3);
    h.setup();
    h.answer(1, rst);
    h.answer(2, rst);
    const effects = h.pass(3000);
    expect(effects.map(({ kind, route }) => `${kind} ${route}`)).toEqual(['cancel 3', 'reject 1']);
    expect(rejects(h.pass(10_000))).toEqual([]);
    h.icmp(3, 3, 1);
    expect(h.words).toEqual(['pass']);
  });

  it('none when all are silent: the race ends five seconds after the last SYN', () => {
    const h = new Harness(2);
    h.setup();
    h.pass(1000);
    h.setup();
    expect(h.pass(4999)).toEqual([]);
    expect(h.pass(2).map(({ kind }) => kind)).toEqual(['cancel', 'cancel']);
    expect(h.engine.latestDecisions(1)[0].reason).toBe('all-routes-silent');
    expect(h.engine.races.active).toBe(0);
  });
});

describe('repeats and new connections on the tuple of a race', () => {
  it('a new sequence number resets all open copies, then starts anew', () => {
    const h = new Harness(2);
    h.setup();
    const effects = h.setup({ isn: 42 });
    expect(effects.map(({ kind, route }) => (route === undefined ? kind : `${kind} ${route}`))).toEqual([
      'cancel 1',
      'cancel 2',
      'attempt 1',
      'attempt 2',
      'drop',
    ]);
    expect(h.engine.latestDecisions(1)[0].reason).toBe('replaced-by-new-connection');
  });

  it('after the decision the losers are reset, the winner is not', () => {
    const h = new Harness(3);
    h.setup();
    h.answer(1);
    const cancelled = h.setup({ isn: 42 }).filter(({ kind }) => kind === 'cancel');
    expect(cancelled.map(({ route }) => route)).toEqual([2, 3]);
  });

  it('copies follow the options of the repeat', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    const before = h.engine.shard.setups.of(race!).length;
    h.pass(1000);
    h.setup({ options: [2, 4, 5, 180] });
    expect(h.engine.shard.setups.of(race!).length).toBe(44);
    expect(before).toBe(40);
  });

  it('a repeat of a decided race that the kernel did not take is dropped', () => {
    const h = new Harness(3);
    h.setup();
    h.answer(1);
    h.setup();
    expect(h.words).toEqual(['drop']);
  });
});
