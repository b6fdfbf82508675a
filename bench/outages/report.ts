/** What a run has seen, added up over episodes: counts, percentiles, times until all was well, violations. */
import { VERDICT, VERDICT_NAMES } from '../../src/core/memory/verdicts.js';
import { IGNORED_REASONS, SINGLE_REASONS } from '../../src/model/reasons.js';
import { type Episode, serviceOf } from './episode.js';
import { type Judged, judge, type Violation } from './judge.js';

/** Counters by name. */
export type Counts = Record<string, number>;

/** Numbers of the connections that took so many milliseconds longer than plain NAT by the wanted route; the last bound is open. */
export const LATE_BOUNDS_MS = [
  -500, -100, -10, 0, 1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000,
] as const;

export interface Report {
  episodes: number;
  connections: number;
  /** Of these, made; with a living route; without one; refused by a route that was chosen alone and rejects. */
  made: number;
  hadLivingRoute: number;
  hadNone: number;
  madeWithoutLivingRoute: number;
  refused: number;
  readonly late: number[];
  mostLateMs: number;
  /** By criterion: milliseconds after all was well at which the last connection began that went another way. */
  readonly lastWrongMs: Counts;
  /** By criterion: connections that began when all was well, and those of them that went another way. */
  readonly quiet: Counts;
  readonly wrong: Counts;
  readonly coverage: Counts;
  /** The first of them. */
  readonly violations: (Violation & { readonly seed: number })[];
  /** All. */
  violationCount: number;
}

/** No more are kept: the first says enough. */
const MOST_VIOLATIONS = 50;

export function createReport(): Report {
  return {
    episodes: 0,
    connections: 0,
    made: 0,
    hadLivingRoute: 0,
    hadNone: 0,
    madeWithoutLivingRoute: 0,
    refused: 0,
    late: new Array<number>(LATE_BOUNDS_MS.length + 1).fill(0),
    mostLateMs: 0,
    lastWrongMs: {},
    quiet: {},
    wrong: {},
    coverage: {},
    violations: [],
    violationCount: 0,
  };
}

/** Judges an episode and adds it. */
export function addEpisode(report: Report, episode: Episode): void {
  const { judged, violations } = judge(episode);
  report.episodes++;
  report.connections += judged.length;
  for (const one of judged) addConnection(report, episode, one);
  report.violationCount += violations.length;
  for (const violation of violations)
    if (report.violations.length < MOST_VIOLATIONS)
      report.violations.push({ ...violation, seed: episode.plan.seed });
  addCoverage(report.coverage, episode);
}

/** Adds what another thread has seen. */
export function addReport(to: Report, from: Report): void {
  for (const key of [
    'episodes',
    'connections',
    'made',
    'hadLivingRoute',
    'hadNone',
    'madeWithoutLivingRoute',
    'refused',
  ] as const)
    to[key] += from[key];
  for (const [i, count] of from.late.entries()) to.late[i]! += count;
  to.mostLateMs = Math.max(to.mostLateMs, from.mostLateMs);
  for (const [name, ms] of Object.entries(from.lastWrongMs))
    to.lastWrongMs[name] = Math.max(to.lastWrongMs[name] ?? 0, ms);
  for (const key of ['quiet', 'wrong', 'coverage'] as const)
    for (const [name, count] of Object.entries(from[key])) add(to[key], name, count);
  to.violationCount += from.violationCount;
  to.violations.push(...from.violations.slice(0, MOST_VIOLATIONS - to.violations.length));
}

/** The bound below which a share of the connections was, milliseconds. */
export function lateness({ late }: Report, share: number): number {
  const total = late.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [i, count] of late.entries()) {
    seen += count;
    if (seen >= share * total) return LATE_BOUNDS_MS[i] ?? Number.POSITIVE_INFINITY;
  }
  return Number.NaN;
}

function addConnection(report: Report, { plan }: Episode, one: Judged): void {
  const { criterion } = serviceOf(plan, one.connection.service);
  const isMade = one.client.result === 'connected';
  if (isMade) report.made++;
  if (one.hadLivingRoute) report.hadLivingRoute++;
  else {
    report.hadNone++;
    if (isMade) report.madeWithoutLivingRoute++;
  }
  if (one.wasRefused) report.refused++;
  if (!Number.isNaN(one.lateMs)) {
    const at = LATE_BOUNDS_MS.findIndex((bound) => one.lateMs <= bound);
    report.late[at < 0 ? LATE_BOUNDS_MS.length : at]!++;
    report.mostLateMs = Math.max(report.mostLateMs, one.lateMs);
  }
  if (one.quietMs === null) return;
  add(report.quiet, criterion, 1);
  if (!one.isWrong) return;
  add(report.wrong, criterion, 1);
  report.lastWrongMs[criterion] = Math.max(report.lastWrongMs[criterion] ?? 0, one.quietMs);
}

function addCoverage(coverage: Counts, { plan, world, deeds }: Episode): void {
  const { engine, changes } = world.gateway;
  for (const { criterion, affinity } of plan.services) {
    add(coverage, `criterion ${criterion}`, 1);
    add(coverage, `affinity ${affinity}`, 1);
  }
  for (const { kind, isFlap } of plan.outages)
    add(coverage, isFlap ? `flaps of ${kind}` : `outage ${kind}`, 1);
  if (plan.routes.some(({ lastResort }) => lastResort)) add(coverage, 'sites with a last resort', 1);
  if (plan.routes.some(({ families }) => families.length === 1))
    add(coverage, 'sites with a route of one family', 1);
  for (const [name, count] of Object.entries(deeds)) add(coverage, DEEDS[name as keyof typeof DEEDS], count);
  for (const { reason } of changes) add(coverage, `health ${reason}`, 1);
  const { counters, health, memory } = engine;
  for (const count of counters.rescues) add(coverage, 'rescues', count);
  for (const family of [4, 6] as const) add(coverage, 'interim generations', health.returnsOf(family));
  for (const [i, name] of SINGLE_REASONS.entries()) add(coverage, `alone: ${name}`, counters.single[i]!);
  for (const [i, name] of IGNORED_REASONS.entries()) add(coverage, `packet: ${name}`, counters.ignored[i]!);
  add(coverage, 'races', counters.started);
  add(coverage, 'races without a winner', counters.failed);
  add(coverage, 'decided by the kernel: group', world.gateway.kernel.maps.pinned);
  add(coverage, 'decided by the kernel: memory', world.gateway.kernel.maps.remembered);
  add(coverage, 'drawn to the daemon', world.gateway.kernel.maps.drawn);
  add(coverage, 'destinations that gave way', memory.evicted);
  for (let at = 0; at < memory.mostUsed * memory.routes; at++)
    if (memory.verdicts.kind[at] !== VERDICT.NONE)
      add(coverage, `verdict ${VERDICT_NAMES[memory.verdicts.kind[at]!]}`, 1);
}

const DEEDS = {
  asked: 'routes asked',
  askedAlive: 'routes asked: alive',
  askedDead: 'routes asked: dead',
  askedUnknown: 'routes asked: nobody can tell',
  probed: 'next hops asked',
  checksFailed: 'checks failed',
  cuts: 'flows cut',
} as const;

function add(counts: Counts, name: string, count: number): void {
  if (count > 0) counts[name] = (counts[name] ?? 0) + count;
}
