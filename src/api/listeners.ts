/**
 * The servers of `api.listen`: one per address, all in front of the same application. Places are few and time is short, so that whoever
 * opens connections and says nothing, or says it slowly, keeps nobody else from being heard.
 */
import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { formatListen } from '../config/values/listen.js';
import type { ApiConfig, ListenAddress } from '../model/config.js';
import { type Door, enterBy } from './caller.js';
import { protect } from './headers.js';

/** Connections in all, and of one address. */
export const MAX_TCP_CONNECTIONS = 256;
export const MAX_TCP_OF_ONE = 64;

/** To the end of the head, and of the body, of a request; and between two. */
const HEAD_MS = 5000;
const REQUEST_MS = 15_000;
const KEEP_MS = 15_000;
/** How often the former are looked at. */
const LOOK_MS = 1000;
/** A socket on which nothing moves; streams have a comment twice as often. */
const SILENT_MS = 40_000;
const HANDSHAKE_MS = 5000;
const MAX_HEAD_BYTES = 8192;

/** What was refused, since start. */
export interface TcpCounts {
  connections: number;
  tlsErrors: number;
  malformed: number;
}

type Routing = (request: IncomingMessage, response: ServerResponse) => void;

interface Listener {
  readonly server: Server | TlsServer;
  readonly isTls: boolean;
}

export class Listeners {
  readonly refused: TcpCounts = { connections: 0, tlsErrors: 0, malformed: 0 };
  // BOUNDED: as many as the configuration names.
  private readonly open = new Map<string, Listener>();
  // BOUNDED: as many, each with why it is not open.
  private readonly failures = new Map<string, string>();
  // BOUNDED: MAX_TCP_CONNECTIONS.
  private readonly sockets = new Map<Socket, Place>();
  private stamp = '';
  private working: Promise<void> | null = null;

  constructor(
    private readonly routing: Routing,
    private readonly door: Door,
  ) {}

  /** Listens where the configuration says so and nowhere else. What fails is tried again with the next call. */
  follow(config: Pick<ApiConfig, 'listen' | 'tls'>): Promise<void> {
    this.working ??= this.work(config).finally(() => {
      this.working = null;
    });
    return this.working;
  }

  /** Where it should listen and does not, and why. */
  alarms(): string[] {
    return [...this.failures].map(([where, why]) => `the API does not listen at ${where}: ${why}`);
  }

  get size(): number {
    return this.sockets.size;
  }

  async close(): Promise<void> {
    await this.working?.catch(() => undefined);
    for (const where of [...this.open.keys()]) await this.stop(where);
  }

  private async work({ listen, tls }: Pick<ApiConfig, 'listen' | 'tls'>): Promise<void> {
    const wanted = new Map(listen.map((address) => [formatListen(address), address]));
    for (const where of [...this.failures.keys()]) if (!wanted.has(where)) this.failures.delete(where);
    for (const [where, { isTls }] of [...this.open])
      if (!wanted.has(where) || isTls !== (tls !== null)) await this.stop(where);
    if (wanted.size === 0) return;
    const isNeeded = [...wanted.keys()].some((where) => !this.open.has(where));
    const context = tls === null ? null : await this.contextOf(tls, isNeeded);
    for (const [where, address] of wanted) {
      if (context !== null && 'failure' in context) this.failures.set(where, context.failure);
      else if (!this.open.has(where)) await this.start(where, address, context);
      else if (context?.isNew === true) this.renew(where, context);
    }
  }

  /** The certificate, read again when a file has changed. */
  private async contextOf(
    { cert, key }: NonNullable<ApiConfig['tls']>,
    isNeeded: boolean,
  ): Promise<Context | { failure: string }> {
    try {
      const files = await Promise.all([cert, key].map((path) => stat(path)));
      const stamp = files.map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`).join() + cert + key;
      const isNew = stamp !== this.stamp;
      if (!isNeeded && !isNew) return { isNew: false };
      const [certText, keyText] = await Promise.all([readFile(cert), readFile(key)]);
      this.stamp = stamp;
      return { isNew, cert: certText, key: keyText };
    } catch (error) {
      return {
        failure: `the certificate or its key cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      };
    }
  }

  private async start(
    where: string,
    { address, port }: ListenAddress,
    context: Context | null,
  ): Promise<void> {
    try {
      const server = this.create(context);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // IPv4 has addresses of its own.
        server.listen({ host: address, port, ipv6Only: true }, () => {
          server.off('error', reject);
          server.on('error', () => undefined);
          resolve();
        });
      });
      this.open.set(where, { server, isTls: context !== null });
      this.failures.delete(where);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.failures.set(where, code ?? message);
    }
  }

  private renew(where: string, context: Context): void {
    const server = this.open.get(where)?.server;
    if (server !== undefined && 'setSecureContext' in server) server.setSecureContext(context);
  }

  private create(context: Context | null): Server | TlsServer {
    const options = { maxHeaderSize: MAX_HEAD_BYTES, connectionsCheckingInterval: LOOK_MS, keepAlive: true };
    const server =
      context === null
        ? createServer(options)
        : createTlsServer({ ...options, ...context, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS });
    server.headersTimeout = HEAD_MS;
    server.requestTimeout = REQUEST_MS;
    server.keepAliveTimeout = KEEP_MS;
    server.timeout = SILENT_MS;
    server.maxHeadersCount = 64;
    server.on('connection', (socket: Socket) => this.take(socket, server));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      protect(response);
      enterBy(request, this.door);
      this.routing(request, response);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.refuse(error, socket));
    // Each would be a line of the log that anybody can write.
    server.on('tlsClientError', () => {
      this.refused.tlsErrors++;
    });
    return server;
  }

  private take(socket: Socket, server: Server | TlsServer): void {
    const address = socket.remoteAddress ?? '';
    let own = 0;
    for (const other of this.sockets.values()) if (other.address === address) own++;
    if (this.sockets.size >= MAX_TCP_CONNECTIONS || own >= MAX_TCP_OF_ONE) {
      this.refused.connections++;
      socket.destroy();
      return;
    }
    this.sockets.set(socket, { address, server });
    socket.once('close', () => this.sockets.delete(socket));
  }

  private refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    this.refused.malformed++;
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(`HTTP/1.1 ${REFUSALS[error.code ?? ''] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`);
    // Who does not take even that.
    socket.setTimeout(LOOK_MS, () => socket.destroy());
  }

  private async stop(where: string): Promise<void> {
    const listener = this.open.get(where);
    this.open.delete(where);
    if (listener === undefined) return;
    const closed = new Promise<void>((resolve) => listener.server.close(() => resolve()));
    // Those that are still shaking hands, too.
    for (const [socket, { server }] of this.sockets) if (server === listener.server) socket.destroy();
    await closed;
  }
}

interface Place {
  readonly address: string;
  readonly server: Server | TlsServer;
}

interface Context {
  readonly isNew: boolean;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};
