/** What the lab tells and asks its emulator. */
import type { Direction, Family, Link, PacketDrop, PacketKind } from '../../src/sim/scenario.js';

export interface EmulatorSetup {
  seed: number;
  providers: EmulatorProvider[];
  /** Inner ends towards the server namespaces. */
  serverPorts: EmulatorPort[];
  servers: EmulatorServer[];
}

/** An inner end of a veth pair, with its own Ethernet address and that of the other end. */
export interface EmulatorPort {
  device: string;
  mac: string;
  peerMac: string;
}

export interface EmulatorProvider extends EmulatorPort {
  name: string;
  nextHops: string[];
  prefixes: string[];
  link: Link;
}

export interface EmulatorServer {
  name: string;
  addresses: string[];
  /** Index in `serverPorts`. */
  port: number;
  /** One-way milliseconds by provider name. */
  distanceMs: Record<string, number>;
}

/** Why a packet went no further. */
export type DropReason =
  | 'fault'
  | 'loss'
  | 'blackhole'
  | 'queue'
  | 'mtu'
  | 'intercepted'
  | 'rejected'
  | 'no-route'
  | 'ttl'
  | 'overflow';

/** What passed between a provider and the gateway in one direction; `dropped` is not part of the other figures of `in`. */
export interface DirectionCounts {
  packets: number;
  /** IP bytes. */
  bytes: number;
  kinds: Record<PacketKind, number>;
  dropped: Record<DropReason, number>;
}

export type ProviderCounts = Record<Direction, DirectionCounts>;

export interface EmulatorCounts {
  providers: Record<string, ProviderCounts>;
  /** Frames that could not be read or belong to nobody. */
  ignored: number;
  /** Sends that the kernel refused, for instance on an interface that is down. */
  sendErrors: number;
  /** Frames that came faster than the emulator reads; a run with any is no oracle. */
  overruns: number;
  /** Frames on their way right now. */
  held: number;
}

/** One packet at the gateway's side of a provider. */
export interface WirePacket {
  /**
   * Monotonic microseconds (`process.hrtime`), comparable between processes of this machine: `out`, when the packet left
   * the gateway; `in`, when it was due there (on a busy machine it comes a little later, in the same order).
   */
  at: number;
  provider: string;
  direction: Direction;
  /** `passed`, or why it went no further. Sent packets count as passed unless the emulator dropped them. */
  fate: 'passed' | DropReason;
  kind: PacketKind;
  family: Family;
  protocol: 'tcp' | 'udp' | 'icmp' | 'other';
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
  /** TCP flags as letters of `SAFRPUEC` that are set, in this order. */
  flags: string;
  seq: number;
  ack: number;
  window: number;
  /** From the TCP options; absent where the packet has none. */
  mss?: number;
  /** Kinds of the TCP options, NOPs included. */
  options: number[];
  /** Payload of TCP or UDP, in bytes. */
  length: number;
  ttl: number;
  icmp?: { type: number; code: number; mtu: number; quoted?: QuotedPacket };
}

/** The packet that an ICMP error is about. */
export interface QuotedPacket {
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
  seq: number;
}

/** All given properties must hold. */
export interface TraceFilter {
  provider?: string;
  direction?: Direction;
  kind?: PacketKind | PacketKind[];
  fate?: WirePacket['fate'];
  /** Source or destination. */
  address?: string;
  /** Source or destination port. */
  port?: number;
  /** Monotonic microseconds. */
  since?: number;
  /** The newest so many; default 10 000. */
  limit?: number;
}

export interface SetLink {
  provider: string;
  link?: Partial<Link>;
  /** One-way milliseconds by server name. */
  distanceMs?: Record<string, number>;
}

export interface AddDrop {
  provider: string;
  drop: PacketDrop;
}
