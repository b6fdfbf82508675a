/** One hop back: the kernel has lowered the time to live of what it forwards before anybody sees it in `forward` (ip_forward.c, ip6_output.c). */

/** Makes the packet at `at` what it was before: time to live or hop limit one higher, and the header checksum of IPv4 with it (RFC 1624). */
export function undoHop(bytes: Uint8Array, view: DataView, at: number): void {
  if (bytes[at] >>> 4 === 6) {
    if (bytes[at + 7] < 255) bytes[at + 7]++;
    return;
  }
  if (bytes[at + 8] === 255) return;
  bytes[at + 8]++;
  // HC' = ~(~HC + ~m + m'), where the word of time to live and protocol has grown by 0x0100.
  const sum = (~view.getUint16(at + 10) & 0xffff) + 0x0100;
  view.setUint16(at + 10, ~(sum + (sum >>> 16)) & 0xffff);
}
