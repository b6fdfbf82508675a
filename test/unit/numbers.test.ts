import { describe, expect, it } from 'vitest';
import { Numbers } from '../../src/daemon/numbers.js';

describe('numbers', () => {
  it('stay with their names; a new name takes the lowest that nobody has had', () => {
    const numbers = new Numbers(4);
    numbers.assign(['a', 'b', 'c']);
    numbers.assign(['c', 'd', 'a']);
    expect(['a', 'b', 'c', 'd'].map((name) => numbers.of(name))).toEqual([1, 2, 3, 4]);
    expect(numbers.list()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('of an earlier run are gone on with, also where some had no name', () => {
    const numbers = new Numbers(127);
    numbers.recall(['a', '', 'c']);
    numbers.assign(['c', 'new', 'newer']);
    expect(['a', 'c', 'new', 'newer', ''].map((name) => numbers.of(name))).toEqual([1, 3, 2, 4, 0]);
    expect(numbers.list()).toEqual(['a', 'new', 'c', 'newer']);
  });

  it('of a name that is gone are given away when there is no other; of one that is wanted never', () => {
    const numbers = new Numbers(2);
    numbers.recall(['a', 'b', 'beyond']);
    expect(numbers.of('beyond')).toBe(0);
    numbers.assign(['b', 'c']);
    expect(['a', 'b', 'c'].map((name) => numbers.of(name))).toEqual([0, 2, 1]);
  });
});
