/**
 * The emulator's own small codec, independent of `src/wire`: the lab is that code's oracle.
 * A packet is read in place; `Packet` holds offsets into the bytes and is re-used.
 */
import type { PacketKind } from '../../src/sim/scenario.js';

export const ETHERNET_BYTES = 14;
export const ARP = 0x0806;
export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;
export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ICMPV6 = 58;

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/** Where the parts of one IP packet are. */
export class Packet {
  bytes: Buffer = Buffer.alloc(0);
  /** Offset of the IP header. */
  ip = 0;
  /** Offset behind the IP packet. */
  end = 0;
  version = 4;
  protocol = 0;
  /** Offset of the transport header; a later fragment has none and counts as `other`. */
  transport = 0;
  /** Offset of the TCP or UDP payload. */
  payload = 0;
  kind: PacketKind = 'other';

  /** Reads the packet at `ip`; false when it is not a whole IP packet. */
  read(bytes: Buffer, ip: number, end: number): boolean {
    this.bytes = bytes;
    this.ip = ip;
    this.kind = 'other';
    this.version = (bytes[ip] as number) >> 4;
    const whole = this.version === 4 ? this.#readIpv4(end) : this.version === 6 && this.#readIpv6(end);
    if (!whole) return false;
    this.payload = this.end;
    if (this.protocol === TCP) return this.#readTcp();
    if (this.protocol === UDP) return this.#readUdp();
    if (this.protocol === ICMP || this.protocol === ICMPV6) return this.#readIcmp();
    return true;
  }

  get length(): number {
    return this.end - this.ip;
  }
  get flags(): number {
    return this.bytes[this.transport + 13] as number;
  }
  get isTcp(): boolean {
    return this.protocol === TCP;
  }
  get hasPorts(): boolean {
    return this.protocol === TCP || this.protocol === UDP;
  }
  get sourcePort(): number {
    return this.hasPorts ? this.bytes.readUInt16BE(this.transport) : 0;
  }
  get destinationPort(): number {
    return this.hasPorts ? this.bytes.readUInt16BE(this.transport + 2) : 0;
  }
  get addressBytes(): number {
    return this.version === 4 ? 4 : 16;
  }
  get sourceOffset(): number {
    return this.ip + (this.version === 4 ? 12 : 8);
  }
  get destinationOffset(): number {
    return this.ip + (this.version === 4 ? 16 : 24);
  }
  /** Keys compare equal for equal addresses; see `addressKey`. */
  get sourceKey(): string {
    return keyAt(this.bytes, this.sourceOffset, this.addressBytes);
  }
  get destinationKey(): string {
    return keyAt(this.bytes, this.destinationOffset, this.addressBytes);
  }
  get ttl(): number {
    return this.bytes[this.ip + (this.version === 4 ? 8 : 7)] as number;
  }

  #readIpv4(end: number): boolean {
    const { bytes, ip } = this;
    if (end - ip < 20) return false;
    const header = ((bytes[ip] as number) & 15) * 4;
    const total = bytes.readUInt16BE(ip + 2);
    if (header < 20 || total < header || ip + total > end) return false;
    this.end = ip + total;
    this.transport = ip + header;
    const laterFragment = (bytes.readUInt16BE(ip + 6) & 0x1fff) !== 0;
    this.protocol = laterFragment ? 255 : (bytes[ip + 9] as number);
    return true;
  }

  #readIpv6(end: number): boolean {
    const { bytes, ip } = this;
    if (end - ip < 40) return false;
    this.end = ip + 40 + bytes.readUInt16BE(ip + 4);
    if (this.end > end) return false;
    this.transport = ip + 40;
    this.protocol = bytes[ip + 6] as number; // Extension headers make it `other`.
    return true;
  }

  #readTcp(): boolean {
    const { bytes, transport, end } = this;
    if (end - transport < 20) return false;
    const header = ((bytes[transport + 12] as number) >> 4) * 4;
    if (header < 20 || transport + header > end) return false;
    this.payload = transport + header;
    this.kind = tcpKind(this.flags, end - this.payload);
    return true;
  }

  #readUdp(): boolean {
    if (this.end - this.transport < 8) return false;
    this.payload = this.transport + 8;
    this.kind = 'udp';
    return true;
  }

  #readIcmp(): boolean {
    if (this.end - this.transport < 8) return false;
    if (isIcmpError(this.version, this.bytes[this.transport] as number)) this.kind = 'icmp-error';
    return true;
  }
}

function tcpKind(flags: number, payload: number): PacketKind {
  if (flags & RST) return 'rst';
  if (flags & SYN) return flags & ACK ? 'synack' : 'syn';
  if (payload > 0) return 'data';
  if (flags & FIN) return 'fin';
  return flags & ACK ? 'ack' : 'other';
}

function isIcmpError(version: number, type: number): boolean {
  return version === 4 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
}

/** One comparable value for an address of either family. */
export function keyAt(bytes: Buffer, offset: number, length: number): string {
  return bytes.toString('latin1', offset, offset + length);
}

export function addressKey(text: string): string {
  return addressBytes(text).toString('latin1');
}

/** 4 or 16 bytes of an address in text. */
export function addressBytes(text: string): Buffer {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail)];
  const middle = text.includes('::') ? new Array<number>(8 - left.length - right.length).fill(0) : [];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...left, ...middle, ...right].entries())
    bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

/** Canonical text of the 4 or 16 bytes at `offset` (RFC 5952). */
export function addressText(bytes: Buffer, offset: number, length: number): string {
  if (length === 4) return bytes.subarray(offset, offset + 4).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(offset + index * 2).toString(16));
  const runs = [...groups.join(':').matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)];
  const longest = runs.reduce<string>((best, [run]) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const text = groups.join(':');
  const start = runs.find(([run]) => run === longest)?.index ?? 0;
  return `${text.slice(0, start).replace(/:$/, '')}::${text.slice(start + longest.length).replace(/^:/, '')}`;
}

export function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}
