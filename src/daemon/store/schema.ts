/** The part of the store file that is JSON: a JSON Schema, of which validators.ts is made. */
import { MAX_ROUTES } from '../../core/memory/verdicts.js';
import { NAME, strict, TIME } from '../stored.js';

const MAX_STORED_ROUTES = 64;
const MAX_STORED_SERVICES = 127;
const MAX_STATISTICS = 32;

const Statistics = {
  type: 'object',
  maxProperties: MAX_STATISTICS,
  patternProperties: { '^[A-Za-z][A-Za-z0-9-]{0,63}$': { type: 'number', minimum: 0 } },
  additionalProperties: false,
} as const;

const PathMtu = { type: 'integer', minimum: 68, maximum: 65_535 } as const;

const RouteSchema = {
  ...strict(
    {
      name: NAME,
      admin: { enum: ['enabled', 'draining', 'disabled'] },
      quota: strict({
        month: { type: 'string', pattern: '^\\d{4}-(0[1-9]|1[0-2])$' },
        bytes: { type: 'number', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      }),
      statistics: Statistics,
      pathMtu: strict({ ipv4: PathMtu, ipv6: PathMtu }, []),
    },
    ['name', 'statistics'],
  ),
};

export const STORE_SCHEMA = strict(
  {
    savedAtMs: TIME,
    routes: { type: 'array', maxItems: MAX_STORED_ROUTES, items: RouteSchema },
    services: {
      type: 'array',
      maxItems: MAX_STORED_SERVICES,
      items: { anyOf: [NAME, { const: '' }] },
    },
    statistics: Statistics,
    memory: strict({
      rows: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      routes: { type: 'integer', minimum: 1, maximum: MAX_ROUTES },
    }),
  },
  ['savedAtMs', 'routes', 'statistics', 'memory'],
);
