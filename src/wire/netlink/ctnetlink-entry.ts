/** Entries of the kernel's connection table as they are read back, one by one or hundreds of thousands at a time. */
import { type AddressWords, type Family, readAddress } from '../../model/address.js';
import { TCP_CONNTRACK } from './ctnetlink.js';
import {
  AF,
  CTA,
  CTA_IP,
  CTA_PROTO,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_ATTR,
  CTA_TUPLE,
} from './ctnetlink-attributes.js';
import { NFGENMSG_LEN } from './message.js';

/** Nested in COUNTERS_ORIG and COUNTERS_REPLY. */
const CTA_COUNTERS = { PACKETS: 1, BYTES: 2 } as const;
const NLA_TYPE_MASK = 0x3fff;
const IPPROTO_TCP = 6;
/** enum ip_conntrack_status (include/uapi/linux/netfilter/nf_conntrack_common.h). */
const IPS_SEEN_REPLY = 1 << 1;
const IPS_OFFLOAD = 1 << 14;

export interface Entry {
  family: Family;
  protocol: number;
  /** The kernel's id, signed; 0 where the message does not say. */
  id: number;
  readonly client: AddressWords;
  clientPort: number;
  readonly destination: AddressWords;
  destinationPort: number;
  /** Destination of the replies: the translated source. */
  readonly source: AddressWords;
  sourcePort: number;
  mark: number;
  /** One of TCP_CONNTRACK; NONE for other protocols. */
  tcpState: number;
  /** Until it goes, unless a packet comes. */
  timeoutSeconds: number;
  /** Packets have come in both directions. */
  answered: boolean;
  /** It goes by a flowtable, ours or another. */
  offloaded: boolean;
  /** Packets of either direction; -1: the kernel does not count them. */
  sent: number;
  received: number;
  /** The same in bytes, with IP headers. */
  sentBytes: number;
  receivedBytes: number;
  /** The attributes of the original tuple, which name an entry of any protocol; a view of what was read. */
  original: Uint8Array;
}

export function createEntry(): Entry {
  return {
    family: 4,
    protocol: 0,
    id: 0,
    client: new Int32Array(4),
    clientPort: 0,
    destination: new Int32Array(4),
    destinationPort: 0,
    source: new Int32Array(4),
    sourcePort: 0,
    mark: 0,
    tcpState: TCP_CONNTRACK.NONE,
    timeoutSeconds: 0,
    answered: false,
    offloaded: false,
    sent: -1,
    received: -1,
    sentBytes: -1,
    receivedBytes: -1,
    original: NO_BYTES,
  };
}

const NO_BYTES = new Uint8Array(0);

/**
 * Decodes the body of an IPCTNL_MSG_CT.NEW as the kernel sends it for GET and in dumps. A loop without closures: it runs once for each of
 * all connections.
 */
export function decodeEntry(out: Entry, view: DataView, body: number, end: number): boolean {
  if (end - body < NFGENMSG_LEN) return false;
  const family = view.getUint8(body);
  if (family !== AF[4] && family !== AF[6]) return false;
  clear(out, family === AF[4] ? 4 : 6);
  for (let at = body + NFGENMSG_LEN; at + 4 <= end; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > end) break;
    const value = at + 4;
    const stop = at + length;
    const isWord = length >= 8;
    switch (view.getUint16(at + 2, true) & NLA_TYPE_MASK) {
      case CTA.TUPLE_ORIG:
        out.original = new Uint8Array(view.buffer, view.byteOffset + value, length - 4);
        readTuple(out, view, value, stop, true);
        break;
      case CTA.TUPLE_REPLY:
        readTuple(out, view, value, stop, false);
        break;
      case CTA.STATUS:
        if (isWord) readStatus(out, view.getUint32(value));
        break;
      case CTA.PROTOINFO:
        out.tcpState = readTcpState(view, value, stop);
        break;
      case CTA.TIMEOUT:
        if (isWord) out.timeoutSeconds = view.getUint32(value);
        break;
      case CTA.MARK:
        if (isWord) out.mark = view.getUint32(value);
        break;
      case CTA.ID:
        if (isWord) out.id = view.getInt32(value);
        break;
      case CTA.COUNTERS_ORIG:
        out.sent = readCounter(view, value, stop, CTA_COUNTERS.PACKETS);
        out.sentBytes = readCounter(view, value, stop, CTA_COUNTERS.BYTES);
        break;
      case CTA.COUNTERS_REPLY:
        out.received = readCounter(view, value, stop, CTA_COUNTERS.PACKETS);
        out.receivedBytes = readCounter(view, value, stop, CTA_COUNTERS.BYTES);
        break;
    }
    at += (length + 3) & ~3;
  }
  // The kernel tells no state of what it does not look at itself; only what is established gets there.
  if (out.offloaded && out.protocol === IPPROTO_TCP && out.tcpState === TCP_CONNTRACK.NONE)
    out.tcpState = TCP_CONNTRACK.ESTABLISHED;
  return true;
}

function readStatus(out: Entry, status: number): void {
  out.answered = (status & IPS_SEEN_REPLY) !== 0;
  out.offloaded = (status & IPS_OFFLOAD) !== 0;
}

function clear(out: Entry, family: Family): void {
  out.family = family;
  out.client.fill(0);
  out.destination.fill(0);
  out.source.fill(0);
  out.protocol = 0;
  out.answered = false;
  out.id = 0;
  out.clientPort = 0;
  out.destinationPort = 0;
  out.sourcePort = 0;
  out.mark = 0;
  out.tcpState = TCP_CONNTRACK.NONE;
  out.timeoutSeconds = 0;
  out.offloaded = false;
  out.sent = out.sentBytes = -1;
  out.received = out.receivedBytes = -1;
}

/** A TCP connection whose last word has been said; nothing but late packets and repeats will come. */
export function isFinished({ protocol, tcpState }: Entry): boolean {
  const { TIME_WAIT, CLOSE, LAST_ACK } = TCP_CONNTRACK;
  return protocol === IPPROTO_TCP && (tcpState === TIME_WAIT || tcpState === CLOSE || tcpState === LAST_ACK);
}

/** Of the replies only where they go to matters. */
function readTuple(out: Entry, view: DataView, start: number, end: number, isOriginal: boolean): void {
  const bytes = out.family === 4 ? 4 : 16;
  const { SRC: source, DST: destination } = CTA_IP[out.family];
  for (let at = start; at + 4 <= end; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > end) return;
    const type = view.getUint16(at + 2, true) & NLA_TYPE_MASK;
    const stop = at + length;
    for (let inner = at + 4; inner + 4 <= stop; ) {
      const size = view.getUint16(inner, true);
      if (size < 4 || inner + size > stop) break;
      const kind = view.getUint16(inner + 2, true) & NLA_TYPE_MASK;
      const value = inner + 4;
      if (type === CTA_TUPLE.IP && size - 4 >= bytes) {
        if (kind === source && isOriginal) readAddress(out.family, view, value, out.client);
        else if (kind === destination)
          readAddress(out.family, view, value, isOriginal ? out.destination : out.source);
      } else if (type === CTA_TUPLE.PROTO) {
        if (kind === CTA_PROTO.NUM && size >= 5 && isOriginal) out.protocol = view.getUint8(value);
        else if (kind === CTA_PROTO.SRC_PORT && size >= 6 && isOriginal)
          out.clientPort = view.getUint16(value);
        else if (kind === CTA_PROTO.DST_PORT && size >= 6) {
          if (isOriginal) out.destinationPort = view.getUint16(value);
          else out.sourcePort = view.getUint16(value);
        }
      }
      inner += (size + 3) & ~3;
    }
    at += (length + 3) & ~3;
  }
}

/** One of the nested CTA_COUNTERS, 64 bits; -1: it is not there. */
function readCounter(view: DataView, start: number, end: number, wanted: number): number {
  const value = find(view, start, end, wanted, 8);
  return value < 0 ? -1 : view.getUint32(value) * 2 ** 32 + view.getUint32(value + 4);
}

function readTcpState(view: DataView, start: number, end: number): number {
  const tcp = find(view, start, end, CTA_PROTOINFO_TCP, 0);
  if (tcp < 0) return TCP_CONNTRACK.NONE;
  const state = find(view, tcp, tcp - 4 + view.getUint16(tcp - 4, true), CTA_PROTOINFO_TCP_ATTR.STATE, 1);
  return state < 0 ? TCP_CONNTRACK.NONE : view.getUint8(state);
}

/** Where the value of an attribute of at least `bytes` begins; -1: it is not there. */
function find(view: DataView, start: number, end: number, wanted: number, bytes: number): number {
  for (let at = start; at + 4 <= end; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > end) return -1;
    if ((view.getUint16(at + 2, true) & NLA_TYPE_MASK) === wanted && length - 4 >= bytes) return at + 4;
    at += (length + 3) & ~3;
  }
  return -1;
}
