/** The types of the table's endpoints by method and path: what can be asked, with what, and what is answered. */
import type { z } from 'zod';
import type { ENDPOINTS } from './endpoints/index.js';
import type { Asked, Told } from './told.js';

type Table = typeof ENDPOINTS;

/** Method and path, such as `GET /v1/routes/{name}`. */
export type Operation = keyof Table;

/** The operations of a method. */
export type OperationBy<M extends string> = Extract<Operation, `${M} ${string}`>;

/** What an operation answers. */
export type AnswerOf<O extends Operation> = Told<Table[O]['answer']>;

type Part<O extends Operation, K extends string> = Table[O] extends { readonly [Key in K]: infer S }
  ? S
  : never;

/** What a caller sends; `{}` where there is nothing to send. */
export type AskedParams<O extends Operation> =
  Part<O, 'params'> extends infer S
    ? [S] extends [never]
      ? Nothing
      : S extends z.ZodType
        ? Asked<S>
        : Nothing
    : Nothing;
export type AskedQuery<O extends Operation> =
  Part<O, 'query'> extends infer S
    ? [S] extends [never]
      ? Nothing
      : S extends z.ZodType
        ? Asked<S>
        : Nothing
    : Nothing;
export type AskedBody<O extends Operation> = BodyOf<O, 'asked'>;

/** What a handler gets, defaults filled in. */
export type ToldParams<O extends Operation> =
  Part<O, 'params'> extends infer S
    ? [S] extends [never]
      ? Nothing
      : S extends z.ZodType
        ? Told<S>
        : Nothing
    : Nothing;
export type ToldQuery<O extends Operation> =
  Part<O, 'query'> extends infer S
    ? [S] extends [never]
      ? Nothing
      : S extends z.ZodType
        ? Told<S>
        : Nothing
    : Nothing;
export type ToldBody<O extends Operation> = BodyOf<O, 'told'>;

type BodyOf<O extends Operation, Way extends 'asked' | 'told'> = Table[O] extends { readonly body: infer B }
  ? B extends { readonly schema: infer S extends z.ZodType }
    ? Way extends 'asked'
      ? Asked<S>
      : Told<S>
    : string
  : undefined;

type Nothing = Readonly<Record<never, never>>;
