/**
 * Messages of the session initiation protocol (RFC 3261, 3581, 5626) in datagrams and streams, read by a stranger: what identifies them, who is
 * to be answered where, and for how long. Nothing throws, nothing loops, and the work is bounded by the bytes.
 */
import { FRAME } from './frame.js';
import { readSipAddress, readSipTarget, type SipTarget } from './sip-address.js';
import {
  contentLengthOf,
  createTextHead,
  HEAD,
  mayBeginMessage,
  NO_LENGTH,
  scanHead,
  skipLineEnds,
  type TextHead,
  textOf,
  valueText,
} from './text-head.js';
import { MAX_PORT, parameterOf, readHostPort, splitOutside, trimBlanks, wholeNumber } from './text-values.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const SIP_PORT = 5060;
/** A datagram's length; nothing longer is framed in a stream either. */
export const MAX_SIP = 65_535;
/** Contacts that are kept: a registrar may tell all that it knows of a user. */
export const MAX_CONTACTS = 16;
const MAX_PARAMETERS = 64;
const MAX_CSEQ = 0x7fffffff;
const MAX_SECONDS = 0x7fffffff;

/** The top Via: where an answer goes. */
export interface SipVia {
  /** Upper case: UDP, TCP, TLS, SCTP, WS, ... */
  readonly transport: string;
  readonly host: string;
  /** 0: the transport's own. */
  readonly port: number;
  readonly branch: string;
  /** As written; '' when it is not there. */
  readonly received: string;
  /** -1 when it is not there, 0 when it is asked for (RFC 3581 section 3). */
  readonly rport: number;
}

export interface SipContact extends SipTarget {
  /** Seconds; -1 when it does not say. */
  readonly expires: number;
}

/** One message; reused. Texts have a character for each byte. */
export interface SipMessage {
  /** '' for a response. */
  method: string;
  /** 0 for a request. */
  status: number;
  callId: string;
  cseq: number;
  cseqMethod: string;
  /** '' when there is none. */
  fromTag: string;
  toTag: string;
  via: SipVia;
  /** BOUNDED: MAX_CONTACTS, the first ones; without those that are no `sip:` addresses. */
  contacts: readonly SipContact[];
  /** `Contact: *`: all that a user has registered. */
  isEveryContact: boolean;
  /** It answers a challenge: Authorization, Proxy-Authorization. */
  hasCredentials: boolean;
  /** Seconds of the field Expires; -1 when there is none. */
  expires: number;
  /** -1 when it is not told. */
  contentLength: number;
  /** Lower case but for what is behind the first semicolon; '' when it is not told. */
  contentType: string;
  bodyStart: number;
  bodyEnd: number;
}

const NO_VIA: SipVia = { transport: '', host: '', port: 0, branch: '', received: '', rport: -1 };

export function createSipMessage(): SipMessage {
  return {
    method: '',
    status: 0,
    callId: '',
    cseq: 0,
    cseqMethod: '',
    fromTag: '',
    toTag: '',
    via: NO_VIA,
    contacts: [],
    isEveryContact: false,
    hasCredentials: false,
    expires: -1,
    contentLength: -1,
    contentType: '',
    bodyStart: 0,
    bodyEnd: 0,
  };
}

/**
 * Decodes the message from `start` to before `end`: a datagram, or what `frameSip` has found. False when it is none, when what every message has
 * (RFC 3261 section 8.1.1) is missing, there twice or not readable, or when its body is not all there; then `out` says nothing.
 */
export function decodeSip(out: SipMessage, space: ViewedBytes, start: number, end: number): boolean {
  if (start < 0 || end > space.bytes.length || start > end) return false;
  if (scanHead(head, space, skipLineEnds(space.bytes, start, end), end) !== HEAD.COMPLETE) return false;
  Object.assign(out, createSipMessage());
  if (!readStartLine(out, textOf(space, head.lineStart, head.lineEnd))) return false;
  out.contentLength = contentLengthOf(head, space, 'l');
  if (out.contentLength < NO_LENGTH || !readFields(out, space)) return false;
  if (out.callId === '' || out.cseqMethod === '' || out.via === NO_VIA) return false;
  if ((seen & EVERY) !== EVERY) return false;
  if (out.method !== '' && out.cseqMethod !== out.method) return false;
  out.bodyStart = head.body;
  // > If there are additional bytes in the transport packet beyond the end of the body, they MUST be discarded.
  out.bodyEnd = out.contentLength < 0 ? end : head.body + out.contentLength;
  return out.bodyEnd <= end;
}

/**
 * The length of the first message of a stream, or one of FRAME. A run of line ends, by which clients keep a connection (RFC 5626 section 4.4.1),
 * is a message of its own, which `decodeSip` refuses.
 */
export function frameSip(space: ViewedBytes, start: number, end: number): number {
  const { bytes } = space;
  if (start < 0 || end > bytes.length || start > end) return FRAME.NOT;
  const first = skipLineEnds(bytes, start, end);
  if (first > start) return first - start;
  if (!mayBeginMessage(bytes, start, end)) return FRAME.NOT;
  const state = scanHead(head, space, start, end);
  if (state !== HEAD.COMPLETE) return state === HEAD.BAD ? FRAME.NOT : FRAME.INCOMPLETE;
  if (!readStartLine(framed, textOf(space, head.lineStart, head.lineEnd))) return FRAME.NOT;
  // > The Content-Length header field MUST be used with stream oriented transports.
  const body = contentLengthOf(head, space, 'l');
  const length = head.body - start + body;
  if (body < 0 || length > MAX_SIP) return FRAME.NOT;
  return start + length <= end ? length : FRAME.INCOMPLETE;
}

const head: TextHead = createTextHead();
const framed: SipMessage = createSipMessage();

const REQUEST = /^([!%'*+\-.\w`~]+) ([^ ]+) SIP\/2\.0$/i;
const RESPONSE = /^SIP\/2\.0 ([1-6]\d\d)( |$)/i;

function readStartLine(out: SipMessage, line: string): boolean {
  const response = RESPONSE.exec(line);
  if (response !== null) {
    out.status = Number(response[1]);
    return true;
  }
  const request = REQUEST.exec(line);
  if (request === null || request[2].startsWith('<')) return false;
  out.method = request[1];
  return true;
}

/** Fields that there must be once each, by bits. */
const SEEN = { CALL_ID: 1, CSEQ: 2, FROM: 4, TO: 8 } as const;
const EVERY = SEEN.CALL_ID | SEEN.CSEQ | SEEN.FROM | SEEN.TO;
let seen = 0;

/** False when a field that matters is not readable, or is there twice. */
function readFields(out: SipMessage, space: ViewedBytes): boolean {
  seen = 0;
  for (let field = 0; field < head.count; field++) {
    const length = head.nameEnd[field] - head.nameStart[field];
    if (length > LONGEST_NAME) continue;
    const name = textOf(space, head.nameStart[field], head.nameEnd[field]).toLowerCase();
    const read = READERS.get(name);
    if (read !== undefined && !read(out, valueText(head, space, field))) return false;
  }
  return true;
}

/** Notes a field that there may be once; false the second time. */
function once(bit: number): boolean {
  if ((seen & bit) !== 0) return false;
  seen |= bit;
  return true;
}

type FieldReader = (out: SipMessage, value: string) => boolean;

const callId: FieldReader = (out, value) => {
  out.callId = value;
  return once(SEEN.CALL_ID) && value !== '' && !value.includes(' ');
};
const cseq: FieldReader = (out, value) => {
  const blank = value.indexOf(' ');
  out.cseq = blank < 0 ? -1 : wholeNumber(value.slice(0, blank).replace(/^0+(?=\d)/, ''), MAX_CSEQ);
  out.cseqMethod = blank < 0 ? '' : trimBlanks(value.slice(blank));
  return once(SEEN.CSEQ) && out.cseq >= 0 && /^[!%'*+\-.\w`~]+$/.test(out.cseqMethod);
};
const from: FieldReader = (out, value) => {
  const address = readSipAddress(value);
  out.fromTag = address === null ? '' : (parameterOf(address.parameters, 'tag') ?? '');
  return once(SEEN.FROM) && address !== null;
};
const to: FieldReader = (out, value) => {
  const address = readSipAddress(value);
  out.toTag = address === null ? '' : (parameterOf(address.parameters, 'tag') ?? '');
  return once(SEEN.TO) && address !== null;
};
const via: FieldReader = (out, value) => {
  // Only the top one is ours to read.
  if (out.via !== NO_VIA) return true;
  const top = readVia(value);
  if (top !== null) out.via = top;
  return top !== null;
};
const contact: FieldReader = (out, value) => {
  if (value === '*') out.isEveryContact = true;
  const added = value === '*' ? [] : splitOutside(value, ',', MAX_CONTACTS).map(readContact);
  out.contacts = [...out.contacts, ...added.filter((one) => one !== null)].slice(0, MAX_CONTACTS);
  return true;
};
const expires: FieldReader = (out, value) => {
  if (out.expires < 0) out.expires = seconds(value);
  return true;
};
const credentials: FieldReader = (out) => {
  out.hasCredentials = true;
  return true;
};
const contentType: FieldReader = (out, value) => {
  const semicolon = value.indexOf(';');
  const type = trimBlanks(semicolon < 0 ? value : value.slice(0, semicolon)).toLowerCase();
  if (out.contentType === '') out.contentType = semicolon < 0 ? type : type + value.slice(semicolon);
  return true;
};

/** By name, and by the compact form (RFC 3261 section 7.3.3). */
const READERS: ReadonlyMap<string, FieldReader> = new Map([
  ['call-id', callId],
  ['i', callId],
  ['cseq', cseq],
  ['from', from],
  ['f', from],
  ['to', to],
  ['t', to],
  ['via', via],
  ['v', via],
  ['contact', contact],
  ['m', contact],
  ['expires', expires],
  ['authorization', credentials],
  ['proxy-authorization', credentials],
  ['content-type', contentType],
  ['c', contentType],
]);
const LONGEST_NAME = 'proxy-authorization'.length;

const VIA = /^SIP *\/ *2\.0 *\/ *([!%'*+\-.\w`~]+) +([^ ].*)$/i;

/** The first of a list of Via values. */
function readVia(value: string): SipVia | null {
  const [sent, ...parameters] = splitOutside(splitOutside(value, ',', 1)[0], ';', MAX_PARAMETERS);
  const parts = VIA.exec(sent);
  const by = parts === null ? null : readHostPort(parts[2]);
  if (parts === null || by === null) return null;
  const rport = parameterOf(parameters, 'rport');
  return {
    transport: parts[1].toUpperCase(),
    host: by.host,
    port: by.port,
    branch: parameterOf(parameters, 'branch') ?? '',
    received: (parameterOf(parameters, 'received') ?? '').replace(/^\[|\]$/g, ''),
    rport: rport === null ? -1 : Math.max(0, wholeNumber(rport, MAX_PORT)),
  };
}

function readContact(text: string): SipContact | null {
  const address = readSipAddress(text);
  const target = address === null ? null : readSipTarget(address.uri);
  if (address === null || target === null) return null;
  const own = parameterOf(address.parameters, 'expires');
  return { ...target, expires: own === null ? -1 : seconds(own) };
}

/** Delta-seconds: more than fit are as many as fit (RFC 3261 section 20.19 knows 2^32-1); -1 when it is no number. */
function seconds(text: string): number {
  if (text === '' || text.length > 20 || wholeNumber(text.slice(0, 10), Number.MAX_SAFE_INTEGER) < 0)
    return -1;
  return /^\d+$/.test(text) ? Math.min(Number(text), MAX_SECONDS) : -1;
}
