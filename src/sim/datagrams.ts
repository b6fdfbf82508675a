/** What simulated clients ask by UDP, and what servers say to it: messages of DNS, and first flights of QUIC. */
import { type AskOptions, DNS_REPEATS_MICROS, QUIC_REPEATS_MICROS } from './datagram-client.js';

/** What a client asks, without where. */
export type Question = Pick<AskOptions, 'payloads' | 'repeats' | 'timeoutMicros' | 'judge' | 'further'>;

export const DNS_PORT = 53;
export const QUIC_PORT = 443;
const RESPONSE = 0x8180;
const QUESTION = 0x0100;
const SERVFAIL = 2;
const NXDOMAIN = 3;
/** The shortest datagram that a client's first flight may be (RFC 9000 section 14.1). */
const QUIC_LENGTH = 1200;
const CID_LENGTH = 8;
/** A long header: fixed bit, type Initial or Handshake of version 1, four bytes of packet number. */
const INITIAL = 0xc3;
const HANDSHAKE = 0xe3;

/** The address of a name. */
export function dnsQuestion(name: string, id: number): Question {
  const labels = name.split('.').flatMap((label) => [label.length, ...letters(label)]);
  const question = [...be16(id), ...be16(QUESTION), 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1];
  return {
    payloads: [Uint8Array.from(question)],
    repeats: DNS_REPEATS_MICROS,
    timeoutMicros: 10_000_000,
    judge: (payload) => {
      if (payload.length < 12 || payload[0] !== id >>> 8 || payload[1] !== (id & 255)) return null;
      const code = payload[3] & 15;
      return code === 0 || code === NXDOMAIN ? 'answered' : 'refused';
    },
  };
}

/** A connection: a flight of so many Initials, and further packets once the server has said something. `id`: a word. */
export function quicQuestion(id: number, { flight = 1, further = 0 } = {}): Question {
  const own = connectionId(id, 1);
  const first = connectionId(id, 2);
  const initials = Array.from({ length: flight }, (_, i) => {
    const head = [INITIAL, 0, 0, 0, 1, first.length, ...first, own.length, ...own, 0];
    const rest = QUIC_LENGTH - head.length - 2;
    // The length of what is protected, in two bytes; what it is nobody on the way can know.
    return padded([...head, 0x40 | (rest >>> 8), rest & 255, i]);
  });
  return {
    payloads: initials,
    repeats: QUIC_REPEATS_MICROS,
    timeoutMicros: 10_000_000,
    further: Array.from({ length: further }, (_, i) => Uint8Array.from([0x40, ...first, i, ...own])),
    judge: (payload) => (isLong(payload) && hasId(payload, own) ? 'answered' : null),
  };
}

/** How a server answers what it is asked at a port; null: not at all. */
export interface Answering {
  /** Default: with an address. `servfail`: not now. `silent`: never. */
  readonly dns?: 'address' | 'servfail' | 'silent';
  readonly quic?: 'handshake' | 'silent';
}

export function answerTo(payload: Uint8Array, port: number, { dns, quic }: Answering): Uint8Array | null {
  if (port === DNS_PORT) return dns === 'silent' ? null : dnsAnswer(payload, dns === 'servfail');
  return quic === 'silent' || !isLong(payload) ? null : quicAnswer(payload);
}

function dnsAnswer(question: Uint8Array, isRefused: boolean): Uint8Array | null {
  if (question.length < 12) return null;
  const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1];
  const said = Uint8Array.from([...question, ...(isRefused ? [] : answer)]);
  const flags = RESPONSE | (isRefused ? SERVFAIL : 0);
  said[2] = flags >>> 8;
  said[3] = flags & 255;
  said[7] = isRefused ? 0 : 1;
  return said;
}

/** To the client's own connection id: only who has seen its first packet knows that. */
function quicAnswer(initial: Uint8Array): Uint8Array {
  const to = initial.subarray(5, 6 + initial[5]);
  const from = initial.subarray(6 + initial[5], 7 + initial[5] + initial[6 + initial[5]]);
  const head = [INITIAL, 0, 0, 0, 1, ...from, ...to, 0];
  const rest = 600;
  const first = [...head, 0x40 | (rest >>> 8), rest & 255, ...new Array<number>(rest).fill(7)];
  const second = [HANDSHAKE, 0, 0, 0, 1, ...from, ...to];
  const left = QUIC_LENGTH - first.length - second.length - 2;
  return padded([...first, ...second, 0x40 | (left >>> 8), left & 255]);
}

function isLong(payload: Uint8Array): boolean {
  return payload.length > 7 + 2 * CID_LENGTH && (payload[0] & 0x80) !== 0;
}

function hasId(payload: Uint8Array, id: readonly number[]): boolean {
  return payload[5] === id.length && id.every((byte, index) => payload[6 + index] === byte);
}

function connectionId(id: number, kind: number): number[] {
  return [kind, ...be16(id >>> 16), ...be16(id & 0xffff), 0, 0, kind].slice(0, CID_LENGTH);
}

function padded(bytes: readonly number[]): Uint8Array {
  const all = new Uint8Array(QUIC_LENGTH);
  all.set(bytes);
  return all;
}

function be16(value: number): [number, number] {
  return [(value >>> 8) & 255, value & 255];
}

function letters(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
