/**
 * Descriptions of sessions (RFC 8866): where each stream of media and its control packets are to be sent (RFC 3605, 5761, 3264), in calls of SIP and
 * answers of RTSP. Nothing throws, nothing loops, and the work is bounded by the bytes.
 */
import { type AddressWords, parseAddress } from '../model/address.js';
import { textOf } from './text-head.js';
import { MAX_PORT, trimBlanks, wholeNumber } from './text-values.js';
import type { ViewedBytes } from './viewed-bytes.js';

/** Streams that are kept; calls have two. */
export const MAX_MEDIA = 16;
/** Longest line that is looked at. */
const MAX_LINE = 1024;

export type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One stream, as who describes it wants to receive it. */
export interface SdpMedia {
  /** audio, video, image, application, ...: lower case. */
  readonly kind: string;
  /** Upper case: RTP/AVP, RTP/SAVPF, UDPTL, TCP, ... */
  readonly protocol: string;
  /** 0: refused, or over (RFC 3264 sections 6 and 8.2); in an answer of RTSP not settled yet. */
  readonly port: number;
  /** Ports of this kind, two apart with RTP (RFC 8866 section 5.14); mostly 1. */
  readonly portCount: number;
  /** The stream's own, or the session's; a name or an address as written, '' when there is none. */
  readonly host: string;
  /** null when `host` is no address. */
  readonly address: AddressWords | null;
  /** Where its RTCP is to go: 0 when it has none. With `isMuxed` it goes to `port` if the other side agrees, unless it says so alone. */
  readonly rtcpPort: number;
  readonly rtcpAddress: AddressWords | null;
  readonly isMuxed: boolean;
  /** A fax over IP (T.38). */
  readonly isFax: boolean;
  readonly direction: SdpDirection;
}

export interface SessionDescription {
  readonly media: readonly SdpMedia[];
  /** false: there were more streams than are kept, or lines that could not be read; what is here counts. */
  readonly isComplete: boolean;
}

/** Decodes the description from `start` to before `end`; null when it is none. */
export function decodeSdp(space: ViewedBytes, start: number, end: number): SessionDescription | null {
  const { bytes } = space;
  if (start < 0 || end > bytes.length || end - start < 3) return null;
  if (textOf(space, start, start + 3) !== 'v=0') return null;
  const session: Level = level();
  // BOUNDED: MAX_MEDIA; what comes later is left out, and said to be.
  const streams: Stream[] = [];
  let isComplete = true;
  for (let at = start; at < end; ) {
    const next = bytes.subarray(at, end).indexOf(LF);
    const lineEnd = next < 0 ? end : at + next;
    const line = at + 2 <= lineEnd && lineEnd - at <= MAX_LINE ? trimBlanks(textOf(space, at, lineEnd)) : '';
    at = lineEnd + 1;
    if (line.startsWith('m=')) {
      const stream = readMedia(line.slice(2));
      if (stream === null || streams.length === MAX_MEDIA) {
        // What follows is about a stream that we do not know.
        isComplete = false;
        if (streams.length === MAX_MEDIA) break;
      }
      streams.push(stream ?? UNREADABLE);
    } else {
      note(streams.at(-1)?.own ?? session, line);
    }
  }
  const media = streams.filter((stream) => stream !== UNREADABLE).map((stream) => combined(stream, session));
  return { media, isComplete };
}

const LF = 10;

/** What may be said of the session, of a stream, or of both. */
interface Level {
  host: string;
  direction: SdpDirection | '';
  isMuxed: boolean;
  isMuxedOnly: boolean;
  rtcpPort: number;
  rtcpHost: string;
}

function level(): Level {
  return { host: '', direction: '', isMuxed: false, isMuxedOnly: false, rtcpPort: 0, rtcpHost: '' };
}

interface Stream {
  readonly kind: string;
  readonly protocol: string;
  readonly port: number;
  readonly portCount: number;
  readonly formats: string;
  readonly own: Level;
}

/** Takes what is said of a stream whose own line is not understood. */
const UNREADABLE: Stream = { kind: '', protocol: '', port: 0, portCount: 0, formats: '', own: level() };

const MEDIA = /^([\w-]+) +(\d{1,5})(?:\/(\d{1,5}))? +([\w/.-]+) *(.*)$/;

/** m=audio 49170/2 RTP/AVP 0 8 */
function readMedia(text: string): Stream | null {
  const parts = MEDIA.exec(text);
  if (parts === null) return null;
  const port = wholeNumber(parts[2], MAX_PORT);
  const portCount = parts[3] === undefined ? 1 : wholeNumber(parts[3], MAX_PORT);
  if (port < 0 || portCount < 1) return null;
  return {
    kind: parts[1].toLowerCase(),
    protocol: parts[4].toUpperCase(),
    port,
    portCount,
    formats: parts[5],
    own: level(),
  };
}

/** A line that is no m=: c= and the attributes that matter. */
function note(into: Level, line: string): void {
  if (line.startsWith('c=')) {
    // More than one are layers of one multicast stream (RFC 8866 section 5.7): the first is as good as the others.
    if (into.host === '') into.host = readConnection(line.slice(2));
    return;
  }
  if (!line.startsWith('a=')) return;
  const attribute = line.slice(2);
  if (isDirection(attribute)) into.direction = attribute;
  else if (attribute === 'rtcp-mux') into.isMuxed = true;
  else if (attribute === 'rtcp-mux-only') into.isMuxedOnly = true;
  else if (attribute.startsWith('rtcp:')) readRtcp(into, attribute.slice(5));
}

function isDirection(text: string): text is SdpDirection {
  return text === 'sendrecv' || text === 'sendonly' || text === 'recvonly' || text === 'inactive';
}

const CONNECTION = /^IN +IP[46] +([^ /]+)(?:\/[\d/]+)?$/i;

/** IN IP4 224.2.1.1/127/3: the address without its TTL; '' when it is something else. */
function readConnection(text: string): string {
  return CONNECTION.exec(text)?.[1].toLowerCase() ?? '';
}

/** a=rtcp:53020 IN IP4 126.16.64.4 (RFC 3605 section 2.1) */
function readRtcp(into: Level, text: string): void {
  const blank = text.indexOf(' ');
  const port = wholeNumber(blank < 0 ? text : text.slice(0, blank), MAX_PORT);
  if (port <= 0) return;
  into.rtcpPort = port;
  into.rtcpHost = blank < 0 ? '' : readConnection(trimBlanks(text.slice(blank + 1)));
}

function combined({ kind, protocol, port, portCount, formats, own }: Stream, session: Level): SdpMedia {
  const host = own.host === '' ? session.host : own.host;
  const address = parseAddress(host);
  const isRtp = protocol.includes('RTP/');
  return {
    kind,
    protocol,
    port,
    portCount,
    host,
    address,
    rtcpPort: isRtp && port !== 0 ? rtcpPort(port, own) : 0,
    rtcpAddress: own.rtcpHost === '' ? address : parseAddress(own.rtcpHost),
    isMuxed: isRtp && (own.isMuxed || own.isMuxedOnly),
    isFax: kind === 'image' && /^t38$/i.test(trimBlanks(formats)),
    direction: own.direction || session.direction || 'sendrecv',
  };
}

/** Its own, or the next one (RFC 3550 section 11). */
function rtcpPort(port: number, own: Level): number {
  if (own.isMuxedOnly) return port;
  if (own.rtcpPort !== 0) return own.rtcpPort;
  return port < MAX_PORT ? port + 1 : 0;
}
