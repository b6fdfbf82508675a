/** Calls of H.323: from Setup to ReleaseComplete, their control connections and media (ITU-T H.225.0, H.245; rules H1x to H3x of the field). */
import { decodeH225, type H225Message, Q931 } from '../../wire/h225.js';
import { decodeFastStart, decodeH245 } from '../../wire/h245.js';
import { frameTpkt, TPKT_HEADER } from '../../wire/tpkt.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';
import { expectCaller, expectConnection, MediaSessions } from './media-sessions.js';
import type { Reading, Signal, SignalFlow, SignalReader, SignalSink } from './reader.js';
import type { Call, CallTable } from './table.js';

/** Calls of one connection that are kept. */
const MOST_CALLS = 64;

export class H323Reader implements SignalReader {
  readonly kind = 'h323';
  // BOUNDED: MOST_CALLS, further ones are not counted.
  private readonly calls = new Map<string, Call>();
  private readonly media: MediaSessions;

  constructor(
    private readonly flow: SignalFlow,
    private readonly table: CallTable,
    private readonly sink: SignalSink,
    private readonly name: string,
  ) {
    this.media = new MediaSessions(flow, sink);
  }

  frame(space: ViewedBytes, start: number, end: number): number {
    return frameTpkt(space, start, end);
  }

  read(signal: Signal): Reading {
    // Some keep a connection with empty packets.
    if (signal.end - signal.start === TPKT_HEADER) return 'message';
    const message = decodeH225(signal, signal.start, signal.end);
    if (message === null) return 'none';
    this.count(message, signal);
    const { h245Address, fastStart, h245Control } = message;
    if (h245Address !== null) {
      const expect = signal.isFromClient ? expectCaller : expectConnection;
      expect(this.flow, this.sink, h245Address, 'h245');
    }
    for (const { start, end } of fastStart)
      this.media.note(decodeFastStart(signal, start, end), signal.isFromClient);
    for (const { start, end } of h245Control) {
      const tunnelled = decodeH245(signal, start, end);
      if (tunnelled !== null) this.media.note(tunnelled, signal.isFromClient);
    }
    return 'message';
  }

  /** Calls are bound to their connection, unless it says otherwise (multiple calls, maintained connections). */
  close(): void {
    for (const call of this.calls.values()) this.table.end(call);
    this.calls.clear();
  }

  private count({ type, callReference, isFromCalled }: H225Message, { isFromClient, now }: Signal): void {
    // References are chosen by the caller: either side may call by one connection.
    const key = `${this.name} ${isFromClient !== isFromCalled ? 'out' : 'in'} ${callReference}`;
    const known = this.calls.get(key);
    if (type === Q931.SETUP && known === undefined && this.calls.size < MOST_CALLS) {
      const call = this.table.begin('h323', key, now);
      this.table.carry(call, this.sink.carried()?.route ?? 0);
      this.calls.set(key, call);
    }
    if (known === undefined) return;
    this.table.find('h323', key, now);
    if (type === Q931.CONNECT) known.isAnswered = true;
    if (type !== Q931.RELEASE_COMPLETE) return;
    this.table.end(known);
    this.calls.delete(key);
  }
}
