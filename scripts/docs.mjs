// The documentation, of the compiled code (`npm run build`): generated pages and pictures into docs/, the site into out/site.
//   node scripts/docs.mjs           all of it
//   node scripts/docs.mjs --pages   the generated pages and pictures alone
//   node scripts/docs.mjs --check   writes nothing; exit code 1 where a generated page or picture is not what the code makes
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PICTURES } from '../dist/bench/pictures/index.js';
import { DOCUMENTS } from '../dist/src/cli/documents.js';
import { protocolsPage } from '../dist/src/core/protocols/document.js';
import { renderValidators } from '../dist/src/daemon/validators-document.js';

const [mode = ''] = process.argv.slice(2);
if (!['', '--pages', '--check'].includes(mode)) {
  process.stderr.write(`${mode}: not --pages or --check\n`);
  process.exit(2);
}
let stale = 0;
for (const [path, render] of Object.entries({
  ...DOCUMENTS,
  'docs/protocols.md': protocolsPage,
  'src/daemon/validators.ts': renderValidators,
  ...PICTURES,
})) {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const text = render();
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale++;
  if (mode !== '--check') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  process.stdout.write(`${mode === '--check' ? 'is not as the code makes it:' : 'wrote'} ${path}\n`);
}
if (mode === '--check') process.exit(stale === 0 ? 0 : 1);
if (mode === '') {
  const { buildSite } = await import('./site/build.mjs');
  const count = await buildSite(fileURLToPath(new URL('../out/site', import.meta.url)));
  process.stdout.write(`wrote out/site: ${count} pages, begin with out/site/index.html\n`);
}
