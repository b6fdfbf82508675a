/** Which set-ups the daemon may copy, and which go on as the operator's rules have made them. Pure. */
import { hex, MARK } from './constants.js';
import type { DesiredState } from './desired.js';
import { IP } from './render-words.js';

/** Ends the chains of a service for what its criterion would copy. */
export const CHAIN_COPIES = 'ask_copies';

/**
 * What may be copied is asked about in forward, where the operator's own rules have seen it. What a nat rule of theirs may translate
 * cannot be: that rule sees the source in postrouting alone. So it is asked about here, before the routing, and goes by one route.
 */
export function copiesChain(state: DesiredState): string[] {
  return [...ofOwnTranslation(state, 'goto race'), `meta mark set meta mark or ${hex(MARK.ASK)} accept`];
}

/** Rules for what a nat rule of the operator's may translate. */
export function ofOwnTranslation({ ownTranslation }: DesiredState, verdict: string): string[] {
  return ([4, 6] as const)
    .filter((family) => ownTranslation[`ipv${family}`].length > 0)
    .map((family) => {
      const sources = ownTranslation[`ipv${family}`];
      const match = sources.some((source) => source.endsWith('/0'))
        ? `meta nfproto ipv${family}`
        : `${IP[family]} saddr { ${sources.join(', ')} }`;
      return `${match} ${verdict}`;
    });
}

/** What rules may have put on a connection's entry, as matches; nft takes those that the kernel knows. */
export const ENTRY_MATCHES = [
  'ct zone != 0',
  'ct label != 0',
  // Every helper: a connection without one matches no name and no other.
  'ct helper != "-"',
] as const;

/** Where the daemon does not see entries, those that have more than others stay: nothing of theirs can be written anew. */
export function keptEntries({ keptEntries: matches }: DesiredState): string[] {
  return matches.map((match) => `${match} counter name kept return`);
}
