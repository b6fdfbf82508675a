import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS } from '../../src/cli/documents.js';
import { configurationSchema } from '../../src/config/document.js';
import { parseConfig } from '../../src/config/load.js';
import { ERRORS, RETIRED_CODES } from '../../src/model/errors.js';

describe('generated pages', () => {
  it.each(Object.entries(DOCUMENTS))('%s is what `npm run docs` writes', (path, render) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(render());
  });

  it('docs/errors.md lists exactly the codes of the registry', () => {
    const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const codes = [...page.matchAll(/^\| `(E_[A-Z_]+)` \|/gm)].map((match) => match[1]);
    expect(codes).toEqual(Object.keys(ERRORS));
    expect(codes.filter((code) => (RETIRED_CODES as readonly string[]).includes(code ?? ''))).toEqual([]);
  });

  it('every key is documented and the JSON Schema names what is required', () => {
    const text = JSON.stringify(configurationSchema());
    expect(text).not.toContain('undefined');
    expect(configurationSchema().required).toEqual(['lan', 'routes']);
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

const ROOT = new URL('../../', import.meta.url);
const PAGES = ['README.md', ...readdirSync(new URL('docs/guide', ROOT)).map((name) => `docs/guide/${name}`)];

/** Those that are a whole file, not a part of one. */
const examples = PAGES.flatMap((page) => {
  const blocks = [...readFileSync(new URL(page, ROOT), 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)];
  const whole = blocks.map(([, yaml]) => yaml).filter((yaml) => /^lan:/m.test(yaml));
  return whole.map((yaml, i) => ({ page, number: i + 1, yaml }));
});

describe('configurations that pages show', () => {
  it('are found', () => {
    expect(new Set(examples.map(({ page }) => page))).toContain('README.md');
    expect(examples.length).toBeGreaterThan(4);
  });

  it.each(examples)('$page, $number: a gateway takes it', ({ yaml, page }) => {
    expect(() => parseConfig(yaml, page)).not.toThrow();
  });
});
