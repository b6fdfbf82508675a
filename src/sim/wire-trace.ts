/** What was on the wire, as a test or a person reads it. */
import type { Micros } from '../core/engine-types.js';
import { formatEndpoint } from '../model/address.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { dataLength, kindOf } from './packets.js';
import type { Direction, PacketKind } from './scenario.js';

/** Why a packet went no further than the provider's next hop, or that it did. */
export type Fate =
  | 'passed'
  | 'fault'
  | 'loss'
  | 'blackhole'
  | 'mtu'
  | 'intercepted'
  | 'rejected'
  | 'no-route'
  | 'ttl';

/** One packet at the gateway's side of a provider: `out` when it left the gateway, `in` when it came to it. */
export interface WirePacket {
  readonly at: Micros;
  /** Number of the provider, 1 for the first. */
  readonly provider: number;
  readonly direction: Direction;
  readonly fate: Fate;
  readonly kind: PacketKind;
  readonly source: string;
  readonly destination: string;
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** TCP option bits of the codec (OPTION), and bytes of payload. */
  readonly options: number;
  readonly length: number;
  /** ICMP type * 256 + code. */
  readonly icmp: number;
  readonly bytes: Uint8Array;
}

/** Longest trace; a run that needs more looks at its results instead. */
const MOST_PACKETS = 200_000;

export class WireTrace {
  // BOUNDED: MOST_PACKETS; the newest are left out, and `overflow` says so.
  readonly packets: WirePacket[] = [];
  overflow = 0;

  /** `isKept` false: nothing is noted, for runs of many packets of which nobody looks at one. */
  constructor(readonly isKept = true) {}

  note(at: Micros, provider: number, direction: Direction, fate: Fate, packet: Packet): void {
    if (!this.isKept) return;
    if (this.packets.length >= MOST_PACKETS) {
      this.overflow++;
      return;
    }
    const isTcp = packet.protocol === PROTOCOL.TCP;
    this.packets.push({
      at,
      provider,
      direction,
      fate,
      kind: kindOf(packet),
      source: formatEndpoint(packet.source, 0, isTcp ? packet.sourcePort : 0),
      destination: formatEndpoint(packet.destination, 0, isTcp ? packet.destinationPort : 0),
      flags: isTcp ? packet.flags : 0,
      sequence: isTcp ? packet.sequence : 0,
      acknowledgement: isTcp ? packet.acknowledgement : 0,
      options: isTcp ? packet.options : 0,
      length: isTcp ? dataLength(packet) : 0,
      icmp: isTcp ? 0 : packet.icmpType * 256 + packet.icmpCode,
      bytes: packet.bytes.slice(packet.start, packet.end),
    });
  }

  /** The packets for which all given properties hold. */
  filter(wanted: Partial<WirePacket>): WirePacket[] {
    const entries = Object.entries(wanted) as [keyof WirePacket, unknown][];
    return this.packets.filter((packet) => entries.every(([key, value]) => packet[key] === value));
  }

  /** One line per packet, for a person. */
  toText(): string {
    return this.packets.map(line).join('\n');
  }
}

function line(packet: WirePacket): string {
  const what = packet.icmp > 0 ? `icmp ${packet.icmp >>> 8}/${packet.icmp & 255}` : flagText(packet);
  const fate = packet.fate === 'passed' ? '' : ` (${packet.fate})`;
  const time = (packet.at / 1000).toFixed(3).padStart(10);
  return `${time} ms ${packet.provider} ${packet.direction.padEnd(3)} ${packet.source} > ${packet.destination} ${what}${fate}`;
}

function flagText({ flags, sequence, acknowledgement, length }: WirePacket): string {
  const names = Object.entries(FLAG).filter(([, bit]) => (flags & bit) !== 0);
  return `${names.map(([name]) => name).join('+')} seq ${sequence >>> 0} ack ${acknowledgement >>> 0} length ${length}`;
}
