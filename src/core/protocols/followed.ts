/** What goes by the route of something else and is never copied, in words: for docs/protocols.md, beside the protocols that are raced. */
import { TUNNEL_PROTOCOLS } from '../../model/tunnels.js';
import type { ProtocolWords } from './protocol.js';

export interface FollowedWords {
  readonly name: string;
  readonly words: ProtocolWords;
}

/** A connection is raced by its SYN, and read afterwards. */
const BY_SYN = {
  copied: 'the SYN of its connection, as any (tcp); of what is said in it, nothing',
  wins: 'the first SYN+ACK',
  waits: 'a reset and ICMP errors (tcp)',
  loses: 'by a reset',
} as const;

const NEVER_COPIED = {
  copied: 'nothing: a criterion chooses one route',
  wins: 'nothing: that route carries it',
  waits: 'nothing',
  loses: 'there is none',
} as const;

/** Read or helped where `follow` names them; tunnels always. */
export const FOLLOWED_WORDS: readonly FollowedWords[] = [
  {
    name: 'h323',
    words: {
      ...BY_SYN,
      starts: 'a connection to port 1720, and in it Setup; over UDP an admission at a gatekeeper, port 1719',
      ends: 'ReleaseComplete, or the end of its connection',
      follows:
        'the H.245 connection, whoever opens it, and RTP and RTCP of the channels agreed in it or by fast connect',
    },
  },
  {
    name: 'rtsp',
    words: {
      ...BY_SYN,
      starts: 'a connection to port 554 or 8554, and in it SETUP',
      ends: 'TEARDOWN, or the end of its connection',
      follows:
        'RTP and RTCP of each Transport header, also where the server sends first; media connections over TCP',
    },
  },
  {
    name: 'ftp',
    words: {
      ...BY_SYN,
      starts: 'a connection to port 21, which the kernel’s helper reads',
      ends: 'FIN of both sides, or a reset',
      follows: 'data connections, active and passive',
    },
  },
  {
    name: 'tftp',
    words: {
      ...NEVER_COPIED,
      starts: 'a request to port 69, which the kernel’s helper reads',
      ends: 'the kernel’s time-out',
      follows: 'the data, which comes from another port',
    },
  },
  {
    name: 'tunnels',
    words: {
      ...NEVER_COPIED,
      starts: `IP protocols ${TUNNEL_PROTOCOLS.join(', ')} (GRE, ESP, AH); IKE, UDP 500 and 4500; the connection of PPTP, TCP 1723, which may be raced`,
      ends: 'the kernel’s time-outs of all flows between the two hosts',
      follows: 'each other: whatever of these goes between a client and a server goes by one route',
    },
  },
];
