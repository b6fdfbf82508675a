/** The control socket: a small HTTP API over a Unix socket that only the gateway's own user may open. */
import Fastify, { type FastifyError } from 'fastify';
import { formatAddress, parseAddress } from '../model/address.js';
import { ERRORS, PathraceError } from '../model/errors.js';
import type { ControlBackend } from './contract.js';
import { type ErrorAnswer, MAX_DECISIONS_ANSWERED, STATUS_PATH, WHY_PATH } from './paths.js';
import { claimSocket, listenPrivately } from './socket.js';

export interface Control {
  /** Ends all exchanges and removes the socket. */
  close(): Promise<void>;
}

/** Connections at one time: a few operators and a collector of metrics. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 5000;

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
  const app = Fastify({
    logger: false,
    bodyLimit: 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: 4096 },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  app.get(STATUS_PATH, () => backend.status());
  app.get<{ Querystring: WhyQuery }>(WHY_PATH, { schema: { querystring: WHY_SCHEMA } }, async (request) => {
    const { address: text, port } = request.query;
    const address = parseAddress(text);
    if (address === null) {
      throw new PathraceError('E_ARGUMENT', 'The address of the query is not an IPv4 or IPv6 address.');
    }
    const decisions = await backend.why(formatAddress(address), port ?? null);
    return decisions.slice(0, MAX_DECISIONS_ANSWERED);
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url.slice(0, 100)}.`;
    return reply.code(404).send(toAnswer(new PathraceError('E_ARGUMENT', message)));
  });
  app.setErrorHandler((error: FastifyError | PathraceError, _request, reply) => {
    if (error instanceof PathraceError) {
      return reply.code(error.code === 'E_ARGUMENT' ? 400 : 500).send(toAnswer(error));
    }
    const status = error.statusCode ?? 500;
    const code = status >= 400 && status < 500 ? 'E_ARGUMENT' : 'E_INTERNAL';
    return reply.code(status).send(toAnswer(new PathraceError(code, error.message)));
  });
  return app;
}

interface WhyQuery {
  readonly address: string;
  readonly port?: number;
}

/** The longest text of an IPv6 address has 45 characters. */
const WHY_SCHEMA = {
  type: 'object',
  required: ['address'],
  additionalProperties: false,
  properties: {
    address: { type: 'string', minLength: 2, maxLength: 45 },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
  },
} as const;

function toAnswer(error: PathraceError): ErrorAnswer {
  return { code: error.code, message: error.message, remedy: error.remedy ?? ERRORS[error.code].remedy };
}
