/**
 * The two things of nf_tables that are not written as text: the sign of life, renewed several times a second, and the
 * queue rule on kernels without the nft `queue` statement (include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h).
 */
import {
  beginNested,
  beginNfMessage,
  endMessage,
  endNested,
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
const NFT_MSG = {
  NEWRULE: NFNL_SUBSYS_NFTABLES | 6,
  NEWSETELEM: NFNL_SUBSYS_NFTABLES | 12,
  DELSETELEM: NFNL_SUBSYS_NFTABLES | 14,
} as const;
const NFPROTO_INET = 1;

const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM = { KEY: 1, TIMEOUT: 4 } as const;
const NFTA_DATA_VALUE = 1;
const NFTA_RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4, COMPAT: 5 } as const;
const NFTA_RULE_COMPAT = { PROTO: 1, FLAGS: 2 } as const;
const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;
const NFTA_TARGET = { NAME: 1, REV: 2, INFO: 3 } as const;

/**
 * Writes one transaction that renews elements of a set with timeout: add, delete, add. Plain add does not renew on
 * older kernels, and delete alone fails when the element has expired. Keys are one byte each (inet_proto).
 */
export function encodeRenew(
  w: Writer,
  table: string,
  set: string,
  keys: readonly number[],
  timeoutMs: number,
  sequence: number,
): void {
  batch(w, sequence, () => {
    elements(w, NFT_MSG.NEWSETELEM, NLM_F.REQUEST | NLM_F.CREATE, table, set, keys, timeoutMs, sequence + 1);
    elements(w, NFT_MSG.DELSETELEM, NLM_F.REQUEST, table, set, keys, 0, sequence + 2);
    elements(w, NFT_MSG.NEWSETELEM, NLM_F.REQUEST | NLM_F.CREATE, table, set, keys, timeoutMs, sequence + 3);
  });
}

/** Writes the transaction that takes the elements out: add first, so that it never fails. */
export function encodeRemove(
  w: Writer,
  table: string,
  set: string,
  keys: readonly number[],
  timeoutMs: number,
  sequence: number,
): void {
  batch(w, sequence, () => {
    elements(w, NFT_MSG.NEWSETELEM, NLM_F.REQUEST | NLM_F.CREATE, table, set, keys, timeoutMs, sequence + 1);
    elements(w, NFT_MSG.DELSETELEM, NLM_F.REQUEST, table, set, keys, 0, sequence + 2);
  });
}

/** struct xt_NFQ_info_v3 (include/uapi/linux/netfilter/xt_NFQUEUE.h). */
const XT_NFQUEUE = { name: 'NFQUEUE', revision: 3, bypass: 1 } as const;
const IPPROTO_TCP = 6;

/** Writes the transaction that appends `-j NFQUEUE --queue-num N --queue-bypass` to a chain of our own table. */
export function encodeQueueRule(
  w: Writer,
  table: string,
  chain: string,
  queue: number,
  sequence: number,
): void {
  batch(w, sequence, () => {
    const flags = NLM_F.REQUEST | NLM_F.CREATE | NLM_F.APPEND | NLM_F.ACK;
    beginNfMessage(w, NFT_MSG.NEWRULE, flags, sequence + 1, NFPROTO_INET, 0);
    putString(w, NFTA_RULE.TABLE, table);
    putString(w, NFTA_RULE.CHAIN, chain);
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
  });
}

function batch(w: Writer, sequence: number, write: () => void): void {
  const subsystem = NFNL_SUBSYS_NFTABLES >>> 8;
  beginNfMessage(w, NFNL_MSG_BATCH_BEGIN, NLM_F.REQUEST, sequence, 0, subsystem);
  endMessage(w);
  write();
  beginNfMessage(w, NFNL_MSG_BATCH_END, NLM_F.REQUEST, sequence + 9, 0, subsystem);
  endMessage(w);
}

function elements(
  w: Writer,
  type: number,
  flags: number,
  table: string,
  set: string,
  keys: readonly number[],
  timeoutMs: number,
  sequence: number,
): void {
  beginNfMessage(w, type, flags, sequence, NFPROTO_INET, 0);
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
  endMessage(w);
}
