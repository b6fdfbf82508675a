/** One gateway in a network namespace: taken before anything is touched, given back by the kernel when the process ends. */
import { createServer } from 'node:net';
import { PathraceError } from '../model/errors.js';

/** Abstract sockets belong to a network namespace (unix(7)), just as everything that a gateway changes. */
const NAME = '\0pathrace-gateway';

/** Takes the lock, or says E_ALREADY_RUNNING. */
export function lockNamespace(): Promise<{ close(): void }> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new PathraceError('E_ALREADY_RUNNING', 'A gateway already serves this network namespace.')
          : new PathraceError('E_INTERNAL', `The lock of the namespace cannot be taken: ${error.message}.`),
      );
    });
    server.listen(NAME, () => resolve({ close: () => void server.close() }));
  });
}
