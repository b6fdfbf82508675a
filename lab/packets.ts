/** Hand-made packets, right ones and wrong ones, built with the lab's own codec. */
import { icmpError, TOO_BIG } from './emulator/answers.js';
import { setIpv4Checksum, setTransportChecksum } from './emulator/checksum.js';
import { ACK, addressBytes, ETHERNET_BYTES, Packet, RST, SYN, TCP, UDP } from './emulator/packet.js';

export { ACK, RST, SYN };
export const FIN = 1;

export interface TcpFields {
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  flags: number;
  seq?: number;
  ack?: number;
  /** Bytes of the TCP options, a multiple of four. */
  options?: readonly number[];
  payload?: Uint8Array;
  ttl?: number;
  /** Bytes of IPv4 options, all of them NOPs, a multiple of four. */
  ipOptions?: number;
}

export const MSS_1460 = [2, 4, 0x05, 0xb4] as const;
/** TCP Fast Open with a cookie of eight bytes, padded. */
export const FAST_OPEN = [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1] as const;

/** An IP packet with right lengths and checksums. */
export function tcp(fields: TcpFields): Buffer {
  const four = !fields.source.includes(':');
  const options = fields.options ?? [];
  const payload = fields.payload ?? new Uint8Array();
  const ipBytes = four ? 20 + (fields.ipOptions ?? 0) : 40;
  const tcpBytes = 20 + options.length + payload.length;
  const bytes = Buffer.alloc(ipBytes + tcpBytes);
  const [source, destination] = [addressBytes(fields.source), addressBytes(fields.destination)];
  if (four) {
    bytes[0] = 0x40 | (ipBytes / 4);
    bytes.writeUInt16BE(bytes.length, 2);
    bytes.writeUInt16BE(0x4000, 6);
    bytes[8] = fields.ttl ?? 64;
    bytes[9] = TCP;
    source.copy(bytes, 12);
    destination.copy(bytes, 16);
    bytes.fill(1, 20, ipBytes);
  } else {
    bytes[0] = 0x60;
    bytes.writeUInt16BE(tcpBytes, 4);
    bytes[6] = TCP;
    bytes[7] = fields.ttl ?? 64;
    source.copy(bytes, 8);
    destination.copy(bytes, 24);
  }
  bytes.writeUInt16BE(fields.sourcePort, ipBytes);
  bytes.writeUInt16BE(fields.destinationPort, ipBytes + 2);
  bytes.writeUInt32BE(fields.seq ?? 1000, ipBytes + 4);
  bytes.writeUInt32BE(fields.ack ?? 0, ipBytes + 8);
  bytes[ipBytes + 12] = ((20 + options.length) / 4) << 4;
  bytes[ipBytes + 13] = fields.flags;
  bytes.writeUInt16BE(64_240, ipBytes + 14);
  Buffer.from(options).copy(bytes, ipBytes + 20);
  bytes.set(payload, ipBytes + 20 + options.length);
  return sealed(bytes);
}

/** An IP packet of any protocol, with its payload as it is. */
export function plain(protocol: number, source: string, destination: string, payload: Uint8Array): Buffer {
  const [from, to] = [addressBytes(source), addressBytes(destination)];
  const four = from.length === 4;
  const head = Buffer.alloc(four ? 20 : 40);
  if (four) {
    head[0] = 0x45;
    head.writeUInt16BE(20 + payload.length, 2);
    head.writeUInt16BE(0x4000, 6);
    head[8] = 64;
    head[9] = protocol;
  } else {
    head[0] = 0x60;
    head.writeUInt16BE(payload.length, 4);
    head[6] = protocol;
    head[7] = 64;
  }
  from.copy(head, four ? 12 : 8);
  to.copy(head, four ? 16 : 24);
  return sealed(Buffer.concat([head, payload]));
}

/** A datagram with right lengths and checksums. */
export function udp(
  source: string,
  sourcePort: number,
  destination: string,
  destinationPort: number,
  payload: Uint8Array,
): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return plain(UDP, source, destination, Buffer.concat([header, payload]));
}

/** What a router says of a packet that is larger than the next link's MTU: ICMP 3/4, ICMPv6 2/0. */
export function tooBig(packet: Buffer, router: string, mtu: number): Buffer {
  const about = new Packet();
  about.read(packet, 0, packet.length);
  // Quotes the whole packet behind the headers of Ethernet, IP and ICMP.
  const frame = Buffer.alloc(ETHERNET_BYTES + 40 + 8 + packet.length);
  const length = icmpError(about, addressBytes(router), TOO_BIG, mtu, frame, 0);
  return frame.subarray(ETHERNET_BYTES, length);
}

/** Sets the checksums again, after something was changed that they cover. */
export function sealed(bytes: Buffer): Buffer {
  if ((bytes[0] as number) >> 4 === 4) setIpv4Checksum(bytes, 0);
  const packet = new Packet();
  if (packet.read(bytes, 0, bytes.length) && hasChecksum(packet.protocol)) setTransportChecksum(packet);
  return bytes;
}

function hasChecksum(protocol: number): boolean {
  return protocol === TCP || protocol === UDP;
}

/** The same packet with some bytes changed and its checksums left wrong, or with `seal` set right again. */
export function mangled(original: Buffer, change: (bytes: Buffer) => void, seal = false): Buffer {
  const bytes = Buffer.from(original);
  change(bytes);
  return seal ? sealed(bytes) : bytes;
}

/** An IPv4 packet cut into fragments of at most `size` bytes of payload (a multiple of eight). */
export function fragments(packet: Buffer, size: number, identification: number): Buffer[] {
  const body = packet.subarray(20);
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = Buffer.concat([packet.subarray(0, 20), body.subarray(at, at + size)]);
    part.writeUInt16BE(part.length, 2);
    part.writeUInt16BE(identification, 4);
    part.writeUInt16BE((at / 8) | (at + size < body.length ? 0x2000 : 0), 6);
    setIpv4Checksum(part, 0);
    parts.push(part);
  }
  return parts;
}
