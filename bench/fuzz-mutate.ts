/** Hostile packets: right ones with something done to them. In place and without allocation, so that millions are quick. */
import type { Random } from '../src/sim/random.js';
import { type Bytes, icmpPacket, seal, TCP, tcpPacket, transportOf, udpPacket } from './fuzz-packets.js';

/** Longest packet that a mutation makes. */
export const LONGEST = 300;

const A = [192, 168, 1, 10];
const B = [198, 51, 100, 7];
const A6 = [0xfd, ...new Array<number>(14).fill(0), 0x10];
const B6 = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7];

/** Options as real stacks send them, and the ones with a meaning for a race. */
const OPTIONS: readonly (readonly number[])[] = [
  [],
  [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x3b, 0x9a, 0xca, 0, 0, 0, 0, 0, 1, 3, 3, 7],
  [2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2],
  [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1],
  [254, 8, 0xf9, 0x89, 1, 2, 3, 4, 2, 4, 0x23, 0x28],
  [30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 5, 0xb4],
  [30, 12, 0x10, 0x01, 1, 2, 3, 4, 5, 6, 7, 8],
  [19, 18, ...new Array<number>(16).fill(7), 0, 0],
  [29, 16, 1, 1, ...new Array<number>(12).fill(9)],
  [0, 0, 0, 0],
  [5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 1, 1],
];

const EXTENSIONS = [
  [],
  [{ type: 0, body: [5, 2, 0, 0, 1, 0] }],
  [
    { type: 60, body: [1, 12, ...new Array<number>(12).fill(0)] },
    { type: 43, body: [0, 0, 0, 0, 0, 0] },
  ],
];

/** Packets to begin with: every kind that the engine looks at, in both families. */
export function corpus(): readonly Bytes[] {
  const packets: Bytes[] = [];
  for (const [source, destination] of [
    [A, B],
    [A6, B6],
  ]) {
    const ends = { source, destination, sourcePort: 40000, destinationPort: 443, sequence: 0x9abcdef0 };
    for (const tcpOptions of OPTIONS) packets.push(tcpPacket({ ...ends, flags: 0x02, tcpOptions }));
    for (const flags of [0x12, 0x14, 0x04, 0x10, 0x18, 0x11, 0xc2, 0x52, 0x00, 0xff]) {
      packets.push(tcpPacket({ ...ends, flags, acknowledgement: 0x12345678, payload: [1, 2, 3] }));
    }
    if (source === A6) {
      for (const extensions of EXTENSIONS) packets.push(tcpPacket({ ...ends, flags: 2, extensions }));
    } else {
      packets.push(tcpPacket({ ...ends, flags: 2, options: [7, 7, 4, 0, 0, 0, 0, 0] }));
      packets.push(tcpPacket({ ...ends, flags: 2, fragment: 0x2000 }));
    }
    for (const payload of [[], [1, 2, 3], new Array<number>(60).fill(7)])
      packets.push(udpPacket({ ...ends, payload }));
    packets.push(udpPacket({ ...ends, payload: [1, 2, 3, 4], surplus: [9, 9, 9] }));
    const quote = [...tcpPacket({ ...ends, source: destination, destination: source, flags: 2 })];
    for (const type of source === A ? [3, 11, 12, 8, 5] : [1, 2, 3, 4, 128, 135]) {
      for (const code of [0, 1, 4, 13])
        packets.push(icmpPacket({ source, destination, type, code, word: 1280, quote }));
    }
  }
  return packets;
}

/** Values at which code breaks. */
const EDGES = [
  0, 1, 2, 3, 4, 5, 7, 8, 0x0f, 0x10, 0x3f, 0x40, 0x44, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xf0, 0xfe, 0xff,
];

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/**
 * Writes a mutation of `packet` to `out` at `at`, where LONGEST bytes have room; gives its length. In most cases the
 * checksums are made right afterwards, so that what lies behind them is reached.
 */
export function mutate(packet: Bytes, out: Bytes, at: number, random: Random): number {
  let length = packet.length;
  for (let i = 0; i < length; i++) out[at + i] = packet[i];
  const times = below(random, 4);
  for (let n = 0; n < times && length > 0; n++) length = mutateOnce(out, at, length, random);
  if (random() < 0.75) seal(out, at, at + length);
  return length;
}

function mutateOnce(out: Bytes, at: number, length: number, random: Random): number {
  switch (below(random, 9)) {
    case 0:
      out[at + below(random, length)] ^= 1 << below(random, 8);
      return length;
    case 1:
      out[at + below(random, length)] = below(random, 256);
      return length;
    case 2:
    case 3:
      out[at + below(random, length)] = EDGES[below(random, EDGES.length)];
      return length;
    case 4:
      return cut(out, at, below(random, length + 1));
    case 5:
      return grow(out, at, length, random);
    case 6:
      optionByte(out, at, length, random);
      return length;
    case 7:
      portZero(out, at, length, random);
      return length;
    default:
      swap(out, at, length, random);
      return length;
  }
}

/** Shorter; half of the time the header knows. */
function cut(out: Bytes, at: number, length: number): number {
  if (length % 2 === 0) tell(out, at, length);
  return length;
}

function grow(out: Bytes, at: number, length: number, random: Random): number {
  const more = Math.min(LONGEST - length, below(random, 60));
  for (let i = 0; i < more; i++) out[at + length + i] = below(random, 256);
  if (more % 2 === 0) tell(out, at, length + more);
  return length + more;
}

/** Writes the length into the IP header, where there is one. */
function tell(out: Bytes, at: number, length: number): void {
  const is4 = out[at] >> 4 === 4;
  const told = is4 ? length : Math.max(0, length - 40);
  const field = at + (is4 ? 2 : 4);
  if (length < 6) return;
  out[field] = told >> 8;
  out[field + 1] = told & 255;
}

/** A byte of the TCP options, or the header length before them. */
function optionByte(out: Bytes, at: number, length: number, random: Random): void {
  const transport = transportOf(out, at, at + length);
  if (transport === null || transport.protocol !== TCP || transport.at + 21 >= at + length) return;
  const room = at + length - transport.at - 20;
  if (random() < 0.2) out[transport.at + 12] = below(random, 16) << 4;
  else out[transport.at + 20 + below(random, Math.min(40, room))] = EDGES[below(random, EDGES.length)];
}

/** No port at one end: both of its bytes at once, which single bytes hardly ever hit. */
function portZero(out: Bytes, at: number, length: number, random: Random): void {
  const transport = transportOf(out, at, at + length);
  if (transport === null || transport.protocol !== TCP || transport.at + 4 > at + length) return;
  const port = transport.at + (random() < 0.5 ? 0 : 2);
  out[port] = 0;
  out[port + 1] = 0;
}

function swap(out: Bytes, at: number, length: number, random: Random): void {
  const one = at + below(random, length);
  const other = at + below(random, length);
  const byte = out[one];
  out[one] = out[other];
  out[other] = byte;
}
