/**
 * Sessions per route as they begin and end, told by the kernel's connection table.
 *
 * A session begins with its entry and ends once: when TCP reaches TIME_WAIT or CLOSE, or when the entry goes. Living entries are kept
 * by the kernel's id, so that nothing counts twice: not a late reset (TIME_WAIT, then CLOSE), not an entry that goes
 * after its end, not one that both a recount and an event tell of. A tuple that is used again gets another entry.
 *
 * What remains until a recount: entries from before anybody listened have no events (`nf_conntrack_events` 2), so their end is missed;
 * entries whose mark came after their first packet are missed; connections that conntrack revives after a reset (a SYN that
 * it ignored is acknowledged after all) count as ended; two living entries with the same 32-bit id (0.3 pairs of 50 000, 8 of
 * 260 000) count as one. An owner that recounts every minute or so is right again every minute.
 */

import { PathraceError } from '../model/errors.js';
import {
  createSessionEvent,
  decodeSession,
  isOver,
  NFNLGRP_CONNTRACK,
  pairOf,
  SESSION,
  sessionFilter,
} from '../wire/netlink/ctnetlink-events.js';
import { createMessageView, NFGENMSG_LEN, readMessage } from '../wire/netlink/message.js';
import {
  allocate,
  E,
  errno,
  type Memory,
  recycle,
  setOption,
  sys,
  type Watch,
  watchReadable,
} from './ffi.js';
import type { Marks } from './marks.js';
import { MessageArray } from './mmsg.js';
import { NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';
import { Census, countTable } from './session-census.js';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const MSG_DONTWAIT = 0x40;
/** Room for some 10 000 events: two seconds of a busy gateway. */
const RECEIVE_BUFFER = 16 * 1024 * 1024;
/** Messages read with one system call, and calls before the event loop has its turn. */
const BATCH = 64;
const TURNS = 8;
/** Longer than any event: tuples, labels, counters, time stamps, a helper's name. */
const SLOT = 1024;

/** Who is told. */
export interface SessionSinks {
  begin(mark: number, protocol: number): void;
  end(mark: number, protocol: number): void;
  /** The kernel had no room for some events: counts are wrong until a recount. */
  lost(): void;
  /** An error while one of them was told; the others are. */
  broken(error: unknown): void;
}

export class SessionEvents {
  /** Since start. */
  messagesRead = 0;

  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 4096, receiveBytes: 4096 });
  private readonly memory: Memory = allocate(BATCH * SLOT);
  private readonly messages = new MessageArray(BATCH);
  private readonly message = createMessageView();
  private readonly event = createSessionEvent();
  private readonly watch: Watch;
  private living: Census;
  /** A recount under way: what it has found, and what ended meanwhile, of which the table may still tell. BOUNDED: by its duration. */
  private fresh: { readonly census: Census; readonly ended: Set<number> } | null = null;
  private recounting: Promise<boolean> | null = null;
  private closed = false;

  /** Tells of sessions whose mark names a route. `countsPairs`: for the census's `busiestPair`. */
  constructor(
    private readonly marks: Pick<Marks, 'routeMask' | 'flowMask'>,
    private readonly sinks: SessionSinks,
    private readonly countsPairs = false,
  ) {
    this.living = new Census(countsPairs);
    for (let i = 0; i < BATCH; i++) this.messages.setBuffer(i, this.memory.address + i * SLOT, SLOT);
    const { fd } = this.socket;
    // Not NETLINK_NO_ENOBUFS: a loss must be told.
    if (!setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
      setOption(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    attachFilter(fd, sessionFilter(marks.routeMask));
    for (const group of Object.values(NFNLGRP_CONNTRACK)) {
      if (!setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group))
        throw netlinkError('announce connections', errno());
    }
    this.watch = watchReadable(fd, () => {
      try {
        this.readSome();
      } catch (error) {
        sinks.broken(error);
      }
    });
  }

  /** Sessions that are known to live. */
  get count(): number {
    return this.living.size;
  }

  /** The same in detail; a recount puts another in its place. */
  get census(): Census {
    return this.living;
  }

  /** Hears now what has been told until now, as far as that is soon done. */
  catchUp(): void {
    this.readSome();
  }

  /**
   * Counts what lives from the whole table, piece by piece between other work. Until it is done the old count stands and events go
   * on to be told; then `replace` gets the new one, sessions by mark, at a moment when every event of what it has is told. False:
   * the kernel refused, or `close` cut it short, and the old count goes on.
   */
  async recount(
    replace: (sessions: ReadonlyMap<number, number>) => void,
    families: readonly (4 | 6)[] = [4, 6],
  ): Promise<boolean> {
    while (this.recounting !== null) await this.recounting;
    if (this.closed) return false;
    const fresh = { census: new Census(this.countsPairs), ended: new Set<number>() };
    this.fresh = fresh;
    this.recounting = this.readTable(fresh, families);
    try {
      if (!(await this.recounting)) return false;
      // What was chosen before this moment has its entry, so the table or an event has told of it.
      while (!this.closed && this.readSome());
      this.living = fresh.census;
      replace(fresh.census.byMark);
      return true;
    } finally {
      this.recounting = null;
      this.fresh = null;
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watch.close();
    this.socket.close();
    this.messages.close();
    recycle(this.memory);
  }

  /** Whether there may be more. */
  private readSome(): boolean {
    for (let turn = 0; turn < TURNS && !this.closed; turn++) {
      const count = sys.recvmmsg(this.socket.fd, this.messages.address, BATCH, MSG_DONTWAIT, 0);
      if (count < 0) {
        if (errno() !== E.NOBUFS) return false;
        this.sinks.lost();
        continue;
      }
      for (let i = 0; i < count; i++) this.tryToHandle(i * SLOT, i * SLOT + this.messages.received(i));
      if (count < BATCH) return false;
    }
    return true;
  }

  /** A message that breaks takes no other with it. */
  private tryToHandle(start: number, end: number): void {
    try {
      this.handle(start, end);
    } catch (error) {
      this.sinks.broken(error);
    }
  }

  private handle(start: number, end: number): void {
    const { message, event } = this;
    const { view } = this.memory;
    if (readMessage(message, view, start, end) === -1 || message.end < message.body + NFGENMSG_LEN) return;
    if (!decodeSession(event, view, message)) return;
    this.messagesRead++;
    const begins = event.kind === SESSION.NEW;
    if (!begins && event.kind !== SESSION.DESTROY && !isOver(event.tcpState)) return;
    const pair = this.countsPairs ? pairOf(view, message) : 0;
    if (begins) this.begin(pair);
    else this.end(pair);
  }

  private begin(pair: number): void {
    const { id, protocol } = this.event;
    const mark = (this.event.mark & this.marks.flowMask) >>> 0;
    if (this.fresh !== null) {
      this.fresh.ended.delete(id);
      this.fresh.census.add(id, mark, pair);
    }
    if (this.living.add(id, mark, pair)) this.sinks.begin(mark, protocol);
  }

  private end(pair: number): void {
    const { id, protocol } = this.event;
    if (this.fresh !== null) {
      this.fresh.ended.add(id);
      this.fresh.census.remove(id, pair);
    }
    const mark = this.living.remove(id, pair);
    if (mark !== null) this.sinks.end(mark, protocol);
  }

  private async readTable(
    { census, ended }: NonNullable<SessionEvents['fresh']>,
    families: readonly (4 | 6)[],
  ): Promise<boolean> {
    try {
      return await countTable(census, ended, this.marks, families, () => this.closed);
    } catch (error) {
      if (error instanceof PathraceError) return false;
      throw error;
    }
  }
}

function attachFilter(fd: number, program: Uint8Array): void {
  const memory = allocate(16 + program.length);
  memory.view.setUint16(0, program.length / 8, true);
  memory.view.setBigUint64(8, BigInt(memory.address + 16), true);
  memory.bytes.set(program, 16);
  const refused = sys.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, memory.address, 16) !== 0;
  const error = errno();
  recycle(memory);
  if (refused) throw netlinkError('filter announcements of connections', error);
}
