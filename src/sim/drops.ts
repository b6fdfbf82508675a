/** Losses of exactly chosen packets, each used up after its count. */
import { formatAddress, parseAddress } from '../model/address.js';
import type { Packet } from '../wire/packet.js';
import { kindOf } from './packets.js';
import type { Direction, PacketDrop } from './scenario.js';

/** The drops of one provider. */
export class DropList {
  // BOUNDED: what a scenario installs; used-up drops leave.
  private pending: { readonly drop: PacketDrop; seen: number }[] = [];

  add(drop: PacketDrop): void {
    this.pending.push({ drop, seen: 0 });
  }

  get size(): number {
    return this.pending.length;
  }

  /** Whether this packet is to be lost. Every drop that it matches counts it. */
  takes(packet: Packet, direction: Direction): boolean {
    if (this.pending.length === 0) return false;
    let lost = false;
    for (const entry of this.pending) {
      if (!matches(entry.drop, packet, direction)) continue;
      entry.seen++;
      if (entry.seen >= (entry.drop.nth ?? 1)) lost = true;
    }
    this.pending = this.pending.filter(({ drop, seen }) => seen < (drop.nth ?? 1) + (drop.count ?? 1) - 1);
    return lost;
  }
}

function matches(drop: PacketDrop, packet: Packet, direction: Direction): boolean {
  if (kindOf(packet) !== drop.packet) return false;
  if (drop.direction !== undefined && drop.direction !== direction) return false;
  const out = direction === 'out';
  if (drop.port !== undefined && drop.port !== (out ? packet.destinationPort : packet.sourcePort))
    return false;
  if (drop.server === undefined) return true;
  const words = parseAddress(drop.server);
  return words !== null && formatAddress(words) === formatAddress(out ? packet.destination : packet.source);
}
