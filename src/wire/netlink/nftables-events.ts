/** What nf_tables tells of its commits (include/uapi/linux/netfilter/nf_tables.h). */
import { createAttributeView, NFGENMSG_LEN, readAttribute } from './message.js';

const NFNL_SUBSYS_NFTABLES = 10;
/** The commit as a whole: of no table. */
const NFT_MSG_NEWGEN = 15;
const attribute = createAttributeView();

/** Whether a message is about another table than this one. In all of them the table's name comes first (attribute 1). */
export function isOfOtherTable(
  type: number,
  view: DataView,
  body: number,
  end: number,
  table: string,
): boolean {
  if (type >>> 8 !== NFNL_SUBSYS_NFTABLES || (type & 0xff) === NFT_MSG_NEWGEN) return false;
  if (readAttribute(attribute, view, body + NFGENMSG_LEN, end) === -1 || attribute.type !== 1) return false;
  const { value, length } = attribute;
  if (length !== table.length + 1) return true;
  for (let i = 0; i < table.length; i++) if (view.getUint8(value + i) !== table.charCodeAt(i)) return true;
  return false;
}
