import { describe, expect, it } from 'vitest';
import { FLAG } from '../../src/wire/packet.js';
import { Harness } from '../sim/engine-harness.js';

/** The first copies have left; the repeat after a second cannot leave over route 1 (interface just went down, ENOBUFS). */
function repeatNotSent(): Harness {
  const h = new Harness(3);
  h.setup();
  h.pass(1000);
  const repeat = h.setup();
  h.notSent(repeat.find(({ kind }) => kind === 'attempt')!.race!, 1);
  return h;
}

describe('a repeat of the SYN that could not leave', () => {
  it('the SYN+ACK to the first copy still wins', () => {
    const h = repeatNotSent();
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
    expect(h.engine.counters.wins[1]).toBe(1);
  });

  it('the SYN+ACK to the first copy of a loser is reset', () => {
    const h = repeatNotSent();
    h.answer(2);
    h.answer(1);
    expect(h.words).toEqual(['cancel 1', 'drop']);
  });

  it("the server's own SYN still counts as an answer", () => {
    const h = repeatNotSent();
    h.answer(1, { flags: FLAG.SYN, acknowledgement: 0 });
    expect(h.words).toEqual(['commit 1']);
  });

  it('errors of the other routes do not end the race while the first copy may be answered', () => {
    const h = repeatNotSent();
    h.icmp(2, 3, 1);
    h.icmp(3, 3, 1);
    expect(h.all.filter(({ kind }) => kind === 'reject')).toEqual([]);
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
  });

  it('is reset when a new connection takes the tuple', () => {
    const h = repeatNotSent();
    const effects = h.setup({ isn: 77 });
    expect(effects.filter(({ kind }) => kind === 'cancel').map(({ route }) => route)).toEqual([1, 2, 3]);
  });
});

describe('copies that never left', () => {
  it('are no attempt to wait for: the errors of all others end the race at once', () => {
    const h = new Harness(3);
    const [{ race }] = h.setup();
    h.notSent(race!, 1);
    h.icmp(2, 3, 1);
    h.icmp(3, 3, 13);
    expect(h.words).toEqual(['reject 3', 'drop']);
  });

  it('all of them: the race ends without a word to the client, and its repeat starts a new one', () => {
    const h = new Harness(3);
    const [{ race }] = h.setup();
    for (const route of [1, 2, 3]) h.notSent(race!, route);
    expect(h.all.filter(({ kind }) => kind === 'reject')).toEqual([]);
    expect(h.engine.races.active).toBe(0);
    expect(h.engine.counters.failed).toBe(1);
    h.pass(1000);
    expect(h.setup().filter(({ kind }) => kind === 'attempt')).toHaveLength(3);
  });

  it('go out with the next repeat', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    h.notSent(race!, 1);
    h.pass(1000);
    expect(h.setup().map(({ kind, route }) => `${kind} ${route ?? ''}`.trim())).toEqual([
      'attempt 1',
      'attempt 2',
      'drop',
    ]);
  });
});
