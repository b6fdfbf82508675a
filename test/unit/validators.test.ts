/** The validators of stored files are those that their schemas make; what they let in is in the tests of the stores. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderValidators } from '../../src/daemon/validators-document.js';

it('validators.ts is what the schemas make; `npm run docs` writes it', () => {
  const file = new URL('../../src/daemon/validators.ts', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(renderValidators());
});
