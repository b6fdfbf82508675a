/** SIP over UDP: a request that begins something is copied to the byte, the first answer that is no error wins. RFC 3261, 3581. */
import { hashText } from '../../wire/hash-bytes.js';
import type { Packet } from '../../wire/packet.js';
import { createSipMessage, decodeSip, SIP_PORT } from '../../wire/sip.js';
import { TIMES } from '../memory/times.js';
import { answer, DATAGRAM, isDatagram, refuse, stray, whyNoCopy } from './datagram.js';
import type { Judgement } from './judgement.js';
import { ASKED_WORDS, type Asked, type Protocol, type Start } from './protocol.js';

export const sip: Protocol = {
  ...DATAGRAM,
  name: 'sip',
  words: {
    starts: 'a message to port 5060, if `follow` names SIP, or to a port of a service that `speaks: sip`',
    copied:
      'INVITE, OPTIONS, and REGISTER without credentials, outside of a call: to the byte, so that the copies are one transaction; nothing else, nor what has no branch of RFC 3261',
    wins: 'the first answer to this transaction: 1xx, 2xx, 3xx, and a challenge (401, 407)',
    waits:
      'all other errors, until shortly before the client sends again (500 ms); 482, which a server says to a copy, says least of all',
    loses: 'not at all: a server takes a copy for a repeat, and answers the first alone',
    ends: 'the kernel’s time-out; a registration keeps its flow for as long as it lasts',
    follows: 'media as both sides describe them, and a client’s further flows to its registrar',
  },
  start,
  token: (packet) => (decode(packet) ? hashText(message.via.branch) : 0),
  // Timer A: 500 ms (RFC 3261 section 17.1.1.2).
  datagrams: { flightMicros: 300_000, errorHoldMicros: 450_000, note, questions: () => 1 },
  groups: true,
  answersOnce: true,
  times: TIMES.ASK,
  judge,
  ends: () => false,
};

const message = createSipMessage();
/** > The branch parameter value MUST … begin with the characters "z9hG4bK": by which copies are known as repeats (section 17.2.3). */
const COOKIE = 'z9hG4bK';
const COPIED = ['INVITE', 'REGISTER', 'OPTIONS'];

function start(packet: Packet, isSpoken: boolean): Start {
  const isMeant = isSpoken || packet.destinationPort === SIP_PORT;
  if (!isDatagram(packet) || !isMeant || !decode(packet)) return 'not-mine';
  const why = whyNoCopy(packet);
  if (why !== null) return why;
  const { method, toTag, via, hasCredentials } = message;
  if (!COPIED.includes(method) || toTag !== '' || !via.branch.startsWith(COOKIE)) return 'single';
  // What is registered is where the one copy has come from that the registrar read first; others may be answered sooner.
  return method === 'REGISTER' && hasCredentials ? 'single' : 'copy';
}

/** The last two transactions of the flow: four words for each. */
function note(packet: Packet, { words, at }: Asked, isFirst: boolean): void {
  if (isFirst) words.fill(0, at, at + ASKED_WORDS);
  if (!decode(packet) || message.method === '') return;
  if (isOf(words, at)) return;
  words.copyWithin(at + 4, at, at + 4);
  words[at] = hashText(message.via.branch);
  words[at + 1] = hashText(message.callId);
  words[at + 2] = message.cseq;
  words[at + 3] = hashText(message.cseqMethod);
}

/** Whether the message in hand is of the transaction that these words name. */
function isOf(words: Int32Array, at: number): boolean {
  const { via, callId, cseq, cseqMethod } = message;
  return (
    words[at] === hashText(via.branch) &&
    words[at + 1] === hashText(callId) &&
    words[at + 2] === cseq &&
    words[at + 3] === hashText(cseqMethod)
  );
}

function judge(packet: Packet, _token: number, judgement: Judgement, { words, at }: Asked): void {
  if (!decode(packet) || message.status === 0) return stray(judgement);
  if (!isOf(words, at) && !isOf(words, at + 4)) return stray(judgement);
  const { status } = message;
  const isNo = status >= 400 && status !== 401 && status !== 407;
  if (isNo) refuse(judgement, rankOf(status));
  else answer(judgement, true);
}

/** The callee's own no says most, then what a server knows, then that it could not find out; least that it took a copy for a loop. */
function rankOf(status: number): number {
  if (status === 482) return 0;
  if (status >= 600) return 4;
  if (status >= 500 || status === 408) return 1;
  return status === 486 || status === 480 ? 3 : 2;
}

function decode(packet: Packet): boolean {
  return decodeSip(message, packet, packet.payload, packet.payloadEnd);
}
