/** What is read from a disk counts as input from outside: JSON Schemas for it, and readers by them. */
import { Ajv, type AnySchemaObject, type ValidateFunction } from 'ajv';

/** A name of a configuration. */
export const NAME = { type: 'string', minLength: 1, maxLength: 64, pattern: '^[^\\p{Cc}]+$' } as const;

/** A mapping of these keys and no other. `required`: all, unless said otherwise. */
export function strict(
  properties: Readonly<Record<string, AnySchemaObject>>,
  required: readonly string[] = Object.keys(properties),
): AnySchemaObject {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** From a value to one that the schema, and `also`, allow; else null. */
export function reader<T>(schema: AnySchemaObject, also: (value: T) => boolean = () => true) {
  // Made with the first value: most gateways read one of each kind, and tests many.
  let validate: ValidateFunction<T> | null = null;
  return (value: unknown): T | null => {
    validate ??= new Ajv({ strict: true }).compile<T>(schema);
    return validate(value) && also(value) ? value : null;
  };
}

/** No two have the same name. */
export function haveOwnNames(list: readonly { readonly name: string }[]): boolean {
  return new Set(list.map(({ name }) => name)).size === list.length;
}
