/** What `npm run outages` has found, each reduced to a site of two or three routes. */
import { describe, expect, it } from 'vitest';
import type { EngineService } from '../../src/core/engine-types.js';
import type { SimClient } from '../../src/sim/client.js';
import { serviceOver, World, type WorldOptions } from '../../src/sim/world.js';

function site(rttsMs: readonly number[], service: Partial<EngineService>, options: WorldOptions = {}): World {
  const numbers = rttsMs.map((_, i) => i + 1);
  return new World(
    {
      lan: { clients: 20 },
      providers: rttsMs.map((rtt, i) => ({ name: 'abc'[i]!, link: { delayMs: rtt / 2 } })),
      servers: ['s0', 's1', 's2', 's3'].map((name) => ({ name })),
    },
    { services: [serviceOver(numbers, { affinityMicros: 1_800_000_000, ...service })], ...options },
  );
}

function winners(clients: readonly SimClient[]): number[] {
  return clients.map(({ winner }) => winner);
}

/** Route `name` loses its health: three connections to three servers by it are rescued. */
function makeSuspect(world: World, name: string, atMs: number): void {
  world.schedule.at(atMs * 1000, () => world.provider(name).set({ blackhole: true }));
  for (let i = 0; i < 4; i++) world.connect({ at: atMs + 10 + i, to: `s${i}`, client: 10 + i });
}

describe('a trial that answers before the client repeats its SYN', () => {
  it('carries the connection then, and its flow is not reset by what was to be told to a loser', () => {
    // Route 2 must prove itself, and route 1 dies: the second SYN of the client meets the answer to the first.
    const world = site([10, 1100], { criterion: 'priority' });
    makeSuspect(world, 'a', 0);
    world.runUntil(9000);
    world.provider('a').set({ blackhole: false });
    world.provider('b').set({ blackhole: false });
    const first = world.connect({ at: 9500, bytes: 100 });
    world.schedule.at(9_499_000, () => world.provider('a').set({ blackhole: true }));
    world.runUntil(30_000);
    expect(first.result).toBe('connected');
    expect(first.acknowledged).toBe(100);
  });

  it.each([900, 1100, 1300])('for a trial of %i ms whose answer meets the repeats', (rttMs) => {
    const world = site([10, rttMs], { criterion: 'round-robin', routes: [2, 1] });
    makeSuspect(world, 'b', 0);
    world.schedule.at(8_000_000, () => {
      world.provider('b').set({ blackhole: false });
      world.provider('a').set({ blackhole: 'in' });
    });
    const clients = Array.from({ length: 20 }, (_, i) =>
      world.connect({ at: 8100 + i * 517, client: i % 10, to: `s${i % 4}`, bytes: 100 }),
    );
    world.runUntil(60_000);
    expect(clients.map(({ result }) => result)).toEqual(clients.map(() => 'connected'));
    expect(clients.map(({ acknowledged }) => acknowledged)).toEqual(clients.map(() => 100));
  });
});

describe('a lost packet', () => {
  it('moves nobody away from the route that was measured as the fastest', () => {
    const world = site([20, 200], { criterion: 'race', affinity: 'none' });
    const before = world.connect({ at: 0 });
    world.schedule.at(1_000_000, () => {
      world.gateway.kernel.maps.emptyMemory();
      world.gateway.engine.memoryEmptied();
      world.provider('a').drops.add({ packet: 'synack', direction: 'in' });
    });
    const hit = world.connect({ at: 700_000 });
    const after = [1, 2, 3].map((i) => world.connect({ at: 700_000 + i * 5000, client: i }));
    world.runUntil(760_000);
    expect([before.winner, hit.winner]).toEqual([1, 2]);
    expect(winners(after)).toEqual([1, 1, 1]);
  });

  it('of the first race of all hides the fastest route for one connection only', () => {
    const world = site([20, 200], { criterion: 'race', affinity: 'client+destination' });
    world.provider('a').drops.add({ packet: 'synack', direction: 'in' });
    const hit = world.connect({ at: 0 });
    const after = [1, 2, 3, 4].map((i) => world.connect({ at: i * 70_000 }));
    world.runUntil(300_000);
    expect(hit.winner).toBe(2);
    expect(winners(after).slice(1)).toEqual([1, 1, 1]);
  });
});

describe('a group', () => {
  it('does not stay with who has helped out when its route said no beside a trial', () => {
    const world = site([100, 30, 50], { criterion: 'priority', affinity: 'client', routes: [1, 2, 3] });
    makeSuspect(world, 'c', 0);
    world.schedule.at(5_000_000, () => {
      world.provider('c').set({ blackhole: false });
      world.provider('a').set({ reject: { '*': 'rst' } });
    });
    const during = Array.from({ length: 8 }, (_, i) =>
      world.connect({ at: 5100 + i * 600, to: `s${i % 4}` }),
    );
    world.schedule.at(10_000_000, () => world.provider('a').set({ reject: {} }));
    const after = Array.from({ length: 8 }, (_, i) =>
      world.connect({ at: 20_000 + i * 2000, to: `s${i % 4}` }),
    );
    world.runUntil(60_000);
    expect(during.some(({ result }) => result !== 'connecting')).toBe(true);
    expect(winners(after)).toEqual(after.map(() => 1));
  });

  it('yields although its slow route makes each client repeat its SYN', () => {
    const world = site([30, 1200], { criterion: 'race', affinity: 'client' });
    world.provider('a').set({ blackhole: true });
    const first = world.connect({ at: 0 });
    world.schedule.at(3_000_000, () => world.provider('a').set({ blackhole: false }));
    const after = Array.from({ length: 10 }, (_, i) => world.connect({ at: 10_000 + i * 10_000 }));
    world.runUntil(150_000);
    expect(first.winner).toBe(2);
    expect(winners(after).slice(7)).toEqual([1, 1, 1]);
  });
});

it('a repeat that went by while there was no other route says nothing of the round trip', () => {
  const world = site([10, 1800], { criterion: 'priority', routes: [2, 1] });
  world.gateway.setRoutes(
    world.routes((route) => ({ ...route, admin: route.number === 1 ? 'draining' : 'enabled' })),
  );
  world.connect({ at: 0 });
  // Enabled between the first and the second repeat.
  world.schedule.at(1_500_000, () => world.gateway.setRoutes(world.routes()));
  const after = Array.from({ length: 12 }, (_, i) =>
    world.connect({ at: 10_000 + i * 5000, to: `s${i % 4}`, client: i }),
  );
  world.runUntil(120_000);
  expect(winners(after).slice(6)).toEqual([2, 2, 2, 2, 2, 2]);
});
