/** What the stages of the pipeline share: one value per engine, no globals. */
import type { Family } from '../model/address.js';
import { IGNORED_REASONS, type IgnoredReason, SINGLE_REASONS, type SingleReason } from '../model/reasons.js';
import { createGroup } from './affinity/group.js';
import { Sites } from './affinity/sites.js';
import { AffinityTable } from './affinity/table.js';
import {
  type Candidates,
  type Criterion,
  createCandidates,
  createFacts,
  type RouteFacts,
} from './choose/criterion.js';
import { RecentChoices } from './choose/recent.js';
import { DecisionRing } from './decisions.js';
import type {
  AffinityGroup,
  EngineCounters,
  EngineRoute,
  EngineService,
  EngineSettings,
  MemorySettings,
  RouteNumber,
} from './engine-types.js';
import { Health } from './health/health.js';
import { History } from './health/history.js';
import { ClientLimits } from './limit/clients.js';
import { PathMtu } from './limit/path-mtu.js';
import { PortMemory } from './limit/ports.js';
import { MemoryTable } from './memory/table.js';
import { ToldMemory } from './memory/told.js';
import { DeadlineHeap } from './race/heap.js';
import { RaceTable } from './race/table.js';

/** A service and what its criterion keeps. */
export interface ActiveService extends EngineService {
  /** null: raced, fixed, or left to the kernel. */
  readonly chooser: Criterion | null;
  /** Bits of `routes`. */
  readonly mask: number;
}

export interface Context {
  readonly settings: EngineSettings;
  memorySettings: MemorySettings;
  /** In the order of their numbers: `routes[number - 1]`. */
  routes: readonly EngineRoute[];
  /** By number; entry 0 races over all routes. */
  services: (ActiveService | undefined)[];
  /** The sets of routes that services race over: one memory in the kernel for each. */
  masks: readonly number[];
  /** Some service keeps the clients' addresses. */
  keepsSources: boolean;
  /** Some service counts sessions. */
  countsSessions: boolean;
  readonly facts: RouteFacts;
  readonly history: History;
  readonly health: Health;
  readonly memory: MemoryTable;
  readonly told: ToldMemory;
  /** Called with each destination that leaves memory. */
  leaving: (slot: number) => void;
  readonly affinity: AffinityTable;
  readonly sites: Sites;
  readonly recent: RecentChoices;
  readonly races: RaceTable;
  readonly deadlines: DeadlineHeap;
  readonly clients: ClientLimits;
  readonly ports: PortMemory;
  readonly pathMtu: PathMtu;
  readonly decisions: DecisionRing;
  readonly counters: EngineCounters;
  /** Reused by whoever chooses. */
  readonly candidates: Candidates;
  readonly racers: Candidates;
  readonly group: AffinityGroup;
}

export function createContext(settings: EngineSettings): Context {
  const [first, second] = settings.secret;
  const races = new RaceTable(settings.races, settings.routes, first);
  const column = (): Float64Array => new Float64Array(settings.routes + 1);
  const context: Context = {
    settings,
    memorySettings: { trustMicros: 0, forgetMicros: 0, refresh: 0, stagger: 'never' },
    routes: [],
    services: [],
    masks: [],
    keepsSources: false,
    countsSessions: false,
    facts: createFacts(settings.routes),
    history: new History(settings.routes),
    health: new Health(settings.routes),
    memory: new MemoryTable({
      size: settings.memorySize,
      routes: settings.routes,
      aggregate: settings.aggregate,
      secret: second,
      leaves: (slot) => context.leaving(slot),
    }),
    leaving: () => {},
    told: new ToldMemory(settings.memorySize),
    affinity: new AffinityTable(first),
    sites: new Sites(),
    recent: new RecentChoices(second),
    races,
    deadlines: new DeadlineHeap(settings.races),
    clients: new ClientLimits(settings, second),
    ports: new PortMemory(settings, races, second),
    pathMtu: new PathMtu(),
    decisions: new DecisionRing(settings.decisions, settings.routes),
    counters: {
      started: 0,
      decided: 0,
      failed: 0,
      attempts: column(),
      wins: column(),
      losses: column(),
      single: new Float64Array(SINGLE_REASONS.length),
      ignored: new Float64Array(IGNORED_REASONS.length),
      rescues: column(),
    },
    candidates: createCandidates(),
    racers: createCandidates(),
    group: createGroup(),
  };
  return context;
}

/** The present generation of a route: what was kept of an earlier one is void. */
export function generationOf(context: Context, route: RouteNumber, family: Family): number {
  return context.health.generationOf(route, family);
}

export function countSingle(context: Context, reason: SingleReason): void {
  context.counters.single[SINGLE_REASONS.indexOf(reason)]++;
}

export function countIgnored(context: Context, reason: IgnoredReason): void {
  context.counters.ignored[IGNORED_REASONS.indexOf(reason)]++;
}
