import { describe, expect, it } from 'vitest';
import {
  type Answers,
  type Finding,
  FLOOR,
  judge,
  LARGEST,
  looksNarrow,
  rungsBelow,
  SMALL_SIZE,
} from '../../src/core/path/judge.js';

/** A host that answers sizes up to `largest`. */
function host(network: string, largest: number, more: Partial<Answers> = {}): Answers {
  const sizes = new Set([SMALL_SIZE, ...rungsBelow(LARGEST, 4), LARGEST].filter((size) => size <= largest));
  return { network, passed: sizes, reached: sizes, elsewhere: false, ...more };
}

/** One that sends back 92 bytes of whatever it is sent. */
function cutting(network: string, largest: number, more: Partial<Answers> = {}): Answers {
  return host(network, largest, { passed: new Set(), ...more });
}

const of = (...answers: Answers[]): Finding => judge(answers, LARGEST, 4);

describe('what echo requests say of a path', () => {
  it('is narrow where hosts of two networks answer what is smaller, and nobody full size', () => {
    expect(of(host('a', 1400), host('b', 1400))).toEqual({ kind: 'narrow', largest: 1400 });
  });

  it('takes the largest that has passed: others were lost, or have a path that is narrower still', () => {
    expect(of(host('a', 1400), host('b', 1280))).toEqual({ kind: 'narrow', largest: 1400 });
  });

  it('is wide where anybody answers full size', () => {
    expect(of(host('a', 1400), host('b', 1400), host('c', 1500))).toEqual({ kind: 'wide', largest: 1500 });
  });

  it.each<[string, Answers[]]>([
    ['nobody', []],
    ['one host', [host('a', 1400)]],
    ['one network, whatever it says', [host('a', 1400, { elsewhere: true }), host('a', 1400)]],
    ['hosts that answer nothing', [host('a', 0), host('b', 0)]],
    ['hosts that refuse large echo requests everywhere', [host('a', 1000), host('b', 1100)]],
  ])('is not known from %s', (_, answers) => {
    expect(judge(answers, LARGEST, 4).kind).toBe('unknown');
  });

  it('below 1280 only hosts count that answer more by another route', () => {
    expect(of(host('a', 1000, { elsewhere: true }), host('b', 1000, { elsewhere: true }))).toEqual({
      kind: 'narrow',
      largest: 1000,
    });
  });

  it('never goes below what the family carries', () => {
    const answers = ['a', 'b'].map((name) => host(name, SMALL_SIZE, { elsewhere: true }));
    for (const family of [4, 6] as const) expect(judge(answers, LARGEST, family).kind).toBe('unknown');
    for (const family of [4, 6] as const)
      expect(Math.min(...rungsBelow(LARGEST, family))).toBe(FLOOR[family]);
    expect(rungsBelow(1400, 6)).toEqual([1380, 1360, 1340, 1320, 1300, 1280]);
  });

  it('hosts that send less back show the way there', () => {
    expect(of(cutting('a', 1420), cutting('b', 1420))).toEqual({ kind: 'narrow', largest: 1420 });
    expect(of(cutting('a', 1500), cutting('b', 1500)).kind).toBe('unknown');
    expect(of(cutting('a', 1420), host('b', 1360))).toEqual({ kind: 'narrow', largest: 1360 });
  });

  it('more is asked only where it looks narrow', () => {
    expect(looksNarrow([host('a', 1400), host('b', 1400)], LARGEST)).toBe(true);
    expect(looksNarrow([host('a', 1400), host('b', 1500)], LARGEST)).toBe(false);
    expect(looksNarrow([host('a', 1400), host('a', 1400)], LARGEST)).toBe(false);
  });
});
