/** What the schema says, as a page for people and as JSON Schema for editors. */
import type { z } from 'zod';
import { docOf, keysOf, memberOf } from './describe-schema.js';
import { ConfigSchema } from './schema.js';

/** Keys in the order of the schema: `docs/configuration.md`. */
export function renderConfiguration(): string {
  const sections = Object.entries(keysOf(ConfigSchema)).map(([key, schema]) => renderKey(key, schema));
  return `${HEAD}\n${sections.join('\n')}`;
}

/** JSON Schema (2020-12) of the file. Rules between keys are not in it; \`pathrace check\` knows all. */
export function configurationSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Pathrace',
    ...toJson(ConfigSchema),
  };
}

const HEAD = `# Configuration

This page is generated from the schema (\`npm run docs\`); edit \`src/config/schema.ts\` instead.

The file is YAML 1.2, at most 256 KiB. \`pathrace check FILE\` says everything that is wrong with it, with line and
column. Unknown keys, keys given twice and values out of bounds are errors: a gateway never starts with half of what was
meant. Durations have a unit: \`500ms\`, \`10s\`, \`10m\`, \`1h\`, \`7d\`. Put quotes around IPv6 addresses.

\`\`\`yaml
lan: [lan0]
routes:
  fiber: { interface: wan1 }
  cable: { interface: wan2, gateway: 203.0.113.1, addresses: 203.0.113.2-203.0.113.6 }
  lte: { interface: wwan0, gateway: [198.51.100.1, "2001:db8::1"], addresses: [198.51.100.7, "2001:db8::7"] }
services:
  - { name: web, match: { tcp: [80, 443, "8000-8999"] }, select: race }
  - { name: backup, match: { tcp: 873 }, select: cable }
rest: { route: fiber }
\`\`\`

"Applies" says when a change works: \`live\`, or at the next start of the gateway (\`restart\`).
`;

/** The name of one member, by the key of the mapping or list. */
const MEMBER_NAMES: Readonly<Record<string, string>> = { routes: 'routes.NAME', services: 'services[]' };

function renderKey(path: string, schema: z.ZodType): string {
  const { description = '', allowed = '', apply, fallback } = docOf(schema);
  if (apply !== undefined) return `## \`${path}\`\n\n${description}\n\n${TABLE}${row(path, schema)}`;
  const member = memberOf(schema);
  const rows = member === undefined ? rowsOf(path, schema) : rowsOf(MEMBER_NAMES[path] ?? path, member);
  const optional = fallback === undefined ? '' : ` Default: ${fallback}.`;
  return `## \`${path}\`\n\n${description} Value: ${allowed}.${optional}\n\n${TABLE}${rows}`;
}

const TABLE = '| key | allowed | default | applies | meaning |\n|---|---|---|---|---|\n';

function rowsOf(path: string, schema: z.ZodType): string {
  return Object.entries(keysOf(schema))
    .map(([key, inner]) => {
      const full = `${path}.${key}`;
      return docOf(inner).apply === undefined ? rowsOf(full, inner) : row(full, inner);
    })
    .join('');
}

function row(path: string, schema: z.ZodType): string {
  const { description = '', allowed = '', apply = 'restart', fallback } = docOf(schema);
  return `| \`${path}\` | ${allowed} | ${fallback ?? 'required'} | ${apply} | ${description} |\n`;
}

function toJson(schema: z.ZodType): Record<string, unknown> {
  const { description, json, apply } = docOf(schema);
  if (json !== undefined) return { description, ...json, 'x-apply': apply };
  const member = memberOf(schema);
  if (member !== undefined) {
    const inner = toJson(member);
    const list = (schema as { unwrap?: unknown }).unwrap !== undefined;
    return list
      ? { description, type: 'array', items: inner }
      : { description, type: 'object', additionalProperties: inner };
  }
  const keys = Object.entries(keysOf(schema));
  const required = keys.filter(([, inner]) => isRequired(inner)).map(([key]) => key);
  const properties = Object.fromEntries(keys.map(([key, inner]) => [key, toJson(inner)]));
  return { description, type: 'object', properties, required, additionalProperties: false };
}

/** Whether the file must have the key. */
function isRequired(schema: z.ZodType): boolean {
  return !schema.safeParse(undefined).success;
}
