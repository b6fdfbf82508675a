/** `docs/openapi.json` as the gateway uses it: what there is, and the JSON Schemas that requests are checked by. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PathraceError } from '../model/errors.js';
import type { Role } from './endpoints/endpoint.js';
import type { Operation } from './operations.js';

/** An endpoint as the document has it. */
export interface Documented {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for what stands in it. */
  readonly url: string;
  readonly role: Role;
  readonly isLong: boolean;
  /** What its body is; null: it takes none. */
  readonly takes: string | null;
  readonly schema: {
    readonly params?: Json;
    readonly querystring: Json;
    readonly body?: Json;
  };
}

type Json = Readonly<Record<string, unknown>>;

/** Beside the sources, and two folders above what is compiled of them. */
const PLACES = ['../../../docs/openapi.json', '../../docs/openapi.json'].map(
  (path) => new URL(path, import.meta.url),
);

/** The endpoints of the document. Throws E_INTERNAL when it is not there. */
export function documented(): readonly Documented[] {
  const { paths, components } = JSON.parse(firstText()) as {
    paths: Readonly<Record<string, Readonly<Record<string, OperationDoc>>>>;
    components: { schemas: Readonly<Record<string, Json>> };
  };
  const whole = (schema: Json): Json => inlined(schema, components.schemas);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, doc]): Documented => {
      const method = name.toUpperCase() as Documented['method'];
      const [body] = Object.entries(doc.requestBody?.content ?? {});
      const params = schemaOf(doc, 'path', whole);
      return {
        operation: `${method} ${path}` as Operation,
        method,
        url: path.replace(/\{(\w+)\}/g, ':$1'),
        role: doc['x-role'],
        isLong: doc['x-long'] === true,
        takes: body?.[0] ?? null,
        schema: {
          ...(params === null ? {} : { params }),
          querystring: schemaOf(doc, 'query', whole) ?? EMPTY,
          ...(body?.[0] === 'application/json' ? { body: whole(body[1].schema) } : {}),
        },
      };
    }),
  );
}

/** The document as it is, for whoever asks for it. */
export async function documentText(): Promise<string> {
  for (const place of PLACES) {
    const text = await readFile(place, 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  throw missing();
}

interface OperationDoc {
  readonly 'x-role': Role;
  readonly 'x-long'?: boolean;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: Json;
}

const EMPTY: Json = { type: 'object', additionalProperties: false };

function firstText(): string {
  for (const place of PLACES) {
    try {
      return readFileSync(place, 'utf8');
    } catch {
      // The compiled file lies one folder deeper than its source.
    }
  }
  throw missing();
}

function missing(): PathraceError {
  return new PathraceError('E_INTERNAL', 'The document of the API (docs/openapi.json) is missing.');
}

function schemaOf(
  { parameters = [] }: OperationDoc,
  place: string,
  whole: (schema: Json) => Json,
): Json | null {
  const own = parameters.filter((one) => one.in === place);
  if (own.length === 0) return null;
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(own.map(({ name, schema }) => [name, whole(schema)])),
    required: own.filter(({ required }) => required).map(({ name }) => name),
  };
}

/** A schema with what it refers to in its place. */
function inlined(value: Json, schemas: Readonly<Record<string, Json>>): Json {
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(walk);
    if (typeof one !== 'object' || one === null) return one;
    const { $ref, ...others } = one as Json;
    if (typeof $ref === 'string') return walk(schemas[$ref.split('/').at(-1) ?? ''] ?? {});
    return Object.fromEntries(Object.entries(others).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value) as Json;
}
