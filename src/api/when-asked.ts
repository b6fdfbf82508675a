/** What answers requests, loaded with the first one. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PathraceError } from '../model/errors.js';
import { PROBLEM_MEDIA, statusOf, toProblem } from './answer.js';

export type Routing = (request: IncomingMessage, response: ServerResponse) => void;

export interface Answering {
  readonly routing: Routing;
  close(): Promise<unknown>;
}

/** To load takes tenths of a second, and many seconds on a machine that stands still. */
const LOADING_MS = 60_000;

/**
 * Calls `load` with the first request, and lets those wait that come meanwhile. Where it fails they are told (500, E_INTERNAL), and the next
 * request tries again. `close` closes what was loaded.
 */
export function whenAsked(load: () => Promise<Answering>) {
  let loading: Promise<Answering> | null = null;
  let answers: Routing | null = null;
  return {
    routing(request: IncomingMessage, response: ServerResponse): void {
      if (answers !== null) {
        answers(request, response);
        return;
      }
      const { socket } = request;
      const { timeout = 0 } = socket;
      socket.setTimeout(LOADING_MS);
      loading ??= load();
      loading.then(
        ({ routing }) => {
          answers = routing;
          socket.setTimeout(timeout);
          // Who has left meanwhile has nothing to be told.
          if (!response.destroyed) routing(request, response);
        },
        (error: unknown) => {
          loading = null;
          refuse(response, error);
        },
      );
    },
    async close(): Promise<void> {
      const loaded = await loading?.catch(() => null);
      await loaded?.close();
    },
  };
}

function refuse(response: ServerResponse, error: unknown): void {
  const message = `The API could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
  const remedy = error instanceof PathraceError ? error.remedy : 'Ask again.';
  const problem = new PathraceError('E_INTERNAL', message, { remedy });
  const status = statusOf(problem);
  response.writeHead(status, { 'content-type': PROBLEM_MEDIA, connection: 'close' });
  response.end(JSON.stringify(toProblem(problem, status)));
}
