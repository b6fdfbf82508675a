/** The rules that translate sources, by what `forward` has fixed in the connection's mark. Pure. */
import { kernelPorts } from '../model/ports.js';
import type { DesiredRoute, DesiredState } from './desired.js';
import { hex, serviceMark } from './marks.js';
import { localSources } from './render-local.js';
import { firstRoutes, range, set } from './render-words.js';

/** Chains of the hook `nat`. */
export function natChains(state: DesiredState): [string, string[]][] {
  return [
    ['nat', nat(state)],
    ['nat_by_main', natByMain(state)],
    ...state.routes.map((route): [string, string[]] => [`snat_${route.number}`, snat(state, route)]),
  ];
}

function nat(state: DesiredState): string[] {
  const { marks } = state;
  const asked = state.services.filter(({ config }) => config.translate === true);
  const keep = state.services.filter(({ config }) => config.translate === false);
  const kept = [marks.apart, ...keep.map(({ number }) => serviceMark(marks, number))].map(hex);
  const byMain = `ct mark and ${hex(marks.serviceMask | marks.chosen)} == ${hex(marks.apart)}`;
  const toRoute = marks.routeMask | marks.chosen;
  return [
    // The daemon has died with it in hand: the kernel let it pass.
    `meta mark and ${hex(marks.askMask)} == ${hex(marks.ask)} meta l4proto tcp jump mss`,
    `${byMain} ct mark and ${hex(marks.routeMask)} != 0 goto nat_by_main`,
    ...localSources(state),
    `ct mark and ${hex(marks.serviceMask)} ${kept.length === 1 ? `== ${kept[0]}` : `{ ${kept.join(', ')} }`} accept`,
    ...state.routes
      .filter((route) => route.translate)
      .map(
        (route) =>
          `ct mark and ${hex(toRoute)} == ${hex(route.mark | marks.chosen)} oifname "${route.interface}" goto snat_${route.number}`,
      ),
    // A service may want an address of a route that keeps the others' own.
    ...state.routes
      .filter((route) => !route.translate)
      .flatMap((route) =>
        asked.map(
          ({ number }) =>
            `ct mark and ${hex(toRoute | marks.serviceMask)} == ${hex(route.mark | marks.chosen | serviceMark(marks, number))} oifname "${route.interface}" goto snat_${route.number}`,
        ),
      ),
  ];
}

/** Who is beyond another next hop than the provider's, a modem say, knows the address that is nearest, not the provider's. */
function natByMain(state: DesiredState): string[] {
  const routes = [...firstRoutes(state).values()].filter(({ translate }) => translate);
  const byPrefix = routes.filter(({ prefixes }) => prefixes.length > 0);
  if (routes.length === 0) return [];
  const way = `oifname ${set(routes.map((route) => route.interface))}`;
  return [
    ...byPrefix.map((r) => `meta nfproto ipv6 oifname "${r.interface}" goto snat_${r.number}`),
    `${way} meta l4proto tcp masquerade to :${range(kernelPorts(state.racePorts))}`,
    `${way} masquerade`,
  ];
}

/** TCP keeps off the race ports: a connection that the kernel translates never collides with an attempt. */
function snat(state: DesiredState, route: DesiredRoute): string[] {
  const ports = range(kernelPorts(state.racePorts));
  const rules: string[] = [];
  for (const [family, keyword] of [
    ['ipv4', 'ip'],
    ['ipv6', 'ip6'],
  ] as const) {
    const pool = route[family]?.addresses ?? [];
    for (const { inside, outside } of family === 'ipv6' ? route.prefixes : [])
      rules.push(`ip6 saddr ${inside} snat ip6 prefix to ${outside}`);
    for (const [index, address] of pool.entries()) {
      const share = pool.length > 1 ? `jhash ${keyword} saddr mod ${pool.length} seed 0x0 == ${index} ` : '';
      const to = family === 'ipv6' ? `[${address}]` : address;
      rules.push(
        `meta nfproto ${family} meta l4proto tcp ${share}snat ${keyword} to ${to}:${ports}`,
        `meta nfproto ${family} ${share}snat ${keyword} to ${address}`,
      );
    }
  }
  return rules;
}
