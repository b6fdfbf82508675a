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
  for (const { length, inside, outside } of prefixes ?? []) {
    if (!hasPrefix(words, at, inside, length)) continue;
    for (let i = 0; i < 4; i++) out[outAt + i] = outside[i] | (words[at + i] & ~wordMask(length - 32 * i));
    return true;
  }
  return false;
}

function hasPrefix(words: AddressWords, at: number, prefix: AddressWords, length: number): boolean {
  for (let i = 0; i < 4; i++)
    if (((words[at + i] ^ prefix[i]) & wordMask(length - 32 * i)) !== 0) return false;
  return true;
}
