/** Making a Unix socket that is ours alone: never over a live one, never readable by others. */
import { lstatSync, mkdirSync, type Stats, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { PathraceError } from '../model/errors.js';

/** Answers of the local kernel come at once; this only ends a wait that should not be. */
const PROBE_TIMEOUT_MS = 1000;

/**
 * Makes the directory (mode 0755) and removes the socket of a gateway that ended without doing so.
 * Throws E_ALREADY_RUNNING if a process listens there, E_CONTROL_SOCKET if the path cannot be used.
 */
export async function claimSocket(path: string): Promise<void> {
  attempt(path, () => mkdirSync(dirname(path), { recursive: true, mode: 0o755 }));
  const existing = attempt(path, () => lstatSync(path, { throwIfNoEntry: false })) as Stats | undefined;
  if (existing === undefined) return;
  if (!existing.isSocket()) {
    throw new PathraceError('E_CONTROL_SOCKET', `${path} exists and is not a socket; it is left as it is.`);
  }
  if (await isLive(path)) {
    throw new PathraceError('E_ALREADY_RUNNING', `Another gateway listens at ${path}.`);
  }
  attempt(path, () => unlinkSync(path));
}

/** Listens with mode 0600 from the first moment on. Only for the main thread: the umask is the process's. */
export function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(unusable(path, error));
    server.once('error', onError);
    const before = process.umask(0o177);
    try {
      // For a path the bind happens inside this call.
      server.listen({ path }, () => {
        server.off('error', onError);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** Whether a process listens. Any doubt counts as yes: a socket is only removed when the kernel says it is dead. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const finish = (live: boolean) => {
      socket.destroy();
      resolve(live);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => finish(true));
    socket.once('connect', () => finish(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      finish(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined as T;
    throw unusable(path, error as NodeJS.ErrnoException);
  }
}

function unusable(path: string, error: NodeJS.ErrnoException): PathraceError {
  if (error.code === 'EADDRINUSE') {
    return new PathraceError('E_ALREADY_RUNNING', `Another gateway has just begun to listen at ${path}.`);
  }
  return new PathraceError('E_CONTROL_SOCKET', `The control socket ${path} cannot be made: ${error.code}.`);
}
