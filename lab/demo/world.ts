/** The small internet of the demo: three providers, twelve destinations, each provider the nearest of a third of them. */

import { type Random, random } from '../../src/sim/random.js';
import type { Provider, Scenario } from '../../src/sim/scenario.js';

export interface World {
  readonly scenario: Scenario;
  readonly providers: readonly string[];
  readonly destinations: readonly Destination[];
}

export interface Destination {
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Round-trip time by provider name, without jitter. */
  readonly roundTripMs: Readonly<Record<string, number>>;
}

/** Mean round trip when every destination is reached by the nearest of these providers: what nothing can beat. */
export function nearestMeanMs(world: World, providers: readonly string[]): number {
  const best = world.destinations.map(({ roundTripMs }) =>
    Math.min(...providers.map((name) => roundTripMs[name] ?? Number.POSITIVE_INFINITY)),
  );
  return best.reduce((sum, each) => sum + each, 0) / best.length;
}

/** Equal seeds make equal worlds. */
export function makeWorld(seed: number): World {
  const draw = random(seed);
  const places = shuffle(PLACES, draw);
  const made = places.map((name, index) => ({ name, oneWayMs: oneWay(index, draw) }));
  const servers = shuffle(made, draw).map(({ name, oneWayMs }, index) => ({
    name,
    oneWayMs,
    ipv4: `198.51.100.${index + 1}`,
    ipv6: `2001:db8:100::${(index + 1).toString(16)}`,
  }));
  return {
    scenario: {
      seed,
      lan: { clients: 2 },
      providers: PROVIDERS,
      servers: servers.map(({ name, ipv4, ipv6, oneWayMs }) => ({
        name,
        ipv4: [ipv4],
        ipv6: [ipv6],
        distanceMs: perProvider((provider, at) => (oneWayMs[at] ?? 0) - baseMs(provider)),
      })),
    },
    providers: PROVIDERS.map(({ name }) => name),
    destinations: servers.map(({ name, ipv4, ipv6, oneWayMs }) => ({
      name,
      ipv4,
      ipv6,
      roundTripMs: perProvider((_, at) => 2 * (oneWayMs[at] ?? 0)),
    })),
  };
}

/** All items in an order of `draw`'s choice. */
export function shuffle<Item>(items: readonly Item[], draw: Random): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(draw() * (last + 1));
    [result[last], result[other]] = [result[other] as Item, result[last] as Item];
  }
  return result;
}

const PROVIDERS: readonly Provider[] = [
  { name: 'fiber', link: { delayMs: 2, jitterMs: 0.3 } },
  { name: 'cable', link: { delayMs: 4, jitterMs: 0.5 } },
  { name: 'radio', link: { delayMs: 8, jitterMs: 1 } },
];

const PLACES = [
  ...['athens', 'berlin', 'cairo', 'dublin', 'geneva', 'lagos'],
  ...['lima', 'osaka', 'oslo', 'quito', 'seoul', 'tokyo'],
] as const;

/** One-way milliseconds over each provider, far enough apart that jitter never changes the order. */
function oneWay(index: number, draw: Random): number[] {
  const nearest = 9 + 9 * draw();
  const second = nearest + 6 + 6 * draw();
  const third = second + 6 + 8 * draw();
  const swap = draw() < 0.5;
  const others = swap ? [third, second] : [second, third];
  const best = index % PROVIDERS.length;
  return PROVIDERS.map((_, at) => round(at === best ? nearest : (others[at > best ? at - 1 : at] ?? 0)));
}

function perProvider(value: (provider: Provider, at: number) => number): Record<string, number> {
  return Object.fromEntries(PROVIDERS.map((provider, at) => [provider.name, round(value(provider, at))]));
}

function baseMs(provider: Provider): number {
  return provider.link?.delayMs ?? 0;
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
