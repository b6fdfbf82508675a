/** The types that the table's schemas describe. */
import type { z } from 'zod';

/** What a schema describes, as its reader has it: nothing in it changes any more. */
export type Told<S extends z.ZodType> = Frozen<z.output<S>>;

/** What is sent for it: what has a default may be left out. */
export type Asked<S extends z.ZodType> = Frozen<z.input<S>>;

export type Frozen<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : { readonly [Key in keyof T]: Frozen<T[Key]> };
