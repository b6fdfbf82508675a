/**
 * The typed client of the API for pages, and for whatever else has `fetch`: no import of Node's. A page asks the daemon that served it; its
 * session is a cookie that it cannot read, and what changes something carries the word that came with the session.
 */
import { PathraceError } from '../../model/errors.js';
import { fromAnswer } from '../answer.js';
import type { EventName, Events } from '../contract.js';
import type { Operation } from '../operations.js';
import { EventParser, type ServerEvent } from './event-parser.js';
import { type Call, toRequest } from './request.js';

export interface ClientOptions {
  /** Origin of the gateway; '' (the default): that of the page. */
  readonly base?: string;
  /** Sent with every request; null (the default): none, the session or nobody in particular asks. */
  readonly token?: string | null;
}

/** What a page does with the events. */
export interface EventListeners {
  event<N extends EventName>(name: N, data: Events[N]): void;
  /** The stream runs (again), or is lost; it is taken up again by itself, behind the last event. */
  state?(isOpen: boolean, error: PathraceError | null): void;
}

export interface ApiClient {
  readonly call: Call;
  /** Of the session; what POST /v1/session and GET /v1/session answer sets it by itself. */
  csrf: string | null;
  /** Follows the events until the returned function is called. */
  follow(listeners: EventListeners, only?: readonly EventName[]): () => void;
}

export const CSRF_HEADER = 'x-pathrace-csrf';

/** Waiting before a lost stream is taken up again. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** Comments come three times as often. */
const SILENCE_MS = 45_000;

export function createClient({ base = '', token = null }: ClientOptions = {}): ApiClient {
  const headersOf = (media: string | null): Record<string, string> => ({
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(client.csrf === null ? {} : { [CSRF_HEADER]: client.csrf }),
    ...(media === null ? {} : { 'content-type': media }),
  });
  const call = async (operation: Operation, question?: unknown): Promise<unknown> => {
    const { method, path, headers, body, media } = toRequest(operation, question);
    const answer = await reach(base + path, { method, headers: { ...headers, ...headersOf(media) }, body });
    const told: unknown = await answer.json().catch(() => null);
    if (!answer.ok && !(operation === 'GET /v1/health' && answer.status === 503)) throw fromAnswer(told);
    if (operation.endsWith(' /v1/session')) client.csrf = csrfOf(told);
    return told;
  };
  const client: ApiClient = {
    call: call as Call,
    csrf: null,
    follow: (listeners, only) => {
      const query = only === undefined ? '' : `?only=${only.join(',')}`;
      return follow(`${base}/v1/events${query}`, () => headersOf(null), listeners);
    },
  };
  return client;
}

function csrfOf(session: unknown): string | null {
  const csrf = (session as { csrf?: unknown } | null)?.csrf;
  return typeof csrf === 'string' ? csrf : null;
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'same-origin', redirect: 'error' });
  } catch (error) {
    throw new PathraceError('E_CONTROL_UNREACHABLE', `The gateway does not answer: ${String(error)}.`, {
      cause: error,
    });
  }
}

function follow(url: string, headers: () => Record<string, string>, listeners: EventListeners): () => void {
  let isOver = false;
  let lastId = '';
  let retryMs = FIRST_RETRY_MS;
  let ending = new AbortController();
  const tell = ({ name, data, id }: ServerEvent): void => {
    lastId = id;
    retryMs = FIRST_RETRY_MS;
    listeners.event(name as EventName, JSON.parse(data) as never);
  };
  const run = async (): Promise<void> => {
    while (!isOver) {
      ending = new AbortController();
      let error: PathraceError | null = null;
      try {
        const resume: Record<string, string> = lastId === '' ? {} : { 'last-event-id': lastId };
        const answer = await reach(url, { headers: { ...headers(), ...resume }, signal: ending.signal });
        if (!answer.ok) throw fromAnswer(await answer.json().catch(() => null));
        listeners.state?.(true, null);
        await readEvents(answer, ending, tell);
      } catch (caught) {
        error = caught instanceof PathraceError ? caught : null;
      }
      if (isOver) return;
      listeners.state?.(false, error);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  };
  run().catch(() => undefined);
  return () => {
    isOver = true;
    ending.abort();
  };
}

/** Until the stream ends, or has said nothing for too long: a dead connection tells nobody. */
async function readEvents(
  answer: Response,
  ending: AbortController,
  tell: (event: ServerEvent) => void,
): Promise<void> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return;
  const parser = new EventParser();
  const decoder = new TextDecoder();
  for (;;) {
    const timer = setTimeout(() => ending.abort(), SILENCE_MS);
    try {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) tell(event);
    } finally {
      clearTimeout(timer);
    }
  }
}
