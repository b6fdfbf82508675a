/** What was left comes back: whatever made connections leave a route, and whatever chooses for them. */
import { describe, expect, it } from 'vitest';
import type { EngineRoute, EngineService } from '../../src/core/engine-types.js';
import type { SimClient } from '../../src/sim/client.js';
import type { Link } from '../../src/sim/scenario.js';
import { serviceOver, World } from '../../src/sim/world.js';

/** The good route, a metered one, and servers; `route` changes how the engine sees them. */
interface Site {
  readonly world: World;
  setRoutes(change: (route: EngineRoute) => Partial<EngineRoute>): void;
}

const SERVERS = 20;

function site(
  service: Partial<EngineService>,
  route: (route: EngineRoute) => Partial<EngineRoute> = () => ({}),
  rtts: readonly number[] = [30, 20],
): Site {
  const providers = rtts.map((rtt, i) => ({ name: 'abc'[i], link: { delayMs: rtt / 2 } }));
  const servers = Array.from({ length: SERVERS }, (_, i) => ({ name: `s${i}` }));
  const services = [
    serviceOver(
      rtts.map((_, i) => i + 1),
      { affinity: 'client+destination', affinityMicros: 1_800_000_000, ...service },
    ),
  ];
  const settings = { races: 1024, racesPerClient: 1024, memorySize: 1024 };
  const world = new World({ lan: { clients: 9 }, providers, servers }, { services, settings });
  const cost = Float64Array.of(0, 0, 5, 9);
  world.gateway.engine.setFacts({ cost: cost.subarray(0, rtts.length + 1) }, null);
  const setRoutes: Site['setRoutes'] = (change) =>
    world.gateway.setRoutes(
      world.routes((one) => {
        const made = { ...one, ...route(one) };
        return { ...made, ...change(made) };
      }),
    );
  setRoutes(() => ({}));
  return { world, setRoutes };
}

const metered = ({ number }: EngineRoute): Partial<EngineRoute> => ({ lastResort: number === 2 });

/** A connection every so many milliseconds, over `hosts` servers. */
function connections(world: World, from: number, count: number, everyMs: number, hosts = 1): SimClient[] {
  return Array.from({ length: count }, (_, i) =>
    world.connect({ at: from + i * everyMs, to: `s${i % hosts}`, port: 443 + (i % 3) }),
  );
}

function winners(clients: readonly SimClient[]): number[] {
  return clients.map(({ winner }) => winner);
}

function all(route: number, count: number): number[] {
  return new Array<number>(count).fill(route);
}

/** Whoever would go by route 1 alone: by order, by cost, with its clients, and with a last resort beside it. */
const PREFERRED: [string, Partial<EngineService>, (route: EngineRoute) => Partial<EngineRoute>][] = [
  ['priority', { criterion: 'priority' }, () => ({})],
  ['cheapest', { criterion: 'cheapest' }, () => ({})],
  ['priority, affinity client', { criterion: 'priority', affinity: 'client' }, () => ({})],
  ['round-robin beside a last resort', { criterion: 'round-robin' }, metered],
  ['race beside a last resort', { criterion: 'race' }, metered],
];

describe.each(PREFERRED)('%s', (_, service, route) => {
  it('one lost SYN: whoever comes next goes as before', () => {
    const { world } = site(service, route);
    const before = connections(world, 0, 5, 100);
    world.runUntil(900);
    world.provider('a').drops.add({ packet: 'syn', direction: 'out' });
    const hit = connections(world, 1000, 1, 0);
    const after = connections(world, 4000, 40, 200);
    world.runUntil(20_000);
    expect(winners(before)).toEqual(all(1, 5));
    expect(hit[0].result).toBe('connected');
    expect(winners(after)).toEqual(all(1, 40));
  });

  it('six seconds of silence: within ten seconds everything is back, and nothing was lost', () => {
    const { world } = site(service, route);
    const before = connections(world, 0, 16, 50, 8);
    world.schedule.at(2_000_000, () => world.provider('a').set({ blackhole: true }));
    world.schedule.at(8_000_000, () => world.provider('a').set({ blackhole: false }));
    const during = connections(world, 2000, 60, 100, 8);
    const between = connections(world, 8000, 100, 100, 8);
    const after = connections(world, 18_000, 80, 100, 8);
    world.runUntil(40_000);
    expect(winners(before)).toEqual(all(1, 16));
    expect([...during, ...between].filter(({ result }) => result !== 'connected')).toEqual([]);
    expect(winners(after)).toEqual(all(1, 80));
    expect(Math.max(...after.map(({ connectMicros }) => connectMicros))).toBeLessThan(100_000);
  });

  it.each(['disabled', 'draining', 'link'] as const)('%s and back: everything follows', (way) => {
    const { world, setRoutes } = site(service, route);
    connections(world, 0, 16, 50, 8);
    world.schedule.at(2_000_000, () =>
      setRoutes(({ number }) => {
        if (number !== 1) return {};
        return way === 'link' ? { usable: { 4: false, 6: false } } : { admin: way };
      }),
    );
    const away = connections(world, 2500, 40, 100, 8);
    world.schedule.at(8_000_000, () => setRoutes(() => ({})));
    // A link must prove itself, with connections that others carry.
    connections(world, 8100, 20, 100, 8);
    const after = connections(world, 12_000, 80, 100, 8);
    world.runUntil(30_000);
    expect(winners(away)).toEqual(all(2, 40));
    expect(winners(after)).toEqual(all(1, 80));
  });

  it('`failback: stay`: what has moved away stays', () => {
    const { world, setRoutes } = site(service, (one) => ({ ...route(one), callsBack: false }));
    connections(world, 0, 16, 50, 8);
    world.schedule.at(2_000_000, () =>
      setRoutes(({ number }) => ({ admin: number === 1 ? 'disabled' : 'enabled' })),
    );
    connections(world, 2500, 40, 100, 8);
    world.schedule.at(8_000_000, () => setRoutes(() => ({})));
    const after = connections(world, 12_000, 80, 100, 8);
    world.runUntil(30_000);
    expect(winners(after)).toEqual(all(2, 80));
  });
});

describe('a last resort', () => {
  it('is asked only when a route that is suspect since a moment ago keeps silent', () => {
    const { world } = site({ criterion: 'priority', affinity: 'none' }, metered);
    world.provider('a').set({ blackhole: true });
    // Three silences of one moment; the route answers again before they are noticed.
    connections(world, 0, 3, 1, 3);
    world.schedule.at(1_900_000, () => world.provider('a').set({ blackhole: false }));
    const next = connections(world, 2100, 20, 20, 10);
    world.runUntil(20_000);
    expect(world.gateway.changes.map(({ reason }) => reason)[0]).toBe('rescued');
    expect(winners(next)).toEqual(all(1, 20));
  });

  it('answers for it within half a second if it is dead', () => {
    const { world } = site({ criterion: 'priority', affinity: 'none' }, metered);
    world.provider('a').set({ blackhole: true });
    const first = connections(world, 0, 3, 1, 3);
    const next = connections(world, 2100, 20, 100, 10);
    world.runUntil(20_000);
    expect(winners([...first, ...next])).toEqual(all(2, 23));
    expect(Math.max(...next.map(({ connectMicros }) => connectMicros))).toBeLessThan(600_000);
  });
});

describe('a race', () => {
  const FAST: Partial<Link> = { delayMs: 6 };
  const AFFINITIES: EngineService['affinity'][] = ['none', 'client', 'client+destination'];

  it.each(AFFINITIES)(
    'the fast route returns, and takes back what a satellite had; affinity %s',
    (affinity) => {
      const { world } = site({ affinity }, () => ({}), [12, 600]);
      world.provider('a').set(FAST);
      const before = connections(world, 0, 20, 50, 5);
      world.schedule.at(3_000_000, () => world.provider('a').set({ blackhole: true }));
      world.schedule.at(23_000_000, () => world.provider('a').set({ blackhole: false }));
      // Little traffic: the route does not even become suspect.
      const during = connections(world, 4000, 4, 5000, 5);
      const back = connections(world, 24_000, 20, 1000, 5);
      const after = connections(world, 45_000, 50, 500, 5);
      world.runUntil(90_000);
      expect(winners(before)).toEqual(all(1, 20));
      expect(winners(during)).toEqual(all(2, 4));
      expect(back.filter(({ result }) => result !== 'connected')).toEqual([]);
      expect(winners(after)).toEqual(all(1, 50));
    },
  );

  it.each(AFFINITIES)('the same after an outage that everybody notices; affinity %s', (affinity) => {
    const { world } = site({ affinity }, () => ({}), [12, 600]);
    connections(world, 0, 20, 50, 5);
    world.schedule.at(3_000_000, () => world.provider('a').set({ blackhole: true }));
    world.schedule.at(23_000_000, () => world.provider('a').set({ blackhole: false }));
    const during = connections(world, 3000, 200, 100, 5);
    connections(world, 23_000, 95, 100, 5);
    const after = connections(world, 33_000, 100, 100, 5);
    world.runUntil(60_000);
    expect(during.filter(({ result }) => result !== 'connected')).toEqual([]);
    expect(winners(after)).toEqual(all(1, 100));
  });

  it('a third route that comes and goes moves no group from one address to another', () => {
    const { world, setRoutes } = site({ affinity: 'client' }, () => ({}), [20, 30, 40]);
    connections(world, 0, 10, 50, 5);
    world.schedule.at(2_000_000, () =>
      setRoutes(({ number }) => ({ admin: number === 3 ? 'disabled' : 'enabled' })),
    );
    world.schedule.at(4_000_000, () => setRoutes(() => ({})));
    const after = connections(world, 2500, 100, 100, 20);
    world.runUntil(30_000);
    expect(winners(after)).toEqual(all(1, 100));
  });

  it('a destination that one provider never reaches is asked about increasingly rarely', () => {
    const { world } = site({ affinity: 'client+destination' }, () => ({}), [20, 30]);
    world.provider('a').set({ reject: { '198.51.100.1': 'silent' } });
    const others = connections(world, 500, 300, 1000, 10).filter((_, i) => i % 10 !== 0);
    const clients = connections(world, 0, 300, 1000);
    world.runUntil(310_000);
    expect(new Set(winners(others))).toEqual(new Set([1]));
    expect(winners(clients)).toEqual(all(2, 300));
    expect(Math.max(...clients.map(({ connectMicros }) => connectMicros))).toBeLessThan(100_000);
    const asked = world.trace
      .filter({ kind: 'syn', direction: 'out' })
      .filter(({ provider, destination }) => provider === 1 && destination.startsWith('198.51.100.1:'));
    expect(asked.length).toBeGreaterThan(6);
    expect(asked.length).toBeLessThan(25);
    expect(world.gateway.changes).toEqual([]);
  });
});
