/** The oracle: counts of what passed at each provider, and the headers of the latest packets. */
import type { Direction, PacketKind } from '../../src/sim/scenario.js';
import { decode, matchesFilter } from './decode.js';
import type { Packet } from './packet.js';
import type { DirectionCounts, DropReason, ProviderCounts, TraceFilter, WirePacket } from './protocol.js';

// BOUNDED: the newest RECORDS packets, 8 MB; older ones are overwritten.
const RECORDS = 65536;
/** 8 bytes time, 1 provider, 1 direction and fate, 2 length, then the start of the IP packet. */
const RECORD_BYTES = 128;
const HEADER_BYTES = 12;
const FATES = [
  'passed',
  'fault',
  'loss',
  'blackhole',
  'queue',
  'mtu',
  'intercepted',
  'rejected',
  'no-route',
  'ttl',
  'overflow',
] as const satisfies readonly WirePacket['fate'][];
const FATE_NUMBER = new Map<WirePacket['fate'], number>(FATES.map((fate, index) => [fate, index]));

export class Capture {
  readonly #names: readonly string[];
  readonly #counts: ProviderCounts[];
  readonly #ring = Buffer.alloc(RECORDS * RECORD_BYTES);
  #written = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#counts = names.map(() => ({ out: noCounts(), in: noCounts() }));
  }

  passed(packet: Packet, provider: number, direction: Direction, at: number): void {
    const counts = (this.#counts[provider] as ProviderCounts)[direction];
    counts.packets++;
    counts.bytes += packet.length;
    counts.kinds[packet.kind]++;
    this.#record(packet, provider, direction, at, 0);
  }

  /** A packet of direction `out` was sent by the gateway and counts as such, too. */
  dropped(packet: Packet, provider: number, direction: Direction, at: number, why: DropReason): void {
    const counts = (this.#counts[provider] as ProviderCounts)[direction];
    counts.dropped[why]++;
    if (direction === 'out') {
      counts.packets++;
      counts.bytes += packet.length;
      counts.kinds[packet.kind]++;
    }
    this.#record(packet, provider, direction, at, FATE_NUMBER.get(why) as number);
  }

  counts(): Record<string, ProviderCounts> {
    return Object.fromEntries(
      this.#names.map((name, index) => [name, this.#counts[index] as ProviderCounts]),
    );
  }

  reset(): void {
    this.#counts.forEach((counts) => {
      counts.out = noCounts();
      counts.in = noCounts();
    });
    this.#written = 0;
  }

  /** Oldest first. */
  trace(filter: TraceFilter): WirePacket[] {
    const limit = filter.limit ?? 10_000;
    const oldest = Math.max(0, this.#written - RECORDS);
    const found: WirePacket[] = [];
    for (let index = this.#written - 1; index >= oldest && found.length < limit; index--) {
      const packet = this.#packet((index % RECORDS) * RECORD_BYTES);
      if (packet !== undefined && matchesFilter(packet, filter)) found.push(packet);
    }
    return found.reverse();
  }

  #record(packet: Packet, provider: number, direction: Direction, at: number, fate: number): void {
    const start = (this.#written++ % RECORDS) * RECORD_BYTES;
    this.#ring.writeDoubleLE(at, start);
    this.#ring[start + 8] = provider;
    this.#ring[start + 9] = fate * 2 + (direction === 'out' ? 0 : 1);
    this.#ring.writeUInt16LE(packet.length, start + 10);
    const headers = Math.min(packet.length, RECORD_BYTES - HEADER_BYTES);
    packet.bytes.copy(this.#ring, start + HEADER_BYTES, packet.ip, packet.ip + headers);
  }

  #packet(start: number): WirePacket | undefined {
    const direction: Direction = (this.#ring[start + 9] as number) & 1 ? 'in' : 'out';
    return decode(this.#ring.subarray(start + HEADER_BYTES, start + RECORD_BYTES), {
      at: this.#ring.readDoubleLE(start),
      provider: this.#names[this.#ring[start + 8] as number] as string,
      direction,
      fate: FATES[(this.#ring[start + 9] as number) >> 1] as WirePacket['fate'],
      length: this.#ring.readUInt16LE(start + 10),
    });
  }
}

function noCounts(): DirectionCounts {
  const kinds: Record<PacketKind, number> = {
    syn: 0,
    synack: 0,
    rst: 0,
    fin: 0,
    data: 0,
    ack: 0,
    udp: 0,
    'icmp-error': 0,
    other: 0,
  };
  const dropped = Object.fromEntries(FATES.slice(1).map((fate) => [fate, 0])) as Record<DropReason, number>;
  return { packets: 0, bytes: 0, kinds, dropped };
}
