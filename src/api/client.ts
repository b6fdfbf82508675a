/** Asks the gateway over its control socket. */
import { request } from 'node:http';
import { PathraceError } from '../model/errors.js';
import { fromAnswer } from './answer.js';
import { type Call, toRequest } from './client/request.js';
import type { MemoryEntry } from './contract.js';
import type { Operation } from './operations.js';
import { MAX_ANSWER_BYTES, MAX_MEMORY_BYTES, memoryPath, PREVIEW_PATH } from './paths.js';

/**
 * The daemon answers from memory in milliseconds, to the first question when it has loaded what answers: seconds on a small machine. A
 * hung one must not hang its operator.
 */
const TIMEOUT_MS = 15_000;

/** A command may have to change tables of the kernel, and waits for the commands before it. */
const COMMAND_TIMEOUT_MS = 30_000;

/** The whole memory takes seconds on a small machine, beside all its other work. */
const MEMORY_TIMEOUT_MS = 30_000;

/**
 * The JSON answer to a GET of `route` at the socket `path`. Throws E_CONTROL_UNREACHABLE if nobody listens, E_CONTROL_BUSY if
 * somebody does and does not answer in time, else the error that the daemon names.
 */
export function callControl(path: string, route: string, timeoutMs: number = TIMEOUT_MS): Promise<unknown> {
  return exchange(path, route, { method: 'GET', timeoutMs, maxBytes: MAX_ANSWER_BYTES });
}

/** The JSON answer to a POST: something is to be done. Throws as `callControl`. */
export function commandControl(
  path: string,
  route: string,
  timeoutMs: number = COMMAND_TIMEOUT_MS,
): Promise<unknown> {
  return exchange(path, route, { method: 'POST', timeoutMs, maxBytes: MAX_ANSWER_BYTES });
}

/** Asks the control socket `path` in the types of the table. Rejects as `callControl`. */
export function socketClient(path: string): Call {
  const call = (operation: Operation, question?: unknown): Promise<unknown> => {
    const { method, path: route, headers, body, media } = toRequest(operation, question);
    const more = body === null ? { headers } : { headers, text: body, media: media ?? 'text/yaml' };
    return exchange(path, route, { method: method as ExchangeOptions['method'], ...OF_COMMAND, ...more });
  };
  return call as Call;
}

/** What a reload would do with the text of a file. Throws as `callControl`. */
export function askPreview(path: string, text: string): Promise<unknown> {
  const options = {
    method: 'POST',
    timeoutMs: COMMAND_TIMEOUT_MS,
    maxBytes: MAX_ANSWER_BYTES,
    text,
  } as const;
  return exchange(path, PREVIEW_PATH, options);
}

/** What is remembered. Throws as `callControl`. */
export async function askMemory(
  path: string,
  limit: number,
  prefix: string | null,
): Promise<readonly MemoryEntry[]> {
  const options = { method: 'GET', timeoutMs: MEMORY_TIMEOUT_MS, maxBytes: MAX_MEMORY_BYTES } as const;
  return (await exchange(path, memoryPath(limit, prefix), options)) as readonly MemoryEntry[];
}

const OF_COMMAND = { timeoutMs: COMMAND_TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES } as const;

interface ExchangeOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of the request, and what it is. */
  readonly text?: string;
  readonly media?: string;
}

function exchange(path: string, route: string, options: ExchangeOptions): Promise<unknown> {
  const { method, timeoutMs, maxBytes, text, media = 'text/yaml' } = options;
  const headers = { ...options.headers, ...(text === undefined ? {} : { 'content-type': media }) };
  return new Promise((resolve, reject) => {
    let connected = false;
    const end = (error: PathraceError) => {
      clearTimeout(timer);
      sent.destroy();
      reject(error);
    };
    const fail = (why: string, remedy?: string) => end(unreachable(path, why, remedy));
    const busy = (why: string) =>
      end(new PathraceError('E_CONTROL_BUSY', `The gateway at ${path} is there, but ${why}.`));
    const sent = request({ socketPath: path, path: route, method, headers, agent: false }, (answer) => {
      const chunks: Uint8Array[] = []; // BOUNDED: maxBytes.
      let length = 0;
      answer.on('data', (chunk: Uint8Array) => {
        length += chunk.length;
        if (length > maxBytes) fail(`the answer is longer than ${maxBytes} bytes`);
        else chunks.push(chunk);
      });
      answer.on('error', () => fail('the answer broke off'));
      answer.on('end', () => {
        clearTimeout(timer);
        try {
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          if (answer.statusCode === 200) resolve(body);
          else reject(fromAnswer(body));
        } catch {
          fail('the answer is not JSON');
        }
      });
    });
    // One clock for the whole exchange: a socket's idle time starts anew with every byte.
    const timer = setTimeout(() => {
      // The kernel makes the connection as soon as somebody listens, however busy that is.
      if (connected) busy(`has not answered within ${timeoutMs} ms`);
      else fail(`no answer within ${timeoutMs} ms`);
    }, timeoutMs);
    sent.on('socket', (socket) => {
      socket.once('connect', () => {
        connected = true;
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const why = BUSY[error.code ?? ''];
      if (why !== undefined) busy(why);
      else fail(...whyNot(error));
    });
    sent.end(text);
  });
}

/** Somebody listens, and takes no more. */
const BUSY: Readonly<Record<string, string>> = {
  EAGAIN: 'too many wait for it already',
  ECONNRESET: 'has closed the connection: it is just ending, or has too many of them',
  EPIPE: 'has closed the connection: it is just ending, or has too many of them',
};

function unreachable(path: string, why: string, remedy?: string): PathraceError {
  const message = `No gateway answers at ${path}: ${why}.`;
  return new PathraceError('E_CONTROL_UNREACHABLE', message, remedy === undefined ? {} : { remedy });
}

function whyNot(error: NodeJS.ErrnoException): [string, string?] {
  if (error.code === 'ENOENT') return ['there is no such socket'];
  if (error.code === 'ECONNREFUSED') return ['the gateway that made the socket has ended'];
  if (error.code === 'EACCES')
    return ['permission denied', 'Ask as root, or as the user who runs the gateway.'];
  return [error.code ?? error.message];
}
