/**
 * Keeps sets and maps of our table up to date without keeping the caller waiting: changes are collected for a few
 * milliseconds and written in transactions of many elements, on another thread, one transaction at a time.
 */
import {
  BATCH_FRAME,
  createTarget,
  type ElementKey,
  type ElementTarget,
  encodeAdd,
  encodeBatchBegin,
  encodeBatchEnd,
  encodeDelete,
  encodeFlush,
  MAX_ELEMENT_MESSAGE,
} from '../wire/netlink/nft-elements.js';
import { TABLE } from './constants.js';
import { ElementQueue, OPERATION } from './element-queue.js';
import { E, setOption } from './ffi.js';
import { NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';

/** Elements of one transaction: enough to make its own cost small, few enough to be over within a millisecond. */
export const BATCH = 250;
/** Operations that may wait; more are refused by `put`, and counted. */
const CAPACITY = 8192;
const DELAY_MS = 5;
/** Attempts that no element gains by, before the first is given up. */
const ATTEMPTS = 24;
/** As many are usual; if more are needed, others change the same elements, and fewer are written at a time. */
const USUAL_ATTEMPTS = 2;
/** The kernel rebuilds a set's table beside our requests, and refuses additions meanwhile: we wait twice as long each time. */
const REBUILD_MS = { first: 1, most: 64 } as const;
/**
 * nft reads a ruleset again from its start whenever a transaction happens meanwhile, for ever if need be. So that an operator's
 * `nft list` ends: this long without a transaction, at least this often.
 */
const BREATH_MS = 80;
const BREATH_EVERY_MS = 1000;
/** Errors of a whole batch wait in the socket until they are read. */
const RECEIVE_BUFFER = 2 * 1024 * 1024;
const SEND_BUFFER = 512 * 1024;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;

export interface ElementWriterOptions {
  /** One element was refused (E.NFILE: its set is full) and given up; all others of its batch are written. */
  onRefused(set: string, key: Uint8Array, error: number): void;
  /** There is no such set, or no table, and what was to be written to it is lost. Once for each batch that it concerns. */
  onMissing(set: string): void;
  readonly table?: string;
  readonly delayMs?: number;
  /** Pauses in which other programs can read the ruleset; 0: none. */
  readonly breathMs?: number;
  readonly capacity?: number;
  /** Elements of one transaction; default BATCH. For whom a transaction's own cost is all there is to wait for. */
  readonly batch?: number;
  /** false: as on kernels before 6.3. Asked of the kernel unless it is said. */
  readonly destroy?: boolean;
}

export class ElementWriter {
  /** Since start. `overflowed` counts what `put`, `remove` and `flush` refused for want of room. */
  readonly stats = { elements: 0, batches: 0, transactions: 0, refused: 0, overflowed: 0, micros: 0 };
  /** The kernel takes a missing element out without an error (Linux 6.3). */
  readonly destroys: boolean;

  private readonly socket: NetlinkSocket;
  private readonly batch: number;
  private readonly queue: ElementQueue;
  private readonly delayMs: number;
  private readonly breathMs: number;
  private breathedAt = 0;
  private finishedAt = 0;
  private timer: NodeJS.Timeout | null = null;
  private immediate: NodeJS.Immediate | null = null;
  private closed = false;
  // BOUNDED: by its callers, who wait.
  private waiters: { readonly until: number; readonly resolve: () => void }[] = [];

  /** The batch in flight: slots of the queue that are not yet done, of which the first `sent` are in this transaction. */
  private readonly work: Int32Array;
  private readonly errors: Int32Array;
  /** Without DESTROY: the element is known to exist, so the addition of another needs its removal first. */
  private readonly exists: Uint8Array;
  private working = 0;
  private sent = 0;
  private limit: number;
  private attempts = 0;
  private written = 0;
  private startedAt = 0;
  private sequence = 0;
  private batchError = 0;
  private rebuilding = false;

  constructor(private readonly options: ElementWriterOptions) {
    this.queue = new ElementQueue(options.table ?? TABLE, options.capacity ?? CAPACITY);
    const batch = options.batch ?? BATCH;
    const sendBytes = batch * 2 * MAX_ELEMENT_MESSAGE + BATCH_FRAME;
    this.batch = this.limit = batch;
    this.work = new Int32Array(batch);
    this.errors = new Int32Array(2 * batch);
    this.exists = new Uint8Array(batch);
    this.socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes, receiveBytes: 16 * 1024 });
    this.delayMs = options.delayMs ?? DELAY_MS;
    this.breathMs = options.breathMs ?? BREATH_MS;
    this.socket.setReceiveBuffer(RECEIVE_BUFFER);
    setOption(this.socket.fd, SOL_SOCKET, SO_SNDBUFFORCE, Math.max(SEND_BUFFER, sendBytes));
    this.destroys = options.destroy ?? this.canDestroy();
  }

  /**
   * Sets an element, whatever was there before, with a new time-out (0: the set's own, or none). `value` is the mark of
   * a map, null for a set. The key is copied. False when there is no room: the caller may try again later.
   */
  put(set: string, key: ElementKey, value: number | null, timeoutMs: number): boolean {
    return this.note(this.queue.add(OPERATION.PUT, set, key, value, timeoutMs));
  }

  /** Takes an element out if it is there. */
  remove(set: string, key: ElementKey): boolean {
    return this.note(this.queue.add(OPERATION.REMOVE, set, key, null, 0));
  }

  /** Empties a set. What is put afterwards stays. */
  flush(set: string): boolean {
    return this.note(this.queue.flush(set));
  }

  /** Drops what waits for a set that is about to go; what is under way to it has arrived when `idle` resolves. */
  drop(set: string): void {
    this.queue.drop(set);
  }

  /** Operations that wait, and those that are being written. */
  get pending(): number {
    return this.queue.waiting + this.working;
  }

  /** Does not wait for more. */
  flushSoon(): void {
    if (this.working > 0 || this.queue.waiting === 0) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.immediate ??= setImmediate(() => {
      this.immediate = null;
      this.start();
    });
  }

  /** Resolves when everything noted so far is written or given up. */
  idle(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    this.flushSoon();
    return new Promise((resolve) => {
      this.waiters.push({ until: this.queue.noted, resolve });
    });
  }

  /** Writes what waits, then closes. Nothing may be put afterwards. */
  async close(): Promise<void> {
    if (this.closed) return;
    await this.idle();
    this.closed = true;
    this.socket.close();
  }

  private note(taken: boolean): boolean {
    if (!taken) this.stats.overflowed++;
    if (this.working > 0) return taken;
    if (this.queue.waiting >= this.batch) this.flushSoon();
    else if (this.immediate === null) {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.start();
      }, this.delayMs);
    }
    return taken;
  }

  private start(): void {
    if (this.working > 0 || this.closed || this.breathes()) return;
    this.working = this.queue.take(this.work);
    if (this.working === 0) {
      this.queue.release();
      this.settle();
      return;
    }
    this.exists.fill(0);
    this.limit = this.batch;
    this.attempts = 0;
    this.written = 0;
    this.startedAt = performance.now();
    this.send();
  }

  /** Whether to leave the ruleset alone for a moment. Nobody is kept waiting for that. */
  private breathes(): boolean {
    const now = performance.now();
    const rested = now - this.finishedAt;
    if (rested >= this.breathMs) this.breathedAt = now;
    if (now - this.breathedAt < BREATH_EVERY_MS || this.waiters.length > 0) return false;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.start();
    }, this.breathMs - rested);
    return true;
  }

  /** One transaction with the first `limit` of the work: flushes, then all removals, which make room, then additions. */
  private send(): void {
    const { queue, socket, work } = this;
    const w = socket.writer;
    this.sent = Math.min(this.working, this.limit);
    this.errors.fill(0);
    this.batchError = 0;
    this.rebuilding = false;
    this.attempts++;
    this.stats.transactions++;
    // Of this transaction: the frame, then two for each element.
    this.sequence = (this.sequence + 2 * this.batch + 2) & 0x3fffffff;
    const base = this.sequence + 2;
    encodeBatchBegin(w, this.sequence);
    for (let i = 0; i < this.sent; i++) {
      if (queue.kind[work[i]] === OPERATION.FLUSH) encodeFlush(w, queue.targetOf(work[i]), base + 2 * i);
    }
    for (let i = 0; i < this.sent; i++) {
      const slot = work[i];
      const kind = queue.kind[slot];
      if (kind === OPERATION.FLUSH) continue;
      if (kind === OPERATION.PUT && !this.destroys && this.exists[i] === 0) continue;
      encodeDelete(w, queue.targetOf(slot), queue.elementOf(slot), this.destroys, base + 2 * i);
    }
    for (let i = 0; i < this.sent; i++) {
      const slot = work[i];
      if (queue.kind[slot] !== OPERATION.PUT) continue;
      encodeAdd(w, queue.targetOf(slot), queue.elementOf(slot), !this.destroys, base + 2 * i + 1);
    }
    encodeBatchEnd(w, this.sequence + 1);
    socket.exchangeInBackground(this.onError, this.onDone);
  }

  private readonly onError = (error: number, sequence: number): void => {
    const at = sequence - this.sequence - 2;
    if (at >= 0 && at < 2 * this.sent) this.errors[at] = error;
    else this.batchError = error;
  };

  private readonly onDone = (sent: boolean): void => {
    if (!sent) this.batchError = E.NOBUFS;
    if (this.sortOut()) {
      if (this.attempts > USUAL_ATTEMPTS) this.limit = Math.max(1, this.sent >>> 1);
    } else if (this.batchError === 0) {
      this.written += this.sent;
      this.shift(this.sent);
    } else {
      this.limit = Math.max(1, this.sent >>> 1);
    }
    if (this.attempts >= ATTEMPTS && this.working > 0) {
      this.refuse(this.work[0], this.batchError || E.AGAIN);
      this.shift(1);
    }
    if (this.working === 0) this.finish();
    else if (this.rebuilding)
      setTimeout(() => this.send(), Math.min(REBUILD_MS.first * 2 ** (this.attempts - 1), REBUILD_MS.most));
    else this.send();
  };

  /**
   * The kernel has taken the transaction back when it refused any part of it. Takes what it refused out of the work, for the next
   * attempt to succeed; false when it named nothing.
   */
  private sortOut(): boolean {
    let found = false;
    let kept = 0;
    let lost: ElementTarget | null = null;
    for (let i = 0; i < this.working; i++) {
      const slot = this.work[i];
      const removal = i < this.sent ? this.errors[2 * i] : 0;
      const addition = i < this.sent ? this.errors[2 * i + 1] : 0;
      let keep = removal === 0 && addition === 0;
      if (!keep) {
        found = true;
        const target = this.queue.targetOf(slot);
        if (this.isUndecided(i, removal, addition)) keep = true;
        else if (!this.destroys && this.queue.kind[slot] === OPERATION.REMOVE && removal === E.NOENT)
          this.written++;
        else if (addition === E.NOENT || removal === E.NOENT) {
          if (target !== lost) this.options.onMissing(target.set);
          lost = target;
        } else this.refuse(slot, addition || removal);
      }
      if (!keep) continue;
      this.exists[kept] = this.exists[i];
      this.work[kept++] = slot;
    }
    this.working = kept;
    return found;
  }

  /** Whether the next attempt can succeed: an element was there or not there against expectation, or the set is being rebuilt. */
  private isUndecided(i: number, removal: number, addition: number): boolean {
    if (this.queue.kind[this.work[i]] !== OPERATION.PUT) return false;
    // lib/rhashtable.c, rhashtable_insert_rehash: too long a chain, such as of elements of one key that are over and not yet
    // collected, has the table rebuilt. Some kernels say BUSY, too, where another element has the key.
    const rebuilding = addition === E.BUSY || addition === E.NOMEM;
    if (rebuilding) this.rebuilding = true;
    // A packet put another element there between our removal and our addition.
    if (this.destroys) return rebuilding || addition === E.EXIST;
    if (addition === E.EXIST) this.exists[i] = 1;
    else if (removal === E.NOENT && (addition === 0 || rebuilding)) this.exists[i] = 0;
    else if (rebuilding) this.exists[i] = 1;
    else return false;
    return true;
  }

  private refuse(slot: number, error: number): void {
    this.stats.refused++;
    this.options.onRefused(this.queue.targetOf(slot).set, this.queue.keyOf(slot), error);
  }

  private shift(count: number): void {
    this.work.copyWithin(0, count, this.working);
    this.exists.copyWithin(0, count, this.working);
    this.working -= count;
    this.attempts = 0;
  }

  private finish(): void {
    this.queue.release();
    this.finishedAt = performance.now();
    this.stats.batches++;
    this.stats.elements += this.written;
    this.stats.micros += (this.finishedAt - this.startedAt) * 1000;
    this.settle();
  }

  /** What came meanwhile has waited for as long as the batch took. */
  private settle(): void {
    this.flushSoon();
    const { settled } = this.queue;
    const through = this.waiters.filter(({ until }) => until <= settled || this.pending === 0);
    this.waiters = this.waiters.filter((waiter) => !through.includes(waiter));
    for (const { resolve } of through) resolve();
  }

  /** Asks by removing nothing from a table that does not exist: old kernels do not know the request (EINVAL). */
  private canDestroy(): boolean {
    const w = this.socket.writer;
    encodeBatchBegin(w, 1);
    const key = { bytes: new Uint8Array(4), at: 0, length: 4 };
    encodeDelete(w, createTarget('pathrace-none', 'none'), key, true, 2);
    encodeBatchEnd(w, 3);
    const error = this.socket.request();
    if (error === E.PERM) throw netlinkError('change sets', error);
    return error === E.NOENT;
  }
}
