import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapOut, type RoutePrefix } from '../../src/core/race/prefix.js';
import { formatAddress, parseAddress } from '../../src/model/address.js';
import { createMapping, NPTV6, toOutside } from '../../src/wire/nptv6.js';
import { type PrefixPair, subnetPairs } from '../../src/wire/nptv6-subnets.js';

const words = (text: string): Int32Array => parseAddress(text) as Int32Array;

function routePrefixes(pairs: readonly PrefixPair[]): RoutePrefix[] {
  return pairs.map(({ inside, outside }) => ({
    length: Number(inside.split('/')[1]),
    inside: words(inside.split('/')[0] as string),
    outside: words(outside.split('/')[0] as string),
  }));
}

describe('subnets of a prefix translation', () => {
  it("have the outside prefix of RFC 6296's own example", () => {
    expect(subnetPairs('fd01:203:405::/48', '2001:db8:1::/48', ['fd01:203:405:1::/64'])).toEqual([
      { inside: 'fd01:203:405:1::/64', outside: '2001:db8:1:d550::/64' },
    ]);
  });

  it('are those behind the LAN: of hosts, of wider prefixes up to 256, none twice, none of others', () => {
    const of = (...subnets: string[]): string[] =>
      subnetPairs('fd00::/48', '2001:db8:1::/48', subnets).map(({ inside }) => inside);
    expect(
      of('fd00:0:0:7::9/128', 'fd00:0:0:7::/64', 'fe80::/64', 'fd99::/64', '10.0.0.0/8', 'default'),
    ).toEqual(['fd00:0:0:7::/64']);
    expect(of('fd00:0:0:c8::/62')).toEqual([
      'fd00:0:0:c8::/64',
      'fd00:0:0:c9::/64',
      'fd00:0:0:ca::/64',
      'fd00:0:0:cb::/64',
    ]);
    expect(of('fd00::/48')).toHaveLength(256);
    // RFC 6296 section 3.2: subnet ffff would come back as 0.
    expect(of('fd00:0:0:ffff::/64')).toEqual([]);
  });

  it('beyond /48 are the prefix itself', () => {
    expect(subnetPairs('fd00::/56', '2001:db8:1:100::/56', [])).toEqual([
      { inside: 'fd00::/56', outside: '2001:db8:1:100::/56' },
    ]);
  });

  it('map every host as RFC 6296 says', () => {
    const address = fc.tuple(fc.integer({ min: 0, max: 0xfffe }), fc.integer(), fc.integer());
    const map = createMapping('fd01:203:405::/48', '2001:db8:1::/48')!;
    fc.assert(
      fc.property(address, ([subnet, third, fourth]) => {
        const host = words('fd01:203:405::');
        host[1] |= subnet;
        host.set([third, fourth], 2);
        const prefixes = routePrefixes(
          subnetPairs('fd01:203:405::/48', '2001:db8:1::/48', [`${formatAddress(host)}/128`]),
        );
        const [here, rfc] = [new Int32Array(4), new Int32Array(4)];
        expect(mapOut(prefixes, host, 0, here, 0)).toBe(true);
        expect(toOutside(map, host, 0, rfc, 0)).toBe(NPTV6.OK);
        expect([...here]).toEqual([...rfc]);
      }),
    );
  });

  it('an address of none of them has no other', () => {
    const prefixes = routePrefixes(subnetPairs('fd00::/48', '2001:db8:1::/48', ['fd00::/64']));
    const out = new Int32Array(4);
    expect(mapOut(prefixes, words('fd00:0:0:1::1'), 0, out, 0)).toBe(false);
    expect(mapOut(undefined, words('fd00::1'), 0, out, 0)).toBe(false);
  });
});
