/** Which addresses that a message names are believed: anybody may write anything into it. */
import { type AddressWords, familyOf, sameAddress } from '../../model/address.js';
import type { NamedEnd } from '../../wire/named-end.js';
import type { CarriedFlow, SignalFlow } from './reader.js';

/**
 * Whether a client may have what is sent to this end: its own address, or that of its route, which it has asked somebody for. With any other
 * a host would open ways to its neighbours.
 */
export function isOfClient(
  { client }: SignalFlow,
  carried: CarriedFlow | null,
  address: AddressWords,
): boolean {
  if (sameAddress(address, 0, client.address, 0)) return true;
  return carried !== null && sameAddress(address, 0, carried.source, 0);
}

/**
 * Whether a server, or another that it names, may be at this address: one host of the same family; and nobody whom the Internet does not know,
 * unless the server itself is such a one.
 */
export function isOfServer({ server, client, family }: SignalFlow, address: AddressWords): boolean {
  if (familyOf(address) !== family || sameAddress(address, 0, client.address, 0)) return false;
  switch (scopeOf(address)) {
    case 'none':
      return false;
    case 'private':
      return scopeOf(server.address) === 'private';
    default:
      return true;
  }
}

/** Whether an end is one that a flow can have. */
export function isEnd({ port }: NamedEnd): boolean {
  return port > 0 && port <= 0xffff;
}

type Scope = 'global' | 'private' | 'none';

function scopeOf(address: AddressWords): Scope {
  return familyOf(address) === 4 ? scopeOf4(address[3] >>> 0) : scopeOf6(address);
}

/** RFC 6890: this network, loopback, link-local, multicast and above are nobody; RFC 1918 and 6598 are private. */
function scopeOf4(word: number): Scope {
  const first = word >>> 24;
  if (first === 0 || first === 127 || first >= 224 || word >>> 16 === 0xa9fe) return 'none';
  const isPrivate =
    first === 10 || word >>> 20 === 0xac1 || word >>> 16 === 0xc0a8 || word >>> 22 === 0x6440 >>> 6;
  return isPrivate ? 'private' : 'global';
}

/** RFC 4291, 4193. */
function scopeOf6(words: AddressWords): Scope {
  const first = words[0] >>> 16;
  if (first >>> 8 === 0xff || first >>> 6 === 0xfe80 >>> 6) return 'none';
  if (words[0] === 0 && words[1] === 0 && words[2] === 0) return 'none';
  return first >>> 9 === 0xfc00 >>> 9 ? 'private' : 'global';
}
