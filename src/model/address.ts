/**
 * IP addresses on the hot path: four 32-bit words (signed, so that V8 keeps them as small integers), IPv4 as
 * ::ffff:a.b.c.d, so that one code serves both families.
 */

export type Family = 4 | 6;

/** Four words, most significant first. */
export type AddressWords = Int32Array;

const V4_MAPPED = 0xffff;

/** Copies an address from packet bytes into `out`. */
export function readAddress(family: Family, view: DataView, offset: number, out: AddressWords): void {
  if (family === 4) {
    out[0] = 0;
    out[1] = 0;
    out[2] = V4_MAPPED;
    out[3] = view.getInt32(offset);
    return;
  }
  for (let i = 0; i < 4; i++) out[i] = view.getInt32(offset + 4 * i);
}

/** Writes the address that starts at word `at` of `words` into packet bytes: 4 or 16 bytes. */
export function writeAddress(
  family: Family,
  words: AddressWords,
  at: number,
  view: DataView,
  offset: number,
): void {
  if (family === 4) {
    view.setInt32(offset, words[at + 3]);
    return;
  }
  for (let i = 0; i < 4; i++) view.setInt32(offset + 4 * i, words[at + i]);
}

/** The family that the words hold. */
export function familyOf(words: AddressWords, at = 0): Family {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === V4_MAPPED ? 4 : 6;
}

/** Whether four words of `a` and of `b` are equal. */
export function sameAddress(a: AddressWords, atA: number, b: AddressWords, atB: number): boolean {
  return (
    a[atA + 3] === b[atB + 3] && a[atA + 2] === b[atB + 2] && a[atA + 1] === b[atB + 1] && a[atA] === b[atB]
  );
}

/** Copies the four words at `from` of `words` to `to` of `out`. */
export function copyAddress(words: AddressWords, from: number, out: AddressWords, to: number): void {
  for (let i = 0; i < 4; i++) out[to + i] = words[from + i];
}

/** The first `bits` of a word, none and all included. */
export function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

/** Clears the bits behind a prefix, in place. `length` as the family counts it. */
export function maskAddress(words: AddressWords, at: number, family: Family, length: number): void {
  const bits = family === 4 ? 96 + length : length;
  for (let i = 0; i < 4; i++) words[at + i] &= wordMask(bits - 32 * i);
}

/**
 * Reads canonical or any valid text form; `null` when it is none. IPv6 without a zone.
 * Off the hot path: configuration, commands, links.
 */
export function parseAddress(text: string): AddressWords | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** The text form: dotted for IPv4, RFC 5952 for IPv6. */
export function formatAddress(words: AddressWords, at = 0): string {
  if (familyOf(words, at) === 4) {
    const w = words[at + 3];
    return `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 4; i++) groups.push(words[at + i] >>> 16, words[at + i] & 0xffff);
  return compress(groups);
}

/** `address:port`, with brackets around IPv6. */
export function formatEndpoint(words: AddressWords, at: number, port: number): string {
  const text = formatAddress(words, at);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}

function parseIpv4(text: string): AddressWords | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let word = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return null;
    const value = Number(part);
    if (value > 255) return null;
    word = (word << 8) | value;
  }
  return Int32Array.of(0, 0, V4_MAPPED, word);
}

function parseIpv6(text: string): AddressWords | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  // A dotted part can only be the end of the whole address (RFC 4291 section 2.2).
  const head = parseGroups(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words = new Int32Array(4);
  for (let i = 0; i < 4; i++) words[i] = (groups[2 * i] << 16) | groups[2 * i + 1];
  return words;
}

function parseGroups(text: string, mayEndDotted: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (mayEndDotted && i === parts.length - 1 && part.includes('.')) {
      const v4 = parseIpv4(part);
      if (v4 === null) return null;
      groups.push(v4[3] >>> 16, v4[3] & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}

/** RFC 5952 section 4.2: the longest run of two or more zero groups becomes `::`, the first of equal ones. */
function compress(groups: readonly number[]): string {
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end - 1;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}
