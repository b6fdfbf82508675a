/** The OpenAPI 3.1 document of the API, made of the table. Loaded by what makes the documents, never by the gateway. */
import { z } from 'zod';
import { version } from '../observe/version.js';
import type { BodyForm, Endpoint, Role } from './endpoints/endpoint.js';
import { ENDPOINTS } from './endpoints/index.js';
import { EVENTS } from './schemas/events.js';
import { Problem } from './schemas/problem.js';

type Json = Record<string, unknown>;

/** The whole document. */
export function openApiDocument(): Json {
  const parts: Parts = { schemas: {} };
  const paths: Record<string, Json> = {};
  for (const [operation, endpoint] of Object.entries(ENDPOINTS) as [string, Endpoint][]) {
    const [method, path] = operation.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(endpoint, parts) };
  }
  for (const schema of Object.values(EVENTS)) toSchema(schema, parts);
  toSchema(Problem, parts);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pathrace',
      version: version(),
      description:
        'What a Pathrace gateway tells and takes, over its Unix socket and, where `api.listen` says so, over TCP.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The gateway itself.' }],
    tags: [...new Set(Object.values(ENDPOINTS).map(({ tag }) => tag))].map((name) => ({ name })),
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(parts.schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      responses: { Problem: PROBLEM_RESPONSE },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Made by `pathrace token add`.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'pathrace-session',
          description: 'Begun by `POST /v1/session`; what changes something needs `X-Pathrace-CSRF` besides.',
        },
      },
    },
  };
}

/** Schemas that have a name, found on the way. */
interface Parts {
  readonly schemas: Record<string, Json>;
}

const PROBLEM_RESPONSE = {
  description: 'It was not done, and why (RFC 9457).',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const SECURITY: Readonly<Record<Role, Json>> = {
  anyone: { security: [{}] },
  read: {},
  operate: {},
};

function operationOf(endpoint: Endpoint, parts: Parts): Json {
  const {
    id,
    tag,
    summary,
    description,
    role,
    params,
    query,
    headers,
    body,
    also = {},
    problems = [],
  } = endpoint;
  const answer = {
    content: { [endpoint.media ?? 'application/json']: { schema: toSchema(endpoint.answer, parts) } },
  };
  const refused = role === 'anyone' ? [400, 403] : [400, 401, 403, 429];
  const failures = [...new Set([...refused, ...problems, 500])].sort((a, b) => a - b);
  const statuses = {
    200: { description: 'Done.', ...answer },
    ...Object.fromEntries(failures.map((status) => [status, { $ref: '#/components/responses/Problem' }])),
    ...Object.fromEntries(
      Object.entries(also).map(([status, words]) => [status, { description: words, ...answer }]),
    ),
  };
  const parameters = [
    ...parametersOf(params, 'path', parts),
    ...parametersOf(query, 'query', parts),
    ...parametersOf(headers, 'header', parts),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...SECURITY[role],
    'x-role': role,
    ...(endpoint.isLong === true ? { 'x-long': true } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: bodyOf(body, parts) }),
    responses: statuses,
  };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: 'path' | 'query' | 'header',
  parts: Parts,
): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = toSchema(schema, parts) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...value }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: value,
  }));
}

function bodyOf(body: BodyForm, parts: Parts): Json {
  const schema = body.media === 'text/yaml' ? { type: 'string' } : toSchema(body.schema, parts);
  return { required: true, content: { [body.media]: { schema } } };
}

/** A schema that has a name goes to the parts, and what stands for it is returned. */
function toSchema(schema: z.ZodType, parts: Parts): Json {
  const {
    $schema: _,
    $defs = {},
    id,
    ...own
  } = z.toJSONSchema(schema, { io: 'input' }) as Json & {
    $defs?: Record<string, Json>;
  };
  for (const [name, { id: _id, ...part }] of Object.entries($defs)) parts.schemas[name] = pointed(part);
  if (typeof id !== 'string') return pointed(own);
  parts.schemas[id] = pointed(own);
  return { $ref: `#/components/schemas/${id}` };
}

/** The same with its references into the parts of the document. */
function pointed(schema: Json): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
