/** The kernel's state as it shall be: a value made from configuration, routes and choices. Pure. */
import type { KernelPlan } from '../core/choose/criterion.js';
import type { HeldDestination } from '../core/engine-types.js';
import { type Followed, HELPED, isHelped } from '../model/calls.js';
import { type ClientRate, clientRate } from '../model/client-rate.js';
import { type GatewayConfig, makesCopies, type PortRange, type ServiceConfig } from '../model/config.js';
import type { PrefixPair } from '../wire/nptv6-subnets.js';
import { callQueue } from './constants.js';
import { type Marks, marksOf, routeMark, routeValue } from './marks.js';
import { mtuOf, type ResolvedRoute, type RouteFamily, type RouteFamilyName } from './routes.js';

/** How packets get into a queue on this kernel: nft's own statement, or the xt target through nft_compat. */
export type QueueMethod = 'nft' | 'xt';

/** What a kernel has, found out at the start. */
export interface KernelAbilities {
  readonly queue: QueueMethod;
  /** Rules can ask whether a packet was, or will be, in an IPsec packet. */
  readonly ipsec: boolean;
  /** Rules that log to a group of nfnetlink_log. */
  readonly log: boolean;
  /** Helpers that there are, of those that `follow` may want; absent: all. */
  readonly helpers?: readonly Followed[];
}

export interface DesiredRoute {
  readonly number: number;
  readonly name: string;
  /** The part of a mark that names it. */
  readonly mark: number;
  readonly interface: string;
  readonly table: number;
  readonly translate: boolean;
  /** NPTv6: inside and outside prefixes. */
  readonly prefixes: readonly PrefixPair[];
  readonly mtu: { readonly ipv4: number; readonly ipv6: number };
  /** It is less than the interface's. */
  readonly isNarrow: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly ipv4: RouteFamily | null;
  readonly ipv6: RouteFamily | null;
}

/** A plan of one family, its routes as the values that are in the set of open routes. */
export interface DesiredPlan {
  readonly kind: KernelPlan['kind'];
  readonly values: readonly number[];
}

export interface RouteValue {
  readonly mark: number;
  readonly value: number;
}

export interface HeldValue {
  readonly value: number;
  readonly destinations: readonly string[];
}

export interface DesiredService {
  readonly number: number;
  readonly config: ServiceConfig;
  /** Its time is now; at others it takes no connections, and keeps what is known of its domains and groups. */
  readonly isActive: boolean;
  /** What the kernel chooses by itself; null: it asks the daemon. */
  readonly plan: { readonly ipv4: DesiredPlan | null; readonly ipv6: DesiredPlan | null };
  /** What has what is not raced, though its criterion would: a value as in plans. null: it asks the daemon. */
  readonly single: { readonly ipv4: number | null; readonly ipv6: number | null };
  /** Its routes: the part of a mark that names each, and its value. */
  readonly values: { readonly ipv4: readonly RouteValue[]; readonly ipv6: readonly RouteValue[] };
  /** Destinations that are held on one of its routes by command: a value as in plans, and who. */
  readonly held: { readonly ipv4: readonly HeldValue[]; readonly ipv6: readonly HeldValue[] };
  /** Set of routes whose memory it uses; 0: none. */
  readonly memory: number;
  /** Its flows may still be taken over by another route. */
  readonly rescuable: boolean;
  /** Some of its routes must prove themselves: a connection now and then goes to the daemon. */
  readonly trial: { readonly ipv4: boolean; readonly ipv6: boolean };
}

export interface DesiredState {
  readonly marks: Marks;
  readonly lan: readonly string[];
  /** What the gateway itself opens is distributed, too. */
  readonly local: boolean;
  readonly routes: readonly DesiredRoute[];
  /** In the order in which they match. */
  readonly services: readonly DesiredService[];
  /** Sets of routes that have a memory. */
  readonly memories: readonly number[];
  readonly memorySize: number;
  readonly aggregate: { readonly ipv4: number; readonly ipv6: number };
  /** Of REFRESH_OF connections to remembered destinations, so many are raced again. */
  readonly refresh: number;
  /** Marks of connections that no service takes, per family; 0: no route can carry the family, the main table decides. */
  readonly rest: { readonly ipv4: number; readonly ipv6: number };
  /** Other routes that tunnels may keep which go where the rest goes. */
  readonly restAlso: { readonly ipv4: readonly number[]; readonly ipv6: readonly number[] };
  /** Destinations that are not raced: canonical prefixes that do not overlap. */
  readonly never: { readonly 4: readonly string[]; readonly 6: readonly string[] };
  /** Families that a route has, or has had: the LAN's packets leave by providers with the address of a route only. */
  readonly carried: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** Families whose routes are all there, and all closed by command: nothing new may leave. */
  readonly closed: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly racePorts: PortRange;
  readonly clientRate: ClientRate;
  /** How long a race may take after a set-up of its client. */
  readonly raceSeconds: number;
  readonly queue: {
    readonly lan: number;
    readonly wan: number;
    readonly dns: number;
    readonly calls: number;
    readonly method: QueueMethod;
  };
  /** Connections whose entries match one of these are not raced. */
  readonly keptEntries: readonly string[];
  /** Nor are those that a rule of the operator's may give what no copy has: another source, say. */
  readonly ownTranslation: readonly OwnTranslation[];
  /** A rule of the operator's looks for the way back to a source by the packet's mark, in prerouting and behind our marks. */
  readonly wayBackIsChecked: boolean;
  /** Answers of name servers pass the daemon. */
  readonly readsDns: boolean;
  /** New connections from providers into the LAN need a destination NAT of the operator's. */
  readonly protect: boolean;
  /** Whose calls and further flows are followed. */
  readonly followed: readonly Followed[];
  readonly knowsIpsec: boolean;
  readonly knowsLog: boolean;
  readonly rulePriority: number;
  /** Routing table of what the daemon is asked about. */
  readonly askTable: number;
}

/** Connections of these addresses, ranges and ports; null: of all. */
export interface OwnTranslation {
  /** The operator's rules, for people. */
  readonly places: readonly string[];
  readonly family: 4 | 6;
  readonly sources: readonly string[] | null;
  readonly destinations: readonly string[] | null;
  readonly ports: readonly string[] | null;
}

/** What there is besides configuration and routes: rules of the operator's, and what of them the daemon hears. */
export type Beside = Pick<DesiredState, 'keptEntries' | 'ownTranslation' | 'wayBackIsChecked'>;

const NOTHING_BESIDE: Beside = { keptEntries: [], ownTranslation: [], wayBackIsChecked: false };

/** What the daemon has chosen, and the kernel does by itself until it chooses anew. */
export interface KernelChoices {
  /** Whether it is the time of a service. */
  isActive(service: ServiceConfig): boolean;
  /** A service's number, by its name. */
  numberOf(service: string): number;
  /** The plan of a service; null: ask. */
  plan(service: ServiceConfig, family: 4 | 6): KernelPlan | null;
  /** The route of what a service does not race, though it races; 0: ask. */
  singleOf(service: ServiceConfig, family: 4 | 6): number;
  /** Set of routes whose memory a service uses; 0: none. */
  memoryOf(service: ServiceConfig): number;
  isOnTrial(service: ServiceConfig, family: 4 | 6): boolean;
  /** Generation of what a service gives a route (health.ts). */
  generation(service: ServiceConfig, route: number, family: 4 | 6): number;
  /** Routes that carry the rest, the best first; CLOSED_RANK: takes nothing new. */
  rank(route: number, family: 4 | 6): number;
  /** Whether a route is a last resort until its quota is renewed. */
  isSpent(name: string): boolean;
  /** Destinations that are held on a route by command; none when absent. */
  readonly held?: readonly HeldDestination[];
}

export const CLOSED_RANK = 9;

/** As fine as a share can be written that anybody would notice. */
export const REFRESH_OF = 1_000_000;

const MAX_ROUTES = 16;

/** The state for the configuration, the routes as they are now, and what has been chosen. */
export function desiredState(
  config: GatewayConfig,
  resolved: readonly ResolvedRoute[],
  kernel: KernelAbilities,
  choices: KernelChoices,
  beside: Beside = NOTHING_BESIDE,
): DesiredState {
  const marks = marksOf(config.kernel.mark);
  const routes = resolved.map((route) => ({
    number: route.number,
    name: route.config.name,
    mark: routeMark(marks, route.number),
    interface: route.config.interface,
    table: config.kernel.table + route.number - 1,
    translate: route.config.translate,
    prefixes: route.prefixes,
    mtu: { ipv4: mtuOf(route, 'ipv4'), ipv6: mtuOf(route, 'ipv6') },
    isNarrow: { ipv4: isNarrow(route, 'ipv4'), ipv6: isNarrow(route, 'ipv6') },
    ipv4: route.ipv4,
    ipv6: route.ipv6,
  }));
  const services = config.services.map((service) => ({
    number: choices.numberOf(service.name),
    config: service,
    isActive: choices.isActive(service),
    plan: { ipv4: planOf(marks, service, 4, choices), ipv6: planOf(marks, service, 6, choices) },
    single: { ipv4: singleOf(marks, service, 4, choices), ipv6: singleOf(marks, service, 6, choices) },
    values: {
      ipv4: valuesOf(marks, routes, service, 4, choices),
      ipv6: valuesOf(marks, routes, service, 6, choices),
    },
    held: {
      ipv4: heldOf(marks, routes, service, 4, choices),
      ipv6: heldOf(marks, routes, service, 6, choices),
    },
    memory: choices.memoryOf(service),
    rescuable: service.select.routes.length > 1,
    trial: { ipv4: choices.isOnTrial(service, 4), ipv6: choices.isOnTrial(service, 6) },
  }));
  return {
    marks,
    ...beside,
    lan: config.lan,
    local: config.local,
    routes,
    services,
    memories: [...new Set(services.map(({ memory }) => memory).filter((mask) => mask !== 0))],
    memorySize: config.memory.size,
    aggregate: config.memory.aggregate,
    refresh: Math.ceil(config.memory.refresh * REFRESH_OF),
    rest: {
      ipv4: restMark(marks, config, restRoute(config, routes, 'ipv4', choices)),
      ipv6: restMark(marks, config, restRoute(config, routes, 'ipv6', choices)),
    },
    restAlso: {
      ipv4: restAlso(config, routes, 'ipv4', choices),
      ipv6: restAlso(config, routes, 'ipv6', choices),
    },
    never: {
      4: config.race.never.filter((prefix) => !prefix.includes(':')),
      6: config.race.never.filter((prefix) => prefix.includes(':')),
    },
    carried: { ipv4: isCarried(resolved, 'ipv4'), ipv6: isCarried(resolved, 'ipv6') },
    closed: { ipv4: isClosed(routes, 'ipv4', choices), ipv6: isClosed(routes, 'ipv6', choices) },
    racePorts: config.limits.racePorts,
    clientRate: clientRate(config.limits),
    raceSeconds: Math.ceil(config.limits.raceTimeoutMs / 1000),
    queue: {
      lan: config.kernel.queue,
      wan: config.kernel.queue + 1,
      dns: config.kernel.queue + 2,
      calls: callQueue(config.kernel.queue),
      method: kernel.queue,
    },
    readsDns: readsDns(config),
    protect: config.protect,
    followed: config.follow.filter((one) => !isHelped(one) || (kernel.helpers ?? HELPED).includes(one)),
    knowsIpsec: kernel.ipsec,
    knowsLog: kernel.log,
    rulePriority: config.kernel.rulePriority,
    askTable: config.kernel.table + MAX_ROUTES,
  };
}

function isNarrow(route: ResolvedRoute, family: RouteFamilyName): boolean {
  return route.isNarrow || mtuOf(route, family) < route.mtu;
}

/** Whether answers of name servers pass the daemon. */
export function readsDns(config: GatewayConfig): boolean {
  return config.services.some((s) => s.match.domain.length > 0 || s.affinity === 'client+site');
}

function planOf(
  marks: Marks,
  service: ServiceConfig,
  family: 4 | 6,
  choices: KernelChoices,
): DesiredPlan | null {
  const plan = choices.plan(service, family);
  if (plan === null) return null;
  return {
    kind: plan.kind,
    values: plan.routes.map((route) => routeValue(marks, route, choices.generation(service, route, family))),
  };
}

function singleOf(
  marks: Marks,
  service: ServiceConfig,
  family: 4 | 6,
  choices: KernelChoices,
): number | null {
  const route = choices.singleOf(service, family);
  return route === 0 ? null : routeValue(marks, route, choices.generation(service, route, family));
}

function valuesOf(
  marks: Marks,
  routes: readonly DesiredRoute[],
  service: ServiceConfig,
  family: 4 | 6,
  choices: KernelChoices,
): readonly RouteValue[] {
  return routes
    .filter((route) => service.select.routes.includes(route.name) && route[`ipv${family}`] !== null)
    .map(({ mark, number }) => ({
      mark,
      value: routeValue(marks, number, choices.generation(service, number, family)),
    }));
}

/** Where routes are measured; what other criteria choose is left to them. */
function heldOf(
  marks: Marks,
  routes: readonly DesiredRoute[],
  service: ServiceConfig,
  family: 4 | 6,
  choices: KernelChoices,
): readonly HeldValue[] {
  const { held = [] } = choices;
  if (held.length === 0 || !makesCopies(service.select.criterion)) return [];
  const own = held.filter(({ prefix }) => prefix.includes(':') === (family === 6));
  return routes
    .filter((route) => service.select.routes.includes(route.name) && route[`ipv${family}`] !== null)
    .map(({ number }) => ({
      value: routeValue(marks, number, choices.generation(service, number, family)),
      destinations: own.filter(({ route }) => route === number).map(({ prefix }) => prefix),
    }))
    .filter(({ destinations }) => destinations.length > 0);
}

/** A provider may give the LAN a prefix of IPv6 and the gateway no address: such a LAN needs no route of ours. */
function isCarried(resolved: readonly ResolvedRoute[], family: 'ipv4' | 'ipv6'): boolean {
  return resolved.some(({ config, had }) => {
    const { length } = config.addresses[family];
    const isConfigured = config.addresses[family] === 'auto' ? family === 'ipv4' : length > 0;
    return had.families.includes(family) || isConfigured || (family === 'ipv6' && config.prefix !== null);
  });
}

/** By the main table a packet would leave with its inside address. */
function isClosed(routes: readonly DesiredRoute[], family: 'ipv4' | 'ipv6', choices: KernelChoices): boolean {
  const able = routes.filter((route) => route[family] !== null);
  const rank = (route: DesiredRoute): number => choices.rank(route.number, family === 'ipv4' ? 4 : 6);
  return able.length > 0 && able.every((route) => rank(route) >= CLOSED_RANK);
}

/** The rest route; the best other one when it cannot carry the family; undefined when none can. */
function restRoute(
  config: GatewayConfig,
  routes: readonly DesiredRoute[],
  family: 'ipv4' | 'ipv6',
  choices: KernelChoices,
): DesiredRoute | undefined {
  const able = routes.filter((route) => route[family] !== null);
  const rank = (route: DesiredRoute): number => choices.rank(route.number, family === 'ipv4' ? 4 : 6);
  const named = able.find((route) => route.name === config.rest.route);
  const best = able.reduce<DesiredRoute | undefined>(
    (found, route) => (found === undefined || rank(route) < rank(found) ? route : found),
    undefined,
  );
  // Nothing better than the one that was named: it stays, also while it is only suspected.
  if (named === undefined || best === undefined) return best;
  const most = choices.isSpent(named.name) ? rank(best) : Math.max(rank(best), 2);
  return rank(named) <= most ? named : best;
}

/** What the rest would go by as well, were it named. */
function restAlso(
  config: GatewayConfig,
  routes: readonly DesiredRoute[],
  family: 'ipv4' | 'ipv6',
  choices: KernelChoices,
): readonly number[] {
  const rest = restRoute(config, routes, family, choices);
  const also = routes.filter((route) => {
    const isNamed = restRoute(
      { ...config, rest: { ...config.rest, route: route.name } },
      routes,
      family,
      choices,
    );
    return isNamed === route && route !== rest;
  });
  return also.map(({ mark }) => mark);
}

function restMark(marks: Marks, { rest }: GatewayConfig, route: DesiredRoute | undefined): number {
  if (route === undefined) return 0;
  // Beyond another route than the one that was named nobody knows the way back to inside addresses.
  const keepsSource = route.name === rest.route && !rest.translate;
  return (route.mark | marks.chosen | (keepsSource ? marks.apart : 0)) >>> 0;
}
