/** What protocols over UDP have in common: copies are the client's datagram to the byte, losers are not told, their answers end here. */
import { type Packet, PROTOCOL } from '../../wire/packet.js';
import { buildDatagram, buildReply, MAX_DATAGRAM_LENGTH, type NewEnd } from '../../wire/udp.js';
import { TIMES } from '../memory/times.js';
import { JUDGEMENT, type Judgement } from './judgement.js';
import type { PacketForms, Protocol, Start } from './protocol.js';

const end: { -readonly [Key in keyof NewEnd]: NewEnd[Key] } = { address: new Int32Array(4), at: 0, port: 0 };

const forms: PacketForms = {
  length: (packet) => packet.end - packet.start,
  keep(packet, bytes, at) {
    const length = packet.end - packet.start;
    for (let i = 0; i < length; i++) bytes[at + i] = packet.bytes[packet.start + i];
    return length;
  },
  copy(setup, { address, at, port }, space) {
    end.address = address;
    end.at = at;
    end.port = port;
    return buildDatagram(setup, end, space);
  },
  cancel: () => 0,
  refuse: () => 0,
  reject(ends, _words, _at, space, answer) {
    end.address = ends.destination;
    end.at = ends.destinationAt;
    end.port = ends.destinationPort;
    return answer.length === 0 ? 0 : buildReply(answer, end, space);
  },
};

/** Of a protocol over UDP: what need not be said by each. */
export const DATAGRAM = {
  opening: null,
  takesRest: false,
  transport: PROTOCOL.UDP,
  packets: forms,
  // A quote of eight bytes has addresses and ports, which are the copy's already, and none of the payload.
  isQuoted: () => true,
  proof: () => 0,
  isWaiting: () => false,
  cancelsSilent: false,
  answersOnce: false,
  follows: null,
} as const;

/** Whether it is a datagram that can be looked into. */
export function isDatagram({ protocol, isWhole }: Packet): boolean {
  return protocol === PROTOCOL.UDP && isWhole;
}

/** Why a datagram can be copied by nobody; null: it can. */
export function whyNoCopy(packet: Packet): Start | null {
  // The kernel answers with time exceeded when it forwards the packet.
  if (packet.ttl <= 1) return 'ttl-expires-here';
  if (packet.family === 4 && packet.hasIpOptions) return 'ip-options';
  if (packet.end - packet.start > MAX_DATAGRAM_LENGTH) return 'set-up-too-long';
  // Link-local destinations belong to one link (RFC 3927, RFC 4291 section 2.5.6).
  const { destination, family } = packet;
  const isLocal = family === 4 ? destination[3] >>> 16 === 0xa9fe : destination[0] >>> 22 === 0xfe80 >>> 6;
  return isLocal ? 'destination-scope' : null;
}

/** A yes. */
export function answer(judgement: Judgement, proven: boolean, question = 0): void {
  judgement.kind = JUDGEMENT.ANSWER;
  judgement.question = question;
  judgement.proven = proven;
  judgement.outcome = 'first-reply';
  judgement.shape = 0;
  judgement.proof = 0;
  judgement.isWaiting = false;
}

/** A no, which waits. */
export function refuse(judgement: Judgement, rank: number, question = 0): void {
  judgement.kind = JUDGEMENT.REFUSAL;
  judgement.rank = rank;
  judgement.question = question;
  judgement.isWaiting = false;
}

/** Nothing that the race has brought about. */
export function stray(judgement: Judgement): void {
  judgement.kind = JUDGEMENT.STRAY;
  judgement.counted = 'not-ours';
  judgement.isWaiting = false;
}

/**
 * What the kernel takes for a datagram that may be copied, and is none that can be: it goes by one route, and whatever comes back is its
 * answer. No packet is `start`ed by it: who has looked at all others takes it (setup.ts).
 */
export const datagram: Protocol = {
  ...DATAGRAM,
  name: 'udp',
  words: {
    starts: 'anything else over UDP',
    copied: 'nothing: a criterion chooses one route',
    wins: 'nothing: that route carries it',
    waits: 'nothing',
    loses: 'there is none',
    ends: 'the kernel’s time-out',
    follows: 'nothing',
  },
  start: () => 'not-mine',
  token: () => 0,
  datagrams: { flightMicros: Number.POSITIVE_INFINITY, note: () => {}, questions: () => 1 },
  groups: true,
  takesRest: true,
  times: TIMES.ASK,
  judge: (_packet, _token, judgement) => answer(judgement, false),
  ends: () => false,
};
