/** Control connections of H.323 calls (ITU-T H.245 in TPKT), where the signalling has said that the server waits for one. */
import { decodeH245 } from '../../wire/h245.js';
import { frameTpkt, TPKT_HEADER } from '../../wire/tpkt.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';
import { MediaSessions } from './media-sessions.js';
import type { Reading, Signal, SignalFlow, SignalReader, SignalSink } from './reader.js';

export class H245Reader implements SignalReader {
  readonly kind = 'h323';
  private readonly media: MediaSessions;

  constructor(flow: SignalFlow, sink: SignalSink) {
    this.media = new MediaSessions(flow, sink);
  }

  frame(space: ViewedBytes, start: number, end: number): number {
    return frameTpkt(space, start, end);
  }

  read(signal: Signal): Reading {
    const start = signal.start + TPKT_HEADER;
    if (start === signal.end) return 'message';
    const message = decodeH245(signal, start, signal.end);
    if (message === null) return 'none';
    this.media.note(message, signal.isFromClient);
    return 'message';
  }

  close(): void {}
}
