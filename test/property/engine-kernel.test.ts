import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkInvariants } from '../../bench/engine/invariants.js';
import type { EngineService, MemorySettings } from '../../src/core/engine-types.js';
import type { Affinity } from '../../src/model/config.js';
import type { SimClient } from '../../src/sim/client.js';
import { serviceOver, World } from '../../src/sim/world.js';

/** Whole sites with memory, affinity and criteria, in the daemon and in the kernel, while routes die silently and come back. */

const PROVIDERS = 4;
const SERVERS = 6;
/** Within a segment the routes that work stay the same. */
const SEGMENT_MS = 6000;
/** Sequence numbers of a connection's packets tell whose they are. */
const ISN_STEP = 1_000_000;

const service = fc.record({
  criterion: fc.constantFrom<EngineService['criterion']>(
    'race',
    'race',
    'race',
    'round-robin',
    'least-connections',
    'least-traffic',
    'priority',
    'hash',
    'fastest-history',
  ),
  affinity: fc.constantFrom<Affinity>('none', 'none', 'client', 'client+prefix', 'client+destination'),
  affinityMicros: fc.constantFrom(2_000_000, 60_000_000),
  translate: fc.constantFrom(null, null, false),
  costDelayMicros: fc.constantFrom(0, 0, 20_000),
  atMost: fc.constantFrom(0, 0, 2),
});

const memory: fc.Arbitrary<MemorySettings> = fc.record({
  trustMicros: fc.constantFrom(0, 1_500_000, 8_000_000, 600_000_000),
  forgetMicros: fc.constantFrom(20_000_000, 900_000_000),
  refresh: fc.constantFrom(0, 0.1, 0.5),
  stagger: fc.constantFrom<MemorySettings['stagger']>('always', 'remembered', 'remembered', 'never'),
});

const connection = fc.record({
  segment: fc.integer({ min: 0, max: 7 }),
  /** Late enough for the packets of the segment before to be gone, early enough for a repeat of the SYN. */
  atMs: fc.integer({ min: 200, max: 2500 }),
  client: fc.integer({ min: 0, max: 2 }),
  server: fc.integer({ min: 0, max: SERVERS - 1 }),
  service: fc.integer({ min: 0, max: 1 }),
  family: fc.constantFrom<'ipv4' | 'ipv6'>('ipv4', 'ipv4', 'ipv4', 'ipv6'),
});

const site = fc.record({
  seed: fc.integer(),
  delays: fc.array(fc.integer({ min: 1, max: 80 }), { minLength: PROVIDERS, maxLength: PROVIDERS }),
  /** Bits of the routes that work, per segment; never none. */
  working: fc.array(fc.integer({ min: 1, max: 2 ** PROVIDERS - 1 }), { minLength: 8, maxLength: 8 }),
  direction: fc.constantFrom<true | 'in' | 'out'>(true, 'in', 'out'),
  services: fc.array(service, { minLength: 2, maxLength: 2 }),
  memory,
  connections: fc.array(connection, { minLength: 1, maxLength: 60 }),
  memorySize: fc.constantFrom(2, 4, 256),
  aggregate: fc.constantFrom({ 4: 32, 6: 128 }, { 4: 31, 6: 64 }),
  mapLagMicros: fc.constantFrom(0, 5000, 100_000),
  batchMicros: fc.constantFrom(0, 300),
});

type Site = typeof site extends fc.Arbitrary<infer T> ? T : never;

interface Run {
  readonly world: World;
  readonly clients: readonly SimClient[];
}

function build(plan: Site): Run {
  const services = plan.services.map((each, i) =>
    serviceOver(i === 0 ? [1, 2, 3, 4] : [4, 3, 2, 1], {
      ...each,
      number: i + 1,
      // The simulated server answers by the route of the first SYN; when that is dead inwards, no other copy helps.
      translate: plan.direction === 'in' ? null : each.translate,
    }),
  );
  const world = new World(
    {
      seed: plan.seed,
      lan: { clients: 3 },
      providers: plan.delays.map((delayMs, i) => ({ name: `p${i}`, link: { delayMs } })),
      servers: Array.from({ length: SERVERS }, (_, i) => ({
        name: `s${i}`,
        distanceMs: { p1: i, p2: 5 - i },
      })),
      faults: plan.working.flatMap((bits, segment) =>
        plan.delays.map((_, i) => ({
          atMs: segment * SEGMENT_MS,
          provider: `p${i}`,
          set: { blackhole: ((bits >> i) & 1) === 0 ? plan.direction : false },
        })),
      ),
    },
    {
      settings: { memorySize: plan.memorySize, aggregate: plan.aggregate, races: 256, racesPerClient: 256 },
      services,
      memory: plan.memory,
      mapLagMicros: plan.mapLagMicros,
      batchMicros: plan.batchMicros,
      serviceOf: (packet) => (packet.destinationPort === 443 ? 1 : 2),
    },
  );
  world.gateway.engine.setFacts({ cost: Float64Array.of(0, 0, 1, 2, 0) }, null);
  const clients = [...plan.connections]
    .map((each) => ({ ...each, at: each.segment * SEGMENT_MS + each.atMs }))
    .map(({ at, client, server, service: number, family }, i) =>
      world.connect({
        at,
        client,
        family,
        to: `s${server}`,
        port: number === 0 ? 443 : 8443,
        isn: (i + 1) * ISN_STEP,
        bytes: 10,
      }),
    );
  return { world, clients };
}

/** At the end all routes work, so that what is half open can be closed. */
function finish({ world }: Run): void {
  world.schedule.at(8 * SEGMENT_MS * 1000, () => {
    for (const provider of world.providers) provider.set({ blackhole: false });
  });
  world.runUntil(9 * SEGMENT_MS + 60_000);
}

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 150);

/** Services of an instant: the set of routes of each of three, none: there is no such service. */
const reload = fc.record({
  segment: fc.integer({ min: 0, max: 7 }),
  /** While connections are being made. */
  atMs: fc.integer({ min: 0, max: 5900 }),
  routes: fc.tuple(
    ...[1, 2, 3].map(() => fc.constantFrom<number[]>([], [1, 2, 3, 4], [1, 2], [3, 4], [2, 3, 4], [1, 4])),
  ),
  memory,
});

type Reload = typeof reload extends fc.Arbitrary<infer T> ? T : never;

/** Has the gateway's services changed at the instants of `reloads`, and `then` looked at what became of it. */
function reloadAt({ world }: Run, plan: Site, reloads: readonly Reload[], then?: () => void): void {
  const { gateway, schedule } = world;
  for (const { segment, atMs, routes, memory } of reloads) {
    schedule.at((segment * SEGMENT_MS + atMs) * 1000, () => {
      const services = routes
        .map((each, i) => serviceOver(each, { ...plan.services[i % 2], number: i + 1 }))
        .filter((each) => each.routes.length > 0);
      gateway.setServices(services, memory);
      then?.();
    });
  }
}

/** The kernel's memories hold what the engine believes that they hold, element by element. */
function expectEqualMemories({ gateway, schedule }: World): void {
  const { engine, kernel } = gateway;
  const { kernelCopy } = engine.shard;
  const { now } = schedule;
  for (const [view, mask] of engine.masks.entries()) {
    let held = 0;
    for (let slot = 0; slot < engine.memory.size; slot++) {
      if (!kernelCopy.isHeld(slot, view, now)) continue;
      held++;
      expect(engine.memory.isUsed(slot)).toBe(true);
      const family = engine.memory.familyOf(slot);
      const found = kernel.maps.rememberedRoute(mask, family, engine.memory.address, slot * 4, now);
      // What is no longer believed is there until it times out.
      expect(found).toBe(kernelCopy.routeOf(slot, view, now) || found);
      expect(found).not.toBe(0);
    }
    expect(kernel.maps.countRemembered(mask, now)).toBe(held);
  }
}

describe('services that change while connections are made', () => {
  it('the kernel has what the engine believes, and no element is for a map that there is not', () => {
    fc.assert(
      fc.property(site, fc.array(reload, { minLength: 1, maxLength: 8 }), (plan, reloads) => {
        const run = build({ ...plan, mapLagMicros: 0 });
        const { gateway } = run.world;
        reloadAt(run, plan, reloads, () => expectEqualMemories(run.world));
        gateway.afterBatch = () => expectEqualMemories(run.world);
        finish(run);
        expect(gateway.kernel.maps.missing).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('what is on its way to a map that goes is gone, also when a map of the same name follows', () => {
    fc.assert(
      fc.property(site, fc.array(reload, { minLength: 1, maxLength: 8 }), (plan, reloads) => {
        const run = build({ ...plan, mapLagMicros: 100_000 });
        const { gateway } = run.world;
        reloadAt(run, plan, reloads);
        finish(run);
        expect(gateway.kernel.maps.missing).toBe(0);
        // All that was on its way has arrived long ago.
        expectEqualMemories(run.world);
      }),
      { numRuns: RUNS / 2 },
    );
  });
});

describe('routes that die silently and come back', () => {
  it('no connection is lost while any route works, and none repeats its SYN twice', () => {
    fc.assert(
      fc.property(site, (plan) => {
        const run = build(plan);
        finish(run);
        const slowest = 2 * Math.max(...plan.delays) + 2 * SERVERS;
        for (const client of run.clients) {
          expect(client.result).toBe('connected');
          // A repeat of a SYN that is being raced may be decided by the kernel, by what another connection has just taught it.
          const overlaps = run.clients.some(
            (other) => other !== client && Math.abs(other.startedAt - client.startedAt) < 1_500_000,
          );
          const most = (overlaps ? 2_000_000 : 1_000_000) + slowest * 1000 + 3 * plan.batchMicros;
          expect(client.connectMicros).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('no packet of a connection leaves by another route than the one that it has, and no copy after the decision', () => {
    fc.assert(
      fc.property(site, (plan) => {
        const run = build(plan);
        finish(run);
        expect(run.world.trace.overflow).toBe(0);
        const used = new Map<number, Set<number>>();
        for (const { direction, kind, sequence, provider, at } of run.world.trace.packets) {
          const index = Math.floor((sequence >>> 0) / ISN_STEP) - 1;
          const client = run.clients[index];
          if (direction !== 'out' || client === undefined) continue;
          if (kind === 'syn' && client.finishedAt >= 0) expect(at).toBeLessThanOrEqual(client.finishedAt);
          if (kind !== 'ack' && kind !== 'data' && kind !== 'fin') continue;
          used.set(index, (used.get(index) ?? new Set()).add(provider));
        }
        for (const [index, providers] of used) expect([...providers]).toEqual([run.clients[index].winner]);
        expect(run.world.halfOpen).toBe(0);
        expect(run.world.gateway.engine.races.active).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('memory never holds more than its size, here and in the kernel; and nothing contradicts itself', () => {
    fc.assert(
      fc.property(site, (plan) => {
        const run = build(plan);
        const { engine, kernel } = run.world.gateway;
        run.world.gateway.afterBatch = () => {
          checkInvariants(engine);
          expect(engine.memory.destinations).toBeLessThanOrEqual(plan.memorySize);
          const { now } = run.world.schedule;
          for (const mask of engine.masks)
            expect(kernel.maps.countRemembered(mask, now)).toBeLessThanOrEqual(plan.memorySize);
        };
        finish(run);
      }),
      { numRuns: RUNS / 2 },
    );
  });

  it('the kernel takes over: later connections to a place that all routes reach are not raced', () => {
    fc.assert(
      fc.property(site, (plan) => {
        const run = build({
          ...plan,
          working: plan.working.map(() => 15),
          memory: { trustMicros: 600_000_000, forgetMicros: 900_000_000, refresh: 0, stagger: 'remembered' },
          memorySize: 256,
          services: plan.services.map((each) => ({ ...each, criterion: 'race' })),
        });
        finish(run);
        const places = new Set(plan.connections.map(({ server, family }) => `${server} ${family}`));
        const concurrent = 3 * places.size;
        expect(run.world.gateway.engine.counters.failed).toBe(0);
        const { pinned, remembered } = run.world.gateway.kernel.maps;
        expect(pinned + remembered + run.world.gateway.queued).toBeGreaterThanOrEqual(run.clients.length);
        // A destination is raced once, and by those that come while it is.
        const { started } = run.world.gateway.engine.counters;
        const overlaps = run.clients.filter((a, i) =>
          run.clients.some((b, j) => j < i && Math.abs(a.startedAt - b.startedAt) < 400_000),
        ).length;
        expect(started).toBeLessThanOrEqual(concurrent + overlaps);
      }),
      { numRuns: RUNS / 2 },
    );
  });
});
