import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { problemLine } from '../../src/config/problems.js';
import { complaints, problemsOf, read, routeWith, SMALL, serviceWith, withRoute } from './config-tools.js';
import { processorMs } from './processor-time.js';

/** The configuration that other tools rely on, as it stands. */
const INTERFACE = `control: /run/pathrace/test.sock
lan: [lan0]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"] }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
  c: { interface: wan3, gateway: 203.0.3.1, addresses: [203.0.3.2] }
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: a }
memory: { trust: 0s }        # 0s: race every connection
`;

/** What a route is that says its interface only, but for its next hops and addresses. */
const USUAL_ROUTE = {
  translate: true,
  prefix: null,
  mtu: null,
  weight: 1,
  capacity: null,
  cost: 0,
  quota: null,
  lastResort: false,
  onDown: 'reset',
  graceMs: 5000,
  failback: { kind: 'move-new' },
  check: null,
  optional: false,
};

const ANYTHING = {
  tcp: null,
  udp: null,
  protocol: [],
  source: [],
  destination: [],
  domain: [],
  dscp: [],
  interface: [],
  time: [],
};

describe('configurations that are accepted', () => {
  it('takes the configuration of the interface as it stands', () => {
    expect(parseConfig(INTERFACE, 'file.yaml')).toEqual({
      control: '/run/pathrace/test.sock',
      state: '/var/lib/pathrace/test.state',
      lan: ['lan0'],
      local: false,
      routes: [
        {
          name: 'a',
          interface: 'wan1',
          gateway: { ipv4: '203.0.1.1', ipv6: 'fd03:1::1' },
          addresses: { ipv4: ['203.0.1.2'], ipv6: ['fd03:1::2'] },
          ...USUAL_ROUTE,
        },
        {
          name: 'b',
          interface: 'wan2',
          gateway: { ipv4: '203.0.2.1', ipv6: null },
          addresses: { ipv4: ['203.0.2.2'], ipv6: [] },
          ...USUAL_ROUTE,
        },
        {
          name: 'c',
          interface: 'wan3',
          gateway: { ipv4: '203.0.3.1', ipv6: null },
          addresses: { ipv4: ['203.0.3.2'], ipv6: [] },
          ...USUAL_ROUTE,
        },
      ],
      protect: true,
      resolvers: [],
      follow: ['sip', 'h323', 'rtsp'],
      callWeights: { sip: 1, h323: 1, rtsp: 1 },
      services: [
        {
          name: 'everything',
          match: { ...ANYTHING, tcp: [{ from: 1, to: 65535 }] },
          select: {
            criterion: 'race',
            routes: ['a', 'b', 'c'],
            threshold: 0.8,
            periodMs: 600_000,
            by: 'client+destination',
            costDelayMs: 0,
            atMost: null,
          },
          speaks: null,
          resolvers: [],
          affinity: 'none',
          affinityMs: 1_800_000,
          translate: null,
          win: 'first-reply',
          serverFirst: [21, 25, 110, 119, 143, 587, 3306].map((port) => ({ from: port, to: port })),
          sessionWeight: 1,
        },
      ],
      race: { perDestination: null, never: [] },
      rest: { route: 'a', translate: true },
      memory: {
        trustMs: 0,
        forgetMs: 86_400_000,
        size: 100_000,
        aggregate: { ipv4: 32, ipv6: 64 },
        refresh: 0.005,
        store: '/var/lib/pathrace/test.store',
        stagger: 'remembered',
      },
      limits: {
        races: 8192,
        racesPerClient: 1024,
        raceRatePerClient: 2000,
        raceBurstPerClient: 4000,
        queue: 4096,
        racePorts: { from: 8192, to: 32767 },
        portMemory: 131072,
        raceTimeoutMs: 5000,
        decisions: 8192,
      },
      kernel: {
        queue: 5050,
        table: 20501,
        mark: 0xff0000ff,
        rulePriority: 20500,
        heartbeatMs: 500,
        fastPath: 'off',
      },
      api: { listen: [], hosts: [], tokens: null, anonymous: 'none', tls: null },
      log: { level: 'info' },
    });
  });

  it('fills in everything that a small configuration leaves out', () => {
    const config = read(SMALL);
    expect(config.control).toBe('/run/pathrace/control.sock');
    expect(config.routes[0].gateway).toEqual({ ipv4: 'auto', ipv6: 'auto' });
    expect(config.routes[0].addresses).toEqual({ ipv4: 'auto', ipv6: 'auto' });
    expect(config.services).toEqual([]);
    expect(config.routes[0]).toMatchObject(USUAL_ROUTE);
    expect(config.memory).toEqual({
      trustMs: 600_000,
      forgetMs: 86_400_000,
      size: 100_000,
      aggregate: { ipv4: 32, ipv6: 64 },
      refresh: 0.005,
      store: '/var/lib/pathrace/control.store',
      stagger: 'remembered',
    });
  });

  it('carries only the families that a list names', () => {
    expect(routeWith('addresses: 203.0.1.2')).toMatchObject({
      gateway: { ipv4: 'auto', ipv6: null },
      addresses: { ipv4: ['203.0.1.2'], ipv6: [] },
    });
    expect(routeWith('gateway: "fe80::1"')).toMatchObject({
      gateway: { ipv4: null, ipv6: 'fe80::1' },
      addresses: { ipv4: [], ipv6: 'auto' },
    });
  });

  it('expands ranges, mixes families and writes addresses in one form', () => {
    const list = '[203.0.1.254-203.0.2.1, "2001:DB8:0:0::fffe-2001:db8::1:1", "fd00::1.2.3.4"]';
    expect(routeWith(`addresses: ${list}`).addresses).toEqual({
      ipv4: ['203.0.1.254', '203.0.1.255', '203.0.2.0', '203.0.2.1'],
      ipv6: ['2001:db8::fffe', '2001:db8::ffff', '2001:db8::1:0', '2001:db8::1:1', 'fd00::102:304'],
    });
  });

  it('carries IPv4 only where the MTU is too small for IPv6', () => {
    const { gateway, addresses } = routeWith('mtu: 1000');
    expect([gateway, addresses]).toEqual([
      { ipv4: 'auto', ipv6: null },
      { ipv4: 'auto', ipv6: [] },
    ]);
  });

  it('merges the ports of a service', () => {
    expect(serviceWith('match: { tcp: [443, "80-90", 91, "85-100"] }, select: b').match).toEqual({
      ...ANYTHING,
      tcp: [
        { from: 80, to: 100 },
        { from: 443, to: 443 },
      ],
    });
  });

  it('keeps the order of routes whose names are numbers', () => {
    const text = 'lan: l\nroutes: { 2: { interface: w2 }, 1: { interface: w1 } }\nrest: { route: "1" }\n';
    expect(parseConfig(text, 'f').routes.map(({ name }) => name)).toEqual(['2', '1']);
  });

  it('does not translate the rest over a route that does not, unless told', () => {
    const text = withRoute('{ interface: wan1, translate: false }');
    expect(parseConfig(text, 'f').rest.translate).toBe(false);
    expect(parseConfig(text.replace('route: a', 'route: a, translate: true'), 'f').rest.translate).toBe(true);
  });

  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ])('reads the duration %s', (text, ms) => {
    expect(parseConfig(`${SMALL}memory: { trust: ${text} }\n`, 'f').memory.trustMs).toBe(ms);
  });

  it('resolves anchors', () => {
    const routes = 'routes:\n  a: { interface: wan1, mtu: &m 1400 }\n  b: { interface: wan2, mtu: *m }\n';
    expect(parseConfig(`lan: l\n${routes}rest: { route: a }\n`, 'f').routes[1].mtu).toBe(1400);
  });

  it('takes the example of the documentation', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(parseConfig(example, 'f').routes).toHaveLength(3);
  });
});

describe('configurations that are refused', () => {
  it('tells a hundred of very many mistakes and counts the rest', () => {
    const items = 60_000;
    const found = problemsOf(`lan: [lan0]\nservices:\n${'-\n'.repeat(items)}`);
    expect(found).toHaveLength(101);
    expect(found.at(-1)?.message).toMatch(/^\d{5,6} more problems from here on\.$/);
    expect(found[0]).toMatchObject({ line: 1, key: 'routes' });
  });

  it('lists every mistake of a bad one at once, each with its place', () => {
    const text = readFileSync(new URL('./config-bad.yaml', import.meta.url), 'utf8');
    const lines = problemsOf(text).map((problem) => problemLine('bad.yaml', problem));
    expect(`${lines.join('\n')}\n`).toBe(
      readFileSync(new URL('./config-bad.expected.txt', import.meta.url), 'utf8'),
    );
  });

  it.each([
    ['addresses: [203.0.1.2, 203.0.1.2]', '2 routes.a.addresses[1]: 203.0.1.2 is there twice.'],
    ['addresses: 203.0.1.2/24', 'has a prefix length'],
    ['addresses: "fe80::1%eth0"', 'names an interface'],
    ['addresses: "fe80::1"', 'is a link-local address'],
    ['addresses: "::ffff:1.2.3.4"', 'is an IPv4 address in IPv6 form'],
    ['addresses: 10.0.0.1-10.0.1.1', 'The range has more than 64 addresses.'],
    ['addresses: [10.0.0.1-10.0.0.60, 10.0.1.1-10.0.1.60]', 'More than 64 addresses.'],
    ['addresses: "10.0.0.1-fd00::1"', 'The ends of the range are of two families.'],
    ['addresses: [auto, 10.0.0.1]', '"auto" stands alone'],
    ['addresses: []', 'The list is empty.'],
    ['addresses: 010.0.0.1', 'is not an IPv4 or IPv6 address'],
    ['addresses: 224.0.0.1', 'is a multicast address'],
    ['gateway: 10.0.0.1, addresses: 10.0.0.1', '10.0.0.1 is an address of the route itself.'],
    ['gateway: 10.0.0.1, addresses: "fd00::2"', 'The next hop includes IPv4 but the addresses do not.'],
    ['gateway: 10.0.0.1, addresses: "fd00::2"', 'The addresses include IPv6 but the next hop does not.'],
    ['addresses: "fd00::2", mtu: 1000', 'Too small for IPv6, which the route carries.'],
    ['mtu: 67', 'Too small.'],
    ['translate: yes', 'Not true or false.'],
  ])('refuses a route with %s', (keys, message) => {
    expect(complaints(withRoute(`{ interface: wan1, ${keys} }`)).join('\n')).toContain(message);
  });

  it.each([
    ['', 'This key is required.'],
    ['- a\n- b\n', 'Not the right kind of value.'],
    ['lan: [a\n', 'line 2 Flow sequence'],
    ['a: b: c\n', ''],
    ['lan: a\nlan: b\n', 'Given twice, first in line 1.'],
    ['__proto__: { a: 1 }\n', 'This is not a key.'],
    ['? [a]\n: b\n', 'This is not a key.'],
    ['a: *nowhere\n', ''],
    ['--- 1\n--- 2\n', ''],
    ['lan: @a\n', 'line 1 Plain value cannot start with reserved character @. Put the value in quotes.'],
    ['a: !!js/function "x"\n', ''],
    ['lan: \0\n', 'Not a text file.'],
    ['lan: \ufffd\n', 'Not a text file.'],
  ])('refuses the text %j', (text, message) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.map((problem) => `line ${problem.line} ${problem.message}`).join()).toContain(message);
  });

  it('an empty file misses every key that is required', () => {
    for (const text of ['', '\n', '# nothing yet\n', '---\n', 'null\n', '{}\n']) {
      const keys = problemsOf(text).map(({ key }) => key);
      expect(keys).toEqual(['lan', 'routes']);
    }
  });

  it('a second document is not ignored', () => {
    expect(() => read(SMALL)).not.toThrow();
    // Marks of a beginning and an end are no second document.
    expect(() => read(`---\n${SMALL}...\n`)).not.toThrow();
    for (const second of ['---\nlan: [lan1]\n', '---\n', '...\n---\n{}\n']) {
      const found = problemsOf(`${SMALL}${second}`);
      expect(found).toMatchObject([{ found: 'another document', expected: 'one document' }]);
    }
  });

  it('names keys of later releases', () => {
    const service = 'services: [{ name: s, match: { tcp: 80, sip: true }, select: race }]\n';
    expect(complaints(SMALL + service)).toEqual([
      '4 services[0].match.sip: This key belongs to a later release.',
    ]);
  });

  it('counts routes and services', () => {
    const many = Array.from({ length: 17 }, (_, i) => `r${i}: { interface: w${i} }`).join(', ');
    expect(complaints(`lan: l\nroutes: { ${many} }\nrest: { route: r0 }\n`)).toEqual([
      '2 routes: Too many routes.',
    ]);
    expect(complaints('lan: l\nroutes: { a: { interface: w } }\nrest: { route: a }\n')).toEqual([
      '2 routes: Too few routes.',
    ]);
  });

  it('compares routes on one interface', () => {
    const routes = (a: string, b: string) =>
      `lan: l\nroutes:\n  a: { interface: w, addresses: ${a} }\n  b: { interface: w, addresses: ${b} }\nrest: { route: a }\n`;
    expect(complaints(routes('10.0.0.1', '10.0.0.2'))).toEqual([]);
    expect(complaints(routes('10.0.0.1', '10.0.0.1-10.0.0.2'))).toEqual([
      '4 routes.b.addresses: Route a has the same interface, and the same address 10.0.0.1.',
    ]);
    expect(complaints(routes('auto', '10.0.0.1'))[0]).toContain('takes all its addresses by `auto`');
  });
});

describe('hostile input ends soon and with problems', () => {
  const laughs = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 12; i++) {
    const name = String.fromCharCode(97 + i);
    const before = String.fromCharCode(96 + i);
    laughs.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`);
  }
  it.each([
    ['an alias bomb', laughs.join('\n')],
    ['an alias inside its own anchor', 'a: &a [*a, *a, *a]'],
    ['deep flow nesting', '['.repeat(100_000)],
    ['deep block nesting', Array.from({ length: 600 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['many keys', Array.from({ length: 30_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['many flow keys', `{${Array.from({ length: 30_000 }, (_, i) => `k${i}`).join(',')}}`],
    ['many routes', `routes: {${Array.from({ length: 9000 }, (_, i) => `r${i}: {interface: w}`).join(',')}}`],
    ['many addresses', `routes: { a: { addresses: [${Array(40_000).fill('1.1.1').join(',')}] } }`],
    ['many services', `services: [${Array(20_000).fill('{name: a}').join(',')}]`],
    ['many sets', `sets: {${Array.from({ length: 20_000 }, (_, i) => `s${i}: x`).join(',')}}`],
    [
      'services of many sets',
      `sets: {${Array.from({ length: 64 }, (_, i) => `s${i}: [${Array.from({ length: 200 }, (_, j) => `10.${i}.${j}.0/25`).join(',')}]`).join(',')}}
services: [${Array(64)
        .fill(`{match: {source: [${Array.from({ length: 64 }, (_, i) => `"@s${i}"`).join(',')}]}, select: x}`)
        .join(',')}]`,
    ],
    ['many targets', `routes: { a: { check: [${Array(30_000).fill('ping 1').join(',')}] } }`],
    ['colons', 'a:'.repeat(100_000)],
    ['question marks', '? '.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['quotes', '"\\'.repeat(100_000)],
    ['tabs', '\t'.repeat(100_000)],
    ['tags', '!a '.repeat(50_000)],
  ])('%s', (_, text) => {
    let problems: ReturnType<typeof problemsOf> = [];
    expect(
      processorMs(() => {
        problems = problemsOf(text);
      }),
    ).toBeLessThan(6000);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(101);
    expect(JSON.stringify(problems).length).toBeLessThan(100_000);
  });
});
