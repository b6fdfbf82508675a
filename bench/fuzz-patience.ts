/**
 * Whole sites with random round trips and losses: no connection that a plain router over a living route would have made is lost or
 * reset. Deterministic for a seed. Round trips of 5 ms to 3 s, which also change; every criterion, with and without memory and groups.
 */
import type { EngineService, MemorySettings } from '../src/core/engine-types.js';
import type { Affinity } from '../src/model/config.js';
import type { SimClient } from '../src/sim/client.js';
import { type Random, random, subSeed } from '../src/sim/random.js';
import { serviceOver, World } from '../src/sim/world.js';

export interface PatienceReport {
  readonly sites: number;
  readonly connections: number;
  /** Milliseconds of virtual time that connections have taken more than a round trip of the slowest route; the most. */
  readonly mostLateMs: number;
  readonly failure: { readonly seed: number; readonly why: string } | null;
}

const CONNECTIONS = 40;
const SERVERS = 4;
/** Within this all begin. */
const SPAN_MS = 30_000;
/** A client gives up after 11.1 s; and the longest round trip. */
const REST_MS = 15_000;
/** So that the seven SYNs of a client are never all lost. */
const MOST_LOSS = 0.05;
const RTT_MS = { least: 5, most: 3000 } as const;
/** Of sites that have slow routes alone, which are half of all: that is where a client repeats its SYN before it can be answered. */
const SLOW_MS = 800;

const CRITERIA: readonly EngineService['criterion'][] = [
  'race',
  'race',
  'priority',
  'cheapest',
  'round-robin',
  'weighted',
  'hash',
  'least-connections',
  'fastest-history',
];
const AFFINITIES: readonly Affinity[] = ['none', 'none', 'client', 'client+destination', 'client+prefix'];
const STAGGERS: readonly MemorySettings['stagger'][] = ['always', 'remembered', 'never'];

/** Runs sites of the seeds from `seed` on until so many connections have been made, or one promise is broken. */
export function fuzzPatience(
  count: number,
  seed: number,
  onProgress?: (line: string) => void,
): PatienceReport {
  let connections = 0;
  let sites = 0;
  let mostLateMs = 0;
  let told = performance.now();
  for (; connections < count; sites++, connections += CONNECTIONS) {
    const found = runSite(seed + sites);
    mostLateMs = Math.max(mostLateMs, found.lateMs);
    if (found.why !== null)
      return { sites, connections, mostLateMs, failure: { seed: seed + sites, why: found.why } };
    if (onProgress === undefined || performance.now() - told < 10_000) continue;
    told = performance.now();
    onProgress(`patience: ${connections} of ${count} connections`);
  }
  return { sites, connections, mostLateMs, failure: null };
}

/** One site; what is wrong with it, or null. */
export function runSite(seed: number): { readonly why: string | null; readonly lateMs: number } {
  const luck = random(subSeed(seed, 1));
  const routes = 2 + Math.floor(luck() * 3);
  const loss = luck() < 0.4 ? 0 : luck() * MOST_LOSS;
  const leastMs = luck() < 0.5 ? RTT_MS.least : SLOW_MS;
  const delays = Array.from({ length: routes }, () => drawRtt(luck, leastMs) / 2);
  const changes = Array.from({ length: Math.floor(luck() * 3) }, () => ({
    atMs: luck() * SPAN_MS,
    provider: `p${Math.floor(luck() * routes)}`,
    set: { delayMs: drawRtt(luck, leastMs) / 2 },
  }));
  const slowestMs = 2 * Math.max(...delays, ...changes.map(({ set }) => set.delayMs));
  const services = [1, 2].map((number) => drawService(luck, number, routes));
  const world = new World(
    {
      seed,
      lan: { clients: 3 },
      providers: delays.map((delayMs, i) => ({ name: `p${i}`, link: { delayMs, loss } })),
      servers: Array.from({ length: SERVERS }, (_, i) => ({ name: `s${i}` })),
      faults: changes,
    },
    {
      settings: { races: 256, racesPerClient: 256, memorySize: luck() < 0.3 ? 2 : 256 },
      services,
      memory: drawMemory(luck),
      mapLagMicros: pick(luck, [0, 2000, 50_000]),
      batchMicros: pick(luck, [0, 300]),
      serviceOf: ({ destinationPort }) => (destinationPort === 443 ? 1 : 2),
    },
  );
  world.gateway.engine.setFacts({ cost: Float64Array.of(0, 1, 2, 3, 4) }, null);
  const clients = Array.from({ length: CONNECTIONS }, () =>
    world.connect({
      // Some of them all at once.
      at: luck() < 0.3 ? 1000 : luck() * SPAN_MS,
      client: Math.floor(luck() * 3),
      to: `s${Math.floor(luck() * SERVERS)}`,
      port: luck() < 0.5 ? 443 : 8443,
      family: luck() < 0.7 ? 'ipv4' : 'ipv6',
      bytes: 100,
    }),
  );
  world.runUntil(SPAN_MS + REST_MS);
  const lateMs = Math.max(0, ...clients.map(({ connectMicros }) => connectMicros / 1000 - slowestMs));
  // What is half open is closed by a reset when its server sends again, or given up.
  world.runUntil(SPAN_MS + 4 * REST_MS);
  const rttsMs = changes.length === 0 ? delays.map((delayMs) => 2 * delayMs) : null;
  return { why: whatIsWrong(world, clients, { loss, slowestMs, rttsMs }), lateMs };
}

interface Paths {
  readonly loss: number;
  readonly slowestMs: number;
  /** By route; null: they have changed meanwhile. */
  readonly rttsMs: readonly number[] | null;
}

function whatIsWrong(
  world: World,
  clients: readonly SimClient[],
  { loss, slowestMs, rttsMs }: Paths,
): string | null {
  const answered = rttsMs === null ? null : firstAnswers(world, rttsMs);
  for (const [i, { result, connectMicros, winner, finishedAt, options }] of clients.entries()) {
    if (result !== 'connected') return `connection ${i} (route ${winner}): ${result}`;
    // Without losses a plain router takes one round trip, by the worst of its routes.
    if (loss === 0 && connectMicros / 1000 > slowestMs + EXTRA_MS)
      return `connection ${i} took ${connectMicros / 1000} ms, the slowest route ${slowestMs} ms`;
    const due = answered?.get(options.isn);
    if (loss === 0 && due !== undefined && finishedAt / 1000 > due + EXTRA_MS)
      return `connection ${i} is made ${finishedAt / 1000 - due} ms after its first answer`;
  }
  // With losses the client's last reset, or its last words, may have been lost.
  if (loss === 0 && world.halfOpen > 0) return `${world.halfOpen} connections are left half open`;
  if (world.gateway.engine.races.active > 0) return 'races are left';
  return null;
}

/** When the first answer to any SYN of a connection is at the gateway, milliseconds, by the initial sequence number. */
function firstAnswers({ trace }: World, rttsMs: readonly number[]): Map<number, number> {
  const first = new Map<number, number>();
  for (const { sequence, provider, at } of trace.filter({ kind: 'syn', direction: 'out' }))
    first.set(
      sequence,
      Math.min(first.get(sequence) ?? Number.POSITIVE_INFINITY, at / 1000 + rttsMs[provider - 1]!),
    );
  return first;
}

/** Packets wait for batches; and a route whose round trip has changed while a packet was on its way. */
const EXTRA_MS = 10;

function drawRtt(luck: Random, leastMs: number): number {
  return leastMs * (RTT_MS.most / leastMs) ** luck();
}

function drawService(luck: Random, number: number, routes: number): EngineService {
  const order = Array.from({ length: routes }, (_, i) => i + 1);
  return serviceOver(luck() < 0.5 ? order : order.reverse(), {
    number,
    criterion: pick(luck, CRITERIA),
    affinity: pick(luck, AFFINITIES),
    affinityMicros: pick(luck, [2_000_000, 600_000_000]),
  });
}

function drawMemory(luck: Random): MemorySettings {
  return {
    trustMicros: pick(luck, [0, 5_000_000, 600_000_000]),
    forgetMicros: 900_000_000,
    refresh: pick(luck, [0, 0.1]),
    stagger: pick(luck, STAGGERS),
  };
}

function pick<T>(luck: Random, list: readonly T[]): T {
  return list[Math.floor(luck() * list.length)]!;
}
