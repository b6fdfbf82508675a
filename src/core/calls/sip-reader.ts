/** Calls and registrations of SIP (RFC 3261, 3264; rules S4, S6 of the field). */
import { FRAME } from '../../wire/frame.js';
import { PROTOCOL } from '../../wire/packet.js';
import { decodeSdp } from '../../wire/sdp.js';
import { createSipMessage, decodeSip, frameSip, type SipContact } from '../../wire/sip.js';
import { findDescription } from '../../wire/sip-body.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';
import { expectMedia } from './media.js';
import type { Reading, Signal, SignalFlow, SignalReader, SignalSink } from './reader.js';
import type { Call, CallTable } from './table.js';

/** Seconds that a registrar keeps a contact if nobody says how long (RFC 3261 section 10.2.1.1), and the most that is believed. */
const DEFAULT_EXPIRES = 3600;
const MOST_EXPIRES = 86_400;
const LF = 10;
const CR = 13;
/** The two first bits of STUN, by which clients keep their ways open (RFC 5626 section 4.4.2). */
const STUN_BITS = 0xc0;

interface Registering {
  readonly callId: string;
  readonly cseq: number;
  readonly contacts: readonly SipContact[];
  readonly isEveryContact: boolean;
  readonly expires: number;
}

export class SipReader implements SignalReader {
  readonly kind = 'sip';
  private readonly message = createSipMessage();
  private registering: Registering | null = null;

  /** `name`: of the client, among all: a dialog may go on by another connection. */
  constructor(
    private readonly flow: SignalFlow,
    private readonly calls: CallTable,
    private readonly sink: SignalSink,
    private readonly name: string,
  ) {}

  frame(space: ViewedBytes, start: number, end: number): number {
    return this.flow.protocol === PROTOCOL.TCP ? frameSip(space, start, end) : FRAME.NOT;
  }

  read(signal: Signal): Reading {
    const { message } = this;
    if (!decodeSip(message, signal, signal.start, signal.end))
      return isKeepAlive(signal) ? 'message' : 'none';
    if (message.cseqMethod === 'REGISTER') this.readRegistration(signal);
    else this.readCall(signal);
    return 'message';
  }

  /** A call outlives the connection that it was made by. */
  close(): void {}

  private readCall(signal: Signal): void {
    const { calls, message } = this;
    const key = `${this.name} ${message.callId}`;
    const isNew = message.method === 'INVITE' && message.toTag === '';
    const call = isNew ? calls.begin('sip', key, signal.now) : calls.find('sip', key, signal.now);
    if (call === null) return;
    if (call.route === 0) calls.carry(call, this.sink.carried()?.route ?? 0);
    if (message.method === 'BYE') return calls.end(call);
    if (message.status > 0 && message.cseqMethod === 'INVITE') {
      if (message.status >= 200 && message.status < 300) call.isAnswered = true;
      else if (this.isRefusal(call)) return calls.end(call);
    }
    this.readDescription(call, signal);
  }

  /** A challenge has the caller ask once more, by the same name; within a call a no changes nothing (RFC 3261 section 14.1). */
  private isRefusal({ isAnswered }: Call): boolean {
    const { status } = this.message;
    return !isAnswered && status >= 300 && status !== 401 && status !== 407;
  }

  private readDescription(call: Call, signal: Signal): void {
    const { contentType, bodyStart, bodyEnd } = this.message;
    const span = findDescription(signal, contentType, bodyStart, bodyEnd);
    const description = span === null ? null : decodeSdp(signal, span.start, span.end);
    if (description === null) return;
    call.media[signal.isFromClient ? 'client' : 'server'] = description.media;
    expectMedia(call, this.flow, this.sink);
  }

  private readRegistration({ isFromClient }: Signal): void {
    const { message } = this;
    const { callId, cseq, contacts, isEveryContact, expires, status } = message;
    if (isFromClient && message.method !== '') {
      this.registering = { callId, cseq, contacts, isEveryContact, expires };
      return;
    }
    const asked = this.registering;
    if (asked === null || isFromClient || status < 200 || status > 299) return;
    if (asked.callId !== callId || asked.cseq !== cseq) return;
    this.registering = null;
    // A question what is registered (RFC 3261 section 10.2.3).
    if (asked.contacts.length === 0 && !asked.isEveryContact) return;
    this.sink.keep(Math.min(MOST_EXPIRES, secondsOf(asked, contacts, expires)));
  }
}

/** As the registrar says of the contact that was asked for, or of all; else as the client has asked. 0: it is taken back. */
function secondsOf(asked: Registering, contacts: readonly SipContact[], expires: number): number {
  if (asked.isEveryContact) return 0;
  const [own] = asked.contacts;
  const wanted = own.expires >= 0 ? own.expires : asked.expires;
  if (wanted === 0) return 0;
  const told = contacts.find(({ host, port }) => host === own.host && port === own.port)?.expires ?? -1;
  const any = contacts.reduce((most, one) => Math.max(most, one.expires), -1);
  return [told, expires, any, wanted].find((seconds) => seconds >= 0) ?? DEFAULT_EXPIRES;
}

function isKeepAlive({ bytes, start, end }: Signal): boolean {
  if (end > start && (bytes[start] & STUN_BITS) === 0 && bytes[start] < 2) return true;
  for (let i = start; i < end; i++) if (bytes[i] !== CR && bytes[i] !== LF && bytes[i] !== 0) return false;
  return true;
}
