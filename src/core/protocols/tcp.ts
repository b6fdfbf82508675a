/** TCP: the SYN is copied, the first SYN+ACK wins. The rules are H1, H8-H10, T2, P1-P4 of the field. */
import type { SingleReason } from '../../model/reasons.js';
import {
  buildCopy,
  buildReset,
  type CopyFields,
  MAX_SETUP_LENGTH,
  setupLength,
  storeSetup,
} from '../../wire/build.js';
import { FLAG, type Packet, PROTOCOL } from '../../wire/packet.js';
import { OPTION } from '../../wire/tcp-options.js';
import { TIMES } from '../memory/times.js';
import { JUDGEMENT, type Judgement } from './judgement.js';
import type { Protocol, Start } from './protocol.js';
import { tcpOpening } from './tcp-opening.js';

export const tcp: Protocol = {
  name: 'tcp',
  transport: PROTOCOL.TCP,
  words: {
    starts: 'a SYN without ACK',
    copied:
      'the SYN without its data, Fast Open left out, its MSS lowered to the MTU of each route; not with authentication (MD5, TCP-AO), of an MPTCP subflow (MP_JOIN), with IP options, with more than 128 bytes of headers, with a TTL that ends here, or to a link-local address',
    wins: 'the first SYN+ACK that acknowledges the SYN; the server’s own SYN (simultaneous open). With `win: first-payload` the first bytes of a server: the handshake is completed by all routes, and a ClientHello without early data, or one HTTP GET, HEAD or OPTIONS, given to all',
    waits: 'a reset and ICMP errors, while another route may still say yes',
    loses: 'by a reset with SEQ = the ACK of its SYN+ACK, as soon as that comes',
    ends: 'FIN of both sides, or a reset; the kernel’s connection table says when',
    follows: 'nothing: a connection is one flow',
  },
  start,
  // The initial sequence number: a repeated SYN has the same, a new connection of the same flow another one.
  token: (packet) => packet.sequence,
  packets: {
    length: setupLength,
    keep: storeSetup,
    copy(setup, { address, at, port, mtu, isPlain }, space) {
      fields.isPlain = isPlain;
      fields.source = address;
      fields.sourceAt = at;
      fields.sourcePort = port;
      fields.mss = mtu - HEADERS[setup.bytes[setup.at] >>> 4 === 4 ? 4 : 6];
      return buildCopy(setup, fields, space);
    },
    cancel: (ends, proof, space) => buildReset(ends, proof, null, space),
    refuse: (ends, packet, space) => buildReset(ends, packet.acknowledgement, null, space),
    reject: (ends, words, at, space) => buildReset(ends, words[at], words[at + 1], space),
  },
  judge,
  datagrams: null,
  opening: tcpOpening,
  takesRest: false,
  groups: true,
  answersOnce: false,
  times: TIMES.CONNECT,
  isQuoted: (quote, token) => quote.sequence === token,
  // What its server expects next of a half-open connection.
  proof: (token) => (token + 1) | 0,
  // Half-open at its server until it is told (RFC 9293 section 3.5.2).
  isWaiting: (packet) => (packet.flags & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK),
  cancelsSilent: false,
  ends: (packet) => (packet.flags & (FLAG.RST | FLAG.FIN)) !== 0,
  follows: null,
};

/** IP and TCP header without options, per family: what an MTU leaves for a segment. */
const HEADERS = { 4: 40, 6: 60 } as const;
const fields: CopyFields = { source: new Int32Array(4), sourceAt: 0, sourcePort: 0, mss: 0, isPlain: false };

function start(packet: Packet): Start {
  if (packet.protocol !== PROTOCOL.TCP) return 'not-mine';
  return whyNotCopied(packet) ?? 'copy';
}

function whyNotCopied(packet: Packet): SingleReason | null {
  if ((packet.flags & (FLAG.SYN | FLAG.ACK | FLAG.RST | FLAG.FIN)) !== FLAG.SYN) return 'not-a-set-up';
  // The kernel answers with time exceeded when it forwards the packet.
  if (packet.ttl <= 1) return 'ttl-expires-here';
  // Its MAC covers the addresses: any translation breaks it (RFC 5925 section 9.2).
  if ((packet.options & OPTION.AUTHENTICATION) !== 0) return 'tcp-authentication';
  // A further subflow of a connection that has chosen its paths itself (RFC 8684 section 3.2).
  if ((packet.options & OPTION.MPTCP_JOIN) !== 0) return 'mptcp-join';
  if (packet.family === 4 && packet.hasIpOptions) return 'ip-options';
  if (setupLength(packet) > MAX_SETUP_LENGTH) return 'set-up-too-long';
  if (!isGlobalScope(packet)) return 'destination-scope';
  return null;
}

/** Link-local destinations belong to one link (RFC 3927, RFC 4291 section 2.5.6). */
function isGlobalScope(packet: Packet): boolean {
  const { destination } = packet;
  return packet.family === 4 ? destination[3] >>> 16 !== 0xa9fe : destination[0] >>> 22 !== 0xfe80 >>> 6;
}

/** As a client in SYN-SENT judges it (RFC 9293 section 3.10.7.3). */
function judge(packet: Packet, token: number, judgement: Judgement): void {
  const flags = packet.flags & (FLAG.SYN | FLAG.ACK | FLAG.RST | FLAG.FIN);
  const acknowledges = (flags & FLAG.ACK) !== 0 && packet.acknowledgement === ((token + 1) | 0);
  judgement.proof = packet.acknowledgement;
  judgement.isWaiting = false;
  if (flags === (FLAG.SYN | FLAG.ACK)) {
    if (!acknowledges) {
      // An old duplicate: the client would reset it with SEQ = SEG.ACK.
      judgement.kind = JUDGEMENT.STRAY;
      judgement.counted = 'syn-ack-wrong-ack';
      judgement.isWaiting = true;
      return;
    }
    judgement.kind = JUDGEMENT.ANSWER;
    judgement.proven = true;
    judgement.outcome = 'first-reply';
    judgement.shape = shapeOf(packet);
  } else if (flags === FLAG.SYN) {
    // Simultaneous open: the server's own SYN is as good as an answer (RFC 5382 REQ-2).
    judgement.kind = JUDGEMENT.ANSWER;
    judgement.proven = false;
    judgement.outcome = 'simultaneous-open';
  } else if ((flags & FLAG.RST) !== 0) {
    // A reset counts only if it acknowledges the SYN.
    judgement.kind = acknowledges ? JUDGEMENT.REFUSAL : JUDGEMENT.STRAY;
    judgement.counted = 'rst-not-acceptable';
    judgement.words[0] = packet.sequence;
    judgement.words[1] = packet.acknowledgement;
  } else {
    // An ACK in place of a SYN+ACK: the server still holds an old connection on this tuple (RFC 5961 section 4). Only an
    // unacceptable ACK is a challenge; any other segment is dropped.
    judgement.kind = (flags & FLAG.ACK) !== 0 && !acknowledges ? JUDGEMENT.CHALLENGE : JUDGEMENT.STRAY;
    judgement.counted = 'challenge-ack';
  }
}

/** What a server's answers have in common: the options that it sends and its window. And how many hops away it is, in the upper 8 bits. */
function shapeOf(packet: Packet): number {
  return (hopsOf(packet.ttl) << 24) | (packet.options << 16) | packet.view.getUint16(packet.transport + 14);
}

/** Systems begin with one of three. */
function hopsOf(ttl: number): number {
  return (ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl;
}
