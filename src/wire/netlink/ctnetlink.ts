/** Entries of the kernel's connection table (include/uapi/linux/netfilter/nfnetlink_conntrack.h). */
import { type AddressWords, type Family, writeAddress } from '../../model/address.js';
import { ADDITIONS_LENGTH, type Additions, putAdditions } from './ctnetlink-additions.js';
import {
  AF,
  CTA,
  CTA_IP,
  CTA_PROTO,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_ATTR,
  CTA_SEQADJ,
  CTA_TUPLE,
} from './ctnetlink-attributes.js';
import {
  beginNested,
  beginNfMessage,
  endMessage,
  endNested,
  NLM_F,
  putBe16,
  putBe32,
  putBytes,
  putU8,
  type Writer,
} from './message.js';

const NFNL_SUBSYS_CTNETLINK = 1 << 8;

/** Message types (enum cntl_msg_types). */
export const IPCTNL_MSG_CT = {
  NEW: NFNL_SUBSYS_CTNETLINK | 0,
  GET: NFNL_SUBSYS_CTNETLINK | 1,
  DELETE: NFNL_SUBSYS_CTNETLINK | 2,
} as const;

/** Nested in NAT_SRC. */
const CTA_NAT = { V4_MINIP: 1, V4_MAXIP: 2, PROTO: 3, V6_MINIP: 4, V6_MAXIP: 5 } as const;
const CTA_PROTONAT = { PORT_MIN: 1, PORT_MAX: 2 } as const;

/** enum tcp_conntrack (include/uapi/linux/netfilter/nf_conntrack_tcp.h). */
export const TCP_CONNTRACK = {
  NONE: 0,
  SYN_SENT: 1,
  SYN_RECV: 2,
  ESTABLISHED: 3,
  FIN_WAIT: 4,
  CLOSE_WAIT: 5,
  LAST_ACK: 6,
  TIME_WAIT: 7,
  CLOSE: 8,
  SYN_SENT2: 9,
} as const;

const IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;
const IPPROTO_TCP = 6;

/** A flow as the client sees it, and what its packets become on the route. Addresses are four words at an offset. */
export interface FlowEntry {
  /** TCP or UDP. */
  protocol: number;
  family: Family;
  client: AddressWords;
  clientAt: number;
  clientPort: number;
  destination: AddressWords;
  destinationAt: number;
  destinationPort: number;
  /** Translated source; equal to the client's when `translated` is false. */
  translated: boolean;
  source: AddressWords;
  sourceAt: number;
  sourcePort: number;
  /** What its destination becomes, four words; null or absent: it stays. */
  turned?: AddressWords | null;
  mark: number;
  /** What the entry has besides; null: nothing. */
  additions: Additions | null;
  /** It takes the place of the entry that the flow has: its client is connected, and was shown another server's numbers. */
  isAnew: boolean;
  /** How much higher than the server's own the numbers are that the client was shown; of `isAnew`. */
  shift: number;
}

/** Longest message of `encodeNew`, for IPv6. */
export const NEW_LENGTH = 424 + ADDITIONS_LENGTH;

/**
 * Writes the entry of a won race, before the winner's answer passes conntrack. Of TCP: state SYN_SENT, or ESTABLISHED when it is made anew;
 * both directions liberal, since conntrack has not seen what came before and would call the next packet invalid. Errors come back with
 * `sequence`; success is silent.
 */
export function encodeNew(w: Writer, flow: FlowEntry, timeoutSeconds: number, sequence: number): void {
  const flags = NLM_F.REQUEST | NLM_F.CREATE | NLM_F.EXCL;
  beginNfMessage(w, IPCTNL_MSG_CT.NEW, flags, sequence, AF[flow.family]);
  putOriginal(w, flow);
  putReplyTo(w, flow, flow.client, flow.clientAt, flow.clientPort);
  const { turned } = flow;
  if (flow.translated) putNat(w, CTA.NAT_SRC, flow, flow.source, flow.sourceAt);
  if (turned) putNat(w, CTA.NAT_DST, flow, turned, 0);
  putBe32(w, CTA.TIMEOUT, timeoutSeconds);
  putBe32(w, CTA.MARK, flow.mark);
  if (flow.isAnew) putBe32(w, CTA.STATUS, ANSWERED_STATUS);
  if (flow.protocol === IPPROTO_TCP)
    putTcpState(w, flow.isAnew ? TCP_CONNTRACK.ESTABLISHED : TCP_CONNTRACK.SYN_SENT);
  if (flow.isAnew) putShift(w, flow.shift);
  if (flow.additions !== null) putAdditions(w, flow.additions);
  endMessage(w);
}

/** IPS_SEEN_REPLY, IPS_ASSURED and IPS_CONFIRMED (include/uapi/linux/netfilter/nf_conntrack_common.h); without the last it is EBUSY. */
const ANSWERED_STATUS = 0x0e;

/** Of all that the server sends, and of what the client acknowledges of it: the same before and behind any position (nf_conntrack_seqadj.c). */
function putShift(w: Writer, shift: number): void {
  const adjust = beginNested(w, CTA.SEQ_ADJ_REPLY);
  putBe32(w, CTA_SEQADJ.CORRECTION_POS, 0);
  putBe32(w, CTA_SEQADJ.OFFSET_BEFORE, shift);
  putBe32(w, CTA_SEQADJ.OFFSET_AFTER, shift);
  endNested(w, adjust);
}

function putTcpState(w: Writer, state: number): void {
  const info = beginNested(w, CTA.PROTOINFO);
  const tcp = beginNested(w, CTA_PROTOINFO_TCP);
  putU8(w, CTA_PROTOINFO_TCP_ATTR.STATE, state);
  // struct nf_ct_tcp_flags: flags, mask.
  putBytes(w, CTA_PROTOINFO_TCP_ATTR.FLAGS_ORIGINAL, LIBERAL);
  putBytes(w, CTA_PROTOINFO_TCP_ATTR.FLAGS_REPLY, LIBERAL);
  endNested(w, tcp);
  endNested(w, info);
}

const LIBERAL = [IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL];

/** Writes how long the entry with the original tuple of `flow` shall live without a packet; the next one gives it the kernel's own time. */
export function encodeKeep(w: Writer, flow: FlowEntry, timeoutSeconds: number, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.NEW, NLM_F.REQUEST | NLM_F.ACK, sequence, AF[flow.family]);
  putOriginal(w, flow);
  putBe32(w, CTA.TIMEOUT, timeoutSeconds);
  endMessage(w);
}

/** Writes the request for the entry that owns the translated reply tuple of `flow`: whose is it, and is it finished? */
export function encodeGetByReply(w: Writer, flow: FlowEntry, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.GET, NLM_F.REQUEST, sequence, AF[flow.family]);
  putReply(w, flow);
  endMessage(w);
}

/** Writes the deletion of the entry that owns the translated reply tuple. */
export function encodeDeleteByReply(w: Writer, flow: FlowEntry, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.DELETE, NLM_F.REQUEST | NLM_F.ACK, sequence, AF[flow.family]);
  putReply(w, flow);
  endMessage(w);
}

/** Writes the request for the entry with the original tuple of `flow`. */
export function encodeGetByOriginal(w: Writer, flow: FlowEntry, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.GET, NLM_F.REQUEST, sequence, AF[flow.family]);
  putOriginal(w, flow);
  endMessage(w);
}

/** Writes the deletion of the entry with the original tuple of `flow`. */
export function encodeDeleteByOriginal(w: Writer, flow: FlowEntry, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.DELETE, NLM_F.REQUEST | NLM_F.ACK, sequence, AF[flow.family]);
  putOriginal(w, flow);
  endMessage(w);
}

/** The same without an answer, but for errors: before the entry that takes its place. */
export function encodeReplaced(w: Writer, flow: FlowEntry, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.DELETE, NLM_F.REQUEST, sequence, AF[flow.family]);
  putOriginal(w, flow);
  endMessage(w);
}

/** Writes that the entry with the original tuple of `flow` loses these bits of its mark. Success is silent. At most DELETE_LENGTH bytes. */
export function encodeUnmark(w: Writer, flow: FlowEntry, bits: number, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.NEW, NLM_F.REQUEST, sequence, AF[flow.family]);
  putOriginal(w, flow);
  putBe32(w, CTA.MARK, 0);
  putBe32(w, CTA.MARK_MASK, bits);
  endMessage(w);
}

/** Longest message of `encodeDeleteEntry`, for IPv6. */
export const DELETE_LENGTH = 160;

/**
 * Writes the deletion of an entry of any protocol by its original tuple as a dump has given it (`Entry.original`), and only if it is still
 * that very entry (`Entry.id`). Errors come back with `sequence`; success is silent.
 */
export function encodeDeleteEntry(
  w: Writer,
  { family, original, id }: { family: Family; original: Uint8Array; id: number },
  sequence: number,
): void {
  beginNfMessage(w, IPCTNL_MSG_CT.DELETE, NLM_F.REQUEST, sequence, AF[family]);
  const at = beginNested(w, CTA.TUPLE_ORIG);
  w.bytes.set(original, w.length);
  w.length += original.length;
  endNested(w, at);
  putBe32(w, CTA.ID, id);
  endMessage(w);
}

/** Writes the request for all entries of a family whose mark, masked, equals `mark`. */
export function encodeDump(w: Writer, family: Family, mark: number, mask: number, sequence: number): void {
  beginNfMessage(w, IPCTNL_MSG_CT.GET, NLM_F.REQUEST | NLM_F.DUMP, sequence, AF[family]);
  putBe32(w, CTA.MARK, mark);
  putBe32(w, CTA.MARK_MASK, mask);
  endMessage(w);
}

function putOriginal(w: Writer, flow: FlowEntry): void {
  const tuple = beginNested(w, CTA.TUPLE_ORIG);
  const ip = beginNested(w, CTA_TUPLE.IP);
  putSource(w, flow.family, flow.client, flow.clientAt);
  putDestination(w, flow.family, flow.destination, flow.destinationAt);
  endNested(w, ip);
  putPorts(w, flow, flow.clientPort, flow.destinationPort);
  endNested(w, tuple);
}

function putReply(w: Writer, flow: FlowEntry): void {
  putReplyTo(w, flow, flow.source, flow.sourceAt, flow.sourcePort);
}

/** The replies of `flow` as they arrive: at its translated source, or, before anything is translated, at its client. */
function putReplyTo(w: Writer, flow: FlowEntry, receiver: AddressWords, at: number, port: number): void {
  const tuple = beginNested(w, CTA.TUPLE_REPLY);
  const ip = beginNested(w, CTA_TUPLE.IP);
  putSource(w, flow.family, flow.destination, flow.destinationAt);
  putDestination(w, flow.family, receiver, at);
  endNested(w, ip);
  putPorts(w, flow, flow.destinationPort, port);
  endNested(w, tuple);
}

/** The source address of a tuple, inside CTA_TUPLE.IP. */
export function putSource(w: Writer, family: Family, words: AddressWords, at: number): void {
  putAddress(w, CTA_IP[family].SRC, family, words, at);
}

/** Its destination. */
export function putDestination(w: Writer, family: Family, words: AddressWords, at: number): void {
  putAddress(w, CTA_IP[family].DST, family, words, at);
}

function putPorts(w: Writer, { protocol }: FlowEntry, source: number, destination: number): void {
  const proto = beginNested(w, CTA_TUPLE.PROTO);
  putU8(w, CTA_PROTO.NUM, protocol);
  putBe16(w, CTA_PROTO.SRC_PORT, source);
  putBe16(w, CTA_PROTO.DST_PORT, destination);
  endNested(w, proto);
}

/** Minimum equals maximum: exactly this address and port (the kernel then does not look for a free one). */
function putNat(w: Writer, type: number, flow: FlowEntry, words: AddressWords, at: number): void {
  const { family } = flow;
  const port = type === CTA.NAT_SRC ? flow.sourcePort : flow.destinationPort;
  const nat = beginNested(w, type);
  putAddress(w, family === 4 ? CTA_NAT.V4_MINIP : CTA_NAT.V6_MINIP, family, words, at);
  putAddress(w, family === 4 ? CTA_NAT.V4_MAXIP : CTA_NAT.V6_MAXIP, family, words, at);
  const ports = beginNested(w, CTA_NAT.PROTO);
  putBe16(w, CTA_PROTONAT.PORT_MIN, port);
  putBe16(w, CTA_PROTONAT.PORT_MAX, port);
  endNested(w, ports);
  endNested(w, nat);
}

function putAddress(w: Writer, type: number, family: Family, words: AddressWords, at: number): void {
  const length = family === 4 ? 4 : 16;
  w.view.setUint16(w.length, 4 + length, true);
  w.view.setUint16(w.length + 2, type, true);
  writeAddress(family, words, at, w.view, w.length + 4);
  w.length += 4 + length;
}
