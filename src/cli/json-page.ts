/** docs/json.md: the documents of `--json`, made of the table of their fields and the lists of counters. */
import { DROPPED, IGNORED, QUEUE, ROUTE_REASONS } from '../api/counters.js';
import { meaningOf } from '../api/words/decisions.js';
import { OPEN_REASONS, OUTCOME_REASONS, SINGLE_REASONS } from '../model/reasons.js';
import { ERROR_FIELDS, FIELDS, type Fields } from './json-fields.js';

export function renderJsonPage(): string {
  const decisions = [...new Set([...OUTCOME_REASONS, ...SINGLE_REASONS, ...OPEN_REASONS])].map(
    (reason): [string, string] => [reason, meaningOf(reason)],
  );
  return `# JSON

This page is generated from the code (\`npm run docs\`). With \`--json\` a command writes exactly one document to standard output, whatever
happens, and nothing else; with \`--watch\` one a line. \`ok\` says whether the command ends with 0. Where it could not do what it was told to there is
an \`error\` instead of its own fields, in the same shape for every command. The control socket (\`/v1/…\`, HTTP over a Unix socket) answers with the
same fields without the first two, and an error as its body.

Fields may be added at any time; \`format\` goes up when one changes its meaning or goes. \`[]\` stands for each item of a list, \`*\` for each name.
\`gateway\` writes no document unless it fails; its log are JSON lines on standard error. \`demo\` and \`bench\` add the results of their measurements.

## Errors

${table(ERROR_FIELDS)}
${Object.entries(FIELDS)
  .map(([command, fields]) => `## ${command}\n\n${table(fields)}`)
  .join('\n')}
## Words

### Decisions: \`reasons\` of \`why\`, \`races.single\` of \`status\`

${words(decisions)}
### Reasons of a route

With \`ipv4-\` or \`ipv6-\` before it: of that family alone.

${words(Object.entries(ROUTE_REASONS))}
### \`packets.dropped\`

${words(Object.entries(DROPPED))}
### \`packets.ignored\`

${words(Object.entries(IGNORED))}
### \`packets.queue\`

${words(Object.entries(QUEUE))}`;
}

function table(fields: Fields): string {
  const rows = fields.map(([path, meaning]) => `| \`${path}\` | ${meaning} |\n`);
  return `| field | meaning |\n|---|---|\n${rows.join('')}`;
}

function words(list: readonly (readonly [string, string])[]): string {
  return `| word | meaning |\n|---|---|\n${list.map(([word, meaning]) => `| \`${word}\` | ${meaning} |\n`).join('')}`;
}
