/** The fast path as text: a flowtable of our own, and the rules that put flows into it. A transaction of its own (fast-path.ts). Pure. */
import type { SignalPort } from '../model/calls.js';
import { CHAIN_FAST, FLOWTABLE_FAST, TABLE } from './constants.js';
import { hex } from './marks.js';
import { set } from './render-words.js';

/** Whose packets go by it. */
export interface FastPathState {
  /** Interfaces that there are, with their numbers: one that comes back under its name is another. */
  readonly lan: ReadonlyMap<string, number>;
  readonly providers: ReadonlyMap<string, number>;
  /** Marks of the connections that routes carry, in the bits of `markMask`, by the interfaces of providers. */
  readonly routes: readonly { readonly interface: string; readonly mark: number }[];
  readonly markMask: number;
  /** Answers of name servers pass the daemon. */
  readonly readsDns: boolean;
  /** Signalling that does. */
  readonly signalPorts: readonly SignalPort[];
}

/**
 * Flows that need nothing more from the rules: both sides have spoken, and they have a route. Only what goes out puts them in, since
 * the mark that its packets carry is what the kernel finds the way back to the LAN with (ip-state.ts), and what comes in has none; and
 * only by the route's own interface: the flowtable would keep to another, that of a moment in which somebody has removed our rules.
 */
export function renderFastPath({
  lan,
  providers,
  routes,
  markMask,
  readsDns,
  signalPorts,
}: FastPathState): string {
  const devices = [...new Set([...lan.keys(), ...providers.keys()])].map((name) => `"${name}"`).join(', ');
  const ways = routes.map((route) => `"${route.interface}" . ${hex(route.mark)}`).join(', ');
  const way = `iifname ${set([...lan.keys()])} oifname . (ct mark and ${hex(markMask)}) { ${ways} }`;
  const rules = [
    ...(readsDns ? ['udp dport 53 return'] : []),
    ...signalPorts.map(({ transport, port }) => `${transport} dport ${port} return`),
    `ct status assured ct state established ${way} meta l4proto { tcp, udp } flow add @${FLOWTABLE_FAST}`,
  ];
  return text([
    `add flowtable inet ${TABLE} ${FLOWTABLE_FAST} { hook ingress priority 0; counter; devices = { ${devices} }; }`,
    `add chain inet ${TABLE} ${CHAIN_FAST} { type filter hook forward priority 210; policy accept; }`,
    `flush chain inet ${TABLE} ${CHAIN_FAST}`,
    ...rules.map((rule) => `add rule inet ${TABLE} ${CHAIN_FAST} ${rule}`),
  ]);
}

/** Takes it away: its flows go on by the rules. */
export function renderNoFastPath(): string {
  return text([
    `flush chain inet ${TABLE} ${CHAIN_FAST}`,
    `delete chain inet ${TABLE} ${CHAIN_FAST}`,
    `delete flowtable inet ${TABLE} ${FLOWTABLE_FAST}`,
  ]);
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
