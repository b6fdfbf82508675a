/**
 * Connections that a front end in user space opens itself, in place of copies: what it is asked to connect comes as a `setup`
 * with this transport and its ends, what became of each attempt as an `outcome`. Every attempt gets one outcome, or a `cancel`:
 * the front end then closes it and tells nothing more of it.
 */
import { TIMES } from '../memory/times.js';
import { JUDGEMENT } from './judgement.js';
import type { Protocol } from './protocol.js';

/** No number of the IP header: nothing on a wire can be taken for it. */
export const SOCKET = 0x100;

export const socket: Protocol = {
  name: 'socket',
  transport: SOCKET,
  words: {
    starts: 'a request to connect, from a client of a proxy',
    copied: 'the proxy opens one connection of its own per route',
    wins: 'the first connection that is established',
    waits: 'a refused or failed connection, while another route may still say yes',
    loses: 'by being closed',
    ends: 'the proxy says when',
    follows: 'nothing',
  },
  start: (packet) => (packet.protocol === SOCKET ? 'copy' : 'not-mine'),
  // Whoever opens connections numbers them where the same ends come again.
  token: (packet) => packet.sequence,
  packets: null,
  judge(_packet, _token, judgement) {
    judgement.kind = JUDGEMENT.STRAY;
    judgement.counted = 'not-ours';
    judgement.isWaiting = false;
  },
  datagrams: null,
  opening: null,
  takesRest: false,
  groups: true,
  answersOnce: false,
  times: TIMES.CONNECT,
  isQuoted: () => false,
  proof: () => 0,
  isWaiting: () => false,
  cancelsSilent: true,
  ends: () => false,
  follows: null,
};
