/** One kernel queue of packets: read in batches, verdicts sent in batches. */

import { PathraceError } from '../model/errors.js';
import { createMessageView, NFGENMSG_LEN, readMessage } from '../wire/netlink/message.js';
import {
  createQueuedPacket,
  decodeQueued,
  encodeBind,
  encodeParameters,
  encodeVerdict,
  encodeWantEntries,
  KEEP_MARK,
  NFQNL_MSG,
  type QueuedPacket,
  VERDICT,
} from '../wire/netlink/nfqueue.js';
import { MAX_DATAGRAM_LENGTH } from '../wire/udp.js';
import { allocate, E, type Memory, recycle, sys } from './ffi.js';
import { MessageArray } from './mmsg.js';
import { NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';

/** Packets read with one system call. */
export const BATCH = 64;
/** Bytes of a packet that reach the daemon: every header, an ICMP error's quote, and the longest datagram that is copied. */
const COPY_RANGE = MAX_DATAGRAM_LENGTH;
const SLOT = 3072;
const RECEIVE_BUFFER = 8 * 1024 * 1024;
const MSG_DONTWAIT = 0x40;

export class Queue {
  readonly fd: number;
  /** Packets received since start, and messages that could not be decoded. */
  received = 0;
  undecodable = 0;
  isClosed = false;

  private readonly slot: number;
  private readonly socket: NetlinkSocket;
  private readonly memory: Memory;
  private readonly messages: MessageArray;
  private readonly packet: QueuedPacket = createQueuedPacket();
  private readonly message = createMessageView();

  constructor(
    readonly number: number,
    length: number,
    /** Bytes of a packet that are wanted. */
    private readonly range = COPY_RANGE,
  ) {
    const slot = range + SLOT - COPY_RANGE;
    this.slot = slot;
    this.socket = new NetlinkSocket(NETLINK_NETFILTER);
    this.fd = this.socket.fd;
    this.memory = allocate(BATCH * slot);
    this.messages = new MessageArray(BATCH);
    for (let i = 0; i < BATCH; i++) this.messages.setBuffer(i, this.memory.address + i * slot, slot);
    this.bind(length);
    this.socket.setReceiveBuffer(RECEIVE_BUFFER);
  }

  /** Reads one batch and calls `each` per packet; returns how many messages came. BATCH means there may be more. */
  receive(each: (packet: QueuedPacket, memory: Memory) => void): number {
    const count = sys.recvmmsg(this.fd, this.messages.address, BATCH, MSG_DONTWAIT, 0);
    if (count <= 0) return 0;
    for (let i = 0; i < count; i++) {
      const start = i * this.slot;
      const end = start + this.messages.received(i);
      const next = readMessage(this.message, this.memory.view, start, end);
      if (next === -1 || this.message.type !== NFQNL_MSG.PACKET) continue;
      if (
        this.message.end < this.message.body + NFGENMSG_LEN ||
        !decodeQueued(this.packet, this.memory.view, this.message.body, this.message.end)
      ) {
        this.undecodable++;
        continue;
      }
      this.received++;
      each(this.packet, this.memory);
    }
    return count;
  }

  /** Notes a verdict; `flush` sends all. */
  accept(id: number, mark = KEEP_MARK): void {
    encodeVerdict(this.socket.writer, this.number, id, VERDICT.ACCEPT, mark);
  }

  /** Back to the chain that has queued it, with another mark. */
  repeat(id: number, mark: number): void {
    encodeVerdict(this.socket.writer, this.number, id, VERDICT.REPEAT, mark);
  }

  drop(id: number): void {
    encodeVerdict(this.socket.writer, this.number, id, VERDICT.DROP, KEEP_MARK);
  }

  /** Asks for each packet's entry in the connection table; false: this kernel has none to give (CONFIG_NETFILTER_NETLINK_GLUE_CT). */
  wantEntries(): boolean {
    encodeWantEntries(this.socket.writer, this.number, this.socket.nextSequence());
    return this.socket.request() === 0;
  }

  flush(): void {
    this.socket.flush();
  }

  /** The kernel drops what still waits, and goes on by itself with the rest. */
  close(): void {
    this.isClosed = true;
    this.socket.close();
    this.messages.close();
    recycle(this.memory);
  }

  private bind(length: number): void {
    encodeBind(this.socket.writer, this.number, this.socket.nextSequence());
    const error = this.socket.request();
    // Privileges have been checked before: EPERM means that another socket is bound (nfqnl_recv_config).
    if (error === E.BUSY || error === E.PERM) {
      throw new PathraceError('E_ALREADY_RUNNING', `Queue ${this.number} belongs to another process.`);
    }
    if (error !== 0) throw netlinkError(`bind queue ${this.number}`, error);
    encodeParameters(this.socket.writer, this.number, this.socket.nextSequence(), this.range, length);
    const refused = this.socket.request();
    if (refused !== 0) throw netlinkError(`configure queue ${this.number}`, refused);
  }
}
