/**
 * The control socket, which only the gateway's own user may open. It listens from the first moment on; what answers (application.ts) is
 * loaded with the first question, as most gateways are seldom asked and the loaded framework keeps some ten megabytes
 * (docs/decisions/0040).
 */
import { createServer } from 'node:http';
import { PathraceError } from '../model/errors.js';
import { installedVersion, version } from '../observe/version.js';
import type { AppOptions } from './application.js';
import { Connections } from './connections.js';
import type { ControlBackend } from './contract.js';
import { EventHub } from './events.js';
import { claimSocket, listenPrivately } from './socket.js';
import { type Routing, whenAsked } from './when-asked.js';

export interface Control {
  /** Where further servers bring their requests. */
  readonly routing: Routing;
  /** Ends all exchanges and removes the socket. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5000;
const MAX_HEAD_BYTES = 4096;

/**
 * Serves `backend` at the socket `path` (mode 0600) until `close()`.
 * Throws E_ALREADY_RUNNING if a gateway answers there, E_CONTROL_SOCKET if the socket cannot be made.
 */
export async function startControl(
  path: string,
  backend: ControlBackend,
  options: Omit<AppOptions, 'places'> = {},
): Promise<Control> {
  await claimSocket(path);
  const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = REQUEST_TIMEOUT_MS;
  server.timeout = REQUEST_TIMEOUT_MS;
  const places = new Connections(server);
  const hub = options.hub ?? new EventHub();
  const { routing, close } = whenAsked(() => load(backend, { ...options, hub, places }));
  server.on('request', routing);
  await listenPrivately(server, path);
  return {
    routing,
    async close(): Promise<void> {
      hub.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A request without an answer must not hold up the end of the gateway.
      server.closeAllConnections();
      await Promise.all([closed, close()]);
    },
  };
}

/** Throws E_INTERNAL where the files are another version's by now: code of two versions in one process is nobody's. */
async function load(backend: ControlBackend, options: AppOptions) {
  const [runs, installed] = [version(), installedVersion()];
  if (installed !== runs) {
    const message = `Version ${runs} runs, and ${installed} was installed over it before anybody asked it anything.`;
    throw new PathraceError('E_INTERNAL', message, {
      remedy: 'Restart it (systemctl restart pathrace): connections live on.',
    });
  }
  const { createApp } = await import('./application.js');
  const app = createApp(backend, options);
  await app.ready();
  return app;
}
