/** One key of the configuration as a zod schema that carries everything said about it. */
import { z } from 'zod';
import type { Parsed } from './parsed.js';

/** What the documentation, the JSON Schema and the error messages say about a key. */
export interface KeyDoc {
  readonly description: string;
  /** Allowed values in words. */
  readonly allowed: string;
  /** Whether a change works while the gateway runs, or after its next start. */
  readonly apply: 'live' | 'restart';
  /** JSON Schema of the value. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** A required key whose value `parse` reads. */
export function required<T>(doc: KeyDoc, parse: (raw: unknown) => Parsed<T>) {
  return reader(parse).meta({ ...doc });
}

/** A key with a default, written as it would stand in the file. */
export function optional<T>(
  doc: KeyDoc,
  parse: (raw: unknown) => Parsed<T>,
  fallback: string | number | boolean,
) {
  return reader(parse)
    .prefault(fallback)
    .meta({ ...doc, fallback: String(fallback), json: { ...doc.json, default: fallback } });
}

/** A key that stays `undefined` when it is not there; `fallback` says what happens then. */
export function absent<T>(doc: KeyDoc, parse: (raw: unknown) => Parsed<T>, fallback: string) {
  return reader(parse)
    .optional()
    .meta({ ...doc, fallback });
}

/** Mapping, list and record schemas carry a description and the allowed form only. */
export function section<T extends z.ZodType>(schema: T, doc: Pick<KeyDoc, 'description' | 'allowed'>): T {
  return schema.meta({ ...doc });
}

function reader<T>(parse: (raw: unknown) => Parsed<T>) {
  return z.unknown().transform((raw, context): T => {
    const result = parse(raw);
    if ('value' in result) return result.value;
    for (const { path, message, expected } of result.problems) {
      context.addIssue({ code: 'custom', path: [...path], message, params: { expected } });
    }
    return z.NEVER;
  });
}
