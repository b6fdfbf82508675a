import { describe, expect, it } from 'vitest';
import { NO_TIME } from '../../src/core/decision-columns.js';
import type { EngineService, MemorySettings } from '../../src/core/engine-types.js';
import { VERDICT } from '../../src/core/memory/verdicts.js';
import { ANSWER } from '../../src/model/reasons.js';
import { serviceOver } from '../../src/sim/world.js';
import { CLIENT, type Effect, Harness, RST_ACK, routes, SERVER, words } from '../sim/engine-harness.js';

const TRUST_MS = 600_000;

/** A destination that was raced once, these milliseconds ago (null: silent), and is known but no longer trusted. */
function known(
  rtts: readonly (number | null)[],
  memory: Partial<MemorySettings> = {},
  service: Partial<EngineService> = {},
): Harness {
  const h = new Harness(rtts.length);
  const all = rtts.map((_, i) => i + 1);
  h.setServices([serviceOver(all, service)], { trustMicros: TRUST_MS * 1000, ...memory });
  h.connection(39_000, rtts, { service: 1 });
  // What takes longer than a server waits to answer again is known after several answers only.
  const { memory: table } = h.engine;
  const slot = table.find(SERVER.address, 0);
  for (const [i, rtt] of rtts.entries())
    if (rtt !== null && rtt >= 1000) table.note(slot, i + 1, VERDICT.ANSWERED, rtt * 1000, h.now);
  h.pass(TRUST_MS + 1000);
  return h;
}

/** Which copy leaves how many milliseconds after the client's SYN, when nobody answers. */
function departures(h: Harness, milliseconds = 900): [number, number][] {
  const start = h.now;
  const found: [number, number][] = [];
  const note = (effects: readonly Effect[]): void => {
    for (const { kind, route } of effects)
      if (kind === 'attempt') found.push([(h.now - start) / 1000, route!]);
  };
  note(h.setup({ service: 1 }));
  const end = start + milliseconds * 1000;
  while (h.engine.nextDeadline() <= end) note(h.pass((h.engine.nextDeadline() - h.now) / 1000));
  h.pass((end - h.now) / 1000);
  return found;
}

describe('a known destination that is no longer trusted', () => {
  it('the best route first, each next one when the answer to the one before is overdue', () => {
    expect(departures(known([30, 10, 20]))).toEqual([
      [0, 2],
      // 1.25 times 10 ms and 5 ms more; then the same of 20 ms.
      [17.5, 3],
      [47.5, 1],
    ]);
  });

  it('never sooner than 10 ms', () => {
    expect(departures(known([3, 1, 2]))).toEqual([
      [0, 2],
      [10, 3],
      [20, 1],
    ]);
  });

  it('never later than 2 s', () => {
    const h = known([1950, 1900, 1990]);
    expect(departures(h, 4800)).toEqual([
      [0, 2],
      [2000, 1],
      [4000, 3],
    ]);
  });

  it('a route without a time is waited for a quarter of a second', () => {
    const h = known([10, 20, 30]);
    const { memory } = h.engine;
    const slot = memory.find(SERVER.address, 0);
    for (const route of [2, 3])
      for (const verdict of [VERDICT.FAILED, VERDICT.RETRANSMITTED])
        memory.note(slot, route, verdict, -1, h.now);
    expect(departures(h)).toEqual([
      [0, 1],
      [17.5, 2],
      [267.5, 3],
    ]);
  });

  it('one that was silent is asked with the first: an answer of the others would always come before its turn', () => {
    expect(departures(known([10, null, 600]))).toEqual([
      [0, 1],
      [0, 2],
      [17.5, 3],
    ]);
  });

  it('a negative answer starts the next at once, and only that', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1 });
    h.pass(3);
    h.answer(2, { flags: RST_ACK });
    expect(h.words).toEqual(['attempt 3', 'drop']);
    h.pass(3);
    h.icmp(3, 3, 1);
    expect(h.words).toEqual(['attempt 1', 'drop']);
    h.pass(3);
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
  });

  it('negative answers of all end it, but not before all were asked', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1 });
    for (const route of [2, 3]) {
      h.pass(1);
      h.answer(route, { flags: RST_ACK });
      expect(h.words).not.toContain(`reject ${route}`);
    }
    h.pass(1);
    h.answer(1, { flags: RST_ACK });
    expect(h.words.filter((word) => word.startsWith('reject'))).toHaveLength(1);
    expect(h.engine.races.active).toBe(0);
  });

  it('a copy that could not leave starts the next at once', () => {
    const h = known([30, 10, 20]);
    const [{ race }] = h.setup({ service: 1 });
    h.notSent(race!, 2);
    expect(h.words).toEqual(['attempt 3']);
  });

  it('the repeat of the SYN sends all that waited, each once', () => {
    const h = known([1800, 1500, 1600]);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 2', 'drop']);
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    expect(h.pass(900)).toEqual([]);
    // Sent for the first time with the repeat: their times can be told.
    h.answer(3);
    expect(h.words).toEqual(['commit 3']);
    expect(h.memory()[2]).toBe('answered 900');
  });

  it('what waits when the race is decided never leaves', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1 });
    h.pass(9);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
    expect(h.pass(20_000)).toEqual([]);
    expect(h.engine.races.active).toBe(0);
    expect(h.engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('is in the decision with when each copy left, when it was answered, and who has waited in vain', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1 });
    // The best is late, so the second leaves; the answer of the first comes nevertheless before the second's.
    h.pass(18);
    h.pass(7);
    h.answer(2);
    h.pass(8);
    h.answer(3);
    const [{ answers, trials, protocol }] = h.engine.latestDecisions(1);
    const shown = answers.map(({ answer, copies, sentAfter, answeredAfter }) => ({
      answer,
      copies,
      sentAfter,
      answeredAfter,
    }));
    expect(shown).toEqual([
      { answer: ANSWER.WAITED, copies: 0, sentAfter: 47_500, answeredAfter: NO_TIME },
      { answer: ANSWER.ANSWERED, copies: 1, sentAfter: 0, answeredAfter: 25_000 },
      { answer: ANSWER.ANSWERED, copies: 1, sentAfter: expect.closeTo(17_500, -3), answeredAfter: 33_000 },
    ]);
    expect([trials, protocol]).toEqual([0, 6]);
  });

  it('a race of one slot begins without what the one before it has left', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1 });
    h.pass(9);
    h.answer(2);
    h.pass(20_000);
    h.setServices([serviceOver([1, 2, 3])], { trustMicros: 0 });
    h.connection(40_001, [5, 6, null], { service: 1 });
    const sent = h.engine.latestDecisions(1)[0].answers.map(({ sentAfter }) => sentAfter);
    expect(sent).toEqual([0, 0, 0]);
  });

  it('nor when the kernel is still asked', () => {
    const h = known([30, 10, 20]);
    h.commitResult = null;
    const [{ race }] = h.setup({ service: 1 });
    h.pass(9);
    h.answer(2);
    expect(h.pass(100)).toEqual([]);
    h.committed(race!, true);
    expect(h.pass(20_000)).toEqual([]);
  });

  it('a route that goes while its copy waits is left out, and so is one that drains', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1 });
    h.setRoutes(
      routes(3, ({ number }) => ({
        usable: { 4: number !== 3, 6: true },
        admin: number === 1 ? 'draining' : 'enabled',
      })),
    );
    expect(h.pass(900).filter(({ kind }) => kind === 'attempt')).toEqual([]);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('won by the best route alone is trusted again', () => {
    const h = known([30, 10, 20]);
    h.connection(40_000, [null, 10, null], { service: 1 });
    h.pass(100);
    h.setup({ service: 1 });
    expect(h.last).toMatchObject([{ kind: 'release', route: 2, reason: 'remembered' }]);
  });

  it('is compared again at last: all at once when all were compared longer ago than memory lasts', () => {
    const h = known([30, 10, 20], { forgetMicros: 2.5 * TRUST_MS * 1000 });
    for (const turn of [1, 2]) {
      const raced = h.connection(40_000 + turn, [null, 10, null], { service: 1 });
      expect(raced.filter(({ kind }) => kind === 'attempt')).toHaveLength(1);
      h.pass(TRUST_MS + 1000);
    }
    expect(departures(h)).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
    ]);
  });

  it('is raced at once when a route has been down since', () => {
    const h = known([30, 10, 20]);
    h.setRoutes(routes(3, ({ number }) => ({ usable: { 4: number !== 1, 6: true } })));
    h.setRoutes(routes(3));
    expect(departures(h)).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
    ]);
  });
});

describe('all copies at once', () => {
  const atOnce = [
    [0, 1],
    [0, 2],
    [0, 3],
  ];

  it('to a destination that is not known', () => {
    const h = new Harness(3);
    h.setServices([serviceOver([1, 2, 3])]);
    expect(departures(h)).toEqual(atOnce);
  });

  it('when staggering is switched off', () => {
    expect(departures(known([30, 10, 20], { stagger: 'never' }))).toEqual(atOnce);
  });

  it('when the client has waited for another route already', () => {
    const h = known([30, 10, 20]);
    h.setup({ service: 1, tried: 2 });
    expect(h.words).toEqual(['attempt 1', 'attempt 3', 'pass']);
  });
});

describe('stagger: always', () => {
  it('staggers the unknown too, in the order of the service', () => {
    const h = new Harness(3);
    h.setServices([serviceOver([3, 1, 2])], { stagger: 'always' });
    expect(departures(h)).toEqual([
      [0, 3],
      [250, 1],
      [500, 2],
    ]);
  });
});

describe('a head start for what costs less', () => {
  function costing(cost: readonly number[], h: Harness): Harness {
    h.engine.setFacts({ cost: Float64Array.of(0, ...cost) }, null);
    return h;
  }

  it('so much per unit of cost', () => {
    const h = new Harness(3);
    h.setServices([serviceOver([1, 2, 3], { costDelayMicros: 10_000 })]);
    expect(departures(costing([3, 1, 2], h))).toEqual([
      [0, 2],
      [10, 3],
      [20, 1],
    ]);
  });

  it('on top of the order of memory; and nobody waits for nothing', () => {
    const h = known([10, 40], {}, { costDelayMicros: 10_000 });
    // Route 1 is the best and costs 5 more: 50 ms later. Route 2 is due 17.5 ms after it.
    expect(departures(costing([5, 0], h))).toEqual([
      [0, 2],
      [32.5, 1],
    ]);
  });
});

describe('a race that lasts', () => {
  it('ends when all have been silent, with a reset for each copy that has left', () => {
    const h = known([1900, 1800, 1850]);
    const client = { address: words('10.0.0.9'), port: CLIENT.port };
    h.setup({ service: 1, client });
    const effects = h.pass(5000);
    const cancelled = effects.filter(({ kind }) => kind === 'cancel').map(({ route }) => route);
    expect(cancelled).toEqual([1, 2, 3]);
    expect(h.engine.races.active).toBe(0);
  });
});
