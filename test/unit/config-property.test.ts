import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
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
    },
    b: { interface: 'wan2', gateway: 'auto', weight: 3, translate: false },
  },
  services: [{ name: 's', match: { tcp: [80, '8000-8999'] }, select: 'race' }],
  rest: { route: 'a', translate: true },
  memory: { trust: '0s' },
  limits: { races: 100, racePorts: '40000-50000', raceTimeout: '2s' },
  kernel: { queue: 1, heartbeat: '1s' },
  log: { level: 'debug' },
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
      { numRuns: 500 },
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
      [['services', '0', 'select'], 'nobody', 'services[0].select'],
      [['rest', 'route'], 'nobody', 'rest.route'],
      [['limits', 'races'], -1, 'limits.races'],
      [['kernel', 'heartbeat'], '1y', 'kernel.heartbeat'],
      [['log', 'level'], 'x', 'log.level'],
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
        const file = replaced(GOOD, ['routes', 'b', 'addresses'], list);
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
});
