/** What the stages of the pipeline share: one value per engine, no globals. */
import { IGNORED_REASONS, type IgnoredReason, SINGLE_REASONS, type SingleReason } from '../model/reasons.js';
import { DecisionRing } from './decisions.js';
import type { EngineCounters, EngineRoute, EngineSettings } from './engine-types.js';
import { ClientLimits } from './limit/clients.js';
import { PathMtu } from './limit/path-mtu.js';
import { PortMemory } from './limit/ports.js';
import { DeadlineHeap } from './race/heap.js';
import { RaceTable } from './race/table.js';

export interface Context {
  readonly settings: EngineSettings;
  /** In the order of their numbers: `routes[number - 1]`. */
  routes: readonly EngineRoute[];
  readonly races: RaceTable;
  readonly deadlines: DeadlineHeap;
  readonly clients: ClientLimits;
  readonly ports: PortMemory;
  readonly pathMtu: PathMtu;
  readonly decisions: DecisionRing;
  readonly counters: EngineCounters;
}

export function createContext(settings: EngineSettings): Context {
  const [first, second] = settings.secret;
  const races = new RaceTable(settings.races, settings.routes, first);
  return {
    settings,
    routes: [],
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
      attempts: new Float64Array(settings.routes + 1),
      wins: new Float64Array(settings.routes + 1),
      losses: new Float64Array(settings.routes + 1),
      single: new Float64Array(SINGLE_REASONS.length),
      ignored: new Float64Array(IGNORED_REASONS.length),
    },
  };
}

export function countSingle(context: Context, reason: SingleReason): void {
  context.counters.single[SINGLE_REASONS.indexOf(reason)]++;
}

export function countIgnored(context: Context, reason: IgnoredReason): void {
  context.counters.ignored[IGNORED_REASONS.indexOf(reason)]++;
}
