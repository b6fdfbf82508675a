/** What the table says of one endpoint. */
import type { z } from 'zod';

/**
 * Who may call: `anyone`; whoever may `read` (a token of either role, or nobody in particular where `api.anonymous` is `read`);
 * whoever may `operate`. The Unix socket may do everything.
 */
export type Role = 'anyone' | 'read' | 'operate';

export type Media =
  | 'application/json'
  | 'text/event-stream'
  | 'application/vnd.oai.openapi+json'
  | 'text/plain';

export interface Endpoint {
  /** Name of the operation in the document. */
  readonly id: string;
  readonly tag: string;
  /** One line. */
  readonly summary: string;
  /** What else is worth knowing. */
  readonly description?: string;
  readonly role: Role;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Headers that mean something here; all of them may be left out. */
  readonly headers?: z.ZodObject;
  /** Text of a configuration file, or JSON. */
  readonly body?: BodyForm;
  readonly answer: z.ZodType;
  /** `application/json` unless it says otherwise. */
  readonly media?: Media;
  /** Further statuses with the same answer. */
  readonly also?: Readonly<Record<number, string>>;
  /** Statuses of problems beside those that every endpoint has. */
  readonly problems?: readonly number[];
  /** It may have to wait for others, or for the kernel: up to half a minute. */
  readonly isLong?: boolean;
}

export type BodyForm =
  | { readonly media: 'text/yaml' }
  | { readonly media: 'application/json'; readonly schema: z.ZodType };

/** Keeps the exact types of what is said. */
export function endpoints<const T extends Readonly<Record<`${Method} /${string}`, Endpoint>>>(table: T): T {
  return table;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
