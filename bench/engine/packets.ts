/** The bytes of steps: what clients, servers and routers send. */
import type { Engine } from '../../src/core/engine.js';
import { type AddressWords, sameAddress } from '../../src/model/address.js';
import {
  type Endpoint,
  icmpPacket,
  SYN_ACK_OPTIONS,
  SYN_OPTIONS,
  tcpPacket,
  translated,
} from '../../src/sim/packets.js';
import { FLAG } from '../../src/wire/packet.js';
import type { AttemptLog, LeftAttempt } from './attempt-log.js';
import { flowAt, ISNS, words } from './flows.js';
import type { StepOf } from './steps.js';

const SETUP_OPTIONS: readonly (readonly number[])[] = [
  SYN_OPTIONS,
  [],
  // MP_CAPABLE, MP_JOIN, MD5, and more than a copy keeps.
  [2, 4, 5, 180, 30, 4, 0x01, 0x81],
  [30, 12, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  [19, 18, ...new Array<number>(16).fill(7)],
  [...SYN_OPTIONS, 34, 18, ...new Array<number>(16).fill(3)],
];

const LOOKS: readonly (readonly number[])[] = [SYN_ACK_OPTIONS, [], [2, 4, 5, 180]];

export function setupBytes(step: StepOf<'setup'>): Uint8Array {
  const { client, server, family } = flowAt(step.flow);
  return tcpPacket({
    from: client,
    to: server,
    sequence: ISNS[step.isn],
    acknowledgement: 0,
    flags: step.flags,
    options: SETUP_OPTIONS[step.options],
    ttl: step.ttl,
    ipOptions: family === 4 ? step.ipOptions : 0,
    data: step.data,
  });
}

/** null: no attempt has left yet. */
export function answerBytes(step: StepOf<'answer'>, log: AttemptLog, engine: Engine): Uint8Array | null {
  const left = log.last(step.of);
  if (left === null) return null;
  const { token } = left;
  return tcpPacket({
    from: { address: left.server, port: left.serverPort },
    to: endsOf(step.ends, left, engine),
    sequence: 5_000_000,
    acknowledgement: { right: token + 1, isn: token, word: step.word }[step.ack],
    flags: step.flags,
    options: (step.flags & FLAG.SYN) !== 0 ? LOOKS[step.look] : [],
  });
}

export function flippedBytes({ of, at, bits }: StepOf<'flipped'>, log: AttemptLog): Uint8Array | null {
  const left = log.last(of);
  if (left === null) return null;
  const to: Endpoint = { address: left.address, port: left.port };
  const bytes = tcpPacket({
    from: { address: left.server, port: left.serverPort },
    to,
    sequence: 5_000_000,
    acknowledgement: left.token + 1,
    flags: FLAG.SYN | FLAG.ACK,
    options: SYN_ACK_OPTIONS,
  });
  const place = at % bytes.length;
  bytes[place] ^= bits;
  // With right checksums wherever it is still a packet whose ends can be written again.
  const isHeader = place < (left.family === 4 ? 20 : 40);
  return isHeader ? bytes : translated(bytes, { destination: to });
}

export function icmpBytes(step: StepOf<'icmp'>, log: AttemptLog, engine: Engine): Uint8Array | null {
  const left = log.last(step.of);
  if (left === null) return null;
  const source = endsOf(step.ends, left, engine);
  const quote = tcpPacket({
    from: source,
    to: { address: left.server, port: left.serverPort },
    sequence: step.isn ? left.token : left.token ^ 1,
    acknowledgement: 0,
    flags: FLAG.SYN,
  });
  const router = ROUTERS[left.family];
  return icmpPacket({
    from: step.fromServer ? left.server : router,
    to: source.address,
    type: TYPES[left.family][step.type],
    code: step.code,
    mtu: step.mtu,
    quote,
    quoteBytes: step.quoteBytes,
  });
}

const TYPES = { 4: [3, 11, 12, 3], 6: [1, 3, 4, 2] } as const;
const ROUTERS = { 4: words('203.0.200.1'), 6: words('2001:db8:ffff::1') } as const;
const STRAY = { 4: words('203.0.77.77'), 6: words('2001:db8:ffff::77') } as const;

/** Ours, as an answer names them: what the attempt left with, what a copy would leave with now, the client's own, or others. */
function endsOf(which: StepOf<'answer'>['ends'], left: LeftAttempt, engine: Engine): Endpoint {
  const { family, route, race, address, port } = left;
  switch (which) {
    case 'left':
      return { address, port };
    case 'client':
      return { address: left.client, port: left.clientPort };
    case 'stray':
      return { address: STRAY[family], port };
    case 'now': {
      const pool = engine.routes[route - 1].addresses[family];
      const now: AddressWords = pool.length === 0 ? address : pool.slice(0, 4);
      return { address: now, port: isSame(left, engine) ? engine.races.natPort[race] : port };
    }
  }
}

function isSame({ race, server }: LeftAttempt, { races }: Engine): boolean {
  return !races.isFree(race) && sameAddress(races.destination, race * 4, server, 0);
}
