// Writes the generated pages of docs/ from the compiled code: `npm run build && node scripts/docs.mjs`.
import { writeFileSync } from 'node:fs';
import { DOCUMENTS } from '../dist/src/cli/documents.js';
import { protocolsPage } from '../dist/src/core/protocols/document.js';

for (const [path, render] of Object.entries({ ...DOCUMENTS, 'docs/protocols.md': protocolsPage })) {
  writeFileSync(new URL(`../${path}`, import.meta.url), render());
  process.stdout.write(`wrote ${path}\n`);
}
