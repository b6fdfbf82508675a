/** Translation by prefix: the host keeps its bits and its port, the prefix is another one. The kernel's rules do the same. */
import { type AddressWords, wordMask } from '../../model/address.js';

/** Both of `length` bits, the others zero. */
export interface RoutePrefix {
  readonly length: number;
  readonly inside: AddressWords;
  readonly outside: AddressWords;
}

/** Writes the outside address of an inside one; false when no prefix has it. */
export function mapOut(
  prefixes: readonly RoutePrefix[] | undefined,
  words: AddressWords,
  at: number,
  out: AddressWords,
  outAt: number,
): boolean {
  for (const { length, inside, outside } of prefixes ?? [])
    if (replace(words, at, inside, outside, length, out, outAt)) return true;
  return false;
}

/** Writes the inside address of an outside one; false when no prefix has it. */
export function mapIn(
  prefixes: readonly RoutePrefix[] | undefined,
  words: AddressWords,
  at: number,
  out: AddressWords,
  outAt: number,
): boolean {
  for (const { length, inside, outside } of prefixes ?? [])
    if (replace(words, at, outside, inside, length, out, outAt)) return true;
  return false;
}

function replace(
  words: AddressWords,
  at: number,
  from: AddressWords,
  to: AddressWords,
  length: number,
  out: AddressWords,
  outAt: number,
): boolean {
  for (let i = 0; i < 4; i++) if (((words[at + i] ^ from[i]) & wordMask(length - 32 * i)) !== 0) return false;
  for (let i = 0; i < 4; i++) out[outAt + i] = to[i] | (words[at + i] & ~wordMask(length - 32 * i));
  return true;
}
