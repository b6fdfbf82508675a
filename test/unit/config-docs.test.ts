import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS } from '../../src/cli/documents.js';
import { configurationSchema } from '../../src/config/document.js';
import { ERRORS } from '../../src/model/errors.js';

describe('generated pages', () => {
  it.each(Object.entries(DOCUMENTS))('%s is what `npm run docs` writes', (path, render) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(render());
  });

  it('docs/errors.md lists exactly the codes of the registry', () => {
    const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const codes = [...page.matchAll(/^\| `(E_[A-Z_]+)` \|/gm)].map((match) => match[1]);
    expect(codes).toEqual(Object.keys(ERRORS));
  });

  it('every key is documented and the JSON Schema names what is required', () => {
    const text = JSON.stringify(configurationSchema());
    expect(text).not.toContain('undefined');
    expect(configurationSchema().required).toEqual(['lan', 'routes', 'rest']);
    const page = DOCUMENTS['docs/configuration.md']();
    for (const line of page.split('\n').filter((one) => one.startsWith('| `'))) {
      expect(
        line
          .split('|')
          .map((cell) => cell.trim())
          .slice(1, -1)
          .every((cell) => cell !== ''),
      ).toBe(true);
    }
  });
});
