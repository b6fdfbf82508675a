import { describe, expect, it } from 'vitest';
import { addressNotes } from '../../src/kernel/address-notes.js';
import type { Link } from '../../src/kernel/links.js';
import { config, link, snapshot } from '../golden/states.js';

function notes(route: string, changes: Partial<Link> | null): string[] {
  const yaml = `
lan: [lan0]
routes:
  a: { interface: wan1, ${route} }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
rest: { route: a }
`;
  const links = changes === null ? [] : [link('wan1', 3, changes)];
  return addressNotes(config(yaml), snapshot(links)).map(({ text }) => text);
}

const HAS = {
  ipv4: [{ address: '203.0.1.2', prefixLength: 24 }],
  ipv6: [{ address: 'fd03:1::2', prefixLength: 64 }],
};

describe('addresses and next hops that do not fit the interface', () => {
  it('says nothing where they fit, or nothing is written', () => {
    expect(notes('gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"]', HAS)).toEqual([]);
    expect(notes('gateway: [203.0.1.1, "fe80::1"], addresses: [203.0.1.2, "fd03:1::2"]', HAS)).toEqual([]);
    expect(notes('weight: 2', HAS)).toEqual([]);
  });

  it('names the addresses that are elsewhere and the next hop that is off every subnet', () => {
    expect(notes('gateway: 203.0.113.1, addresses: 203.0.113.2-203.0.113.6', HAS)).toEqual([
      'route a: 203.0.113.2 and 4 more addresses are not on wan1: right only if the provider routes them to this machine',
      'route a: the next hop 203.0.113.1 is in no subnet of wan1, which has 203.0.1.2/24: right only if it answers there all the same',
    ]);
    expect(notes('gateway: "fd03:9::1", addresses: "fd03:1::7"', HAS)).toEqual([
      'route a: fd03:1::7 is not on wan1: right only if the provider routes it to this machine',
      'route a: the next hop fd03:9::1 is in no subnet of wan1, which has fd03:1::2/64: right only if it answers there all the same',
    ]);
  });

  it.each([
    [25, '203.0.1.127', 0],
    [25, '203.0.1.128', 1],
    [31, '203.0.1.3', 0],
    [32, '203.0.1.3', 1],
    [0, '8.8.8.8', 0],
  ])('compares the bits of the prefix: /%i and %s', (prefixLength, hop, count) => {
    const has = { ipv4: [{ address: '203.0.1.2', prefixLength }] };
    expect(notes(`gateway: ${hop}, addresses: 203.0.1.2`, has)).toHaveLength(count);
  });

  it('says nothing of an interface that is not there, is down, or needs no next hop', () => {
    const odd = 'gateway: 203.0.113.1, addresses: 203.0.113.2';
    expect(notes(odd, null)).toEqual([]);
    expect(notes(odd, { up: false, carrier: false })).toEqual([]);
    expect(notes(odd, { ...HAS, pointToPoint: true })).toHaveLength(1);
  });

  it('says nothing of inside addresses that are kept', () => {
    expect(notes('gateway: 203.0.1.1, addresses: 192.168.8.0, translate: false', HAS)).toEqual([]);
  });
});
