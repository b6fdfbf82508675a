/** A question to the API as an HTTP request: method, path with what stands in it, and body. Runs in browsers. */
import type { AnswerOf, AskedBody, AskedHeaders, AskedParams, AskedQuery, Operation } from '../operations.js';

/** What an operation is asked with; parts that it has nothing for are left out. */
export type Question<O extends Operation> = Part<'params', AskedParams<O>> &
  Part<'query', AskedQuery<O>> &
  Part<'headers', AskedHeaders<O>> &
  (AskedBody<O> extends undefined ? unknown : { readonly body: AskedBody<O> });

/** Left out where all of it may be. */
type Part<K extends string, T> =
  Record<never, never> extends T ? { readonly [Key in K]?: T } : { readonly [Key in K]: T };

/** No question where there is nothing to say. */
export type Questions<O extends Operation> =
  Record<never, never> extends Question<O>
    ? readonly [question?: Question<O>]
    : readonly [question: Question<O>];

/** Asks, and resolves with the answer; rejects with the error that the gateway names, as a PathraceError. */
export type Call = <O extends Operation>(operation: O, ...question: Questions<O>) => Promise<AnswerOf<O>>;

export interface HttpRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly media: string | null;
}

export function toRequest(operation: Operation, question: unknown): HttpRequest {
  const { params = {}, query = {}, headers = {}, body } = (question ?? {}) as Loose;
  const [method, pattern] = operation.split(' ');
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) search.append(name, String(value));
  const isText = typeof body === 'string';
  return {
    method,
    path: search.size === 0 ? path : `${path}?${search}`,
    headers,
    body: body === undefined ? null : isText ? body : JSON.stringify(body),
    media: body === undefined ? null : isText ? 'text/yaml' : 'application/json',
  };
}

interface Loose {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
