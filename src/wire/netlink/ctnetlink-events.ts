/**
 * Begin and end of connections as the kernel's connection table announces them (nf_conntrack_netlink.c,
 * ctnetlink_conntrack_event), and a filter that lets through only what a count needs.
 */
import { mix } from '../../model/mix.js';
import { IPCTNL_MSG_CT, TCP_CONNTRACK } from './ctnetlink.js';
import {
  AF,
  CTA,
  CTA_IP,
  CTA_PROTO,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_ATTR,
  CTA_TUPLE,
} from './ctnetlink-attributes.js';
import {
  type AttributeView,
  createAttributeView,
  type MessageView,
  NFGENMSG_LEN,
  NLM_F,
  NLMSG_HDRLEN,
  readAttribute,
} from './message.js';

/** Multicast groups (enum nfnetlink_groups). */
export const NFNLGRP_CONNTRACK = { NEW: 1, UPDATE: 2, DESTROY: 3 } as const;

export const SESSION = { NEW: 1, UPDATE: 2, DESTROY: 3 } as const;

/** One event or entry; reused. */
export interface SessionEvent {
  /** One of SESSION. */
  kind: number;
  /** The kernel's id of the entry (CTA_ID), signed: equal in all its events and in dumps. */
  id: number;
  mark: number;
  protocol: number;
  /** One of TCP_CONNTRACK; NONE for other protocols and where the message does not say. */
  tcpState: number;
  /** IPS_* bits. */
  status: number;
}

export function createSessionEvent(): SessionEvent {
  return { kind: 0, id: 0, mark: 0, protocol: 0, tcpState: TCP_CONNTRACK.NONE, status: 0 };
}

/** TIME_WAIT and CLOSE: nothing but late packets will come. */
export function isOver(tcpState: number): boolean {
  return tcpState === TCP_CONNTRACK.TIME_WAIT || tcpState === TCP_CONNTRACK.CLOSE;
}

const outer: AttributeView = createAttributeView();
const inner: AttributeView = createAttributeView();

/** Decodes a message of the groups above or of a dump; false when it is neither, or has no id. */
export function decodeSession(out: SessionEvent, view: DataView, message: MessageView): boolean {
  const { type, flags, body, end } = message;
  if (type === IPCTNL_MSG_CT.DELETE) out.kind = SESSION.DESTROY;
  else if (type !== IPCTNL_MSG_CT.NEW) return false;
  else out.kind = (flags & NLM_F.CREATE) !== 0 ? SESSION.NEW : SESSION.UPDATE;
  out.mark = 0;
  out.protocol = 0;
  out.tcpState = TCP_CONNTRACK.NONE;
  out.status = 0;
  let hasId = false;
  let next = readAttribute(outer, view, body + NFGENMSG_LEN, end);
  while (next !== -1) {
    const { value, length } = outer;
    switch (outer.type) {
      case CTA.TUPLE_ORIG: {
        const number = find(view, value, length, CTA_TUPLE.PROTO, CTA_PROTO.NUM);
        if (number >= 0) out.protocol = view.getUint8(number);
        break;
      }
      case CTA.PROTOINFO: {
        const state = find(view, value, length, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_ATTR.STATE);
        if (state >= 0) out.tcpState = view.getUint8(state);
        break;
      }
      case CTA.STATUS:
        if (length >= 4) out.status = view.getUint32(value);
        break;
      case CTA.MARK:
        if (length >= 4) out.mark = view.getUint32(value);
        break;
      case CTA.ID:
        if (length >= 4) {
          out.id = view.getInt32(value);
          hasId = true;
        }
        break;
    }
    next = readAttribute(outer, view, next, end);
  }
  return hasId;
}

/** Where the value of attribute `second` inside attribute `first` of a nested range begins, -1 when it is not there. */
function find(view: DataView, start: number, length: number, first: number, second: number): number {
  const end = start + length;
  let next = readAttribute(inner, view, start, end);
  while (next !== -1 && inner.type !== first) next = readAttribute(inner, view, next, end);
  if (next === -1) return -1;
  const stop = inner.value + inner.length;
  next = readAttribute(inner, view, inner.value, stop);
  while (next !== -1 && inner.type !== second) next = readAttribute(inner, view, next, stop);
  return next !== -1 && inner.length >= 1 ? inner.value : -1;
}

/**
 * A hash of whose ports a flow uses: its translated source, its server, and the port there. 0: its source is not translated, or it has no
 * ports.
 */
export function pairOf(view: DataView, { body, end }: MessageView): number {
  const family = view.getUint8(body);
  if (family !== AF[4] && family !== AF[6]) return 0;
  const { SRC, DST } = CTA_IP[family === AF[4] ? 4 : 6];
  const words = family === AF[4] ? 1 : 4;
  let original = 0;
  let reply = 0;
  let next = readAttribute(outer, view, body + NFGENMSG_LEN, end);
  while (next !== -1) {
    if (outer.type === CTA.TUPLE_ORIG) original = outer.value;
    if (outer.type === CTA.TUPLE_REPLY) reply = outer.value;
    next = readAttribute(outer, view, next, end);
  }
  if (original === 0 || reply === 0) return 0;
  const client = inTuple(view, original, CTA_TUPLE.IP, SRC, 4 * words);
  const server = inTuple(view, original, CTA_TUPLE.IP, DST, 4 * words);
  const source = inTuple(view, reply, CTA_TUPLE.IP, DST, 4 * words);
  const port = inTuple(view, original, CTA_TUPLE.PROTO, CTA_PROTO.DST_PORT, 2);
  const protocol = inTuple(view, original, CTA_TUPLE.PROTO, CTA_PROTO.NUM, 1);
  if (client < 0 || server < 0 || source < 0 || port < 0 || protocol < 0) return 0;
  let hash = (view.getUint8(protocol) << 16) | view.getUint16(port);
  let isTranslated = false;
  for (let word = 0; word < words; word++) {
    const own = view.getInt32(source + 4 * word);
    if (own !== view.getInt32(client + 4 * word)) isTranslated = true;
    hash = mix(mix(hash, own), view.getInt32(server + 4 * word));
  }
  // As a small integer, and never 0.
  return isTranslated ? hash | 1 : 0;
}

/** Where a value of at least `bytes` begins in the tuple whose value begins at `tuple`; -1: it is not there. */
function inTuple(view: DataView, tuple: number, first: number, second: number, bytes: number): number {
  const at = find(view, tuple, view.getUint16(tuple - 4, true) - 4, first, second);
  return at < 0 || inner.length < bytes ? -1 : at;
}

/** Classic BPF (include/uapi/linux/bpf_common.h, filter.h). */
const BPF = {
  LD_IMM: 0x00,
  LDX_IMM: 0x01,
  RET: 0x06,
  TAX: 0x07,
  JEQ: 0x15,
  LD_WORD: 0x20,
  LD_HALF: 0x28,
  LD_WORD_X: 0x40,
  JSET: 0x45,
  LD_BYTE_X: 0x50,
} as const;
/** Loads that are questions to the kernel: A = offset of attribute X, looked for from A on, or inside the one at A; 0: none. */
const SKF_AD_NLATTR = 0xfffff000 + 12;
const SKF_AD_NLATTR_NEST = 0xfffff000 + 16;
const NLA_HDRLEN = 4;
const PASS = 0xffffffff;

/** Fields of the header as the filter loads them, in network order, where they are in host order. */
const swap16 = (value: number): number => ((value & 255) << 8) | (value >>> 8);

/**
 * The filter as an array of struct sock_filter: begin and end of entries whose mark has one of the bits of `markMask`, and of
 * the changes between only those to TIME_WAIT and CLOSE.
 */
export function sessionFilter(markMask: number): Uint8Array {
  const attributes = NLMSG_HDRLEN + NFGENMSG_LEN;
  // Code, jump if true, jump if false (instructions to skip), operand.
  const program: readonly (readonly [number, number, number, number])[] = [
    [BPF.LDX_IMM, 0, 0, CTA.MARK],
    [BPF.LD_IMM, 0, 0, attributes],
    [BPF.LD_WORD, 0, 0, SKF_AD_NLATTR],
    [BPF.JEQ, 20, 0, 0],
    [BPF.TAX, 0, 0, 0],
    [BPF.LD_WORD_X, 0, 0, NLA_HDRLEN],
    [BPF.JSET, 0, 17, markMask],
    [BPF.LD_HALF, 0, 0, 6],
    [BPF.JSET, 14, 0, swap16(NLM_F.CREATE)],
    [BPF.LD_HALF, 0, 0, 4],
    [BPF.JEQ, 12, 0, swap16(IPCTNL_MSG_CT.DELETE)],
    [BPF.LDX_IMM, 0, 0, CTA.PROTOINFO],
    [BPF.LD_IMM, 0, 0, attributes],
    [BPF.LD_WORD, 0, 0, SKF_AD_NLATTR],
    [BPF.JEQ, 9, 0, 0],
    [BPF.LDX_IMM, 0, 0, CTA_PROTOINFO_TCP],
    [BPF.LD_WORD, 0, 0, SKF_AD_NLATTR_NEST],
    [BPF.JEQ, 6, 0, 0],
    // CTA_PROTOINFO_TCP_STATE is 1 as well: X stays.
    [BPF.LD_WORD, 0, 0, SKF_AD_NLATTR_NEST],
    [BPF.TAX, 0, 0, 0],
    [BPF.LD_BYTE_X, 0, 0, NLA_HDRLEN],
    [BPF.JEQ, 1, 0, TCP_CONNTRACK.TIME_WAIT],
    [BPF.JEQ, 0, 1, TCP_CONNTRACK.CLOSE],
    [BPF.RET, 0, 0, PASS],
    [BPF.RET, 0, 0, 0],
  ];
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, yes, no, operand]] of program.entries()) {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, yes);
    view.setUint8(8 * i + 3, no);
    view.setUint32(8 * i + 4, operand, true);
  }
  return bytes;
}
