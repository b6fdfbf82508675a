/** The bits of marks: what can stand in one mark at the same time has bits of its own, over any mask that is large enough. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isAsked,
  type Marks,
  marksOf,
  routeMark,
  routeOfMark,
  routeValue,
  serviceMark,
  serviceOfMark,
} from '../../src/kernel/marks.js';
import { bitCount, bitsFor, DEFAULT_MARK_MASK, servicesOf } from '../../src/model/mark-mask.js';

const FLAGS = ['rescuable', 'chosen', 'held', 'counted'] as const;
/** Masks that are large enough: the usual ones, and any. */
const USUAL = [DEFAULT_MARK_MASK, 0xffff0000, 0xffff, 0x3fff, 0x00ffff00, 0xffffffff, 0x55555fff, 0x80ffc01f];
const anyMask = fc.integer({ min: 0, max: 0xffffffff }).filter((mask) => bitCount(mask) >= 11);
const mask = fc.oneof(fc.constantFrom(...USUAL), anyMask);

/** For every mask, with a route, a service and a generation that there can be. */
function holds(check: (marks: Marks, route: number, service: number, generation: number) => void): void {
  fc.assert(
    fc.property(mask, fc.nat(31), fc.nat(0xffff), fc.nat(0xffff), (bits, route, any, generation) => {
      const marks = marksOf(bits);
      check(marks, route, any % (marks.maxService + 1), generation);
    }),
  );
}

describe('marks', () => {
  it('say by the default mask what this file and the guides say', () => {
    const marks = marksOf(DEFAULT_MARK_MASK);
    expect(marks).toMatchObject({
      mask: 0xff0000ff,
      serviceMask: 0x0000007f,
      rescuable: 0x00000080,
      routeMask: 0x1f000000,
      chosen: 0x20000000,
      held: 0x40000000,
      counted: 0x80000000,
      flowMask: 0xbf0000ff,
      own: 0x4000007f,
      ownMask: 0x6000007f,
      apart: 0x0000007e,
      maxService: 125,
    });
    expect(routeMark(marks, 16)).toBe(0x10000000);
    expect(serviceMark(marks, 100)).toBe(100);
    expect(routeValue(marks, 3, 0x1234)).toBe(0x03001234);
  });

  it.each(USUAL)('of the mask %i use bits of it alone, each for one thing', (bits) => {
    const marks = marksOf(bits);
    const parts = [marks.routeMask, marks.serviceMask, ...FLAGS.map((flag) => marks[flag])];
    expect(parts.reduce((sum, part) => sum + bitCount(part), 0)).toBe(bitCount(marks.mask));
    expect(parts.reduce((all, part) => (all | part) >>> 0, 0)).toBe(marks.mask);
    expect((marks.mask & ~bits) >>> 0).toBe(0);
    for (const flag of FLAGS) expect(bitCount(marks[flag])).toBe(1);
    expect(bitCount(marks.routeMask)).toBe(5);
  });

  it('are read as they were written, whatever else is in them', () => {
    holds((marks, route, service) => {
      const mark = (routeMark(marks, route) | serviceMark(marks, service) | marks.chosen) >>> 0;
      for (const others of [0, ~marks.mask, marks.rescuable | marks.counted | marks.held]) {
        expect(routeOfMark(marks, mark | others)).toBe(route);
        expect(serviceOfMark(marks, mark | others)).toBe(service);
      }
      expect((mark & ~marks.flowMask) >>> 0).toBe(0);
    });
  });

  it('of maps keep the generation beside the route', () => {
    holds((marks, route, _, generation) => {
      const value = routeValue(marks, route, generation);
      expect((value & marks.routeMask) >>> 0).toBe(routeMark(marks, route));
      expect(value).not.toBe(routeValue(marks, route, (generation + 1) & 0xffff));
      expect(value).toBeGreaterThanOrEqual(0);
    });
  });

  it('tell what the daemon is asked, what it has answered, what it sends and what lives from each other', () => {
    holds((marks, route, service) => {
      const of = (flags: number): number =>
        (routeMark(marks, route) | serviceMark(marks, service) | flags) >>> 0;
      const { chosen, held, counted, rescuable, ask, pinned, judged, late } = marks;
      const living = [0, counted, rescuable, counted | rescuable].map((flags) => of(chosen | flags));
      const asked = [ask, ask | pinned, ask | held | rescuable].map(of);
      const sent = (routeMark(marks, route) | marks.own) >>> 0;
      const isJudged = (mark: number): boolean => (mark & judged) >>> 0 === judged;
      const isOwn = (mark: number): boolean => (mark & marks.ownMask) >>> 0 === marks.own;
      expect(asked.map((mark) => isAsked(marks, mark))).toEqual([true, true, true]);
      for (const mark of living) {
        // As a connection has it, or somebody has restored it; and as a packet of its flow has it.
        for (const one of [mark, (mark | held) >>> 0]) {
          expect(isAsked(marks, one)).toBe(false);
          expect(isOwn(one)).toBe(false);
        }
        expect(isJudged(mark)).toBe(false);
        expect(isJudged((mark | held) >>> 0)).toBe(true);
      }
      for (const mark of asked) expect([isJudged(mark), isOwn(mark)]).toEqual([false, false]);
      expect([isOwn(sent), isAsked(marks, sent), isJudged(sent)]).toEqual([true, false, false]);
      // Where it is left, by a queue that nobody reads, no rule of ours looks at it.
      expect([isAsked(marks, late), (late & held) >>> 0, routeOfMark(marks, late)]).toEqual([false, 0, 0]);
    });
  });

  it('name no service where there is none', () => {
    holds((marks, route) => {
      for (const mark of [marks.apart, marks.own, 0])
        expect(serviceOfMark(marks, mark | routeMark(marks, route))).toBe(0);
    });
  });

  it('name no route where no default route is wanted', () => {
    holds((marks) => {
      expect((marks.noDefault & ~marks.routeMask) >>> 0).toBe(0);
      expect(routeOfMark(marks, marks.noDefault)).toBeGreaterThan(16);
    });
  });

  it('need as many bits as are said for so many services', () => {
    for (let services = 1; services <= 64; services++) {
      const bits = bitsFor(services);
      const least = 2 ** bits - 1;
      expect(servicesOf(least)).toBeGreaterThanOrEqual(services);
      expect(servicesOf(least >>> 1)).toBeLessThan(services);
      expect(marksOf(least).maxService).toBe(servicesOf(least));
    }
    expect(servicesOf(DEFAULT_MARK_MASK)).toBe(125);
  });
});
