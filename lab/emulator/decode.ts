/** From the recorded start of a packet to what a test can read. Never on the way of a packet. */
import {
  ACK,
  addressBytes,
  addressText,
  FIN,
  ICMP,
  ICMPV6,
  Packet,
  PSH,
  RST,
  SYN,
  TCP,
  UDP,
} from './packet.js';
import type { QuotedPacket, TraceFilter, WirePacket } from './protocol.js';

type Origin = Pick<WirePacket, 'at' | 'provider' | 'direction' | 'fate' | 'length'>;

const FLAG_LETTERS: readonly [number, string][] = [
  [SYN, 'S'],
  [ACK, 'A'],
  [FIN, 'F'],
  [RST, 'R'],
  [PSH, 'P'],
  [32, 'U'],
  [64, 'E'],
  [128, 'C'],
];

/** `bytes` may be cut short; `origin.length` is the whole packet's. */
export function decode(bytes: Buffer, origin: Origin): WirePacket | undefined {
  const packet = new Packet();
  // The full length makes the reader accept the header; nothing behind the cut is read.
  const whole = Buffer.alloc(Math.max(origin.length, bytes.length));
  bytes.copy(whole);
  if (!packet.read(whole, 0, origin.length)) return undefined;
  const tcp = packet.protocol === TCP;
  const { transport } = packet;
  const options = tcp ? readOptions(packet) : { kinds: [] };
  const icmp = packet.protocol === ICMP || packet.protocol === ICMPV6 ? readIcmp(packet) : undefined;
  return {
    ...origin,
    kind: packet.kind,
    family: packet.version === 4 ? 'ipv4' : 'ipv6',
    protocol: tcp ? 'tcp' : packet.protocol === UDP ? 'udp' : icmp ? 'icmp' : 'other',
    source: addressText(whole, packet.sourceOffset, packet.addressBytes),
    sourcePort: packet.sourcePort,
    destination: addressText(whole, packet.destinationOffset, packet.addressBytes),
    destinationPort: packet.destinationPort,
    flags: tcp ? flagLetters(packet.flags) : '',
    seq: tcp ? whole.readUInt32BE(transport + 4) : 0,
    ack: tcp ? whole.readUInt32BE(transport + 8) : 0,
    window: tcp ? whole.readUInt16BE(transport + 14) : 0,
    ...(options.mss === undefined ? {} : { mss: options.mss }),
    options: options.kinds,
    length: packet.end - packet.payload,
    ttl: packet.ttl,
    ...(icmp ? { icmp } : {}),
  };
}

export function matchesFilter(packet: WirePacket, filter: TraceFilter): boolean {
  const kinds = typeof filter.kind === 'string' ? [filter.kind] : filter.kind;
  const address = filter.address === undefined ? undefined : canonical(filter.address);
  return (
    (filter.provider === undefined || packet.provider === filter.provider) &&
    (filter.direction === undefined || packet.direction === filter.direction) &&
    (kinds === undefined || kinds.includes(packet.kind)) &&
    (filter.fate === undefined || packet.fate === filter.fate) &&
    (address === undefined || packet.source === address || packet.destination === address) &&
    (filter.port === undefined ||
      packet.sourcePort === filter.port ||
      packet.destinationPort === filter.port) &&
    (filter.since === undefined || packet.at >= filter.since)
  );
}

/** Calls back for each TCP option: its kind, and the offset and length of the whole option. */
export function eachOption(packet: Packet, visit: (kind: number, at: number, length: number) => void): void {
  let at = packet.transport + 20;
  while (at < packet.payload) {
    const kind = packet.bytes[at] as number;
    if (kind === 0) return;
    const length = kind === 1 ? 1 : (packet.bytes[at + 1] as number);
    if (length < 1 || (kind !== 1 && length < 2) || at + length > packet.payload) return;
    visit(kind, at, length);
    at += length;
  }
}

function readOptions(packet: Packet): { kinds: number[]; mss?: number } {
  const found: { kinds: number[]; mss?: number } = { kinds: [] };
  eachOption(packet, (kind, at, length) => {
    found.kinds.push(kind);
    if (kind === 2 && length === 4) found.mss = packet.bytes.readUInt16BE(at + 2);
  });
  return found;
}

function readIcmp(packet: Packet): NonNullable<WirePacket['icmp']> {
  const { bytes, transport } = packet;
  const head = {
    type: bytes[transport] as number,
    code: bytes[transport + 1] as number,
    mtu: bytes.readUInt32BE(transport + 4),
  };
  const quoted = packet.kind === 'icmp-error' ? readQuoted(bytes, transport + 8, packet.end) : undefined;
  return quoted === undefined ? head : { ...head, quoted };
}

function readQuoted(bytes: Buffer, at: number, end: number): QuotedPacket | undefined {
  const four = (bytes[at] as number) >> 4 === 4;
  const header = four ? ((bytes[at] as number) & 15) * 4 : 40;
  if (at + header + 8 > end) return undefined;
  const size = four ? 4 : 16;
  const source = at + (four ? 12 : 8);
  return {
    source: addressText(bytes, source, size),
    destination: addressText(bytes, source + size, size),
    sourcePort: bytes.readUInt16BE(at + header),
    destinationPort: bytes.readUInt16BE(at + header + 2),
    seq: bytes.readUInt32BE(at + header + 4),
  };
}

function flagLetters(flags: number): string {
  return FLAG_LETTERS.filter(([bit]) => flags & bit)
    .map(([, letter]) => letter)
    .join('');
}

function canonical(address: string): string {
  const bytes = addressBytes(address);
  return addressText(bytes, 0, bytes.length);
}
