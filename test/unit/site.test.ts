/** The site as `npm run docs` builds it: every page, every key and code, no dead link, nothing from another host. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import MiniSearch from 'minisearch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIELDS } from '../../src/cli/json-fields.js';
import { CRITERIA } from '../../src/model/config.js';
import { ERRORS } from '../../src/model/errors.js';
import { describeKeys } from './site-tools.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A second on a quiet machine. */
const SHARED_MS = 120_000;

let folder: string;
let site: string;

/** Calls a function of one of the site's modules, in a process of its own; what it returns. */
function call(module: string, name: string, ...args: unknown[]): unknown {
  const script = `import(${JSON.stringify(`${ROOT}scripts/site/${module}`)}).then(async (m) => console.log('\\n' + JSON.stringify(await m[${JSON.stringify(name)}](...${JSON.stringify(args)}))))`;
  const said = execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
  return JSON.parse(said.trimEnd().split('\n').at(-1) ?? '');
}

function page(path: string): string {
  return readFileSync(join(site, path), 'utf8');
}

beforeAll(() => {
  // Within the repository, as Eleventy writes nowhere else.
  mkdirSync(join(ROOT, 'out'), { recursive: true });
  folder = mkdtempSync(join(ROOT, 'out/site-test-'));
  site = join(folder, 'site');
  call('build.mjs', 'buildSite', site);
}, SHARED_MS);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('what is built', () => {
  it('has every page of docs, of the guide and of the decisions', () => {
    for (const path of ['docs', 'docs/guide', 'docs/decisions'])
      for (const name of readdirSync(join(ROOT, path)).filter((one) => one.endsWith('.md')))
        expect([path, readdirSync(join(site, path))]).toEqual([
          path,
          expect.arrayContaining([name.replace(/md$/, 'html')]),
        ]);
  });

  it('links every page from every other, but the decisions, which have a page', () => {
    const index = page('index.html');
    for (const name of readdirSync(join(ROOT, 'docs/guide')))
      expect(index).toContain(`href="docs/guide/${name.replace(/md$/, 'html')}"`);
    for (const name of readdirSync(join(ROOT, 'docs/decisions')))
      expect(page('docs/decisions/index.html')).toContain(`href="${name.replace(/md$/, 'html')}"`);
  });

  it('asks no other host for anything', () => {
    expect(call('links.mjs', 'foreignRequests', site)).toEqual([]);
    const [found] = call('links.mjs', 'filesOf', site) as string[];
    expect(found).toBeDefined();
  });

  it('names every key, error and field, and no others', () => {
    const codes = (path: string): Set<string> =>
      new Set(
        [...page(path).matchAll(/<tr[^>]*>\s*<td><code>([^<]+)<\/code><\/td>/g)].map(([, text = '']) => text),
      );
    expect([...codes('docs/errors.html')]).toEqual(Object.keys(ERRORS));
    const keys = [...codes('docs/configuration.html')];
    expect(keys).toEqual(expect.arrayContaining(describeKeys()));
    expect(keys.filter((key) => !describeKeys().includes(key))).toEqual(CRITERIA);
    for (const [path] of Object.values(FIELDS).flat()) expect(page('docs/json.html')).toContain(path);
  });

  it('finds by its search what there is', () => {
    const text = /^globalThis\.SEARCH_INDEX=(.*);\n$/s.exec(page('search-index.js'))?.[1] ?? '""';
    const index = MiniSearch.loadJSON(JSON.parse(text) as string, {
      fields: ['heading', 'page', 'text'],
      storeFields: ['heading', 'page', 'href'],
    });
    const pageOf = (words: string): string =>
      String(
        index.search(words, { prefix: true, combineWith: 'AND', boost: { heading: 4, page: 2 } })[0]?.href,
      );
    for (const code of Object.keys(ERRORS))
      expect(pageOf(code)).toBe(`docs/errors.html#row-${code.toLowerCase()}`);
    expect(pageOf('limits.racePorts')).toBe('docs/configuration.html#row-limits-raceports');
    expect(pageOf('pfSense')).toContain('from-pfsense.html');
    expect(index.search('zzzzqq')).toEqual([]);
  });
});

describe('what is wrong is found', () => {
  let made: string;

  beforeAll(() => {
    made = mkdtempSync(join(tmpdir(), 'pathrace-links-'));
    writeFileSync(join(made, 'b.html'), '<h1 id="there">b</h1>');
  });

  afterAll(() => rmSync(made, { recursive: true, force: true }));

  it.each([
    ['<a href="b.html#there">', []],
    ['<a href="https://example.org/">', []],
    ['<a href="c.html">', ['a.html: c.html: no such page or file']],
    ['<a href="b.html#nowhere">', ['a.html: b.html#nowhere: no such heading']],
    ['<a href="#nowhere">', ['a.html: #nowhere: no such heading']],
    ['<img src="c.svg">', ['a.html: c.svg: no such page or file']],
    ['<a href="missing:docs/x.md">', ['a.html: missing:docs/x.md: no such page or file']],
  ])('%s', (html, expected) => {
    writeFileSync(join(made, 'a.html'), html);
    expect(call('links.mjs', 'brokenLinks', made)).toEqual(expected);
  });

  it.each([
    ['a.html', '<img src="https://example.org/x.png">'],
    ['a.html', '<script src="//example.org/x.js">'],
    ['a.html', '<link rel="stylesheet" href="http://example.org/x.css">'],
    ['a.css', '@import "https://example.org/x.css"'],
    ['a.css', 'x{background:url(//example.org/x.png)}'],
    ['a.js', 'fetch("https://example.org/x")'],
    ['a.svg', '<svg><image href="https://example.org/x.png"/></svg>'],
  ])('%s %s', (name, text) => {
    writeFileSync(join(made, name), text);
    expect(call('links.mjs', 'foreignRequests', made)).toHaveLength(1);
    rmSync(join(made, name));
  });
});
