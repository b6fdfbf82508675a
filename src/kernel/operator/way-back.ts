/**
 * Rules that look for the way back to a packet's source by the packet's mark and drop it where that is not the interface that it came by, as
 * firewalld does for IPv6 (`IPv6_rpfilter`). What iptables checks (`rpfilter --validmark`) is before our marks, so that nothing can be done for it. Pure.
 */
import type { Rule } from './nft-json.js';

export function checksWayBack({ expr = [] }: Rule): boolean {
  return expr.some(looksByMark);
}

function looksByMark(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { fib } = part as { fib?: { flags?: string | readonly string[] } };
  if (Array.isArray(fib?.flags) && NEEDED.every((flag) => fib.flags?.includes(flag))) return true;
  return Object.values(part).some(looksByMark);
}

const NEEDED = ['saddr', 'mark', 'iif'];
