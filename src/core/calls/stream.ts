/** One direction of a TCP connection that is read as it passes: segments in, the messages in them out. Bounded, whatever comes. */
import { FRAME } from '../../wire/frame.js';
import { type ViewedBytes, viewed } from '../../wire/viewed-bytes.js';

/** Bytes that are kept until the rest of a message comes; a longer one is passed over. */
export const MOST_KEPT = 24_576;
/** Segments that have overtaken another, and their bytes. */
const MOST_AHEAD = 8;
const MOST_AHEAD_BYTES = 16_384;
const FARTHEST = 1 << 24;

/** Told of each message; false: what was framed is none. */
export type OnMessage = (space: ViewedBytes, start: number, end: number) => boolean;
export type Framing = (space: ViewedBytes, start: number, end: number) => number;

/** Bytes of a stream, from this number on. */
export interface Segment {
  readonly sequence: number;
  readonly space: ViewedBytes;
  readonly start: number;
  readonly end: number;
}

export class SignalStream {
  /** Segments in a row that no message could be found in. */
  strange = 0;
  /** Something is missing, or it was met midway: a message may begin anywhere. */
  hasGap = true;

  /** Sequence number of the next byte; null: nothing has come yet. */
  private next: number | null = null;
  private kept: ViewedBytes = NOTHING;
  private length = 0;
  // BOUNDED: MOST_AHEAD and MOST_AHEAD_BYTES; without room the stream goes on behind the gap.
  private ahead: Segment[] = [];

  constructor(
    private readonly frame: Framing,
    private readonly on: OnMessage,
  ) {}

  /** The connection begins: its first byte has this number. */
  begin(sequence: number): void {
    this.next = sequence;
    this.hasGap = false;
  }

  /** Of what is not whole yet the bytes are copied. */
  push(segment: Segment): void {
    const { sequence, start, end } = segment;
    if (end <= start) return;
    this.next ??= sequence;
    const early = (sequence - this.next) | 0;
    // No window is so large: it goes on with other numbers, as when another route has taken it over.
    if (Math.abs(early) > FARTHEST) this.goOn(sequence);
    const isEarly = ((sequence - this.next) | 0) > 0;
    if (isEarly && this.hold(segment)) return;
    if (isEarly) this.goOn(sequence);
    this.take(segment);
    for (let at = this.firstAhead(); at >= 0; at = this.firstAhead()) this.take(this.ahead.splice(at, 1)[0]);
  }

  /** Behind the gap that no segment has filled. */
  private goOn(sequence: number): void {
    this.hasGap = true;
    this.length = 0;
    this.ahead = [];
    this.next = sequence;
  }

  private hold({ sequence, space, start, end }: Segment): boolean {
    const held = this.ahead.reduce((sum, one) => sum + one.end, end - start);
    if (this.ahead.length >= MOST_AHEAD || held > MOST_AHEAD_BYTES) return false;
    const copy = viewed(space.bytes.slice(start, end));
    this.ahead.push({ sequence, space: copy, start: 0, end: end - start });
    return true;
  }

  /** The held segment that begins at, or before, the next byte; -1: none. */
  private firstAhead(): number {
    const { next } = this;
    return this.ahead.findIndex(({ sequence }) => ((sequence - next!) | 0) <= 0);
  }

  private take({ sequence, space, start, end }: Segment): void {
    const known = (this.next! - sequence) | 0;
    if (known >= end - start) return;
    this.next = (sequence + (end - start)) | 0;
    const from = start + known;
    if (this.length === 0) return this.read(space, from, end);
    const { length } = this;
    this.length = 0;
    if (length + end - from > MOST_KEPT) return;
    this.keep(space, from, end, length);
    this.read(this.kept, 0, length + end - from);
  }

  /** Tells of the whole messages, and keeps the rest. What is no message is passed over to the end of the segment. */
  private read(space: ViewedBytes, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const size = this.frame(space, at, end);
      if (size === FRAME.INCOMPLETE) break;
      if (size === FRAME.NOT || !this.on(space, at, at + size)) {
        this.strange++;
        return;
      }
      this.strange = 0;
      at += size;
    }
    if (at === end || end - at > MOST_KEPT) return;
    this.keep(space, at, end, 0);
    this.length = end - at;
  }

  /** Copies bytes to `at` of those that are kept; they may be some of them. */
  private keep({ bytes }: ViewedBytes, start: number, end: number, at: number): void {
    const needed = at + end - start;
    const copied = bytes.slice(start, end);
    if (this.kept.bytes.length < needed) {
      const grown = new Uint8Array(Math.min(MOST_KEPT, Math.max(2048, needed * 2)));
      grown.set(this.kept.bytes.subarray(0, at));
      this.kept = viewed(grown);
    }
    this.kept.bytes.set(copied, at);
  }
}

const NOTHING = viewed(new Uint8Array(0));
