/** Registration and admission of H.323 (RAS, ITU-T H.225.0): how long a gatekeeper reaches its client, and where calls are made. */
import { FRAME } from '../../wire/frame.js';
import { decodeRas, type RasMessage } from '../../wire/h225-ras.js';
import { expectConnection } from './media-sessions.js';
import type { Reading, Signal, SignalFlow, SignalReader, SignalSink } from './reader.js';

/** Seconds that a registration is believed to last when nobody says how long, and at most. */
const DEFAULT_SECONDS = 3600;
const MOST_SECONDS = 86_400;

export class RasReader implements SignalReader {
  readonly kind = 'h323';
  /** Of the last request to register, as its client has said: number and seconds. */
  private asked: RasMessage | null = null;

  constructor(
    private readonly flow: SignalFlow,
    private readonly sink: SignalSink,
  ) {}

  frame(): number {
    return FRAME.NOT;
  }

  read(signal: Signal): Reading {
    const message = decodeRas(signal, signal.start, signal.end);
    if (message === null) return 'none';
    const { flow, sink } = this;
    switch (message.kind) {
      case 'RRQ':
        if (signal.isFromClient) this.asked = message;
        break;
      case 'RCF':
        if (signal.isFromClient || this.asked?.sequence !== message.sequence) break;
        sink.keep(secondsOf(message, this.asked));
        break;
      case 'UCF':
        sink.keep(0);
        break;
      case 'ACF':
        if (signal.isFromClient || message.destCallSignalAddress === null) break;
        expectConnection(flow, sink, message.destCallSignalAddress);
        break;
    }
    return 'message';
  }

  close(): void {}
}

function secondsOf(told: RasMessage, asked: RasMessage): number {
  const seconds = [told.timeToLive, asked.timeToLive].find((one) => one > 0) ?? DEFAULT_SECONDS;
  return Math.min(MOST_SECONDS, seconds);
}
