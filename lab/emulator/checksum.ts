/** The Internet checksum (RFC 1071), computed in full: only packets that the emulator makes or changes need it. */
import { ICMPV6, type Packet, TCP, UDP } from './packet.js';

/** Sets the header checksum of the IPv4 packet at `ip`. */
export function setIpv4Checksum(bytes: Buffer, ip: number): void {
  bytes.writeUInt16BE(0, ip + 10);
  const header = ((bytes[ip] as number) & 15) * 4;
  bytes.writeUInt16BE(finish(sum(bytes, ip, ip + header, 0)), ip + 10);
}

/** Sets the checksum of a TCP, UDP, ICMP or ICMPv6 packet. */
export function setTransportChecksum(packet: Packet): void {
  const { bytes, transport, end, protocol } = packet;
  const at = transport + (protocol === TCP ? 16 : protocol === UDP ? 6 : 2);
  bytes.writeUInt16BE(0, at);
  const covered = protocol === TCP || protocol === UDP || protocol === ICMPV6;
  const pseudo = covered ? pseudoHeader(packet) : 0;
  bytes.writeUInt16BE(finish(sum(bytes, transport, end, pseudo)), at);
}

/** One router further: lowers the TTL and keeps the IPv4 checksum right (RFC 1624). */
export function decrementTtl(packet: Packet): void {
  const { bytes, ip } = packet;
  if (packet.version === 6) {
    bytes[ip + 7] = (bytes[ip + 7] as number) - 1;
    return;
  }
  bytes[ip + 8] = (bytes[ip + 8] as number) - 1;
  const raised = bytes.readUInt16BE(ip + 10) + 0x0100;
  bytes.writeUInt16BE((raised & 0xffff) + (raised >> 16), ip + 10);
}

function pseudoHeader(packet: Packet): number {
  const length = packet.end - packet.transport;
  const addresses = sum(packet.bytes, packet.sourceOffset, packet.sourceOffset + 2 * packet.addressBytes, 0);
  return addresses + packet.protocol + length;
}

function sum(bytes: Buffer, from: number, to: number, start: number): number {
  let total = start;
  for (let at = from; at + 1 < to; at += 2) total += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if ((to - from) % 2 === 1) total += (bytes[to - 1] as number) << 8;
  return total;
}

function finish(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}
