/** `docs/api.md`: the API for people, made of the same document as everything else. */
import { EVENT_NAMES } from './schemas/events.js';

type Json = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Json;
}

interface OperationDoc {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly 'x-role': string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Json }>> }>
  >;
}

/** The page of a document. */
export function renderApiPage(document: Json): string {
  const paths = document.paths as Readonly<Record<string, Readonly<Record<string, OperationDoc>>>>;
  const { schemas } = document.components as { schemas: Readonly<Record<string, Json>> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      title: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags[0]))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags[0] === tag);
    return `## ${tag[0].toUpperCase()}${tag.slice(1)}\n\n${own.map(renderOperation).join('\n')}`;
  });
  const parts = Object.entries(schemas).map(([name, schema]) => renderSchema(name, schema));
  return `${HEAD}\n${sections.join('\n')}\n## Schemas\n\n${parts.join('\n')}`;
}

const HEAD = `# API

This page is generated from the table of the API (\`npm run docs\`); edit \`src/api/endpoints/\` and \`src/api/schemas/\` instead. The same as
OpenAPI 3.1: [openapi.json](openapi.json), and \`GET /v1/openapi.json\` of a running gateway.

\`\`\`sh
curl --unix-socket /run/pathrace/control.sock http://gateway/v1/routes
curl -H "Authorization: Bearer $TOKEN" https://gateway.example:8443/v1/what-if?client=192.168.1.20\\&destination=example.org\\&port=443
curl -N -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8088/v1/events
\`\`\`

On the Unix socket (\`control\`) everything is open to whoever may open it. Over TCP (\`api.listen\`) a token is needed: \`pathrace token add NAME
--role read|operate --tokens FILE\` prints one. \`read\` may ask, \`operate\` may change too; with \`api.anonymous: read\` nobody needs a token to ask.
What is refused comes as a problem document (RFC 9457) with the \`code\` of [errors.md](errors.md) and the remedy.

Within \`/v1\` fields are added and never change their meaning. Parameters that there are not, and bodies that say something else than they may, are
refused. Lists in pages have a \`next\`: ask again with it as \`cursor\`.
Names of events: ${EVENT_NAMES.map((name) => `\`${name}\``).join(', ')}.
`;

function renderOperation({ title, operation }: { title: string; operation: OperationDoc }): string {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const [media, content] = Object.entries(responses[200].content ?? {})[0];
  const rows = parameters.map(
    ({ name, required, description: meaning = '', schema, in: place }) =>
      `| \`${name}\` | ${place} | ${typeText(schema)}${required ? '' : ', optional'} | ${meaning} |\n`,
  );
  const table =
    rows.length === 0 ? '' : `\n| parameter | in | value | meaning |\n|---|---|---|---|\n${rows.join('')}`;
  const [body] = Object.entries(requestBody?.content ?? {});
  const takes =
    body === undefined
      ? ''
      : ` Body: \`${body[0]}\`${body[0] === 'text/yaml' ? '' : `, ${typeText(body[1].schema)}`}.`;
  const answers = media === 'application/json' ? typeText(content.schema) : `\`${media}\``;
  const words = description === undefined ? '' : ` ${description}`;
  return `### \`${title}\`\n\n${summary}${words}\n\nRole: ${operation['x-role']}.${takes} Answer: ${answers}.\n${table}`;
}

function renderSchema(name: string, schema: Json): string {
  const {
    description,
    properties,
    required = [],
  } = schema as {
    description?: string;
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  const words = description === undefined ? '' : `${description}\n\n`;
  if (properties === undefined) return `### ${name}\n\n${words}${typeText(schema)}\n`;
  const rows = fieldRows(properties, required, '');
  return `### ${name}\n\n${words}| field | value | meaning |\n|---|---|---|\n${rows.join('')}`;
}

function fieldRows(
  properties: Readonly<Record<string, Json>>,
  required: readonly string[],
  before: string,
): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const optional = required.includes(name) ? '' : ', may be absent';
    const own = `| \`${before}${name}\` | ${typeText(schema)}${optional} | ${String(schema.description ?? '')} |\n`;
    const inner = schema.type === 'array' ? (schema.items as Json) : schema;
    if (inner.properties === undefined) return [own];
    const path = `${before}${name}${schema.type === 'array' ? '[]' : ''}.`;
    const below = inner.properties as Readonly<Record<string, Json>>;
    return [own, ...fieldRows(below, (inner.required as readonly string[] | undefined) ?? [], path)];
  });
}

/** A schema in a few words; those with a name by that. */
function typeText(schema: Json): string {
  const { $ref, type, items, anyOf, allOf, const: constant, additionalProperties } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.split('/').at(-1) ?? '';
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (Array.isArray(anyOf)) return anyOf.map((one: Json) => typeText(one)).join(' or ');
  if (Array.isArray(allOf)) return allOf.map((one: Json) => typeText(one)).join(' and ');
  if (constant !== undefined) return `\`${String(constant)}\``;
  if (Array.isArray(schema.enum)) return schema.enum.map((word) => `\`${String(word)}\``).join(', ');
  if (type === 'array') return `list of ${typeText(items as Json)}`;
  if (type === 'object' && typeof additionalProperties === 'object' && schema.properties === undefined)
    return `mapping of names to ${typeText(additionalProperties as Json)}`;
  const name = Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : 'any value';
  return `${name}${boundsText(schema)}`;
}

function boundsText({ minimum, maximum, maxLength, default: preset }: Json): string {
  const range =
    typeof minimum === 'number' && typeof maximum === 'number' ? ` from ${minimum} to ${maximum}` : '';
  const length = typeof maxLength === 'number' ? ` of at most ${maxLength} characters` : '';
  const otherwise = preset === undefined ? '' : `, else ${String(preset)}`;
  return `${range}${length}${otherwise}`;
}
