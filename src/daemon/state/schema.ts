/** What the state file holds: a JSON Schema, of which validators.ts is made. */
import { MAX_DAYS } from '../../core/quota/ledger.js';
import { MAX_PINS } from '../pins.js';
import { NAME, strict, TIME } from '../stored.js';

/** Routes of configurations of before are among them. */
export const MAX_KEPT_ROUTES = 64;

const BYTES = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const DAY_PATTERN = '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$';
const DAY = { type: 'string', pattern: DAY_PATTERN, nullable: true } as const;

export const STATE_SCHEMA = strict(
  {
    clock: strict({ lastMs: TIME, steadyMs: { type: 'number', minimum: 0 } }),
    boot: { type: 'string', pattern: '^[^]{0,64}$' },
    counters: {
      type: 'object',
      maxProperties: 128,
      propertyNames: { pattern: '^[^]{1,64}$' },
      additionalProperties: BYTES,
    },
    routes: {
      type: 'array',
      maxItems: MAX_KEPT_ROUTES,
      items: strict({
        name: NAME,
        admin: { enum: ['enabled', 'draining', 'disabled'] },
        commandedMs: TIME,
        ledger: strict({
          days: {
            type: 'object',
            maxProperties: MAX_DAYS,
            patternProperties: { [DAY_PATTERN]: BYTES },
            additionalProperties: false,
          },
          undated: BYTES,
          today: DAY,
          latest: DAY,
          left: DAY,
        }),
      }),
    },
    pins: {
      type: 'array',
      minItems: 1,
      maxItems: MAX_PINS,
      items: strict({
        destination: { type: 'string', pattern: '^[^]{0,45}$' },
        route: NAME,
        untilMs: TIME,
        leftMs: TIME,
        untilDateMs: TIME,
        waitsForDate: { type: 'boolean' },
      }),
    },
  },
  ['clock', 'boot', 'counters', 'routes'],
);
