// Builds the site into a folder: Eleventy makes and writes the pages, what is around their text is ours. Throws where a link leads nowhere.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Eleventy } from '@11ty/eleventy';
import { layout, placeOf } from './layout.mjs';
import { brokenLinks, foreignRequests } from './links.mjs';
import { extend, slugOf } from './markdown.mjs';
import { decisionsOf, FILES, groupsOf, isExpected } from './pages.mjs';
import { searchIndex } from './search.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The page of all decisions, which is a folder in the repository. */
const DECISIONS = 'docs/decisions/index.md';

/** Returns the number of pages. `output` is replaced. */
export async function buildSite(output) {
  const { sources, groups } = readSources();
  const titles = new Map([...sources].map(([path, text]) => [path, titleOf(path, text)]));
  const files = filesOf();
  const pages = [];
  rmSync(output, { recursive: true, force: true });
  // Pages are given as texts, so that nothing else that lies around becomes one.
  const empty = `${output}-input`;
  mkdirSync(empty, { recursive: true });
  const config = (eleventy) => {
    eleventy.amendLibrary('md', (markdown) =>
      extend(markdown, {
        placeOf,
        resolve,
        isPage: (path) => sources.has(path),
        isFile: (path) => files.includes(path),
        isExpected,
      }),
    );
    for (const [path, text] of sources)
      eleventy.addTemplate(path, text, {
        permalink: placeOf(path),
        source: path,
        templateEngineOverride: 'md',
      });
    eleventy.addTransform('layout', function (written) {
      const content = withRows(written);
      const path = [...sources.keys()].find((one) => placeOf(one) === relative(output, this.page.outputPath));
      const title = titles.get(path);
      pages.push({ place: placeOf(path), title, html: content });
      return layout({ path, title, content, groups, titles });
    });
    for (const path of files) eleventy.addPassthroughCopy({ [path]: path });
    eleventy.addPassthroughCopy({
      'scripts/site/assets': '.',
      'node_modules/minisearch/dist/umd/index.js': 'minisearch.js',
    });
  };
  process.chdir(ROOT);
  try {
    await new Eleventy(relative(ROOT, empty), relative(ROOT, output), {
      quietMode: true,
      configPath: false,
      config,
    }).write();
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
  writeFileSync(
    join(output, 'search-index.js'),
    `globalThis.SEARCH_INDEX=${JSON.stringify(searchIndex(pages))};\n`,
  );
  const wrong = [
    ...brokenLinks(output),
    ...foreignRequests(output).map((line) => `${line}: fetched from elsewhere`),
  ];
  if (wrong.length > 0)
    throw new Error(`The site has ${wrong.length} links that lead nowhere:\n${wrong.join('\n')}`);
  return pages.length;
}

/** Text of each page by its path, and the groups of the navigation. */
function readSources() {
  const decisions = decisionsOf(ROOT);
  const groups = groupsOf(ROOT).map(([name, paths]) => [
    name,
    name === 'Development' ? [...paths, DECISIONS] : paths,
  ]);
  const paths = [...groups.flatMap(([, own]) => own).filter((path) => path !== DECISIONS), ...decisions];
  const sources = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
  const lines = decisions.map((path) => `- [${titleOf(path, sources.get(path))}](${posix.basename(path)})\n`);
  sources.set(
    DECISIONS,
    `# Decisions\n\nWhat was decided, and why; each has a number that other pages name.\n\n${lines.join('')}`,
  );
  return { sources, groups };
}

function filesOf() {
  const pictures = readdirSync(join(ROOT, 'docs/pictures')).map((name) => `docs/pictures/${name}`);
  return [...FILES.filter((path) => existsSync(join(ROOT, path))), ...pictures];
}

/** The path that a link of a page means. */
function resolve(from, path) {
  const found = posix.normalize(posix.join(posix.dirname(from), path)).replace(/\/$/, '');
  return found === 'docs/decisions' ? DECISIONS : found;
}

/** A row of a table that begins with a key, a code or a field can be linked to, and is found by itself. */
function withRows(html) {
  const seen = new Set();
  return html.replace(/<tr>(\s*<td><code>([^<]+)<\/code><\/td>)/g, (row, cell, name) => {
    const id = `row-${slugOf(name.replace(/[.[\]*]+/g, '-'))}`;
    if (seen.has(id)) return row;
    seen.add(id);
    return `<tr id="${id}">${cell}`;
  });
}

function titleOf(path, text) {
  return (/^# (.+)$/m.exec(text)?.[1] ?? path).replaceAll('`', '');
}
