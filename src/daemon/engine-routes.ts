/** From the configuration and the routes as they are to what the engine takes. Pure. */
import { masksOf } from '../core/choose/services.js';
import type {
  EngineRoute,
  EngineService,
  EngineSettings,
  HeldDestination,
  MemorySettings,
  RaceRules,
} from '../core/engine-types.js';
import type { DesiredState } from '../kernel/desired.js';
import { ofRaceThread } from '../kernel/owners.js';
import type { RaceThreadOptions, ServicesMessage } from '../kernel/race-messages.js';
import { objectsOf } from '../kernel/render-objects.js';
import { isFresh, mtuOf, type ResolvedRoute } from '../kernel/routes.js';
import { parseAddress } from '../model/address.js';
import { clientRate } from '../model/client-rate.js';
import type { GatewayConfig, ServiceConfig } from '../model/config.js';
import { assert } from '../model/errors.js';
import type { Numbers } from './numbers.js';

export type Admin = EngineRoute['admin'];

/** The engine has a place for every number, and an empty route where none is given. */
export function engineRoutes(
  resolved: readonly ResolvedRoute[],
  limits: { adminOf(name: string): Admin; isSpent(name: string): boolean },
): EngineRoute[] {
  return resolved.map((route) => {
    const { name } = route.config;
    return toEngineRoute(route, limits.adminOf(name), limits.isSpent(name));
  });
}

function toEngineRoute(route: ResolvedRoute, admin: Admin, isSpent: boolean): EngineRoute {
  const { config } = route;
  return {
    number: route.number,
    interfaceIndex: route.interfaceIndex,
    usable: { 4: isFresh(route.ipv4), 6: isFresh(route.ipv6) },
    configured: true,
    checkFails: config.check?.fail ?? 0,
    checkRecovers: config.check?.recover ?? 3,
    admin,
    lastResort: config.lastResort || isSpent,
    isSpent: isSpent && !config.lastResort,
    callsBack: config.failback.kind !== 'stay',
    translate: config.translate,
    mtu: { 4: mtuOf(route, 'ipv4'), 6: mtuOf(route, 'ipv6') },
    prefixes: route.prefixes.map(({ inside, outside }) => ({
      length: Number(inside.split('/')[1]),
      inside: pool([inside.split('/')[0]]),
      outside: pool([outside.split('/')[0]]),
    })),
    addresses: { 4: pool(route.ipv4?.addresses ?? []), 6: pool(route.ipv6?.addresses ?? []) },
  };
}

/** What the race thread has for as long as it lives. `routes`: how many there can be. */
export function threadSettings(
  config: GatewayConfig,
  routes: number,
  secret: readonly [number, number],
): Pick<RaceThreadOptions, 'settings' | 'mark' | 'queue' | 'queueLength' | 'heartbeatMs'> {
  const { mark, queue, heartbeatMs } = config.kernel;
  const settings = engineSettings(config, routes, secret);
  return { settings, mark, queue, queueLength: config.limits.queue, heartbeatMs };
}

/** `routes`: how many there can be while the engine lives. */
function engineSettings(
  config: GatewayConfig,
  routes: number,
  secret: readonly [number, number],
): EngineSettings {
  const { limits, memory } = config;
  return {
    routes,
    races: limits.races,
    racesPerClient: limits.racesPerClient,
    clientSets: CLIENT_SETS,
    clientRate: clientRate(limits),
    racePorts: limits.racePorts,
    portMemory: limits.portMemory,
    raceTimeoutMicros: limits.raceTimeoutMs * 1000,
    decisions: limits.decisions,
    memorySize: memory.size,
    aggregate: { 4: memory.aggregate.ipv4, 6: memory.aggregate.ipv6 },
    secret,
  };
}

/** 16 384 clients, as many hosts and groups: docs/limits.md. */
const CLIENT_SETS = 4096;

/** What engine and kernel both go by; worked out once for a configuration and its numbers. */
export interface EngineServices {
  /** In the order of the configuration. */
  readonly services: readonly EngineService[];
  readonly memory: MemorySettings;
  readonly rules: RaceRules;
  /** The sets of routes that the kernel has a memory for. */
  readonly masks: readonly number[];
  readonly resolvers: readonly string[];
  readonly callWeights: GatewayConfig['callWeights'];
}

export function engineServices(
  config: GatewayConfig,
  routes: Numbers,
  services: Numbers,
  held: readonly HeldDestination[] = [],
): EngineServices {
  const all = config.services.map((service) => engineService(service, routes, services.of(service.name)));
  const memory = memorySettings(config);
  const { resolvers, callWeights } = config;
  const { perDestination, never } = config.race;
  const rules = { perDestination: perDestination ?? 0, never, ...(held.length === 0 ? {} : { held }) };
  return { services: all, memory, rules, masks: masksOf(all, memory), resolvers, callWeights };
}

function engineService(service: ServiceConfig, routes: Numbers, number: number): EngineService {
  const { select } = service;
  return {
    number,
    criterion: select.criterion,
    routes: select.routes.map((name) => routes.of(name)),
    speaks: service.speaks,
    resolvers: service.resolvers.flatMap(({ route, ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((text) =>
        text === null ? [] : [{ route: routes.of(route), address: pool([text]) }],
      ),
    ),
    affinity: service.affinity,
    affinityMicros: service.affinityMs * 1000,
    translate: service.translate,
    sessionWeight: service.sessionWeight,
    threshold: select.threshold,
    by: select.by,
    costDelayMicros: select.costDelayMs * 1000,
    atMost: select.atMost ?? 0,
    win: service.win,
    serverFirst: service.serverFirst,
  };
}

function memorySettings({ memory }: GatewayConfig): MemorySettings {
  return {
    trustMicros: memory.trustMs * 1000,
    forgetMicros: memory.forgetMs * 1000,
    refresh: memory.refresh,
    stagger: memory.stagger,
  };
}

/** What the race thread needs to know of the services. */
export function servicesMessage(engine: EngineServices, desired: DesiredState): ServicesMessage {
  return {
    ...engine,
    maps: ofRaceThread(objectsOf(desired).map(({ name }) => name)),
    domains: desired.services
      .filter(({ config }) => config.match.domain.length > 0)
      .map(({ number, config }) => ({ service: number, names: config.match.domain })),
    readsDns: desired.readsDns,
    followed: desired.followed,
  };
}

function pool(addresses: readonly string[]): Int32Array {
  const words = new Int32Array(addresses.length * 4);
  for (const [i, text] of addresses.entries()) {
    const parsed = parseAddress(text);
    assert(parsed !== null, `"${text}" is not an address`);
    words.set(parsed, i * 4);
  }
  return words;
}
