/** What the schema says, as a page for people and as JSON Schema for editors. */
import type { z } from 'zod';
import { CRITERIA } from '../model/config.js';
import { CRITERION_DOCS } from './criteria.js';
import { docOf, isList, keysOf, memberOf } from './describe-schema.js';
import { ConfigSchema } from './schema.js';

/** Keys in the order of the schema: `docs/configuration.md`. */
export function renderConfiguration(): string {
  const sections = Object.entries(keysOf(ConfigSchema)).map(([key, schema]) => renderKey(key, schema));
  return `${HEAD}\n${sections.join('\n')}\n${renderCriteria()}`;
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

This page is generated from the schema (\`npm run docs\`); edit \`src/config/schema/\` instead.

The file is YAML 1.2, at most 256 KiB. \`pathrace check FILE\` says everything that is wrong with it, with line and
column. Unknown keys, keys given twice and values out of bounds are errors: a gateway never starts with half of what was
meant. Durations have a unit: \`500ms\`, \`10s\`, \`10m\`, \`1h\`, \`7d\`. Put quotes around IPv6 addresses, names of sets
(\`"@guests"\`) and values with a comma.

\`\`\`yaml
lan: [lan0]
routes:
  fiber: { interface: wan1, weight: 10, capacity: 500mbit, check: [ping 192.0.2.1, "tcp 198.51.100.9:443"] }
  cable: { interface: wan2, gateway: 203.0.113.1, addresses: 203.0.113.2-203.0.113.6, weight: 5 }
  lte:
    interface: wwan0
    gateway: [198.51.100.1, "2001:db8::1"]
    addresses: [198.51.100.7, "2001:db8::7"]
    cost: 8/GB
    quota: { volume: 50GB, day: 12, then: down }
    use: last-resort
sets:
  guests: [192.168.8.0/24, "fd00:8::/64"]
services:                        # the first that matches wins
  - { name: guests, match: { source: "@guests" }, select: cable }
  - { name: web, match: { tcp: [80, 443, "8000-8999"] }, select: race }
  - { name: voice, match: { udp: any, dscp: ef }, select: priority, affinity: client }
  - { name: backup, match: { tcp: 873, time: 22:00-06:00 }, select: cheapest }
  - { name: bulk, match: { tcp: any }, select: { criterion: spillover, routes: [fiber, lte], threshold: 80% } }
rest: { route: fiber }
memory: { trust: 10m }
\`\`\`

A host with two uplinks and no LAN needs no more than this; addresses and next hops are those that DHCP has brought:

\`\`\`yaml
lan: local
routes:
  ethernet: { interface: eth0 }
  wifi: { interface: wlan0 }
services: [{ name: all, match: any, select: race }]
\`\`\`

"Applies" says when a change works: \`live\` when the gateway reads the file again, or at its next start (\`restart\`). While
it runs there can be two routes more than at its start, or four, whichever is more; with a file that has more than that,
\`lan\`, \`routes\`, \`sets\`, \`services\` and \`rest\` wait for the next start together. A key below another one, such as
\`check.interval\` below \`check\`, stands in it where it is written as a mapping: \`check: { targets: …, interval: 1s }\`.
`;

/** The name of one member, by the key of the mapping or list. */
const MEMBER_NAMES: Readonly<Record<string, string>> = {
  routes: 'routes.NAME',
  sets: 'sets.NAME',
  services: 'services[]',
};

function renderKey(path: string, schema: z.ZodType): string {
  const { description = '', allowed = '', apply, fallback } = docOf(schema);
  if (apply !== undefined) return `## \`${path}\`\n\n${description}\n\n${TABLE}${rows(path, schema)}`;
  const member = memberOf(schema);
  const inner = member === undefined ? rows(path, schema) : rows(MEMBER_NAMES[path] ?? path, member);
  const optional = fallback === undefined ? '' : ` Default: ${fallback}.`;
  return `## \`${path}\`\n\n${description} Value: ${allowed}.${optional}\n\n${TABLE}${inner}`;
}

const TABLE = '| key | allowed | default | applies | meaning |\n|---|---|---|---|---|\n';

/** A row for the key itself if it takes a value, and one for every key below it. */
function rows(path: string, schema: z.ZodType): string {
  const { description = '', allowed = '', apply, fallback = 'required' } = docOf(schema);
  const own =
    apply === undefined ? '' : `| \`${path}\` | ${allowed} | ${fallback} | ${apply} | ${description} |\n`;
  const below = Object.entries(keysOf(schema)).map(([key, inner]) => rows(`${path}.${key}`, inner));
  return own + below.join('');
}

function renderCriteria(): string {
  const lines = CRITERIA.map((name) => {
    const { meaning, uses } = CRITERION_DOCS[name];
    return `| \`${name}\` | ${meaning} | ${uses.map((key) => `\`${key}\``).join(', ')} |\n`;
  });
  return `## Criteria

Only routes that can be used are chosen from: one that is down, draining or disabled is left out, and one of
\`use: last-resort\`, or whose \`quota\` is used up, is used only when no other is left.

| criterion | chooses | options of \`select\` |
|---|---|---|
${lines.join('')}`;
}

function toJson(schema: z.ZodType): Record<string, unknown> {
  const { description, json, mapping, preset, apply } = docOf(schema);
  if (json !== undefined) {
    const form = mapping === undefined ? json : { anyOf: [json, toJson(mapping)] };
    return { description, ...form, default: preset, 'x-apply': apply };
  }
  const member = memberOf(schema);
  if (member !== undefined) {
    const inner = toJson(member);
    return isList(schema)
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
