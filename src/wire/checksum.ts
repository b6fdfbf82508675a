/** The Internet checksum (RFC 1071). */

/** Adds the 16-bit words of `length` bytes to `sum`; fold with `finish`. An odd last byte counts as high byte. */
export function addBytes(sum: number, view: DataView, offset: number, length: number): number {
  const even = offset + (length & ~1);
  let total = sum;
  for (let i = offset; i < even; i += 2) total += view.getUint16(i);
  if (length & 1) total += view.getUint8(even) << 8;
  return total;
}

/** Folds the carries and complements: the value of a checksum field; 0 for intact data that includes its checksum. */
export function finish(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/**
 * Sum of the pseudo header: addresses taken from the packet's own IP header
 * (RFC 9293 section 3.1 for IPv4, RFC 8200 section 8.1 for IPv6).
 */
export function pseudoHeader(
  view: DataView,
  ip: number,
  family: 4 | 6,
  protocol: number,
  length: number,
): number {
  const addresses = family === 4 ? addBytes(0, view, ip + 12, 8) : addBytes(0, view, ip + 8, 32);
  return addresses + protocol + (length & 0xffff) + (length >>> 16);
}
