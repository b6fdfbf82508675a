/** A configuration as the file would say it: texts by key, for people who compare two of them. */
import type {
  GatewayConfig,
  MatchConfig,
  RouteConfig,
  SelectConfig,
  ServiceConfig,
} from '../model/config.js';
import { LOCAL } from '../model/config.js';
import {
  DEFAULT_AFFINITY_MS,
  DEFAULT_BY,
  DEFAULT_GRACE_MS,
  DEFAULT_THRESHOLD,
  defaultPeriodMs,
  usesOf,
} from './criteria.js';
import { formatTarget } from './values/check-targets.js';
import { formatFailback } from './values/failback.js';
import { formatDscp, formatProtocol } from './values/header-fields.js';
import { formatListen } from './values/listen.js';
import { formatMask } from './values/masks.js';
import { formatPortRange, formatPorts } from './values/ports.js';
import {
  formatCapacity,
  formatCost,
  formatDuration,
  formatShare,
  formatVolume,
} from './values/quantities.js';
import { formatSpan } from './values/times.js';

/** A value; null is one that is not there. A list is compared as a whole, a mapping key by key. */
export type View = string | null | readonly string[] | Mapping;

export interface Mapping {
  /** Mappings of two kinds are not compared key by key but shown in full. */
  readonly kind: string;
  /** A mapping that says no more than this key is written as its value. */
  readonly main?: string;
  readonly keys: Readonly<Record<string, View>>;
}

/** Everything but `routes` and `services`, which go by name. */
export function viewOfRest(config: GatewayConfig): Mapping {
  const { control, protect, resolvers, follow, callWeights, race, rest } = config;
  const { memory, state, limits, kernel, api, log } = config;
  const { raceTimeoutMs, racePorts, ...counts } = limits;
  const { heartbeatMs, mark, fastPath, ...numbers } = kernel;
  return mapping({
    control,
    lan: config.local ? [...config.lan, LOCAL] : config.lan,
    protect: String(protect),
    resolvers: resolvers.length === 0 ? null : resolvers,
    follow: follow.length === 0 ? 'none' : follow,
    callWeights: mapping(texts(callWeights)),
    race: mapping({
      perDestination: race.perDestination === null ? 'none' : String(race.perDestination),
      never: listOrNull(race.never),
    }),
    rest: mapping({ route: rest.route, translate: String(rest.translate) }),
    memory: mapping({
      trust: formatDuration(memory.trustMs),
      forget: formatDuration(memory.forgetMs),
      size: String(memory.size),
      aggregate: mapping(texts(memory.aggregate)),
      refresh: formatShare(memory.refresh),
      store: memory.store ?? 'none',
      stagger: memory.stagger,
    }),
    state,
    limits: mapping({
      ...texts(counts),
      racePorts: formatPortRange(racePorts),
      raceTimeout: formatDuration(raceTimeoutMs),
    }),
    kernel: mapping({
      ...texts(numbers),
      mark: formatMask(mark),
      heartbeat: formatDuration(heartbeatMs),
      fastPath,
    }),
    api: mapping({
      listen: listOrNull(api.listen.map(formatListen)),
      hosts: listOrNull(api.hosts),
      tokens: api.tokens,
      anonymous: api.anonymous,
      tls: api.tls === null ? null : mapping({ ...api.tls }),
    }),
    log: mapping({ level: log.level }),
  });
}

export function viewOfRoute(route: RouteConfig): Mapping {
  const { gateway, addresses, check, prefix } = route;
  return mapping({
    interface: route.interface,
    gateway: bothFamilies(listed(gateway.ipv4), listed(gateway.ipv6)),
    addresses: bothFamilies(listed(addresses.ipv4), listed(addresses.ipv6)),
    weight: String(route.weight),
    capacity: route.capacity === null ? null : formatCapacity(route.capacity),
    cost: formatCost(route.cost),
    quota: viewOfQuota(route.quota),
    use: route.lastResort ? 'last-resort' : 'normal',
    onDown: viewOfOnDown(route),
    failback: formatFailback(route.failback),
    check:
      check === null
        ? null
        : mapping({
            targets: check.targets.map(formatTarget),
            interval: formatDuration(check.intervalMs),
            timeout: formatDuration(check.timeoutMs),
            fail: String(check.fail),
            recover: String(check.recover),
          }),
    translate: prefix === null ? String(route.translate) : mapping({ ...prefix }),
    optional: String(route.optional),
    mtu: route.mtu === null ? 'auto' : String(route.mtu),
  });
}

/** `routes`: the names of all routes in the order of the file. */
export function viewOfService(service: ServiceConfig, routes: readonly string[]): Mapping {
  return mapping({
    match: viewOfMatch(service.match),
    select: viewOfSelect(service.select, routes),
    speaks: service.speaks,
    resolvers: viewOfResolvers(service.resolvers),
    affinity: viewOfAffinity(service),
    translate: service.translate === null ? null : String(service.translate),
    win: service.win,
    serverFirst: service.win === 'first-payload' ? formatPorts(service.serverFirst) : null,
    sessionWeight: String(service.sessionWeight),
  });
}

function viewOfMatch(match: MatchConfig): View {
  const keys = {
    tcp: match.tcp === null ? null : formatPorts(match.tcp),
    udp: match.udp === null ? null : formatPorts(match.udp),
    source: listOrNull(match.source),
    destination: listOrNull(match.destination),
    domain: listOrNull(match.domain),
    dscp: listOrNull(match.dscp.map(formatDscp)),
    interface: listOrNull(match.interface),
    protocol: listOrNull(match.protocol.map(formatProtocol)),
    time: listOrNull(match.time.map(formatSpan)),
  };
  return Object.values(keys).every((value) => value === null) ? 'any' : mapping(keys);
}

/** A criterion with all routes and without options of its own is its name alone. */
function viewOfSelect(select: SelectConfig, routes: readonly string[]): View {
  const { criterion } = select;
  if (criterion === 'fixed') return select.routes[0];
  if (criterion === 'rest') return 'rest';
  const all = select.routes.length === routes.length && select.routes.every((name, i) => name === routes[i]);
  const { threshold, periodMs, by, costDelayMs, atMost } = select;
  const options = {
    routes: all ? null : select.routes,
    threshold: threshold === DEFAULT_THRESHOLD ? null : formatShare(threshold),
    period: periodMs === defaultPeriodMs(criterion) ? null : formatDuration(periodMs),
    by: by === DEFAULT_BY ? null : by,
    costDelay: costDelayMs === 0 ? null : formatDuration(costDelayMs),
    atMost: atMost === null ? null : String(atMost),
  };
  const uses = usesOf(criterion);
  const used = Object.entries(options).filter(([key]) => uses.some((use) => use === key));
  return { kind: criterion, main: 'criterion', keys: { criterion, ...Object.fromEntries(used) } };
}

function viewOfQuota(quota: RouteConfig['quota']): View {
  if (quota === null) return null;
  const volume = `${formatVolume(quota.bytes)}/month`;
  if (quota.day === 1 && quota.action === 'last-resort') return volume;
  // biome-ignore lint/suspicious/noThenProperty: the key's name in the file; its value is a text.
  return mapping({ volume, day: String(quota.day), then: quota.action });
}

function viewOfOnDown({ onDown, graceMs }: RouteConfig): View {
  if (graceMs === DEFAULT_GRACE_MS) return onDown;
  return mapping({ flows: onDown, after: formatDuration(graceMs) });
}

function viewOfAffinity({ affinity, affinityMs }: ServiceConfig): View {
  if (affinityMs === DEFAULT_AFFINITY_MS) return affinity;
  return mapping({ by: affinity, for: formatDuration(affinityMs) });
}

function viewOfResolvers(resolvers: ServiceConfig['resolvers']): View {
  if (resolvers.length === 0) return null;
  const keys = resolvers.map(({ route, ipv4, ipv6 }): [string, View] => [
    route,
    [ipv4, ipv6].filter((address) => address !== null),
  ]);
  return { kind: 'resolvers', keys: Object.fromEntries(keys) };
}

function mapping(keys: Mapping['keys']): Mapping {
  return { kind: 'mapping', keys };
}

function texts(values: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

function listOrNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}

function listed(source: 'auto' | string | readonly string[] | null): readonly string[] {
  return source === null ? [] : typeof source === 'string' ? [source] : source;
}

/** `auto` of both families, or what there is of each; a route need not carry both. */
function bothFamilies(ipv4: readonly string[], ipv6: readonly string[]): View {
  const isAuto = (list: readonly string[]): boolean => list.length === 1 && list[0] === 'auto';
  if (isAuto(ipv4) && isAuto(ipv6)) return 'auto';
  const name = (list: readonly string[], family: string): readonly string[] =>
    isAuto(list) ? [`auto for ${family}`] : list;
  return [...name(ipv4, 'IPv4'), ...name(ipv6, 'IPv6')];
}
