/**
 * Binds won flows in the kernel's connection table, a batch at a time. The kernel says nothing of an entry that it takes, so whose
 * refusal is not read counts as written: nothing but entries goes over the socket of this class, and nobody else reads from it.
 */

import { assert } from '../model/errors.js';
import {
  DELETE_LENGTH,
  encodeNew,
  encodeReplaced,
  encodeUnmark,
  type FlowEntry,
  NEW_LENGTH,
} from '../wire/netlink/ctnetlink.js';
import type { ConntrackTable } from './conntrack-table.js';
import { createFlowEntry } from './flow-entry.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';
import { BATCH } from './queue.js';

const NONE: readonly number[] = [];
/** Entries of one flush. */
const MOST_ENTRIES = 2 * BATCH;
/** Life of an entry until its first packet; the kernel sets its own time-outs from then on. */
const ENTRY_TIMEOUT_SECONDS = 60;
/** Every refusal is a datagram of its own, for which the kernel accounts with about 1 KiB; all may be refused. */
const RECEIVE_BUFFER = 1024 * 1024;

export class ConntrackWriter {
  /** Entries that a finished flow stood in the way of at first; and those that did not get in. */
  replaced = 0;
  taken = 0;
  /** Entries that are, or were, in the table. */
  written = 0;

  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER, {
    sendBytes: MOST_ENTRIES * (NEW_LENGTH + 2 * DELETE_LENGTH),
  });
  // BOUNDED: MOST_ENTRIES, made once; the front end holds back no more answers.
  private readonly noted: readonly FlowEntry[] = Array.from({ length: MOST_ENTRIES }, createFlowEntry);
  private readonly mayStay = new Uint8Array(MOST_ENTRIES);
  private count = 0;
  /** What is being written, as indexes of `noted`; the n-th has sequence `first` + n. */
  private readonly batch = new Int32Array(MOST_ENTRIES);
  private first = 0;
  private size = 0;
  private unmarked = 0;
  private refused: number[] = [];

  /** `table` takes finished flows out of the way. */
  constructor(
    private readonly table: ConntrackTable,
    private readonly timeoutSeconds = ENTRY_TIMEOUT_SECONDS,
  ) {
    this.socket.setReceiveBuffer(RECEIVE_BUFFER);
  }

  /**
   * Notes an entry to write; `flush` writes all. The n-th call since the last flush has index n. The flow is copied. `mayStay`: an entry
   * with these very ends is as good, whatever else it has.
   */
  add(flow: FlowEntry, mayStay = false): number {
    assert(this.count < MOST_ENTRIES, 'more entries than a flush writes');
    copyFlow(this.noted[this.count], flow);
    this.mayStay[this.count] = mayStay ? 1 : 0;
    return this.count++;
  }

  /** Notes that a flow loses bits of its mark; `flush` writes it, and whether it is still there is of no interest. */
  unmark(flow: FlowEntry, bits: number): void {
    if (this.unmarked === MOST_ENTRIES) this.send();
    this.unmarked++;
    // Its number is none of an entry.
    encodeUnmark(this.socket.writer, flow, bits, (this.first - 1) >>> 0);
  }

  /**
   * Writes the noted entries, and those whose tuple a finished flow held once more; returns the indexes of those that are not in
   * the table.
   */
  flush(): readonly number[] {
    const { count, batch } = this;
    if (count === 0 && this.unmarked === 0) return NONE;
    this.count = 0;
    for (let index = 0; index < count; index++) batch[index] = index;
    const refused = this.write(count).filter((index) => !this.stays(index));
    this.written += count - refused.length;
    if (refused.length === 0) return refused;
    let again = 0;
    for (const index of refused) {
      const isFree = this.table.makeWay(this.noted[index]);
      // A packet of the client may have come between an entry and the one in its place.
      if (isFree || this.noted[index].isAnew) batch[again++] = index;
    }
    const cleared = batch.slice(0, again);
    const still = this.write(again);
    const failed = refused.filter((index) => !cleared.includes(index) || still.includes(index));
    this.replaced += refused.length - failed.length;
    this.written += refused.length - failed.length;
    this.taken += failed.length;
    return failed;
  }

  close(): void {
    this.socket.close();
  }

  private stays(index: number): boolean {
    return this.mayStay[index] === 1 && this.table.holds(this.noted[index]);
  }

  /** Writes the first `size` of the batch; returns the indexes of those that were refused. */
  private write(size: number): readonly number[] {
    this.refused = [];
    if (size === 0 && this.unmarked === 0) return this.refused;
    for (let n = 0; n < size; n++) {
      const sequence = (this.first + n) >>> 0;
      const flow = this.noted[this.batch[n]];
      if (flow.isAnew) encodeReplaced(this.socket.writer, flow, (sequence + size) >>> 0);
      encodeNew(this.socket.writer, flow, this.timeoutSeconds, sequence);
    }
    this.size = size;
    if (!this.send()) for (let n = 0; n < size; n++) this.refused.push(this.batch[n]);
    this.first = (this.first + 2 * size) >>> 0;
    return this.refused;
  }

  /** Sends what is written, and hears what was refused; false: nothing has left. */
  private send(): boolean {
    this.unmarked = 0;
    if (this.socket.flush() !== 0) return false;
    while (this.socket.read(this.noteRefusal, null)) {
      // All that is refused is in the buffer when send has returned.
    }
    return true;
  }

  private readonly noteRefusal = (error: number, sequence: number): void => {
    const n = (sequence - this.first) >>> 0;
    // That nothing had to give way is no refusal.
    if (error !== 0 && n < this.size) this.refused.push(this.batch[n]);
  };
}

function copyFlow(out: FlowEntry, flow: FlowEntry): void {
  for (let i = 0; i < 4; i++) {
    out.client[i] = flow.client[flow.clientAt + i];
    out.destination[i] = flow.destination[flow.destinationAt + i];
    out.source[i] = flow.source[flow.sourceAt + i];
  }
  out.protocol = flow.protocol;
  out.family = flow.family;
  out.clientPort = flow.clientPort;
  out.destinationPort = flow.destinationPort;
  out.translated = flow.translated;
  out.sourcePort = flow.sourcePort;
  out.mark = flow.mark;
  out.additions = flow.additions;
  out.turned = flow.turned ?? null;
  out.isAnew = flow.isAnew;
  out.shift = flow.shift;
}
