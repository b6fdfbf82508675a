/** NTP: a client's question is copied, the first answer of a server whose clock is right wins. RFC 5905. */
import {
  createNtpPacket,
  decodeNtp,
  NTP_ANSWER,
  NTP_PORT,
  NTP_REQUEST,
  ntpAnswerKind,
  ntpRequestKind,
} from '../../wire/ntp.js';
import type { Packet } from '../../wire/packet.js';
import { TIMES } from '../memory/times.js';
import { answer, DATAGRAM, isDatagram, refuse, stray, whyNoCopy } from './datagram.js';
import type { Judgement } from './judgement.js';
import type { Asked, Protocol, Start } from './protocol.js';

export const ntp: Protocol = {
  ...DATAGRAM,
  name: 'ntp',
  words: {
    starts: 'a client’s packet of version 3 or 4 to port 123, or to a port of a service that `speaks: ntp`',
    copied: 'the packet; never with a cookie of Network Time Security, which is used once',
    wins: 'the first answer to this packet of a server whose clock is right',
    waits: 'a server that does not want to answer (kiss of death), or does not know the time',
    loses: 'not at all: a server forgets its questions',
    ends: 'the answer',
    follows: 'nothing',
  },
  start,
  token: (packet) => (decode(packet) ? message.transmitLow : 0),
  // Nobody asks a server twice within two seconds.
  datagrams: { flightMicros: 300_000, note, questions: () => 1 },
  groups: false,
  times: TIMES.ASK,
  judge,
  ends: () => false,
};

const message = createNtpPacket();

function start(packet: Packet, isSpoken: boolean): Start {
  if (!isDatagram(packet) || !(isSpoken || packet.destinationPort === NTP_PORT)) return 'not-mine';
  if (!decode(packet)) return 'not-mine';
  return whyNoCopy(packet) ?? (ntpRequestKind(message) === NTP_REQUEST.COPY ? 'copy' : 'single');
}

/** When the question was sent, as its answer repeats it: the last one's. */
function note(packet: Packet, { words, at }: Asked): void {
  if (!decode(packet)) return;
  words[at] = message.transmitHigh;
  words[at + 1] = message.transmitLow;
}

function judge(packet: Packet, _token: number, judgement: Judgement, { words, at }: Asked): void {
  if (!decode(packet)) return stray(judgement);
  switch (ntpAnswerKind(message, words[at], words[at + 1])) {
    case NTP_ANSWER.POSITIVE:
      return answer(judgement, true);
    case NTP_ANSWER.NEGATIVE:
      return refuse(judgement, 1);
    default:
      return stray(judgement);
  }
}

function decode(packet: Packet): boolean {
  return decodeNtp(message, packet, packet.payload, packet.payloadEnd);
}
