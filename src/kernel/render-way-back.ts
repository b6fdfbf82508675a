/**
 * For rules of the operator's that look for the way back to a source by the packet's mark, in prerouting (docs/decisions/0021): what comes from
 * a provider has that provider's mark while they look, and no longer. What comes from the LAN has the mark of its flow; ip rules
 * send such a look-up to the main table first (ip-state.ts). Pure.
 */
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';
import { firstRoutes, wans } from './render-words.js';

/** Behind the choice of marks (-110) and before the NAT of destinations; then last of all, before the routing. */
export const WAY_BACK_HOOKS = [
  ['way_back', 'type filter hook prerouting priority -105; policy accept;'],
  ['way_back_end', 'type filter hook prerouting priority 500; policy accept;'],
] as const;

export function wayBackChains(state: DesiredState): [string, string[]][] {
  if (!state.wayBackIsChecked) return [];
  const { routeMask } = state.marks;
  const others = hex(~routeMask);
  return [
    [
      'way_back',
      [...firstRoutes(state)].map(
        ([name, { mark }]) =>
          `iifname "${name}" meta mark set meta mark and ${others} or ${hex(mark)} accept`,
      ),
    ],
    ['way_back_end', [`iifname ${wans(state)} meta mark set meta mark and ${others}`]],
  ];
}
