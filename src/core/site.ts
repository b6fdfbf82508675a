/**
 * What a site has in common, however many engines share its connections: routes and services, what is known of them, and how much
 * of it one client may use. What belongs to the connections of one engine is in shard.ts.
 */
import type { Family } from '../model/address.js';
import { Prefixes } from '../model/prefixes.js';
import { AffinityTable } from './affinity/table.js';
import { WebSites } from './affinity/web-sites.js';
import { CallLoad } from './calls/load.js';
import { type Criterion, createFacts, type RouteFacts } from './choose/criterion.js';
import { HeldDestinations } from './choose/held.js';
import {
  type EngineRoute,
  type EngineService,
  type EngineSettings,
  emptyRoute,
  type MemorySettings,
  type RaceId,
  type RouteNumber,
} from './engine-types.js';
import { Absence } from './health/absence.js';
import { Health } from './health/health.js';
import { History } from './health/history.js';
import { RoundTrips } from './health/round-trips.js';
import { ClientLimits } from './limit/clients.js';
import { DestinationLimits } from './limit/destinations.js';
import { HostGroups, HostLimits } from './limit/hosts.js';
import { PathMtu } from './memory/path-mtu.js';
import { PROTOCOLS } from './protocols/index.js';
import type { Protocol } from './protocols/protocol.js';
import type { RaceTable } from './race/table.js';
import type { Shard } from './shard.js';

/** A service and what its criterion keeps. */
export interface ActiveService extends EngineService {
  /** null: raced, fixed, or left to the kernel. */
  readonly chooser: Criterion | null;
  /** Bits of `routes`. */
  readonly mask: number;
  /** What names the kernel's memory of it. */
  readonly view: number;
}

export interface Site {
  readonly settings: EngineSettings;
  readonly protocols: readonly Protocol[];
  /** By number, `routes[number - 1]`: always as many as there can be, empty ones among them. */
  readonly routes: EngineRoute[];
  /** By number. */
  services: (ActiveService | undefined)[];
  /** The service of what no other one names: raced over all routes. */
  everything: ActiveService;
  memorySettings: MemorySettings;
  /** Destinations that are not raced. */
  readonly never: Prefixes;
  readonly held: HeldDestinations;
  readonly destinations: DestinationLimits;
  /** The sets of routes that services race over: one memory in the kernel for each. */
  masks: readonly number[];
  /** Some service counts sessions. */
  countsSessions: boolean;
  readonly facts: RouteFacts;
  readonly callLoad: CallLoad;
  readonly history: History;
  readonly roundTrips: RoundTrips;
  readonly health: Health;
  readonly absence: Absence;
  readonly affinity: AffinityTable;
  readonly webSites: WebSites;
  readonly clients: ClientLimits;
  readonly hosts: HostLimits;
  readonly hostGroups: HostGroups;
  readonly pathMtu: PathMtu;
  /** Whose memory a route's failure voids. BOUNDED: by who composes them. */
  readonly shards: Shard[];
}

export function createSite(settings: EngineSettings, protocols: readonly Protocol[] = PROTOCOLS): Site {
  const [first, second] = settings.secret;
  return {
    settings,
    protocols,
    routes: Array.from({ length: settings.routes }, (_, i) => emptyRoute(i + 1)),
    services: [],
    everything: { ...EVERYTHING, chooser: null, mask: 0, view: 0 },
    memorySettings: { trustMicros: 0, forgetMicros: 0, refresh: 0, stagger: 'never' },
    never: new Prefixes(),
    held: new HeldDestinations(),
    destinations: new DestinationLimits(first),
    masks: [],
    countsSessions: false,
    facts: createFacts(settings.routes),
    callLoad: new CallLoad(settings.routes),
    history: new History(settings.routes),
    roundTrips: new RoundTrips(settings.routes),
    health: new Health(settings.routes),
    absence: new Absence(settings.routes),
    affinity: new AffinityTable(settings.clientSets, first),
    webSites: new WebSites(),
    clients: new ClientLimits(settings, second),
    hosts: new HostLimits(settings, first),
    hostGroups: new HostGroups(second),
    pathMtu: new PathMtu(),
    shards: [],
  };
}

/** What no service names, when it is asked about all the same. */
export const EVERYTHING: EngineService = {
  number: 0,
  criterion: 'race',
  routes: [],
  speaks: null,
  affinity: 'none',
  affinityMicros: 0,
  translate: null,
  sessionWeight: 1,
  threshold: 0,
  by: 'client+destination',
  costDelayMicros: 0,
  atMost: 0,
  resolvers: [],
  win: 'first-reply',
  serverFirst: [],
};

/** Puts routes into the table of a site: by their numbers, and empty ones where none is given. */
export function placeRoutes({ routes }: Site, given: readonly EngineRoute[]): void {
  for (let number = 1; number <= routes.length; number++) {
    routes[number - 1] = given.find((route) => route.number === number) ?? emptyRoute(number);
  }
}

/** Largest packet for the destination of a race on a route. */
export function mtuOf(
  { routes, pathMtu }: Site,
  races: RaceTable,
  race: RaceId,
  number: RouteNumber,
): number {
  const { mtu } = routes[number - 1];
  return pathMtu.of(number, mtu[races.family[race] as Family], races, race);
}
