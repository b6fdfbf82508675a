/** One simulated server, as Linux behaves: a SYN queue, exact resets, challenge ACKs, TIME_WAIT (E1 of the experiments). */
import type { Micros } from '../core/engine-types.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { type Answering, answerTo } from './datagrams.js';
import {
  dataLength,
  type Endpoint,
  PacketReader,
  payloadOf,
  SYN_ACK_OPTIONS,
  tcpPacket,
  tupleKey,
  udpPacket,
} from './packets.js';
import { type Random, randomWord } from './random.js';
import type { Schedule } from './schedule.js';

/** SYN+ACKs of one half-open entry after its first, and when the entry is given up, microseconds. */
export const SYN_ACK_REPEATS_MICROS: readonly Micros[] = [1_000_000, 3_000_000, 7_000_000];
export const HALF_OPEN_MICROS: Micros = 15_000_000;
const TIME_WAIT_MICROS: Micros = 60_000_000;
const WINDOW = 64_240;

export type ServerState = 'half-open' | 'established' | 'time-wait' | 'closed';

/** One connection at the server, from the first SYN on. */
export interface ServerConnection {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Number of the provider that it came by. */
  readonly provider: number;
  readonly openedAt: Micros;
  state: ServerState;
  /** When it left the SYN queue, -1 while it is in it. */
  settledAt: Micros;
  receiveNext: number;
  sendNext: number;
  readonly iss: number;
  /** Bytes of data received. */
  received: number;
  syns: number;
  finSent: boolean;
}

export interface ServerBehaviour {
  /** Ports that answer a SYN with a reset. */
  readonly refuses?: readonly number[];
  /** What it says to datagrams. */
  readonly answers?: Answering;
  /** Closes each connection as soon as it has received data; the server then has the TIME_WAIT. */
  readonly closesFirst?: boolean;
}

export class SimServer {
  // BOUNDED: all connections of one run.
  readonly history: ServerConnection[] = [];
  /** Half-open entries at each change: [microseconds, number]. BOUNDED: changes of one run. */
  readonly halfOpenLog: [Micros, number][] = [];
  /** Datagrams that have come. BOUNDED: those of one run. */
  readonly datagrams: { readonly from: Endpoint; readonly provider: number; readonly payload: Uint8Array }[] =
    [];
  /** Resets that matched nothing, and challenge ACKs sent. */
  ignoredResets = 0;
  challenges = 0;

  // BOUNDED: tuples of one run.
  private halfOpenNow = 0;
  private readonly reader = new PacketReader();
  private readonly connections = new Map<string, ServerConnection>();

  constructor(
    readonly name: string,
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly transmit: (bytes: Uint8Array, provider: number, server: SimServer) => void,
    public behaviour: ServerBehaviour = {},
  ) {}

  /** Entries of the SYN queue now. */
  get halfOpen(): number {
    return this.halfOpenNow;
  }

  connectionsIn(state: ServerState): ServerConnection[] {
    return this.history.filter((connection) => connection.state === state);
  }

  /** Puts a TIME_WAIT entry there, as an earlier connection would have left it. */
  holdTimeWait(
    local: Endpoint,
    remote: Endpoint,
    provider: number,
    receiveNext: number,
    sendNext: number,
  ): void {
    const connection = this.open(local, remote, provider, receiveNext, sendNext);
    connection.state = 'time-wait';
    connection.settledAt = this.schedule.now;
  }

  receive(bytes: Uint8Array, provider: number): void {
    const packet = this.reader.read(bytes);
    if (packet?.protocol === PROTOCOL.UDP) return this.receiveDatagram(bytes, packet, provider);
    if (packet === null || packet.protocol !== PROTOCOL.TCP) return;
    const key = tupleKey(packet.source, packet.sourcePort, packet.destination, packet.destinationPort);
    const known = this.connections.get(key);
    if (known === undefined) this.receiveUnknown(packet, provider);
    else if (known.state === 'half-open') this.receiveHalfOpen(known, packet);
    else if (known.state === 'time-wait') this.receiveTimeWait(known, packet, provider);
    else this.receiveEstablished(known, packet);
  }

  private receiveDatagram(bytes: Uint8Array, packet: Packet, provider: number): void {
    const from = { address: packet.source.slice(), port: packet.sourcePort };
    const payload = payloadOf(bytes, packet);
    this.datagrams.push({ from, provider, payload });
    const said = answerTo(payload, packet.destinationPort, this.behaviour.answers ?? {});
    if (said === null) return;
    const local = { address: packet.destination.slice(), port: packet.destinationPort };
    this.transmit(udpPacket({ from: local, to: from, payload: said }), provider, this);
  }

  private receiveUnknown(packet: Packet, provider: number): void {
    const { flags } = packet;
    if ((flags & FLAG.RST) !== 0) {
      this.ignoredResets++;
      return;
    }
    const hasAck = (flags & FLAG.ACK) !== 0;
    if (hasAck || (flags & FLAG.SYN) === 0) {
      if (hasAck) this.answer(packet, provider, packet.acknowledgement, 0, FLAG.RST);
      return;
    }
    if (this.behaviour.refuses?.includes(packet.destinationPort) === true) {
      this.answer(packet, provider, 0, (packet.sequence + 1 + dataLength(packet)) | 0, FLAG.RST | FLAG.ACK);
      return;
    }
    this.accept(packet, provider);
  }

  /** A new entry of the SYN queue, and its SYN+ACKs. Data on the SYN is not taken: only the SYN is acknowledged. */
  private accept(packet: Packet, provider: number): void {
    const local = { address: packet.destination.slice(), port: packet.destinationPort };
    const remote = { address: packet.source.slice(), port: packet.sourcePort };
    const iss = randomWord(this.random);
    const connection = this.open(local, remote, provider, (packet.sequence + 1) | 0, (iss + 1) | 0);
    this.halfOpenNow++;
    this.logHalfOpen();
    this.sendSynAck(connection);
    for (const micros of SYN_ACK_REPEATS_MICROS) {
      this.schedule.after(micros, () => {
        if (connection.state === 'half-open') this.sendSynAck(connection);
      });
    }
    this.schedule.after(HALF_OPEN_MICROS, () => {
      if (connection.state === 'half-open') this.close(connection);
    });
  }

  private receiveHalfOpen(connection: ServerConnection, packet: Packet): void {
    const { flags } = packet;
    if ((flags & FLAG.RST) !== 0) {
      this.receiveReset(connection, packet);
    } else if ((flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN) {
      if (packet.sequence !== ((connection.receiveNext - 1) | 0)) {
        this.challenge(connection);
        return;
      }
      connection.syns++;
      this.sendSynAck(connection);
    } else if ((flags & FLAG.ACK) !== 0) {
      if (packet.acknowledgement !== connection.sendNext) {
        this.send(connection, packet.acknowledgement, 0, FLAG.RST);
        return;
      }
      connection.state = 'established';
      connection.settledAt = this.schedule.now;
      this.halfOpenNow--;
      this.logHalfOpen();
      this.receiveEstablished(connection, packet);
    }
  }

  /** RFC 5961 section 3: only the exact sequence number closes. */
  private receiveReset(connection: ServerConnection, packet: Packet): void {
    const distance = (packet.sequence - connection.receiveNext) | 0;
    if (distance === 0) this.close(connection);
    else if (distance > 0 && distance < WINDOW) this.challenge(connection);
    else this.ignoredResets++;
  }

  private receiveEstablished(connection: ServerConnection, packet: Packet): void {
    const { flags } = packet;
    if ((flags & FLAG.RST) !== 0) {
      this.receiveReset(connection, packet);
      return;
    }
    if ((flags & FLAG.SYN) !== 0) {
      this.challenge(connection);
      return;
    }
    const length = dataLength(packet);
    const fin = (flags & FLAG.FIN) !== 0 ? 1 : 0;
    if (length + fin === 0) return;
    if (packet.sequence === connection.receiveNext) {
      connection.receiveNext = (connection.receiveNext + length + fin) | 0;
      connection.received += length;
    }
    this.send(connection, connection.sendNext, connection.receiveNext, FLAG.ACK);
    if (fin === 1 && connection.finSent) {
      connection.state = 'time-wait';
      this.schedule.after(TIME_WAIT_MICROS, () => {
        if (connection.state === 'time-wait') this.close(connection);
      });
    } else if (!connection.finSent && this.behaviour.closesFirst === true && connection.received > 0) {
      connection.finSent = true;
      this.send(connection, connection.sendNext, connection.receiveNext, FLAG.FIN | FLAG.ACK);
      connection.sendNext = (connection.sendNext + 1) | 0;
    }
  }

  /** A SYN with a later sequence number may re-open the tuple (RFC 9293 section 3.6.1), any other is challenged. */
  private receiveTimeWait(connection: ServerConnection, packet: Packet, provider: number): void {
    if ((packet.flags & FLAG.RST) !== 0) {
      this.receiveReset(connection, packet);
      return;
    }
    const isSyn = (packet.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN;
    if (isSyn && ((packet.sequence - connection.receiveNext) | 0) > 0) {
      this.close(connection);
      this.accept(packet, provider);
      return;
    }
    this.challenge(connection);
  }

  private open(
    local: Endpoint,
    remote: Endpoint,
    provider: number,
    receiveNext: number,
    sendNext: number,
  ): ServerConnection {
    const connection: ServerConnection = {
      remote,
      local,
      provider,
      openedAt: this.schedule.now,
      state: 'half-open',
      settledAt: -1,
      receiveNext,
      sendNext,
      iss: (sendNext - 1) | 0,
      received: 0,
      syns: 1,
      finSent: false,
    };
    this.connections.set(tupleKey(remote.address, remote.port, local.address, local.port), connection);
    this.history.push(connection);
    return connection;
  }

  private close(connection: ServerConnection): void {
    const wasHalfOpen = connection.state === 'half-open';
    connection.state = 'closed';
    connection.settledAt = this.schedule.now;
    const { remote, local } = connection;
    const key = tupleKey(remote.address, remote.port, local.address, local.port);
    if (this.connections.get(key) === connection) this.connections.delete(key);
    if (!wasHalfOpen) return;
    this.halfOpenNow--;
    this.logHalfOpen();
  }

  private sendSynAck(connection: ServerConnection): void {
    this.send(connection, connection.iss, connection.receiveNext, FLAG.SYN | FLAG.ACK, SYN_ACK_OPTIONS);
  }

  private challenge(connection: ServerConnection): void {
    this.challenges++;
    this.send(connection, connection.sendNext, connection.receiveNext, FLAG.ACK);
  }

  private send(
    connection: ServerConnection,
    sequence: number,
    acknowledgement: number,
    flags: number,
    options: readonly number[] = [],
  ): void {
    const { local, remote, provider } = connection;
    this.transmit(
      tcpPacket({ from: local, to: remote, sequence, acknowledgement, flags, options }),
      provider,
      this,
    );
  }

  private answer(
    packet: Packet,
    provider: number,
    sequence: number,
    acknowledgement: number,
    flags: number,
  ): void {
    const from = { address: packet.destination, port: packet.destinationPort };
    const to = { address: packet.source, port: packet.sourcePort };
    this.transmit(tcpPacket({ from, to, sequence, acknowledgement, flags }), provider, this);
  }

  private logHalfOpen(): void {
    this.halfOpenLog.push([this.schedule.now, this.halfOpen]);
  }
}
