/** Masks of marks, as nft and ip write them. */
import { bad, type Parsed } from '../parsed.js';
import { MISSING } from './texts.js';

export const MASK_ALLOWED = 'a mask of 11 to 32 bits, such as 0xff0000ff';

export function parseMask(raw: unknown): Parsed<number> {
  if (raw === undefined) return bad(MISSING);
  // YAML reads 0x… as a number.
  const isText = typeof raw === 'string' && /^0x[0-9a-f]{1,8}$/i.test(raw);
  const mask = isText ? Number(raw) : raw;
  if (typeof mask !== 'number' || !Number.isInteger(mask)) return bad('Not a mask.');
  return mask < 1 || mask > 0xffffffff ? bad('Not a mask of 32 bits.') : { value: mask };
}

export function formatMask(mask: number): string {
  return `0x${mask.toString(16)}`;
}
