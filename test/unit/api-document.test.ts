/** The document of the API: that it is what the table makes, that it is valid, and that the application serves just that. */
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { renderApiPage } from '../../src/api/api-page.js';
import { createApp } from '../../src/api/application.js';
import type { ControlBackend } from '../../src/api/contract.js';
import { documented } from '../../src/api/document.js';
import { ENDPOINTS } from '../../src/api/endpoints/index.js';
import { openApiDocument } from '../../src/api/openapi.js';
import { DECISION, OTHERS } from './api-tools.js';

const text = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
const document = JSON.parse(text) as { paths: Record<string, Record<string, Operation>>; components: object };

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>;
}

const BACKEND: ControlBackend = {
  ...OTHERS,
  status: async () => STATUS,
  routes: async () => [],
  services: async () => [],
  why: async () => [DECISION],
  memory: async () => [
    {
      destination: '198.51.100.7',
      of: 'connections',
      routes: { a: { rttMicros: null, ageSeconds: 1, answer: 'silent' } },
      best: null,
      trusted: false,
    },
  ],
  route: async (route) => ({ route, state: 'draining', cut: 1, left: 2 }),
  reload: async () => ({ applied: true, changes: [], effects: [] }),
  preview: async () => ({ changes: [{ key: 'x', before: null, after: '1', apply: 'live' }], effects: [] }),
  config: async () => ({ lan: ['l'] }),
};

const STATUS = {
  version: '1',
  alarms: [],
  notes: [],
  memory: { destinations: 0, trusted: 0, inKernel: 0, size: 1, evicted: 0, rescues: 0 },
  uptimeSeconds: 1,
  routes: [],
  races: { started: 0, decided: 0, failed: 0, active: 0, single: {} },
  fastPath: { wanted: 'off', state: 'off', why: null },
  cutting: { cut: 0, left: 0 },
  packets: { dropped: {}, ignored: {}, queue: {} },
} as const;

describe('docs/openapi.json', () => {
  it('is what the table makes, and so is docs/api.md', () => {
    expect(text).toBe(`${JSON.stringify(openApiDocument(), null, 2)}\n`);
    const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    expect(page).toBe(renderApiPage(openApiDocument()));
  });

  it('is valid OpenAPI 3.1, by a validator of others', async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const broken = structuredClone(document) as { paths: Record<string, unknown> };
    broken.paths['/v1/status'] = { get: { responses: 7 } };
    expect((await new Validator().validate(broken as never)).valid).toBe(false);
  });

  it('names each operation once, and gives every one a role', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      documented()
        .map(({ operation }) => operation)
        .sort(),
    ).toEqual(Object.keys(ENDPOINTS).sort());
    for (const { role, method, operation } of documented()) {
      expect(['anyone', 'read', 'operate']).toContain(role);
      // What changes something is for who may operate; what is only looked at with a body, and sessions, are not.
      const changes = method !== 'GET' && !/session|validate|diff|preview/.test(operation);
      expect(role === 'operate', operation).toBe(changes);
    }
  });

  it('has every route of the application, and no other', async () => {
    const app = createApp(BACKEND);
    await app.ready();
    const routes: string[] = [];
    const tree = app.printRoutes({ commonPrefix: false });
    for (const { method, url } of documented()) {
      expect(app.hasRoute({ method, url }), `${method} ${url}`).toBe(true);
      routes.push(url);
    }
    const printed = [...tree.matchAll(/(\/[\w.:/-]*) \(([A-Z, ]+)\)/g)].flatMap(([, , methods]) =>
      methods.split(', '),
    );
    expect(printed.length).toBe(documented().length);
  });

  const asked: Readonly<Record<string, { query?: string; payload?: string | object; media?: string }>> = {
    'GET /v1/what-if': { query: '?client=192.0.2.1&destination=example.org&port=443' },
    'DELETE /v1/memory': { query: '?all=true' },
    'DELETE /v1/memory/pins': { query: '?destination=2001:db8::1' },
    'POST /v1/memory/pins': { payload: { destination: '192.0.2.1', route: 'fiber', seconds: 5 } },
    'POST /v1/session': { payload: { token: 'x' } },
    'POST /v1/config/validate': { payload: 'lan: [l]', media: 'text/yaml' },
    'POST /v1/config/diff': { payload: 'lan: [l]', media: 'text/yaml' },
    'PUT /v1/config/apply': { payload: 'lan: [l]', media: 'text/yaml' },
    'POST /v1/preview': { payload: 'lan: [l]', media: 'text/yaml' },
  };

  it.each(documented().filter(({ operation }) => operation !== 'GET /v1/events'))(
    '$operation answers as it says',
    async ({ operation, method, url }) => {
      const { query = '', payload, media = 'application/json' } = asked[operation] ?? {};
      const path = url.replace(':name', 'fiber').replace(':command', 'drain');
      const answer = await createApp(BACKEND).inject({
        method,
        url: path + query,
        ...(payload === undefined ? {} : { payload, headers: { 'content-type': media } }),
      });
      expect(answer.statusCode, answer.body).toBe(200);
      const { content } = document.paths[operation.split(' ')[1]][method.toLowerCase()].responses[200];
      const [[name, { schema }]] = Object.entries(content);
      expect(answer.headers['content-type']).toContain(name);
      validate(schema, name.endsWith('json') ? answer.json() : answer.body);
    },
  );

  it('says what is wrong in problem documents', async () => {
    const app = createApp(BACKEND);
    for (const url of ['/v1/why?x=1', '/v1/nothing', '/v1/routes/%20']) {
      const answer = await app.inject({ method: 'GET', url });
      expect(answer.headers['content-type']).toContain('application/problem+json');
      validate({ $ref: '#/components/schemas/Problem' }, answer.json());
      expect(answer.json()).toMatchObject({ status: answer.statusCode });
    }
  });
});

/** Nothing may be there that the schema does not name. */
function validate(schema: object, value: unknown): void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const closed = JSON.parse(JSON.stringify({ ...schema, components: document.components }), (_, one) =>
    typeof one === 'object' && one !== null && 'properties' in one && !Array.isArray(one)
      ? { additionalProperties: false, ...one }
      : one,
  ) as object;
  const check = ajv.compile(closed);
  expect(check(value), JSON.stringify(check.errors)).toBe(true);
}
