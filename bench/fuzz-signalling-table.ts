/** What is fuzzed of the decoders of signalling: vectors to begin with, and what must hold of whatever a decoder says. */

import { createHttpRequest, decodeHttpRequest, HTTP } from '../src/wire/http-request.js';
import { createClientHello, decodeClientHello, HELLO } from '../src/wire/tls-hello.js';
import type { ViewedBytes } from '../src/wire/viewed-bytes.js';
import { HELLOS, REQUESTS } from './fuzz-signalling-hello.js';

/** What a decoder has said, with offsets that count from where the bytes begin; `kind` is counted. */
export interface Said {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface ProtocolFuzz {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** Throws when a promise is broken. */
  readonly run: (space: ViewedBytes, start: number, end: number) => Said;
}

function check(condition: boolean, why: string): void {
  if (!condition) throw new RangeError(why);
}

const hello = createClientHello();
const request = createHttpRequest();

export const SIGNALLING: readonly ProtocolFuzz[] = [
  {
    name: 'tls-hello',
    corpus: HELLOS,
    run(space, start, end) {
      const result = decodeClientHello(hello, space, start, end);
      if (result !== HELLO.CLIENT_HELLO) return { kind: result === HELLO.NOT ? 'not' : 'incomplete' };
      check(hello.after > start && hello.after <= end, 'after outside');
      check(hello.isFollowed === hello.after < end, 'followed by nothing');
      return { kind: 'hello', ...hello, after: hello.after - start };
    },
  },
  {
    name: 'http-request',
    corpus: REQUESTS,
    run(space, start, end) {
      const result = decodeHttpRequest(request, space, start, end);
      check((result === HTTP.UNSAFE) === (request.reason !== ''), 'unsafe without a reason');
      if (result !== HTTP.SAFE)
        return { kind: ['incomplete', 'safe', 'unsafe', 'not'][result], reason: request.reason };
      check(request.after === end, 'safe, and something behind it');
      return { kind: 'safe' };
    },
  },
];
