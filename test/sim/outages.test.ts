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
      providers: rttsMs.map((rtt, i) => ({ name: 'abcd'[i]!, link: { delayMs: rtt / 2 } })),
      servers: ['s0', 's1', 's2', 's3'].map((name) => ({ name })),
    },
    { services: [serviceOver(numbers, { affinityMicros: 1_800_000_000, ...service })], ...options },
  );
}

function winners(clients: readonly SimClient[]): number[] {
  return clients.map(({ winner }) => winner);
}

/** The link of a route is down and up again: it must prove itself by three answers. */
function flap(world: World, number: number, atMs: number): void {
  const told = (isThere: boolean) => () =>
    world.gateway.setRoutes(
      world.routes((route) =>
        route.number === number ? { ...route, usable: { 4: isThere, 6: isThere } } : route,
      ),
    );
  world.schedule.at(atMs * 1000, told(false));
  world.schedule.at((atMs + 100) * 1000, told(true));
}

describe('a trial that answers while nobody carries the connection', () => {
  it.each([1020, 1070, 1200])('after %i ms: the next SYN meets no reset of ours at the server', (rttMs) => {
    const world = site([10, rttMs], { criterion: 'priority' });
    flap(world, 2, 1000);
    world.schedule.at(1_900_000, () => world.provider('a').set({ blackhole: 'in' }));
    const client = world.connect({ at: 2000, bytes: 100 });
    world.runUntil(30_000);
    expect([client.result, client.winner, client.acknowledged]).toEqual(['connected', 2, 100]);
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

  it('of the first race of all says nothing to the groups that begin beside it', () => {
    const world = site([20, 200, 240], { criterion: 'race', affinity: 'client+destination' });
    world.provider('a').drops.add({ packet: 'syn', direction: 'out' });
    const hit = world.connect({ at: 0 });
    // The first answer is there, or all but that of the fastest.
    const beside = [220, 300, 800, 1500].map((at, i) => world.connect({ at, client: 1 + i }));
    world.runUntil(10_000);
    expect(hit.winner).toBe(2);
    expect(winners(beside)).toEqual([1, 1, 1, 1]);
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

describe('late answers in a row', () => {
  it('do not make a slow route of a fast one that has lost first packets', () => {
    const services = (['race', 'priority'] as const).map((criterion, i) =>
      serviceOver([1, 2], { number: i + 1, criterion, affinity: 'none' }),
    );
    const world = site(
      [20, 1010],
      {},
      { services, serviceOf: ({ destinationPort }) => (destinationPort === 8443 ? 2 : 1) },
    );
    for (const atMs of [4000, 8000])
      world.schedule.at(atMs * 1000, () =>
        world.provider('a').drops.add({ packet: 'syn', direction: 'out' }),
      );
    const hit = [5000, 9000].map((at) => world.connect({ at, port: 8443 }));
    const after = [1, 2, 3].map((i) => world.connect({ at: i * 70_000 }));
    world.runUntil(240_000);
    expect(hit.map(({ connectMicros }) => Math.round(connectMicros / 1e6))).toEqual([1, 1]);
    expect(winners(after)).toEqual([1, 1, 1]);
  });
});

it('a last resort is not asked because the others are known to take longer than a client’s first patience', () => {
  const memory = { trustMicros: 1_000_000, forgetMicros: 900_000_000, refresh: 0, stagger: 'never' } as const;
  const world = site([1130, 1300, 100], { criterion: 'race', affinity: 'none' }, { memory });
  world.gateway.setRoutes(world.routes((route) => ({ ...route, lastResort: route.number === 3 })));
  // Nothing is known at first.
  const clients = [0, 10, 20, 30].map((at) => world.connect({ at: at * 1000, client: at / 10 }));
  // It is, when the others are silent beyond that.
  world.schedule.at(35_000_000, () => {
    for (const name of ['a', 'b']) world.provider(name).set({ blackhole: true });
  });
  const last = world.connect({ at: 40_000, client: 9 });
  world.runUntil(60_000);
  expect(winners(clients).slice(1)).toEqual([1, 1, 1]);
  expect([last.result, last.winner]).toEqual(['connected', 3]);
});

describe('a group', () => {
  it('is in doubt although another route has come back before its race was over', () => {
    const world = site([20, 200, 1500, 300], { criterion: 'race', affinity: 'client' });
    const enable = (isEnabled: boolean) => () =>
      world.gateway.setRoutes(
        world.routes((route) => ({
          ...route,
          admin: isEnabled || route.number !== 4 ? 'enabled' : 'disabled',
        })),
      );
    world.schedule.at(2_300_000, enable(false));
    world.provider('a').set({ reject: { '*': 'rst' } });
    const during = world.connect({ at: 2000 });
    world.schedule.at(2_600_000, enable(true));
    world.schedule.at(5_000_000, () => world.provider('a').set({ reject: {} }));
    const after = [1, 2, 3].map((i) => world.connect({ at: 70_000 * i }));
    world.runUntil(240_000);
    expect(during.winner).toBe(2);
    expect(winners(after).slice(1)).toEqual([1, 1]);
  });

  it('is in doubt when a race ends that saw one route come back while another one was still away', () => {
    const memory = { trustMicros: 600_000_000, forgetMicros: 900_000_000 };
    const world = site([30, 60, 800], { criterion: 'race', affinity: 'client' }, { memory });
    const admin = (isEnabled: boolean) => () =>
      world.gateway.setRoutes(
        world.routes((route) => ({
          ...route,
          lastResort: route.number === 1,
          admin: isEnabled || route.number !== 1 ? 'enabled' : 'disabled',
        })),
      );
    for (const name of ['a', 'b']) world.provider(name).set({ blackhole: true });
    for (const i of [0, 1, 2, 3, 4]) world.connect({ at: 4000 * i, to: `s${i % 2}` });
    world.schedule.at(10_000_000, admin(false));
    world.schedule.at(27_000_000, () => world.provider('b').set({ blackhole: false }));
    // Two prove that it is back, and so does the third, whose group was given another route.
    for (const i of [2, 1, 0]) world.connect({ at: 34_000 - 2000 * i, client: i });
    world.schedule.at(60_000_000, admin(true));
    const after = [130, 140, 150].map((at) => world.connect({ at: at * 1000 }));
    world.runUntil(200_000);
    expect(winners(after).slice(1)).toEqual([2, 2]);
  });

  it('is in doubt about who won while the best one’s packet was lost, also when both are away as its race ends', () => {
    const world = site([30, 700, 300], { criterion: 'race', affinity: 'client' });
    world.provider('a').set({ blackhole: true });
    world.connect({ at: 500 });
    world.schedule.at(1_000_000, () => world.provider('a').set({ blackhole: false }));
    const away = (isAway: boolean) => () =>
      world.gateway.setRoutes(
        world.routes((route) => ({
          ...route,
          usable: { 4: route.number !== 1 || !isAway, 6: false },
          admin: route.number === 3 && isAway ? 'draining' : 'enabled',
        })),
      );
    world.schedule.at(1_300_000, away(true));
    world.schedule.at(4_000_000, away(false));
    for (const i of [1, 2, 3, 4]) world.connect({ at: 5000 * i, client: i });
    const after = [30, 40, 50].map((at) => world.connect({ at: at * 1000 }));
    world.runUntil(60_000);
    expect(winners(after).slice(1)).toEqual([1, 1]);
  });

  it('does not stay with who has helped out when its route said no beside a trial', () => {
    const world = site([100, 30, 50], { criterion: 'priority', affinity: 'client' });
    flap(world, 3, 1000);
    world.schedule.at(1_500_000, () => world.provider('a').set({ reject: { '*': 'rst' } }));
    const during = world.connect({ at: 2000 });
    world.schedule.at(5_000_000, () => world.provider('a').set({ reject: {} }));
    const after = [1, 2, 3].map((i) => world.connect({ at: 10_000 * i }));
    world.runUntil(60_000);
    expect(during.result).toBe('connected');
    expect(winners(after)).toEqual([1, 1, 1]);
  });

  it('that yields while the best of all is silent is in doubt, also when its new route is drained at once', () => {
    const world = site([1800, 700, 60], { criterion: 'race', affinity: 'client' });
    const admin = (isDrained: boolean) => () =>
      world.gateway.setRoutes(
        world.routes((route) => ({
          ...route,
          admin: isDrained && route.number === 2 ? 'draining' : 'enabled',
        })),
      );
    for (const name of ['b', 'c']) world.provider(name).set({ blackhole: true });
    for (const [i, at] of [0, 5].entries()) world.connect({ at: at * 1000, to: `s${i}` });
    world.schedule.at(10_000_000, () => world.provider('b').set({ blackhole: false }));
    world.connect({ at: 100_000 });
    world.schedule.at(101_050_000, admin(true));
    world.schedule.at(110_000_000, () => world.provider('c').set({ blackhole: false }));
    world.schedule.at(120_000_000, admin(false));
    const after = [130, 140, 150].map((at) => world.connect({ at: at * 1000 }));
    world.runUntil(200_000);
    expect(winners(after).slice(1)).toEqual([3, 3]);
  });

  it('yields although its route is so slow that each client repeats its SYN', () => {
    const world = site([300, 2400], { criterion: 'race', affinity: 'client' });
    world.provider('a').set({ blackhole: true });
    const during = [0, 1, 2, 3].map((i) => world.connect({ at: 5000 * i, to: `s${i}` }));
    world.schedule.at(21_000_000, () => world.provider('a').set({ blackhole: false }));
    const after = Array.from({ length: 12 }, (_, i) => world.connect({ at: 25_000 + i * 10_000 }));
    world.runUntil(170_000);
    expect(winners(during)).toEqual([2, 2, 2, 2]);
    expect(winners(after).slice(7)).toEqual([1, 1, 1, 1, 1]);
  });
});

it('a repeat that went by while there was no other route says nothing of the round trip', () => {
  const world = site([10, 2100], { criterion: 'priority', routes: [2, 1] });
  world.gateway.setRoutes(
    world.routes((route) => ({ ...route, admin: route.number === 1 ? 'draining' : 'enabled' })),
  );
  // The other one is enabled between the first and the second repeat.
  world.schedule.at(1_500_000, () => world.gateway.setRoutes(world.routes()));
  for (let i = 0; i < 3; i++) world.connect({ at: i, client: i });
  const after = Array.from({ length: 12 }, (_, i) =>
    world.connect({ at: 10_000 + i * 6000, to: `s${i % 4}`, client: 3 + i }),
  );
  world.runUntil(120_000);
  expect(winners(after).slice(8)).toEqual([2, 2, 2, 2]);
});

it.each(['draining', 'disabled'] as const)(
  '%s between a SYN and its repeat: the answer to the first one counts',
  (admin) => {
    const world = site([1800, 1200], { criterion: 'priority', routes: [2, 1] });
    world.schedule.at(100_000, () =>
      world.gateway.setRoutes(
        world.routes((route) => ({ ...route, admin: route.number === 2 ? admin : 'enabled' })),
      ),
    );
    const client = world.connect({ at: 0, bytes: 100, closes: true });
    world.runUntil(30_000);
    expect([client.result, client.winner, client.acknowledged]).toEqual(['connected', 2, 101]);
  },
);
