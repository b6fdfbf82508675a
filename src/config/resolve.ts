/** From the file as it was read to the configuration as the daemon uses it: defaults that depend on other keys, names. */
import { basename, dirname, join } from 'node:path/posix';
import { CALL_KINDS, type CallKind, SIGNAL_PORTS } from '../model/calls.js';
import type {
  AddressSource,
  Affinity,
  ApiConfig,
  CheckConfig,
  GatewayConfig,
  MatchConfig,
  MemoryConfig,
  NextHopSource,
  QuotaConfig,
  RaceConfig,
  RouteConfig,
  SelectConfig,
  ServiceConfig,
} from '../model/config.js';
import { LOCAL } from '../model/config.js';
import {
  criterionOf,
  DEFAULT_AFFINITY_MS,
  DEFAULT_BY,
  DEFAULT_THRESHOLD,
  defaultPeriodMs,
} from './criteria.js';
import { expandSets, type Sets } from './rules/match.js';
import { MIN_IPV6_MTU } from './rules/routes.js';
import type { CheckFile } from './schema/check.js';
import type { RouteFile } from './schema/routes.js';
import type { ServiceFile } from './schema/services.js';
import type { ConfigFile } from './schema.js';
import { readListen } from './values/listen.js';
import { withoutCovered } from './values/prefixes.js';

/** `names`: the routes in the order of the file, which object keys that look like numbers do not keep. */
export function resolve(file: ConfigFile, names: readonly string[]): GatewayConfig {
  const routes = names.map((name) => resolveRoute(name, file.routes[name]));
  const rest = file.rest.route ?? names[0];
  const restRoute = routes.find((route) => route.name === rest);
  const { raceTimeout, ...limits } = file.limits;
  const { heartbeat, ...kernel } = file.kernel;
  return {
    control: file.control,
    lan: file.lan.filter((name) => name !== LOCAL),
    local: file.lan.includes(LOCAL),
    routes,
    protect: file.protect,
    resolvers: file.resolvers ?? [],
    services: file.services.map((service) => resolveService(service, file, names)),
    follow: file.follow ?? CALL_KINDS.filter((kind) => isTaken(file.services, kind)),
    callWeights: file.callWeights,
    race: resolveRace(file),
    rest: { route: rest, translate: file.rest.translate ?? restRoute?.translate ?? true },
    memory: resolveMemory(file),
    state: file.state ?? besideSocket(file.control, 'state'),
    limits: { ...limits, raceTimeoutMs: raceTimeout },
    kernel: { ...kernel, heartbeatMs: heartbeat },
    api: resolveApi(file.api),
    log: file.log,
  };
}

function resolveApi({ listen, hosts, tokens, anonymous, tls }: ConfigFile['api']): ApiConfig {
  return {
    listen: (listen ?? []).map(readListen),
    hosts: hosts ?? [],
    tokens: tokens ?? null,
    anonymous,
    tls: tls ?? null,
  };
}

/** Whether some service can take a protocol's signalling: what goes as the rest does needs nobody to read it. */
function isTaken(services: readonly ServiceFile[], kind: CallKind): boolean {
  return services.some(({ match, select }) =>
    SIGNAL_PORTS[kind].some(
      ({ transport, port }) => select.criterion !== 'rest' && mayTake(match, transport, port),
    ),
  );
}

function mayTake(
  { tcp, udp, protocol }: ServiceFile['match'],
  transport: 'tcp' | 'udp',
  port: number,
): boolean {
  const number = transport === 'tcp' ? 6 : 17;
  if (protocol?.includes(number)) return true;
  const ports = transport === 'tcp' ? tcp : udp;
  if (ports !== undefined) return ports.some(({ from, to }) => from <= port && port <= to);
  return tcp === undefined && udp === undefined && (protocol ?? []).length === 0;
}

function resolveRoute(name: string, route: RouteFile): RouteConfig {
  const ipv4 = resolveFamily(route, 'ipv4');
  const ipv6 = tooSmallForIpv6(route) ? NOT_CARRIED : resolveFamily(route, 'ipv6');
  const { translate } = route;
  return {
    name,
    interface: route.interface,
    gateway: { ipv4: ipv4.gateway, ipv6: ipv6.gateway },
    addresses: { ipv4: ipv4.addresses, ipv6: ipv6.addresses },
    translate: translate !== false,
    prefix: typeof translate === 'object' ? translate : null,
    mtu: route.mtu === 'auto' ? null : route.mtu,
    weight: route.weight,
    capacity: route.capacity ?? null,
    cost: route.cost,
    quota: resolveQuota(route.quota),
    lastResort: route.use === 'last-resort',
    onDown: route.onDown.flows,
    graceMs: route.onDown.after,
    failback: route.failback,
    check: route.check === undefined ? null : resolveCheck(route.check),
    optional: route.optional,
  };
}

function resolveQuota(quota: RouteFile['quota']): QuotaConfig | null {
  return quota === undefined ? null : { bytes: quota.volume, day: quota.day, action: quota.then };
}

interface Family {
  readonly gateway: NextHopSource;
  readonly addresses: AddressSource;
}

const NOT_CARRIED: Family = { gateway: null, addresses: [] };

/** A family is carried unless the gateway or the addresses are written and leave it out. */
function resolveFamily({ gateway, addresses }: RouteFile, family: 'ipv4' | 'ipv6'): Family {
  const hop = gateway === 'auto' ? 'auto' : gateway[family][0];
  const pool = addresses === 'auto' ? 'auto' : addresses[family];
  return hop === undefined || pool.length === 0 ? NOT_CARRIED : { gateway: hop, addresses: pool };
}

function tooSmallForIpv6(route: RouteFile): boolean {
  return route.mtu !== 'auto' && route.mtu < MIN_IPV6_MTU;
}

/** Answers that take longer than this are of no use to a connection either. */
const DEFAULT_TIMEOUT_MS = 2000;

function resolveCheck({ targets, interval, timeout, fail, recover }: CheckFile): CheckConfig {
  const timeoutMs = timeout ?? Math.min(DEFAULT_TIMEOUT_MS, interval);
  return { targets, intervalMs: interval, timeoutMs, fail, recover };
}

function resolveService(service: ServiceFile, file: ConfigFile, routes: readonly string[]): ServiceConfig {
  const select = resolveSelect(service.select, file.rest.route ?? routes[0], routes);
  return {
    name: service.name,
    match: resolveMatch(service.match, new Map(Object.entries(file.sets))),
    select,
    speaks: service.speaks ?? null,
    resolvers: service.resolvers ?? [],
    affinity: service.affinity?.by ?? defaultAffinity(select, file.memory.trust),
    affinityMs: service.affinity?.for ?? DEFAULT_AFFINITY_MS,
    translate: service.translate ?? null,
    win: service.win,
    serverFirst: service.serverFirst ?? SERVER_FIRST,
    sessionWeight: service.sessionWeight,
  };
}

function resolveMatch(match: ServiceFile['match'], sets: Sets): MatchConfig {
  return {
    tcp: match.tcp ?? null,
    udp: match.udp ?? null,
    protocol: match.protocol ?? [],
    source: resolvePrefixes(match.source, sets),
    destination: resolvePrefixes(match.destination, sets),
    domain: match.domain ?? [],
    dscp: match.dscp ?? [],
    interface: match.interface ?? [],
    time: match.time ?? [],
  };
}

/** Prefixes that do not overlap are what an interval set of the kernel takes. */
function resolvePrefixes(items: readonly string[] | undefined, sets: Sets): readonly string[] {
  return withoutCovered(expandSets(items ?? [], sets) ?? []);
}

function resolveSelect(
  { criterion: name, routes: named, threshold, period, by, costDelay, atMost }: ServiceFile['select'],
  restRoute: string,
  routes: readonly string[],
): SelectConfig {
  const criterion = criterionOf(name, routes) ?? 'rest';
  const only = criterion === 'fixed' ? name : criterion === 'rest' ? restRoute : undefined;
  return {
    criterion,
    routes: only === undefined ? (named ?? routes) : [only],
    threshold: threshold ?? DEFAULT_THRESHOLD,
    periodMs: period ?? defaultPeriodMs(criterion),
    by: by ?? DEFAULT_BY,
    costDelayMs: costDelay ?? 0,
    atMost: atMost ?? null,
  };
}

/** With one route there is nothing to pin; who has every connection raced does not want it pinned. */
function defaultAffinity({ criterion }: SelectConfig, trustMs: number): Affinity {
  const racesAll = criterion === 'race' && trustMs === 0;
  return criterion === 'fixed' || criterion === 'rest' || racesAll ? 'none' : 'client+destination';
}

const DEFAULT_PER_DESTINATION = 100;

/** Who has every connection raced wants no bound. */
function resolveRace({ race, memory, sets }: ConfigFile): RaceConfig {
  const fallback = memory.trust === 0 ? null : DEFAULT_PER_DESTINATION;
  return {
    perDestination: race.perDestination === undefined ? fallback : race.perDestination,
    never: resolvePrefixes(race.never, new Map(Object.entries(sets))),
  };
}
/** FTP, mail in its four ways, news, MySQL. */
const SERVER_FIRST = [21, 25, 110, 119, 143, 587, 3306].map((port) => ({ from: port, to: port }));

const DEFAULT_FORGET_MS = 86_400_000;
const STORE_DIRECTORY = '/var/lib/pathrace';

function resolveMemory({ control, memory }: ConfigFile): MemoryConfig {
  const { trust, forget, size, aggregate, refresh, store, stagger } = memory;
  return {
    trustMs: trust,
    forgetMs: forget ?? Math.max(DEFAULT_FORGET_MS, trust),
    size,
    aggregate,
    refresh,
    store: store === undefined ? besideSocket(control, 'store') : store,
    stagger,
  };
}

/** What is in /run is gone with the next boot; elsewhere the socket's directory tells one gateway from another. */
function besideSocket(control: string, kind: 'store' | 'state'): string {
  const directory = control.startsWith('/run/') ? STORE_DIRECTORY : dirname(control);
  return join(directory, `${basename(control, '.sock')}.${kind}`);
}
