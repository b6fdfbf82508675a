/** The control socket: a small HTTP API over a Unix socket that only the gateway's own user may open. */
import { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { MAX_CONFIG_BYTES } from '../config/load.js';
import { parsePrefix } from '../config/values/prefixes.js';
import { isName } from '../config/values/texts.js';
import { formatAddress, parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';
import { statusOf, toProblem } from './answer.js';
import { Connections, MAX_CONNECTIONS } from './connections.js';
import type { ControlBackend, RouteCommand, WhyQuery } from './contract.js';
import { streamMemory } from './memory-stream.js';
import {
  CONFIG_PATH,
  DEFAULT_MEMORY_LIMIT,
  MAX_DECISIONS_ANSWERED,
  MAX_MEMORY_LIMIT,
  MEMORY_PATH,
  PREVIEW_PATH,
  RELOAD_PATH,
  ROUTE_COMMANDS,
  ROUTES_PATH,
  SERVICES_PATH,
  STATUS_PATH,
  WHY_PATH,
} from './paths.js';
import { claimSocket, listenPrivately } from './socket.js';
import { createTurns, type Turns } from './turns.js';

export interface Control {
  /** Ends all exchanges and removes the socket. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5000;

/** For an answer that waits for its turn, or for the kernel. */
const LONG_TIMEOUT_MS = 30_000;

/**
 * Serves `backend` at the socket `path` (mode 0600) until `close()`.
 * Throws E_ALREADY_RUNNING if a gateway answers there, E_CONTROL_SOCKET if the socket cannot be made.
 */
export async function startControl(path: string, backend: ControlBackend): Promise<Control> {
  await claimSocket(path);
  const app = createApp(backend);
  await app.ready();
  await listenPrivately(app.server, path);
  return {
    async close(): Promise<void> {
      const closed = app.close();
      // A request without an answer must not hold up the end of the gateway.
      app.server.closeAllConnections();
      await closed;
    },
  };
}

/** The API without a socket, for requests injected by tests. */
export function createApp(backend: ControlBackend) {
  const app = createServer();
  app.get(STATUS_PATH, NOTHING, () => backend.status());
  app.get(ROUTES_PATH, NOTHING, () => backend.routes());
  app.get(SERVICES_PATH, NOTHING, () => backend.services());
  app.get(CONFIG_PATH, NOTHING, () => backend.config());
  app.get<{ Querystring: WhyQuery }>(WHY_PATH, { schema: { querystring: WHY_SCHEMA } }, async (request) => {
    const { address, client, ...others } = request.query;
    const decisions = await backend.why({
      ...others,
      ...(address === undefined ? {} : { address: canonical(address) }),
      ...(client === undefined ? {} : { client: canonical(client) }),
    });
    return decisions.slice(0, MAX_DECISIONS_ANSWERED);
  });

  // One copy of the whole memory is enough.
  const memoryTurns = createTurns(MAX_CONNECTIONS);
  app.get<{ Querystring: MemoryQuery }>(
    MEMORY_PATH,
    { schema: { querystring: MEMORY_SCHEMA }, onRequest: allowLong },
    async (request, reply) => {
      const { limit, prefix: text } = request.query;
      const prefix = text === undefined ? { value: null } : parsePrefix(text);
      if (!('value' in prefix)) throw new PathraceError('E_ARGUMENT', prefix.problems[0].message);
      await sendMemory(backend, { limit, prefix: prefix.value }, { request, reply }, memoryTurns);
      return reply;
    },
  );

  // Two commands at a time could undo each other halfway.
  const commandTurns = createTurns(MAX_CONNECTIONS);
  const command = { onRequest: allowLong, preValidation: refuseBody };
  app.post<{ Params: RouteParams }>(
    `${ROUTES_PATH}/:name/:command`,
    { ...command, schema: { params: ROUTE_SCHEMA, querystring: NO_QUERY } },
    async (request) => {
      const { name, command } = request.params;
      if (!isName(name)) throw new PathraceError('E_ARGUMENT', 'The path does not name a route.');
      return inTurn(commandTurns, request, () => backend.route(name, command));
    },
  );
  app.post(RELOAD_PATH, { ...command, ...NOTHING }, (request) =>
    inTurn(commandTurns, request, () => backend.reload()),
  );
  app.addContentTypeParser('text/yaml', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.post(
    PREVIEW_PATH,
    { ...NOTHING, onRequest: allowLong, bodyLimit: MAX_CONFIG_BYTES },
    async (request) => {
      if (typeof request.body !== 'string')
        throw new PathraceError('E_ARGUMENT', 'The request needs the text of a configuration (text/yaml).');
      const text = request.body;
      return inTurn(commandTurns, request, () => backend.preview(text));
    },
  );
  return app;
}

/** HTTP with bounds, where every failure has a body of the contract. */
function createServer() {
  const app = Fastify({
    logger: false,
    bodyLimit: 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: 4096 },
    exposeHeadRoutes: false,
    // A parameter with a typing mistake is not left out silently.
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => sendError(error, reply),
  });
  const connections = new Connections(app.server);
  app.addHook('onRequest', async (request) => {
    const { method, raw } = request;
    if (!connections.isQuickOnly(raw.socket)) return;
    if (method === 'GET' && !raw.url?.startsWith(MEMORY_PATH)) return;
    const message = `All ${MAX_CONNECTIONS} connections wait for answers: only what is answered at once is served.`;
    throw new PathraceError('E_INTERNAL', message, { remedy: 'Ask again when fewer wait.' });
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url.slice(0, 100)}.`;
    return reply.code(404).send(toProblem(new PathraceError('E_ARGUMENT', message)));
  });
  app.setErrorHandler((error: FastifyError | PathraceError, _request, reply) => sendError(error, reply));
  return app;
}

/** Throws E_ARGUMENT. */
function canonical(text: string): string {
  const address = parseAddress(text);
  if (address !== null) return formatAddress(address);
  throw new PathraceError('E_ARGUMENT', 'An address of the query is not an IPv4 or IPv6 address.');
}

/** The longest text of an IPv6 address has 45 characters. */
const WHY_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    address: { type: 'string', minLength: 2, maxLength: 45 },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    client: { type: 'string', minLength: 2, maxLength: 45 },
    route: { type: 'string', minLength: 1, maxLength: 32 },
    service: { type: 'string', minLength: 1, maxLength: 32 },
    limit: { type: 'integer', minimum: 1, maximum: MAX_DECISIONS_ANSWERED },
  },
} as const;

interface MemoryQuery {
  readonly limit: number;
  readonly prefix?: string;
}

/** An address, a slash and three digits. */
const MAX_PREFIX_TEXT = 49;

const MEMORY_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: MAX_MEMORY_LIMIT, default: DEFAULT_MEMORY_LIMIT },
    prefix: { type: 'string', minLength: 2, maxLength: MAX_PREFIX_TEXT },
  },
} as const;

interface RouteParams {
  readonly name: string;
  readonly command: RouteCommand;
}

const ROUTE_SCHEMA = {
  type: 'object',
  required: ['name', 'command'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 32 },
    command: { type: 'string', enum: ROUTE_COMMANDS },
  },
} as const;

const NO_QUERY = { type: 'object', additionalProperties: false } as const;
const NOTHING = { schema: { querystring: NO_QUERY } } as const;

async function allowLong(request: FastifyRequest): Promise<void> {
  const { socket } = request.raw;
  if (socket instanceof Socket) socket.setTimeout(LONG_TIMEOUT_MS);
}

async function refuseBody(request: FastifyRequest): Promise<void> {
  if (request.body === undefined || request.body === null) return;
  throw new PathraceError('E_ARGUMENT', 'The request takes no body.');
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

/** The turn lasts until the last byte is sent or the reader has left. */
async function sendMemory(
  backend: ControlBackend,
  question: { readonly limit: number; readonly prefix: string | null },
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  turns: Turns,
): Promise<void> {
  const end = await turns();
  try {
    refuseGone(request);
    const entries = await backend.memory(question.limit, question.prefix);
    const stream = await streamMemory(entries.slice(0, question.limit));
    stream.once('close', end);
    reply.type('application/json; charset=utf-8').send(stream);
  } catch (error) {
    end();
    throw error;
  }
}

function refuseGone(request: FastifyRequest): void {
  if (request.raw.socket.destroyed) throw new PathraceError('E_INTERNAL', 'Nobody waits for the answer.');
}

function sendError(error: FastifyError | PathraceError, reply: FastifyReply): FastifyReply {
  if (error instanceof PathraceError) return reply.code(statusOf(error)).send(toProblem(error));
  const status = error.statusCode ?? 500;
  const code = status >= 400 && status < 500 ? 'E_ARGUMENT' : 'E_INTERNAL';
  return reply.code(status).send(toProblem(new PathraceError(code, error.message)));
}
