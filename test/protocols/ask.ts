/** A protocol of the guide's own: a client asks a question over UDP, port 7007, and the server answers, or says that it does not. */
import { TIMES } from '../../src/core/memory/times.js';
import { JUDGEMENT } from '../../src/core/protocols/judgement.js';
import type { Protocol } from '../../src/core/protocols/protocol.js';
import { type Packet, PROTOCOL } from '../../src/wire/packet.js';

const PORT = 7007;
const UDP_HEADER = 8;
/** A message is its kind and a number that the client has chosen. */
export const KIND = { QUESTION: 1, ORDER: 2, ANSWER: 3, NO: 4 } as const;
export const MESSAGE_LENGTH = 5;

export const ask: Protocol = {
  name: 'ask',
  transport: PROTOCOL.UDP,
  words: {
    starts: 'a question to port 7007',
    copied: 'the question; never an order, which must not be carried out twice',
    wins: 'the first answer with the number of the question',
    waits: 'a no, while another route may still answer',
    loses: 'not at all: a server forgets its questions',
    ends: 'the answer',
    follows: 'nothing',
  },
  start(packet) {
    if (packet.protocol !== PROTOCOL.UDP || packet.destinationPort !== PORT) return 'not-mine';
    const kind = kindOf(packet);
    if (kind === KIND.QUESTION) return 'copy';
    return kind === KIND.ORDER ? 'not-a-set-up' : 'not-mine';
  },
  token: numberOf,
  // How copies look is not said here: the front end of this test shows packets to the engine and sends none.
  packets: null,
  judge(packet, token, judgement) {
    judgement.isWaiting = false;
    judgement.counted = 'not-ours';
    const kind = numberOf(packet) === token ? kindOf(packet) : 0;
    if (kind === KIND.ANSWER) {
      judgement.kind = JUDGEMENT.ANSWER;
      judgement.proven = true;
      judgement.outcome = 'first-reply';
      judgement.shape = 0;
      judgement.proof = 0;
    } else {
      judgement.kind = kind === KIND.NO ? JUDGEMENT.REFUSAL : JUDGEMENT.STRAY;
    }
  },
  datagrams: null,
  opening: null,
  takesRest: false,
  groups: true,
  answersOnce: false,
  times: TIMES.CONNECT,
  // A quote of eight bytes has the ports, and no byte of the message.
  isQuoted: () => true,
  proof: () => 0,
  isWaiting: () => false,
  cancelsSilent: false,
  ends: (packet) => kindOf(packet) === KIND.ANSWER,
  follows: null,
};

function kindOf({ view, transport, end }: Packet): number {
  return transport + UDP_HEADER + MESSAGE_LENGTH > end ? 0 : view.getUint8(transport + UDP_HEADER);
}

function numberOf({ view, transport, end }: Packet): number {
  return transport + UDP_HEADER + MESSAGE_LENGTH > end ? 0 : view.getInt32(transport + UDP_HEADER + 1);
}
