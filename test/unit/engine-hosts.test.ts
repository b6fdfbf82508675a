/** One host among many: what it may use of races and groups, whatever addresses it takes. */
import { describe, expect, it } from 'vitest';
import {
  GROUPS_PER_HOST,
  HostGroups,
  hostNumber,
  hostOfAddress,
  NO_HOST,
} from '../../src/core/limit/hosts.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { Harness, only, routes, words } from '../sim/engine-harness.js';

const SERVER6: Endpoint = { address: words('2001:db8:100::1'), port: 443 };
const SERVER4: Endpoint = { address: words('198.51.100.1'), port: 443 };

/** A table of 64 races, of which a client may have four: a host 16. */
function gateway(): Harness {
  const h = new Harness(2, { races: 64, racesPerClient: 4 }, routes(2));
  h.setServices([serviceOver([1, 2], { affinity: 'client+destination', affinityMicros: 600_000_000 })]);
  return h;
}

const raced = (h: Harness, address: string, host = NO_HOST): boolean => {
  const destination = address.includes(':') ? SERVER6 : SERVER4;
  h.setup({ service: 1, client: { address: words(address), port: 40_000 }, destination, host });
  return only(h.last, 'release').length === 0;
};

describe('races of a host', () => {
  it('are a quarter of the table for all addresses of an Ethernet address together', () => {
    const h = gateway();
    const host = hostNumber(0x0200_0000, 1);
    const mine = Array.from({ length: 60 }, (_, i) => raced(h, `fd00::${(i + 2).toString(16)}`, host));
    expect(mine.filter(Boolean)).toHaveLength(16);
    expect(h.single('host-race-limit')).toBe(44);
    expect(h.last).toContainEqual({ kind: 'release', route: 0, reason: 'host-race-limit', service: 1 });
    // Its neighbour with the same prefix is another host.
    expect(raced(h, 'fd00::ffff', hostNumber(0x0200_0000, 2))).toBe(true);
    h.pass(120_000);
    expect(raced(h, 'fd00::2', host)).toBe(true);
  });

  it('are those of a /64, or of an IPv4 address, where no Ethernet address is known', () => {
    const h = gateway();
    const mine = Array.from({ length: 20 }, (_, i) => raced(h, `fd00::${(i + 2).toString(16)}`));
    expect(mine.filter(Boolean)).toHaveLength(16);
    expect(raced(h, 'fd00:0:0:1::2')).toBe(true);
    expect(Array.from({ length: 20 }, (_, i) => raced(h, `10.0.0.${i + 2}`)).every(Boolean)).toBe(true);
  });

  it('count no longer when they are decided', () => {
    const h = gateway();
    for (let i = 0; i < 40; i++) {
      h.connection(41_000 + i, [10, null], { client: words(`10.0.0.${i + 2}`), service: 1 });
      expect(h.single('host-race-limit')).toBe(0);
    }
  });
});

describe('groups of a host', () => {
  it('are an eighth of what the kernel takes, and others have theirs', () => {
    const h = gateway();
    h.setServices([
      serviceOver([1, 2], {
        criterion: 'round-robin',
        affinity: 'client+destination',
        affinityMicros: 600e6,
      }),
    ]);
    const datagram = (client: string, n: number): number => {
      const address = words(`198.18.${n >> 8}.${n & 255}`);
      h.datagram({
        service: 1,
        client: { address: words(client), port: 5000 },
        destination: { address, port: 9 },
      });
      return only(h.last, 'pin').length;
    };
    let pinned = 0;
    for (let n = 0; n < GROUPS_PER_HOST + 500; n++) pinned += datagram('10.0.0.2', n);
    expect(pinned).toBe(GROUPS_PER_HOST);
    expect(h.ignored('host-groups')).toBe(500);
    // It goes on by a route, and what it has is renewed.
    expect(only(h.last, 'release')[0].route).toBeGreaterThan(0);
    expect(datagram('10.0.0.3', 1)).toBe(1);
  }, 60_000);

  it('come back with the time for which they last', () => {
    const groups = new HostGroups(1);
    const take = (count: number, now: number): number =>
      Array.from({ length: count }, () => groups.take(7, 1, 1000, now)).filter(Boolean).length;
    expect(take(GROUPS_PER_HOST + 10, 0)).toBe(GROUPS_PER_HOST);
    expect(take(GROUPS_PER_HOST, 500)).toBe(GROUPS_PER_HOST / 2);
    expect(groups.take(7, 2, 1000, 500)).toBe(true);
    expect(groups.take(8, 1, 1000, 500)).toBe(true);
  });
});

it('a host is one by its Ethernet address, its IPv4 address or its /64, and never none', () => {
  const of = (text: string): number => hostOfAddress(words(text), 0, text.includes(':') ? 6 : 4);
  expect(of('fd00::1')).toBe(of('fd00::ffff:1'));
  expect(of('fd00::1')).not.toBe(of('fd00:0:0:1::1'));
  expect(of('10.0.0.1')).not.toBe(of('10.0.0.2'));
  expect([of('::'), of('0.0.0.0'), hostNumber(0, 0)]).not.toContain(NO_HOST);
});
