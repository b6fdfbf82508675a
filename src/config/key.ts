/** One key of the configuration as a zod schema that carries everything said about it. */
import { z } from 'zod';
import type { Mistake, Parsed } from './parsed.js';

/** What the documentation, the JSON Schema and the error messages say about a key. */
export interface KeyDoc {
  readonly description: string;
  /** Allowed values in words. */
  readonly allowed: string;
  /** Whether a change works while the gateway runs, or after its next start. */
  readonly apply: 'live' | 'restart';
  /** JSON Schema of the value; of its short form where it can be a mapping too. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The keys that stand in it where it is written as a mapping. */
  readonly mapping?: z.ZodType;
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
    .meta({ ...doc, fallback: String(fallback), preset: fallback });
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

/** Reads a value that is a mapping of keys, or something shorter that `short` reads. */
export function mappingOr<M extends z.ZodType, T>(mapping: M, short: (raw: unknown) => Parsed<T>) {
  return (raw: unknown): Parsed<z.output<M> | T> => {
    const isMapping = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
    return isMapping ? readWith(mapping, raw) : short(raw);
  };
}

/** Reads what is short for a mapping with `key` alone. */
export function asKey<M extends z.ZodType>(mapping: M, key: string) {
  return (raw: unknown): Parsed<z.output<M>> => {
    const result = readWith(mapping, { [key]: raw });
    if ('value' in result) return result;
    return { problems: result.problems.map((mistake) => ({ ...mistake, path: mistake.path.slice(1) })) };
  };
}

function readWith<M extends z.ZodType>(mapping: M, raw: unknown): Parsed<z.output<M>> {
  const result = mapping.safeParse(raw);
  if (result.success) return { value: result.data };
  return {
    problems: result.error.issues.map((issue): Mistake => {
      const path = issue.path as readonly (string | number)[];
      if (issue.code === 'unrecognized_keys') {
        return { path, message: issue.message, unknownKeys: issue.keys };
      }
      const expected = issue.code === 'custom' ? (issue.params?.expected as string | undefined) : undefined;
      return { path, message: issue.message, ...(expected === undefined ? {} : { expected }) };
    }),
  };
}

function reader<T>(parse: (raw: unknown) => Parsed<T>) {
  return z.unknown().transform((raw, context): T => {
    const result = parse(raw);
    if ('value' in result) return result.value;
    for (const { path, message, expected, unknownKeys } of result.problems) {
      if (unknownKeys === undefined) {
        context.addIssue({ code: 'custom', path: [...path], message, params: { expected } });
      } else context.addIssue({ code: 'unrecognized_keys', path: [...path], keys: [...unknownKeys] });
    }
    return z.NEVER;
  });
}
