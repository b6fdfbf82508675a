/**
 * What the kernel shall choose by itself, worked out from the state of the routes and what was measured. Pure. The same
 * criteria as the engine's choose here; what they cannot say for all connections at once stays with the daemon.
 */
import { kindOf } from '../core/choose/candidates.js';
import { CRITERION_KINDS } from '../core/choose/criteria/index.js';
import type { Candidates, KernelPlan, RouteFacts } from '../core/choose/criterion.js';
import { comesBefore, type Standing } from '../core/choose/preference.js';
import { viewOf } from '../core/choose/services.js';
import type { HeldDestination } from '../core/engine-types.js';
import { HEALTH_STATES, MOMENT_MICROS } from '../core/health/health.js';
import { CLOSED_RANK, type KernelChoices } from '../kernel/desired.js';
import type { LaneHealth, RouteHealth } from '../kernel/race-messages.js';
import { isFresh, type ResolvedRoute } from '../kernel/routes.js';
import type { Family } from '../model/address.js';
import { type GatewayConfig, makesCopies, type ServiceConfig } from '../model/config.js';
import type { Admin } from './engine-routes.js';
import type { Numbers } from './numbers.js';
import { isWithin } from './time-of-day.js';

/** All that choices depend on. */
export interface ChoiceInputs {
  readonly config: GatewayConfig;
  readonly resolved: readonly ResolvedRoute[];
  readonly routes: Numbers;
  readonly services: Numbers;
  /** The sets of routes that the kernel has a memory for. */
  readonly masks: readonly number[];
  readonly health: readonly RouteHealth[];
  readonly adminOf: (name: string) => Admin;
  /** Whether a route is a last resort until its quota is renewed. */
  readonly isSpent: (name: string) => boolean;
  /** Destinations that are held on a route by command; none when absent. */
  readonly held?: readonly HeldDestination[];
  readonly facts: RouteFacts;
  /** For the times of services. */
  readonly now: Date;
  readonly monotonicMs: number;
}

export function kernelChoices(inputs: ChoiceInputs): KernelChoices {
  const { config, routes, services, masks, health } = inputs;
  const lane = (route: number, family: Family): LaneHealth | undefined =>
    health.find((one) => one.route === route)?.[family];
  const kind: KindOf = (route, family) => rankOf(inputs, lane(route, family), route, family);
  return {
    isActive: (service) => isWithin(service.match.time, inputs.now),
    numberOf: (service) => services.of(service),
    plan: (service, family) => planOf(inputs, service, family, kind),
    singleOf: (service, family) => {
      if (!makesCopies(service.select.criterion)) return 0;
      const candidates = candidatesOf(inputs, service, family, kind);
      return candidates.count === 0 ? 0 : candidates.routes[0];
    },
    memoryOf: ({ select, win }) => {
      if (select.criterion !== 'race' || config.memory.trustMs === 0) return 0;
      const mask = viewOf({ routes: select.routes.map((name) => routes.of(name)), win });
      return masks.includes(mask) ? mask : 0;
    },
    isOnTrial: ({ select }, family) =>
      select.routes.some((name) => {
        const number = routes.of(name);
        return kind(number, family) < CLOSED_RANK && (lane(number, family)?.state ?? 'up') !== 'up';
      }),
    generation: (service, route, family) => {
      const found = lane(route, family);
      if (found === undefined) return 1;
      return isInterim(inputs, service, route, family) ? found.interim : found.generation;
    },
    rank: kind,
    isSpent: inputs.isSpent,
    held: inputs.held ?? [],
  };
}

/** As the engine's candidates rank; CLOSED_RANK for what takes no new connection. */
function rankOf(
  { resolved, adminOf, isSpent, monotonicMs }: ChoiceInputs,
  lane: LaneHealth | undefined,
  route: number,
  family: Family,
): number {
  const found = resolved.find(({ number }) => number === route);
  if (found === undefined || adminOf(found.config.name) !== 'enabled') return CLOSED_RANK;
  if (!isFresh(found[family === 4 ? 'ipv4' : 'ipv6'])) return CLOSED_RANK;
  const state = lane?.state ?? 'up';
  const isMomentary = state === 'suspect' && lane?.reason !== 'returned' && isRecent(lane, monotonicMs);
  const lastResort = found.config.lastResort || isSpent(found.config.name);
  return kindOf(HEALTH_STATES.indexOf(state), lastResort, isMomentary);
}

function isRecent(lane: LaneHealth | undefined, nowMs: number): boolean {
  return lane !== undefined && nowMs - lane.sinceMs < MOMENT_MICROS / 1000;
}

/** As `isInterim` of the engine (core/health/missed.ts). */
function isInterim(
  { config, routes, health, adminOf, isSpent }: ChoiceInputs,
  { select }: ServiceConfig,
  number: number,
  family: Family,
): boolean {
  const standing = (place: number): Standing => {
    const { cost, lastResort } = config.routes.find(({ name }) => name === select.routes[place])!;
    return { place, cost, lastResort };
  };
  const own = select.routes.findIndex((name) => routes.of(name) === number);
  if (own < 0) return false;
  const usual = standing(own);
  const present = { ...usual, lastResort: usual.lastResort || isSpent(select.routes[own]) };
  return select.routes.some((name, place) => {
    const lane = health.find(({ route }) => route === routes.of(name))?.[family];
    const { failback } = config.routes.find((route) => route.name === name)!;
    const isLeft = (adminOf(name) !== 'enabled' || isSpent(name)) && failback.kind !== 'stay';
    const isAway = lane?.missed === true || isLeft;
    return place !== own && isAway && comesBefore(select.criterion, standing(place), present);
  });
}

type KindOf = (route: number, family: Family) => number;

/** The routes of a service of the best kind there is; none when no route can carry the family. */
function candidatesOf(
  { routes }: ChoiceInputs,
  { select }: ServiceConfig,
  family: Family,
  kind: KindOf,
): Candidates {
  const numbers = select.routes.map((name) => routes.of(name));
  const best = Math.min(...numbers.map((number) => kind(number, family)));
  const candidates: Candidates = { routes: new Uint8Array(32), count: 0 };
  if (best >= CLOSED_RANK) return candidates;
  for (const number of numbers)
    if (kind(number, family) === best) candidates.routes[candidates.count++] = number;
  return candidates;
}

function planOf(
  inputs: ChoiceInputs,
  service: ServiceConfig,
  family: Family,
  kind: KindOf,
): KernelPlan | null {
  const { config, facts } = inputs;
  const { select } = service;
  if (select.criterion === 'rest') return null;
  const candidates = candidatesOf(inputs, service, family, kind);
  // No route of it: the rest route, which the daemon says for each connection.
  if (candidates.count === 0) return null;
  if (select.criterion === 'fixed') return { kind: 'one', routes: [candidates.routes[0]] };
  if (select.criterion === 'race') return null;
  const criterion = CRITERION_KINDS[select.criterion];
  if (criterion.plan === null) return null;
  // Without history every connection is raced, which makes some.
  const unknown = [...candidates.routes.subarray(0, candidates.count)].some(
    (number) => facts.history[number] < 0,
  );
  if (select.criterion === 'fastest-history' && unknown && config.memory.refresh > 0) return null;
  return criterion.plan(candidates, facts, { threshold: select.threshold, by: select.by });
}
