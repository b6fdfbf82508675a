/**
 * What a front end must offer to be put to the suite: a site that a `Scenario` describes, with the gateway in it. A subject knows
 * wires, clients and servers; nothing here reaches into the gateway.
 */
import type { WirePacket } from '../../lab/emulator/protocol.js';
import type { Direction, Family, Link, PacketDrop, Scenario } from '../../src/sim/scenario.js';

export type FrontEnd = 'simulator' | 'kernel';

/** How the gateway itself is set up: one service, `race` over all routes; what is not raced goes by the first of them. */
export interface Gateway {
  /** What was measured decides the next connections; default false, every connection is raced. */
  readonly remembers?: boolean;
  /** How long a race may be without an answer; default 5000. */
  readonly raceTimeoutMs?: number;
}

export interface Site {
  readonly scenario: Scenario;
  readonly gateway?: Gateway;
  /** Its cases take interfaces down. */
  readonly changesInterfaces?: boolean;
}

/** Both ends of a connection as the client sees them. */
export interface Ends {
  readonly family: Family;
  /** Number of the client address, from 0. */
  readonly client: number;
  readonly clientPort: number;
  readonly address: string;
  readonly port: number;
}

/** A program that connects and sends bytes. */
export interface Connection extends Ends {
  /** Sent once connected; the server must get them. */
  readonly bytes: number;
  /** The program closes its socket after so long without a connection. */
  readonly giveUpMs: number;
}

/** A SYN that no usual program sends. */
export interface OddSyn extends Ends {
  readonly isn: number;
  /** Bytes of the TCP options, a multiple of four. */
  readonly options: readonly number[];
  /** Bytes of data on the SYN. */
  readonly data: number;
  readonly ttl: number;
  /** Bytes of IPv4 options, all of them NOPs. */
  readonly ipOptions: number;
}

/** A packet that somebody at a provider makes by hand and sends to the gateway. */
export interface HandMade {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** As bits of the TCP header. */
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
}

export type SeenPacket = Omit<WirePacket, 'provider' | 'direction' | 'fate'>;

/** A packet at the gateway's side of a provider: everything that left, and of what came only what arrived. */
export interface OnWire extends SeenPacket {
  readonly route: string;
  readonly direction: Direction;
}

/** A packet between a client and the gateway. */
export interface OnLan extends SeenPacket {
  readonly direction: 'to-client' | 'from-client';
}

export type Outcome =
  | 'connecting'
  | 'connected'
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'timed-out'
  | 'gave-up'
  /** An odd SYN: no program waits for an answer. */
  | 'no-program';

export interface ClientSeen {
  readonly address: string;
  readonly port: number;
  readonly outcome: Outcome;
  /** Until connect() returned. */
  readonly connectMs: number;
  /** All its bytes have arrived, as the client knows. */
  readonly delivered: boolean;
}

/** A connection that a server has accepted. */
export interface ServerSeen {
  readonly source: string;
  readonly sourcePort: number;
  readonly address: string;
  readonly received: number;
}

/** What has been seen of a run; times are microseconds of one clock. */
export interface Observed {
  readonly wire: readonly OnWire[];
  readonly lan: readonly OnLan[];
  /** In the order in which they were opened. */
  readonly clients: readonly ClientSeen[];
  readonly servers: readonly ServerSeen[];
  /** At all servers, now. */
  readonly halfOpen: number;
  /** Packets on their way right now. */
  readonly onTheWay: number;
}

export interface Subject {
  readonly frontEnd: FrontEnd;
  /** The first client port of a run; later ones follow. */
  readonly firstPort: number;
  /** Both return when the packet has been sent or is about to be. */
  open(connection: Connection): Promise<void>;
  sendSyn(syn: OddSyn): Promise<void>;
  /** A packet comes to the gateway by a provider, whatever its link is like. */
  deliver(route: string, packet: HandMade): Promise<void>;
  setLink(route: string, change: Partial<Link>): Promise<void>;
  drop(route: string, drop: PacketDrop): Promise<void>;
  setInterface(route: string, up: boolean): Promise<void>;
  /** Lets time pass. */
  pass(milliseconds: number): Promise<void>;
  /** What is known of the wires and of the programs so far: asked often, so it costs little. */
  wire(): Promise<readonly OnWire[]>;
  clients(): readonly ClientSeen[];
  observe(): Promise<Observed>;
}
