import { describe, expect, it } from 'vitest';
import { Boundary, type Broken } from '../../src/kernel/boundary.js';
import { PathraceError } from '../../src/model/errors.js';

function made(): { boundary: Boundary; told: Broken[]; many: unknown[]; clock: { now: number } } {
  const told: Broken[] = [];
  const many: unknown[] = [];
  const clock = { now: 0 };
  const boundary = new Boundary({
    clock: () => clock.now,
    onBroken: (broken) => told.push(broken),
    onMany: (error) => many.push(error),
  });
  return { boundary, told, many, clock };
}

const fail = (): void => {
  throw new PathraceError('E_INTERNAL', 'no edge', { found: '2' });
};

describe('the boundary', () => {
  it('lets work be that does not break, and ends what does', () => {
    const { boundary, told } = made();
    let done = 0;
    boundary.run('a timer', () => done++);
    boundary.run('a timer', fail);
    boundary.around('a timer', () => done++)();
    expect([done, boundary.count]).toEqual([2, 1]);
    expect(told).toEqual([{ what: 'a timer', message: 'no edge Found: 2.', count: 1 }]);
  });

  it('tells of the first at once, and then every ten seconds at most, with the count', () => {
    const { boundary, told, clock } = made();
    for (let i = 0; i < 50; i++) boundary.run('a packet', fail);
    expect(told.map(({ count }) => count)).toEqual([1]);
    clock.now = 9999;
    boundary.run('a packet', fail);
    clock.now = 10_000;
    boundary.run('a packet', fail);
    expect(told.map(({ count }) => count)).toEqual([1, 52]);
  });

  it('a host that breaks something a hundred times in ten seconds, for ever, ends nothing', () => {
    const { boundary, many, clock } = made();
    for (let i = 0; i < 100_000; i++) {
      clock.now += 100;
      boundary.run('a packet', fail);
    }
    expect(many).toEqual([]);
    expect(boundary.count).toBe(100_000);
  });

  it('many in a short time end the thread, once; nothing runs after that', () => {
    const { boundary, many } = made();
    for (let i = 0; i < 3000; i++) boundary.run('a packet', fail);
    expect(many).toHaveLength(1);
    let ran = false;
    boundary.run('a timer', () => {
      ran = true;
    });
    expect(ran).toBe(false);
  });

  it('has words for what is no error of ours', () => {
    const { boundary, told, clock } = made();
    for (const thrown of [new TypeError('x is not a function'), 'words', null, undefined]) {
      clock.now += 20_000;
      boundary.caught('a message', thrown);
    }
    expect(told[0].message).toMatch(/^TypeError: x is not a function\n\s+at /);
    expect(told.slice(1).map(({ message }) => message)).toEqual(['words', 'null', 'undefined']);
  });
});
