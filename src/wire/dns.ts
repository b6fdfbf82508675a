/**
 * Answers of the domain name system in UDP payloads (RFC 1035), read by a stranger: anybody may have sent them. Nothing
 * throws, nothing loops, and the work is bounded by the bytes of the message.
 */
import { type Family, readAddress } from '../model/address.js';
import { DNS_HEADER, hashName, MAX_NAME, type Message, readName, sameName, skipName } from './dns-name.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const DNS_TYPE = { A: 1, CNAME: 5, AAAA: 28 } as const;
export const DNS_PORT = 53;

/** Header fields (RFC 1035 section 4.1.1). */
const FLAG_ANSWER = 0x8000;
const FLAG_RECURSION_DESIRED = 0x0100;
const OPCODE = 0x7800;
const RCODE = 0x000f;
const CLASS_IN = 1;

/** Addresses kept, records looked at, aliases followed. Sensible answers have far fewer. */
export const MAX_ADDRESSES = 64;
const MAX_RECORDS = 128;
const MAX_ALIASES = 16;

/** One answer; reused. */
export interface DnsAnswer {
  id: number;
  flags: number;
  rcode: number;
  /** Lower case ASCII without the last dot, '' for the root or no question; other bytes are written \ddd (RFC 4343 section 2.1). */
  question: string;
  type: number;
  /** false: something in the answer section could not be read, or there was too much of it; what came before counts. */
  complete: boolean;
  /** Addresses of the question's name, also through aliases; the first `count` of each array, four words for an address. */
  count: number;
  readonly families: Uint8Array;
  readonly addresses: Int32Array;
  /** Seconds: the least of the record and the aliases that led to it (RFC 2181 section 8: at most 2^31-1). */
  readonly ttls: Int32Array;
}

export function createDnsAnswer(): DnsAnswer {
  return {
    id: 0,
    flags: 0,
    rcode: 0,
    question: '',
    type: 0,
    complete: false,
    count: 0,
    families: new Uint8Array(MAX_ADDRESSES),
    addresses: new Int32Array(MAX_ADDRESSES * 4),
    ttls: new Int32Array(MAX_ADDRESSES),
  };
}

/** A name in a message: where it begins, and its hash. */
interface Name {
  readonly at: number;
  readonly hash: number;
}

/** The answer section as it was found; one message at a time. */
const records = {
  count: 0,
  type: new Uint16Array(MAX_RECORDS),
  ttl: new Int32Array(MAX_RECORDS),
  name: new Int32Array(MAX_RECORDS),
  hash: new Int32Array(MAX_RECORDS),
  data: new Int32Array(MAX_RECORDS),
};

/** Decodes the message from `start` to before `end`. False: it is no answer to one standard query, and `out` says nothing. */
export function decodeDnsAnswer(
  out: DnsAnswer,
  { bytes, view }: ViewedBytes,
  start: number,
  end: number,
): boolean {
  if (start < 0 || end > bytes.length || end - start < DNS_HEADER) return false;
  out.id = view.getUint16(start);
  out.flags = view.getUint16(start + 2);
  out.rcode = out.flags & RCODE;
  out.question = '';
  out.type = 0;
  out.complete = false;
  out.count = 0;
  if ((out.flags & FLAG_ANSWER) === 0 || (out.flags & OPCODE) !== 0) return false;
  const questions = view.getUint16(start + 4);
  // Errors may leave the question out.
  if (questions === 0) {
    out.complete = view.getUint16(start + 6) === 0;
    return true;
  }
  const message = { bytes, view, start, end };
  const at = start + DNS_HEADER;
  const after = skipName(message, at);
  if (questions !== 1 || after < 0 || after + 4 > end) return false;
  const hash = hashName(message, at);
  if (hash < 0) return false;
  out.question = readName(message, at);
  out.type = view.getUint16(after);
  if (view.getUint16(after + 2) !== CLASS_IN) return true;
  out.complete = readRecords(message, after + 4, view.getUint16(start + 6));
  follow(message, { at, hash }, out);
  return true;
}

/** Notes the records that matter; false when not all could be read. */
function readRecords(message: Message, first: number, announced: number): boolean {
  const { view, end } = message;
  records.count = 0;
  let at = first;
  for (let i = 0; i < announced; i++) {
    const fixed = skipName(message, at);
    if (fixed < 0 || fixed + 10 > end) return false;
    const type = view.getUint16(fixed);
    const length = view.getUint16(fixed + 8);
    const data = fixed + 10;
    if (data + length > end) return false;
    const name = at;
    at = data + length;
    if (view.getUint16(fixed + 2) !== CLASS_IN || !isUseful(type, length)) continue;
    if (records.count === MAX_RECORDS) return false;
    const hash = hashName(message, name);
    if (hash < 0) return false;
    const r = records.count++;
    records.type[r] = type;
    // > a TTL value received with the most significant bit set [is treated] as if the entire value received was zero
    records.ttl[r] = Math.max(0, view.getInt32(fixed + 4));
    records.name[r] = name;
    records.hash[r] = hash;
    records.data[r] = data;
  }
  return true;
}

function isUseful(type: number, length: number): boolean {
  if (type === DNS_TYPE.A) return length === 4;
  if (type === DNS_TYPE.AAAA) return length === 16;
  return type === DNS_TYPE.CNAME && length > 0;
}

/** From the question's name from alias to alias, then the addresses of the last one. */
function follow(message: Message, question: Name, out: DnsAnswer): void {
  let { at: name, hash } = question;
  let ttl = 0x7fffffff;
  for (let alias = 0; alias <= MAX_ALIASES; alias++) {
    const next = findAlias(message, name, hash);
    if (next < 0) break;
    const target = hashName(message, records.data[next]);
    if (target < 0 || alias === MAX_ALIASES) {
      out.complete = false;
      return;
    }
    ttl = Math.min(ttl, records.ttl[next]);
    name = records.data[next];
    hash = target;
  }
  for (let r = 0; r < records.count; r++) {
    if (records.type[r] === DNS_TYPE.CNAME || records.hash[r] !== hash) continue;
    if (!sameName(message, records.name[r], name)) continue;
    if (out.count === MAX_ADDRESSES) {
      out.complete = false;
      return;
    }
    const family: Family = records.type[r] === DNS_TYPE.A ? 4 : 6;
    readAddress(family, message.view, records.data[r], address);
    out.addresses.set(address, 4 * out.count);
    out.families[out.count] = family;
    out.ttls[out.count++] = Math.min(ttl, records.ttl[r]);
  }
}

const address = new Int32Array(4);

function findAlias(message: Message, name: number, hash: number): number {
  for (let r = 0; r < records.count; r++) {
    if (records.type[r] !== DNS_TYPE.CNAME || records.hash[r] !== hash) continue;
    if (sameName(message, records.name[r], name)) return r;
  }
  return -1;
}

/** A question to a name server, and the id that its answer has. */
export interface DnsQuery {
  readonly id: number;
  readonly name: string;
  /** One of DNS_TYPE. */
  readonly type: number;
}

/** Writes a query that asks for recursion; its length, or 0 when `name` is no name (letters, digits, hyphens and the like in labels of at most 63). */
export function encodeDnsQuery(
  { bytes, view }: ViewedBytes,
  at: number,
  { id, name, type }: DnsQuery,
): number {
  const labels = name === '' || name === '.' ? [] : name.replace(/\.$/, '').split('.');
  if (labels.some((label) => !/^[\x21-\x5b\x5d-\x7e]{1,63}$/.test(label))) return 0;
  if (labels.reduce((sum, label) => sum + 1 + label.length, 1) > MAX_NAME) return 0;
  view.setUint16(at, id);
  view.setUint16(at + 2, FLAG_RECURSION_DESIRED);
  view.setUint16(at + 4, 1);
  for (let i = 6; i < DNS_HEADER; i += 2) view.setUint16(at + i, 0);
  let next = at + DNS_HEADER;
  for (const label of labels) {
    bytes[next++] = label.length;
    for (let i = 0; i < label.length; i++) bytes[next++] = label.charCodeAt(i);
  }
  bytes[next++] = 0;
  view.setUint16(next, type);
  view.setUint16(next + 2, CLASS_IN);
  return next + 4 - at;
}
