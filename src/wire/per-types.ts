/** Words to write tables of types with (`per.ts`), in the order of the ASN.1 that they stand for. */
import { type PerField, type PerType, UNBOUNDED } from './per.js';

export const NULL: PerType = { kind: 'null' };
export const BOOLEAN: PerType = { kind: 'boolean' };
export const UNKNOWN: PerType = { kind: 'unknown' };
/** What follows does not matter. */
export const REST: PerType = { kind: 'rest' };
/** An octet string or object identifier of any length. */
export const OCTETS: PerType = { kind: 'octets', low: 0, high: UNBOUNDED };

export const integer = (low: number, high: number): PerType => ({ kind: 'integer', low, high });
export const octets = (low: number, high: number = low): PerType => ({ kind: 'octets', low, high });
export const characters = (low: number, high: number, bits: number): PerType => ({
  kind: 'characters',
  low,
  high,
  bits,
});
export const listOf = (of: PerType): PerType => ({ kind: 'list', of });
export const address = (size: 4 | 16, isExtensible: boolean): PerType => ({
  kind: 'address',
  size,
  isExtensible,
});

export const field = (type: PerType, name: string | null = null): PerField => ({
  type,
  isOptional: false,
  name,
});
export const optional = (type: PerType, name: string | null = null): PerField => ({
  type,
  isOptional: true,
  name,
});

/** A sequence that may not be extended. */
export const closed = (...fields: readonly PerField[]): PerType => ({
  kind: 'sequence',
  isExtensible: false,
  fields,
  extensions: new Map(),
});
/** One that may; of its extensions those that matter, by index. */
export const sequence = (
  fields: readonly PerField[],
  extensions: readonly (readonly [number, PerField])[] = [],
): PerType => ({ kind: 'sequence', isExtensible: true, fields, extensions: new Map(extensions) });

/** A choice that may not be extended. */
export const closedChoice = (...alternatives: readonly PerType[]): PerType => ({
  kind: 'choice',
  isExtensible: false,
  alternatives,
  extensions: new Map(),
});
export const choice = (
  alternatives: readonly PerType[],
  extensions: readonly (readonly [number, PerType])[] = [],
): PerType => ({ kind: 'choice', isExtensible: true, alternatives, extensions: new Map(extensions) });

/** Nothing in it is kept by a name from outside. */
export const quiet = (of: PerType): PerType => closed(field(of, ''));

export const several = (count: number, what: PerType): PerType[] => new Array<PerType>(count).fill(what);
export const fieldsOf = (count: number, what: PerType): PerField[] =>
  new Array<PerField>(count).fill(field(what));
