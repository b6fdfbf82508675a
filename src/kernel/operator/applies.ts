/** Whether what is not raced for a rule of the operator's is this connection: as the matches of render-ask.ts have it. Pure. */
import { type AddressWords, familyOf, formatAddress } from '../../model/address.js';
import type { OwnTranslation } from '../desired.js';
import { parseRange } from './ranges.js';

export interface Applied {
  readonly client: AddressWords;
  readonly destination: AddressWords;
  readonly port: number;
  readonly isTcp: boolean;
}

export function appliesTo(
  { family, sources, destinations, ports }: OwnTranslation,
  { client, destination, port, isTcp }: Applied,
): boolean {
  if (familyOf(destination) !== family) return false;
  if (sources !== null && !isWithin(sources, client)) return false;
  if (destinations !== null && !isWithin(destinations, destination)) return false;
  return ports === null || (isTcp && ports.some((range) => hasPort(range, port)));
}

function isWithin(ranges: readonly string[], words: AddressWords): boolean {
  const address = parseRange(formatAddress(words))!;
  return ranges.some((text) => {
    const range = parseRange(text);
    return range !== null && range.first <= address.first && address.first <= range.last;
  });
}

/** `25` or `1000-2000`. */
function hasPort(range: string, port: number): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return first <= port && port <= last;
}
