/**
 * Routes that translate IPv6 by prefix and have no address besides: they have nothing for a client outside of the inside prefix. What the
 * kernel has chosen for it is asked instead; where nothing else is left it is told to try another source address. Pure.
 */
import { hex, MARK } from './constants.js';
import type { DesiredRoute, DesiredState } from './desired.js';

/** A client that a route has no address for, as far as these routes are concerned: rules begin with it. */
export function clientsWithout(routes: readonly DesiredRoute[], mark: 'ct mark' | 'meta mark'): string[] {
  return routes.filter(isByPrefixAlone).map((route) => {
    const inside = route.prefixes.map((prefix) => prefix.inside);
    const outside = inside.length > 0 ? `ip6 saddr != { ${inside.join(', ')} }` : 'meta nfproto ipv6';
    // What keeps its address needs none.
    const bits = hex(MARK.ROUTE_MASK | (mark === 'ct mark' ? MARK.UNTRANSLATED : 0));
    return `${mark} and ${bits} == ${hex(route.mark)} ${outside}`;
  });
}

/** In `forward`, behind the question to the daemon. */
export function refuseClientsWithout(state: DesiredState): string[] {
  return state.routes.flatMap((route) =>
    clientsWithout([route], 'ct mark').map(
      (client) =>
        `ct state new oifname "${route.interface}" ${client} counter name outside_prefix reject with icmpv6 type policy-fail`,
    ),
  );
}

function isByPrefixAlone({ translate, ipv6 }: DesiredRoute): boolean {
  return translate && ipv6 !== null && ipv6.addresses.length === 0;
}
