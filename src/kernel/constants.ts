/** Names of everything that Pathrace owns in the kernel, and how it uses the packet mark. */

/** The one nf_tables table (family inet), and the parts of it that are addressed from outside its text. */
export const TABLE = 'pathrace';
export const SET_ALIVE = 'alive';
export const CHAIN_QUEUE_LAN = 'queue_lan';
export const CHAIN_QUEUE_WAN = 'queue_wan';
/** Holds, as comments of its rules, the values that sysctls had before; no hook leads to it. */
export const CHAIN_BEFORE = 'before';

/** `protocol` of our routes and rules (rtnetlink's rtm_protocol): how `cleanup` recognises them. */
export const RT_PROTOCOL = 82;

/**
 * The mark of packets and flows that are distributed: bits 24-28 carry the route's number, the upper three are flags, the lower 24 stay 0.
 * nft before 1.1 cannot combine two marks in one expression, so a distributed flow carries our mark alone.
 */
export const MARK = {
  ROUTE_SHIFT: 24,
  ROUTE_MASK: 0x1f000000,
  /** Kept with the route in the connection's mark: the source address stays. */
  UNTRANSLATED: 0x20000000,
  /** Set before the WAN queue when conntrack has already looked. */
  LATE: 0x40000000,
  /** On packets that the daemon sends: conntrack and NAT leave them alone. */
  OWN: 0x80000000,
  /** What a connection's mark keeps. */
  FLOW_MASK: 0x3f000000,
} as const;

/** The mark of a route's packets. */
export function routeMark(route: number): number {
  return route << MARK.ROUTE_SHIFT;
}

/** As nft and ip print and read marks. */
export function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
