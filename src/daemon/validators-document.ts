/**
 * Validators of what a disk has, as code: `npm run docs` writes validators.ts by it, a test compares. A gateway that reads its files does so
 * without the library that made them (docs/decisions/0040).
 */
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { PathraceError } from '../model/errors.js';
import { STATE_SCHEMA } from './state/schema.js';
import { STORE_SCHEMA } from './store/schema.js';

/** The text of `validators.ts`. */
export function renderValidators(): string {
  const schemas = Object.entries({ isState: STATE_SCHEMA, isStored: STORE_SCHEMA });
  const ajv = new Ajv({
    strict: true,
    // Nobody reads why.
    messages: false,
    code: { source: true, esm: true },
    schemas: schemas.map(([$id, schema]) => ({ $id, ...schema })),
  });
  const code = standalone.default(ajv, Object.fromEntries(schemas.map(([id]) => [id, id])));
  if (code.includes('require('))
    throw new PathraceError('E_INTERNAL', 'A validator needs more than itself: use other keywords.');
  return `${HEAD}${code.replace('"use strict";', '')}\n`;
}

const HEAD = `/** Made from \`store/schema.ts\` and \`state/schema.ts\` by \`npm run docs\` (ajv, standalone code); edit those instead. */
// biome-ignore-all format: as it is made.
// biome-ignore-all lint: as it is made.
// @ts-nocheck
`;
