/**
 * Netlink messages and attributes (include/uapi/linux/netlink.h). Host byte order is little endian on every machine
 * that Node supports for Linux except s390x, which `doctor` refuses.
 */

/** Header length of a netlink message, and of nfnetlink's own header behind it. */
export const NLMSG_HDRLEN = 16;
export const NFGENMSG_LEN = 4;

/** Flags (NLM_F_*). */
export const NLM_F = {
  REQUEST: 0x1,
  ACK: 0x4,
  /** Of an answer: something has changed between its parts, and it may not be whole. */
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

/** Control messages (NLMSG_*). */
export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3 } as const;

const NFPROTO_UNSPEC = 0;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

/** A buffer that messages are written into one behind the other; `length` is what a send passes on. */
export interface Writer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length: number;
  message: number;
}

/** A writer over given bytes. The caller flushes before less than one message fits. */
export function createWriter(bytes: Uint8Array, view: DataView): Writer {
  return { bytes, view, length: 0, message: 0 };
}

/** Starts a message; `endMessage` closes it. */
export function beginMessage(w: Writer, type: number, flags: number, sequence: number): void {
  w.message = w.length;
  w.view.setUint16(w.length + 4, type, true);
  w.view.setUint16(w.length + 6, flags, true);
  w.view.setUint32(w.length + 8, sequence, true);
  w.view.setUint32(w.length + 12, 0, true);
  w.length += NLMSG_HDRLEN;
}

/** Starts an nfnetlink message about things of a protocol family. */
export function beginNfMessage(
  w: Writer,
  type: number,
  flags: number,
  sequence: number,
  family: number,
): void {
  beginMessage(w, type, flags, sequence);
  putNfHeader(w, family, 0);
}

/** Starts an nfnetlink message to a resource: the queue with this number, or the subsystem that a batch is for. */
export function beginNfMessageTo(
  w: Writer,
  type: number,
  flags: number,
  sequence: number,
  resource: number,
): void {
  beginMessage(w, type, flags, sequence);
  putNfHeader(w, NFPROTO_UNSPEC, resource);
}

/** struct nfgenmsg: family, version, resource id in network order. */
function putNfHeader(w: Writer, family: number, resource: number): void {
  w.view.setUint8(w.length, family);
  w.view.setUint8(w.length + 1, 0);
  w.view.setUint16(w.length + 2, resource);
  w.length += NFGENMSG_LEN;
}

export function endMessage(w: Writer): void {
  w.view.setUint32(w.message, w.length - w.message, true);
}

/** Attribute headers count header and value; values are padded to 4 bytes. */
export function putU8(w: Writer, type: number, value: number): void {
  header(w, type, 5);
  w.view.setUint32(w.length, value & 255, true);
  w.length += 4;
}

/** Network byte order, as nfnetlink has it nearly everywhere. */
export function putBe16(w: Writer, type: number, value: number): void {
  header(w, type, 6);
  w.view.setUint32(w.length, 0);
  w.view.setUint16(w.length, value);
  w.length += 4;
}

export function putBe32(w: Writer, type: number, value: number): void {
  header(w, type, 8);
  w.view.setInt32(w.length, value | 0);
  w.length += 4;
}

/** Milliseconds and counters of nf_tables: 64 bits, network order. */
export function putBe64(w: Writer, type: number, value: number): void {
  header(w, type, 12);
  w.view.setUint32(w.length, Math.floor(value / 0x1_0000_0000));
  w.view.setUint32(w.length + 4, value >>> 0);
  w.length += 8;
}

/** Host byte order, as rtnetlink has it. */
export function putU32(w: Writer, type: number, value: number): void {
  header(w, type, 8);
  w.view.setUint32(w.length, value >>> 0, true);
  w.length += 4;
}

export function putBytes(w: Writer, type: number, value: ArrayLike<number>): void {
  header(w, type, 4 + value.length);
  for (let i = 0; i < value.length; i++) w.bytes[w.length + i] = value[i];
  pad(w, value.length);
}

/** A zero-terminated ASCII string. */
export function putString(w: Writer, type: number, value: string): void {
  header(w, type, 5 + value.length);
  for (let i = 0; i < value.length; i++) w.bytes[w.length + i] = value.charCodeAt(i);
  w.bytes[w.length + value.length] = 0;
  pad(w, value.length + 1);
}

/** Opens a nested attribute; pass the result to `endNested`. */
export function beginNested(w: Writer, type: number): number {
  const at = w.length;
  w.view.setUint16(at + 2, type | NLA_F_NESTED, true);
  w.length += 4;
  return at;
}

export function endNested(w: Writer, at: number): void {
  w.view.setUint16(at, w.length - at, true);
}

function header(w: Writer, type: number, length: number): void {
  w.view.setUint16(w.length, length, true);
  w.view.setUint16(w.length + 2, type, true);
  w.length += 4;
}

function pad(w: Writer, length: number): void {
  const padded = (length + 3) & ~3;
  for (let i = length; i < padded; i++) w.bytes[w.length + i] = 0;
  w.length += padded;
}

/** One message in received bytes; reused. */
export interface MessageView {
  type: number;
  flags: number;
  sequence: number;
  /** First byte after the netlink header, and the one after the message. */
  body: number;
  end: number;
}

/** Reads the message at `offset`; returns the offset of the next one, or -1 when the bytes hold no whole message. */
export function readMessage(out: MessageView, view: DataView, offset: number, end: number): number {
  if (offset + NLMSG_HDRLEN > end) return -1;
  const length = view.getUint32(offset, true);
  if (length < NLMSG_HDRLEN || offset + length > end) return -1;
  out.type = view.getUint16(offset + 4, true);
  out.flags = view.getUint16(offset + 6, true);
  out.sequence = view.getUint32(offset + 8, true);
  out.body = offset + NLMSG_HDRLEN;
  out.end = offset + length;
  return offset + ((length + 3) & ~3);
}

export function createMessageView(): MessageView {
  return { type: 0, flags: 0, sequence: 0, body: 0, end: 0 };
}

/** One attribute in received bytes; reused. */
export interface AttributeView {
  type: number;
  value: number;
  length: number;
}

export function createAttributeView(): AttributeView {
  return { type: 0, value: 0, length: 0 };
}

/** Reads the attribute at `offset`; returns the offset of the next one, or -1 at the end or on a bad length. */
export function readAttribute(out: AttributeView, view: DataView, offset: number, end: number): number {
  if (offset + 4 > end) return -1;
  const length = view.getUint16(offset, true);
  if (length < 4 || offset + length > end) return -1;
  out.type = view.getUint16(offset + 2, true) & NLA_TYPE_MASK;
  out.value = offset + 4;
  out.length = length - 4;
  return offset + ((length + 3) & ~3);
}

/** Calls `each` for every attribute in a range; used off the hot path. */
export function eachAttribute(
  view: DataView,
  offset: number,
  end: number,
  each: (type: number, value: number, length: number) => void,
): void {
  const attribute = createAttributeView();
  let next = readAttribute(attribute, view, offset, end);
  while (next !== -1) {
    each(attribute.type, attribute.value, attribute.length);
    next = readAttribute(attribute, view, next, end);
  }
}
