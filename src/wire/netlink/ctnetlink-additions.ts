/**
 * What rules have put on a connection's entry besides what every entry has: read from the entry of a queued set-up, written into the
 * entry that takes its place (nf_conntrack_netlink.c, __ctnetlink_glue_build and ctnetlink_create_conntrack).
 */
import { CTA } from './ctnetlink-attributes.js';
import {
  type AttributeView,
  beginNested,
  createAttributeView,
  endNested,
  putBytes,
  readAttribute,
  type Writer,
} from './message.js';
import type { QueuedPacket } from './nfqueue.js';

/** A value of few shapes that many connections have: kept, not reused. */
export interface Additions {
  /** Name of the helper that follows the connection (FTP, say), without its final zero; null: none. */
  readonly helper: Uint8Array | null;
  /** The connection's labels; null: none is set. */
  readonly labels: Uint8Array | null;
}

/** `NONE`: an entry like any other. `STAYS`: it has something that no other entry can be given. */
export const ENTRY = { NONE: 'none', STAYS: 'stays' } as const;

/** Longest attributes that `putAdditions` writes. */
export const ADDITIONS_LENGTH = 48;

const CTA_HELP_NAME = 1;
/** NF_CT_HELPER_NAME_LEN with its final zero, and the bytes of struct nf_conn_labels. */
const NAME_LENGTH = 16;
const LABELS_LENGTH = 16;

const attribute: AttributeView = createAttributeView();
const inner: AttributeView = createAttributeView();

/** Reads the attributes of an entry. */
export function readAdditions(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): Additions | (typeof ENTRY)[keyof typeof ENTRY] {
  let helper: Uint8Array | null = null;
  let labels: Uint8Array | null = null;
  for (let next = readAttribute(attribute, view, start, end); next !== -1; ) {
    const { value, length } = attribute;
    switch (attribute.type) {
      case CTA.TUPLE_ORIG:
      case CTA.TUPLE_REPLY:
      case CTA.STATUS:
      case CTA.PROTOINFO:
      case CTA.TIMEOUT:
      case CTA.MARK:
      case CTA.COUNTERS_ORIG:
      case CTA.COUNTERS_REPLY:
      case CTA.USE:
      case CTA.ID:
      case CTA.TIMESTAMP:
        break;
      case CTA.HELP:
        helper = readName(bytes, view, value, value + length);
        if (helper === null) return ENTRY.STAYS;
        break;
      case CTA.LABELS:
        if (length !== LABELS_LENGTH) return ENTRY.STAYS;
        labels = bytes.slice(value, value + length);
        break;
      // Anything else says that the entry is no ordinary one: a zone, a security context, another's expectation.
      default:
        return ENTRY.STAYS;
    }
    next = readAttribute(attribute, view, next, end);
  }
  return helper === null && labels === null ? ENTRY.NONE : { helper, labels };
}

/** What rules have put on the entry that came with a queued packet; null: nothing. */
export function additionsOf(
  { entry, entryLength }: QueuedPacket,
  bytes: Uint8Array,
  view: DataView,
): Additions | 'stays' | null {
  if (entryLength === 0) return null;
  const found = readAdditions(bytes, view, entry, entry + entryLength);
  return found === ENTRY.NONE ? null : found;
}

/** Writes them into the message in hand. */
export function putAdditions(w: Writer, { helper, labels }: Additions): void {
  if (helper !== null) {
    const help = beginNested(w, CTA.HELP);
    putBytes(w, CTA_HELP_NAME, [...helper, 0]);
    endNested(w, help);
  }
  if (labels !== null) putBytes(w, CTA.LABELS, labels);
}

function readName(bytes: Uint8Array, view: DataView, start: number, end: number): Uint8Array | null {
  for (let next = readAttribute(inner, view, start, end); next !== -1; ) {
    if (inner.type === CTA_HELP_NAME) {
      const name = bytes.slice(inner.value, inner.value + inner.length);
      const zero = name.indexOf(0);
      const whole = zero === -1 ? name : name.subarray(0, zero);
      return whole.length > 0 && whole.length < NAME_LENGTH ? whole : null;
    }
    next = readAttribute(inner, view, next, end);
  }
  return null;
}
