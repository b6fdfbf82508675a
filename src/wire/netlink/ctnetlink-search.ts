/** A dump of the kernel's connection table that the kernel itself narrows down (CTA_FILTER, Linux 5.8). */
import { type AddressWords, type Family, writeAddress } from '../../model/address.js';
import { IPCTNL_MSG_CT } from './ctnetlink.js';
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

/** enum ctattr_type and its nested kinds (include/uapi/linux/netfilter/nfnetlink_conntrack.h). */
const CTA = { TUPLE_ORIG: 1, MARK: 8, MARK_MASK: 21, FILTER: 25 } as const;
const CTA_TUPLE_IP = 1;
const CTA_IP = { 4: { source: 1, destination: 2 }, 6: { source: 3, destination: 4 } } as const;
const CTA_FILTER_ORIG_FLAGS = 1;
/** CTA_FILTER_F_CTA_IP_SRC, CTA_FILTER_F_CTA_IP_DST (net/netfilter/nf_conntrack_netlink.c). */
const FLAG = { source: 1, destination: 2 } as const;
const AF = { 4: 2, 6: 10 } as const;

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
    const ip = beginNested(w, CTA_TUPLE_IP);
    if (client !== null) putAddress(w, CTA_IP[family].source, family, client);
    if (destination !== null) putAddress(w, CTA_IP[family].destination, family, destination);
    endNested(w, ip);
    endNested(w, tuple);
    const filter = beginNested(w, CTA.FILTER);
    // Of the host's own byte order, as few attributes are.
    putBytes(w, CTA_FILTER_ORIG_FLAGS, [flags, 0, 0, 0]);
    endNested(w, filter);
  }
  endMessage(w);
}

function putAddress(w: Writer, type: number, family: Family, words: AddressWords): void {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  writeAddress(family, words, 0, new DataView(bytes.buffer), 0);
  putBytes(w, type, [...bytes]);
}
