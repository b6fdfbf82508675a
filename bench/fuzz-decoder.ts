/** Hostile packets into the decoder, and what it accepts into every builder. Whatever it says, it must say it truly. */

import { DECODE_REASONS } from '../src/model/reasons.js';
import { random, subSeed } from '../src/sim/random.js';
import {
  buildCopy,
  buildIcmpError,
  buildReset,
  type CopyFields,
  type Ends,
  MAX_BUILT_LENGTH,
  MAX_SETUP_LENGTH,
  type PacketSpace,
  type StoredSetup,
  setupLength,
  storeSetup,
} from '../src/wire/build.js';
import { createPacket, DECODE, decode, FLAG, type Packet, PROTOCOL } from '../src/wire/packet.js';
import { buildDatagram, buildReply } from '../src/wire/udp.js';
import { viewed } from '../src/wire/viewed-bytes.js';
import { corpus, LONGEST, mutate } from './fuzz-mutate.js';
import { isSealed } from './fuzz-packets.js';

export interface DecoderReport {
  readonly packets: number;
  readonly perSecond: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** Packets that builders made of accepted ones. */
  readonly built: number;
  /** Heap in use after a tenth and at the end, MB. */
  readonly heapMb: readonly [number, number];
  /** The packet that broke a promise, as hex, and how; null when none did. */
  readonly failure: { readonly packet: string; readonly why: string } | null;
}

const ROOM = 4096;
const SLACK = ROOM - 2 * LONGEST;

/** Deterministic for a seed, but for the time it takes. */
export function fuzzDecoder(count: number, seed: number): DecoderReport {
  const luck = random(subSeed(seed, 1));
  const seeds = corpus();
  const bytes = new Uint8Array(ROOM);
  const space = viewed(bytes);
  const packet = createPacket();
  const reasons = new Float64Array(DECODE_REASONS.length);
  const builder = new Builder();
  const started = performance.now();
  let early = 0;
  let failure: DecoderReport['failure'] = null;
  let done = 0;
  for (; done < count && failure === null; done++) {
    if (done === Math.floor(count / 10)) early = heapMb();
    const at = Math.floor(luck() * SLACK);
    const length = mutate(seeds[Math.floor(luck() * seeds.length)], bytes, at, luck);
    const cut = luck() < 0.1 ? Math.floor(luck() * 200) : 0;
    try {
      const result = decode(packet, space, at, at + length, length + cut);
      reasons[result]++;
      if (result === DECODE.OK && packet.protocol !== PROTOCOL.UDP) {
        checkInside(packet, at, at + length);
        if (cut === 0) check(isSealed(bytes, at, packet.end), 'accepted with a wrong checksum');
        builder.build(packet, luck);
      } else if ((result === DECODE.OK || result === DECODE.PROTOCOL) && packet.protocol === PROTOCOL.UDP) {
        checkDatagram(packet, at, at + length);
        if (cut === 0) builder.translate(packet);
      }
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failure = { packet: Buffer.from(bytes.subarray(at, at + length)).toString('hex'), why };
    }
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    packets: done,
    perSecond: Math.round(done / seconds),
    reasons: Object.fromEntries(DECODE_REASONS.map((reason, i) => [reason, reasons[i]])),
    built: builder.built,
    heapMb: [early, heapMb()],
    failure,
  };
}

function check(condition: boolean, why: string): void {
  if (!condition) throw new RangeError(why);
}

/** After OK no field points outside the packet. */
function checkInside(packet: Packet, start: number, end: number): void {
  check(packet.start === start && packet.end <= end, 'the packet is not where it is');
  check(packet.transport >= start + 20 && packet.transport + 8 <= packet.end, 'transport outside');
  if (packet.protocol !== PROTOCOL.TCP) return;
  check(packet.payload >= packet.transport + 20 && packet.payload <= packet.end, 'payload outside');
  check(
    packet.mssAt === 0 || (packet.mssAt > packet.transport + 20 && packet.mssAt + 2 <= packet.payload),
    'MSS outside',
  );
}

function checkDatagram(packet: Packet, start: number, end: number): void {
  check(packet.start === start && packet.end <= end, 'the datagram is not where it is');
  check(packet.payload === packet.transport + 8 && packet.payload <= packet.payloadEnd, 'payload outside');
  check(packet.payloadEnd <= packet.end, 'payload longer than its packet');
}

const SOURCE = { 4: Int32Array.of(0, 0, 0xffff, 0x0b000002), 6: Int32Array.of(0x20010db8, 1, 0, 2) } as const;

/** Every builder, in a buffer whose ends are watched. */
class Builder {
  built = 0;
  private readonly out = new Uint8Array(MAX_BUILT_LENGTH + 128);
  private readonly view = new DataView(this.out.buffer);
  private readonly space: PacketSpace = { bytes: this.out, view: this.view, at: 64 };
  private readonly setup: StoredSetup = { bytes: new Uint8Array(MAX_SETUP_LENGTH + 64), at: 32, length: 0 };
  private readonly again = createPacket();
  private readonly fields: CopyFields = {
    source: SOURCE[4],
    sourceAt: 0,
    sourcePort: 50000,
    mss: 1400,
    isPlain: false,
  };
  private readonly ends: Ends = {
    family: 4,
    source: SOURCE[4],
    sourceAt: 0,
    sourcePort: 443,
    destination: SOURCE[4],
    destinationAt: 0,
    destinationPort: 50000,
  };

  build(packet: Packet, luck: () => number): void {
    const { ends, setup, space } = this;
    ends.family = packet.family;
    ends.source = packet.destination;
    ends.destination = packet.source;
    if (packet.protocol !== PROTOCOL.TCP) return;
    this.verify(buildReset(ends, packet.acknowledgement, luck() < 0.5 ? null : packet.sequence, space));
    if ((packet.flags & FLAG.SYN) === 0 || setupLength(packet) > MAX_SETUP_LENGTH || packet.ttl < 2) return;
    this.out.fill(0xa5, 0, 64);
    setup.length = storeSetup(packet, setup.bytes, setup.at);
    this.fields.source = SOURCE[packet.family];
    this.fields.mss = 500 + Math.floor(luck() * 9000);
    this.verify(buildCopy(setup, this.fields, space));
    check(this.again.ttl === packet.ttl - 1 && this.again.sequence === packet.sequence, 'not a copy');
    check(this.again.payload === 64 + setup.length, 'a copy with a payload');
    const type = packet.family === 4 ? 3 : 1;
    const quoted = buildIcmpError(ends, type, 1, setup, space);
    // An error about a packet with extension headers is right, and too clever for our own reader.
    if (packet.family === 4 || !packet.hasIpOptions) this.verify(quoted);
  }

  /** A datagram with either end translated. */
  translate(packet: Packet): void {
    const { out, space, again } = this;
    const { bytes, start: at, end, family } = packet;
    const stored = { bytes, at, length: end - at };
    const newEnd = { address: SOURCE[family], at: 0, port: 50000 };
    out.fill(0xa5);
    for (const build of [buildDatagram, buildReply]) {
      const length = build(stored, newEnd, space);
      if (packet.ttl < 2 || stored.length > out.length - space.at) {
        check(length === 0, 'built without room, or what ends here');
        continue;
      }
      this.built++;
      check(length === stored.length, 'another length');
      check(
        out[63] === 0xa5 && (64 + length === out.length || out[64 + length] === 0xa5),
        'written around it',
      );
      check(decode(again, space, 64, 64 + length) === DECODE.OK, 'built a datagram that is refused');
      check(isSealed(out, 64, 64 + length), 'built a datagram with a wrong checksum');
      out.fill(0xa5, 64, 64 + length);
    }
  }

  /** What was built decodes, and nothing was written around it. */
  private verify(length: number): void {
    this.built++;
    check(length <= MAX_BUILT_LENGTH, 'longer than announced');
    const result = decode(this.again, this.space, 64, 64 + length);
    check(result === DECODE.OK, `built a packet that is refused: ${DECODE_REASONS[result]}`);
    check(isSealed(this.out, 64, 64 + length), 'built a packet with a wrong checksum');
  }
}

function heapMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round((process.memoryUsage().heapUsed / 1048576) * 10) / 10;
}
