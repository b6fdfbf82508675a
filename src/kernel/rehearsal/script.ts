/** What the hosts and servers of a rehearsal say: packets of the shapes that most connections begin with. */
import { type AddressWords, type Family, parseAddress } from '../../model/address.js';
import { buildSegment, type Ends, type PacketSpace, sealTcp } from '../../wire/build.js';
import { CTA } from '../../wire/netlink/ctnetlink-attributes.js';
import { createWriter, putBe32 } from '../../wire/netlink/message.js';
import { FLAG, type Packet } from '../../wire/packet.js';
import { viewed } from '../../wire/viewed-bytes.js';

/** MSS 1460, SACK, timestamps, window scale 7: what Linux puts on a SYN. */
const SYN_OPTIONS = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 7];
const OPTIONS = {
  bytes: Uint8Array.from(SYN_OPTIONS),
  at: 0,
  length: SYN_OPTIONS.length,
};
const HEADER = { 4: 20, 6: 40 } as const;
const WINDOW = 64_240;

/** Two blocks for documentation each (RFC 5737, RFC 3849): nothing of this leaves the process. */
const CLIENTS = { 4: parseAddress('192.0.2.0')!, 6: parseAddress('2001:db8::')! };
const SERVERS = { 4: parseAddress('198.51.100.0')!, 6: parseAddress('2001:db8:1::')! };
const OUTSIDE = { 4: parseAddress('203.0.113.0')!, 6: parseAddress('2001:db8:2::')! };

/** The address that a route gives its copies. */
export function outsideOf(family: Family, route: number): Int32Array {
  return nth(OUTSIDE[family], route);
}

/** The route that has given a copy its address. */
export function routeOfCopy({ source }: Packet): number {
  return source[3] & 255;
}

/** Writes the SYN of a client's connection to a server, both by number; returns its length. */
export function writeSyn(
  space: PacketSpace,
  family: Family,
  client: number,
  server: number,
  port: number,
): number {
  ends.family = family;
  ends.source = nth(CLIENTS[family], client);
  ends.sourcePort = port;
  ends.destination = nth(SERVERS[family], server);
  ends.destinationPort = 443;
  segment.flags = FLAG.SYN;
  segment.sequence = port * 77_777;
  segment.acknowledgement = 0;
  return buildWithOptions(space);
}

/** Writes what a server answers to a copy; returns its length. */
export function writeAnswer(space: PacketSpace, copy: Packet, flags: number): number {
  ends.family = copy.family;
  ends.source = copy.destination;
  ends.sourcePort = copy.destinationPort;
  ends.destination = copy.source;
  ends.destinationPort = copy.sourcePort;
  segment.flags = flags;
  segment.sequence = (flags & FLAG.RST) !== 0 ? 0 : copy.sequence ^ 0x55aa55aa;
  segment.acknowledgement = (copy.sequence + 1) | 0;
  return buildWithOptions(space);
}

/** The attributes of an entry that nothing has been put on. */
export function plainEntry(): Uint8Array {
  const bytes = new Uint8Array(64);
  const w = createWriter(bytes, viewed(bytes).view);
  for (const type of [CTA.STATUS, CTA.TIMEOUT, CTA.MARK, CTA.USE, CTA.ID]) putBe32(w, type, 1);
  return bytes.slice(0, w.length);
}

const segment = { sequence: 0, acknowledgement: 0, flags: 0, window: WINDOW, data: OPTIONS };
const ends: Ends = {
  family: 4,
  source: new Int32Array(4),
  sourceAt: 0,
  sourcePort: 0,
  destination: new Int32Array(4),
  destinationAt: 0,
  destinationPort: 0,
};

/** Data becomes options when the header says that it is longer. */
function buildWithOptions(space: PacketSpace): number {
  const length = buildSegment(ends, segment, space);
  const transport = space.at + HEADER[ends.family];
  space.view.setUint8(transport + 12, (5 + OPTIONS.length / 4) << 4);
  sealTcp(space, ends.family, transport, space.at + length);
  return length;
}

function nth(base: AddressWords, number: number): Int32Array {
  const words = Int32Array.from(base);
  words[3] += number;
  return words;
}
