/**
 * What the schema says about keys that a running gateway has to know: when a change works, and what the default is. The schema itself,
 * with the libraries that read a file by it, is not loaded there (docs/decisions/0040).
 */
import { KEYS as ALL } from './keys-of-schema.js';
import type { Path } from './path.js';

/** One place of the file, with what stands in it. */
export interface KeyFacts {
  readonly apply?: 'live' | 'restart';
  /** The default in words. */
  readonly fallback?: string;
  readonly keys?: Readonly<Record<string, KeyFacts>>;
  /** Of every member of a list, or of a mapping with free names. */
  readonly member?: KeyFacts;
}

const KEYS: KeyFacts = ALL;

/** The keys at the top of the file, in the order of the schema. */
export const TOP_KEYS: readonly string[] = Object.keys(KEYS.keys ?? {});

/** Whether a change of this place works while the gateway runs; of a whole section, whether all its keys do. */
export function applyAt(path: Path): 'live' | 'restart' {
  return isLive(factsAt(path)) ? 'live' : 'restart';
}

/** The default of this place in words, where it has one. */
export function fallbackAt(path: Path): string | undefined {
  return factsAt(path).fallback;
}

/** Of a place, or of the nearest enclosing one: places inside a value belong to its key. */
function factsAt(path: Path): KeyFacts {
  let facts: KeyFacts = KEYS;
  for (const step of path) {
    const { keys, member } = facts;
    const inner = keys !== undefined && Object.hasOwn(keys, step) ? keys[step] : member;
    if (inner === undefined) return facts;
    facts = inner;
  }
  return facts;
}

function isLive({ apply, member, keys = {} }: KeyFacts): boolean {
  if (apply !== undefined) return apply === 'live';
  return member === undefined ? Object.values(keys).every(isLive) : isLive(member);
}
