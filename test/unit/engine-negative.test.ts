import { describe, expect, it } from 'vitest';
import { serviceOver } from '../../src/sim/world.js';
import { CLIENT, type Effect, Harness, only, RST_ACK, words } from '../sim/engine-harness.js';

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
  /** Routes 1 and 2 refuse after 20 ms: how long after the SYN the client is told, milliseconds. */
  function told(h: Harness, routes: readonly number[] = [1, 2]): number {
    const start = h.now;
    h.setup();
    h.pass(20);
    for (const route of routes) h.answer(route, rst);
    while (rejects(h.all).length === 0) h.pass(1);
    return (h.now - start) / 1000;
  }

  /** What the routes have taken for other destinations. */
  function known(h: Harness, times: readonly (number | null)[], count = 1): Harness {
    for (let i = 0; i < count; i++)
      h.connection(41_000 + i, times, { destination: { address: words(`192.0.2.${1 + i}`), port: 443 } });
    h.pass(10_000);
    return h;
  }

  it('is not prolonged by what else comes in', () => {
    const h = new Harness(4);
    h.setup();
    h.now = 20_000;
    h.answer(1, rst);
    h.answer(2, rst);
    h.now = 940_000;
    h.icmp(3, 3, 1);
    expect(rejects(h.pass(200))).toHaveLength(1);
  });

  it('lasts for what the silent route takes otherwise, or the slowest that is known, at least 100 ms, at most 950', () => {
    expect(told(known(new Harness(3), [20, 20, 300]))).toBe(380);
    expect(told(known(new Harness(3), [20, 20, 30]))).toBe(120);
    expect(told(known(new Harness(3), [20, 600, 300]))).toBe(755);
    expect(told(known(new Harness(3), [20, 20, 1500]))).toBe(950);
    // Nobody knows what it takes.
    expect(told(new Harness(3))).toBe(950);
    expect(told(known(new Harness(3), [20, 20, null]))).toBe(950);
  });

  it('is short where the silent route is in doubt', () => {
    expect(told(known(new Harness(3), [20, 20, null], 3))).toBe(120);
  });

  it('a slow route that is let in carries the connection, and the next one does not wait', () => {
    const h = new Harness(3);
    h.setServices([serviceOver([1, 2, 3])]);
    h.setup({ service: 1 });
    h.pass(20);
    h.answer(1, rst);
    h.answer(2, rst);
    h.pass(280);
    h.answer(3);
    expect(h.words).toEqual(['commit 3']);
    expect(h.memory()).toEqual(['failed', 'failed', 'answered 300']);
    // Not to the kernel, which would note groups by it for good: whoever has refused is asked again.
    expect(only(h.all, 'remember')).toEqual([]);
    h.setup({ service: 1, client: { ...CLIENT, port: 40_001 } });
    expect(h.last.at(-1)).toMatchObject({ kind: 'release', route: 3, reason: 'remembered' });
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
