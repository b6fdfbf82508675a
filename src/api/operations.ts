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
export type AskedParams<O extends Operation> = PartBy<O, 'params', 'asked'>;
export type AskedQuery<O extends Operation> = PartBy<O, 'query', 'asked'>;
export type AskedHeaders<O extends Operation> = PartBy<O, 'headers', 'asked'>;
export type AskedBody<O extends Operation> = BodyOf<O, 'asked'>;

/** What a handler gets, defaults filled in. */
export type ToldParams<O extends Operation> = PartBy<O, 'params', 'told'>;
export type ToldQuery<O extends Operation> = PartBy<O, 'query', 'told'>;
export type ToldBody<O extends Operation> = BodyOf<O, 'told'>;

/** As it is sent, or as it arrives. */
type Way = 'asked' | 'told';

type By<S extends z.ZodType, W extends Way> = W extends 'asked' ? Asked<S> : Told<S>;

type PartBy<O extends Operation, K extends string, W extends Way> = [Part<O, K>] extends [never]
  ? Nothing
  : Part<O, K> extends infer S extends z.ZodType
    ? By<S, W>
    : Nothing;

type BodyOf<O extends Operation, W extends Way> = Table[O] extends { readonly body: infer B }
  ? B extends { readonly schema: infer S extends z.ZodType }
    ? By<S, W>
    : string
  : undefined;

type Nothing = Readonly<Record<never, never>>;
