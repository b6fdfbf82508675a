/** One simulated client that asks by UDP: the same datagram until something answers it, as resolvers and QUIC stacks do. */
import type { Micros } from '../core/engine-types.js';
import { PROTOCOL } from '../wire/packet.js';
import { type Endpoint, payloadOf, readPacket, udpPacket } from './packets.js';
import type { Schedule } from './schedule.js';

export type AskResult = 'asking' | 'answered' | 'refused' | 'timeout';

export interface AskOptions {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** All that is asked; a flight has several. */
  readonly payloads: readonly Uint8Array[];
  /** When all of them are sent again, and when it gives up: microseconds after the first. */
  readonly repeats: readonly Micros[];
  readonly timeoutMicros: Micros;
  /** Datagrams that it sends once it is answered, one each millisecond. */
  readonly further?: readonly Uint8Array[] | undefined;
  /** Whether this is an answer, or a no; what is neither is ignored. */
  readonly judge: (payload: Uint8Array) => 'answered' | 'refused' | null;
}

/** A stub resolver's (RFC 1035 section 4.2.1), and a QUIC client's before it knows a round trip (RFC 9002 section 6.2.2). */
export const DNS_REPEATS_MICROS: readonly Micros[] = [5_000_000];
export const QUIC_REPEATS_MICROS: readonly Micros[] = [1_000_000, 3_000_000, 7_000_000];

/** What came to the client, and by which provider it had come to the gateway (0: made by the gateway). */
export interface HeardDatagram {
  readonly at: Micros;
  readonly provider: number;
  readonly payload: Uint8Array;
}

export class SimAsker {
  result: AskResult = 'asking';
  startedAt: Micros = 0;
  finishedAt: Micros = -1;
  /** The provider that the first answer has come by. */
  winner = 0;
  /** Times that it has asked. */
  asked = 0;
  // BOUNDED: what one socket is sent in one run.
  readonly heard: HeardDatagram[] = [];
  /** ICMP errors about what it has asked. */
  errors = 0;

  constructor(
    readonly options: AskOptions,
    private readonly schedule: Schedule,
    private readonly transmit: (bytes: Uint8Array) => void,
  ) {}

  start(): void {
    this.startedAt = this.schedule.now;
    this.ask();
    const { repeats, timeoutMicros } = this.options;
    for (const after of repeats)
      this.schedule.after(after, () => {
        if (this.result === 'asking') this.ask();
      });
    this.schedule.after(timeoutMicros, () => {
      if (this.result === 'asking') this.finish('timeout', 0);
    });
  }

  /** Microseconds until the first answer, or the end of its patience; -1 while it asks. */
  get micros(): Micros {
    return this.finishedAt < 0 ? -1 : this.finishedAt - this.startedAt;
  }

  receive(bytes: Uint8Array, provider: number): void {
    const packet = readPacket(bytes);
    if (packet === null) return;
    if (packet.protocol !== PROTOCOL.UDP) return this.receiveError();
    const payload = payloadOf(bytes, packet);
    this.heard.push({ at: this.schedule.now, provider, payload });
    const verdict = this.options.judge(payload);
    if (verdict === null || this.result !== 'asking') return;
    this.finish(verdict, provider);
    for (const [index, next] of (this.options.further ?? []).entries())
      this.schedule.after(1000 * (index + 1), () => this.send(next));
  }

  /** Connected sockets hear of it: the name server that is not there is asked no more (ECONNREFUSED). */
  private receiveError(): void {
    this.errors++;
    if (this.result === 'asking') this.finish('refused', 0);
  }

  private ask(): void {
    this.asked++;
    for (const payload of this.options.payloads) this.send(payload);
  }

  private send(payload: Uint8Array): void {
    const { local, remote } = this.options;
    this.transmit(udpPacket({ from: local, to: remote, payload }));
  }

  private finish(result: AskResult, provider: number): void {
    this.result = result;
    this.finishedAt = this.schedule.now;
    this.winner = provider;
  }
}
