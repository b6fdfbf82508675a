/** A hash of bytes that somebody is to send back: connection ids, transaction ids, questions. It needs no key: whoever finds another with the same one fools himself. */

const FNV_BASIS = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/** The same of a text with a character for each byte. */
export function hashText(text: string): number {
  let hash = FNV_BASIS;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

/** 32 bits, signed, of the bytes from `at` to before `end` (FNV-1a). Nothing outside of them is read. */
export function hashBytes(bytes: Uint8Array, at: number, end: number): number {
  let hash = FNV_BASIS;
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ bytes[i], FNV_PRIME);
  return hash;
}
