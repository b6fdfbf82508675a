/** One simulated TCP client socket, as Linux behaves: repeats, resets, and what ends connect(). */
import type { Micros } from '../core/engine-types.js';
import { sameAddress } from '../model/address.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { dataLength, type Endpoint, readPacket, SYN_OPTIONS, tcpPacket } from './packets.js';
import type { Schedule } from './schedule.js';

/** When the SYN is sent again, and when connect() gives up, microseconds after the first (measured, Linux 6.18). */
export const SYN_REPEATS_MICROS: readonly Micros[] = [
  1_000_000, 2_000_000, 3_100_000, 4_100_000, 5_100_000, 7_100_000,
];
export const CONNECT_TIMEOUT_MICROS: Micros = 11_100_000;
/** First retransmission of data; each further one waits twice as long, so that the last is sent after five minutes. */
const DATA_REPEAT_MICROS: Micros = 300_000;
const MOST_DATA_REPEATS = 9;

export type ConnectResult =
  | 'connecting'
  | 'connected'
  | 'abandoned'
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'EACCES'
  | 'EPROTO'
  | 'ETIMEDOUT';

/** When a client sends its SYN again, and when it gives up: microseconds after the first. */
export interface Patience {
  readonly repeats: readonly Micros[];
  readonly timeoutMicros: Micros;
}

const MEASURED: Patience = { repeats: SYN_REPEATS_MICROS, timeoutMicros: CONNECT_TIMEOUT_MICROS };

export interface ConnectOptions {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly isn: number;
  /** TCP options of the SYN. */
  readonly options?: readonly number[];
  /** Bytes of data on the SYN (Fast Open). */
  readonly synData?: number;
  readonly ttl?: number;
  readonly ipOptions?: number;
  /** Bytes sent once connected; 0: none. */
  readonly bytes?: number;
  /** So many more times the same, each so long after the server has acknowledged the one before; default none. */
  readonly talk?: { readonly times: number; readonly pauseMicros: Micros };
  /** Says that it is done, when everything is acknowledged; default false. */
  readonly closes?: boolean;
  /** What it does when nobody answers; default as measured. */
  readonly patience?: Patience;
  /** What comes in is kept; default true. */
  readonly records?: boolean | undefined;
}

/** A packet that came to the client, and by which provider it had come to the gateway (0: made by the gateway). */
export interface Arrival {
  readonly at: Micros;
  readonly provider: number;
  readonly bytes: Uint8Array;
  readonly packet: Packet;
}

export class SimClient {
  result: ConnectResult = 'connecting';
  startedAt: Micros = 0;
  /** When connect() returned. */
  finishedAt: Micros = -1;
  /** The provider whose SYN+ACK or SYN made the connection. */
  winner = 0;
  /** Bytes of data that the server has acknowledged. */
  acknowledged = 0;
  /** The client's reset went out because of a packet it did not expect. */
  resetsSent = 0;
  // BOUNDED: what one socket is sent in one run.
  readonly arrivals: Arrival[] = [];

  private receiveNext = 0;
  private finished = false;
  private abandoned = false;
  private readonly sendNext: number;

  constructor(
    readonly options: ConnectOptions,
    private readonly schedule: Schedule,
    private readonly transmit: (bytes: Uint8Array) => void,
  ) {
    this.sendNext = (options.isn + 1) | 0;
  }

  start(): void {
    this.startedAt = this.schedule.now;
    this.sendSyn();
    this.wait(0);
  }

  /** Until the next repeat, or the end of its patience. */
  private wait(repeat: number): void {
    const { repeats, timeoutMicros } = this.options.patience ?? MEASURED;
    const isLast = repeat === repeats.length;
    this.schedule.at(this.startedAt + (isLast ? timeoutMicros : repeats[repeat]), () => {
      if (this.result !== 'connecting') return;
      if (isLast) return this.finish('ETIMEDOUT', 0);
      this.sendSyn();
      this.wait(repeat + 1);
    });
  }

  /** The program closes the socket without a word; another one may use the tuple. */
  abandon(): void {
    this.abandoned = true;
    if (this.result === 'connecting') this.finish('abandoned', 0);
  }

  /** Microseconds that connect() took; -1 while it has not returned. */
  get connectMicros(): Micros {
    return this.finishedAt < 0 ? -1 : this.finishedAt - this.startedAt;
  }

  /** Errors that came in and that Linux would report: resets and ICMP errors. */
  get errorsReceived(): number {
    return this.arrivals.filter(
      ({ packet }) => packet.protocol !== PROTOCOL.TCP || (packet.flags & FLAG.RST) !== 0,
    ).length;
  }

  receive(bytes: Uint8Array, provider: number): void {
    const packet = readPacket(bytes);
    if (packet === null) return;
    if (this.options.records !== false)
      this.arrivals.push({ at: this.schedule.now, provider, bytes, packet });
    if (packet.protocol !== PROTOCOL.TCP) this.receiveError(packet);
    else if (this.result === 'connecting') this.receiveInSynSent(packet, provider);
    else if (this.result === 'connected') this.receiveEstablished(packet);
    else if ((packet.flags & FLAG.RST) === 0 && (packet.flags & FLAG.ACK) !== 0) this.reset(packet);
  }

  private sendSyn(): void {
    const { local, remote, isn, options = SYN_OPTIONS, synData = 0, ttl = 64, ipOptions = 0 } = this.options;
    this.transmit(
      tcpPacket({
        from: local,
        to: remote,
        sequence: isn,
        acknowledgement: 0,
        flags: FLAG.SYN,
        options,
        data: synData,
        ttl,
        ipOptions,
      }),
    );
  }

  /** RFC 9293 section 3.10.7.3. */
  private receiveInSynSent(packet: Packet, provider: number): void {
    const { flags } = packet;
    const hasAck = (flags & FLAG.ACK) !== 0;
    const acceptable = hasAck && packet.acknowledgement === this.sendNext;
    if (hasAck && !acceptable) {
      if ((flags & FLAG.RST) === 0) this.reset(packet);
      return;
    }
    if ((flags & FLAG.RST) !== 0) {
      if (acceptable) this.finish('ECONNREFUSED', provider);
      return;
    }
    if ((flags & FLAG.SYN) === 0) return;
    this.receiveNext = (packet.sequence + 1) | 0;
    this.finish('connected', provider);
    if (hasAck) {
      this.sendAck();
      this.sendData(0, 0);
    } else {
      this.sendFlags(FLAG.SYN | FLAG.ACK, this.options.isn);
    }
  }

  private receiveEstablished(packet: Packet): void {
    const { flags } = packet;
    if ((flags & FLAG.RST) !== 0) {
      if (packet.sequence === this.receiveNext) this.result = 'ECONNRESET';
      return;
    }
    if ((flags & FLAG.ACK) !== 0) this.receiveAck((packet.acknowledgement - this.sendNext) | 0);
    if ((flags & FLAG.SYN) !== 0) {
      this.sendAck();
      return;
    }
    const expected = packet.sequence === this.receiveNext;
    const length = dataLength(packet) + ((flags & FLAG.FIN) !== 0 ? 1 : 0);
    if (length === 0) return;
    if (expected) this.receiveNext = (this.receiveNext + length) | 0;
    this.sendAck();
    if (expected && (flags & FLAG.FIN) !== 0 && !this.finished) {
      this.finished = true;
      this.sendFlags(FLAG.FIN | FLAG.ACK, (this.sendNext + (this.options.bytes ?? 0)) | 0);
    }
  }

  /** What Linux does with errors about its SYN (E5 of the experiments): all but 3/4 and Packet Too Big end connect(). */
  private receiveError(packet: Packet): void {
    const { quote } = packet;
    const { local, remote, isn } = this.options;
    const mine =
      quote.sourcePort === local.port &&
      quote.destinationPort === remote.port &&
      sameAddress(quote.source, 0, local.address, 0) &&
      sameAddress(quote.destination, 0, remote.address, 0);
    if (!mine || this.result !== 'connecting' || quote.sequence !== isn) return;
    const error = packet.family === 4 ? errorOfIcmp(packet) : errorOfIcmpv6(packet);
    if (error !== null) this.finish(error, 0);
  }

  private finish(result: ConnectResult, provider: number): void {
    this.result = result;
    this.finishedAt = this.schedule.now;
    this.winner = provider;
  }

  private reset(packet: Packet): void {
    this.resetsSent++;
    const { local, remote } = this.options;
    this.transmit(
      tcpPacket({
        from: local,
        to: remote,
        sequence: packet.acknowledgement,
        acknowledgement: 0,
        flags: FLAG.RST,
      }),
    );
  }

  private sendAck(): void {
    this.sendFlags(FLAG.ACK, (this.sendNext + (this.finished ? (this.options.bytes ?? 0) + 1 : 0)) | 0);
  }

  private sendFlags(flags: number, sequence: number, data = 0): void {
    const { local, remote } = this.options;
    this.transmit(
      tcpPacket({ from: local, to: remote, sequence, acknowledgement: this.receiveNext, flags, data }),
    );
  }

  /** The server has so many bytes; a FIN counts as one. */
  private receiveAck(acknowledged: number): void {
    if (acknowledged <= this.acknowledged) return;
    this.acknowledged = acknowledged;
    const { bytes = 0, talk, closes = false } = this.options;
    const times = talk?.times ?? 0;
    const said = Math.floor(acknowledged / bytes);
    if (talk !== undefined && said <= times)
      this.schedule.after(talk.pauseMicros, () => this.sendData(said, 0));
    else if (closes && acknowledged === bytes * (times + 1))
      this.sendFlags(FLAG.FIN | FLAG.ACK, (this.sendNext + acknowledged) | 0);
  }

  /** `turn`: how often it has spoken before. */
  private sendData(turn: number, repeats: number): void {
    const { bytes = 0 } = this.options;
    if (bytes === 0 || this.acknowledged >= bytes * (turn + 1) || this.result !== 'connected') return;
    if (this.abandoned || repeats > MOST_DATA_REPEATS) return;
    this.sendFlags(FLAG.PSH | FLAG.ACK, (this.sendNext + turn * bytes) | 0, bytes);
    this.schedule.after(DATA_REPEAT_MICROS * 2 ** repeats, () => this.sendData(turn, repeats + 1));
  }
}

function errorOfIcmp(packet: Packet): ConnectResult | null {
  if (packet.icmpType === 11) return 'EHOSTUNREACH';
  if (packet.icmpType === 12) return 'EPROTO';
  switch (packet.icmpCode) {
    case 4:
      return null;
    case 0:
    case 6:
    case 9:
    case 11:
      return 'ENETUNREACH';
    case 2:
    case 3:
      return 'ECONNREFUSED';
    default:
      return 'EHOSTUNREACH';
  }
}

/** icmpv6_err_convert() of Linux. */
function errorOfIcmpv6(packet: Packet): ConnectResult | null {
  if (packet.icmpType === 2) return null;
  if (packet.icmpType === 3) return 'EHOSTUNREACH';
  if (packet.icmpType === 4) return 'EPROTO';
  switch (packet.icmpCode) {
    case 0:
      return 'ENETUNREACH';
    case 1:
    case 5:
    case 6:
      return 'EACCES';
    case 4:
      return 'ECONNREFUSED';
    default:
      return 'EHOSTUNREACH';
  }
}
