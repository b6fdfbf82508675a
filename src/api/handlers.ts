/** What answers each endpoint of the table. The compiler sees to it that there is one for each, and that it answers what the table says. */
import { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parsePrefix } from '../config/values/prefixes.js';
import { isName } from '../config/values/texts.js';
import { formatAddress, parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';
import { type Caller, type Door, PRIVATE_CALLER } from './caller.js';
import { MAX_CONNECTIONS } from './connections.js';
import type { ControlBackend, EventName, Session } from './contract.js';
import { documentText } from './document.js';
import type { EventHub } from './events.js';
import { streamMemory } from './memory-stream.js';
import type { AnswerOf, Operation, ToldBody, ToldParams, ToldQuery } from './operations.js';
import { MAX_DECISIONS_ANSWERED } from './paths.js';
import { createTurns, type Turns } from './turns.js';

/** A question that has been checked. */
export interface Ask<O extends Operation> {
  readonly params: ToldParams<O>;
  readonly query: ToldQuery<O>;
  readonly body: ToldBody<O>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly caller: Caller;
  readonly door: Door;
}

/** It has been answered already, or is being. */
export const ANSWERED = Symbol('answered');

export type Handlers = {
  readonly [O in Operation]: (ask: Ask<O>) => Promise<AnswerOf<O> | typeof ANSWERED>;
};

/** What the handlers know besides the backend. */
export interface HandlerContext {
  readonly hub: EventHub;
  /** The socket's answer has no end. */
  readonly streams: (socket: Socket) => void;
  /** ISO 8601, of `performance.now()`. */
  readonly dateText: (ms: number) => string;
  readonly hasPage: () => boolean;
}

export function createHandlers(backend: ControlBackend, context: HandlerContext): Handlers {
  // One copy of the whole memory is enough.
  const memoryTurns = createTurns(MAX_CONNECTIONS);
  // Two commands at a time could undo each other halfway.
  const commandTurns = createTurns(MAX_CONNECTIONS);
  const command = <T>({ request }: { request: FastifyRequest }, action: () => Promise<T>): Promise<T> =>
    inTurn(commandTurns, request, action);
  return {
    'GET /v1/status': () => backend.status(),
    'GET /v1/health': async ({ reply, caller }) => {
      const health = await backend.health();
      reply.code(health.verdict === 'down' ? 503 : 200);
      return caller.role === null ? { ...health, alarms: [] } : health;
    },
    'GET /v1/version': async ({ caller }) => ({
      ...(await backend.version()),
      api: 'v1',
      node: process.versions.node,
      role: caller.role ?? 'read',
      page: context.hasPage(),
    }),
    'GET /v1/openapi.json': async ({ reply }) => {
      reply.type('application/vnd.oai.openapi+json').send(await documentText());
      return ANSWERED;
    },
    'GET /v1/routes': () => backend.routes(),
    'GET /v1/routes/{name}': ({ params }) => backend.routeDetail(named(params.name)),
    'POST /v1/routes/{name}/{command}': (ask) => {
      const { name, command: word } = ask.params;
      return command(ask, async () => backend.route(named(name), word));
    },
    'GET /v1/services': () => backend.services(),
    'GET /v1/why': async ({ query: { address, client, ...others } }) => {
      const decisions = await backend.why({ ...others, ...canonicals({ address, client }) });
      return decisions.slice(0, MAX_DECISIONS_ANSWERED);
    },
    'GET /v1/what-if': ({ query }) => {
      const { client, destination } = query;
      const address = parseAddress(destination);
      if (address === null && !HOST.test(destination))
        throw new PathraceError('E_ARGUMENT', 'The destination is neither an address nor a name.');
      const name = address === null ? destination.toLowerCase() : formatAddress(address);
      return backend.whatIf({ ...query, client: canonical(client), destination: name });
    },
    'GET /v1/decisions': ({ query: { destination, client, ...others } }) =>
      backend.decisions({ ...others, ...canonicals({ destination, client }) }),
    'GET /v1/flows': ({ request, query: { destination, client, ...others } }) =>
      inTurn(memoryTurns, request, () =>
        backend.flows({ ...others, ...canonicals({ destination, client }) }),
      ),
    'GET /v1/memory': async ({ query, request, reply }) => {
      const { limit, prefix, ...filter } = query;
      const wanted = { limit, prefix: prefix === undefined ? null : canonicalPrefix(prefix) };
      const filters = Object.keys(filter).length === 0 ? [] : ([filter] as const);
      const end = await memoryTurns();
      try {
        refuseGone(request);
        const entries = await backend.memory(wanted.limit, wanted.prefix, ...filters);
        const stream = await streamMemory(entries.slice(0, limit));
        // The turn lasts until the last byte is sent or the reader has left.
        stream.once('close', end);
        reply.type('application/json; charset=utf-8').send(stream);
        return ANSWERED;
      } catch (error) {
        end();
        throw error;
      }
    },
    'DELETE /v1/memory': (ask) => {
      const { prefix, all } = ask.query;
      refuseBoth(prefix, all, 'prefix');
      return command(ask, () => backend.forget(prefix === undefined ? null : canonicalPrefix(prefix)));
    },
    'GET /v1/memory/pins': () => backend.pins(),
    'POST /v1/memory/pins': (ask) => {
      const { destination, route, seconds } = ask.body;
      return command(ask, () =>
        backend.pin({ destination: canonical(destination), route: named(route), seconds }),
      );
    },
    'DELETE /v1/memory/pins': (ask) => {
      const { destination, all } = ask.query;
      refuseBoth(destination, all, 'destination');
      return command(ask, () => backend.unpin(destination === undefined ? null : canonical(destination)));
    },
    'GET /v1/config': async () => (await backend.config()) as AnswerOf<'GET /v1/config'>,
    'GET /v1/config/file': () => backend.configText(),
    'POST /v1/config/validate': (ask) => command(ask, () => backend.validate(ask.body)),
    'POST /v1/config/diff': (ask) => command(ask, () => backend.preview(ask.body)),
    'POST /v1/preview': (ask) => command(ask, () => backend.preview(ask.body)),
    'PUT /v1/config/apply': (ask) =>
      command(ask, () => backend.apply(ask.body, digestOf(ask.request.headers['if-match']))),
    'POST /v1/reload': (ask) => command(ask, () => backend.reload()),
    'GET /v1/events': async ({ query, request, reply, caller }) => {
      const { socket } = request.raw;
      const only = query.only === undefined ? null : (query.only.split(',') as EventName[]);
      const lastId = request.headers['last-event-id'];
      if (socket instanceof Socket) {
        socket.setTimeout(STREAM_SILENT_MS);
        context.streams(socket);
      }
      const { address } = caller;
      context.hub.open(reply.raw, { address, only, lastId: typeof lastId === 'string' ? lastId : null });
      reply.hijack();
      return ANSWERED;
    },
    'GET /v1/session': async ({ caller }) => sessionOf(caller, context),
    'POST /v1/session': async ({ door, request, reply, body }) =>
      sessionOf(door.logIn(request.raw, reply.raw, body.token), context),
    'DELETE /v1/session': async ({ door, request, reply }) => {
      door.logOut(request.raw, reply.raw);
      return sessionOf(door.isPrivate ? PRIVATE_CALLER : NOBODY, context);
    },
  };
}

/** A stream has a comment every 15 s. */
const STREAM_SILENT_MS = 40_000;

const NOBODY: Caller = { role: null, name: null, address: '', session: null };

/** Labels of letters, digits, `-` and `_`, as name servers have them. */
const HOST = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$/;

function sessionOf({ role, name, session }: Caller, { dateText }: HandlerContext): Session {
  if (session === null) return { role, name, until: null };
  return { role, name, until: dateText(session.untilMs), csrf: session.csrf };
}

/** Does not begin what nobody waits for any more. */
async function inTurn<T>(turns: Turns, request: FastifyRequest, action: () => Promise<T>): Promise<T> {
  const end = await turns();
  try {
    refuseGone(request);
    return await action();
  } finally {
    end();
  }
}

function refuseGone(request: FastifyRequest): void {
  if (request.raw.socket.destroyed) throw new PathraceError('E_INTERNAL', 'Nobody waits for the answer.');
}

function refuseBoth(one: unknown, all: unknown, name: string): void {
  if ((one === undefined) === (all === undefined))
    throw new PathraceError('E_ARGUMENT', `Either \`${name}\` or \`all=true\` says what is meant.`);
}

/** Throws E_ARGUMENT. */
function named(name: string): string {
  if (isName(name)) return name;
  throw new PathraceError('E_ARGUMENT', 'The path does not name a route.');
}

/** Throws E_ARGUMENT. */
function canonical(text: string): string {
  const address = parseAddress(text);
  if (address !== null) return formatAddress(address);
  throw new PathraceError('E_ARGUMENT', 'An address of the query is not an IPv4 or IPv6 address.');
}

/** Those that are there. */
function canonicals<K extends string>(
  texts: Readonly<Record<K, string | undefined>>,
): { [Key in K]?: string } {
  const there = Object.entries<string | undefined>(texts).filter(([, text]) => text !== undefined);
  return Object.fromEntries(there.map(([key, text]) => [key, canonical(text as string)])) as {
    [Key in K]?: string;
  };
}

/** Throws E_ARGUMENT. */
function canonicalPrefix(text: string): string {
  const prefix = parsePrefix(text);
  if ('value' in prefix) return prefix.value;
  throw new PathraceError('E_ARGUMENT', prefix.problems[0].message);
}

/** Of `If-Match`; null: there is none, or any will do. Throws E_ARGUMENT. */
function digestOf(header: string | undefined): string | null {
  if (header === undefined || header.trim() === '*') return null;
  const found = /^"([0-9a-f]{64})"$/.exec(header.trim());
  if (found !== null) return found[1];
  throw new PathraceError('E_ARGUMENT', '`If-Match` is not the `digest` of the file in quotes.');
}
