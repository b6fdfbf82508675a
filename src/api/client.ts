/** Asks the gateway over its control socket. */
import { request } from 'node:http';
import { ERRORS, type ErrorCode, PathraceError } from '../model/errors.js';
import { type ErrorAnswer, MAX_ANSWER_BYTES } from './paths.js';

/** The daemon answers from memory in milliseconds; a hung one must not hang its operator. */
const TIMEOUT_MS = 3000;

/**
 * The JSON answer to a GET of `route` at the socket `path`. Throws E_CONTROL_UNREACHABLE if nobody answers in time,
 * else the error that the daemon names.
 */
export function callControl(path: string, route: string, timeoutMs: number = TIMEOUT_MS): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, remedy?: string) => {
      clearTimeout(timer);
      sent.destroy();
      const message = `No gateway answers at ${path}: ${why}.`;
      reject(new PathraceError('E_CONTROL_UNREACHABLE', message, remedy === undefined ? {} : { remedy }));
    };
    const sent = request({ socketPath: path, path: route, agent: false }, (answer) => {
      const chunks: Uint8Array[] = []; // BOUNDED: MAX_ANSWER_BYTES.
      let length = 0;
      answer.on('data', (chunk: Uint8Array) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) fail(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
        else chunks.push(chunk);
      });
      answer.on('error', () => fail('the answer broke off'));
      answer.on('end', () => {
        clearTimeout(timer);
        try {
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          if (answer.statusCode === 200) resolve(body);
          else reject(fromAnswer(body as Partial<ErrorAnswer> | null));
        } catch {
          fail('the answer is not JSON');
        }
      });
    });
    // One clock for the whole exchange: a socket's idle time starts anew with every byte.
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    sent.on('error', (error: NodeJS.ErrnoException) => fail(...whyNot(error)));
    sent.end();
  });
}

function fromAnswer(body: Partial<ErrorAnswer> | null): PathraceError {
  const known = typeof body?.code === 'string' && Object.hasOwn(ERRORS, body.code);
  const code = known ? (body.code as ErrorCode) : 'E_INTERNAL';
  return new PathraceError(code, String(body?.message ?? 'The gateway answered with an unknown error.'));
}

function whyNot(error: NodeJS.ErrnoException): [string, string?] {
  if (error.code === 'ENOENT') return ['there is no such socket'];
  if (error.code === 'ECONNREFUSED') return ['the gateway that made the socket has ended'];
  if (error.code === 'EACCES')
    return ['permission denied', 'Ask as root, or as the user who runs the gateway.'];
  return [error.code ?? error.message];
}
