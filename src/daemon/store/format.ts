/**
 * The bytes of the store file. One process writes it, always the whole of it, so there is no journal and nothing to repair:
 * it is right to the last bit, or it is not used.
 *
 *   magic 8 | version 4 | number of sections 4 | bytes of each section 4 each | 0 to 8
 *   JSON part, columns of the memory (ROW_COLUMNS), each filled with zeros to a multiple of 8
 *   SHA-256 of all before
 *
 * Numbers are in the byte order of the machine: the file does not travel, and the columns are used where they lie.
 */
import { type MemoryRows, ROW_COLUMNS } from '../../core/memory/rows.js';
import { MAX_ROUTES } from '../../core/memory/verdicts.js';
import { assert } from '../../model/errors.js';
import {
  type JsonPart,
  MAX_JSON_BYTES,
  readJsonPart,
  type StoreContent,
  type StoreLimits,
} from './content.js';

/** A byte that no text has, a name, and an end of line that a transfer as text would change. */
export const MAGIC = Uint8Array.of(0x89, 0x50, 0x52, 0x73, 0x74, 0x6f, 0x72, 0x0a);
export const DIGEST_BYTES = 32;
/** 1 had commands and quotas as well. */
const VERSION = 2;
const SECTIONS = 1 + ROW_COLUMNS.length;
const HEADER_BYTES = padded(16 + 4 * SECTIONS);

/** Why a file is not used. */
export type StoreDefect = 'truncated' | 'corrupt' | 'newer-version' | 'too-large';

/** Most bytes that a file within the limits has. */
export function maxFileBytes({ destinations }: StoreLimits): number {
  const columns = ROW_COLUMNS.map(({ type, entries }) =>
    padded(destinations * entries(MAX_ROUTES) * type.BYTES_PER_ELEMENT),
  );
  return (
    HEADER_BYTES + padded(MAX_JSON_BYTES) + columns.reduce((sum, bytes) => sum + bytes, 0) + DIGEST_BYTES
  );
}

/**
 * Whether a file may be replaced: it is one of ours, a damaged one perhaps, or empty. Anything else is somebody's file in
 * the way of a mistaken configuration. `start`: its first bytes.
 */
export function looksLikeOurs(start: Uint8Array): boolean {
  const wrong = start.subarray(0, MAGIC.length).filter((byte, i) => byte !== MAGIC[i]).length;
  return wrong <= start.length / 2 && wrong <= MAGIC.length / 2;
}

/** All but the digest, in pieces to be written one after the other: views on the columns, not copies. */
export function encode(content: StoreContent): Uint8Array[] {
  const { memory, savedAtMs, routes, services, statistics } = content;
  const part = {
    savedAtMs,
    routes,
    services,
    statistics,
    memory: { rows: memory.count, routes: memory.routes },
  };
  assert(readJsonPart(part) !== null, 'what should be stored would not be read again');
  const json = new TextEncoder().encode(JSON.stringify(part));
  assert(json.length <= MAX_JSON_BYTES, 'more to be stored than is read');
  const sections = [json, ...columnsOf(memory)];
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  new Uint32Array(header.buffer, 8, 2 + SECTIONS).set([VERSION, SECTIONS, ...sections.map((s) => s.length)]);
  return [
    header,
    ...sections.flatMap((section) => [section, new Uint8Array(padded(section.length) - section.length)]),
  ].filter((piece) => piece.length > 0);
}

/**
 * The content of a whole file whose SHA-256 is `digest`; its columns are views on `file`, which lies at the start of its
 * buffer.
 */
export function decode(
  file: Uint8Array,
  digest: Uint8Array,
  limits: StoreLimits,
): StoreContent | StoreDefect {
  if (file.length < HEADER_BYTES + DIGEST_BYTES) return 'truncated';
  if (!same(file.subarray(0, MAGIC.length), MAGIC)) return 'corrupt';
  const [version, count, ...lengths] = new Uint32Array(file.buffer, 8, 2 + SECTIONS);
  if (version > VERSION) return 'newer-version';
  if (version < 1 || count !== SECTIONS) return 'corrupt';
  const total = lengths.reduce((sum, length) => sum + padded(length), HEADER_BYTES) + DIGEST_BYTES;
  if (file.length !== total) return file.length < total ? 'truncated' : 'corrupt';
  if (!same(file.subarray(total - DIGEST_BYTES), digest)) return 'corrupt';

  const part = jsonPart(file.subarray(HEADER_BYTES, HEADER_BYTES + lengths[0]));
  if (part === null) return 'corrupt';
  const { rows, routes } = part.memory;
  if (rows > limits.destinations) return 'too-large';
  const columns: Record<string, unknown> = {};
  let offset = HEADER_BYTES + padded(lengths[0]);
  for (const [i, { name, type, entries }] of ROW_COLUMNS.entries()) {
    const length = rows * entries(routes);
    if (lengths[i + 1] !== length * type.BYTES_PER_ELEMENT) return 'corrupt';
    columns[name] = new type(file.buffer as ArrayBuffer, offset, length);
    offset += padded(lengths[i + 1]);
  }
  const memory = { ...columns, count: rows, routes } as MemoryRows;
  const { savedAtMs, routes: known, services = [], statistics } = part;
  return { savedAtMs, routes: known, services, statistics, memory };
}

/** JSON alone, of a file that begins with these bytes; null: there is none. */
export function jsonOf(start: Uint8Array): JsonPart | null {
  if (start.length < HEADER_BYTES || !same(start.subarray(0, MAGIC.length), MAGIC)) return null;
  const [, count, length] = new Uint32Array(start.buffer, 8, 3);
  if (count !== SECTIONS || HEADER_BYTES + length > start.length) return null;
  return jsonPart(start.subarray(HEADER_BYTES, HEADER_BYTES + length));
}

function jsonPart(bytes: Uint8Array): JsonPart | null {
  if (bytes.length > MAX_JSON_BYTES) return null;
  try {
    return readJsonPart(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return null;
  }
}

function columnsOf(memory: MemoryRows): Uint8Array[] {
  return ROW_COLUMNS.map(({ name, type, entries }) => {
    const { buffer, byteOffset } = memory[name];
    return new Uint8Array(buffer, byteOffset, memory.count * entries(memory.routes) * type.BYTES_PER_ELEMENT);
  });
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
