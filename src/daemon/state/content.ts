/** What the state file keeps: commands, pins, and what of the quotas is used. Checked as input from outside, and by a check sum. */
import { createHash } from 'node:crypto';
import { MAX_DAYS } from '../../core/quota/ledger.js';
import { isCanonical, type KeptPin } from '../kept-pins.js';
import { MAX_PINS } from '../pins.js';
import { haveOwnNames, NAME, reader, strict } from '../stored.js';

/** What every state file begins with. */
export const MARK = '{"pathrace":"state",';
export const MAX_STATE_BYTES = 1_048_576;
/** Routes of configurations of before are among them. */
export const MAX_KEPT_ROUTES = 64;

/** 1 has no pins: what has none is written so that it can be read by those who know no other. */
const VERSION = 2;
const WITHOUT_PINS = 1;
const MAX_TIME_MS = 8.64e15;
const TIME = { type: 'number', minimum: 0, maximum: MAX_TIME_MS } as const;
const BYTES = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const DAY_PATTERN = '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$';
const DAY = { type: 'string', pattern: DAY_PATTERN, nullable: true } as const;

export interface State {
  readonly clock: { readonly lastMs: number; readonly steadyMs: number };
  /** The kernel's name for the time since it was started, and its byte counters then, by interface or counter. */
  readonly boot: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly routes: readonly KeptRoute[];
  readonly pins: readonly KeptPin[];
}

export interface KeptRoute {
  readonly name: string;
  readonly admin: 'enabled' | 'draining' | 'disabled';
  /** When it was commanded, wall time; 0: not known. */
  readonly commandedMs: number;
  readonly ledger: {
    readonly days: Readonly<Record<string, number>>;
    readonly undated: number;
    readonly today: string | null;
    readonly latest: string | null;
    readonly left: string | null;
  };
}

type Written = Omit<State, 'pins'> & Partial<Pick<State, 'pins'>>;

const readState = reader<Written>(
  strict(
    {
      clock: strict({ lastMs: TIME, steadyMs: { type: 'number', minimum: 0 } }),
      boot: { type: 'string', maxLength: 64 },
      counters: {
        type: 'object',
        maxProperties: 128,
        propertyNames: { minLength: 1, maxLength: 64 },
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
          destination: { type: 'string', maxLength: 45 },
          route: NAME,
          untilMs: TIME,
          leftMs: TIME,
          untilDateMs: TIME,
          waitsForDate: { type: 'boolean' },
        }),
      },
    },
    ['clock', 'boot', 'counters', 'routes'],
  ),
  ({ routes, pins = [] }) => haveOwnNames(routes) && pins.every(isCanonical),
);

export type StateDefect = 'corrupt' | 'newer-version';

export function encodeState({ pins, ...others }: State): string {
  const content = JSON.stringify(pins.length === 0 ? others : { ...others, pins });
  const version = pins.length === 0 ? WITHOUT_PINS : VERSION;
  return `${MARK}"version":${version},"sha256":"${digest(content)}","content":\n${content}\n}\n`;
}

export function decodeState(text: string): State | StateDefect {
  let outer: { version?: unknown; sha256?: unknown; content?: unknown };
  try {
    outer = JSON.parse(text);
  } catch {
    return 'corrupt';
  }
  if (typeof outer.version === 'number' && outer.version > VERSION) return 'newer-version';
  const isKnown = outer.version === VERSION || outer.version === WITHOUT_PINS;
  if (!isKnown || outer.sha256 !== digest(JSON.stringify(outer.content ?? null))) return 'corrupt';
  const written = readState(outer.content);
  return written === null ? 'corrupt' : { pins: [], ...written };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
