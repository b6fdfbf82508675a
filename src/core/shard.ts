/**
 * What belongs to the connections of one engine: their races, what was measured for their destinations and what the kernel has been
 * told of it, the decisions. Several engines of one site each have a shard, and share nothing of it.
 */
import { IGNORED_REASONS, type IgnoredReason, SINGLE_REASONS, type SingleReason } from '../model/reasons.js';
import { createGroup } from './affinity/group.js';
import { Joins } from './affinity/joins.js';
import { type Candidates, createCandidates } from './choose/criterion.js';
import { REPEATS_LAST_MICROS, RecentChoices } from './choose/recent.js';
import { DecisionRing } from './decisions.js';
import type { AffinityGroup, EngineCounters, EngineSettings } from './engine-types.js';
import { PortMemory } from './limit/ports.js';
import { KernelCopy } from './memory/kernel-copy.js';
import { MemoryTable } from './memory/table.js';
import { SetupStore } from './packets/setup-store.js';
import { Openings } from './payload/openings.js';
import { DeadlineHeap } from './race/heap.js';
import { createPlan, type RacePlan } from './race/plan.js';
import { RaceTable } from './race/table.js';

export interface Shard {
  readonly races: RaceTable;
  readonly setups: SetupStore;
  readonly openings: Openings;
  readonly deadlines: DeadlineHeap;
  readonly ports: PortMemory;
  readonly joins: Joins;
  readonly memory: MemoryTable;
  readonly kernelCopy: KernelCopy;
  /** Called with each destination that leaves memory. */
  leaving: (slot: number) => void;
  readonly recent: RecentChoices;
  /** Flows whose set-up was repeated, and went on by their route alone: the next repeat is not the first. */
  readonly repeated: RecentChoices;
  /** Answers to flows that have no race, as their servers send them. Of any route: who has been answered needs no other one. */
  readonly answered: RecentChoices;
  readonly decisions: DecisionRing;
  readonly counters: EngineCounters;
  /** Reused by whoever chooses or races. */
  readonly candidates: Candidates;
  readonly plan: RacePlan;
  readonly group: AffinityGroup;
  readonly otherGroup: AffinityGroup;
}

export function createShard(settings: EngineSettings): Shard {
  const [first, second] = settings.secret;
  const races = new RaceTable(settings.races, settings.routes, first);
  const shard: Shard = {
    races,
    setups: new SetupStore(settings.races),
    openings: new Openings(settings.races, settings.routes),
    deadlines: new DeadlineHeap(settings.races),
    ports: new PortMemory(settings, races, second),
    joins: new Joins(settings.races, first),
    memory: new MemoryTable({
      size: settings.memorySize,
      routes: settings.routes,
      aggregate: settings.aggregate,
      secret: second,
      leaves: (slot) => shard.leaving(slot),
    }),
    kernelCopy: new KernelCopy(settings.memorySize),
    leaving: () => {},
    recent: new RecentChoices(second),
    repeated: new RecentChoices(second, REPEATS_LAST_MICROS),
    answered: new RecentChoices(second),
    decisions: new DecisionRing(settings.decisions, settings.routes),
    counters: createCounters(settings.routes),
    candidates: createCandidates(),
    plan: createPlan(),
    group: createGroup(),
    otherGroup: createGroup(),
  };
  return shard;
}

function createCounters(routes: number): EngineCounters {
  const column = (): Float64Array => new Float64Array(routes + 1);
  return {
    broken: 0,
    started: 0,
    decided: 0,
    failed: 0,
    attempts: column(),
    wins: column(),
    losses: column(),
    timed: column(),
    timedMicros: column(),
    single: new Float64Array(SINGLE_REASONS.length),
    ignored: new Float64Array(IGNORED_REASONS.length),
    rescues: column(),
  };
}

export function countSingle({ counters }: Shard, reason: SingleReason): void {
  counters.single[SINGLE_REASONS.indexOf(reason)]++;
}

export function countIgnored({ counters }: Shard, reason: IgnoredReason): void {
  counters.ignored[IGNORED_REASONS.indexOf(reason)]++;
}
