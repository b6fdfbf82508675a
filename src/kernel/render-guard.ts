/**
 * The guard, behind all that may change a packet: nothing leaves a provider with an address that is not its own, by another way than
 * the packet's or connection's mark says. What is dropped is counted by provider (docs/decisions/0022-the-guard.md). Pure.
 */
import type { DesiredRoute, DesiredState } from './desired.js';
import { hex, type Marks } from './marks.js';
import { FAMILIES, type Family, firstRoutes, IP, keptMarks, ofLan, wans } from './render-words.js';
import { addressesOf as allAddresses } from './routes.js';

/** Behind source translation (100), helpers of connections (300) at the latest. */
export const GUARD_HOOK = 'type filter hook postrouting priority 300; policy accept;';

export const GUARD_COUNTERS = { way: 'guarded_way_', source: 'guarded_source_' } as const;
export type GuardReason = keyof typeof GUARD_COUNTERS;

/** The counter of what was dropped at a provider's interface; `route`: the number of the interface's first route. */
export function guardCounter(reason: GuardReason, route: number): string {
  return `${GUARD_COUNTERS[reason]}${route}`;
}

export function guardCounters(state: DesiredState): string[] {
  const routes = [...firstRoutes(state).values()];
  return (['way', 'source'] as const).flatMap((reason) =>
    routes.map(({ number }) => guardCounter(reason, number)),
  );
}

export function guardChains(state: DesiredState): [string, string[]][] {
  return [
    ['guard', guard(state)],
    ['guard_closer', closer(state)],
    ['guard_own', guardOwn(state)],
    ['guard_between', guardBetween(state)],
    ['guard_unmarked', guardUnmarked(state)],
    ['guard_way', drop(state, 'way')],
    ['guard_source', drop(state, 'source')],
  ];
}

const routeIn = ({ routeMask }: Marks): string => `ct mark and ${hex(routeMask)}`;
const wayOf = (marks: Marks): string => `oifname . (${routeIn(marks)})`;

/** What a packet of a living flow sees: towards the LAN the first rule, towards a provider one or two more. */
function guard(state: DesiredState): string[] {
  const rules = [`oifname != ${wans(state)} accept`];
  for (const family of FAMILIES) {
    const own = state.routes.flatMap((route) =>
      addressesOf(route, family).flatMap((address) => [
        `"${route.interface}" . ${hex(route.mark)} . ${address}`,
        // The gateway's own connections.
        `"${route.interface}" . ${hex(0)} . ${address}`,
      ]),
    );
    if (own.length > 0)
      rules.push(`${wayOf(state.marks)} . ${IP[family]} saddr { ${unique(own).join(', ')} } accept`);
  }
  for (const { interface: name, mark, prefixes } of state.routes)
    for (const { outside } of prefixes)
      rules.push(`${routeIn(state.marks)} == ${hex(mark)} oifname "${name}" ip6 saddr ${outside} accept`);
  return [...rules, 'goto guard_closer'];
}

function closer(state: DesiredState): string[] {
  const { marks } = state;
  const keeping = state.routes.filter(({ translate }) => !translate).map(({ mark }) => hex(mark));
  return [
    // It will leave in another packet, with another address.
    ...(state.knowsIpsec ? ['rt ipsec exists accept'] : []),
    `meta mark and ${hex(marks.ownMask)} == ${hex(marks.own)} goto guard_own`,
    `iifname ${wans(state)} goto guard_between`,
    ...ofLan(state, (fromLan) => `${fromLan} ct state invalid,untracked goto guard_unmarked`),
    'ct state invalid,untracked accept',
    ...ofLan(state, (fromLan) => `${fromLan} ${routeIn(marks)} == 0 goto guard_unmarked`),
    `${routeIn(marks)} == 0 accept`,
    ...ownErrors(state),
    `${wayOf(marks)} != { ${ways(state)} } goto guard_way`,
    ...besideOthers(state),
    ...anotherRoutes(state),
    // Who has asked from outside is answered with the address that was asked.
    `ct mark and ${hex(marks.serviceMask)} == ${hex(marks.apart)} ct direction reply accept`,
    ...keptSources(state),
    ...(keeping.length > 0 ? [`${routeIn(marks)} { ${keeping.join(', ')} } accept`] : []),
    // Whoever has translated it: the operator's own `snat to` as well.
    'ct status & snat == snat accept',
    'goto guard_source',
  ];
}

/** What the daemon sends is not tracked; its address is the one that the answer is expected at. */
function guardOwn(state: DesiredState): string[] {
  return [
    `oifname . (meta mark and ${hex(state.marks.routeMask)}) { ${ways(state)} } accept`,
    'goto guard_way',
  ];
}

/**
 * From one provider to another goes what the operator wants so (render-protect.ts). Answers go to whoever has asked: not back out to a
 * provider, because a host of the LAN has asked with an address that is not behind it.
 */
function guardBetween(state: DesiredState): string[] {
  const { marks } = state;
  const back = [...firstRoutes(state).keys()].map((name) => `"${name}" . "${name}"`);
  return [
    'ct direction original accept',
    `${wayOf(marks)} != { ${ways(state)} } goto guard_way`,
    `iifname . oifname { ${back.join(', ')} } ct mark and ${hex(marks.serviceMask)} != ${hex(marks.apart)} goto guard_source`,
  ];
}

/**
 * From the LAN, without a route: from before us, or somebody has taken our mark away. A family that no route carries is the main
 * table's; but no answer would find the way to a unique local address.
 */
function guardUnmarked(state: DesiredState): string[] {
  const uncarried = FAMILIES.filter((family) => !state.carried[`ipv${family}`]);
  return [
    ...(uncarried.includes(6) ? ['ip6 saddr fc00::/7 ip6 daddr 2000::/3 goto guard_source'] : []),
    ...uncarried.map((family) => `meta nfproto ipv${family} accept`),
    ...anotherRoutes(state),
    'ct status & snat == snat accept',
    'ct state established,related accept',
    // Put around a client's packet by this machine: ESP, say.
    'fib saddr type local accept',
    'goto guard_source',
  ];
}

function drop(state: DesiredState, reason: GuardReason): string[] {
  const counters = [...firstRoutes(state)].map(
    ([name, { number }]) => `"${name}" : "${guardCounter(reason, number)}"`,
  );
  return [`counter name oifname map { ${counters.join(', ')} } drop`];
}

/** An address of another route: it was translated, and its mark has been changed since. */
function anotherRoutes(state: DesiredState): string[] {
  return FAMILIES.flatMap((family) => {
    const all = unique(state.routes.flatMap((route) => addressesOf(route, family)));
    return all.length > 0 ? [`${IP[family]} saddr { ${all.join(', ')} } goto guard_source`] : [];
  });
}

/** An ICMP error of the gateway about a connection that is not translated may go by any provider, with an address of that. */
function ownErrors(state: DesiredState): string[] {
  return FAMILIES.flatMap((family) => {
    const own = state.routes.flatMap((route) =>
      addressesOf(route, family).map((address) => `"${route.interface}" . ${address}`),
    );
    if (own.length === 0) return [];
    return [`ct state related oifname . ${IP[family]} saddr { ${unique(own).join(', ')} } accept`];
  });
}

/**
 * Routes that share an interface: what the main table sends there gets the address nearest to its next hop, be it of either; and who
 * asks for either from outside has the first one's mark.
 */
function besideOthers(state: DesiredState): string[] {
  const { serviceMask, apart } = state.marks;
  const first = firstRoutes(state);
  const sharing = state.routes.filter((route) => first.get(route.interface) !== route);
  return FAMILIES.flatMap((family) => {
    const own = sharing.flatMap((route) =>
      addressesOf(route, family).map((address) => `"${route.interface}" . ${address}`),
    );
    if (own.length === 0) return [];
    return [
      `ct mark and ${hex(serviceMask)} == ${hex(apart)} oifname . ${IP[family]} saddr { ${unique(own).join(', ')} } accept`,
    ];
  });
}

/** What leaves with the client's own address, because its service or the rest wants it so. */
function keptSources(state: DesiredState): string[] {
  const { serviceMask, chosen, apart } = state.marks;
  const restKeeps = ((state.rest.ipv4 | state.rest.ipv6) & serviceMask) >>> 0 === apart;
  const kept = keptMarks(state)
    .slice(restKeeps ? 0 : 1)
    .map(hex);
  return kept.length > 0 ? [`ct mark and ${hex(serviceMask | chosen)} { ${kept.join(', ')} } accept`] : [];
}

function ways(state: DesiredState): string {
  return state.routes.map((route) => `"${route.interface}" . ${hex(route.mark)}`).join(', ');
}

function addressesOf(route: DesiredRoute, family: Family): readonly string[] {
  return allAddresses(route[`ipv${family}`]);
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
