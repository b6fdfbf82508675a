/**
 * Lines of FTP control connections (RFC 959, 2428): where data connections go, active and passive, IPv4 and IPv6. Nothing throws, and the work is
 * bounded by the bytes.
 */
import { type AddressWords, familyOf, parseAddress } from '../model/address.js';
import { FRAME } from './frame.js';
import { textOf } from './text-head.js';
import { MAX_PORT, wholeNumber } from './text-values.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const FTP_PORT = 21;
/** Longest line that is waited for: a command with a path, a reply with a text. */
export const MAX_FTP_LINE = 4096;

/** One line, of a client or of a server. */
export interface FtpLine {
  /** Upper case: PORT, EPRT, PASV, EPSV, AUTH, RETR, ...; '' for a reply. */
  readonly command: string;
  /** 100 to 599; 0 for a command. */
  readonly code: number;
  /** false: a reply that goes on until a line with the same code and true; what lines between say is text. */
  readonly isLast: boolean;
  /** Where the sender waits for a data connection (PORT, EPRT, 227, 229); 0 when it does not say. */
  readonly port: number;
  /** null with 229, and with port 0: the sender's own. Anybody may name another one's (RFC 2577 section 3). */
  readonly address: AddressWords | null;
}

/** The length of the first line of a stream with its end, or one of FRAME. */
export function frameFtp({ bytes }: ViewedBytes, start: number, end: number): number {
  if (start < 0 || end > bytes.length || start > end) return FRAME.NOT;
  const found = bytes.subarray(start, Math.min(end, start + MAX_FTP_LINE)).indexOf(LF);
  if (found >= 0) return found + 1;
  return end - start < MAX_FTP_LINE ? FRAME.INCOMPLETE : FRAME.NOT;
}

const LF = 10;
/** Telnet commands before a line (RFC 959 section 4.1.3: ABOR comes with two of them), of two bytes each. */
const TELNET = 0xff;
const MAX_TELNET = 8;

/** Decodes the line from `start` to before `end`, as `frameFtp` has found it; null when it is neither a command nor a reply. */
export function decodeFtp(space: ViewedBytes, start: number, end: number): FtpLine | null {
  const { bytes } = space;
  if (start < 0 || end > bytes.length || end - start > MAX_FTP_LINE) return null;
  let at = start;
  for (let n = 0; n < MAX_TELNET && at + 2 <= end && bytes[at] === TELNET; n++) at += 2;
  const line = textOf(space, at, end).trimEnd();
  const reply = REPLY.exec(line);
  if (reply !== null) return readReply(Number(reply[1]), reply[2] !== '-', line.slice(4));
  const command = COMMAND.exec(line);
  return command === null ? null : readCommand(command[1].toUpperCase(), command[2] ?? '');
}

const REPLY = /^([1-5]\d\d)( |-|$)/;
const COMMAND = /^([A-Za-z]{3,8})(?: (.*))?$/;

function readReply(code: number, isLast: boolean, text: string): FtpLine {
  const end = !isLast ? null : code === 227 ? readSix(text) : code === 229 ? readExtendedPort(text) : null;
  return { command: '', code, isLast, port: end?.port ?? 0, address: end?.address ?? null };
}

function readCommand(command: string, argument: string): FtpLine {
  const end = command === 'PORT' ? readSix(argument) : command === 'EPRT' ? readExtended(argument) : null;
  return { command, code: 0, isLast: true, port: end?.port ?? 0, address: end?.address ?? null };
}

interface DataEnd {
  readonly address: AddressWords | null;
  readonly port: number;
}

const SIX = /(?:^|[^\d,])(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})(?![\d,])/;

/** h1,h2,h3,h4,p1,p2, with or without brackets and words around them (RFC 1123 section 4.1.2.6). */
function readSix(text: string): DataEnd | null {
  const numbers = SIX.exec(text)?.slice(1).map(Number);
  if (numbers === undefined || numbers.some((number) => number > 255)) return null;
  const port = numbers[4] * 256 + numbers[5];
  return port === 0 ? null : { address: parseAddress(numbers.slice(0, 4).join('.')), port };
}

/** |1|132.235.1.2|6275|, with any delimiter (RFC 2428 section 2). */
function readExtended(text: string): DataEnd | null {
  const [before, family, host, port, after, ...more] = text.split(text.charAt(0), 6);
  if (before !== '' || after !== '' || more.length > 0) return null;
  const address = parseAddress(host ?? '');
  const number = wholeNumber(port ?? '', MAX_PORT);
  if (address === null || number <= 0) return null;
  const isRight = family === '1' ? isIpv4(address, host) : family === '2' && host.includes(':');
  return isRight ? { address, port: number } : null;
}

/** As it is written: ::ffff:192.0.2.1 is the same address and not the same family. */
function isIpv4(address: AddressWords, host: string): boolean {
  return familyOf(address) === 4 && !host.includes(':');
}

const EXTENDED_PORT = /\(([!-~])\1\1(\d{1,5})\1\)/;

/** (|||6446|), with any delimiter (section 3). */
function readExtendedPort(text: string): DataEnd | null {
  const port = wholeNumber(EXTENDED_PORT.exec(text)?.[2] ?? '', MAX_PORT);
  return port <= 0 ? null : { address: null, port };
}
