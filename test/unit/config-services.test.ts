import { describe, expect, it } from 'vitest';
import type { CriterionName } from '../../src/model/config.js';
import { complaints, problemsOf, read, SMALL, serviceWith, withService } from './config-tools.js';

const matchOf = (match: string, more = '') => serviceWith(`match: ${match}, select: race`, more).match;

/** Key below the match, and message, of each problem. */
function mismatches(match: string, more = ''): readonly string[] {
  return problemsOf(withService(`match: ${match}, select: race`, more)).map(
    ({ key, message }) => `${key.replace('services[0].match', '')}: ${message}`,
  );
}

const SETS = 'sets: { guests: [192.168.8.0/24, "fd00:8::/64"], servers: [192.168.9.1] }\n';

describe('match', () => {
  it('takes everything by any', () => {
    expect(matchOf('any')).toEqual({
      tcp: null,
      udp: null,
      protocol: [],
      source: [],
      destination: [],
      domain: [],
      dscp: [],
      interface: [],
      time: [],
    });
  });

  it('takes TCP and UDP ports side by side', () => {
    expect(matchOf('{ tcp: any, udp: [53, "1000-2000"] }')).toMatchObject({
      tcp: [{ from: 1, to: 65535 }],
      udp: [
        { from: 53, to: 53 },
        { from: 1000, to: 2000 },
      ],
    });
  });

  it('takes addresses and prefixes of both families, and sets', () => {
    expect(matchOf('{ source: 192.0.2.1 }').source).toEqual(['192.0.2.1/32']);
    expect(matchOf('{ source: [10.0.0.0/8, "2001:DB8:0::/32", "2001:db9::1"] }').source).toEqual([
      '10.0.0.0/8',
      '2001:db8::/32',
      '2001:db9::1/128',
    ]);
    expect(
      matchOf('{ source: "@guests", destination: ["::/0", "@servers", "@guests"] }', SETS),
    ).toMatchObject({
      source: ['192.168.8.0/24', 'fd00:8::/64'],
      destination: ['::/0', '192.168.9.1/32', '192.168.8.0/24'],
    });
  });

  it('leaves out prefixes that another one contains', () => {
    const list =
      '[10.1.0.0/16, 10.0.0.0/8, 10.0.0.0/9, 192.0.2.0/25, 192.0.2.128/25, "fd00::/8", "fd00:8::1"]';
    expect(matchOf(`{ source: ${list} }`).source).toEqual([
      '10.0.0.0/8',
      '192.0.2.0/25',
      '192.0.2.128/25',
      'fd00::/8',
    ]);
    expect(matchOf('{ source: ["@guests", 192.168.8.9] }', SETS).source).toEqual([
      '192.168.8.0/24',
      'fd00:8::/64',
    ]);
  });

  it('takes domains in one form', () => {
    expect(matchOf('{ domain: "*.Example.COM." }').domain).toEqual(['example.com']);
    expect(matchOf('{ domain: [a.example, xn--mnchen-3ya.de, com, _sip.a] }').domain).toEqual([
      'a.example',
      'xn--mnchen-3ya.de',
      'com',
      '_sip.a',
    ]);
  });

  it('takes code points and protocols by name and number', () => {
    expect(matchOf('{ dscp: ef }').dscp).toEqual([46]);
    expect(matchOf('{ dscp: [cs0, CS7, af11, af43, va, 63, 0x01] }').dscp).toEqual([
      0, 56, 10, 38, 44, 63, 1,
    ]);
    expect(matchOf('{ protocol: icmp }').protocol).toEqual([1]);
    expect(matchOf('{ protocol: [icmpv6, esp, AH, gre, sctp, ipip, 255] }').protocol).toEqual([
      58, 50, 51, 47, 132, 4, 255,
    ]);
  });

  it('takes interfaces of the LAN', () => {
    expect(matchOf('{ interface: lan0 }').interface).toEqual(['lan0']);
  });

  it.each([
    ['mon-fri 08:00-18:00', [1, 2, 3, 4, 5], 480, 1080],
    ['"sat,sun"', [0, 6], 0, 1440],
    ['22:00-06:00', [0, 1, 2, 3, 4, 5, 6], 1320, 360],
    ['sun', [0], 0, 1440],
    ['fri-mon 00:00-24:00', [0, 1, 5, 6], 0, 1440],
    ['"Mon, wed-thu 8:30-24:00"', [1, 3, 4], 510, 1440],
    ['mon-sun 23:59-00:00', [0, 1, 2, 3, 4, 5, 6], 1439, 0],
  ])('time: %s', (text, days, from, to) => {
    expect(matchOf(`{ time: ${text} }`).time).toEqual([{ days, from, to }]);
  });

  it('takes several times', () => {
    expect(matchOf('{ time: [sat, mon-fri 18:00-08:00] }').time).toHaveLength(2);
  });

  it('takes a protocol beside ports where it says the same', () => {
    expect(matchOf('{ tcp: 80, protocol: tcp }').protocol).toEqual([6]);
    expect(matchOf('{ tcp: 80, udp: 80, protocol: [udp, 6] }').protocol).toEqual([17, 6]);
  });

  it.each([
    ['{}', ': Says nothing; `any` means all connections.'],
    ['all', ': Not a mapping of keys.'],
    ['', ': This key is required.'],
    ['[tcp]', ': Not a mapping of keys.'],
    ['{ port: 80 }', '.port: Unknown key.'],
    ['{ tcpp: 80 }', '.tcpp: Unknown key; did you mean tcp?'],
    ['{ quic: true }', '.quic: This key belongs to a later release.'],
    ['{ tcp: }', '.tcp: Not a port or a range of ports.'],
    ['{ udp: [] }', '.udp: The list is empty.'],
    ['{ source: [] }', '.source: The list is empty.'],
    ['{ source: }', '.source: This key is required.'],
    ['{ source: 10.0.0.1/8 }', '.source: Bits behind the prefix length are set; did you mean 10.0.0.0/8?'],
    ['{ source: 10.0.0.0/33 }', '.source: A prefix length of IPv4 is at most 32.'],
    ['{ source: 10.0.0.0-10.0.0.9 }', '.source: "10.0.0.0-10.0.0.9" is not an address or a prefix.'],
    ['{ source: example.com }', '.source: "example.com" is not an address or a prefix.'],
    ['{ source: "::ffff:10.0.0.1" }', '.source: An IPv4 address in IPv6 form; write it as IPv4.'],
    ['{ source: [10.0.0.1, 10.0.0.1/32] }', '.source[1]: The item is there twice.'],
    ['{ source: "@nobody" }', '.source: There is no such set.'],
    ['{ source: [10.0.0.1, "@gests"] }', '.source[1]: There is no such set; did you mean @guests?'],
    ['{ source: "@a b" }', '.source: "@a b" is not @ and the name of a set.'],
    [
      '{ source: 10.0.0.0/8, destination: "fd00::/8" }',
      '.destination: `source` has only IPv4, `destination` none; nothing fits both.',
    ],
    ['{ domain: münchen.de }', '.domain: Write the name in its ASCII form: xn--mnchen-3ya.de.'],
    ['{ domain: 192.0.2.1 }', '.domain: "192.0.2.1" is an address, not a name.'],
    ['{ domain: "a.*.b" }', '.domain: "a.*.b" is not a domain name.'],
    ['{ domain: "*" }', '.domain: "*" is not a domain name.'],
    ['{ domain: "." }', '.domain: "." is not a domain name.'],
    ['{ domain: -a.b }', '.domain: "-a.b" is not a domain name.'],
    ['{ domain: 1.2 }', '.domain: Not a text; put it in quotes.'],
    ['{ domain: "a.1" }', '.domain: "a.1" is not a domain name.'],
    [`{ domain: ${'a'.repeat(64)}.b }`, 'is not a domain name.'],
    [`{ domain: ${'a.'.repeat(130)}b }`, '.domain: The name is too long.'],
    ['{ domain: [a.b, A.B] }', '.domain[1]: The domain is there twice.'],
    ['{ dscp: 64 }', '.dscp: Not a code point.'],
    ['{ dscp: af14 }', '.dscp: Not a code point.'],
    ['{ dscp: [46, ef] }', '.dscp[1]: The code point is there twice.'],
    ['{ protocol: 256 }', '.protocol: Not a protocol.'],
    ['{ protocol: toString }', '.protocol: Not a protocol.'],
    ['{ protocol: "6" }', '.protocol: Not a protocol.'],
    ['{ tcp: 80, protocol: udp }', '.protocol: udp never fits beside `tcp`; give it a service of its own.'],
    [
      '{ tcp: 80, protocol: [tcp, icmp] }',
      '.protocol: icmp never fits beside `tcp`; give it a service of its own.',
    ],
    ['{ tcp: 80, udp: 80, protocol: tcp }', '.protocol: udp is missing beside `tcp` and `udp`.'],
    ['{ interface: lan1 }', '.interface: There is no such interface in `lan`; did you mean lan0?'],
    ['{ interface: wan1 }', '.interface: There is no such interface in `lan`'],
    ['{ time: [] }', '.time: The list is empty.'],
    ['{ time: 08:00 }', '.time: Not days and hours.'],
    ['{ time: 8-18 }', '.time: Not days and hours.'],
    ['{ time: 08:00-08:00 }', '.time: Begins and ends in the same minute.'],
    ['{ time: 24:00-08:00 }', '.time: Not hours from 00:00 to 24:00.'],
    ['{ time: 08:60-09:00 }', '.time: Not hours from 00:00 to 24:00.'],
    ['{ time: 08:00-24:01 }', '.time: Not hours from 00:00 to 24:00.'],
    ['{ time: mon-fry }', '.time: "fry" is not a day: sun, mon, tue, wed, thu, fri, sat.'],
    ['{ time: mon-wed-fri }', '.time: Not a range of days.'],
    ['{ time: [mon, 7] }', '.time[1]: Not days and hours.'],
  ])('refuses match: %s', (match, message) => {
    expect(mismatches(match, SETS).join('\n')).toContain(message);
    expect(mismatches(match, SETS)).toHaveLength(1);
  });

  it('counts prefixes with their sets', () => {
    const prefixes = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => `10.0.${from}.${i}`).join(', ');
    const sets = `sets: { a: [${prefixes(1, 200)}], b: [${prefixes(2, 100)}] }\n`;
    expect(matchOf('{ source: "@a", destination: "@b" }', sets).source).toHaveLength(200);
    expect(mismatches('{ source: ["@a", "@b"] }', sets)).toEqual([
      '.source: Has 300 prefixes with its sets.',
    ]);
  });

  it('says nothing of a set that has mistakes of its own, beyond those', () => {
    const sets = 'sets: { a: x }\n';
    expect(complaints(withService('match: { source: "@a" }, select: race', sets))).toEqual([
      '5 sets.a: "x" is not an address or a prefix.',
    ]);
  });
});

describe('sets', () => {
  it.each([
    ['sets: { "a b": 10.0.0.1 }', 'sets."a b": Not a name.'],
    ['sets: { a: [] }', 'sets.a: The list is empty.'],
    ['sets: { a: "@b", b: 10.0.0.1 }', 'sets.a: "@b" is not an address or a prefix.'],
    ['sets: [10.0.0.1]', 'sets: Not the right kind of value.'],
    [
      `sets: { ${Array.from({ length: 65 }, (_, i) => `s${i}: 10.0.0.1`).join(', ')} }`,
      'sets: Too many sets.',
    ],
    [
      `sets: { a: [${Array.from({ length: 257 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(', ')}] }`,
      'sets.a: The list is too long.',
    ],
  ])('refuses %s', (sets, message) => {
    expect(complaints(`${SMALL}${sets}\n`)).toEqual([`4 ${message}`]);
  });
});

describe('select', () => {
  const selectOf = (select: string, text = SMALL) =>
    read(`${text}services: [{ name: s, match: any, select: ${select} }]\n`).services[0].select;
  const CHECKED = SMALL.replaceAll(
    'interface: wan',
    'capacity: 1gbit, check: ping 192.0.2.1, interface: wan',
  );
  const usual = {
    routes: ['a', 'b'],
    threshold: 0.8,
    periodMs: 600_000,
    by: 'client+destination',
    costDelayMs: 0,
    atMost: null,
  };

  it.each<CriterionName>([
    'race',
    'round-robin',
    'weighted',
    'least-connections',
    'least-traffic',
    'least-weighted-load',
    'fastest-probe',
    'cheapest',
    'priority',
    'spillover',
    'hash',
  ])('takes %s', (criterion) => {
    expect(selectOf(criterion, CHECKED)).toEqual({ ...usual, criterion });
    expect(selectOf(`{ criterion: ${criterion}, routes: b }`, CHECKED)).toEqual({
      ...usual,
      criterion,
      routes: ['b'],
    });
  });

  it('takes a route and rest', () => {
    expect(selectOf('b')).toEqual({ ...usual, criterion: 'fixed', routes: ['b'] });
    expect(selectOf('{ criterion: b }')).toEqual({ ...usual, criterion: 'fixed', routes: ['b'] });
    expect(selectOf('rest')).toEqual({ ...usual, criterion: 'rest', routes: ['a'] });
    expect(selectOf('{ criterion: rest }')).toEqual({ ...usual, criterion: 'rest', routes: ['a'] });
  });

  it('takes the options of each criterion', () => {
    expect(selectOf('fastest-history')).toEqual({
      ...usual,
      criterion: 'fastest-history',
      periodMs: 3_600_000,
    });
    expect(selectOf('{ criterion: fastest-history, period: 1d }').periodMs).toBe(86_400_000);
    expect(selectOf('{ criterion: fastest-probe, period: 1m }', CHECKED).periodMs).toBe(60_000);
    expect(selectOf('{ criterion: spillover, threshold: 50% }', CHECKED).threshold).toBe(0.5);
    expect(selectOf('{ criterion: spillover, threshold: 1 }', CHECKED).threshold).toBe(1);
    expect(selectOf('{ criterion: hash, by: client }').by).toBe('client');
    expect(selectOf('{ criterion: race, routes: [b, a], costDelay: 20ms }')).toMatchObject({
      routes: ['b', 'a'],
      costDelayMs: 20,
    });
    expect(selectOf('{ criterion: race, atMost: 2 }').atMost).toBe(2);
  });

  it.each([
    ['match: { udp: 5353 }, select: race, speaks: mdns', '.speaks: Not one of the allowed words.'],
    [
      'match: { tcp: 53 }, select: race, speaks: dns',
      '.speaks: The service names no ports of UDP that speak it.',
    ],
    ['match: any, select: race, speaks: dns', '.speaks: The service names no ports of UDP that speak it.'],
    ['match: { udp: 5353 }, select: a, speaks: dns', '.speaks: a races nothing.'],
    ['match: { udp: 5353 }, select: { criterion: hash }, speaks: dns', '.speaks: hash races nothing.'],
    ['match: { udp: 5353 }, select: rest, speaks: dns', '.speaks: rest races nothing.'],
  ])('refuses %s', (service, message) => {
    expect(complaints(withService(service))).toEqual([`4 services[0]${message}`]);
  });

  it('takes name servers of routes, one of each family', () => {
    const resolvers = '{ a: 9.9.9.9, b: [1.1.1.1, "2606:4700:4700::1111"] }';
    expect(serviceWith(`match: any, select: race, resolvers: ${resolvers}`).resolvers).toEqual([
      { route: 'a', ipv4: '9.9.9.9', ipv6: null },
      { route: 'b', ipv4: '1.1.1.1', ipv6: '2606:4700:4700::1111' },
    ]);
  });

  it.each([
    ['9.9.9.9', 'race', ': Not a mapping of routes.'],
    ['{}', 'race', ': The mapping is empty.'],
    ['{ a: nine }', 'race', '.a: "nine" is not an IPv4 or IPv6 address.'],
    ['{ a: [9.9.9.9, 1.1.1.1] }', 'race', '.a: Has 2 IPv4 name servers; a route has one of each family.'],
    ['{ c: 9.9.9.9 }', 'race', '.c: There is no such route.'],
    ['{ a: 9.9.9.9 }', 'round-robin', ': round-robin races nothing.'],
  ])('refuses resolvers: %s of %s', (resolvers, select, message) => {
    const found = complaints(withService(`match: any, select: ${select}, resolvers: ${resolvers}`));
    expect(found).toEqual([`4 services[0].resolvers${message}`]);
  });

  it('takes what is not raced, with sets and without what is covered; the bound is off where all is raced', () => {
    const race = (text: string) => read(`${SMALL}${text}\n`).race;
    expect(race('')).toEqual({ perDestination: 100, never: [] });
    expect(race('memory: { trust: 0s }')).toEqual({ perDestination: null, never: [] });
    expect(race('memory: { trust: 0s }\nrace: { perDestination: 5 }').perDestination).toBe(5);
    expect(race('race: { perDestination: none }').perDestination).toBeNull();
    expect(
      race('sets: { banks: [192.0.2.0/24, "2001:db8::/32"] }\nrace: { never: ["@banks", 192.0.2.1] }').never,
    ).toEqual(['192.0.2.0/24', '2001:db8::/32']);
  });

  it.each([
    ['{ perDestination: 0 }', '.perDestination: Too small.'],
    ['{ perDestination: all }', '.perDestination: Not a whole number.'],
    ['{ never: "@banks" }', '.never: There is no such set.'],
    ['{ never: [192.0.2.1/33] }', '.never[0]: A prefix length of IPv4 is at most 32.'],
    ['{ nevr: 192.0.2.1 }', '.nevr: Unknown key; did you mean never?'],
  ])('refuses race: %s', (text, message) => {
    expect(complaints(`${SMALL}race: ${text}\n`)).toEqual([`4 race${message}`]);
  });

  it('wants a capacity on all routes of a spillover but the last', () => {
    const first = SMALL.replace('interface: wan1', 'interface: wan1, capacity: 1mbit');
    expect(selectOf('spillover', first).routes).toEqual(['a', 'b']);
    expect(complaints(withService('match: any, select: spillover'))).toEqual([
      '4 services[0].select: spillover needs `capacity` on every route but the last; without one: a.',
    ]);
    expect(
      complaints(
        `${first}services: [{ name: s, match: any, select: { criterion: spillover, routes: [b, a] } }]\n`,
      ),
    ).toEqual([
      '4 services[0].select.criterion: spillover needs `capacity` on every route but the last; without one: b.',
    ]);
  });

  it.each([
    ['', ': This key is required.'],
    ['rase', ': There is no such criterion or route; did you mean race?'],
    ['RACE', ': There is no such criterion or route; did you mean race?'],
    ['fixed', ': There is no such criterion or route.'],
    ['[a, b]', ': Not a text.'],
    ['{ routes: [a] }', '.criterion: This key is required.'],
    ['{ criterion: a, routes: [a] }', '.routes: a does not use `routes`.'],
    ['{ criterion: rest, threshold: 1 }', '.threshold: rest does not use `threshold`.'],
    ['{ criterion: race, threshold: 1 }', '.threshold: race does not use `threshold`.'],
    ['{ criterion: priority, routes: [] }', '.routes: The list is empty.'],
    ['{ criterion: priority, routes: [a, a] }', '.routes[1]: The route is there twice.'],
    ['{ criterion: priority, routes: [a, c] }', '.routes[1]: There is no such route.'],
    ['{ criterion: priority, rutes: [a] }', '.rutes: Unknown key; did you mean routes?'],
    ['{ criterion: hash, by: server }', '.by: Not one of the allowed words.'],
    ['{ criterion: race, costDelay: 20 }', '.costDelay: A duration needs a unit.'],
    ['{ criterion: race, costDelay: 11s }', '.costDelay: Too long.'],
    ['{ criterion: race, atMost: 1 }', '.atMost: Too small.'],
    ['{ criterion: race, atMost: 17 }', '.atMost: Too large.'],
    ['{ criterion: race, atMost: two }', '.atMost: Not a whole number.'],
    ['{ criterion: priority, atMost: 2 }', '.atMost: priority does not use `atMost`.'],
    ['{ criterion: fastest-history, period: 0s }', '.period: Too short.'],
    ['{ criterion: spillover, routes: b, threshold: 101% }', '.threshold: Too large.'],
    ['{ criterion: spillover, routes: b, threshold: -0.1 }', '.threshold: Too small.'],
    ['{ criterion: spillover, routes: b, threshold: half }', '.threshold: Not a share.'],
    ['fastest-probe', ': fastest-probe needs `check` on every route; without one: a, b.'],
  ])('refuses select: %s', (select, message) => {
    expect(complaints(withService(`match: any, select: ${select}`))).toEqual([
      `4 services[0].select${message}`,
    ]);
  });

  it('names the options that a criterion uses', () => {
    const problem = problemsOf(withService('match: any, select: { criterion: hash, period: 1h }'))[0];
    expect(problem.expected).toBe('routes, by');
    expect(problemsOf(withService('match: any, select: { criterion: a, by: client }'))[0].expected).toBe(
      'no other key',
    );
  });
});

describe('the other keys of a service', () => {
  const affinityOf = (keys: string, more = '') => {
    const { affinity, affinityMs } = serviceWith(`match: any, ${keys}`, more);
    return [affinity, affinityMs];
  };

  it.each([
    ['select: hash', '', 'client+destination'],
    ['select: race', '', 'client+destination'],
    ['select: race', 'memory: { trust: 0s }', 'none'],
    ['select: { criterion: race }', 'memory: { trust: 0s }', 'none'],
    ['select: hash', 'memory: { trust: 0s }', 'client+destination'],
    ['select: b', '', 'none'],
    ['select: rest', '', 'none'],
    ['select: race, affinity: client', 'memory: { trust: 0s }', 'client'],
    ['select: hash, affinity: client+prefix', '', 'client+prefix'],
    ['select: hash, affinity: none', '', 'none'],
  ])('%s with "%s" has the affinity %s', (keys, more, affinity) => {
    expect(affinityOf(keys, `${more}\n`)).toEqual([affinity, 1_800_000]);
  });

  it('keeps a group for as long as it says', () => {
    expect(affinityOf('select: race, affinity: { by: client+site, for: 1h }')).toEqual([
      'client+site',
      3_600_000,
    ]);
    expect(affinityOf('select: race, affinity: { by: client }')).toEqual(['client', 1_800_000]);
  });

  it('win, and what speaks first', () => {
    expect(serviceWith('match: any, select: race')).toMatchObject({ win: 'first-reply' });
    const { win, serverFirst } = serviceWith(
      'match: any, select: race, win: first-payload, serverFirst: [25, 100-200]',
    );
    expect([win, serverFirst]).toEqual([
      'first-payload',
      [
        { from: 25, to: 25 },
        { from: 100, to: 200 },
      ],
    ]);
    expect(complaints(withService('match: any, select: cheapest, win: first-payload'))).toEqual([
      '4 services[0].win: cheapest races nothing that a payload could win.',
    ]);
  });

  it('translate and sessionWeight', () => {
    const { translate, sessionWeight } = serviceWith('match: any, select: race');
    expect([translate, sessionWeight]).toEqual([null, 1]);
    expect(serviceWith('match: any, select: race, translate: false, sessionWeight: 1000')).toMatchObject({
      translate: false,
      sessionWeight: 1000,
    });
  });

  it.each([
    ['affinity: server', '.affinity: Not one of the allowed words.'],
    ['affinity: { for: 1h }', '.affinity.by: This key is required.'],
    ['affinity: { by: client, for: 1 }', '.affinity.for: A duration needs a unit.'],
    ['affinity: { by: client, form: 1h }', '.affinity.form: Unknown key; did you mean for?'],
    ['affinity: { by: none, for: 1h }', '.affinity.for: Without affinity there is nothing to keep.'],
    ['translate: "no"', '.translate: Not true or false.'],
    ['sessionWeight: 0', '.sessionWeight: Too small.'],
    ['sessionWeight: 1.5', '.sessionWeight: Not a whole number.'],
    ['win: first', '.win: Not one of the allowed words.'],
    ['serverFirst: 0', '.serverFirst: Not a port or a range of ports.'],
  ])('refuses %s', (keys, message) => {
    expect(complaints(withService(`match: any, select: race, ${keys}`))).toEqual([`4 services[0]${message}`]);
  });

  it('wants a name and a match', () => {
    expect(complaints(`${SMALL}services: [{ select: race }]\n`)).toEqual([
      '4 services[0].name: This key is required.',
      '4 services[0].match: This key is required.',
    ]);
  });
});
