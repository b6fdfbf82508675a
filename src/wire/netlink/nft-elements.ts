/**
 * Elements of nf_tables sets and maps, one message for each, so that the kernel names every one that it refuses
 * (nfnetlink processes a batch to its end and reports all errors, then takes everything back).
 */
import { type AddressWords, type Family, writeAddress } from '../../model/address.js';
import {
  beginNested,
  beginNfMessage,
  beginNfMessageTo,
  eachAttribute,
  endMessage,
  endNested,
  NFGENMSG_LEN,
  NLM_F,
  putBe64,
  type Writer,
} from './message.js';
import { NFT_MSG } from './nftables.js';

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
/** As DELSETELEM, but a missing element is no error; since Linux 6.3. Older kernels answer EINVAL. */
const NFT_MSG_DESTROYSETELEM = (NFNL_SUBSYS_NFTABLES << 8) | 30;
const NFPROTO_INET = 1;

const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM = { KEY: 1, DATA: 2, TIMEOUT: 4, EXPIRATION: 5 } as const;
const NFTA_DATA_VALUE = 1;

/** Longest key: two IPv6 addresses and two ports. The kernel's own bound is 64. */
export const MAX_KEY = 40;
/** Longest message about one element, for names of 31 characters together, and the frame of a batch. */
export const MAX_ELEMENT_MESSAGE = 192;
export const BATCH_FRAME = 40;

/** A key under construction; reused. Fields of a concatenation are padded to 4 bytes, as nft does. */
export interface ElementKey {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length: number;
}

export function createKey(): ElementKey {
  const bytes = new Uint8Array(MAX_KEY);
  return { bytes, view: new DataView(bytes.buffer), length: 0 };
}

/** Begins with an address, and forgets what the key was before. Returns the key. */
export function keyOf(key: ElementKey, family: Family, words: AddressWords, at = 0): ElementKey {
  key.length = 0;
  return addAddress(key, family, words, at);
}

export function addAddress(key: ElementKey, family: Family, words: AddressWords, at = 0): ElementKey {
  writeAddress(family, words, at, key.view, key.length);
  key.length += family === 4 ? 4 : 16;
  return key;
}

/** Begins with an Ethernet address, as the two words of a queued packet have it: six bytes, and two for nothing. */
export function keyOfHardware(key: ElementKey, high: number, low: number): ElementKey {
  key.length = 8;
  key.view.setUint32(0, high);
  key.view.setUint32(4, low);
  return key;
}

export function addPort(key: ElementKey, port: number): ElementKey {
  key.view.setUint32(key.length, port << 16);
  key.length += 4;
  return key;
}

/** The number of an IP protocol. */
export function addProtocol(key: ElementKey, protocol: number): ElementKey {
  key.view.setUint32(key.length, protocol << 24);
  key.length += 4;
  return key;
}

/** Marks are host byte order, in keys as in values. */
export function addMark(key: ElementKey, mark: number): ElementKey {
  key.view.setUint32(key.length, mark, true);
  key.length += 4;
  return key;
}

/** A key that is kept among others: `length` bytes at `at`. */
export interface StoredKey {
  readonly bytes: Uint8Array;
  at: number;
  length: number;
}

/** An element that is kept so. */
export interface StoredElement extends StoredKey {
  /** A map holds a mark for the key, a set nothing. Two fields, since `number | null` would allocate for each large mark. */
  hasValue: boolean;
  value: number;
  /** 0: what the set says. */
  timeoutMs: number;
}

/** A set or map of a table of family inet, with the attributes that name it. */
export interface ElementTarget {
  readonly table: string;
  readonly set: string;
  readonly names: Uint8Array;
}

export function createTarget(table: string, set: string): ElementTarget {
  return {
    table,
    set,
    names: Uint8Array.from([
      ...nameAttribute(NFTA_SET_ELEM_LIST.TABLE, table),
      ...nameAttribute(NFTA_SET_ELEM_LIST.SET, set),
    ]),
  };
}

export function encodeBatchBegin(w: Writer, sequence: number): void {
  beginNfMessageTo(w, NFNL_MSG_BATCH_BEGIN, NLM_F.REQUEST, sequence, NFNL_SUBSYS_NFTABLES);
  endMessage(w);
}

export function encodeBatchEnd(w: Writer, sequence: number): void {
  beginNfMessageTo(w, NFNL_MSG_BATCH_END, NLM_F.REQUEST, sequence, NFNL_SUBSYS_NFTABLES);
  endMessage(w);
}

/**
 * Writes the addition of an element. `exclusive` refuses an existing one (EEXIST); else the kernel takes an equal one
 * without renewing it (before 6.12), and refuses another value (EBUSY).
 */
export function encodeAdd(
  w: Writer,
  target: ElementTarget,
  stored: StoredElement,
  exclusive: boolean,
  sequence: number,
): void {
  const { hasValue, value, timeoutMs } = stored;
  const flags = NLM_F.REQUEST | NLM_F.CREATE | (exclusive ? NLM_F.EXCL : 0);
  const list = begin(w, NFT_MSG.NEWSETELEM, flags, target, sequence);
  const element = beginNested(w, NFTA_LIST_ELEM);
  putKey(w, stored);
  if (hasValue) {
    const data = beginNested(w, NFTA_SET_ELEM.DATA);
    w.view.setUint16(w.length, 8, true);
    w.view.setUint16(w.length + 2, NFTA_DATA_VALUE, true);
    w.view.setUint32(w.length + 4, value, true);
    w.length += 8;
    endNested(w, data);
  }
  if (timeoutMs > 0) putBe64(w, NFTA_SET_ELEM.TIMEOUT, timeoutMs);
  endNested(w, element);
  endNested(w, list);
  endMessage(w);
}

/** Writes the removal of an element; a missing one is an error (ENOENT) unless the kernel may `destroy`. */
export function encodeDelete(
  w: Writer,
  target: ElementTarget,
  key: StoredKey,
  destroy: boolean,
  sequence: number,
): void {
  const type = destroy ? NFT_MSG_DESTROYSETELEM : NFT_MSG.DELSETELEM;
  const list = begin(w, type, NLM_F.REQUEST, target, sequence);
  const element = beginNested(w, NFTA_LIST_ELEM);
  putKey(w, key);
  endNested(w, element);
  endNested(w, list);
  endMessage(w);
}

/** Writes the removal of all elements. */
export function encodeFlush(w: Writer, target: ElementTarget, sequence: number): void {
  beginNfMessage(w, NFT_MSG.DELSETELEM, NLM_F.REQUEST, sequence, NFPROTO_INET);
  putNames(w, target);
  endMessage(w);
}

/** Writes the question for one element: its reply is a NEWSETELEM, or the error that there is none. */
export function encodeGet(w: Writer, target: ElementTarget, key: StoredKey, sequence: number): void {
  const list = begin(w, NFT_MSG.GETSETELEM, NLM_F.REQUEST, target, sequence);
  const element = beginNested(w, NFTA_LIST_ELEM);
  putKey(w, key);
  endNested(w, element);
  endNested(w, list);
  endMessage(w);
}

export interface FoundElement {
  /** Of a map of marks; null: of a set. */
  readonly value: number | null;
  /** Milliseconds until it is gone; null: it stays. */
  readonly leftMs: number | null;
}

/** The first element in the body of a NEWSETELEM; null: there is none. */
export function decodeElement(view: DataView, body: number, end: number): FoundElement | null {
  let found: FoundElement | null = null;
  const within = (at: number, length: number, wanted: number, visit: AttributeVisitor): void =>
    eachAttribute(view, at, at + length, (type, value, bytes) => {
      if (type === wanted) visit(value, bytes);
    });
  within(body + NFGENMSG_LEN, end - body - NFGENMSG_LEN, NFTA_SET_ELEM_LIST.ELEMENTS, (list, bytes) =>
    within(list, bytes, NFTA_LIST_ELEM, (element, length) => {
      let value: number | null = null;
      let leftMs: number | null = null;
      within(element, length, NFTA_SET_ELEM.DATA, (data, size) =>
        within(data, size, NFTA_DATA_VALUE, (at, width) => {
          if (width === 4) value = view.getUint32(at, true);
        }),
      );
      within(element, length, NFTA_SET_ELEM.EXPIRATION, (at, width) => {
        if (width === 8) leftMs = Number(view.getBigUint64(at));
      });
      found ??= { value, leftMs };
    }),
  );
  return found;
}

type AttributeVisitor = (at: number, length: number) => void;

function begin(w: Writer, type: number, flags: number, target: ElementTarget, sequence: number): number {
  beginNfMessage(w, type, flags, sequence, NFPROTO_INET);
  putNames(w, target);
  return beginNested(w, NFTA_SET_ELEM_LIST.ELEMENTS);
}

function putNames(w: Writer, target: ElementTarget): void {
  const { names } = target;
  for (let i = 0; i < names.length; i++) w.bytes[w.length + i] = names[i];
  w.length += names.length;
}

function putKey(w: Writer, { bytes, at, length }: StoredKey): void {
  const key = beginNested(w, NFTA_SET_ELEM.KEY);
  w.view.setUint16(w.length, 4 + length, true);
  w.view.setUint16(w.length + 2, NFTA_DATA_VALUE, true);
  w.length += 4;
  const padded = (length + 3) & ~3;
  for (let i = 0; i < padded; i++) w.bytes[w.length + i] = i < length ? bytes[at + i] : 0;
  w.length += padded;
  endNested(w, key);
}

function nameAttribute(type: number, name: string): number[] {
  const attribute = [5 + name.length, 0, type, 0];
  for (let i = 0; i < name.length; i++) attribute.push(name.charCodeAt(i));
  attribute.push(0);
  while (attribute.length % 4 !== 0) attribute.push(0);
  return attribute;
}
