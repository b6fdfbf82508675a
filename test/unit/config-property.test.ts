import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { configurationSchema } from '../../src/config/document.js';
import { parseConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/problems.js';
import { formatAddress, parseAddress } from '../../src/model/address.js';

/** Parses; a refusal must be complete and fit the text. Returns whether it was accepted. */
function accepted(text: string): boolean {
  try {
    parseConfig(text, 'file.yaml');
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = text.split(/\r\n|\r|\n/).length + 1;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const problem of error.problems) {
      expect(problem.line).toBeGreaterThanOrEqual(1);
      expect(problem.line).toBeLessThanOrEqual(lines);
      expect(problem.column).toBeGreaterThanOrEqual(1);
      expect(problem.message).not.toBe('');
      expect(problem.found).not.toBe('');
      expect(problem.expected).not.toBe('');
      expect(JSON.stringify(problem)).not.toMatch(/undefined|\[object/);
    }
    return false;
  }
}

const GOOD = {
  control: '/run/x.sock',
  lan: ['lan0'],
  routes: {
    a: {
      interface: 'wan1',
      gateway: ['203.0.1.1', 'fd03:1::1'],
      addresses: ['203.0.1.2', 'fd03:1::2'],
      mtu: 1400,
      capacity: '500mbit',
      cost: '8/GB',
      // biome-ignore lint/suspicious/noThenProperty: the key's name in the file; its value is a text.
      quota: { volume: '50GB/month', day: 12, then: 'down' },
      use: 'last-resort',
      onDown: { flows: 'keep', after: '7s' },
      failback: 'reset after 10m',
      check: { targets: ['ping 192.0.2.1', 'http://192.0.2.1/ host a.b'], interval: '2s', timeout: '1s' },
      translate: { inside: 'fd00:1::/48', outside: '2001:db8::/48' },
    },
    b: { interface: 'wan2', gateway: 'auto', weight: 3, translate: false, check: 'dns 192.0.2.53 a.b' },
  },
  sets: { s: ['10.0.0.0/8', 'fd00::/8'] },
  services: [
    { name: 's', match: { tcp: [80, '8000-8999'] }, select: 'race' },
    {
      name: 't',
      match: {
        udp: 'any',
        source: ['@s', '192.0.2.1'],
        destination: '198.51.100.0/24',
        domain: '*.example.com',
        dscp: ['ef', 1],
        interface: 'lan0',
        protocol: 'udp',
        time: ['mon-fri 08:00-18:00', 'sat,sun'],
      },
      select: { criterion: 'spillover', routes: ['a', 'b'], threshold: '80%' },
      affinity: { by: 'client', for: '1h' },
      translate: true,
      sessionWeight: 2,
    },
  ],
  rest: { route: 'a', translate: true },
  memory: {
    trust: '0s',
    forget: '1h',
    size: 100,
    aggregate: { ipv4: 24, ipv6: 48 },
    refresh: '2%',
    store: 'none',
    stagger: 'always',
  },
  limits: { races: 100, racePorts: '40000-50000', raceTimeout: '2s' },
  kernel: { queue: 1, heartbeat: '1s' },
  log: { level: 'debug', addresses: true, decisions: { file: '/var/log/d', size: '20MB', keep: 3 } },
};

/** Every path to a value of a nested object. */
function paths(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...path, key]))];
}

function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string, unknown>)[key] = replaced((value as Record<string, unknown>)[key], rest, by);
  return copy;
}

const weird = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    'auto',
    'race',
    'any',
    '0-0',
    '1-99999',
    '::',
    'fd00::1-fd00::2',
    '1.2.3.4',
    '9'.repeat(400),
    '@s',
    '0%',
    '1e400mbit',
    'reset after 99999999999',
    'tcp [::]:1',
    'http://[',
    'mon-',
    '-',
    ':',
    '/',
    '%',
  ),
  fc.array(fc.oneof(fc.string(), fc.integer(), fc.ipV4(), fc.ipV6()), { maxLength: 5 }),
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxKeys: 4 }),
  fc.jsonValue({ maxDepth: 4 }),
);

describe('parseConfig of anything', () => {
  it('accepts the base of the mutations', () => {
    expect(accepted(stringify(GOOD))).toBe(true);
  });

  it('throws nothing but a complete ConfigError for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => void accepted(text)));
  });

  it('... for text of YAML pieces', () => {
    const piece = fc.constantFrom(
      ...[
        'lan',
        'routes',
        'a',
        ':',
        ' ',
        '\n',
        '  ',
        '-',
        '{',
        '}',
        '[',
        ']',
        ',',
        '&a',
        '*a',
        '!',
        '"',
        "'",
        '|',
        '>',
      ],
      ...[
        '?',
        '#',
        '%',
        '---',
        '...',
        '<<',
        '~',
        '1',
        '0x1',
        '\t',
        '\r\n',
        '!!map',
        'auto',
        '__proto__',
        '\ud800',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => void accepted(pieces.join(''))),
      { numRuns: 400 },
    );
  });

  it('... for a good configuration with one value replaced', () => {
    fc.assert(
      fc.property(fc.constantFrom(...paths(GOOD)), weird, (path, value) => {
        accepted(stringify(replaced(GOOD, path, value)));
      }),
      { numRuns: 1000 },
    );
  });

  it('... for a good configuration with characters removed or put in', () => {
    const text = stringify(GOOD);
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(5), fc.string({ maxLength: 3 }), (at, remove, insert) => {
        accepted(text.slice(0, at) + insert + text.slice(at + remove));
      }),
      { numRuns: 400 },
    );
  });

  it('finds every one of several mistakes', () => {
    const mistakes: readonly (readonly [readonly string[], unknown, string])[] = [
      [['control'], 'x', 'control'],
      [['lan'], [], 'lan'],
      [['routes', 'a', 'mtu'], 1, 'routes.a.mtu'],
      [['routes', 'b', 'weight'], 0, 'routes.b.weight'],
      [['routes', 'a', 'capacity'], 7, 'routes.a.capacity'],
      [['routes', 'a', 'check', 'timeout'], '1h', 'routes.a.check.timeout'],
      [['routes', 'a', 'translate', 'outside'], '2001:db8::/47', 'routes.a.translate.outside'],
      [['sets', 's'], [], 'sets.s'],
      [['services', '0', 'select'], 'nobody', 'services[0].select'],
      [['services', '1', 'match', 'protocol'], 'gre', 'services[1].match.protocol'],
      [['services', '1', 'select', 'routes', '1'], 'nobody', 'services[1].select.routes[1]'],
      [['services', '1', 'affinity', 'for'], 'ever', 'services[1].affinity.for'],
      [['memory', 'aggregate', 'ipv4'], 1, 'memory.aggregate.ipv4'],
      [['memory', 'forget'], 'never', 'memory.forget'],
      [['rest', 'route'], 'nobody', 'rest.route'],
      [['limits', 'races'], -1, 'limits.races'],
      [['kernel', 'heartbeat'], '1y', 'kernel.heartbeat'],
      [['log', 'level'], 'x', 'log.level'],
      [['log', 'decisions', 'size'], '1kB', 'log.decisions.size'],
      [['log', 'decisions', 'file'], 'relative', 'log.decisions.file'],
      [['log', 'decisions', 'keep'], 101, 'log.decisions.keep'],
    ];
    fc.assert(
      fc.property(fc.subarray([...mistakes], { minLength: 1 }), (chosen) => {
        const bad = chosen.reduce<unknown>((value, [path, by]) => replaced(value, path, by), GOOD);
        try {
          parseConfig(stringify(bad), 'f');
          expect.unreachable();
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.problems.map(({ key }) => key).sort()).toEqual(chosen.map(([, , key]) => key).sort());
        }
      }),
    );
  });

  it('keeps every address of a list, in canonical form', () => {
    const addresses = fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(addresses, (list) => {
        const file = replaced(GOOD, ['routes', 'b'], { interface: 'wan2', addresses: list });
        try {
          const { ipv4, ipv6 } = parseConfig(stringify(file), 'f').routes[1].addresses;
          const expected = list.map((text) => formatAddress(parseAddress(text) ?? new Int32Array(4)));
          expect([...ipv4, ...ipv6].sort()).toEqual(expected.sort());
        } catch (error) {
          // Loopback, multicast and the like are refused.
          if (!(error instanceof ConfigError)) throw error;
        }
      }),
    );
  });

  it('fills in the documented default of every key', () => {
    const schema = configurationSchema();
    const filled = withDefaults(schema, {
      lan: ['lan0'],
      routes: { a: { interface: 'wan1' }, b: { interface: 'wan2' } },
      services: [{ name: 's', match: 'any', select: 'hash' }],
      rest: { route: 'a' },
    }) as Record<string, Record<string, Record<string, unknown>>>;
    expect(filled.routes.a).toMatchObject({
      weight: 1,
      gateway: 'auto',
      translate: true,
      onDown: 'reset',
      cost: 0,
    });
    expect(filled.memory).toMatchObject({ trust: '10m', refresh: 0.005, aggregate: { ipv4: 32, ipv6: 64 } });
    const bare = {
      lan: filled.lan,
      routes: { a: { interface: 'wan1' }, b: { interface: 'wan2' } },
      rest: filled.rest,
    };
    const services = [{ name: 's', match: 'any', select: 'hash' }];
    expect(parseConfig(stringify(filled), 'f')).toEqual(parseConfig(stringify({ ...bare, services }), 'f'));
  });
});

/** The value with every default that the JSON Schema names put in. */
function withDefaults(schema: Record<string, unknown>, value: unknown): unknown {
  if (value === undefined && schema.default !== undefined) return schema.default;
  const { properties, additionalProperties, items } = schema as Record<string, Record<string, never>>;
  if (schema.type === 'array') return ((value ?? []) as unknown[]).map((item) => withDefaults(items, item));
  if (schema.type !== 'object') return value;
  const given = (value ?? {}) as Record<string, unknown>;
  const schemas =
    properties ?? Object.fromEntries(Object.keys(given).map((key) => [key, additionalProperties]));
  const entries = Object.keys(schemas).map((key) => [key, withDefaults(schemas[key], given[key])] as const);
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined));
}
