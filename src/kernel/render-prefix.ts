/**
 * Routes that translate IPv6 by prefix and have no address besides: they have nothing for a client outside of the inside prefix. What the
 * kernel has chosen for it is asked instead; where nothing else is left it is told to try another source address. Pure.
 */
import type { DesiredRoute, DesiredState } from './desired.js';
import { hex, type Marks } from './marks.js';
import { keptMarks } from './render-words.js';

/** A client that a route in the packet's mark has no address for, as far as these routes are concerned: rules begin with it. */
export function clientsWithout(marks: Marks, routes: readonly DesiredRoute[]): string[] {
  return routes
    .filter(isByPrefixAlone)
    .map((route) => `meta mark and ${hex(marks.routeMask)} == ${hex(route.mark)} ${outsideOf(route)}`);
}

/** In `forward`, behind the question to the daemon. */
export function refuseClientsWithout(state: DesiredState): string[] {
  const { routeMask, serviceMask, chosen } = state.marks;
  const keep = keptMarks(state).map(hex).join(', ');
  return state.routes
    .filter(isByPrefixAlone)
    .map(
      (route) =>
        `ct state new oifname "${route.interface}" ct mark and ${hex(routeMask)} == ${hex(route.mark)} ct mark and ${hex(serviceMask | chosen)} != { ${keep} } ${outsideOf(route)} counter name outside_prefix reject with icmpv6 type policy-fail`,
    );
}

function outsideOf({ prefixes }: DesiredRoute): string {
  const inside = prefixes.map((prefix) => prefix.inside);
  return inside.length > 0 ? `ip6 saddr != { ${inside.join(', ')} }` : 'meta nfproto ipv6';
}

function isByPrefixAlone({ translate, ipv6 }: DesiredRoute): boolean {
  return translate && ipv6 !== null && ipv6.addresses.length === 0;
}
