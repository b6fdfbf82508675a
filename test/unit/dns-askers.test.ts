/** Who has asked a name server, and which name servers are believed by all. */
import { describe, expect, it } from 'vitest';
import { FOR_ALL, WebSites } from '../../src/core/affinity/web-sites.js';
import { hostNumber } from '../../src/core/limit/hosts.js';
import { Askers, ToldCounts } from '../../src/kernel/dns-askers.js';
import { parseAddress } from '../../src/model/address.js';
import { Prefixes } from '../../src/model/prefixes.js';

const words = (text: string): Int32Array => parseAddress(text)!;
const ONE = words('10.0.0.2');

describe('who has asked', () => {
  it('is known by the address and port that the answer goes to, once', () => {
    const askers = new Askers();
    askers.note(ONE, 4000, 0x0200_0000, 0x0001_0000);
    expect(askers.take(ONE, 4001)).toBeNull();
    expect(askers.take(words('10.0.0.3'), 4000)).toBeNull();
    expect(askers.take(ONE, 4000)).toEqual({
      high: 0x0200_0000,
      low: 0x0001_0000,
      host: hostNumber(0x0200_0000, 0x0001_0000),
    });
    expect(askers.take(ONE, 4000)).toBeNull();
  });

  it('is nobody without an Ethernet address, and the oldest question gives way', () => {
    const askers = new Askers();
    askers.note(ONE, 1, 0, 0);
    expect(askers.take(ONE, 1)).toBeNull();
    for (let port = 1; port <= 4097; port++) askers.note(ONE, port, 1, 1);
    expect(askers.take(ONE, 1)).toBeNull();
    expect(askers.take(ONE, 2)).not.toBeNull();
  });
});

it('name servers are believed by their prefixes, of either family', () => {
  const resolvers = new Prefixes();
  expect(resolvers.has(ONE)).toBe(false);
  resolvers.set(['192.0.2.0/24', '9.9.9.9/32', '2001:db8::/32']);
  const has = (text: string): boolean => resolvers.has(words(text));
  expect(['192.0.2.53', '9.9.9.9', '2001:db8:1::53'].map(has)).toEqual([true, true, true]);
  expect(['192.0.3.53', '9.9.9.8', '2001:db9::53'].map(has)).toEqual([false, false, false]);
});

it('what hosts have been told is counted for each', () => {
  const counts = new ToldCounts();
  counts.add(7, 1);
  counts.add(7, 1);
  counts.add(8, 1);
  counts.add(7, -1);
  counts.add(8, -1);
  expect([counts.of(7), counts.of(8)]).toEqual([1, 0]);
});

it('an address is of the site that all have heard of, else of the one that its host has', () => {
  const sites = new WebSites();
  sites.learn(7, ONE, 0, 70, 1000);
  expect([sites.of(7, ONE, 0, 1), sites.of(8, ONE, 0, 1)]).toEqual([70, 0]);
  sites.learn(FOR_ALL, ONE, 0, 50, 500);
  expect([sites.of(7, ONE, 0, 1), sites.of(8, ONE, 0, 1)]).toEqual([50, 50]);
  expect([sites.of(7, ONE, 0, 600), sites.of(8, ONE, 0, 600)]).toEqual([70, 0]);
});
