import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { docOf, keysOf, memberOf } from '../../src/config/describe-schema.js';
import { configurationSchema } from '../../src/config/document.js';
import { ConfigSchema } from '../../src/config/schema.js';

/** One key of the file: what the loader reads it with, and what the JSON Schema says of it. */
interface Key {
  readonly path: string;
  readonly reader: z.ZodType;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Every key that takes a value, those below mappings included. */
function keysBelow(schema: z.ZodType, json: unknown, path: string): Key[] {
  const place = json as {
    properties?: Record<string, unknown>;
    additionalProperties?: unknown;
    items?: unknown;
  };
  const doc = docOf(schema);
  if (doc.json !== undefined) {
    const { anyOf } = json as { anyOf?: unknown[] };
    const mapping = doc.mapping === undefined ? [] : keysBelow(doc.mapping, anyOf?.at(-1), path);
    return [{ path, reader: schema, json: json as Key['json'] }, ...mapping];
  }
  const member = memberOf(schema);
  if (member !== undefined) return keysBelow(member, place.items ?? place.additionalProperties, `${path}[]`);
  return Object.entries(keysOf(schema)).flatMap(([key, inner]) =>
    keysBelow(inner, place.properties?.[key], path === '' ? key : `${path}.${key}`),
  );
}

const SCHEMA = configurationSchema();
const KEYS = keysBelow(ConfigSchema, SCHEMA, '');

/** What people write, for one key or another. */
const WRITTEN = [
  ...[
    'auto',
    'any',
    'none',
    'stay',
    'move-new',
    'move new only',
    'reset after 10m',
    'reset after 5',
    'true',
    'false',
    '',
  ],
  ...[
    '1mbit',
    '1MBIT',
    '2.5Gbit',
    '500kbit',
    '1000gbit',
    '50GB',
    '50GB/month',
    '1TiB',
    '8/GB',
    '0.5/GB',
    '80%',
    '0.5%',
    '12.5%',
  ],
  ...[
    '500ms',
    '10s',
    '10m',
    '1h',
    '7d',
    '0s',
    '80',
    '443',
    '8000-8999',
    '8000 - 8999',
    '8192-32767',
    '0x000000ff',
    '0xFF0000FF',
  ],
  ...[
    'mon-fri 08:00-18:00',
    'Mon-Fri 8:00-18:00',
    'Mon-Fri 8:00',
    'sat,sun',
    'SAT, SUN',
    '22:00-06:00',
    '0:00-24:00',
    '24:00-1:00',
    'fri-mon',
  ],
  ...['wan1', 'eth0.100', 'all', 'default', '.', '..', 'br-lan', 'a b', 'lan0/1', 'sixteen-letters-'],
  ...[
    '192.0.2.1',
    '192.0.2.0/24',
    '2001:db8::1',
    '2001:db8::/48',
    '@guests',
    '192.0.2.1-192.0.2.9',
    'bank.example',
    'ping 192.0.2.1',
  ],
  ...[
    'tcp',
    'udp',
    'icmp',
    'ef',
    'cs1',
    'af41',
    'race',
    'round-robin',
    'fiber',
    'client',
    'client+site',
    'last-resort',
    'normal',
  ],
  ...[
    'reset',
    'keep',
    'off',
    'on',
    'info',
    'debug',
    '/run/pathrace.sock',
    '/var/lib/x.store',
    'relative/path',
    'always',
    'never',
  ],
];

const text = fc.constantFrom(...WRITTEN).chain((word) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(word) },
    fc.constant(word.toUpperCase()),
    fc.constant(word.charAt(0).toUpperCase() + word.slice(1)),
    fc.constantFrom(
      ` ${word}`,
      `${word} `,
      word.replace(/ /g, '  '),
      word.replace(/-/g, ' - '),
      word.replace(/,/g, ' , '),
    ),
    fc.nat({ max: 30 }).map((n) => word.replace(/\d+/, String(n))),
    fc.string({ maxLength: 12 }),
  ),
);
const number = fc.oneof(
  fc.constantFrom(0, 1, 63, 64, 255, 256, 1280, 65535, 65536, -1, 0.5, 1.5, 1e6, 1e9),
  fc.nat({ max: 100_000 }),
);
const single = fc.oneof({ weight: 5, arbitrary: text }, { weight: 2, arbitrary: number }, fc.boolean());
const value = fc.oneof({ weight: 4, arbitrary: single }, fc.array(single, { maxLength: 3 }));

/** What a pattern cannot say: sums, sizes, and what is there twice. */
const BEYOND_PATTERNS =
  /^(Too (short|long|small|large)\.|Fewer than|Leaves|Begins and ends|.* is there twice\.|The mask|.*bits|A mark|Not a range of (days|ports)\.|The path is too long|Not the absolute path|Not a port or|Not a share|The time|Not one of the ways)/;

/** Keys of which the JSON Schema says that they are text and no more: their rules are in words. */
function isLoose({ json }: Key): boolean {
  const forms = (form: unknown): Record<string, unknown>[] => {
    if (typeof form !== 'object' || form === null) return [];
    return [form as Record<string, unknown>, ...Object.values(form).flatMap(forms)];
  };
  return forms(json).some(
    ({ type, pattern, enum: words }) => type === 'string' && pattern === undefined && words === undefined,
  );
}

describe('the JSON Schema and the loader', () => {
  const ajv = new Ajv2020({ strict: false });

  it('has every key', () => {
    expect(KEYS.length).toBeGreaterThan(60);
    expect(KEYS.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['routes[].capacity', 'services[].match.time']),
    );
  });

  it.each(KEYS.map((key) => [key.path, key] as const))('agree on %s', (_, key) => {
    const isValid = ajv.compile(key.json);
    fc.assert(
      fc.property(value, (raw) => {
        const read = key.reader.safeParse(raw);
        const valid = isValid(raw);
        if (read.success) expect({ raw, valid }).toEqual({ raw, valid: true });
        else if (valid && !isLoose(key))
          for (const { message } of read.error.issues)
            expect({ raw, message }).toEqual({ raw, message: expect.stringMatching(BEYOND_PATTERNS) });
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ['routes[].capacity', '1MBIT', true],
    ['routes[].capacity', '1 mbit', false],
    ['services[].match.time', 'Mon-Fri 8:00-18:00', true],
    ['services[].match.time', 'Mon-Fri 8:00', false],
    ['services[].match.time', 'SAT, SUN', true],
    ['services[].match.time', '8:00-25:00', false],
    ['lan', 'default', false],
    ['routes[].interface', '..', false],
  ])('both say of %s: %s that it is %s', (path, raw, expected) => {
    const key = KEYS.find((one) => one.path === path)!;
    expect([ajv.validate(key.json, raw), key.reader.safeParse(raw).success]).toEqual([expected, expected]);
  });
});
