/** QUIC: the whole first flight is copied, the first answer wins: an Initial, a Retry, Version Negotiation. RFC 9000, 9312 section 4. */

import type { Packet } from '../../wire/packet.js';
import {
  createQuicDatagram,
  decodeQuic,
  QUIC_ANSWER,
  QUIC_START,
  quicAnswer,
  quicStart,
} from '../../wire/quic.js';
import { TIMES } from '../memory/times.js';
import { answer, DATAGRAM, isDatagram, stray, whyNoCopy } from './datagram.js';
import type { Judgement } from './judgement.js';
import { ASKED_WORDS, type Asked, type Protocol, type Start } from './protocol.js';

export const quic: Protocol = {
  ...DATAGRAM,
  name: 'quic',
  words: {
    starts: 'an Initial of version 1, 2 or a draft from 29 on, to any port',
    copied:
      'each datagram of the first flight; never one with a token or with early data: these go by one route',
    wins: 'the first datagram to the client’s own connection id: an Initial, a Retry, Version Negotiation',
    waits: 'ICMP errors, while another route may still say yes',
    loses:
      'not at all: copies are one connection to the server, which answers the first; what it says later ends here',
    ends: 'the kernel’s time-out',
    follows: 'nothing',
  },
  start,
  token: (packet) => (decode(packet) ? datagram.destinationHash : 0),
  // Without an answer a client sends again after a second (RFC 9002 section 6.2.2).
  datagrams: { flightMicros: 300_000, note, questions: () => 1 },
  groups: true,
  times: TIMES.QUIC,
  judge,
  ends: () => false,
};

const datagram = createQuicDatagram();

function start(packet: Packet): Start {
  if (!isDatagram(packet) || !decode(packet)) return 'not-mine';
  const kind = quicStart(datagram);
  if (kind === QUIC_START.NOT_A_START) return 'not-mine';
  const why = whyNoCopy(packet);
  if (why !== null) return why;
  return kind === QUIC_START.COPY ? 'copy' : 'single';
}

/** Both connection ids, as hashes, and their lengths: of the last connection, and of the one before, from the same port. */
function note(packet: Packet, { words, at }: Asked, isFirst: boolean): void {
  if (isFirst) words.fill(NONE, at, at + ASKED_WORDS);
  if (!decode(packet) || !datagram.hasInitial) return;
  if (words[at] === datagram.destinationHash && words[at + 2] === datagram.sourceHash) return;
  words.copyWithin(at + ASKED_WORDS / 2, at, at + ASKED_WORDS / 2);
  words[at] = datagram.destinationHash;
  words[at + 1] = datagram.destinationLength;
  words[at + 2] = datagram.sourceHash;
  words[at + 3] = datagram.sourceLength;
}
/** No length. */
const NONE = -1;

function judge(packet: Packet, _token: number, judgement: Judgement, { words, at }: Asked): void {
  if (!decode(packet)) return stray(judgement);
  for (let i = at; i < at + ASKED_WORDS; i += ASKED_WORDS / 2) {
    const kind = quicAnswer(datagram, words[i], words[i + 1], words[i + 2], words[i + 3]);
    if (kind !== QUIC_ANSWER.NO) return answer(judgement, kind === QUIC_ANSWER.PROVEN);
  }
  stray(judgement);
}

function decode(packet: Packet): boolean {
  return decodeQuic(datagram, packet, packet.payload, packet.payloadEnd);
}
