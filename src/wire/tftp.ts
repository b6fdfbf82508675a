/**
 * Datagrams of TFTP (RFC 1350, 2347): a request to port 69, and an answer that comes from a port of its own, which the rest of the transfer uses.
 * Nothing throws, and the work is bounded by the bytes.
 */
import type { ViewedBytes } from './viewed-bytes.js';

export const TFTP_PORT = 69;
/** Longest request (RFC 2347: it fits in 512 bytes). */
const MAX_REQUEST = 512;
const MAX_MODE = 8;

export type TftpKind = 'read' | 'write' | 'data' | 'acknowledgement' | 'error' | 'options';

export interface TftpMessage {
  readonly kind: TftpKind;
  /** Of data and acknowledgements; else 0. */
  readonly block: number;
}

const KINDS: readonly TftpKind[] = ['read', 'write', 'data', 'acknowledgement', 'error', 'options'];
const MODES = ['octet', 'netascii', 'mail'];

/** Decodes the datagram from `start` to before `end`; null when it is none of TFTP. */
export function decodeTftp(space: ViewedBytes, start: number, end: number): TftpMessage | null {
  const { bytes, view } = space;
  if (start < 0 || end > bytes.length || end - start < 4) return null;
  const kind = KINDS[view.getUint16(start) - 1];
  if (kind === undefined) return null;
  switch (kind) {
    case 'read':
    case 'write':
      return isRequest(bytes, start + 2, end) ? { kind, block: 0 } : null;
    case 'options':
      return areStrings(bytes, start + 2, end) ? { kind, block: 0 } : null;
    case 'error':
      // A code and a text.
      return end - start >= 5 && bytes[end - 1] === 0 ? { kind, block: 0 } : null;
    case 'acknowledgement':
      return end - start === 4 ? { kind, block: view.getUint16(start + 2) } : null;
    default:
      return { kind, block: view.getUint16(start + 2) };
  }
}

/** Whether `answer` is what a server sends first, from its new port, to such a request. */
export function answersTftp(request: TftpKind, { kind, block }: TftpMessage): boolean {
  if (request !== 'read' && request !== 'write') return false;
  if (kind === 'error' || kind === 'options') return true;
  return request === 'read' ? kind === 'data' && block === 1 : kind === 'acknowledgement' && block === 0;
}

/** A name, a mode, and options. */
function isRequest(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_REQUEST || !areStrings(bytes, start, end)) return false;
  const name = bytes.indexOf(0, start);
  const mode = bytes.indexOf(0, name + 1);
  if (name === start || mode < 0 || mode >= end || mode - name - 1 > MAX_MODE) return false;
  const word = String.fromCharCode(...bytes.subarray(name + 1, mode)).toLowerCase();
  return MODES.includes(word);
}

/** Strings with a zero byte behind each, two and two. */
function areStrings(bytes: Uint8Array, start: number, end: number): boolean {
  let zeros = 0;
  for (let i = start; i < end; i++) if (bytes[i] === 0) zeros++;
  return bytes[end - 1] === 0 && zeros > 0 && zeros % 2 === 0;
}
