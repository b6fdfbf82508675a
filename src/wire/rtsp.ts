/**
 * Messages of the real time streaming protocol (RFC 2326, 7826) in a TCP stream: what is set up, by which transport, and where media go. Nothing
 * throws, nothing loops, and the work is bounded by the bytes.
 */
import { FRAME } from './frame.js';
import { type RtspTransport, readTransports } from './rtsp-transport.js';
import {
  contentLengthOf,
  createTextHead,
  HEAD,
  MAX_HEAD,
  mayBeginMessage,
  NO_LENGTH,
  scanHead,
  skipLineEnds,
  type TextHead,
  textOf,
  valueText,
} from './text-head.js';
import { parameterOf, splitOutside, wholeNumber } from './text-values.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const RTSP_PORTS: readonly number[] = [554, 8554];
/** Longest body that is waited for: descriptions of sessions have some KB. */
export const MAX_RTSP_BODY = 65_535;
const MAX_CSEQ = 0xffff_ffff;
const MAX_SECONDS = 0x7fff_ffff;

/** One message; reused. Texts have a character for each byte. */
export interface RtspMessage {
  /** '' for a response. */
  method: string;
  /** The address that is asked for; '' for a response. */
  uri: string;
  /** 0 for a request. */
  status: number;
  /** -1 when it is missing. */
  cseq: number;
  /** '' when there is none. */
  session: string;
  /** Seconds that a server keeps a session without a sign of life; -1 when it does not say (60, RFC 2326 section 12.37). */
  sessionTimeout: number;
  /**
   * In the order in which they are wanted; a response has the one that was chosen. BOUNDED: MAX_TRANSPORTS, the first ones; without
   * those that are not known.
   */
  transports: readonly RtspTransport[];
  /** 0 when it is not told (RFC 2326 section 12.14). */
  contentLength: number;
  /** Lower case, without parameters. */
  contentType: string;
  bodyStart: number;
  bodyEnd: number;
}

export function createRtspMessage(): RtspMessage {
  return {
    method: '',
    uri: '',
    status: 0,
    cseq: -1,
    session: '',
    sessionTimeout: -1,
    transports: [],
    contentLength: 0,
    contentType: '',
    bodyStart: 0,
    bodyEnd: 0,
  };
}

/** Decodes the message from `start` to before `end`, as `frameRtsp` has found it. False when it is none, or not all there; then `out` says nothing. */
export function decodeRtsp(out: RtspMessage, space: ViewedBytes, start: number, end: number): boolean {
  if (start < 0 || end > space.bytes.length || start > end) return false;
  if (scanHead(head, space, skipLineEnds(space.bytes, start, end), end) !== HEAD.COMPLETE) return false;
  Object.assign(out, createRtspMessage());
  if (!readStartLine(out, textOf(space, head.lineStart, head.lineEnd))) return false;
  const length = contentLengthOf(head, space, 'content-length');
  if (length < NO_LENGTH || !readFields(out, space)) return false;
  out.contentLength = Math.max(0, length);
  out.bodyStart = head.body;
  out.bodyEnd = head.body + out.contentLength;
  return out.bodyEnd <= end;
}

const DOLLAR = 36;
/** `$`, channel, length in two bytes (RFC 2326 section 10.12). */
const INTERLEAVED_HEADER = 4;

/**
 * The length of what comes first in a stream, or one of FRAME: a message, a run of line ends, or a packet of media among the messages, which
 * begins with `$` (`isInterleaved`).
 */
export function frameRtsp(space: ViewedBytes, start: number, end: number): number {
  const { bytes, view } = space;
  if (start < 0 || end > bytes.length || start > end) return FRAME.NOT;
  if (isInterleaved(space, start, end)) {
    if (start + INTERLEAVED_HEADER > end) return FRAME.INCOMPLETE;
    const length = INTERLEAVED_HEADER + view.getUint16(start + 2);
    return start + length <= end ? length : FRAME.INCOMPLETE;
  }
  const first = skipLineEnds(bytes, start, end);
  if (first > start) return first - start;
  if (!mayBeginMessage(bytes, start, end)) return FRAME.NOT;
  const state = scanHead(head, space, start, end);
  if (state !== HEAD.COMPLETE) return state === HEAD.BAD ? FRAME.NOT : FRAME.INCOMPLETE;
  if (!readStartLine(framed, textOf(space, head.lineStart, head.lineEnd))) return FRAME.NOT;
  const body = contentLengthOf(head, space, 'content-length');
  if (body < NO_LENGTH || body > MAX_RTSP_BODY) return FRAME.NOT;
  const length = head.body - start + Math.max(0, body);
  return start + length <= end ? length : FRAME.INCOMPLETE;
}

/** Longest frame: what a caller must be able to keep to wait for the rest. */
export const MAX_RTSP_FRAME = MAX_HEAD + MAX_RTSP_BODY + INTERLEAVED_HEADER;

/** Whether a frame is a packet of media. */
export function isInterleaved({ bytes }: ViewedBytes, start: number, end: number): boolean {
  return start < end && bytes[start] === DOLLAR;
}

const head: TextHead = createTextHead();
const framed: RtspMessage = createRtspMessage();

const REQUEST = /^([!%'*+\-.\w`~]+) ([^ ]+) RTSP\/[12]\.0$/;
const RESPONSE = /^RTSP\/[12]\.0 ([1-5]\d\d)( |$)/;

function readStartLine(out: RtspMessage, line: string): boolean {
  const response = RESPONSE.exec(line);
  if (response !== null) {
    out.status = Number(response[1]);
    return true;
  }
  const request = REQUEST.exec(line);
  if (request === null) return false;
  out.method = request[1];
  out.uri = request[2];
  return true;
}

/** False when a field that matters is there twice or not readable. */
function readFields(out: RtspMessage, space: ViewedBytes): boolean {
  for (let field = 0; field < head.count; field++) {
    if (head.nameEnd[field] - head.nameStart[field] > LONGEST_NAME) continue;
    const name = textOf(space, head.nameStart[field], head.nameEnd[field]).toLowerCase();
    const read = READERS.get(name);
    if (read !== undefined && !read(out, valueText(head, space, field))) return false;
  }
  return true;
}

type FieldReader = (out: RtspMessage, value: string) => boolean;

const READERS: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  [
    'cseq',
    (out, value) => {
      const isFirst = out.cseq < 0;
      out.cseq = wholeNumber(value, MAX_CSEQ);
      return isFirst && out.cseq >= 0;
    },
  ],
  [
    'session',
    (out, value) => {
      const isFirst = out.session === '';
      const [session, ...parameters] = splitOutside(value, ';', 8);
      out.session = session;
      out.sessionTimeout = wholeNumber(parameterOf(parameters, 'timeout') ?? '', MAX_SECONDS);
      return isFirst && session !== '' && !session.includes(' ');
    },
  ],
  [
    'transport',
    (out, value) => {
      out.transports = readTransports(out.transports, value);
      return true;
    },
  ],
  [
    'content-type',
    (out, value) => {
      out.contentType = splitOutside(value, ';', 1)[0].toLowerCase();
      return true;
    },
  ],
]);
const LONGEST_NAME = 'content-type'.length;
