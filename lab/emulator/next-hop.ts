/** The provider's next hop as a machine: ARP, neighbour discovery and ping. Each answer is a slot with a frame, or -1. */
import { arpReply, echoReply, neighbourAdvertisement } from './answers.js';
import { type FramePool, SLOT_BYTES } from './frame-pool.js';
import { ICMP, ICMPV6, type Packet } from './packet.js';
import type { Port, ProviderState } from './provider-state.js';

/** Towards servers every address is ours; towards the gateway only the next hop's. */
export function answerArp(pool: FramePool, slot: number, port: Port | ProviderState): number {
  const start = slot * SLOT_BYTES;
  const isRequest = (pool.lengths[slot] as number) >= 42 && pool.bytes.readUInt16BE(start + 20) === 1;
  const target = pool.bytes.toString('latin1', start + 38, start + 42);
  const ours = !('link' in port) || (port.nextHops.has(target) && !port.link.silent);
  const reply = isRequest && ours ? pool.take() : -1;
  if (reply >= 0) pool.lengths[reply] = arpReply(pool.bytes, start, port.mac, pool.bytes, reply * SLOT_BYTES);
  return reply;
}

export function answerSolicitation(pool: FramePool, packet: Packet, provider: ProviderState): number {
  const target = packet.bytes.toString('latin1', packet.transport + 8, packet.transport + 24);
  const hop = provider.nextHops.get(target);
  if (hop === undefined || packet.sourceKey === UNSPECIFIED) return -1;
  const reply = pool.take();
  if (reply < 0) return -1;
  pool.lengths[reply] = neighbourAdvertisement(packet, hop, provider.mac, pool.bytes, reply * SLOT_BYTES);
  return reply;
}

export function answerEcho(pool: FramePool, packet: Packet): number {
  const type = packet.bytes[packet.transport];
  const asked = packet.protocol === ICMP ? type === 8 : packet.protocol === ICMPV6 && type === 128;
  const reply = asked ? pool.take() : -1;
  if (reply >= 0) pool.lengths[reply] = echoReply(packet, pool.bytes, reply * SLOT_BYTES);
  return reply;
}

export function isSolicitation(packet: Packet): boolean {
  return packet.protocol === ICMPV6 && packet.bytes[packet.transport] === 135 && packet.length >= 64;
}

/** Source of a solicitation for duplicate address detection, which is not a question to the next hop. */
const UNSPECIFIED = '\0'.repeat(16);
