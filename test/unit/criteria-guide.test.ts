import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const GUIDE = readFileSync(new URL('docs/guide/adding-a-criterion.md', ROOT), 'utf8');
const FOLDER = 'src/core/choose/criteria/';

describe('docs/guide/adding-a-criterion.md', () => {
  const blocks = [...GUIDE.matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs)];

  it('shows code', () => {
    expect(blocks).toHaveLength(2);
  });

  it.each(blocks.map(([, path, code]) => [path, code]))('shows %s as it is', (path, code) => {
    expect(code).toBe(readFileSync(new URL(path, ROOT), 'utf8'));
  });

  it('names files that exist', () => {
    const helpers = [...GUIDE.matchAll(/^\| `(\S+\.ts)`/gm)].map(([, name]) => `${FOLDER}${name}`);
    expect(helpers).toHaveLength(5);
    const paths = [...GUIDE.matchAll(/`((?:src|test)\/[\w/.-]+\.ts)`/g)].map(([, path]) => path);
    for (const path of [...helpers, ...paths]) expect(existsSync(new URL(path, ROOT)), path).toBe(true);
  });

  it('lists every helper of the folder', () => {
    const helpers = readdirSync(new URL(FOLDER, ROOT)).filter((name) => {
      const text = readFileSync(new URL(`${FOLDER}${name}`, ROOT), 'utf8');
      return !/: CriterionKind = \{/.test(text) && name !== 'index.ts';
    });
    for (const name of helpers) expect(GUIDE).toContain(`| \`${name}\` |`);
  });
});
