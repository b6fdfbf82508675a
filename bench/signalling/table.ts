/** What is fuzzed of the decoders of signalling: vectors to begin with, and what must hold of whatever a decoder says. */

import { decodeFtp, frameFtp, MAX_FTP_LINE } from '../../src/wire/ftp.js';
import { decodeH225 } from '../../src/wire/h225.js';
import { decodeRas } from '../../src/wire/h225-ras.js';
import { decodeFastStart, decodeH245, type H245Message } from '../../src/wire/h245.js';
import { createHttpRequest, decodeHttpRequest, HTTP } from '../../src/wire/http-request.js';
import type { Span } from '../../src/wire/named-end.js';
import { MAX_FOUND } from '../../src/wire/per.js';
import { createRtspMessage, decodeRtsp, frameRtsp, MAX_RTSP_FRAME } from '../../src/wire/rtsp.js';
import { MAX_TRANSPORTS } from '../../src/wire/rtsp-transport.js';
import { decodeSdp, MAX_MEDIA } from '../../src/wire/sdp.js';
import { createSipMessage, decodeSip, frameSip, MAX_CONTACTS, MAX_SIP } from '../../src/wire/sip.js';
import { findDescription } from '../../src/wire/sip-body.js';
import { MAX_TEXT } from '../../src/wire/text-head.js';
import { answersTftp, decodeTftp } from '../../src/wire/tftp.js';
import { createClientHello, decodeClientHello, HELLO } from '../../src/wire/tls-hello.js';
import { frameTpkt } from '../../src/wire/tpkt.js';
import type { ViewedBytes } from '../../src/wire/viewed-bytes.js';
import { FTP, TFTP } from './ftp.js';
import { H225, H245 } from './h245.js';
import { HELLOS, REQUESTS } from './hello.js';
import { RAS } from './ras.js';
import { RTSP } from './rtsp.js';
import { SDP, SIP } from './sip.js';

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

/**
 * For fuzzers that compare numbers: another one when anything else was said, but for the one case in four thousand million; 0 for what was not
 * taken for a message of the protocol.
 */
export function numbered({ run }: ProtocolFuzz): (space: ViewedBytes, start: number, end: number) => number {
  return (space, start, end) => {
    const said = run(space, start, end);
    if (NOT_TAKEN.has(said.kind)) return 0;
    const text = JSON.stringify(said);
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash === 0 ? 1 : hash;
  };
}

const NOT_TAKEN: ReadonlySet<string> = new Set(['not', 'incomplete', 'framed', 'line']);

function check(condition: boolean, why: string): void {
  if (!condition) throw new RangeError(why);
}

const hello = createClientHello();
const request = createHttpRequest();
const sip = createSipMessage();
const rtsp = createRtspMessage();

/** What a framing function may say. */
function checkFrame(length: number, start: number, end: number): void {
  check(length >= -1 && start + length <= end, 'a frame outside');
}

/** Texts are bounded, ports are ports. */
function checkValues(value: unknown): void {
  if (typeof value === 'string') check(value.length <= MAX_TEXT, 'a long text');
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (/^(r|rtcp)?port$/i.test(key)) check(inner >= -1 && inner <= 65_535, `${key} is no port: ${inner}`);
      checkValues(inner);
    }
  }
}

/** Spans lie in the message. */
function checkSpans(spans: readonly Span[], start: number, end: number): number[][] {
  check(spans.length <= MAX_FOUND, 'too many spans');
  return spans.map((span) => {
    check(span.start >= start && span.end >= span.start && span.end <= end, 'a span outside');
    return [span.start - start, span.end - start];
  });
}

/** What is in tunnelled messages and proposals. */
function inside(space: ViewedBytes, spans: readonly Span[], isProposal: boolean): (H245Message | null)[] {
  const decoded = spans.map((span) =>
    (isProposal ? decodeFastStart : decodeH245)(space, span.start, span.end),
  );
  checkValues(decoded);
  return decoded;
}

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
  {
    name: 'sip',
    corpus: SIP,
    run(space, start, end) {
      const frame = frameSip(space, start, end);
      checkFrame(frame, start, end);
      check(frame <= MAX_SIP, 'a long frame');
      const isMessage = decodeSip(sip, space, start, end);
      if (!isMessage) return { kind: frame > 0 ? 'framed' : frame < 0 ? 'not' : 'incomplete', frame };
      checkValues(sip);
      check(sip.bodyStart > start && sip.bodyEnd >= sip.bodyStart && sip.bodyEnd <= end, 'body outside');
      check(
        sip.callId !== '' && sip.cseq >= 0 && sip.cseqMethod !== '' && sip.via.host !== '',
        'not a message',
      );
      check((sip.method === '') === sip.status > 0, 'neither request nor response');
      check(sip.contacts.length <= MAX_CONTACTS, 'too many contacts');
      const part = findDescription(space, sip.contentType, sip.bodyStart, sip.bodyEnd);
      if (part !== null)
        check(
          part.start >= sip.bodyStart && part.start <= part.end && part.end <= sip.bodyEnd,
          'part outside',
        );
      const { bodyStart, bodyEnd, ...values } = sip;
      return {
        kind: sip.method === '' ? 'response' : 'request',
        ...values,
        body: [bodyStart - start, bodyEnd - start],
        part: part === null ? null : [part.start - start, part.end - start],
        frame,
      };
    },
  },
  {
    name: 'sdp',
    corpus: SDP,
    run(space, start, end) {
      const found = decodeSdp(space, start, end);
      if (found === null) return { kind: 'not' };
      check(found.media.length <= MAX_MEDIA, 'too many streams');
      checkValues(found);
      return { kind: found.isComplete ? 'complete' : 'partly', ...found };
    },
  },
  {
    name: 'rtsp',
    corpus: RTSP,
    run(space, start, end) {
      const frame = frameRtsp(space, start, end);
      checkFrame(frame, start, end);
      check(frame <= MAX_RTSP_FRAME, 'a long frame');
      if (!decodeRtsp(rtsp, space, start, end))
        return { kind: frame > 0 ? 'framed' : frame < 0 ? 'not' : 'incomplete', frame };
      checkValues(rtsp);
      check(rtsp.bodyStart > start && rtsp.bodyEnd >= rtsp.bodyStart && rtsp.bodyEnd <= end, 'body outside');
      check((rtsp.method === '') === rtsp.status > 0, 'neither request nor response');
      check(rtsp.transports.length <= MAX_TRANSPORTS, 'too many transports');
      for (const { clientPorts, serverPorts, groupPorts, channels } of rtsp.transports) {
        for (const pair of [clientPorts, serverPorts, groupPorts, channels]) {
          check(pair === null || (pair.first >= 0 && pair.first <= 65_535), 'no port');
          check(pair === null || (pair.second >= 0 && pair.second <= 65_535), 'no port');
        }
      }
      const { bodyStart, bodyEnd, ...values } = rtsp;
      return {
        kind: rtsp.method === '' ? 'response' : 'request',
        ...values,
        body: [bodyStart - start, bodyEnd - start],
        frame,
      };
    },
  },
  {
    name: 'h225',
    corpus: H225,
    run(space, start, end) {
      const frame = frameTpkt(space, start, end);
      checkFrame(frame, start, end);
      const message = decodeH225(space, start, end);
      if (message === null) return { kind: frame > 0 ? 'framed' : frame < 0 ? 'not' : 'incomplete', frame };
      checkValues(message);
      const { fastStart, h245Control, ...values } = message;
      return {
        kind: message.isComplete ? 'complete' : 'partly',
        frame,
        ...values,
        spans: [checkSpans(fastStart, start, end), checkSpans(h245Control, start, end)],
        inside: [inside(space, fastStart, true), inside(space, h245Control, false)],
      };
    },
  },
  {
    name: 'h245',
    corpus: H245,
    run(space, start, end) {
      const message = decodeH245(space, start, end);
      if (message === null) return { kind: 'not' };
      checkValues(message);
      return { ...message };
    },
  },
  {
    name: 'h225-ras',
    corpus: RAS,
    run(space, start, end) {
      const message = decodeRas(space, start, end);
      if (message === null) return { kind: 'not' };
      checkValues(message);
      const { callSignalAddresses, rasAddresses } = message;
      check(callSignalAddresses.length + rasAddresses.length <= MAX_FOUND, 'too many addresses');
      return { ...message };
    },
  },
  {
    name: 'ftp',
    corpus: FTP,
    run(space, start, end) {
      const frame = frameFtp(space, start, end);
      checkFrame(frame, start, end);
      check(frame <= MAX_FTP_LINE, 'a long line');
      const line = frame > 0 ? decodeFtp(space, start, start + frame) : null;
      if (line === null) return { kind: frame > 0 ? 'line' : frame < 0 ? 'not' : 'incomplete', frame };
      checkValues(line);
      check(line.address === null || line.port > 0, 'an address without a port');
      check((line.command === '') === line.code > 0, 'neither command nor reply');
      return { kind: line.port > 0 ? 'port' : line.code > 0 ? 'reply' : 'command', ...line, frame };
    },
  },
  {
    name: 'tftp',
    corpus: TFTP,
    run(space, start, end) {
      const message = decodeTftp(space, start, end);
      if (message === null) return { kind: 'not' };
      return { ...message, answers: [answersTftp('read', message), answersTftp('write', message)] };
    },
  },
];
