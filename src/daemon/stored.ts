/** What is read from a disk counts as input from outside: what its JSON Schemas are made of, and what no schema says. */

/** A JSON Schema, or a part of one; only of keywords whose validators need nothing beside them (validators-document.ts). */
export type Schema = Readonly<Record<string, unknown>>;

/** A name of a configuration. */
export const NAME = { type: 'string', pattern: '^[^\\p{Cc}]{1,64}$' } as const;

/** Wall-clock milliseconds, up to the largest that a date can be. */
export const TIME = { type: 'number', minimum: 0, maximum: 8.64e15 } as const;

/** A mapping of these keys and no other. `required`: all, unless said otherwise. */
export function strict(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = Object.keys(properties),
): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** No two have the same name. */
export function haveOwnNames(list: readonly { readonly name: string }[]): boolean {
  return new Set(list.map(({ name }) => name)).size === list.length;
}
