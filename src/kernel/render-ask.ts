/** Which set-ups the daemon may copy, and which go on as the operator's rules have made them. Pure. */
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';
import { IP, KEEP } from './render-words.js';

/** Ends the chains of a service for what its criterion would copy. */
export const CHAIN_COPIES = 'ask_copies';

/**
 * What may be copied is asked about in forward, where the operator's own rules have seen it. What a nat rule of theirs may translate
 * cannot be: that rule sees the source in postrouting alone. So it is asked about here, before the routing, and goes by one route.
 */
export function copiesChain(state: DesiredState): string[] {
  const { routeMask, serviceMask, pinned, ask } = state.marks;
  const asked = `and ${hex(routeMask | serviceMask | pinned)} or ${hex(ask)}`;
  return [...ofOwnTranslation(state, 'goto race'), `meta mark set meta mark ${asked} ${KEEP} accept`];
}

/** Rules for what a rule of the operator's may do something to that no copy has. */
export function ofOwnTranslation({ ownTranslation }: DesiredState, verdict: string): string[] {
  return ownTranslation.map(({ family, sources, destinations, ports }) => {
    const parts = [
      ...(sources === null ? [] : [`${IP[family]} saddr { ${sources.join(', ')} }`]),
      ...(destinations === null ? [] : [`${IP[family]} daddr { ${destinations.join(', ')} }`]),
    ];
    if (parts.length === 0) parts.push(`meta nfproto ipv${family}`);
    if (ports !== null) parts.push(`tcp dport { ${ports.join(', ')} }`);
    return `${parts.join(' ')} ${verdict}`;
  });
}

/**
 * What rules may have put on a connection's entry, as matches; nft takes those that the kernel knows. `ct helper` would be that of
 * another connection, which this one belongs to; the status says that it has one of its own (IPS_HELPER).
 */
export const ENTRY_MATCHES = ['ct zone != 0', 'ct status and 0x00002000 != 0'] as const;

/** Where the daemon does not see entries, those that have more than others stay: nothing of theirs can be written anew. */
export function keptEntries({ keptEntries: matches }: DesiredState): string[] {
  return matches.map((match) => `${match} counter name kept return`);
}
