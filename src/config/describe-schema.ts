/** Finds what the schema says about a place of the file. */
import type { z } from 'zod';
import type { Path } from './path.js';
import { ConfigSchema } from './schema.js';

/** What the schema says about one place. */
export interface PlaceDoc {
  readonly description?: string;
  readonly allowed?: string;
  readonly apply?: 'live' | 'restart';
  /** The default in words. */
  readonly fallback?: string;
  /** The default as a value. */
  readonly preset?: string | number | boolean;
  readonly json?: Readonly<Record<string, unknown>>;
  /** The keys that stand in it where it is written as a mapping. */
  readonly mapping?: z.ZodType;
}

type Definition = {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly valueType?: z.ZodType;
  readonly element?: z.ZodType;
};

/** The schema of a place, or of the nearest enclosing one: places inside a value belong to its key. */
export function schemaAt(path: Path): z.ZodType {
  let schema: z.ZodType = ConfigSchema;
  for (const step of path) {
    const inner = child(schema, String(step));
    if (inner === undefined) return schema;
    schema = inner;
  }
  return schema;
}

export function docOf(schema: z.ZodType): PlaceDoc {
  return (schema.meta() ?? {}) as PlaceDoc;
}

/** Keys of a mapping with their schemas; empty for anything else. */
export function keysOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  return definition(schema).shape ?? {};
}

/** The schema of all members of a list or of a mapping with free names. */
export function memberOf(schema: z.ZodType): z.ZodType | undefined {
  const { valueType, element } = definition(schema);
  return valueType ?? element;
}

/** Whether `schema` is a list of its members, not a mapping. */
export function isList(schema: z.ZodType): boolean {
  return definition(schema).element !== undefined;
}

function child(schema: z.ZodType, step: string): z.ZodType | undefined {
  const keys = keysOf(schema);
  return Object.hasOwn(keys, step) ? keys[step] : memberOf(schema);
}

/** Without the wrappers of a default and of a short form. */
function definition(schema: z.ZodType): Definition {
  let inner = schema;
  for (;;) {
    const next = docOf(inner).mapping ?? (inner.def as unknown as Definition).innerType;
    if (next === undefined) return inner.def as unknown as Definition;
    inner = next;
  }
}
