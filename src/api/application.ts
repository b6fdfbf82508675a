/**
 * The application behind every door of the API. What there is, and what a request may say, is the document's (docs/openapi.json); what
 * answers is in handlers.ts. Only server.ts loads it in a gateway, with the first question.
 */
import { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { MAX_CONFIG_BYTES } from '../config/bounds.js';
import { PathraceError } from '../model/errors.js';
import { PROBLEM_MEDIA, statusOf, toProblem } from './answer.js';
import { type Caller, doorOf, PRIVATE_CALLER, refuseUnless } from './caller.js';
import { MAX_CONNECTIONS } from './connections.js';
import type { ControlBackend } from './contract.js';
import { type Documented, documented } from './document.js';
import { EventHub } from './events.js';
import { ANSWERED, type Ask, createHandlers } from './handlers.js';
import type { Operation } from './operations.js';
import type { Page } from './page.js';
import { MEMORY_PATH } from './paths.js';

export interface AppOptions {
  /** Default: one that nobody tells anything. */
  readonly hub?: EventHub;
  /** ISO 8601, of `performance.now()`. */
  readonly dateText?: (ms: number) => string;
  /** What is served besides the API, to who comes over TCP; null: nothing yet. */
  readonly page?: () => Page | null;
  /** Whose connections have places; default: nobody's. */
  readonly places?: Places;
}

/** What the application knows of the connections to the control socket. */
export interface Places {
  isQuickOnly(socket: Socket): boolean;
  streams(socket: Socket): void;
}

/** For an answer that waits for its turn, or for the kernel. */
const LONG_TIMEOUT_MS = 30_000;

const NO_PLACES: Places = { isQuickOnly: () => false, streams: () => undefined };

export function createApp(backend: ControlBackend, options: AppOptions = {}) {
  const { page = () => null, places = NO_PLACES, dateText = (ms) => new Date(ms).toISOString() } = options;
  const app = createBounded(page, places);
  const handlers = createHandlers(backend, {
    hub: options.hub ?? new EventHub(),
    streams: (socket) => places.streams(socket),
    dateText,
    hasPage: () => page()?.isThere ?? false,
  });
  for (const endpoint of documented()) {
    const { method, url, role, isLong, takes, operation, schema } = endpoint;
    app.route({
      method,
      url,
      schema,
      ...(takes === 'text/yaml' ? { bodyLimit: MAX_CONFIG_BYTES } : {}),
      onRequest: async (request) => {
        const caller = doorOf(request.raw).admit(request.raw, method !== 'GET');
        refuseUnless(role, caller);
        CALLERS.set(request, caller);
        if (isLong) allowLong(request);
      },
      preValidation: async (request) => refuseBody(request, endpoint),
      handler: async (request, reply) => {
        const ask = askOf(request, reply);
        const answer = await (handlers[operation] as AnyHandler)(ask);
        return answer === ANSWERED ? reply : answer;
      },
    });
  }
  return app;
}

type AnyHandler = (ask: Ask<Operation>) => Promise<unknown>;

const CALLERS = new WeakMap<FastifyRequest, Caller>();

function askOf(request: FastifyRequest, reply: FastifyReply): Ask<Operation> {
  const { params, query, body } = request;
  const caller = CALLERS.get(request) ?? PRIVATE_CALLER;
  return { params, query, body, request, reply, caller, door: doorOf(request.raw) } as Ask<Operation>;
}

/** HTTP with bounds, where every failure has a body of the contract. */
function createBounded(page: () => Page | null, places: Places) {
  const app = Fastify({
    logger: false,
    bodyLimit: 1024,
    exposeHeadRoutes: false,
    // A parameter with a typing mistake is not left out silently.
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => sendError(error, reply),
  });
  app.addHook('onRequest', async ({ method, raw }, reply) => {
    // What is told is of this moment, and for nobody else.
    reply.header('cache-control', 'no-store');
    if (!places.isQuickOnly(raw.socket)) return;
    if (method === 'GET' && !raw.url?.startsWith(MEMORY_PATH)) return;
    const message = `All ${MAX_CONNECTIONS} connections wait for answers: only what is answered at once is served.`;
    throw new PathraceError('E_INTERNAL', message, { remedy: 'Ask again when fewer wait.' });
  });
  app.addContentTypeParser('text/yaml', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler(async (request, reply) => {
    const door = doorOf(request.raw);
    if (!door.isPrivate) door.admit(request.raw, request.method !== 'GET');
    const own = door.isPrivate || request.method !== 'GET' ? null : page();
    if (own !== null && (await own.answer(request, reply))) return reply;
    const message = `There is no ${request.method} ${request.url.slice(0, 100)}.`;
    return sendProblem(new PathraceError('E_ARGUMENT', message), reply, 404);
  });
  app.setErrorHandler((error: FastifyError | PathraceError, _request, reply) => sendError(error, reply));
  return app;
}

function allowLong({ raw: { socket } }: FastifyRequest): void {
  if (socket instanceof Socket) socket.setTimeout(LONG_TIMEOUT_MS);
}

function refuseBody({ body }: FastifyRequest, { takes }: Documented): void {
  if (takes === 'text/yaml' && typeof body !== 'string')
    throw new PathraceError('E_ARGUMENT', 'The request needs the text of a configuration (text/yaml).');
  if (takes === null && body !== undefined && body !== null)
    throw new PathraceError('E_ARGUMENT', 'The request takes no body.');
}

function sendError(error: FastifyError | PathraceError, reply: FastifyReply): FastifyReply {
  if (error instanceof PathraceError) return sendProblem(error, reply);
  const status = error.statusCode ?? 500;
  const code = status >= 400 && status < 500 ? 'E_ARGUMENT' : 'E_INTERNAL';
  return sendProblem(new PathraceError(code, error.message), reply, status);
}

function sendProblem(error: PathraceError, reply: FastifyReply, status = statusOf(error)): FastifyReply {
  if (error.code === 'E_UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer realm="pathrace"');
  if (error.code === 'E_TOO_MANY') reply.header('retry-after', '6');
  return reply.code(status).type(PROBLEM_MEDIA).send(toProblem(error, status));
}
