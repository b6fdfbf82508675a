/**
 * The streams of events: each event is put into words once and written to every stream. A stream that is not read is ended as soon as what
 * waits for it is more than a bound: nobody who looks can make the gateway keep what happens for him.
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { PathraceError } from '../model/errors.js';
import type { EventName, Events } from './contract.js';

/** Streams at one time; of one address over TCP, and of the control socket. */
export const MAX_STREAMS = 64;
export const MAX_STREAMS_OF_ONE = 8;

/** Events for those who come back, and how much of them. */
const KEPT_EVENTS = 1024;
const KEPT_CHARACTERS = 1024 * 1024;

/** What may wait for one stream, bytes: some seconds of events. */
const MOST_WAITING = 256 * 1024;

/** Comments tell both ends that the other one is there. */
const HEARTBEAT_MS = 15_000;

interface Kept {
  readonly number: number;
  readonly name: EventName;
  readonly text: string;
}

interface Stream {
  readonly response: ServerResponse;
  readonly address: string;
  readonly only: ReadonlySet<EventName> | null;
}

export interface StreamOrder {
  readonly address: string;
  /** null: all. */
  readonly only: readonly EventName[] | null;
  /** What the reader has seen last; null: nothing. */
  readonly lastId: string | null;
}

export class EventHub {
  /** Streams ended since they were not read; refused. Since start. */
  dropped = 0;
  refused = 0;
  /** Called when the first stream begins, and when the last one ends. */
  onAudience: (isThere: boolean) => void = () => undefined;

  // BOUNDED: MAX_STREAMS.
  private readonly streams = new Set<Stream>();
  // BOUNDED: KEPT_EVENTS and KEPT_CHARACTERS.
  private readonly kept: Kept[] = [];
  private characters = 0;
  private last = 0;
  /** Numbers of another run say nothing here. */
  private readonly run = randomBytes(4).toString('hex');
  private readonly timer: NodeJS.Timeout;

  constructor() {
    this.timer = setInterval(() => this.write(null, ':\n\n'), HEARTBEAT_MS);
    this.timer.unref();
  }

  get listening(): boolean {
    return this.streams.size > 0;
  }

  get size(): number {
    return this.streams.size;
  }

  publish<N extends EventName>(name: N, data: Events[N]): void {
    const number = ++this.last;
    const text = `id: ${this.run}-${number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    this.kept.push({ number, name, text });
    this.characters += text.length;
    while (this.kept.length > KEPT_EVENTS || this.characters > KEPT_CHARACTERS)
      this.characters -= this.kept.shift()?.text.length ?? 0;
    this.write(name, text);
  }

  /** The response becomes a stream. Throws E_CONTROL_BUSY when there are too many. */
  open(response: ServerResponse, { address, only, lastId }: StreamOrder): void {
    const own = [...this.streams].filter((stream) => stream.address === address).length;
    if (this.streams.size >= MAX_STREAMS || own >= MAX_STREAMS_OF_ONE) {
      this.refused++;
      const which = own >= MAX_STREAMS_OF_ONE ? `${own} streams of events of this address` : 'all streams';
      throw new PathraceError('E_CONTROL_BUSY', `No further stream of events: ${which} are taken.`, {
        remedy: 'End one that nobody looks at.',
      });
    }
    const stream: Stream = { response, address, only: only === null ? null : new Set(only) };
    const isFirst = this.streams.size === 0;
    this.streams.add(stream);
    response.once('close', () => this.leave(stream));
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: 1000\n\n${this.since(lastId, stream.only)}`);
    if (isFirst) this.onAudience(true);
  }

  close(): void {
    clearInterval(this.timer);
    for (const { response } of this.streams) response.destroy();
  }

  private leave(stream: Stream): void {
    if (this.streams.delete(stream) && this.streams.size === 0) this.onAudience(false);
  }

  private since(lastId: string | null, only: ReadonlySet<EventName> | null): string {
    const [run, number] = (lastId ?? '').split('-');
    if (run !== this.run || !/^\d{1,15}$/.test(number ?? '')) return '';
    const missed = this.kept.filter(
      (event) => event.number > Number(number) && (only?.has(event.name) ?? true),
    );
    let size = missed.reduce((sum, { text }) => sum + text.length, 0);
    // No more than a stream may have waiting: the oldest are lost.
    while (size > MOST_WAITING / 2) size -= missed.shift()?.text.length ?? size;
    return missed.map(({ text }) => text).join('');
  }

  /** null: for all. */
  private write(name: EventName | null, text: string): void {
    for (const stream of this.streams) {
      if (name !== null && stream.only?.has(name) === false) continue;
      const { response } = stream;
      if (response.writableLength + (response.socket?.writableLength ?? 0) > MOST_WAITING) {
        this.dropped++;
        response.destroy();
      } else response.write(text);
    }
  }
}
