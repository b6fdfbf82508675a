/** Every key of the configuration, from the schema and not from the page. */
import type { z } from 'zod';
import { docOf, keysOf, memberOf } from '../../src/config/describe-schema.js';
import { ConfigSchema } from '../../src/config/schema.js';

/** `routes.NAME.weight`, `services[].match.tcp`. */
export function describeKeys(): string[] {
  return Object.entries(keysOf(ConfigSchema)).flatMap(([key, schema]) => {
    const member = docOf(schema).apply === undefined ? memberOf(schema) : undefined;
    if (member === undefined) return below(key, schema);
    return below(key === 'services' ? 'services[]' : `${key}.NAME`, member);
  });
}

function below(path: string, schema: z.ZodType): string[] {
  const own = docOf(schema).apply === undefined ? [] : [path];
  return [
    ...own,
    ...Object.entries(keysOf(schema)).flatMap(([key, inner]) => below(`${path}.${key}`, inner)),
  ];
}
