/** A run's record, by connection: which packets of which wire belong to which client's attempt. */
import { clientAddress, uplink } from '../../lab/plan.js';
import type { Family, FullScenario } from '../../src/sim/scenario.js';
import type { Word } from './case.js';
import type { ClientSeen, Observed, OnLan, OnWire, SeenPacket } from './subject.js';

const IN_STORIES: readonly string[] = ['syn', 'synack', 'rst', 'icmp-error'];

/** A connection as its client began it: one initial sequence number on one tuple. */
export interface SeenConnection {
  readonly isn: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly client: ClientSeen;
  readonly wire: OnWire[];
  readonly lan: OnLan[];
}

export class Seen {
  readonly connections: readonly SeenConnection[];
  /** Packets that belong to no connection. */
  readonly strayOnWire: readonly OnWire[];
  readonly strayOnLan: readonly OnLan[];

  constructor(
    readonly observed: Observed,
    readonly scenario: FullScenario,
    readonly family: Family,
  ) {
    this.connections = connectionsOf(observed);
    const wire = [...observed.wire].sort(byTime);
    const lan = [...observed.lan].sort(byTime);
    this.strayOnLan = lan.filter((packet) => !this.takesFromLan(packet));
    this.strayOnWire = wire.filter((packet) => !this.takesFromWire(packet));
  }

  get routes(): string[] {
    return this.scenario.providers.map(({ name }) => name);
  }

  connection(index = 0): SeenConnection {
    const found = this.connections[index];
    if (found === undefined) throw new Error(`only ${this.connections.length} connections were seen`);
    return found;
  }

  /** Copies that left, of all connections or of one. */
  copies(route?: string, connection?: SeenConnection): OnWire[] {
    const wire = connection === undefined ? this.observed.wire : connection.wire;
    return wire.filter(
      (packet) =>
        packet.kind === 'syn' &&
        packet.direction === 'out' &&
        (route === undefined || packet.route === route),
    );
  }

  /** Addresses that packets may carry on a route. */
  sourcesOn(route: string): string[] {
    const provider = this.scenario.providers.find(({ name }) => name === route);
    if (provider === undefined) return [];
    if (!provider.translate)
      return Array.from({ length: this.scenario.lan.clients }, (_, n) => clientAddress(n)[this.family]);
    return uplink(provider)[this.family]?.addresses ?? [];
  }

  private takesFromLan(packet: OnLan): boolean {
    const connection = this.connections.findLast(
      (each) => startedBy(each, packet.at) && isOnLan(each, packet),
    );
    connection?.lan.push(packet);
    return connection !== undefined;
  }

  /** A copy shows its connection by its number; what else is on its tuple belongs to the newest connection that has used it. */
  private takesFromWire(packet: OnWire): boolean {
    const isCopy = packet.kind === 'syn' && packet.direction === 'out';
    const connection = this.connections.findLast((each) =>
      isCopy ? isCopyOf(each, packet) : each.wire.some((earlier) => isAnswering(packet, earlier)),
    );
    connection?.wire.push(packet);
    return connection !== undefined;
  }
}

/** The set-up packets as words. */
export function story(packets: readonly (OnWire | OnLan)[]): Word[] {
  return packets
    .filter(({ kind }) => IN_STORIES.includes(kind))
    .map(({ kind, direction }) => {
      const away = direction === 'out' || direction === 'from-client';
      return `${away ? '>' : '<'}${kind}` as Word;
    });
}

/** The story of a connection on each wire that it was seen on. */
export function stories(connection: SeenConnection): Record<string, Word[]> {
  // BOUNDED: routes.
  const found: Record<string, Word[]> = {};
  for (const packet of connection.wire) {
    const words = story([packet]);
    if (words.length > 0) found[packet.route] = [...(found[packet.route] ?? []), ...words];
  }
  return found;
}

/** Whether a packet goes the way back of another. */
export function answers(packet: SeenPacket, asked: SeenPacket): boolean {
  const { icmp } = packet;
  if (icmp?.quoted !== undefined) {
    const { quoted } = icmp;
    return (
      quoted.source === asked.source &&
      quoted.sourcePort === asked.sourcePort &&
      quoted.destination === asked.destination &&
      quoted.destinationPort === asked.destinationPort
    );
  }
  return (
    packet.source === asked.destination &&
    packet.sourcePort === asked.destinationPort &&
    packet.destination === asked.source &&
    packet.destinationPort === asked.sourcePort
  );
}

export function sameTuple(one: SeenPacket, other: SeenPacket): boolean {
  return (
    one.source === other.source &&
    one.sourcePort === other.sourcePort &&
    one.destination === other.destination &&
    one.destinationPort === other.destinationPort
  );
}

function connectionsOf({ lan, clients }: Observed): SeenConnection[] {
  const found: SeenConnection[] = [];
  for (const packet of [...lan].sort(byTime)) {
    if (packet.kind !== 'syn' || packet.direction !== 'from-client') continue;
    const { source, sourcePort, destination, destinationPort, seq: isn } = packet;
    if (found.some((each) => each.isn === isn && isOnLan(each, packet))) continue;
    const taken = found.map(({ client }) => client);
    const client = clients.find(
      (each) => each.address === source && each.port === sourcePort && !taken.includes(each),
    );
    if (client === undefined) throw new Error(`a SYN of nobody: ${source} ${sourcePort}`);
    found.push({ isn, source, sourcePort, destination, destinationPort, client, wire: [], lan: [] });
  }
  return found.sort((one, other) => clients.indexOf(one.client) - clients.indexOf(other.client));
}

/** When connections on one tuple follow each other, a packet belongs to the one that has begun last. */
function startedBy(connection: SeenConnection, at: number): boolean {
  const first = connection.lan[0];
  return first === undefined || first.at <= at;
}

function isOnLan(connection: SeenConnection, packet: OnLan): boolean {
  const isSyn = packet.kind === 'syn' && packet.direction === 'from-client';
  if (isSyn && packet.seq !== connection.isn) return false;
  if (connection.lan.length === 0 && !isSyn) return false;
  const first = { ...packet, ...ends(connection) };
  return packet.direction === 'from-client' ? sameTuple(packet, first) : answers(packet, first);
}

function ends({ source, sourcePort, destination, destinationPort }: SeenConnection) {
  return { source, sourcePort, destination, destinationPort };
}

function isCopyOf(connection: SeenConnection, packet: OnWire): boolean {
  return (
    packet.seq === connection.isn &&
    packet.destination === connection.destination &&
    packet.destinationPort === connection.destinationPort &&
    connection.lan.length > 0
  );
}

/** Whether a packet is on the tuple of a copy, there or back. */
function isAnswering(packet: OnWire, earlier: OnWire): boolean {
  if (packet.route !== earlier.route || earlier.kind !== 'syn' || earlier.direction !== 'out') return false;
  return packet.direction === 'out' ? sameTuple(packet, earlier) : answers(packet, earlier);
}

function byTime(one: SeenPacket, other: SeenPacket): number {
  return one.at - other.at;
}
