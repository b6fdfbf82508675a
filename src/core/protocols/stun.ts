/** STUN: a binding request is copied, the first answer with an address wins. RFC 8489, 5389. */
import type { Packet } from '../../wire/packet.js';
import {
  createStunMessage,
  decodeStun,
  STUN_ANSWER,
  STUN_PORT,
  STUN_REQUEST,
  stunAnswerKind,
  stunRequestKind,
} from '../../wire/stun.js';
import { TIMES } from '../memory/times.js';
import { answer, DATAGRAM, isDatagram, refuse, stray, whyNoCopy } from './datagram.js';
import type { Judgement } from './judgement.js';
import { ASKED_WORDS, type Asked, type Protocol, type Start } from './protocol.js';

export const stun: Protocol = {
  ...DATAGRAM,
  name: 'stun',
  words: {
    starts:
      'a message with the magic cookie to any port, or without it to port 3478, or to a port of a service that `speaks: stun`',
    copied:
      'a binding request without credentials; never what TURN or ICE need, nor a request whose answer is to come from elsewhere',
    wins: 'the first success with the transaction’s id and an address',
    waits: 'errors, while another route may still say more',
    loses: 'not at all: a server forgets its requests',
    ends: 'the kernel’s time-out',
    follows: 'nothing',
  },
  start,
  token: (packet) => (decode(packet) ? message.transactionHash : 0),
  // A client sends again after 500 ms (RFC 8489 section 6.2.1).
  datagrams: { flightMicros: 300_000, note, questions: () => 1 },
  groups: true,
  times: TIMES.ASK,
  judge,
  ends: () => false,
};

const message = createStunMessage();

function start(packet: Packet, isSpoken: boolean): Start {
  if (!isDatagram(packet) || !decode(packet)) return 'not-mine';
  if (!(message.hasCookie || isSpoken || packet.destinationPort === STUN_PORT)) return 'not-mine';
  return whyNoCopy(packet) ?? (stunRequestKind(message) === STUN_REQUEST.COPY ? 'copy' : 'single');
}

/** The last transactions from the same port. */
function note(packet: Packet, { words, at }: Asked, isFirst: boolean): void {
  if (!decode(packet)) return;
  if (isFirst) words.fill(message.transactionHash, at, at + ASKED_WORDS);
  for (let i = at; i < at + ASKED_WORDS; i++) if (words[i] === message.transactionHash) return;
  words.copyWithin(at + 1, at, at + ASKED_WORDS - 1);
  words[at] = message.transactionHash;
}

function judge(packet: Packet, _token: number, judgement: Judgement, { words, at }: Asked): void {
  if (!decode(packet)) return stray(judgement);
  for (let i = at; i < at + ASKED_WORDS; i++) {
    switch (stunAnswerKind(message, words[i])) {
      case STUN_ANSWER.POSITIVE:
        return answer(judgement, true);
      case STUN_ANSWER.NEGATIVE:
        return refuse(judgement, 1);
    }
  }
  stray(judgement);
}

function decode(packet: Packet): boolean {
  return decodeStun(message, packet, packet.payload, packet.payloadEnd);
}
