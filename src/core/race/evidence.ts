/** What a negative answer was, in 16 bits: an ICMP error is type * 256 + code; the values behind all of them are our own. */

export const EVIDENCE = {
  NONE: 0,
  /** An attempt of a front end in user space failed on its way, and nothing more is known. */
  FAILED: 0xfffe,
  /** The server itself has refused: a TCP reset, say. Its words are what its protocol keeps of them. */
  REFUSED: 0xffff,
} as const;

/** The evidence of an ICMP or ICMPv6 error. */
export function icmpEvidence(type: number, code: number): number {
  return type * 256 + code;
}

export function icmpTypeOf(evidence: number): number {
  return evidence >>> 8;
}

export function icmpCodeOf(evidence: number): number {
  return evidence & 255;
}

/**
 * How much less than others an error tells a client: the server's own word before a filter's, a filter's before a missing path:
 * refusal, port unreachable, administratively prohibited, other unreachable, time exceeded (H10: RST before 3/13 before 3/1).
 */
export function rankOf(evidence: number, ipv4: boolean): number {
  if (evidence === EVIDENCE.REFUSED) return 0;
  const type = icmpTypeOf(evidence);
  const code = icmpCodeOf(evidence);
  if (type === (ipv4 ? 3 : 1)) {
    if (code === (ipv4 ? 3 : 4)) return 1;
    if (ipv4 ? code === 13 || code === 9 || code === 10 : code === 1 || code === 5 || code === 6) return 2;
    return 3;
  }
  return 4;
}
