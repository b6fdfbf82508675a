import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { diffConfigs } from '../../src/config/diff.js';
import { mergeLive, routeCapacity } from '../../src/config/merge.js';
import type { GatewayConfig } from '../../src/model/config.js';
import { read } from './config-tools.js';

const BASE = `lan: [lan0]
routes:
  a: { interface: wan1 }
  b: { interface: wan2 }
services:
  - { name: web, match: { tcp: [80, 443] }, select: race }
  - { name: bulk, match: { tcp: any, source: 10.0.0.0/8 }, select: b }
rest: { route: a }
`;

/** `key: before -> after (apply)` for each change from the base. */
function changes(from: string | RegExp, to: string): readonly string[] {
  const text = BASE.replace(from, to);
  expect(text).not.toBe(BASE);
  return lines(diffConfigs(read(BASE), read(text)));
}

function lines(found: ReturnType<typeof diffConfigs>): readonly string[] {
  return found.map(({ key, before, after, apply }) => `${key}: ${before} -> ${after} (${apply})`);
}

describe('diffConfigs', () => {
  it.each([
    ['wan1', 'wan9', 'routes.a.interface: wan1 -> wan9 (live)'],
    ['wan1 }', 'wan1, cost: 8/GB }', 'routes.a.cost: 0 -> 8/GB (live)'],
    ['wan1 }', 'wan1, capacity: 500mbit }', 'routes.a.capacity: null -> 500mbit (live)'],
    ['wan1 }', 'wan1, quota: 50GiB }', 'routes.a.quota: null -> 50GiB/month (live)'],
    [
      'wan1 }',
      'wan1, quota: { volume: 50GiB, day: 12, then: down } }',
      'routes.a.quota: null -> { volume: 50GiB/month, day: 12, then: down } (live)',
    ],
    ['wan1 }', 'wan1, use: last-resort }', 'routes.a.use: normal -> last-resort (live)'],
    ['wan1 }', 'wan1, failback: reset after 90 }', 'routes.a.failback: move-new -> reset after 90m (live)'],
    ['wan1 }', 'wan1, mtu: 1400 }', 'routes.a.mtu: auto -> 1400 (live)'],
    [
      'wan1 }',
      'wan1, check: [ping 192.0.2.1, ping 192.0.2.2] }',
      'routes.a.check: null -> { targets: [ping 192.0.2.1, ping 192.0.2.2], timeout: 2s } (live)',
    ],
    [
      'wan1 }',
      'wan1, translate: { inside: "fd00::/48", outside: "2001:db8::/48" } }',
      'routes.a.translate: true -> { inside: fd00::/48, outside: 2001:db8::/48 } (live)',
    ],
    [
      '[80, 443]',
      '[80, 443, "8000-8999"]',
      'services.web.match.tcp: [80, 443] -> [80, 443, 8000-8999] (live)',
    ],
    ['{ tcp: [80, 443] }', 'any', 'services.web.match: { tcp: [80, 443] } -> any (live)'],
    ['tcp: any, ', '', 'services.bulk.match.tcp: any -> null (live)'],
    [
      '10.0.0.0/8',
      '[10.0.0.0/8, "fd00::/8"]',
      'services.bulk.match.source: 10.0.0.0/8 -> [10.0.0.0/8, fd00::/8] (live)',
    ],
    ['source: 10.0.0.0/8', 'dscp: ef', 'services.bulk.match.source: 10.0.0.0/8 -> null (live)'],
    ['443] }', '443], time: "sat,sun" }', 'services.web.match.time: null -> sat,sun (live)'],
    [
      'select: race',
      'select: { criterion: race, costDelay: 20ms }',
      'services.web.select.costDelay: null -> 20ms (live)',
    ],
    [
      'select: race',
      'select: { criterion: race, atMost: 2 }',
      'services.web.select.atMost: null -> 2 (live)',
    ],
    [
      'select: race',
      'select: { criterion: race, routes: [b, a] }',
      'services.web.select.routes: null -> [b, a] (live)',
    ],
    [
      'tcp: [80, 443] }, select: race',
      'udp: [80, 443] }, select: race, speaks: dns',
      'services.web.match.tcp: [80, 443] -> null (live)',
    ],
    [
      'select: race',
      'select: race, resolvers: { a: 9.9.9.9, b: [1.1.1.1, "2606:4700:4700::1111"] }',
      'services.web.resolvers: null -> { a: 9.9.9.9, b: [1.1.1.1, 2606:4700:4700::1111] } (live)',
    ],
    ['select: race', 'select: hash', 'services.web.select: race -> hash (live)'],
    [
      'select: race',
      'select: { criterion: fastest-history, routes: b, period: 1d }',
      'services.web.select: race -> { criterion: fastest-history, routes: b, period: 1d } (live)',
    ],
    [
      'select: race',
      'select: race, affinity: client',
      'services.web.affinity: client+destination -> client (live)',
    ],
    [
      'select: race',
      'select: race, affinity: { by: client, for: 1h }',
      'services.web.affinity: client+destination -> { by: client, for: 1h } (live)',
    ],
    ['select: race', 'select: race, translate: false', 'services.web.translate: null -> false (live)'],
    ['select: race', 'select: race, sessionWeight: 9', 'services.web.sessionWeight: 1 -> 9 (live)'],
    [/$/, 'memory: { trust: 1h }\n', 'memory.trust: 10m -> 1h (live)'],
    [/$/, 'memory: { forget: 2d }\n', 'memory.forget: 1d -> 2d (live)'],
    [/$/, 'memory: { refresh: 5% }\n', 'memory.refresh: 0.5% -> 5% (live)'],
    [/$/, 'memory: { stagger: never }\n', 'memory.stagger: remembered -> never (live)'],
    [/$/, 'memory: { size: 99 }\n', 'memory.size: 100000 -> 99 (restart)'],
    [/$/, 'memory: { aggregate: { ipv4: 24 } }\n', 'memory.aggregate.ipv4: 32 -> 24 (restart)'],
    [/$/, 'memory: { store: none }\n', 'memory.store: /var/lib/pathrace/control.store -> none (restart)'],
    [/$/, 'limits: { raceTimeout: 90s }\n', 'limits.raceTimeout: 5s -> 90s (restart)'],
    [/$/, 'limits: { racePorts: 40000-50000 }\n', 'limits.racePorts: 8192-32767 -> 40000-50000 (restart)'],
    [/$/, 'kernel: { heartbeat: 1s }\n', 'kernel.heartbeat: 500ms -> 1s (restart)'],
    [/$/, 'log: { level: debug }\n', 'log.level: info -> debug (live)'],
    [/$/, 'log: { addresses: true }\n', 'log.addresses: false -> true (live)'],
    [/$/, 'log: { decisions: /a/b }\n', 'log.decisions: null -> /a/b (live)'],
    [
      /$/,
      'log: { decisions: { file: /a, size: 1MB, keep: 0 } }\n',
      'log.decisions: null -> { file: /a, size: 1MB, keep: 0 } (live)',
    ],
    [/$/, 'race: { perDestination: 7 }\n', 'race.perDestination: 100 -> 7 (live)'],
    [/$/, 'race: { perDestination: none }\n', 'race.perDestination: 100 -> none (live)'],
    [/$/, 'race: { never: 192.0.2.1 }\n', 'race.never: null -> 192.0.2.1/32 (live)'],
    ['[lan0]', '[lan0, lan1]', 'lan: lan0 -> [lan0, lan1] (live)'],
  ])('%s to %s', (from, to, line) => {
    expect(changes(from, to)[0]).toBe(line);
  });

  it('names the families where they differ', () => {
    expect(changes('wan1 }', 'wan1, gateway: 203.0.113.1 }')).toEqual([
      'routes.a.gateway: auto -> 203.0.113.1 (live)',
      'routes.a.addresses: auto -> auto for IPv4 (live)',
    ]);
  });

  it('names what hangs together', () => {
    expect(changes('route: a', 'route: b, translate: false')).toEqual([
      'rest.route: a -> b (live)',
      'rest.translate: true -> false (live)',
    ]);
    expect(changes(/^/, 'control: /tmp/x.sock\n')).toEqual([
      'control: /run/pathrace/control.sock -> /tmp/x.sock (restart)',
      'memory.store: /var/lib/pathrace/control.store -> /tmp/x.store (restart)',
      'state: /var/lib/pathrace/control.state -> /tmp/x.state (restart)',
    ]);
  });

  it('has one line for a route that comes, goes or is renamed; services that take all routes say nothing', () => {
    expect(changes('wan2 }', 'wan2 }\n  c: { interface: wan3, weight: 5, cost: 1, failback: stay }')).toEqual(
      ['routes.c: null -> { interface: wan3, weight: 5, cost: 1/GB, failback: stay } (live)'],
    );
    expect(changes(/\bb\b/g, 'x')).toEqual([
      'routes.b: { interface: wan2 } -> null (live)',
      'routes.x: null -> { interface: wan2 } (live)',
      'services.bulk.select: b -> x (live)',
    ]);
  });

  it('has one line for a service that comes or goes', () => {
    expect(changes(/ {2}- \{ name: bulk.*\n/, '')).toEqual([
      'services.bulk: { match: { tcp: any, source: 10.0.0.0/8 }, select: b, affinity: none } -> null (live)',
      // It was the last one that could take any.
      'follow: [sip, h323, rtsp] -> none (live)',
    ]);
    expect(changes('rest:', '  - { name: all, match: any, select: hash }\nrest:')).toEqual([
      'services.all: null -> { match: any, select: hash, affinity: client+destination } (live)',
    ]);
  });

  it('has one line for another order', () => {
    const [first, second] = BASE.split('\n').slice(5, 7);
    expect(changes(`${first}\n${second}`, `${second}\n${first}`)).toEqual([
      'services: web, bulk -> bulk, web (live)',
    ]);
  });

  it('shows only what differs of long lists', () => {
    const list = (count: number) => `[${Array.from({ length: count }, (_, i) => `10.0.0.${i}`).join(', ')}]`;
    const config = (count: number) => read(BASE.replace('10.0.0.0/8', list(count)));
    expect(lines(diffConfigs(config(20), config(22)))).toEqual([
      'services.bulk.match.source: 20 in all -> 22 in all, with 10.0.0.20/32, 10.0.0.21/32 (live)',
    ]);
    expect(diffConfigs(config(10), config(60))[0].after).toMatch(
      /^60 in all, with 10\.0\.0\.10.* and 42 more$/,
    );
  });
});

describe('routeCapacity', () => {
  it.each([
    [2, 4],
    [3, 5],
    [4, 6],
    [14, 16],
    [15, 16],
    [16, 16],
  ])('of %i is %i', (atStart, capacity) => {
    expect(routeCapacity(atStart)).toBe(capacity);
  });

  const routes = (count: number) =>
    read(
      `lan: [lan${count}]\nroutes:\n${Array.from({ length: count }, (_, i) => `  r${i}: { interface: w${i} }\n`).join('')}rest: { route: r${count - 1} }\nlog: { level: ${count > 4 ? 'debug' : 'info'} }\n`,
    );

  it('bounds what comes live', () => {
    const added = diffConfigs(routes(2), routes(4));
    expect(new Set(added.map(({ apply }) => apply))).toEqual(new Set(['live']));
    expect(mergeLive(routes(2), routes(4))).toEqual(routes(4));
  });

  it('beyond it all that names routes waits together, and nothing else does', () => {
    const waiting = diffConfigs(routes(2), routes(5)).filter(({ apply }) => apply === 'restart');
    expect(waiting.map(({ key }) => key)).toEqual([
      'lan',
      'routes.r2',
      'routes.r3',
      'routes.r4',
      'rest.route',
    ]);
    expect(mergeLive(routes(2), routes(5))).toEqual({
      ...routes(2),
      log: { level: 'debug', addresses: false, decisions: null },
    });
  });

  it('counts from the start, not from the last change', () => {
    expect(mergeLive(routes(4), routes(5)).routes).toHaveLength(5);
    expect(mergeLive(routes(4), routes(5), 2).routes).toHaveLength(4);
    expect(diffConfigs(routes(4), routes(5), 2)[0].apply).toBe('restart');
    expect(mergeLive(routes(2), routes(5), 3).routes).toHaveLength(5);
  });
});

describe('any two configurations', () => {
  /** Keys of a file with values that may stand there; null: the key is left out. */
  const choices: readonly (readonly [string, readonly unknown[]])[] = [
    ['control', [null, '/tmp/a.sock']],
    ['lan', [['lan0'], ['lan1', 'lan0']]],
    ['log', [null, { level: 'debug', decisions: { file: '/a', size: '5MB' } }]],
    ['limits', [null, { races: 99 }, { raceTimeout: '2s', racePorts: '40000-50000' }]],
    ['kernel', [null, { heartbeat: '2s' }, { queue: 7, table: 999 }]],
    [
      'memory',
      [null, { trust: '0s' }, { size: 77, aggregate: { ipv6: 56 }, refresh: 0.07 }, { store: 'none' }],
    ],
    ['rest', [{ route: 'a' }, { route: 'b', translate: false }]],
    ['sets', [{ s: '10.0.0.0/8' }, { s: ['fd00::/8', '192.0.2.0/24'] }]],
  ];
  const route = fc.constantFrom(
    {},
    { check: 'ping 192.0.2.1' },
    { check: { targets: ['http://192.0.2.1/a', 'ping 192.0.2.1'], interval: '1s' } },
    { translate: false },
    { translate: { inside: 'fd00::/48', outside: '2001:db8::/48' } },
    { capacity: '2.5gbit', cost: '0.3/GB', quota: '50GiB', use: 'last-resort' },
    { quota: { volume: '7MB', day: 31 } },
    // biome-ignore lint/suspicious/noThenProperty: the key's name in the file; its value is a text.
    { quota: { volume: '7MB', then: 'alarm' } },
    { failback: 'reset after 5', onDown: 'keep', weight: 7, optional: true, mtu: 1400 },
    { addresses: ['203.0.113.2-203.0.113.20', '2001:db8::1'] },
    { gateway: '203.0.113.1', addresses: '203.0.113.3' },
  );
  const match = fc.constantFrom(
    'any',
    { tcp: 80 },
    { tcp: 'any', udp: [53, '1000-2000'] },
    { source: '@s' },
    { source: ['10.1.0.0/16', '@s'], protocol: ['icmp', 'gre'], dscp: ['ef', 9] },
    { domain: ['a.example', 'b.example'], interface: 'lan0' },
    { time: ['sat,sun', 'mon-fri 22:00-06:00'] },
    { time: ['sat', 'sun'] },
  );
  const select = fc.constantFrom<unknown>(
    'race',
    'a',
    'rest',
    'hash',
    { criterion: 'hash', by: 'client' },
    { criterion: 'race', costDelay: '7ms', routes: ['b', 'a'] },
    { criterion: 'race', atMost: 3 },
    { criterion: 'race', routes: ['b'] },
    { criterion: 'fastest-history', period: '2h' },
    { criterion: 'spillover', routes: 'b', threshold: 0.07 },
  );
  const service = fc.record({
    match,
    select,
    affinity: fc.constantFrom(null, 'client', { by: 'client+site', for: '1h' }),
    translate: fc.constantFrom(null, true, false),
    sessionWeight: fc.constantFrom(1, 2),
  });
  const configuration: fc.Arbitrary<GatewayConfig> = fc
    .record({
      top: fc.tuple(...choices.map(([, values]) => fc.constantFrom(...values))),
      a: route,
      b: route,
      more: fc.subarray(['c', 'd', 'e', 'f']),
      first: fc.boolean(),
      services: fc.uniqueArray(fc.tuple(fc.constantFrom('web', 'bulk', 'x.y'), service), {
        selector: ([name]) => name,
      }),
    })
    .map(({ top, a, b, more, first, services }) => {
      const file = Object.fromEntries(
        choices.map(([key], i) => [key, top[i]]).filter(([, value]) => value !== null),
      );
      const others = Object.fromEntries(more.map((name) => [name, { interface: `w${name}` }]));
      const both = { a: { interface: 'wan1', ...a }, b: { interface: 'wan2', ...b } };
      file.routes = first ? { ...others, ...both } : { ...both, ...others };
      file.services = services.map(([name, keys]) => ({
        name,
        ...Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== null)),
      }));
      return read(stringify(file));
    });

  it('differ in lines exactly when they differ', () => {
    fc.assert(
      fc.property(configuration, configuration, (before, after) => {
        const found = diffConfigs(before, after);
        expect(found.length > 0).toBe(JSON.stringify(before) !== JSON.stringify(after));
        expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
        for (const change of found) {
          expect(change.before).not.toBe(change.after);
          expect(`${change.before} ${change.after}`).not.toMatch(/undefined|\[object|NaN/);
        }
        expect(diffConfigs(before, before)).toEqual([]);
        const turned = diffConfigs(after, before);
        expect(turned.map(({ key }) => key).sort()).toEqual(found.map(({ key }) => key).sort());
      }),
      { numRuns: 300 },
    );
  });

  it('merge into what is live now and what waits for the next start', () => {
    fc.assert(
      fc.property(configuration, configuration, (before, after) => {
        const found = diffConfigs(before, after);
        const merged = mergeLive(before, after);
        const atStart = before.routes.length;
        expect(diffConfigs(before, merged)).toEqual(found.filter(({ apply }) => apply === 'live'));
        expect(diffConfigs(merged, after, atStart)).toEqual(found.filter(({ apply }) => apply === 'restart'));
        expect(mergeLive(merged, after, atStart)).toEqual(merged);
        expect(merged.routes.length).toBeLessThanOrEqual(Math.max(atStart, routeCapacity(atStart)));
      }),
      { numRuns: 300 },
    );
  });
});
