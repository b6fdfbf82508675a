/** 200 connections over three routes in the simulator, chosen by one criterion: which route each of them took. */
import { CRITERION_KINDS } from '../../src/core/choose/criteria/index.js';
import type { RouteFacts } from '../../src/core/choose/criterion.js';
import type { EngineService } from '../../src/core/engine-types.js';
import type { SimClient } from '../../src/sim/client.js';
import type { Connect } from '../../src/sim/world.js';
import { serviceOver, World } from '../../src/sim/world.js';

export const CONNECTIONS = 200;
export const EVERY_MS = 100;

/** The three routes of all pictures. */
export const ROUTES = [
  { name: 'fiber', rttMs: 18, weight: 5, capacityMbit: 100, cost: 2 },
  { name: 'cable', rttMs: 26, weight: 3, capacityMbit: 60, cost: 1 },
  { name: 'lte', rttMs: 48, weight: 2, capacityMbit: 20, cost: 8 },
] as const;

/** Servers 1 to 10. What a route takes longer, or less, to some of them, milliseconds one way. */
const SERVERS = 10;
const FARTHER: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  4: { fiber: 20 },
  7: { fiber: 40, cable: 30 },
  9: { fiber: 12, lte: 30 },
};

export interface Story {
  readonly service: Partial<EngineService>;
  /** Further services by the port of a connection. */
  readonly services?: readonly (Partial<EngineService> & { readonly port: number })[];
  /** What is measured from the connection of this number on (0: from the start). */
  readonly facts?: Readonly<Record<number, Facts>>;
  /** What happens just before the connection of this number. */
  readonly events?: Readonly<Record<number, (world: World) => void>>;
  /** Of the nth connection, from 0. */
  readonly connection?: (number: number) => Partial<Connect>;
  readonly refresh?: number;
  /** The kernel has a plan of the history, and asks for what `refresh` says alone. */
  readonly planned?: boolean;
  /** Nothing is remembered: every connection is raced. */
  readonly forgets?: boolean;
}

const FIXED = 10;

function fixedService(route: number): EngineService {
  return serviceOver([route], { number: FIXED + route, criterion: 'fixed' });
}

/**
 * What the daemon tells the kernel of `fastest-history` (src/daemon/choices.ts): the route with the least mean once every route has one,
 * but for a share of the connections, which is raced again.
 */
class HistoryPlan {
  private seen = 0;

  constructor(private readonly refresh: number) {}

  service(world: World): number | undefined {
    const { engine } = world.gateway;
    const known = engine.measureHistory(world.schedule.now);
    const routes = ROUTES.map((_, at) => at + 1);
    if (routes.some((route) => known[route] < 0)) return undefined;
    if (++this.seen % Math.round(1 / this.refresh) === 0) return undefined;
    const candidates = { routes: Uint8Array.from(routes), count: routes.length };
    const options = { threshold: 0, by: 'client' } as const;
    const plan = CRITERION_KINDS['fastest-history'].plan?.(candidates, engine.facts, options);
    return FIXED + (plan?.routes[0] ?? 0);
  }
}

/** Columns of what is known of the routes, in their order. */
export type Facts = Partial<Record<keyof RouteFacts, readonly number[]>>;

/** Number of the route that carried each connection, from 1; 0: none did. */
export function runStory(story: Story): readonly number[] {
  const services = [story.service, ...(story.services ?? [])].map((fields, at) => {
    const { port, ...own } = fields as Partial<EngineService> & { port?: number };
    return { port, service: serviceOver([1, 2, 3], { number: at + 1, ...own }) };
  });
  const plan = story.planned === true ? new HistoryPlan(story.refresh ?? 0) : null;
  const world: World = new World(
    {
      seed: 7,
      lan: { clients: 20 },
      providers: ROUTES.map(({ name, rttMs }) => ({ name, link: { delayMs: rttMs / 2 } })),
      servers: Array.from({ length: SERVERS }, (_, at) => ({
        name: `s${at + 1}`,
        ipv4: [`198.51.100.${at + 1}`],
        distanceMs: FARTHER[at + 1] ?? 0,
      })),
    },
    {
      services: [
        ...services.map(({ service }) => service),
        ...(plan === null ? [] : ROUTES.map((_, at) => fixedService(at + 1))),
      ],
      serviceOf: ({ destinationPort }) =>
        plan?.service(world) ?? services.find(({ port }) => port === destinationPort)?.service.number ?? 1,
      memory: {
        refresh: story.refresh ?? 0,
        ...(story.forgets === true ? { trustMicros: 0, forgetMicros: 0 } : {}),
      },
      settings: { memorySize: 1024, decisions: 16, races: 512, racesPerClient: 512 },
    },
  );
  tell(world, {
    weight: ROUTES.map(({ weight }) => weight),
    cost: ROUTES.map(({ cost }) => cost),
    capacity: ROUTES.map(({ capacityMbit }) => capacityMbit * 1e6),
  });
  const clients: SimClient[] = [];
  for (let number = 0; number < CONNECTIONS; number++) {
    const at = 1000 + number * EVERY_MS;
    clients.push(
      world.connect({
        at,
        to: `s${(number % SERVERS) + 1}`,
        client: number % 20,
        ...story.connection?.(number),
      }),
    );
    const facts = story.facts?.[number];
    const event = story.events?.[number];
    world.schedule.at((at - 1) * 1000, () => {
      if (facts !== undefined) tell(world, facts);
      event?.(world);
    });
  }
  world.runUntil(1000 + CONNECTIONS * EVERY_MS + 12_000);
  return clients.map(({ result, winner }) => (result === 'connected' ? winner : 0));
}

function tell(world: World, facts: Facts): void {
  const columns = Object.entries(facts).map(([name, values]) => [name, Float64Array.from([0, ...values])]);
  world.gateway.engine.setFacts(Object.fromEntries(columns) as Partial<RouteFacts>, 3_600_000_000);
}

/** A route cannot be used from here on, or can again. */
export function link(route: number, up: boolean): (world: World) => void {
  return (world) => {
    world.gateway.setRoutes(
      world.routes((each) => (each.number === route ? { ...each, usable: { 4: up, 6: up } } : each)),
    );
  };
}
