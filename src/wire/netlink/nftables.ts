/**
 * The parts of nf_tables that are not written as text by nft: names, counters and comments, since nft reads whole sets with them
 * and starts again whenever anything changes; the sign of life, renewed several times a second, and the
 * queue rule on kernels without the nft `queue` statement (include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h).
 */
import {
  beginNested,
  beginNfMessage,
  beginNfMessageTo,
  eachAttribute,
  endMessage,
  endNested,
  NFGENMSG_LEN,
  NLM_F,
  putBe32,
  putBe64,
  putBytes,
  putString,
  type Writer,
} from './message.js';

const NFNL_SUBSYS_NFTABLES = 10 << 8;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
export const NFT_MSG = {
  NEWTABLE: NFNL_SUBSYS_NFTABLES | 0,
  NEWCHAIN: NFNL_SUBSYS_NFTABLES | 3,
  GETCHAIN: NFNL_SUBSYS_NFTABLES | 4,
  NEWRULE: NFNL_SUBSYS_NFTABLES | 6,
  GETRULE: NFNL_SUBSYS_NFTABLES | 7,
  NEWSET: NFNL_SUBSYS_NFTABLES | 9,
  GETSET: NFNL_SUBSYS_NFTABLES | 10,
  NEWSETELEM: NFNL_SUBSYS_NFTABLES | 12,
  GETSETELEM: NFNL_SUBSYS_NFTABLES | 13,
  DELSETELEM: NFNL_SUBSYS_NFTABLES | 14,
  NEWOBJ: NFNL_SUBSYS_NFTABLES | 18,
  GETOBJ: NFNL_SUBSYS_NFTABLES | 19,
} as const;
const NFPROTO_INET = 1;
const NFPROTO_IPV4 = 2;

const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM = { KEY: 1, TIMEOUT: 4 } as const;
const NFTA_DATA_VALUE = 1;
const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN = { TABLE: 1, NAME: 3 } as const;
const NFTA_SET = { TABLE: 1, NAME: 2, FLAGS: 3 } as const;
/** NFT_SET_*: made by a rule for itself; with values. */
const SET_FLAG = { ANONYMOUS: 0x1, MAP: 0x8 } as const;
const NFTA_RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4, COMPAT: 5, USERDATA: 7 } as const;
const NFTA_RULE_COMPAT = { PROTO: 1, FLAGS: 2 } as const;
const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;
const NFTA_OBJ = { TABLE: 1, NAME: 2, TYPE: 3, DATA: 4 } as const;
const NFTA_COUNTER = { BYTES: 1, PACKETS: 2 } as const;
const NFT_OBJECT_COUNTER = 1;
/** nft's own layout of a rule's user data: type, length, value; type 0 is the comment (libnftnl, udata.h). */
const UDATA_COMMENT = 0;
const NFTA_TARGET = { NAME: 1, REV: 2, INFO: 3 } as const;

/** Elements of a set with timeout. */
export interface SetElements {
  readonly table: string;
  readonly set: string;
  /** One byte each (nf_proto). */
  readonly keys: readonly number[];
}

/**
 * Writes one transaction that renews elements: add, delete, add. Plain add does not renew on older kernels, and delete
 * alone fails when the element has expired.
 */
export function encodeRenew(w: Writer, elements: SetElements, timeoutMs: number, sequence: number): void {
  batch(w, sequence, () => {
    addElements(w, elements, timeoutMs, sequence + 1);
    deleteElements(w, elements, sequence + 2);
    addElements(w, elements, timeoutMs, sequence + 3);
  });
}

/** Writes the transaction that takes the elements out: add first, so that it never fails. */
export function encodeRemove(w: Writer, elements: SetElements, timeoutMs: number, sequence: number): void {
  batch(w, sequence, () => {
    addElements(w, elements, timeoutMs, sequence + 1);
    deleteElements(w, elements, sequence + 2);
  });
}

/** struct xt_NFQ_info_v3 (include/uapi/linux/netfilter/xt_NFQUEUE.h). */
const XT_NFQUEUE = { name: 'NFQUEUE', revision: 3, bypass: 1 } as const;
const IPPROTO_TCP = 6;

/** A chain, and the family of its table (NFPROTO_*). */
interface ChainPlace {
  readonly family: number;
  readonly table: string;
  readonly chain: string;
}

/** Writes the transaction that appends `-j NFQUEUE --queue-num N --queue-bypass` to a chain of our own table. */
export function encodeQueueRule(
  w: Writer,
  table: string,
  chain: string,
  queue: number,
  sequence: number,
): void {
  batch(w, sequence, () => {
    putQueueRule(w, { family: NFPROTO_INET, table, chain }, queue, sequence + 1);
  });
}

/**
 * Writes the same as a transaction without an end, which the kernel tries and undoes; the rule is acknowledged. In a table of family
 * ip: asked for a target there, the kernel loads its module, which it does not for a table of family inet.
 */
export function encodeQueueTrial(w: Writer, sequence: number): void {
  const place = { family: NFPROTO_IPV4, table: 'pathrace_trial', chain: 'trial' };
  const flags = NLM_F.REQUEST | NLM_F.CREATE;
  beginBatch(w, sequence);
  beginNfMessage(w, NFT_MSG.NEWTABLE, flags, sequence + 1, place.family);
  putString(w, NFTA_TABLE_NAME, place.table);
  endMessage(w);
  beginNfMessage(w, NFT_MSG.NEWCHAIN, flags, sequence + 2, place.family);
  putString(w, NFTA_CHAIN.TABLE, place.table);
  putString(w, NFTA_CHAIN.NAME, place.chain);
  endMessage(w);
  putQueueRule(w, place, 1, sequence + 3);
}

function putQueueRule(w: Writer, place: ChainPlace, queue: number, sequence: number): void {
  const flags = NLM_F.REQUEST | NLM_F.CREATE | NLM_F.APPEND | NLM_F.ACK;
  beginNfMessage(w, NFT_MSG.NEWRULE, flags, sequence, place.family);
  putString(w, NFTA_RULE.TABLE, place.table);
  putString(w, NFTA_RULE.CHAIN, place.chain);
  const list = beginNested(w, NFTA_RULE.EXPRESSIONS);
  const element = beginNested(w, NFTA_LIST_ELEM);
  putString(w, NFTA_EXPR.NAME, 'target');
  const data = beginNested(w, NFTA_EXPR.DATA);
  putString(w, NFTA_TARGET.NAME, XT_NFQUEUE.name);
  putBe32(w, NFTA_TARGET.REV, XT_NFQUEUE.revision);
  // queuenum, queues_total, flags: host order; padded to 8 bytes as XT_ALIGN wants.
  putBytes(w, NFTA_TARGET.INFO, [queue & 255, queue >>> 8, 1, 0, XT_NFQUEUE.bypass, 0, 0, 0]);
  endNested(w, data);
  endNested(w, element);
  endNested(w, list);
  const compat = beginNested(w, NFTA_RULE.COMPAT);
  putBe32(w, NFTA_RULE_COMPAT.PROTO, IPPROTO_TCP);
  putBe32(w, NFTA_RULE_COMPAT.FLAGS, 0);
  endNested(w, compat);
  endMessage(w);
}

/** Writes the request for the rules of one chain. */
export function encodeGetRules(w: Writer, table: string, chain: string, sequence: number): void {
  beginNfMessage(w, NFT_MSG.GETRULE, NLM_F.REQUEST | NLM_F.DUMP, sequence, NFPROTO_INET);
  putString(w, NFTA_RULE.TABLE, table);
  putString(w, NFTA_RULE.CHAIN, chain);
  endMessage(w);
}

/** Writes the request for the named counters of a table. */
export function encodeGetCounters(w: Writer, table: string, sequence: number): void {
  beginNfMessage(w, NFT_MSG.GETOBJ, NLM_F.REQUEST | NLM_F.DUMP, sequence, NFPROTO_INET);
  putString(w, NFTA_OBJ.TABLE, table);
  putBe32(w, NFTA_OBJ.TYPE, NFT_OBJECT_COUNTER);
  endMessage(w);
}

/** Writes the request for the chains of all tables: the kernel knows no other. */
export function encodeGetChains(w: Writer, sequence: number): void {
  beginNfMessage(w, NFT_MSG.GETCHAIN, NLM_F.REQUEST | NLM_F.DUMP, sequence, NFPROTO_INET);
  endMessage(w);
}

/** Writes the request for the sets and maps of a table. */
export function encodeGetSets(w: Writer, table: string, sequence: number): void {
  beginNfMessage(w, NFT_MSG.GETSET, NLM_F.REQUEST | NLM_F.DUMP, sequence, NFPROTO_INET);
  putString(w, NFTA_SET.TABLE, table);
  endMessage(w);
}

/** The name of a chain in the body of a NEWCHAIN; null when it is another table's. */
export function decodeChain(view: DataView, body: number, end: number, table: string): string | null {
  let name: string | null = null;
  let ours = false;
  eachAttribute(view, body + NFGENMSG_LEN, end, (type, value, length) => {
    if (type === NFTA_CHAIN.TABLE) ours = readString(view, value, length) === table;
    if (type === NFTA_CHAIN.NAME) name = readString(view, value, length);
  });
  return ours ? name : null;
}

/** Name and kind of a set in the body of a NEWSET; null when it is another table's, or a rule's own. */
export function decodeSet(
  view: DataView,
  body: number,
  end: number,
  table: string,
): { kind: 'set' | 'map'; name: string } | null {
  let name = '';
  let flags = 0;
  let ours = false;
  eachAttribute(view, body + NFGENMSG_LEN, end, (type, value, length) => {
    if (type === NFTA_SET.TABLE) ours = readString(view, value, length) === table;
    if (type === NFTA_SET.NAME) name = readString(view, value, length);
    if (type === NFTA_SET.FLAGS && length >= 4) flags = view.getUint32(value);
  });
  if (!ours || name === '' || (flags & SET_FLAG.ANONYMOUS) !== 0) return null;
  return { kind: (flags & SET_FLAG.MAP) === 0 ? 'set' : 'map', name };
}

/** The comment of a rule in the body of a NEWRULE; '' when it has none. */
export function decodeRuleComment(view: DataView, body: number, end: number): string {
  let comment = '';
  eachAttribute(view, body + NFGENMSG_LEN, end, (type, value, length) => {
    if (type !== NFTA_RULE.USERDATA) return;
    let at = value;
    while (at + 2 <= value + length) {
      const size = view.getUint8(at + 1);
      if (at + 2 + size > value + length) return;
      if (view.getUint8(at) === UDATA_COMMENT) comment = readString(view, at + 2, size);
      at += 2 + size;
    }
  });
  return comment;
}

/** Name and packets of a counter in the body of a NEWOBJ; null when it is another object or another table's. */
export function decodeCounter(
  view: DataView,
  body: number,
  end: number,
  table: string,
): { name: string; packets: number; bytes: number } | null {
  const counter = { name: '', packets: 0, bytes: 0 };
  let ours = false;
  eachAttribute(view, body + NFGENMSG_LEN, end, (type, value, length) => {
    if (type === NFTA_OBJ.TABLE) ours = readString(view, value, length) === table;
    if (type === NFTA_OBJ.NAME) counter.name = readString(view, value, length);
    if (type !== NFTA_OBJ.DATA) return;
    eachAttribute(view, value, value + length, (inner, at, size) => {
      if (size < 8) return;
      const count = view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
      if (inner === NFTA_COUNTER.PACKETS) counter.packets = count;
      if (inner === NFTA_COUNTER.BYTES) counter.bytes = count;
    });
  });
  return ours && counter.name !== '' ? counter : null;
}

/** ASCII up to the first zero. */
function readString(view: DataView, start: number, length: number): string {
  let text = '';
  for (let i = start; i < start + length; i++) {
    const code = view.getUint8(i);
    if (code === 0) break;
    text += String.fromCharCode(code);
  }
  return text;
}

const SUBSYSTEM = NFNL_SUBSYS_NFTABLES >>> 8;

function batch(w: Writer, sequence: number, write: () => void): void {
  beginBatch(w, sequence);
  write();
  beginNfMessageTo(w, NFNL_MSG_BATCH_END, NLM_F.REQUEST, sequence + 9, SUBSYSTEM);
  endMessage(w);
}

function beginBatch(w: Writer, sequence: number): void {
  beginNfMessageTo(w, NFNL_MSG_BATCH_BEGIN, NLM_F.REQUEST, sequence, SUBSYSTEM);
  endMessage(w);
}

function addElements(w: Writer, elements: SetElements, timeoutMs: number, sequence: number): void {
  beginNfMessage(w, NFT_MSG.NEWSETELEM, NLM_F.REQUEST | NLM_F.CREATE, sequence, NFPROTO_INET);
  putElements(w, elements, timeoutMs);
  endMessage(w);
}

function deleteElements(w: Writer, elements: SetElements, sequence: number): void {
  beginNfMessage(w, NFT_MSG.DELSETELEM, NLM_F.REQUEST, sequence, NFPROTO_INET);
  putElements(w, elements, 0);
  endMessage(w);
}

function putElements(w: Writer, { table, set, keys }: SetElements, timeoutMs: number): void {
  putString(w, NFTA_SET_ELEM_LIST.TABLE, table);
  putString(w, NFTA_SET_ELEM_LIST.SET, set);
  const list = beginNested(w, NFTA_SET_ELEM_LIST.ELEMENTS);
  for (const key of keys) {
    const element = beginNested(w, NFTA_LIST_ELEM);
    const data = beginNested(w, NFTA_SET_ELEM.KEY);
    putBytes(w, NFTA_DATA_VALUE, [key]);
    endNested(w, data);
    if (timeoutMs > 0) putBe64(w, NFTA_SET_ELEM.TIMEOUT, timeoutMs);
    endNested(w, element);
  }
  endNested(w, list);
}
