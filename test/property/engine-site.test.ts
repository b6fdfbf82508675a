import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkInvariants } from '../../bench/engine/invariants.js';
import type { Answer, Link, Scenario } from '../../src/sim/scenario.js';
import { World } from '../../src/sim/world.js';
import { type Packet, PROTOCOL } from '../../src/wire/packet.js';

/** Whole sites with everything wrong at once; what must hold whatever the luck. */

const answer = fc.constantFrom<Answer>(
  'rst',
  'host-unreachable',
  'port-unreachable',
  'prohibited',
  'ttl-exceeded',
  'silent',
);

const link: fc.Arbitrary<Partial<Link>> = fc.record({
  delayMs: fc.integer({ min: 0, max: 600 }).map((n) => n / 4),
  jitterMs: fc.constantFrom(0, 0, 5, 50),
  loss: fc.constantFrom(0, 0, 0.05, 0.3),
  reorder: fc.constantFrom(0, 0, 0.2),
  reorderMs: fc.constantFrom(5, 500),
  blackhole: fc.constantFrom<Link['blackhole']>(false, false, false, false, true, 'in', 'out'),
  reject: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: answer.map((each) => ({ '*': each })) },
  ),
});

const fault = fc.record({
  atMs: fc.integer({ min: 0, max: 6000 }),
  provider: fc.integer({ min: 0, max: 7 }),
  set: link,
});

const connection = fc.record({
  at: fc.integer({ min: 0, max: 5000 }),
  client: fc.integer({ min: 0, max: 2 }),
  clientPort: fc.integer({ min: 0, max: 3 }),
  server: fc.integer({ min: 0, max: 1 }),
  isn: fc.integer({ min: 0, max: 5 }),
  bytes: fc.constantFrom(0, 100),
  family: fc.constantFrom<'ipv4' | 'ipv6'>('ipv4', 'ipv4', 'ipv6'),
});

const site = fc.record({
  seed: fc.integer(),
  links: fc.array(link, { minLength: 2, maxLength: 5 }),
  faults: fc.array(fault, { maxLength: 6 }),
  connections: fc.array(connection, { minLength: 1, maxLength: 20 }),
  batchMicros: fc.constantFrom(0, 0, 300, 20_000),
  lanLoss: fc.constantFrom(0, 0, 3, 7),
  duplicate: fc.constantFrom(0, 0, 4),
  races: fc.constantFrom(2, 64),
  routeChanges: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 6000 }),
      usable: fc.integer({ min: 0, max: 31 }),
      up: fc.integer({ min: 0, max: 31 }),
    }),
    { maxLength: 4 },
  ),
});

type Site = typeof site extends fc.Arbitrary<infer T> ? T : never;

function build(plan: Site): World {
  const { seed, links, faults, batchMicros, lanLoss, duplicate, races } = plan;
  const scenario: Scenario = {
    seed,
    lan: { clients: 3 },
    providers: links.map((each, i) => ({ name: `p${i}`, link: each })),
    servers: [{ name: 's0' }, { name: 's1' }],
    faults: faults.map(({ provider, ...rest }) => ({ ...rest, provider: `p${provider % links.length}` })),
  };
  let lan = 0;
  let wire = 0;
  let cured = false;
  const world = new World(scenario, {
    settings: { races, portMemory: 8, racePorts: { from: 40_000, to: 40_063 } },
    batchMicros,
    lanLoses: () => lanLoss > 0 && !cured && ++lan % lanLoss === 0,
    tamper: () => (duplicate > 0 && ++wire % duplicate === 0 ? [0, 7000] : undefined),
  });
  const { engine } = world.gateway;
  world.gateway.afterBatch = () => checkInvariants(engine);
  for (const { at, usable, up } of plan.routeChanges) {
    world.schedule.at(at * 1000, () => {
      world.gateway.setRoutes(
        world.routes((route) => {
          const on = ((usable >> (route.number - 1)) & 1) === 1;
          return { ...route, usable: { 4: on, 6: on } };
        }),
      );
      for (const route of engine.routes)
        world.gateway.setInterface(route.number, ((up >> (route.number - 1)) & 1) === 1);
    });
  }
  // After all that everything works again, so that what is left open can be closed.
  world.schedule.at(9_000_000, () => {
    cured = true;
    world.gateway.setRoutes(world.routes());
    for (const provider of world.providers) {
      world.gateway.setInterface(provider.number, true);
      provider.set({ loss: 0, blackhole: false, reorder: 0 });
    }
  });
  for (const [i, { clientPort, server, isn, ...rest }] of plan.connections.entries()) {
    world.connect({ ...rest, to: `s${server}`, clientPort: 40_000 + clientPort * 13, isn: isn * 70_000 + i });
  }
  return world;
}

/** Not an error about an earlier connection on the same tuple. */
function isAbout(packet: Packet, isn: number): boolean {
  return packet.protocol === PROTOCOL.TCP
    ? packet.acknowledgement === isn + 1
    : packet.quote.sequence === isn;
}

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 250);

describe('a whole site, with everything wrong at once', () => {
  it('nothing breaks, no error comes twice, nobody but the winner talks to the client, nothing is left', () => {
    fc.assert(
      fc.property(site, (plan) => {
        const world = build(plan);
        // Everything works since 9 s: the next SYN+ACK of every half-open entry, 7 s after its SYN at the latest, is answered.
        world.runUntil(18_000);
        expect(world.halfOpen).toBe(0);
        world.runUntil(60_000);
        expect(world.gateway.engine.races.active).toBe(0);
        for (const client of world.clients) {
          const made = client.arrivals.filter(
            ({ provider, packet }) => provider === 0 && isAbout(packet, client.options.isn),
          );
          expect(made.length).toBeLessThanOrEqual(client.result === 'connected' ? 0 : 7);
          const later = client.arrivals.filter(
            ({ at, provider }) => at > client.finishedAt && provider !== client.winner,
          );
          if (client.result === 'connected')
            expect(later.filter(({ provider }) => provider !== 0)).toEqual([]);
          if (client.result === 'connecting') throw new RangeError('connect() never returned');
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('one healthy route within 100 ms: no connection fails or takes longer than over that route, whatever the others do', () => {
    fc.assert(
      fc.property(site, fc.integer({ min: 0, max: 49 }), (plan, delayMs) => {
        const healthy = { delayMs };
        const world = build({
          ...plan,
          links: [healthy, ...plan.links],
          faults: plan.faults.map((each) => ({ ...each, provider: 1 + (each.provider % plan.links.length) })),
          connections: [],
          lanLoss: 0,
          races: 64,
          routeChanges: plan.routeChanges.map(({ at, usable, up }) => ({
            at,
            usable: usable | 1,
            up: up | 1,
          })),
        });
        const clients = plan.connections.map(({ at, family, server }) =>
          world.connect({ at, family, to: `s${server}`, bytes: 10 }),
        );
        world.runUntil(20_000);
        for (const client of clients) {
          expect(client.result).toBe('connected');
          expect(client.connectMicros).toBeLessThanOrEqual(2000 * delayMs + 2 * plan.batchMicros);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
