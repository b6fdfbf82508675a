/** Small helpers around the packet codec for tests. */

import { parseAddress } from '../../src/model/address.js';
import { DECODE_REASONS, type DecodeReason } from '../../src/model/reasons.js';
import { type Ends, MAX_BUILT_LENGTH, type PacketSpace, type StoredSetup } from '../../src/wire/build.js';
import { createWriter, type Writer } from '../../src/wire/netlink/message.js';
import { createPacket, decode, type Packet } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

/** Decodes into a fresh view; the reason by its word. */
export function read(bytes: Uint8Array, wireLength?: number): { reason: DecodeReason; packet: Packet } {
  const packet = createPacket();
  const reason = decode(packet, viewed(bytes), 0, bytes.length, wireLength);
  return { reason: DECODE_REASONS[reason], packet };
}

/** Runs a builder in a dirty buffer at an odd offset; gives what it wrote, and checks that it wrote nothing else. */
export function built(build: (space: PacketSpace) => number): Uint8Array {
  const at = 33;
  const out = new Uint8Array(at + MAX_BUILT_LENGTH + 64).fill(0xa5);
  const length = build({ bytes: out, view: new DataView(out.buffer), at });
  for (let i = 0; i < out.length; i++) {
    if ((i < at || i >= at + length) && out[i] !== 0xa5)
      throw new Error(`byte ${i - at} written, length ${length}`);
  }
  return out.slice(at, at + length);
}

/** A set-up packet that is kept at some place of a buffer. */
export function stored(bytes: Uint8Array, at: number, length: number): StoredSetup {
  return { bytes, at, length };
}

/** The same for a netlink encoder, behind another message; gives hexadecimal digits. */
export function encoded(encode: (writer: Writer) => void): string {
  const at = 64;
  const out = new Uint8Array(2048).fill(0xa5);
  const writer = createWriter(out, new DataView(out.buffer));
  writer.length = at;
  encode(writer);
  for (let i = 0; i < out.length; i++) {
    if ((i < at || i >= writer.length) && out[i] !== 0xa5)
      throw new Error(`byte ${i - at} written, length ${writer.length - at}`);
  }
  return Buffer.from(out.slice(at, writer.length)).toString('hex');
}

/** Hexadecimal digits, grouped by blanks for the reader. */
export function hex(...parts: readonly string[]): string {
  return parts.join('').replaceAll(' ', '');
}

export function words(text: string): Int32Array {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`not an address: ${text}`);
  return parsed;
}

export function ends(source: string, sourcePort: number, destination: string, destinationPort: number): Ends {
  return {
    family: source.includes(':') ? 6 : 4,
    source: words(source),
    sourceAt: 0,
    sourcePort,
    destination: words(destination),
    destinationAt: 0,
    destinationPort,
  };
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
