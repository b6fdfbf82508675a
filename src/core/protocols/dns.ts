/** DNS over UDP: the query is copied, the first full answer wins; errors and empty answers wait. RFC 1035, 5452. */
import {
  createDnsMessage,
  DNS_ANSWER,
  DNS_QUERY,
  DNS_RCODE,
  type DnsMessage,
  decodeDnsMessage,
  dnsAnswerKind,
  dnsQueryKind,
} from '../../wire/dns-message.js';
import type { Packet } from '../../wire/packet.js';
import { TIMES } from '../memory/times.js';
import { answer, DATAGRAM, isDatagram, refuse, stray, whyNoCopy } from './datagram.js';
import type { Judgement } from './judgement.js';
import { ASKED_WORDS, type Asked, MOST_QUESTIONS, type Protocol, type Start } from './protocol.js';

const PORT = 53;

export const dns: Protocol = {
  ...DATAGRAM,
  name: 'dns',
  words: {
    starts: 'a message to port 53, or to a port of a service that `speaks: dns`',
    copied:
      'a query with one question; never UPDATE, NOTIFY, transfers of zones, or what makes keys: these go by one route',
    wins: 'the first answer with the id and the question of the query that says something: addresses, other records, or that there is no such name',
    waits: 'SERVFAIL, REFUSED and other errors, and empty answers, while another route may still say more',
    loses: 'not at all: a server forgets its questions; what it says later ends here',
    ends: 'the answer',
    follows: 'nothing',
  },
  start,
  token: () => 0,
  // Resolvers ask for both families from one port; and again after 376 ms at the soonest.
  datagrams: { flightMicros: 300_000, note, questions },
  groups: false,
  times: TIMES.DNS,
  judge,
  ends: () => false,
};

const message = createDnsMessage();

function start(packet: Packet, isSpoken: boolean): Start {
  if (!isDatagram(packet) || !(isSpoken || packet.destinationPort === PORT)) return 'not-mine';
  const why = whyNoCopy(packet);
  if (why !== null) return why;
  return decode(packet) && dnsQueryKind(message) === DNS_QUERY.COPY ? 'copy' : 'single';
}

function note(packet: Packet, { words, at }: Asked, isFirst: boolean): void {
  if (isFirst) words.fill(NONE, at, at + ASKED_WORDS);
  if (!decode(packet)) return;
  let free = at;
  // Two words for each question: its id, and a hash of its bytes.
  for (; free < at + ASKED_WORDS && words[free] !== NONE; free += 2)
    if (words[free] === message.id && words[free + 1] === message.exactHash) return;
  // The oldest one has been answered, or has waited in vain.
  if (free === at + ASKED_WORDS) {
    words.copyWithin(at, at + 2, at + ASKED_WORDS);
    free -= 2;
  }
  words[free] = message.id;
  words[free + 1] = message.exactHash;
}
/** No id. */
const NONE = -1;

function questions({ words, at }: Asked): number {
  let count = 0;
  while (count < MOST_QUESTIONS && words[at + 2 * count] !== NONE) count++;
  return count;
}

function judge(packet: Packet, _token: number, judgement: Judgement, { words, at }: Asked): void {
  if (!decode(packet)) return stray(judgement);
  for (let question = 0; question < MOST_QUESTIONS; question++) {
    const slot = at + 2 * question;
    switch (dnsAnswerKind(message, words[slot], words[slot + 1])) {
      case DNS_ANSWER.POSITIVE:
        return answer(judgement, true, question);
      case DNS_ANSWER.NEGATIVE:
        return refuse(judgement, rankOf(message), question);
    }
  }
  stray(judgement);
}

/** An empty answer says more than an error, and that of a server that has tried more than that of one that would not. */
function rankOf({ rcode }: DnsMessage): number {
  if (rcode === DNS_RCODE.NOERROR) return 3;
  return rcode === DNS_RCODE.SERVFAIL ? 2 : 1;
}

function decode(packet: Packet): boolean {
  return decodeDnsMessage(message, packet, packet.payload, packet.payloadEnd);
}
