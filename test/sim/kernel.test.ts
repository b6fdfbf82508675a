import { describe, expect, it } from 'vitest';
import type { EngineService, MemorySettings } from '../../src/core/engine-types.js';
import type { SimClient } from '../../src/sim/client.js';
import { serviceOver, World, type WorldOptions } from '../../src/sim/world.js';

/** Providers a, b, c with these round-trip times, one service over all of them. */
function site(
  rtts: readonly number[],
  service: Partial<EngineService> = {},
  memory: Partial<MemorySettings> = {},
  options: WorldOptions = {},
): World {
  const providers = rtts.map((rtt, i) => ({ name: 'abc'[i], link: { delayMs: rtt / 2 } }));
  const services = [
    serviceOver(
      rtts.map((_, i) => i + 1),
      service,
    ),
  ];
  const servers = ['s0', 's1', 's2'].map((name) => ({ name }));
  return new World({ lan: { clients: 9 }, providers, servers }, { services, memory, ...options });
}

/** Provider that the SYN of a client left by, the last one if there were several. */
function syns(world: World, client: SimClient): number[] {
  const mine = world.trace.packets.filter(
    ({ kind, direction, sequence }) =>
      kind === 'syn' && direction === 'out' && sequence === client.options.isn,
  );
  return mine.map(({ provider }) => provider);
}

describe('the kernel decides by what the daemon has told it', () => {
  it('a second connection to the same place: by the best route, and the engine sees nothing of it', () => {
    const world = site([40, 20, 60]);
    world.connect({ at: 0 });
    const second = world.connect({ at: 1000, bytes: 100 });
    world.runUntil(900);
    const { queued } = world.gateway;
    world.runUntil(5000);
    expect(syns(world, second)).toEqual([2]);
    expect(second.connectMicros).toBe(20_000);
    expect(second.acknowledged).toBe(100);
    expect(world.gateway.queued).toBe(queued);
    expect(
      world.gateway.conntrack.flows().map(({ raced, service, rescuable }) => [raced, service, rescuable]),
    ).toEqual([
      [true, 1, false],
      [false, 1, true],
    ]);
  });

  it('the map that lags behind is no loss: the engine answers meanwhile', () => {
    const world = site([40, 20, 60], {}, {}, { mapLagMicros: 100_000 });
    world.connect({ at: 0 });
    const second = world.connect({ at: 70 });
    world.runUntil(5000);
    expect(syns(world, second)).toEqual([2]);
    expect(world.gateway.released).toEqual([{ route: 2, reason: 'remembered' }]);
  });

  it('a share of them is drawn to the daemon, and raced again', () => {
    const world = site([40, 20, 60], {}, { refresh: 0.1 }, { settings: { races: 512, racesPerClient: 512 } });
    world.connect({ at: 0 });
    const later = Array.from({ length: 400 }, (_, i) => world.connect({ at: 1000 + i * 20 }));
    world.runUntil(20_000);
    const { drawn, remembered } = world.gateway.kernel.maps;
    expect(drawn + remembered).toBe(400);
    expect(drawn).toBeGreaterThan(20);
    expect(drawn).toBeLessThan(70);
    expect(later.filter((client) => syns(world, client).length === 3)).toHaveLength(drawn);
  });

  it('the best route has become the slow one: found by the next draw', () => {
    const world = site([40, 20], {}, { refresh: 0.2 });
    world.connect({ at: 0 });
    world.schedule.at(500_000, () => world.provider('b').set({ delayMs: 100 }));
    const later = Array.from({ length: 40 }, (_, i) => world.connect({ at: 1000 + i * 300 }));
    world.runUntil(30_000);
    expect(later[0].winner).toBe(2);
    expect(later.slice(-10).map(({ winner }) => winner)).toEqual(new Array<number>(10).fill(1));
  });

  it('a remembered route that is silent: the repeat of the SYN is answered by another one', () => {
    const world = site([40, 20, 60]);
    world.connect({ at: 0 });
    world.schedule.at(500_000, () => world.provider('b').set({ blackhole: true }));
    const second = world.connect({ at: 1000, bytes: 100 });
    world.runUntil(6500);
    // The repeat itself goes by the route that it had.
    expect(syns(world, second)).toEqual([2, 1, 3, 2]);
    expect([second.winner, second.connectMicros]).toEqual([1, 1_040_000]);
    expect(second.acknowledged).toBe(100);
    expect(world.gateway.engine.counters.rescues[2]).toBe(1);
    // Two of its packets were lost by now: it is believed for two seconds, and asked again afterwards.
    const third = world.connect({ at: 7000 });
    const fourth = world.connect({ at: 12_000 });
    world.runUntil(20_000);
    expect(syns(world, third)).toEqual([1]);
    expect(syns(world, fourth)).toEqual([1, 2]);
    expect(fourth.connectMicros).toBe(40_000);
  });

  it('a silent route stops being used after three rescues, and comes back by itself', () => {
    const settings = { races: 256, racesPerClient: 256 };
    const world = site([40, 20, 60], {}, { refresh: 0.1 }, { settings });
    world.schedule.at(2_000_000, () => world.provider('b').set({ blackhole: true }));
    world.schedule.at(20_000_000, () => world.provider('b').set({ blackhole: false }));
    const clients = Array.from({ length: 800 }, (_, i) => world.connect({ at: i * 50, to: `s${i % 3}` }));
    world.runUntil(50_000);
    expect(clients.filter(({ result }) => result !== 'connected')).toEqual([]);
    // One second from the outage until the first repeat; then three of them, and nobody else has to wait.
    const slow = clients.filter(({ connectMicros }) => connectMicros > 900_000);
    expect(slow.length).toBeGreaterThanOrEqual(3);
    for (const { startedAt } of slow) {
      expect(startedAt).toBeGreaterThanOrEqual(1_900_000);
      expect(startedAt).toBeLessThan(3_100_000);
    }
    expect(clients.slice(-100).map(({ winner }) => winner)).toEqual(new Array<number>(100).fill(2));
    const changes = world.gateway.changes.filter(({ route }) => route === 2);
    expect(changes[0].reason).toBe('rescued');
    expect(changes.at(-1)?.reason).toBe('answered');
  });

  it('what was kept of a route that has been down is void', () => {
    const world = site([40, 20, 60], { affinity: 'client' });
    world.connect({ at: 0 });
    const up = world.routes();
    const down = world.routes((route) => ({
      ...route,
      usable: route.number === 2 ? { 4: false, 6: false } : route.usable,
    }));
    world.schedule.at(500_000, () => world.gateway.setRoutes(down));
    world.schedule.at(600_000, () => world.gateway.setRoutes(up));
    const second = world.connect({ at: 700 });
    const third = world.connect({ at: 750, client: 1, to: 's1' });
    world.runUntil(5000);
    // Among the routes that are up the best one is known; the one that has come back only takes part in races.
    expect(syns(world, second)).toEqual([1]);
    expect(syns(world, third)).toEqual([1, 2, 3]);
  });
});

describe('the kernel keeps groups together', () => {
  const pinned = { affinity: 'client' as const, affinityMicros: 10_000_000 };

  it('as long as somebody of the group comes in time, by memory or by affinity', () => {
    const world = site([40, 20, 60], pinned);
    world.connect({ at: 0 });
    world.schedule.at(500_000, () => world.provider('c').set({ delayMs: 1 }));
    const others = [8000, 16_000, 24_000].map((at) => world.connect({ at, to: 's1' }));
    const late = world.connect({ at: 40_000, to: 's1', port: 80 });
    world.runUntil(50_000);
    expect(others.map((client) => syns(world, client))).toEqual([[2], [2], [2]]);
    expect(syns(world, late)).toEqual([1, 2, 3]);
    expect(late.winner).toBe(3);
    expect(world.gateway.kernel.maps.pinned).toBe(3);
  });

  it('another client is another group; what memory decides for it pins it, too', () => {
    const world = site([40, 20, 60], pinned);
    world.connect({ at: 0 });
    const other = world.connect({ at: 1000, client: 1 });
    const next = world.connect({ at: 2000, client: 1, to: 's1' });
    world.runUntil(5000);
    expect([syns(world, other), syns(world, next)]).toEqual([[2], [2]]);
    expect(world.gateway.kernel.maps.countPinned(1, world.schedule.now)).toBe(2);
  });

  it('a group whose route is silent moves when its silence is believed, and only as long', () => {
    const world = site([400, 20, 600], pinned);
    world.connect({ at: 0 });
    world.schedule.at(500_000, () => world.provider('b').set({ blackhole: true }));
    const second = world.connect({ at: 1000, to: 's1' });
    const third = world.connect({ at: 6500, to: 's1', port: 80 });
    world.schedule.at(7_000_000, () => world.provider('b').set({ blackhole: false }));
    const later = Array.from({ length: 20 }, (_, i) => world.connect({ at: 9000 + i * 1000, to: 's1' }));
    world.runUntil(30_000);
    expect(second.winner).toBe(1);
    expect(syns(world, third)).toEqual([1]);
    // The first asks; all others are where the group was before.
    expect(later.map(({ winner }) => winner)).toEqual([1, ...new Array<number>(19).fill(2)]);
  });

  it('but not for little: servers know the client by its address', () => {
    const world = site([40, 20, 60], pinned);
    world.connect({ at: 0 });
    world.schedule.at(500_000, () => world.provider('b').set({ blackhole: true }));
    world.connect({ at: 1000, to: 's1' });
    world.schedule.at(5_000_000, () => world.provider('b').set({ blackhole: false }));
    const later = Array.from({ length: 10 }, (_, i) => world.connect({ at: 7000 + i * 500, to: 's1' }));
    world.runUntil(20_000);
    expect(new Set(later.map(({ winner }) => winner))).toEqual(new Set([1]));
  });
});

describe('a service that keeps the clients’ addresses', () => {
  it('raced and remembered alike, and no reset of a loser reaches the connection', () => {
    const world = site([40, 20, 60], { translate: false });
    const first = world.connect({ at: 0, bytes: 100 });
    const second = world.connect({ at: 1000, bytes: 100 });
    world.runUntil(20_000);
    expect([first.result, second.result]).toEqual(['connected', 'connected']);
    expect([first.acknowledged, second.acknowledged]).toEqual([100, 100]);
    expect(world.trace.filter({ kind: 'rst' })).toEqual([]);
    const sources = new Set(
      world.trace.packets.filter(({ direction }) => direction === 'out').map(({ source }) => source),
    );
    expect([...sources].every((source) => source.startsWith('10.0.0.2'))).toBe(true);
  });
});

describe('sessions', () => {
  it('are counted once, however they were decided, and end', () => {
    const world = site([40, 20], { criterion: 'least-connections' });
    world.servers[0].behaviour = { closesFirst: true };
    const clients = Array.from({ length: 10 }, (_, i) => world.connect({ at: i, bytes: 10 }));
    const { facts } = world.gateway.engine;
    world.runUntil(15);
    expect([...facts.sessions]).toEqual([0, 5, 5]);
    world.runUntil(5000);
    expect(clients.every(({ result }) => result === 'connected')).toBe(true);
    expect([...facts.sessions]).toEqual([0, 0, 0]);
  });
});
