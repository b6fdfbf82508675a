/** One site of its own, drawn from a seed: routes, servers, services, outages and connections. */
import type { EngineService, MemorySettings } from '../../src/core/engine-types.js';
import type { Affinity } from '../../src/model/config.js';
import type { Patience } from '../../src/sim/client.js';
import { type Random, random, subSeed } from '../../src/sim/random.js';
import type { Family } from '../../src/sim/scenario.js';
import { serviceOver } from '../../src/sim/world.js';
import type { Weather } from './luck.js';
import { between, drawOutages, endOf, type Outage } from './outage.js';

/** A route as it is drawn; its number is its place, from 1. */
export interface PlannedRoute extends Weather {
  /** One way to the provider's far edge. */
  readonly delayMs: number;
  /** One way from there to each server. */
  readonly distanceMs: readonly number[];
  readonly families: readonly Family[];
  readonly lastResort: boolean;
  readonly hasChecks: boolean;
  /** Whether its flows are cut when it is down. */
  readonly cutsFlows: boolean;
  readonly cost: number;
  readonly weight: number;
}

export interface PlannedConnection {
  readonly atMs: number;
  readonly client: number;
  readonly server: number;
  readonly family: Family;
  /** Number of its service. */
  readonly service: number;
  /** How often it speaks again after its first words. */
  readonly talks: number;
  readonly pauseMs: number;
  readonly patience: Patience;
  /** Of a client that was not there before. */
  readonly isFresh: boolean;
}

export interface Plan {
  readonly seed: number;
  readonly routes: readonly PlannedRoute[];
  readonly servers: number;
  readonly services: readonly EngineService[];
  readonly memory: MemorySettings;
  readonly memorySize: number;
  readonly mapLagMicros: number;
  readonly batchMicros: number;
  readonly outages: readonly Outage[];
  /** From then on all is well. */
  readonly wellMs: number;
  readonly connections: readonly PlannedConnection[];
}

const RTT_MS = { least: 5, most: 3000 } as const;
const MOST_LOSS = 0.05;
const SPAN_MS = { least: 10_000, most: 100_000 } as const;
/** How long the site is watched when all is well. */
const QUIET_MS = 160_000;
/** Each of these pairs of a client and a server opens connections all the time, so far apart at most. */
const PAIRS = 8;
export const ROUND_MS = 15_000;
const EXTRA_CONNECTIONS = 160;
const FRESH_CLIENTS = 40;
const FRESH_APART_MS = 15_000;
const CLIENTS = 4;

export const CRITERIA: readonly EngineService['criterion'][] = [
  'race',
  'race',
  'race',
  'priority',
  'priority',
  'cheapest',
  'spillover',
  'round-robin',
  'weighted',
  'hash',
  'least-connections',
  'least-traffic',
  'least-weighted-load',
  'fastest-history',
  'fastest-probe',
  'fixed',
];
export const AFFINITIES: readonly Affinity[] = [
  'none',
  'client',
  'client+destination',
  'client+prefix',
  'client+site',
];
const STAGGERS: readonly MemorySettings['stagger'][] = ['always', 'remembered', 'never'];
/** Linux from 6.5 on repeats its first SYNs each second, before it waited twice as long each time. */
const PATIENCE: readonly Patience[] = [
  { repeats: micros(1, 2, 3.1, 4.1, 5.1, 7.1, 11.1), timeoutMicros: 19_100_000 },
  { repeats: micros(1, 3, 7, 15), timeoutMicros: 31_000_000 },
];

export function drawPlan(seed: number): Plan {
  const luck = random(subSeed(seed, 1));
  const servers = 2 + Math.floor(luck() * 3);
  const routes = drawRoutes(luck, 2 + Math.floor(luck() * 4), servers);
  const spanMs = between(luck, SPAN_MS);
  const outages = drawOutages(seed, routes.length, servers, spanMs);
  const services = [1, 2].map((number) => drawService(luck, number, routes.length));
  const wellMs = Math.max(spanMs, endOf(outages)) + 1;
  return {
    seed,
    routes,
    servers,
    services,
    memory: {
      trustMicros: pick(luck, [0, 5_000_000, 60_000_000, 600_000_000, 600_000_000]),
      forgetMicros: 900_000_000,
      refresh: pick(luck, [0, 0.01, 0.1]),
      stagger: pick(luck, STAGGERS),
    },
    memorySize: luck() < 0.1 ? 2 : 64,
    mapLagMicros: pick(luck, [0, 2000, 50_000]),
    batchMicros: pick(luck, [0, 300]),
    outages,
    wellMs,
    connections: drawConnections(luck, servers, spanMs, wellMs),
  };
}

function drawRoutes(luck: Random, count: number, servers: number): PlannedRoute[] {
  const isLossless = luck() < 0.3;
  const lastResort = luck() < 0.3 ? Math.floor(luck() * count) : -1;
  // Whoever has only one family leaves the other one to the rest.
  const single = luck() < 0.3 ? Math.floor(luck() * count) : -1;
  const family: Family = luck() < 0.7 ? 'ipv4' : 'ipv6';
  return Array.from({ length: count }, (_, i) => {
    const rttMs = between(luck, RTT_MS);
    return {
      delayMs: rttMs / 2,
      distanceMs: Array.from({ length: servers }, () => luck() * 20),
      loss: isLossless || luck() < 0.3 ? 0 : luck() * MOST_LOSS,
      jitterMs: luck() < 0.3 ? 0 : luck() * 0.1 * rttMs,
      families: i === single ? [family] : (['ipv4', 'ipv6'] as const),
      lastResort: i === lastResort,
      hasChecks: rttMs < 1500 && luck() < 0.3,
      cutsFlows: luck() < 0.7,
      cost: i + 1 + luck() / 2,
      weight: 1 + Math.floor(luck() * 3),
    };
  });
}

function drawService(luck: Random, number: number, routes: number): EngineService {
  const order = Array.from({ length: routes }, (_, i) => i + 1);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(luck() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const criterion = pick(luck, CRITERIA);
  return serviceOver(criterion === 'fixed' ? order.slice(0, 1) : order, {
    number,
    criterion,
    affinity: pick(luck, AFFINITIES),
    affinityMicros: pick(luck, [5_000_000, 60_000_000, 1_800_000_000]),
    by: pick(luck, ['client', 'destination', 'client+destination'] as const),
    sessionWeight: 1 + Math.floor(luck() * 3),
  });
}

function drawConnections(luck: Random, servers: number, spanMs: number, wellMs: number): PlannedConnection[] {
  const connections: PlannedConnection[] = [];
  const open = (atMs: number, more: Partial<PlannedConnection>): void => {
    const talks = luck() < 0.15 ? 1 + Math.floor(luck() * 12) : 0;
    connections.push({
      atMs,
      client: Math.floor(luck() * CLIENTS),
      server: Math.floor(luck() * servers),
      family: luck() < 0.7 ? 'ipv4' : 'ipv6',
      service: luck() < 0.5 ? 1 : 2,
      talks,
      pauseMs: 500 + luck() * 4000,
      patience: pick(luck, PATIENCE),
      isFresh: false,
      ...more,
    });
  };
  const endMs = wellMs + QUIET_MS;
  for (let pair = 0; pair < PAIRS; pair++) {
    const same = {
      client: pair % CLIENTS,
      server: Math.floor(luck() * servers),
      family: pair === 3 || pair === 4 ? ('ipv6' as const) : ('ipv4' as const),
      service: 1 + ((pair >> 1) % 2),
    };
    for (let atMs = luck() * ROUND_MS; atMs < endMs; atMs += (0.3 + 0.7 * luck()) * ROUND_MS)
      open(atMs, same);
  }
  const burstMs = luck() * spanMs;
  for (let i = 0; i < EXTRA_CONNECTIONS; i++)
    open(luck() < 0.2 ? burstMs + luck() * 50 : luck() * spanMs, {});
  for (let i = 0; i < FRESH_CLIENTS; i++)
    // The services one after the other, so that each finds the routes at rest.
    open(endMs + (i % 2) * FRESH_APART_MS + i * 0.01, {
      talks: 0,
      client: CLIENTS + (i >> 1),
      family: i % 8 === 7 ? 'ipv6' : 'ipv4',
      service: 1 + (i % 2),
      isFresh: true,
    });
  return connections;
}

function pick<T>(luck: Random, list: readonly T[]): T {
  return list[Math.floor(luck() * list.length)]!;
}

function micros(...seconds: number[]): number[] {
  return seconds.map((second) => Math.round(second * 1e6));
}
