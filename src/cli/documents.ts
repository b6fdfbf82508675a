/** The pages of `docs/`, and the file, that are made from the code; `scripts/docs.mjs` writes them, a test compares. */
import { renderApiPage } from '../api/api-page.js';
import { openApiDocument } from '../api/openapi.js';
import { configurationSchema, renderConfiguration } from '../config/document.js';
import { renderKeyFacts } from '../config/facts-document.js';
import { ERRORS } from '../model/errors.js';
import { renderMetricsPage } from '../observe/metrics/page.js';
import { renderJsonPage } from './json-page.js';

/** Text of each page by its path. */
export const DOCUMENTS: Readonly<Record<string, () => string>> = {
  'docs/api.md': () => renderApiPage(openApiDocument()),
  'docs/configuration.md': renderConfiguration,
  'docs/configuration.schema.json': () => `${JSON.stringify(configurationSchema(), null, 2)}\n`,
  'docs/errors.md': renderErrors,
  'docs/json.md': renderJsonPage,
  'docs/metrics.md': renderMetricsPage,
  'src/config/keys-of-schema.ts': renderKeyFacts,
  'docs/openapi.json': () => `${JSON.stringify(openApiDocument(), null, 2)}\n`,
};

function renderErrors(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { meaning, remedy }]) => `| \`${code}\` | ${meaning} | ${remedy} |\n`,
  );
  return `# Errors

This page is generated from the registry (\`npm run docs\`); edit \`src/model/errors.ts\` instead. A code keeps its meaning
for ever and is never used again for another. Every command prints one line with the code, what was found and the remedy,
and ends with 1, or with 2 when it was called wrongly; with \`--json\` the same comes as a document (docs/json.md).

| code | meaning | remedy |
|---|---|---|
${rows.join('')}`;
}
