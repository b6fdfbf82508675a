/** Which announcements make the gateway read its links again: those of its own interfaces, default routes and tables, and nothing else. */
import { describe, expect, it } from 'vitest';
import { LinkEvents, type LinkInterest, RTM } from '../../src/kernel/link-events.js';

/** The loopback is the one interface that every machine has: index 1. */
const INTEREST: LinkInterest = {
  interfaces: ['lo', 'wan1'],
  prefixesOf: ['lo'],
  tables: { from: 2050, to: 2066 },
};
const [MAIN, LOCAL] = [254, 255];
const [OURS, KERNEL, BGP] = [82, 2, 186];
const [INET, INET6] = [2, 10];

function attribute(type: number, value: Uint8Array): number[] {
  const padded = [...value, ...Array<number>((4 - (value.length % 4)) % 4).fill(0)];
  const length = 4 + value.length;
  return [length & 255, length >> 8, type & 255, type >> 8, ...padded];
}
const word = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer);

function kind(events: LinkEvents, type: number, bytes: readonly number[]) {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  return events.kindOf(type, view, 0, bytes.length);
}

interface Route {
  type?: number;
  family?: number;
  length?: number;
  table?: number;
  protocol?: number;
  flags?: number;
  device?: number;
}

function ofRoute(route: Route, interest = INTEREST) {
  const { type = RTM.NEWROUTE, family = INET, length = 24, table = MAIN, protocol = BGP, device = 1 } = route;
  const { flags = 0 } = route;
  const header = [family, length, 0, 0, table > 255 ? 252 : table, protocol, 0, 1, ...word(flags)];
  const attributes = [...attribute(15, word(table)), ...attribute(4, word(device))];
  return kind(new LinkEvents(() => interest), type, [...header, ...attributes]);
}

function link(events: LinkEvents, name: string, index: number, flags = 1, mtu = 1500, family = 0) {
  const header = [family, 0, 0, 0, ...word(index), ...word(flags), ...word(0)];
  const text = new TextEncoder().encode(`${name}\0`);
  return kind(events, RTM.NEWLINK, [...header, ...attribute(3, text), ...attribute(4, word(mtu))]);
}

describe('a route that comes or goes', () => {
  it.each([
    ['a default of the main table', { length: 0 }, 'changed'],
    ['the same that goes', { type: RTM.DELROUTE, length: 0 }, 'changed'],
    ['a network of the main table', {}, null],
    ['a network of another table', { table: 100 }, null],
    ['a default of another table', { length: 0, table: 5000 }, null],
    ['an address of our own', { length: 32, table: LOCAL, protocol: KERNEL }, null],
    ['somebody else’s in one of our tables', { table: 2051 }, 'changed'],
    ['ours', { length: 0, table: 2051, protocol: OURS }, null],
    ['ours that somebody has removed', { type: RTM.DELROUTE, table: 2051, protocol: OURS }, 'taken'],
    ['a prefix behind the LAN', { family: INET6, length: 56 }, 'changed'],
    ['a prefix elsewhere', { family: INET6, length: 56, device: 77 }, null],
    ['what the kernel has noted of one destination', { family: INET6, length: 0, flags: 0x200 }, null],
  ] as const)('%s', (_, route, expected) => {
    expect(ofRoute(route)).toBe(expected);
  });

  it('a prefix behind the LAN where no route is by prefix', () => {
    expect(ofRoute({ family: INET6, length: 56 }, { ...INTEREST, prefixesOf: [] })).toBe(null);
  });
});

describe('a link that is told of', () => {
  it('is read again when it is one of ours and anything is new', () => {
    const events = new LinkEvents(() => INTEREST);
    expect(link(events, 'wan1', 5)).toBe('changed');
    expect(link(events, 'wan1', 5)).toBe(null);
    expect(link(events, 'wan1', 5, 0)).toBe('changed');
    expect(link(events, 'wan1', 5, 1)).toBe('changed');
    expect(link(events, 'wan1', 5, 1, 1400)).toBe('changed');
    expect(link(events, 'wan1', 6, 1, 1400)).toBe('changed');
  });

  it('is left alone when it is another, or a port of a bridge', () => {
    const events = new LinkEvents(() => INTEREST);
    for (const flags of [0, 1, 0]) expect(link(events, 'veth1a2b3c', 900_000, flags)).toBe(null);
    expect(link(events, 'wan1', 5, 1, 1500, 7)).toBe(null);
  });

  it('is read again when one of ours has become another', () => {
    const events = new LinkEvents(() => INTEREST);
    expect(link(events, 'old-lo', 1)).toBe('changed');
  });
});

describe('an address', () => {
  it('matters on our interfaces only', () => {
    const events = new LinkEvents(() => INTEREST);
    expect(kind(events, RTM.NEWADDR, [INET, 24, 0, 0, ...word(1)])).toBe('changed');
    expect(kind(events, RTM.DELADDR, [INET6, 64, 0, 0, ...word(1)])).toBe('changed');
    expect(kind(events, RTM.NEWADDR, [INET, 24, 0, 0, ...word(4_000_000)])).toBe(null);
  });
});
