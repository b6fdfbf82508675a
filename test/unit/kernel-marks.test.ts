/** The bits of marks: what can stand in one mark at the same time has bits of its own. */
import { describe, expect, it } from 'vitest';
import { MARK, routeMark, routeOfMark, serviceMark, serviceOfMark } from '../../src/kernel/constants.js';

type Name = keyof typeof MARK;

/** What says where a field begins, and what is made of others. */
const NOT_BITS: readonly Name[] = ['ROUTE_SHIFT', 'SERVICE_SHIFT', 'FLOW_MASK', 'BY_MAIN', 'NO_DEFAULT'];

/** Kept in a connection's mark, and thereby in the marks of its packets. */
const OF_FLOWS: readonly Name[] = ['ROUTE_MASK', 'SERVICE_MASK', 'UNTRANSLATED', 'RESCUABLE', 'COUNTED'];

/** Parts of one mark at some time: on a packet and its connection, on its way or before a queue, and as a value of our maps. */
const TOGETHER: Readonly<Record<string, readonly Name[]>> = {
  'a packet of a flow, wherever it is': [
    ...OF_FLOWS,
    'LATE',
    'PINNED',
    'BESIDE',
    'ASK',
    'ASKED',
    'OWN',
    'HELD',
  ],
  'what a map says, as a packet’s mark': ['ROUTE_MASK', 'GENERATION_MASK', 'OWN', 'HELD', 'UNTRANSLATED'],
};

const names = (Object.keys(MARK) as Name[]).filter((name) => !NOT_BITS.includes(name));

describe('marks', () => {
  it.each(Object.entries(TOGETHER))('have no bit in common: %s', (_, together) => {
    for (const [i, one] of together.entries())
      for (const other of together.slice(i + 1))
        expect([one, other, (MARK[one] & MARK[other]) >>> 0]).toEqual([one, other, 0]);
  });

  it('have every part in a group that is compared', () => {
    expect(names.filter((name) => !Object.values(TOGETHER).flat().includes(name))).toEqual([]);
  });

  it('of connections keep what is theirs, and nothing else', () => {
    expect(OF_FLOWS.reduce((all, name) => (all | MARK[name]) >>> 0, 0)).toBe(MARK.FLOW_MASK);
    for (const name of ['LATE', 'PINNED', 'BESIDE', 'ASK', 'ASKED', 'OWN', 'HELD'] as const)
      expect([name, MARK[name] & MARK.FLOW_MASK]).toEqual([name, 0]);
  });

  it('are single bits where they are flags', () => {
    for (const name of names.filter((each) => !each.endsWith('_MASK')))
      expect([name, Math.log2(MARK[name]) % 1]).toEqual([name, 0]);
  });

  it('of flows whose way is the main table’s are not held', () => {
    expect(MARK.BY_MAIN).toBe(MARK.HELD);
  });

  it('name no route where no default route is wanted', () => {
    expect(MARK.NO_DEFAULT & ~MARK.ROUTE_MASK).toBe(0);
    expect(routeOfMark(MARK.NO_DEFAULT)).toBeGreaterThan(16);
  });

  it('have room for every route and service', () => {
    for (const number of [1, 16, 31]) expect(routeOfMark(routeMark(number) | 0xffff)).toBe(number);
    for (const number of [1, 127]) expect(serviceOfMark(serviceMark(number) | routeMark(31))).toBe(number);
    expect(MARK.ROUTE_MASK >>> MARK.ROUTE_SHIFT).toBe(31);
    expect(MARK.SERVICE_MASK >>> MARK.SERVICE_SHIFT).toBe(127);
  });
});
