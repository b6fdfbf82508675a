import { describe, expect, it } from 'vitest';
import { complaints, problemsOf, read, routeWith, withRoute } from './config-tools.js';

describe('what a route carries and costs', () => {
  it.each([
    ['20kbit', 20_000],
    ['500mbit', 500_000_000],
    ['1gbit', 1_000_000_000],
    ['2.5gbit', 2_500_000_000],
    ['1Gbit', 1_000_000_000],
    ['1000gbit', 1e12],
  ])('capacity: %s', (text, bits) => {
    expect(routeWith(`capacity: ${text}`).capacity).toBe(bits);
  });

  it.each([
    ['8', 8],
    ['0', 0],
    ['0.5', 0.5],
    ['8/GB', 8],
    ['0.5/GB', 0.5],
  ])('cost: %s', (text, cost) => {
    expect(routeWith(`cost: ${text}`).cost).toBe(cost);
  });

  it.each([
    ['50GB/month', 50e9],
    ['500MB', 500e6],
    ['1kB', 1000],
    ['1.5TB', 1.5e12],
    ['1KiB', 1024],
    ['10MiB/month', 10 * 2 ** 20],
    ['50GiB', 50 * 2 ** 30],
    ['2TiB', 2 * 2 ** 40],
  ])('quota: %s', (text, bytes) => {
    expect(routeWith(`quota: ${text}`).quota).toEqual({ bytes, day: 1, action: 'last-resort' });
  });

  it.each([
    ['{ volume: 50GB }', { bytes: 50e9, day: 1, action: 'last-resort' }],
    ['{ volume: 50GB/month, day: 12, then: down }', { bytes: 50e9, day: 12, action: 'down' }],
    ['{ volume: 7MB, day: 31, then: alarm }', { bytes: 7e6, day: 31, action: 'alarm' }],
  ])('quota: %s', (text, quota) => {
    expect(routeWith(`quota: ${text}`).quota).toEqual(quota);
  });

  it.each([
    ['{ day: 12 }', 'quota.volume: This key is required.'],
    ['{ volume: 1GB, day: 0 }', 'quota.day: Too small.'],
    ['{ volume: 1GB, day: 32 }', 'quota.day: Too large.'],
    ['{ volume: 1GB, then: "off" }', 'quota.then: Not one of the allowed words.'],
  ])('refuses quota: %s', (text, message) => {
    expect(complaints(withRoute(`{ interface: wan1, quota: ${text} }`))).toEqual([`2 routes.a.${message}`]);
  });

  it('use, onDown and weight', () => {
    expect(routeWith('use: last-resort, onDown: keep, weight: 1000')).toMatchObject({
      lastResort: true,
      onDown: 'keep',
      weight: 1000,
    });
    expect(routeWith('use: normal, onDown: reset')).toMatchObject({
      lastResort: false,
      onDown: 'reset',
      graceMs: 5000,
    });
    expect(routeWith('onDown: { flows: reset, after: 5s }')).toMatchObject({
      onDown: 'reset',
      graceMs: 5000,
    });
    expect(routeWith('onDown: { flows: keep }')).toMatchObject({ onDown: 'keep', graceMs: 5000 });
  });

  it.each([
    ['capacity: 500', 'A capacity needs a unit.'],
    ['capacity: 500mb', 'Not a capacity.'],
    ['capacity: 500 mbit', 'Not a capacity.'],
    ['capacity: -1mbit', 'Not a capacity.'],
    ['capacity: 0.5kbit', 'Too small.'],
    ['capacity: 1001gbit', 'Too large.'],
    ['capacity: [1mbit]', 'Not a capacity.'],
    ['cost: -1', 'Too small.'],
    ['cost: 1000001', 'Too large.'],
    ['cost: .nan', 'Not a price of a gigabyte.'],
    ['cost: .inf', 'Too large.'],
    ['cost: 8/MB', 'Not a price of a gigabyte.'],
    ['cost: 8 EUR', 'Not a price of a gigabyte.'],
    ['quota: 50', 'A volume needs a unit.'],
    ['quota: 50gb', 'Not a volume.'],
    ['quota: 50GB/day', 'Not a volume.'],
    ['quota: 0.1kB', 'Too small.'],
    ['quota: 1001TB', 'Too large.'],
    ['use: first', 'Not one of the allowed words.'],
    ['onDown: cut', 'Not one of the allowed words.'],
    ['weight: 0', 'Too small.'],
    ['weight: 1001', 'Too large.'],
  ])('refuses %s', (keys, message) => {
    const [key] = keys.split(':');
    expect(complaints(withRoute(`{ interface: wan1, ${keys} }`))).toEqual([`2 routes.a.${key}: ${message}`]);
  });
});

describe('failback', () => {
  it.each([
    ['stay', { kind: 'stay' }],
    ['move-new', { kind: 'move-new' }],
    ['move new', { kind: 'move-new' }],
    ['move new only', { kind: 'move-new' }],
    ['move-new-only', { kind: 'move-new' }],
    ['reset after 10', { kind: 'reset', afterMs: 600_000 }],
    ['reset after 10m', { kind: 'reset', afterMs: 600_000 }],
    ['reset after 1h', { kind: 'reset', afterMs: 3_600_000 }],
    ['reset after 1s', { kind: 'reset', afterMs: 1000 }],
  ])('%s', (text, failback) => {
    expect(routeWith(`failback: ${text}`).failback).toEqual(failback);
  });

  it.each([
    ['move', 'Not one of the ways to come back.'],
    ['reset', 'Not one of the ways to come back.'],
    ['reset after', 'Not one of the ways to come back.'],
    ['reset after ten minutes', 'Not one of the ways to come back.'],
    ['reset after 10y', 'Not a duration.'],
    ['reset after 0', 'Too short.'],
    ['reset after 8d', 'Too long.'],
    ['10', 'Not one of the ways to come back.'],
  ])('refuses %s', (text, message) => {
    expect(complaints(withRoute(`{ interface: wan1, failback: ${text} }`))).toEqual([
      `2 routes.a.failback: ${message}`,
    ]);
  });
});

describe('check', () => {
  const http = { kind: 'http', port: 80, path: '/', host: '192.0.2.1', address: '192.0.2.1' };

  it.each([
    ['ping 192.0.2.1', { kind: 'ping', address: '192.0.2.1' }],
    ['ping 2001:DB8:0::1', { kind: 'ping', address: '2001:db8::1' }],
    ['ping [2001:db8::1]', { kind: 'ping', address: '2001:db8::1' }],
    ['tcp 192.0.2.1:443', { kind: 'tcp', address: '192.0.2.1', port: 443 }],
    ['tcp [2001:db8::1]:443', { kind: 'tcp', address: '2001:db8::1', port: 443 }],
    ['http http://192.0.2.1/path?a=b', { ...http, path: '/path?a=b' }],
    ['http://192.0.2.1', http],
    ['http://192.0.2.1?a', { ...http, path: '/?a' }],
    ['http://192.0.2.1:8080/x', { ...http, port: 8080, host: '192.0.2.1:8080', path: '/x' }],
    ['http://192.0.2.1/ host Example.com', { ...http, host: 'example.com' }],
    ['http://192.0.2.1/ host example.com:8080', { ...http, host: 'example.com:8080' }],
    ['http://192.0.2.1/ expect 204', { ...http, expect: { status: 204, text: null } }],
    [
      'http://192.0.2.1/a host a.b expect 200  Microsoft Connect',
      { ...http, path: '/a', host: 'a.b', expect: { status: 200, text: 'Microsoft Connect' } },
    ],
    ['http://[2001:db8::1]/', { ...http, address: '2001:db8::1', host: '[2001:db8::1]' }],
    ['dns 192.0.2.53 example.com', { kind: 'dns', address: '192.0.2.53', port: 53, name: 'example.com' }],
    ['dns 192.0.2.53:5353 a.b.', { kind: 'dns', address: '192.0.2.53', port: 5353, name: 'a.b' }],
    ['dns 2001:db8::53 a.b', { kind: 'dns', address: '2001:db8::53', port: 53, name: 'a.b' }],
    ['dns [2001:db8::53]:5353 a.b', { kind: 'dns', address: '2001:db8::53', port: 5353, name: 'a.b' }],
  ])('asks "%s"', (text, target) => {
    expect(routeWith(`check: "${text}"`).check).toEqual({
      targets: [target],
      intervalMs: 5000,
      timeoutMs: 2000,
      fail: 3,
      recover: 3,
    });
  });

  it('takes a list, or a mapping', () => {
    const targets = [
      { kind: 'ping', address: '192.0.2.1' },
      { kind: 'ping', address: '192.0.2.2' },
    ];
    expect(routeWith('check: [ping 192.0.2.1, ping 192.0.2.2]').check?.targets).toEqual(targets);
    const mapping =
      '{ targets: [ping 192.0.2.1, ping 192.0.2.2], interval: 1s, timeout: 1s, fail: 1, recover: 9 }';
    expect(routeWith(`check: ${mapping}`).check).toEqual({
      targets,
      intervalMs: 1000,
      timeoutMs: 1000,
      fail: 1,
      recover: 9,
    });
  });

  it('waits no longer for an answer than for the next round', () => {
    expect(routeWith('check: { targets: ping 192.0.2.1, interval: 500ms }').check?.timeoutMs).toBe(500);
  });

  it.each([
    ['ping example.com', '"example.com" is a name; a check asks addresses only, never a resolver.'],
    ['http://example.com/', '"example.com" is a name; a check asks addresses only, never a resolver.'],
    ['tcp localhost:80', '"localhost" is a name; a check asks addresses only, never a resolver.'],
    ['ping', 'Not "ping ADDRESS".'],
    ['ping 192.0.2.1 192.0.2.2', 'Not "ping ADDRESS".'],
    ['ping 192.0.2.1:80', 'A ping has no port.'],
    ['ping 127.0.0.1', '127.0.0.1 is a loopback address, not the address of a host.'],
    ['ping fe80::1', 'fe80::1 is a link-local address; nothing beyond the link answers to it.'],
    ['ping 192.0.2.1/24', '"192.0.2.1/24" has a prefix length; write the address alone.'],
    ['tcp 192.0.2.1', 'The port is missing.'],
    ['tcp 2001:db8::1', 'The port is missing.'],
    ['tcp 192.0.2.1:0', 'Not a port from 1 to 65535.'],
    ['tcp 192.0.2.1:65536', 'Not a port from 1 to 65535.'],
    ['tcp [2001:db8::1', '"[2001:db8::1" is not an address.'],
    ['http', 'Not "http://ADDRESS/PATH" or the same with " host NAME" or " expect STATUS".'],
    ['http://192.0.2.1/ expect', '"" is not an HTTP status such as 204.'],
    ['http://192.0.2.1/ expect ok', '"ok" is not an HTTP status such as 204.'],
    [`http://192.0.2.1/ expect 200 ${'a'.repeat(257)}`, 'The text is too long.'],
    ['http://', 'Not a URL such as http://192.0.2.1/.'],
    ['http://192.0.2.1/#a', 'Not a URL such as http://192.0.2.1/.'],
    ['http://u:p@192.0.2.1/', '"u:p@192.0.2.1" is not an address.'],
    ['http://192.0.2.1/é', 'Not a URL such as http://192.0.2.1/.'],
    [
      'http://192.0.2.1/ host',
      'Not "http://ADDRESS/PATH" or the same with " host NAME" or " expect STATUS".',
    ],
    ['http://192.0.2.1/ host a_b..c', '"a_b..c" is not the name of a host.'],
    ['http://192.0.2.1/ host a.b:0', '"a.b:0" is not the name of a host.'],
    ['https://192.0.2.1/', 'An http target is asked without TLS; "tcp ADDRESS:443" asks for a connection.'],
    ['dns 192.0.2.53', 'Not "dns ADDRESS NAME".'],
    ['dns 192.0.2.53 a..b', '"a..b" is not a domain name.'],
    ['icmp 192.0.2.1', 'Not a target.'],
    ['', 'Not a target.'],
  ])('refuses "%s"', (text, message) => {
    expect(
      problemsOf(withRoute(`{ interface: wan1, check: "${text}" }`)).map((p) => [p.key, p.message]),
    ).toEqual([['routes.a.check', message]]);
  });

  it.each([
    ['[]', 'routes.a.check: The list is empty.'],
    ['', 'routes.a.check: This key is required.'],
    ['7', 'routes.a.check: Not a target.'],
    ['{}', 'routes.a.check.targets: This key is required.'],
    ['{ target: ping 192.0.2.1 }', 'routes.a.check.target: Unknown key; did you mean targets?'],
    ['[ping 192.0.2.1, ping]', 'routes.a.check[1]: Not "ping ADDRESS".'],
    ['[ping 192.0.2.1, ping 192.0.2.1]', 'routes.a.check[1]: The target is there twice.'],
    ['{ targets: [ping 192.0.2.1, ping] }', 'routes.a.check.targets[1]: Not "ping ADDRESS".'],
    [
      `[${Array.from({ length: 17 }, (_, i) => `ping 192.0.2.${i + 1}`).join(', ')}]`,
      'routes.a.check: The list is too long.',
    ],
    [
      '{ targets: ping 192.0.2.1, interval: 1s, timeout: 2s }',
      'routes.a.check.timeout: Longer than `interval`, which is 1s.',
    ],
    [
      '{ targets: ping 192.0.2.1, timeout: 6s }',
      'routes.a.check.timeout: Longer than `interval`, which is 5s.',
    ],
    ['{ targets: ping 192.0.2.1, interval: 99ms }', 'routes.a.check.interval: Too short.'],
    ['{ targets: ping 192.0.2.1, fail: 0 }', 'routes.a.check.fail: Too small.'],
    ['{ targets: ping 192.0.2.1, recover: 101 }', 'routes.a.check.recover: Too large.'],
  ])('refuses check: %s', (check, message) => {
    expect(complaints(withRoute(`{ interface: wan1, check: ${check} }`)).join()).toContain(message);
  });

  it('refuses a target that the route cannot ask', () => {
    const keys = (target: string) =>
      `{ interface: wan1, addresses: 203.0.113.2, check: [ping 192.0.2.1, "${target}"] }`;
    expect(complaints(withRoute(keys('ping 192.0.2.2')))).toEqual([]);
    expect(complaints(withRoute(keys('ping 2001:db8::1')))).toEqual([
      '2 routes.a.check[1]: The target is IPv6, which the route does not carry.',
    ]);
    expect(complaints(withRoute('{ interface: wan1, mtu: 1000, check: "ping 2001:db8::1" }'))).toHaveLength(
      1,
    );
  });
});

describe('prefix translation', () => {
  const translate = (inside: string, outside: string) =>
    `translate: { inside: "${inside}", outside: "${outside}" }`;

  it('fills in the prefix and translates', () => {
    expect(routeWith(translate('FD01:203:405::/48', '2001:db8:0001::/48'))).toMatchObject({
      translate: true,
      prefix: { inside: 'fd01:203:405::/48', outside: '2001:db8:1::/48' },
    });
    expect(routeWith('translate: false')).toMatchObject({ translate: false, prefix: null });
    expect(
      read(withRoute(`{ interface: wan1, ${translate('fd00::/16', '2001::/16')} }`)).rest.translate,
    ).toBe(true);
  });

  it.each([
    ['fd00::/48', '2001:db8::/56', 'outside: The prefix inside has 48 bits, the one outside 56.'],
    ['fd00::1/48', '2001:db8::/48', 'inside: Bits behind the prefix length are set; did you mean fd00::/48?'],
    ['fc00::/15', '2000::/15', 'inside: Not 16 to 64 bits long.'],
    ['fd00::/65', '2001:db8::/65', 'inside: Not 16 to 64 bits long.'],
    ['fd00::', '2001:db8::/48', 'inside: Not 16 to 64 bits long.'],
    ['10.0.0.0/16', '2001:db8::/16', 'inside: Not an IPv6 prefix.'],
    ['ff00::/16', '2001:db8::/48', 'inside: Not a prefix of addresses that are routed to one host.'],
    ['fd00::/48', 'fe80::/48', 'outside: Not a prefix of addresses that are routed to one host.'],
    ['fd00::/48', 'x', 'outside: "x" is not an address or a prefix.'],
    ['fd00::/129', '2001:db8::/48', 'inside: A prefix length of IPv6 is at most 128.'],
  ])('refuses %s to %s', (inside, outside, message) => {
    const found = complaints(withRoute(`{ interface: wan1, ${translate(inside, outside)} }`));
    expect(found).toContain(`2 routes.a.translate.${message}`);
  });

  it('needs both prefixes, and IPv6', () => {
    expect(complaints(withRoute('{ interface: wan1, translate: { inside: "fd00::/48" } }'))).toEqual([
      '2 routes.a.translate.outside: This key is required.',
    ]);
    const v4 = `{ interface: wan1, addresses: 203.0.113.2, ${translate('fd00::/48', '2001:db8::/48')} }`;
    expect(complaints(withRoute(v4))).toEqual([
      '2 routes.a.translate: The route does not carry IPv6, so it has no prefix to translate.',
    ]);
    expect(complaints(withRoute('{ interface: wan1, translate: prefix }'))).toEqual([
      '2 routes.a.translate: Not true or false.',
    ]);
  });
});

describe('names of routes', () => {
  it.each(['race', 'Race', 'hash', 'fastest-history', 'rest', 'REST'])('refuses %s', (name) => {
    const text = `lan: l\nroutes: { ${name}: { interface: w }, b: { interface: v } }\nrest: { route: b }\n`;
    expect(complaints(text)).toEqual([
      `2 routes.${name}: A route must not be called \`rest\` or like a criterion.`,
    ]);
  });
});
