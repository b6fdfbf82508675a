/**
 * Packets that the emulator itself sends. Each function writes one Ethernet frame at `to` and gives its length; the Ethernet
 * addresses are filled in when it is delivered. `packet` is what is answered; the answer goes to its source.
 */
import type { Answer } from '../../src/sim/scenario.js';
import { setIpv4Checksum, setTransportChecksum } from './checksum.js';
import { ACK, ETHERNET_BYTES, FIN, ICMP, ICMPV6, IPV4, IPV6, Packet, RST, SYN, TCP } from './packet.js';

/** ICMP type and code of an answer: of ICMPv4, and the ICMPv6 error that means the same. */
export const ICMP_ANSWERS: Record<Exclude<Answer, 'rst' | 'silent' | 'normal'>, { v4: Code; v6: Code }> = {
  'host-unreachable': { v4: [3, 1], v6: [1, 3] },
  'port-unreachable': { v4: [3, 3], v6: [1, 4] },
  prohibited: { v4: [3, 13], v6: [1, 1] },
  'ttl-exceeded': { v4: [11, 0], v6: [3, 0] },
};
export const TOO_BIG: { v4: Code; v6: Code } = { v4: [3, 4], v6: [2, 0] };

type Code = readonly [type: number, code: number];

/** RFC 792 asks for the header and 8 bytes, RFC 1812 for up to 576 bytes of error; RFC 4443 for up to 1280. */
const QUOTE_BYTES = { v4: 576 - 28, v6: 1280 - 48 } as const;
const TTL = 64;

const scratch = new Packet();

/** `source` is the router's address, 4 or 16 bytes. */
export function icmpError(
  packet: Packet,
  source: Buffer,
  codes: { v4: Code; v6: Code },
  mtu: number,
  bytes: Buffer,
  to: number,
): number {
  const four = packet.version === 4;
  const quote = Math.min(packet.length, four ? QUOTE_BYTES.v4 : QUOTE_BYTES.v6);
  const icmp = startReply(packet, source, four ? ICMP : ICMPV6, 8 + quote, bytes, to);
  const [type, code] = four ? codes.v4 : codes.v6;
  bytes[icmp] = type;
  bytes[icmp + 1] = code;
  bytes.writeUInt32BE(mtu, icmp + 4);
  packet.bytes.copy(bytes, icmp + 8, packet.ip, packet.ip + quote);
  return finishReply(bytes, to, icmp + 8 + quote);
}

/** The RST of a closed port (RFC 9293, 3.10.7.1): acknowledges the SYN and what it carried. */
export function reset(packet: Packet, bytes: Buffer, to: number): number {
  return tcpReply(packet, 0, RST | ACK, [], bytes, to);
}

/** The SYN+ACK of a proxy that answers for the server; its ISN is made from the client's, so that it is repeatable. */
export function synAck(packet: Packet, bytes: Buffer, to: number): number {
  const isn = (packet.bytes.readUInt32BE(packet.transport + 4) ^ 0x5a5a5a5a) >>> 0;
  const options = [2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7, 1, 1]; // MSS 1460, SACK permitted, window scale 7
  return tcpReply(packet, isn, SYN | ACK, options, bytes, to);
}

/** Answers an echo request. */
export function echoReply(packet: Packet, bytes: Buffer, to: number): number {
  const source = packet.bytes.subarray(
    packet.destinationOffset,
    packet.destinationOffset + packet.addressBytes,
  );
  const length = packet.end - packet.transport;
  const icmp = startReply(packet, source, packet.protocol, length, bytes, to);
  packet.bytes.copy(bytes, icmp, packet.transport, packet.end);
  bytes[icmp] = packet.version === 4 ? 0 : 129;
  return finishReply(bytes, to, icmp + length);
}

/** Answers a neighbour solicitation for `target` with the Ethernet address `mac`. */
export function neighbourAdvertisement(
  packet: Packet,
  target: Buffer,
  mac: Buffer,
  bytes: Buffer,
  to: number,
): number {
  const icmp = startReply(packet, target, ICMPV6, 32, bytes, to);
  bytes.fill(0, icmp, icmp + 32);
  bytes[icmp] = 136;
  bytes[icmp + 4] = 0xe0; // router, solicited, override
  target.copy(bytes, icmp + 8);
  bytes[icmp + 24] = 2; // target link-layer address, in units of 8 bytes
  bytes[icmp + 25] = 1;
  mac.copy(bytes, icmp + 26);
  bytes[to + ETHERNET_BYTES + 7] = 255; // RFC 4861, 7.1.2: no other hop limit is believed
  return finishReply(bytes, to, icmp + 32);
}

/** Answers an ARP request, whose frame begins at `from`, with `mac` for the address it asks for. */
export function arpReply(request: Buffer, from: number, mac: Buffer, bytes: Buffer, to: number): number {
  request.copy(bytes, to, from, from + 42);
  const body = to + ETHERNET_BYTES;
  const asked = from + ETHERNET_BYTES;
  bytes.writeUInt16BE(2, body + 6);
  mac.copy(bytes, body + 8);
  request.copy(bytes, body + 14, asked + 24, asked + 28);
  request.copy(bytes, body + 18, asked + 8, asked + 18);
  return 42;
}

function tcpReply(
  packet: Packet,
  seq: number,
  flags: number,
  options: number[],
  bytes: Buffer,
  to: number,
): number {
  const source = packet.bytes.subarray(
    packet.destinationOffset,
    packet.destinationOffset + packet.addressBytes,
  );
  const tcp = startReply(packet, source, TCP, 20 + options.length, bytes, to);
  const asked = packet.bytes;
  const virtual = (packet.flags & SYN ? 1 : 0) + (packet.flags & FIN ? 1 : 0);
  const next = asked.readUInt32BE(packet.transport + 4) + virtual + packet.end - packet.payload;
  bytes.writeUInt16BE(packet.destinationPort, tcp);
  bytes.writeUInt16BE(packet.sourcePort, tcp + 2);
  bytes.writeUInt32BE(seq, tcp + 4);
  bytes.writeUInt32BE(next >>> 0, tcp + 8);
  bytes[tcp + 12] = ((20 + options.length) / 4) << 4;
  bytes[tcp + 13] = flags;
  bytes.writeUInt16BE(flags & SYN ? 65535 : 0, tcp + 14);
  bytes.writeUInt32BE(0, tcp + 16);
  Buffer.from(options).copy(bytes, tcp + 20);
  return finishReply(bytes, to, tcp + 20 + options.length);
}

/** Writes Ethernet type and IP header, from `source` to the packet's source; gives the offset of the transport header. */
function startReply(
  packet: Packet,
  source: Buffer,
  protocol: number,
  length: number,
  bytes: Buffer,
  to: number,
): number {
  const ip = to + ETHERNET_BYTES;
  const asker = packet.bytes;
  if (packet.version === 4) {
    bytes.writeUInt16BE(IPV4, to + 12);
    bytes.fill(0, ip, ip + 20);
    bytes[ip] = 0x45;
    bytes.writeUInt16BE(20 + length, ip + 2);
    bytes.writeUInt16BE(0x4000, ip + 6); // DF
    bytes[ip + 8] = TTL;
    bytes[ip + 9] = protocol;
    source.copy(bytes, ip + 12);
    asker.copy(bytes, ip + 16, packet.sourceOffset, packet.sourceOffset + 4);
    setIpv4Checksum(bytes, ip);
    return ip + 20;
  }
  bytes.writeUInt16BE(IPV6, to + 12);
  bytes.fill(0, ip, ip + 40);
  bytes[ip] = 0x60;
  bytes.writeUInt16BE(length, ip + 4);
  bytes[ip + 6] = protocol;
  bytes[ip + 7] = TTL;
  source.copy(bytes, ip + 8);
  asker.copy(bytes, ip + 24, packet.sourceOffset, packet.sourceOffset + 16);
  return ip + 40;
}

function finishReply(bytes: Buffer, to: number, end: number): number {
  scratch.read(bytes, to + ETHERNET_BYTES, end);
  setTransportChecksum(scratch);
  return end - to;
}
