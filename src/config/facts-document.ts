/** The schema's part that a running gateway needs (key-facts.ts), as a file: `npm run docs` writes it, a test compares. */
import type { z } from 'zod';
import { docOf, keysOf, memberOf } from './describe-schema.js';
import type { KeyFacts } from './key-facts.js';
import { ConfigSchema } from './schema.js';

/** The text of `keys-of-schema.ts`. */
export function renderKeyFacts(): string {
  const lines = Object.entries(keysOf(ConfigSchema)).map(
    ([key, schema]) => `    ${JSON.stringify(key)}: ${JSON.stringify(factsOf(schema))},\n`,
  );
  return `${HEAD}${lines.join('')}  },\n} as const;\n`;
}

const HEAD = `/** Made from the schema by \`npm run docs\`; edit \`src/config/schema/\` instead. What it is for: key-facts.ts. */
// biome-ignore-all format: as it is made.
// biome-ignore-all lint: as it is made.

export const KEYS = {
  keys: {
`;

function factsOf(schema: z.ZodType): KeyFacts {
  const { apply, fallback } = docOf(schema);
  const keys = Object.entries(keysOf(schema)).map(([key, inner]): [string, KeyFacts] => [
    key,
    factsOf(inner),
  ]);
  const member = memberOf(schema);
  return {
    ...(apply === undefined ? {} : { apply }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(keys.length === 0 ? {} : { keys: Object.fromEntries(keys) }),
    ...(member === undefined ? {} : { member: factsOf(member) }),
  };
}
