/** Round trips that are longer than a client waits before it repeats its SYN: what a plain router carries is carried here, no later. */
import { describe, expect, it } from 'vitest';
import type { EngineService } from '../../src/core/engine-types.js';
import type { Affinity } from '../../src/model/config.js';
import type { SimClient } from '../../src/sim/client.js';
import { serviceOver, World, type WorldOptions } from '../../src/sim/world.js';

const COUNT = 15;

function site(delays: readonly number[], service: Partial<EngineService>, options: WorldOptions = {}): World {
  return new World(
    {
      lan: { clients: 3 },
      providers: delays.map((delayMs, i) => ({ name: 'abcd'[i], link: { delayMs } })),
      servers: [{ name: 's0' }, { name: 's1' }],
    },
    {
      settings: { races: 256, racesPerClient: 256, memorySize: 256 },
      services: [
        serviceOver(
          delays.map((_, i) => i + 1),
          service,
        ),
      ],
      mapLagMicros: 2000,
      ...options,
    },
  );
}

/** The next some time after the one before has begun. */
function connect(world: World, family: 'ipv4' | 'ipv6', everyMs: number): SimClient[] {
  return Array.from({ length: COUNT }, (_, i) =>
    world.connect({ at: i * everyMs, client: i % 3, to: `s${i % 2}`, family, bytes: 100 }),
  );
}

/** Nobody is reset, and the connection is made when a plain router's would be: after a round trip by the slowest route. */
function expectAsPlain(world: World, clients: readonly SimClient[], rttMs: number): void {
  const { trace, gateway } = world;
  expect(clients.map(({ result }) => result)).toEqual(clients.map(() => 'connected'));
  expect(clients.map(({ acknowledged }) => acknowledged)).toEqual(clients.map(() => 100));
  expect(Math.max(...clients.map(({ connectMicros }) => connectMicros / 1000))).toBeLessThanOrEqual(
    rttMs + 5,
  );
  expect(clients.map(({ resetsSent }) => resetsSent)).toEqual(clients.map(() => 0));
  // What is reset is no answer by the route that carries the connection.
  const carried = new Set(gateway.conntrack.flows().map(({ source, route }) => `${route} ${source.port}`));
  const resets = trace.packets.filter(({ kind, direction }) => kind === 'rst' && direction === 'out');
  for (const { provider, source } of resets)
    expect(carried).not.toContain(`${provider} ${source.slice(source.lastIndexOf(':') + 1)}`);
  // Whatever is sent again on a route has the port that it had: no repeat is decided anew.
  const ports = new Map<string, Set<string>>();
  for (const { sequence, provider, source } of trace.filter({ kind: 'syn', direction: 'out' })) {
    const key = `${sequence} ${provider}`;
    ports.set(key, (ports.get(key) ?? new Set()).add(source));
  }
  expect([...ports.values()].filter(({ size }) => size > 1)).toEqual([]);
  expect(world.halfOpen).toBe(0);
  expect(gateway.engine.races.active).toBe(0);
}

const CRITERIA = ['race', 'priority', 'cheapest', 'round-robin', 'least-connections', 'hash'] as const;
const AFFINITIES: readonly Affinity[] = ['none', 'client', 'client+destination'];

describe.each(['ipv4', 'ipv6'] as const)('both routes are slow, %s', (family) => {
  describe.each([1300, 2200, 3000])('%i ms', (rttMs) => {
    it.each(CRITERIA.flatMap((criterion) => AFFINITIES.map((affinity) => [criterion, affinity] as const)))(
      '%s, affinity %s',
      (criterion, affinity) => {
        // Before, while and after the first are being made.
        for (const everyMs of [20, 700, 5000]) {
          const world = site([rttMs / 2, rttMs / 2], { criterion, affinity, affinityMicros: 600_000_000 });
          world.gateway.engine.setFacts({ cost: Float64Array.of(0, 1, 2) }, null);
          const clients = connect(world, family, everyMs);
          world.runUntil(COUNT * everyMs + 40_000);
          expectAsPlain(world, clients, rttMs);
        }
      },
    );

    it('memory: measured once, decided by the kernel', () => {
      const world = site([rttMs / 2, rttMs / 2 + 20], { criterion: 'race' });
      const clients = connect(world, family, 10_000);
      world.runUntil(COUNT * 10_000 + 40_000);
      expectAsPlain(world, clients, rttMs);
      expect(world.gateway.kernel.maps.remembered).toBe(COUNT - 2);
      // Only those two were copied.
      expect(world.gateway.engine.counters.attempts[2]).toBeLessThanOrEqual(2 * Math.ceil(rttMs / 1000));
    });
  });
});

describe('a route that is slow but lives, beside a fast one that costs more', () => {
  it.each(['cheapest', 'priority'] as const)(
    '%s: it is remembered as slow, and asked alone from then on',
    (criterion) => {
      for (const rttMs of [1200, 2200, 3000]) {
        const world = site([rttMs / 2, 25], { criterion });
        world.gateway.engine.setFacts({ cost: Float64Array.of(0, 1, 9) }, null);
        const clients = connect(world, 'ipv4', 6000);
        world.runUntil(COUNT * 6000 + 40_000);
        expect(clients.every(({ result }) => result === 'connected')).toBe(true);
        const dear = clients.filter(({ winner }) => winner === 2);
        // One for each destination at most, until enough is known of the route itself.
        expect(dear.length).toBeLessThanOrEqual(2);
        expect(world.gateway.engine.counters.rescues[1]).toBe(dear.length);
        expect(world.gateway.engine.health.of(1, 4)).toBe(0);
        expect(world.halfOpen).toBe(0);
      }
    },
  );

  it('many at once: each is carried, and the route stays up', () => {
    const world = site([600, 25], { criterion: 'cheapest' });
    world.gateway.engine.setFacts({ cost: Float64Array.of(0, 1, 9) }, null);
    const first = Array.from({ length: 30 }, (_, i) => world.connect({ at: i, client: i % 3 }));
    const later = Array.from({ length: 30 }, (_, i) =>
      world.connect({ at: 10_000 + i, client: i % 3, to: 's1' }),
    );
    world.runUntil(60_000);
    expect([...first, ...later].every(({ result }) => result === 'connected')).toBe(true);
    expect(later.map(({ winner }) => winner)).toEqual(later.map(() => 1));
    expect(world.gateway.engine.health.of(1, 4)).toBe(0);
  });

  it('when it dies, each of its connections is carried by the other one, soon after its answer is overdue', () => {
    const world = site([600, 25], { criterion: 'cheapest' });
    world.gateway.engine.setFacts({ cost: Float64Array.of(0, 1, 9) }, null);
    for (let i = 0; i < 5; i++) world.connect({ at: i * 5000 });
    world.schedule.at(30_000_000, () => world.provider('a').set({ blackhole: true }));
    const after = Array.from({ length: 10 }, (_, i) => world.connect({ at: 31_000 + i * 3000 }));
    world.runUntil(90_000);
    expect(after.every(({ result }) => result === 'connected')).toBe(true);
    expect(Math.max(...after.map(({ connectMicros }) => connectMicros))).toBeLessThan(1_600_000);
    // Three were enough.
    expect(after.filter(({ connectMicros }) => connectMicros > 900_000).length).toBeLessThanOrEqual(3);
  });
});

describe('a race with a route of two seconds and more', () => {
  it.each([2200, 3000])('%i ms: the loser lives, and is measured', (rttMs) => {
    const world = site([10, rttMs / 2], { criterion: 'race' }, { memory: { trustMicros: 0 } });
    const clients = Array.from({ length: 60 }, (_, i) => world.connect({ at: i * 1500, to: `s${i % 2}` }));
    world.runUntil(120_000);
    expect(clients.every(({ winner }) => winner === 1)).toBe(true);
    const states = world.gateway.changes.filter(({ route }) => route === 2).map(({ reason }) => reason);
    expect(states.slice(-1)).toEqual(['answered']);
    expect(states.length).toBeLessThanOrEqual(2);
    expect(world.gateway.engine.site.roundTrips.of(2, 4)).toBeGreaterThan(rttMs * 990);
  });
});
