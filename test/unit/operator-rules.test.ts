/** What is made of the operator's own rules, from what nft 1.0.6 and iptables-save have printed. */
import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../src/kernel/desired.js';
import { marksOf } from '../../src/kernel/marks.js';
import { iptablesListing } from '../../src/kernel/operator/iptables.js';
import { type Listing, parseListing, placeOf, type Rule } from '../../src/kernel/operator/nft-json.js';
import { notRaced } from '../../src/kernel/operator/not-raced.js';
import { blocking } from '../../src/kernel/operator/output.js';
import { between, parseRange, rangeTexts } from '../../src/kernel/operator/ranges.js';
import { differing, type OperatorRule, rulesOf } from '../../src/kernel/operator/translations.js';
import { checksWayBack } from '../../src/kernel/operator/way-back.js';
import { renderNft } from '../../src/kernel/render.js';
import { resolveRoutes } from '../../src/kernel/routes.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import { config, link, STATES, snapshot, THREE_ROUTES } from '../golden/states.js';

/** `a`: wan1 with one address of each family, `b`: wan2, `c`: wan3. */
const MARKS = marksOf(DEFAULT_MARK_MASK);
const ROUTES = resolveRoutes(
  config(THREE_ROUTES),
  snapshot([link('lan0', 2), link('wan1', 3), link('wan2', 4), link('wan3', 5)]),
);

const SADDR = { payload: { protocol: 'ip', field: 'saddr' } };
const DADDR = { payload: { protocol: 'ip', field: 'daddr' } };
const SADDR6 = { payload: { protocol: 'ip6', field: 'saddr' } };
const OIFNAME = { meta: { key: 'oifname' } };
const is = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
const snat = (addr: unknown, family = 'ip') => ({ snat: { family, addr } });
const MASQUERADE = { masquerade: null };

/** Rules of the chain `p` in postrouting, and of others by name. */
function found(
  rules: readonly object[][],
  others: Readonly<Record<string, readonly object[][]>> = {},
  sets: Readonly<Record<string, unknown[]>> = {},
): OperatorRule[] {
  const of = (chain: string, list: readonly object[][]): [string, Rule[]] => [
    placeOf('inet', 't', chain),
    list.map((expr, i) => ({
      family: 'inet',
      table: 't',
      chain,
      handle: i + 1,
      expr: expr as NonNullable<Rule['expr']>,
    })),
  ];
  const ruleset = {
    rules: new Map([of('p', rules), ...Object.entries(others).map(([name, list]) => of(name, list))]),
    sets: new Map(Object.entries(sets).map(([name, list]) => [placeOf('inet', 't', name), list])),
    targets: new Map<string, string>(),
    lan: ['lan0'],
  };
  return rulesOf({ family: 'inet', table: 't', name: 'p', type: 'nat', hook: 'postrouting' }, ruleset);
}

/** The same as matches of nft, as they stand in our rules. */
function matches(...given: Parameters<typeof found>): string[] {
  const ownTranslation = notRaced(differing(found(...given), ROUTES, false));
  const state: DesiredState = { ...STATES['three-routes'], ownTranslation };
  return [...renderNft(state).matchAll(/^add rule inet pathrace ask_copies (.*) goto race$/gm)].map(
    ([, match]) => match,
  );
}

describe('what a race does itself', () => {
  it.each([
    ['masquerade', [[is(OIFNAME, 'wan1'), MASQUERADE]]],
    ['masquerade of everything', [[MASQUERADE]]],
    ['masquerade with ports', [[{ masquerade: { port: { range: [1024, 65535] } } }]]],
    ['snat to the route’s only address', [[is(OIFNAME, 'wan1'), snat('203.0.1.2')]]],
    ['snat beyond another interface', [[is(OIFNAME, { set: ['tun0', 'docker0'] }), snat('10.8.0.1')]]],
    [
      'snat of what comes from elsewhere',
      [[is({ meta: { key: 'iifname' } }, 'docker0'), snat('203.0.113.7')]],
    ],
    ['snat of UDP', [[is({ payload: { protocol: 'udp', field: 'dport' } }, 5060), snat('203.0.113.7')]]],
    ['snat of ICMP', [[is({ meta: { key: 'l4proto' } }, 'icmp'), snat('203.0.113.7')]]],
    ['a named set that is empty', [[is(SADDR, '@none'), snat('203.0.113.7')]]],
    ['what only accepts', [[is(DADDR, '10.1.1.1'), { accept: null }]]],
    ['other targets of iptables', [[{ xt: { type: 'target', name: 'LOG' } }]]],
  ])('%s', (_, rules) => {
    expect(matches(rules, {}, { none: [] })).toEqual([]);
  });
});

describe('what a race cannot do', () => {
  it.each<[string, Parameters<typeof found>, string[]]>([
    ['snat of a host', [[[is(SADDR, '10.0.0.5'), snat('203.0.113.7')]]], ['ip saddr { 10.0.0.5 }']],
    [
      'snat of hosts, ranges and prefixes, put together',
      [
        [
          [
            is(SADDR, {
              set: [{ range: ['10.0.0.1', '10.0.0.9'] }, { prefix: { addr: '10.2.0.0', len: 16 } }],
            }),
            snat('203.0.113.8'),
          ],
          [is(SADDR, '10.0.0.5'), is(OIFNAME, 'wan2'), snat('203.0.113.7')],
          [is(SADDR, '10.0.0.10'), snat('203.0.113.7')],
        ],
      ],
      ['ip saddr { 10.0.0.1-10.0.0.10, 10.2.0.0-10.2.255.255 }'],
    ],
    [
      'a named set, whose elements have time-outs',
      [
        [[is(SADDR, '@hosts'), snat('203.0.113.7')]],
        {},
        { hosts: ['10.0.0.5', { elem: { val: '10.0.0.7', timeout: 60 } }] },
      ],
      ['ip saddr { 10.0.0.5, 10.0.0.7 }'],
    ],
    ['a named set that was too long', [[[is(SADDR, '@hosts'), snat('203.0.113.7')]]], ['meta nfproto ipv4']],
    [
      'a map from sources to addresses',
      [
        [[snat({ map: { key: SADDR, data: '@m' } })]],
        {},
        {
          m: [
            ['10.0.0.7', '1.2.3.4'],
            ['10.0.0.8', '1.2.3.4'],
          ],
        },
      ],
      ['ip saddr { 10.0.0.7-10.0.0.8 }'],
    ],
    [
      'a map in the rule',
      [
        [
          [
            is({ meta: { key: 'nfproto' } }, 'ipv4'),
            snat({ map: { key: SADDR, data: { set: [['10.0.0.7', '1.2.3.4']] } } }),
          ],
        ],
      ],
      ['ip saddr { 10.0.0.7 }'],
    ],
    [
      'a destination',
      [
        [
          [
            is(SADDR, { prefix: { addr: '10.0.0.0', len: 24 } }),
            is(DADDR, '198.51.100.9'),
            snat('203.0.113.7'),
          ],
        ],
      ],
      ['ip saddr { 10.0.0.0-10.0.0.255 } ip daddr { 198.51.100.9 }'],
    ],
    [
      'what is not this source',
      [[[is(SADDR, '10.0.0.5', '!='), is(DADDR, '198.51.100.9'), snat('203.0.113.7')]]],
      ['ip daddr { 198.51.100.9 }'],
    ],
    [
      'an address of another route',
      [[[is(OIFNAME, 'wan2'), is(SADDR, '10.0.0.5'), snat('203.0.1.2')]]],
      ['ip saddr { 10.0.0.5 }'],
    ],
    [
      'IPv6, by a part of a name',
      [
        [
          [
            is(OIFNAME, 'wan*'),
            is(SADDR6, { prefix: { addr: 'fd00::', len: 64 } }),
            snat('2001:db8::5', 'ip6'),
          ],
        ],
      ],
      ['ip6 saddr { fd00::-fd00::ffff:ffff:ffff:ffff }'],
    ],
    [
      'a jump',
      [[[is(SADDR, '10.0.0.5'), { jump: { target: 'sub' } }]], { sub: [[snat('203.0.113.7')]] }],
      ['ip saddr { 10.0.0.5 }'],
    ],
    [
      'a chain that is too long',
      [[[is(SADDR, '10.0.0.5'), { jump: { target: 'sub' } }]]],
      ['ip saddr { 10.0.0.5 }'],
    ],
    [
      'a verdict map',
      [
        [
          [
            {
              vmap: {
                key: OIFNAME,
                data: {
                  set: [
                    ['wan1', { jump: { target: 'one' } }],
                    ['tun0', { goto: { target: 'two' } }],
                  ],
                },
              },
            },
          ],
        ],
        {
          one: [[is(SADDR, '10.0.0.5'), snat('203.0.113.7')]],
          two: [[is(SADDR, '10.0.0.6'), snat('10.8.0.1')]],
        },
      ],
      ['ip saddr { 10.0.0.5 }'],
    ],
    [
      'a time-out of its own',
      [[[is(SADDR, '10.0.0.5'), { 'ct timeout': 'slow' }]]],
      ['ip saddr { 10.0.0.5 }'],
    ],
    [
      'a range of addresses',
      [[[is(SADDR, '10.0.0.5'), snat({ range: ['203.0.113.7', '203.0.113.9'] })]]],
      ['ip saddr { 10.0.0.5 }'],
    ],
    [
      'NETMAP',
      [[[is(SADDR, '10.0.0.5'), { xt: { type: 'target', name: 'NETMAP' } }]]],
      ['ip saddr { 10.0.0.5 }'],
    ],
  ])('%s', (_, given, expected) => {
    expect(matches(...given)).toEqual(expected);
  });

  it('is everything where jumps go round in a circle or there are too many rules', () => {
    const circle = found([[{ jump: { target: 'p' } }]]);
    expect(circle.some(({ place, sources }) => place.includes('too long') && sources === null)).toBe(true);
    const many = Array.from({ length: 1200 }, (_, i) => [
      is(SADDR, `10.0.${i >> 8}.${i & 255}`),
      snat('203.0.113.7'),
    ]);
    expect(found(many)).toMatchObject([{ sources: null, place: 'inet t p, too many rules' }]);
  });

  it('names the rule', () => {
    expect(found([[MASQUERADE], [snat('203.0.113.7')]]).map(({ place }) => place)).toEqual([
      'inet t p, handle 1',
      'inet t p, handle 2',
    ]);
  });
});

it('sources alone are matched where there are many destinations', () => {
  const rules = Array.from({ length: 40 }, (_, i) => [
    is(SADDR, `10.0.0.${i}`),
    is(DADDR, `198.51.100.${i}`),
    snat('203.0.113.7'),
  ]);
  expect(matches(rules)).toEqual(['ip saddr { 10.0.0.0-10.0.0.39 }']);
});

describe('ranges', () => {
  it('are read, and put together', () => {
    const texts = [
      '10.0.0.9',
      '10.0.0.0/29',
      '10.0.0.8',
      '10.0.1.0-10.0.1.9',
      '10.0.1.4',
      'fd00::/127',
      '::/0',
    ];
    const ranges = texts.map((text) => parseRange(text)!);
    expect(rangeTexts(ranges, 4)).toEqual(['10.0.0.0-10.0.0.9', '10.0.1.0-10.0.1.9']);
    expect(rangeTexts(ranges, 6)).toEqual(['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']);
    expect(parseRange('nobody')).toBeNull();
    expect(between('10.0.0.1', 'fd00::1')).toBeNull();
  });
});

describe('iptables-save', () => {
  const TEXT = `# Generated by iptables-save
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:mine - [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 10.0.0.6/32 -o wan1 -j SNAT --to-source 203.0.113.6
-A POSTROUTING -s 10.0.0.7/32 -o wan1 -j SNAT --to-source 203.0.1.2:1024-2048
-A POSTROUTING -o ppp+ -j SNAT --to-source 203.0.113.6
-A POSTROUTING -p udp -m udp --dport 53 -j SNAT --to-source 203.0.113.6
-A POSTROUTING -s 10.0.0.8/32 -j mine
-A POSTROUTING -s 10.0.0.99/32 -j LOG --log-prefix "a b"
-A mine -m multiport -p tcp --dports 1,2 -j SNAT --to-source 203.0.113.9-203.0.113.10
COMMIT
*filter
:OUTPUT DROP [0:0]
-A OUTPUT -o lo -j ACCEPT
COMMIT
`;
  const asRuleset = ({ rules, chains }: Listing) => ({
    rules: new Map(
      chains.map(({ family, table, name }) => [
        placeOf(family, table, name),
        rules.filter((rule) => rule.chain === name && rule.table === table),
      ]),
    ),
    sets: new Map(),
    targets: new Map(),
    lan: ['lan0'],
  });

  it('is read like rules of nft', () => {
    const listing = iptablesListing('ip', TEXT);
    const ruleset = asRuleset(listing);
    const postrouting = listing.chains.find(({ hook }) => hook === 'postrouting')!;
    const own = differing(rulesOf(postrouting, ruleset), ROUTES, false);
    expect(notRaced(own)).toEqual([
      {
        places: ['ip nat (legacy) POSTROUTING, handle 2', 'ip nat (legacy) mine, handle 8'],
        ...{ family: 4, sources: ['10.0.0.6', '10.0.0.8'], destinations: null, ports: null },
      },
    ]);
    expect(blocking(listing.chains, ruleset.rules, MARKS)).toEqual(['ip filter (legacy) OUTPUT']);
  });
});

describe('chains that drop what the gateway sends', () => {
  const chain = (policy: string) => ({
    family: 'inet',
    table: 't',
    name: 'o',
    type: 'filter',
    hook: 'output',
    policy,
  });
  const MARK = { meta: { key: 'mark' } };
  const blocks = (policy: string, ...rules: object[][]): boolean =>
    blocking(
      [chain(policy)],
      new Map([
        [
          'inet t o',
          rules.map((expr, i) => ({
            family: 'inet',
            table: 't',
            chain: 'o',
            handle: i,
            expr: expr as NonNullable<Rule['expr']>,
          })),
        ],
      ]),
      MARKS,
    ).length > 0;

  it.each<[boolean, string, object[][]]>([
    [false, 'accept', []],
    [true, 'drop', []],
    [true, 'drop', [[is(OIFNAME, 'lo'), { accept: null }]]],
    [
      true,
      'accept',
      [
        [is(OIFNAME, 'lo'), { accept: null }],
        [{ counter: null }, { reject: null }],
      ],
    ],
    [false, 'accept', [[is(OIFNAME, 'wan1'), { drop: null }]]],
    [false, 'drop', [[is({ '&': [MARK, MARKS.ownMask] }, MARKS.own), { accept: null }]]],
    [false, 'drop', [[is({ '&': [MARK, MARKS.held] }, 0, '!='), { accept: null }]]],
    [false, 'drop', [[is({ '&': [MARK, MARKS.chosen] }, 0), { accept: null }]]],
    // Of bits that our packets may have or not, as nft prints a prefix of them.
    [true, 'drop', [[is(MARK, { prefix: { addr: MARKS.held, len: 2 } }), { accept: null }]]],
    [true, 'drop', [[is({ '&': [MARK, 255] }, 1), { accept: null }]]],
    [
      true,
      'drop',
      [
        [{ counter: null }, { drop: null }],
        [is({ '&': [MARK, MARKS.ownMask] }, MARKS.own), { accept: null }],
      ],
    ],
    [false, 'drop', [[{ accept: null }]]],
    // All that nft tells of iptables’ match.
    [false, 'drop', [[{ xt: { type: 'match', name: 'mark' } }, { xt: { type: 'target', name: 'ACCEPT' } }]]],
  ])('%s: policy %s %j', (expected, policy, rules) => {
    expect(blocks(policy, ...rules)).toBe(expected);
  });
});

it('a listing of nft is taken apart', () => {
  const text =
    '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"chain": {"family": "ip", "table": "nat", "name": "POSTROUTING", "handle": 1, "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}}, {"map": {"family": "ip", "table": "nat", "name": "m", "elem": [["10.0.0.1", "1.2.3.4"]]}}, {"rule": {"family": "ip", "table": "nat", "chain": "POSTROUTING", "handle": 2, "expr": [{"xt": {"type": "target", "name": "SNAT"}}]}}]}';
  const { chains, rules, sets } = parseListing(text);
  expect([chains.length, rules.length, sets.length]).toEqual([1, 1, 1]);
  const ruleset = {
    rules: new Map([['ip nat POSTROUTING', rules]]),
    sets: new Map(),
    targets: new Map([['ip nat 2', '203.0.113.6']]),
    lan: [],
  };
  expect(rulesOf(chains[0], ruleset)).toMatchObject([{ families: [4], to: '203.0.113.6' }]);
});

describe('a check of the way back to a source', () => {
  const fib = (flags: unknown, right: unknown = false): object =>
    is({ fib: { result: 'oif', flags } }, right);
  it.each<[string, object[], boolean]>([
    [
      'firewalld’s',
      [is({ meta: { key: 'nfproto' } }, 'ipv6'), fib(['saddr', 'mark', 'iif']), { drop: null }],
      true,
    ],
    ['its flags in another order', [fib(['iif', 'saddr', 'mark']), { drop: null }], true],
    ['by the interface’s number', [fib(['saddr', 'mark', 'iif'], '0'), { drop: null }], true],
    [
      'in a verdict map',
      [{ vmap: { key: { fib: { result: 'oif', flags: ['saddr', 'mark', 'iif'] } }, data: '@m' } }],
      true,
    ],
    ['whatever the interface', [fib(['saddr', 'mark']), { drop: null }], false],
    ['without the mark', [fib(['saddr', 'iif']), { drop: null }], false],
    ['of a destination', [fib(['daddr', 'mark', 'iif']), { drop: null }], false],
    ['one flag alone', [fib('saddr'), { drop: null }], false],
    ['none', [MASQUERADE], false],
  ])('%s', (_, expr, expected) => {
    const rule = {
      family: 'inet',
      table: 't',
      chain: 'c',
      handle: 1,
      expr: expr as NonNullable<Rule['expr']>,
    };
    expect(checksWayBack(rule)).toBe(expected);
  });
});
