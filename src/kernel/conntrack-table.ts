/** Questions to the kernel's connection table, and flows taken out of it. */
import type { LivingFlow } from '../core/engine-types.js';
import type { LocalEnds } from '../core/race/ends.js';
import { sameAddress } from '../model/address.js';
import {
  encodeDeleteByOriginal,
  encodeDeleteByReply,
  encodeDump,
  encodeGetByOriginal,
  encodeGetByReply,
  encodeKeep,
  type FlowEntry,
  IPCTNL_MSG_CT,
  TCP_CONNTRACK,
} from '../wire/netlink/ctnetlink.js';
import { createEntry, decodeEntry, type Entry } from '../wire/netlink/ctnetlink-entry.js';
import type { Writer } from '../wire/netlink/message.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import { E } from './ffi.js';
import type { Marks } from './marks.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';

export class ConntrackTable {
  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER);
  private readonly entry = createEntry();

  constructor(private readonly marks: Pick<Marks, 'routeMask'>) {}

  /** Whether another, living flow has the translated reply tuple of `flow`. */
  isTaken(flow: FlowEntry): boolean {
    encodeGetByReply(this.socket.writer, flow, this.socket.nextSequence());
    return this.readEntry() === 0 && !isFinished(this.entry);
  }

  /** The mark of the flow that an answer belongs to by its addresses and ports; 0 when there is none. */
  markOfAnswer(packet: Packet): number {
    const flow: FlowEntry = {
      protocol: packet.protocol,
      family: packet.family,
      client: packet.destination,
      clientAt: 0,
      clientPort: packet.destinationPort,
      destination: packet.source,
      destinationAt: 0,
      destinationPort: packet.sourcePort,
      translated: true,
      source: packet.destination,
      sourceAt: 0,
      sourcePort: packet.destinationPort,
      mark: 0,
      additions: null,
      isAnew: false,
      shift: 0,
    };
    encodeGetByReply(this.socket.writer, flow, this.socket.nextSequence());
    return this.readEntry() === 0 ? this.entry.mark : 0;
  }

  /** What the flow of a packet of its client leaves with; false: there is none. */
  endsOf(packet: Packet, out: LocalEnds): boolean {
    const flow: FlowEntry = {
      protocol: packet.protocol,
      family: packet.family,
      client: packet.source,
      clientAt: 0,
      clientPort: packet.sourcePort,
      destination: packet.destination,
      destinationAt: 0,
      destinationPort: packet.destinationPort,
      translated: false,
      source: packet.source,
      sourceAt: 0,
      sourcePort: packet.sourcePort,
      mark: 0,
      additions: null,
      isAnew: false,
      shift: 0,
    };
    encodeGetByOriginal(this.socket.writer, flow, this.socket.nextSequence());
    if (this.readEntry() !== 0) return false;
    out.local.set(this.entry.source);
    out.localPort = this.entry.sourcePort;
    return true;
  }

  /** The entry with the original tuple of `flow`, reused by the next question; null: there is none. */
  find(flow: FlowEntry): Readonly<Entry> | null {
    encodeGetByOriginal(this.socket.writer, flow, this.socket.nextSequence());
    return this.readEntry() === 0 ? this.entry : null;
  }

  /** Has the entry of `flow` live for so long without a packet; false: it does not. */
  keep(flow: FlowEntry, seconds: number): boolean {
    encodeKeep(this.socket.writer, flow, seconds, this.socket.nextSequence());
    return this.socket.request() === 0;
  }

  /** Whether a flow is there already, with the same ends on both sides. */
  holds(flow: FlowEntry): boolean {
    encodeGetByOriginal(this.socket.writer, flow, this.socket.nextSequence());
    if (this.readEntry() !== 0) return false;
    return (
      this.entry.sourcePort === flow.sourcePort &&
      sameAddress(this.entry.source, 0, flow.source, flow.sourceAt)
    );
  }

  remove(flow: FlowEntry): void {
    encodeDeleteByOriginal(this.socket.writer, flow, this.socket.nextSequence());
    this.socket.request();
  }

  /** Takes out what is finished and holds a tuple of `flow`. False when a living flow does: its entry stays. */
  makeWay(flow: FlowEntry): boolean {
    const byReply = this.finish(flow, encodeGetByReply, encodeDeleteByReply);
    const byOriginal = this.finish(flow, encodeGetByOriginal, encodeDeleteByOriginal);
    return byReply && byOriginal;
  }

  /** Visits the flows of TCP and UDP that live and were distributed. */
  eachLiving(hasIpv6: boolean, visit: (flow: LivingFlow) => void): void {
    for (const family of hasIpv6 ? ([4, 6] as const) : ([4] as const)) {
      dumpEntries(this.socket, family, 0, 0, (entry) => {
        const distributed = (entry.mark & this.marks.routeMask) !== 0;
        const isOurs = entry.protocol === PROTOCOL.TCP || entry.protocol === PROTOCOL.UDP;
        if (!distributed || !isOurs || isFinished(entry)) return;
        visit({ ...entry, port: entry.sourcePort });
      });
    }
  }

  close(): void {
    this.socket.close();
  }

  /** Deletes the entry that a get finds if its TCP connection is over; true when none is in the way any more. */
  private finish(
    flow: FlowEntry,
    get: (w: Writer, flow: FlowEntry, sequence: number) => void,
    remove: (w: Writer, flow: FlowEntry, sequence: number) => void,
  ): boolean {
    get(this.socket.writer, flow, this.socket.nextSequence());
    const error = this.readEntry();
    if (error === E.NOENT) return true;
    if (error !== 0 || !isFinished(this.entry)) return false;
    remove(this.socket.writer, flow, this.socket.nextSequence());
    const refused = this.socket.request();
    return refused === 0 || refused === E.NOENT;
  }

  /** Reads the answer to a get into `entry`: 0, or an error number. */
  private readEntry(): number {
    let found = false;
    const error = this.socket.request((message, view) => {
      if (message.type === IPCTNL_MSG_CT.NEW) {
        found = decodeEntry(this.entry, view, message.body, message.end);
      }
    });
    if (error !== 0) return error;
    return found ? 0 : E.NOENT;
  }
}

/** Nothing of the connection is expected any more, or it never came to be. */
function isFinished(entry: Entry): boolean {
  if (entry.protocol !== PROTOCOL.TCP) return !entry.answered;
  return (
    entry.tcpState === TCP_CONNTRACK.TIME_WAIT ||
    entry.tcpState === TCP_CONNTRACK.CLOSE ||
    entry.tcpState === TCP_CONNTRACK.SYN_SENT ||
    entry.tcpState === TCP_CONNTRACK.NONE
  );
}

/** Visits every entry of a family whose mark, masked, equals `mark`; the entry is reused between calls. */
function dumpEntries(
  socket: NetlinkSocket,
  family: 4 | 6,
  mark: number,
  mask: number,
  visit: (entry: Entry) => void,
): void {
  const entry = createEntry();
  encodeDump(socket.writer, family, mark, mask, socket.nextSequence());
  socket.request((message, view) => {
    if (message.type !== IPCTNL_MSG_CT.NEW) return;
    if (decodeEntry(entry, view, message.body, message.end)) visit(entry);
  });
}
