/** TCP from the first reply to the first payload: what is said on each side, in one client's name to several servers. */
import {
  buildSegment,
  type Ends,
  type PacketSpace,
  type Segment,
  type StoredSetup,
} from '../../wire/build.js';
import { createHttpRequest, decodeHttpRequest, HTTP } from '../../wire/http-request.js';
import { FLAG, type Packet } from '../../wire/packet.js';
import { windowScaleOf } from '../../wire/tcp-options.js';
import { createClientHello, decodeClientHello, HELLO } from '../../wire/tls-hello.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';
import { type FirstWords, type Opening, SAYS, type Saying } from './opening.js';

export const tcpOpening: Opening = {
  window(setup) {
    const scale = windowScaleOf(setup);
    return Math.max(1, setup.view.getUint16(setup.transport + 14) >>> Math.max(0, scale));
  },
  offer: windowScaleOf,
  segment: (answer) =>
    answer.mssAt === 0 ? DEFAULT_MSS[answer.family] : answer.view.getUint16(answer.mssAt),
  shifts(client, shown, own) {
    // Who has not offered a scale has none, and the other side has none either (RFC 7323 section 2.2).
    const scaleOf = (offer: number): number => Math.max(0, offer);
    const of = (server: number): number => (server < 0 ? 0 : scaleOf(client));
    return {
      reply: client < 0 ? 0 : scaleOf(own) - scaleOf(shown),
      original: of(shown) - of(own),
    };
  },
  ofServer,
  ofClient,
  judge,
  write,
  proof: (token, taken) => (token + 1 + taken) | 0,
  reset(token, sequence, taken, words, at) {
    words[at] = (sequence + 1) | 0;
    words[at + 1] = (token + 1 + taken) | 0;
  },
};

/** Of a server that says none (RFC 9293 section 3.7.1). */
const DEFAULT_MSS = { 4: 536, 6: 1220 } as const;
/** What is further ahead belongs to no first payload. */
const MOST_AHEAD = 1 << 20;

function lengthOf(packet: Packet): number {
  return packet.payloadEnd - packet.payload;
}

/** From a server whose handshake is complete. A reset counts at the very number that is expected (RFC 5961 section 3.2). */
function ofServer(packet: Packet, token: number, sequence: number, given: number, says: Saying): void {
  const { flags } = packet;
  says.kind = SAYS.STRAY;
  says.at = (packet.sequence - sequence - 1) | 0;
  says.length = lengthOf(packet);
  says.acknowledged = (packet.acknowledgement - token - 1) | 0;
  if ((flags & FLAG.RST) !== 0) {
    if (says.at === 0) says.kind = SAYS.RESETS;
    return;
  }
  const isKnown = says.acknowledged >= 0 && says.acknowledged <= given;
  if ((flags & (FLAG.SYN | FLAG.ACK)) !== FLAG.ACK || !isKnown || says.at < 0 || says.at > MOST_AHEAD) return;
  if (says.length > 0) says.kind = SAYS.PAYLOAD;
  else says.kind = (flags & FLAG.FIN) !== 0 ? SAYS.ENDS : SAYS.NOTHING;
}

function ofClient(packet: Packet, token: number, says: Saying): void {
  const { flags } = packet;
  says.at = (packet.sequence - token - 1) | 0;
  says.length = lengthOf(packet);
  says.acknowledged = 0;
  if ((flags & FLAG.RST) !== 0) says.kind = SAYS.RESETS;
  else if ((flags & FLAG.FIN) !== 0) says.kind = SAYS.ENDS;
  else if ((flags & (FLAG.SYN | FLAG.ACK)) !== FLAG.ACK) says.kind = SAYS.NOTHING;
  else says.kind = says.length > 0 ? SAYS.PAYLOAD : SAYS.NOTHING;
}

/** A ClientHello without early data (RFC 8446 section 8), or one safe request (RFC 9110 section 9.2.1); nothing behind either. */
function judge(space: ViewedBytes, start: number, end: number): FirstWords {
  const tls = decodeClientHello(hello, space, start, end);
  if (tls === HELLO.CLIENT_HELLO) return hello.hasEarlyData || hello.isFollowed ? 'unsafe' : 'safe';
  if (tls === HELLO.INCOMPLETE) return 'incomplete';
  const http = decodeHttpRequest(request, space, start, end);
  if (http === HTTP.INCOMPLETE) return 'incomplete';
  return http === HTTP.SAFE ? 'safe' : 'unsafe';
}
const hello = createClientHello();
const request = createHttpRequest();

/** All of `data`, or an acknowledgement alone. */
function write(
  ends: Ends,
  { token, sequence, window, taken }: { token: number; sequence: number; window: number; taken: number },
  data: StoredSetup,
  space: PacketSpace,
): number {
  segment.sequence = (token + 1 + taken) | 0;
  segment.acknowledgement = (sequence + 1) | 0;
  segment.flags = data.length > 0 ? FLAG.ACK | FLAG.PSH : FLAG.ACK;
  segment.window = window;
  segment.data = data;
  return buildSegment(ends, segment, space);
}
const segment: Segment = {
  sequence: 0,
  acknowledgement: 0,
  flags: 0,
  window: 0,
  data: { bytes: new Uint8Array(0), at: 0, length: 0 },
};
