/** The result of reading one value of the configuration. */

/** One mistake inside a value. */
export interface Mistake {
  /** From the value inward, for items of a list and keys of a mapping. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What would have been allowed, where it is narrower than what the key allows. */
  readonly expected?: string;
  /** Keys of the mapping at `path` that nobody knows. */
  readonly unknownKeys?: readonly string[];
}

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly Mistake[] };

/** One mistake about the value as a whole. */
export function bad(message: string, expected?: string): { readonly problems: readonly Mistake[] } {
  return { problems: [{ path: [], message, ...(expected === undefined ? {} : { expected }) }] };
}
