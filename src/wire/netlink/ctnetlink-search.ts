/** A dump of the kernel's connection table that the kernel itself narrows down (CTA_FILTER, Linux 5.8). */
import type { AddressWords, Family } from '../../model/address.js';
import { IPCTNL_MSG_CT, putDestination, putSource } from './ctnetlink.js';
import { AF, CTA, CTA_TUPLE } from './ctnetlink-attributes.js';
import {
  beginNested,
  beginNfMessage,
  endMessage,
  endNested,
  NLM_F,
  putBe32,
  putBytes,
  type Writer,
} from './message.js';

/** Nested in FILTER. */
const CTA_FILTER_ORIG_FLAGS = 1;
/** CTA_FILTER_F_CTA_IP_SRC, CTA_FILTER_F_CTA_IP_DST (net/netfilter/nf_conntrack_netlink.c). */
const FLAG = { source: 1, destination: 2 } as const;

export interface FlowSearch {
  readonly family: Family;
  /** As the client sees the flow; null: any. */
  readonly client: AddressWords | null;
  readonly destination: AddressWords | null;
  /** Of the flow's mark, masked. */
  readonly mark: number;
  readonly mask: number;
}

/** Writes the request; kernels that know no filter refuse it with EINVAL, or answer with more than was asked. */
export function encodeSearch(w: Writer, search: FlowSearch, sequence: number): void {
  const { family, client, destination } = search;
  beginNfMessage(w, IPCTNL_MSG_CT.GET, NLM_F.REQUEST | NLM_F.DUMP, sequence, AF[family]);
  putBe32(w, CTA.MARK, search.mark);
  putBe32(w, CTA.MARK_MASK, search.mask);
  const flags = (client === null ? 0 : FLAG.source) | (destination === null ? 0 : FLAG.destination);
  if (flags !== 0) {
    const tuple = beginNested(w, CTA.TUPLE_ORIG);
    const ip = beginNested(w, CTA_TUPLE.IP);
    if (client !== null) putSource(w, family, client, 0);
    if (destination !== null) putDestination(w, family, destination, 0);
    endNested(w, ip);
    endNested(w, tuple);
    const filter = beginNested(w, CTA.FILTER);
    // Of the host's own byte order, as few attributes are.
    putBytes(w, CTA_FILTER_ORIG_FLAGS, [flags, 0, 0, 0]);
    endNested(w, filter);
  }
  endMessage(w);
}
