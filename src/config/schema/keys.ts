/** Keys of the same kind, which differ in meaning and bounds only; and the JSON Schema of values that many keys take. */
import { absent, optional } from '../key.js';
import { durationBetween, integerBetween } from '../values/quantities.js';
import { INTERFACE_PATTERN, parseBoolean } from '../values/texts.js';

type Apply = 'live' | 'restart';

/** A count with its bounds said in words and in the JSON Schema. */
export function count(apply: Apply, description: string, min: number, max: number, fallback: number) {
  const doc = {
    description,
    allowed: `a whole number from ${min} to ${max}`,
    apply,
    json: { type: 'integer', minimum: min, maximum: max },
  } as const;
  return optional(doc, integerBetween(min, max), fallback);
}

/** Bounds of a duration, as it is written and in milliseconds. */
export interface Span {
  readonly text: readonly [string, string];
  readonly ms: readonly [number, number];
}

/** A duration with a unit. */
export function duration(apply: Apply, description: string, span: Span, fallback: string) {
  return optional(durationDoc(apply, description, span), durationBetween(...span.ms), fallback);
}

/** A duration whose default depends on other keys. */
export function absentDuration(apply: Apply, description: string, span: Span, fallback: string) {
  return absent(durationDoc(apply, description, span), durationBetween(...span.ms), fallback);
}

function durationDoc(apply: Apply, description: string, { text }: Span) {
  return {
    description,
    allowed: `a duration from ${text[0]} to ${text[1]}, such as 500ms, 10s, 10m or 1h`,
    apply,
    json: durationJson,
  } as const;
}

export function flag(apply: Apply, description: string, fallback: boolean) {
  const doc = { description, allowed: 'true or false', apply, json: boolean } as const;
  return optional(doc, parseBoolean, fallback);
}

export const boolean = { type: 'boolean' } as const;
export const text = { type: 'string' } as const;
const durationJson = { type: 'string', pattern: '^\\d{1,9}(ms|s|m|h|d)$' } as const;
export const name = { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,32}$' } as const;
export const interfaceName = { type: 'string', pattern: INTERFACE_PATTERN } as const;

export function words(list: readonly string[]) {
  return { type: 'string', enum: [...list] } as const;
}

/** A number, or a text of this form. */
export function numberOr(minimum: number, maximum: number, pattern: string) {
  return {
    anyOf: [
      { type: 'number', minimum, maximum },
      { type: 'string', pattern },
    ],
  } as const;
}

export function oneOrMore(items: object, maxItems: number) {
  return { anyOf: [items, { type: 'array', items, minItems: 1, maxItems }] } as const;
}
