/** The bits of marks that are ours: how many there must be, and for how many services they are enough. */

/** What none of the usual neighbours takes: Tailscale and pbr 16-23, Kubernetes 14 and 15, mwan3 8-13. */
export const DEFAULT_MARK_MASK = 0xff0000ff;

/** Of a route's number, and the flags (kernel/marks.ts). */
export const ROUTE_BITS = 5;
export const FLAG_BITS = 4;
const MOST_SERVICE_BITS = 7;
/** Numbers that no service has: none, and the two highest. */
const NO_SERVICES = 3;

/** Bits for the number of a service; what there is beyond is not used. */
export function serviceBits(mask: number): number {
  return Math.max(0, Math.min(MOST_SERVICE_BITS, bitCount(mask) - ROUTE_BITS - FLAG_BITS));
}

/** The highest number that a service can have. */
export function servicesOf(mask: number): number {
  return Math.max(0, (1 << serviceBits(mask)) - NO_SERVICES);
}

/** How many bits a mask needs for so many services. */
export function bitsFor(services: number): number {
  return ROUTE_BITS + FLAG_BITS + Math.ceil(Math.log2(Math.max(1, services) + NO_SERVICES));
}

export function bitCount(mask: number): number {
  return bitsOf(mask).length;
}

/** Places of the bits that are set, from the lowest. */
export function bitsOf(mask: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((mask >>> bit) & 1) === 1);
}
