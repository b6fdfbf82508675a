/** Connect times of one scenario by racing and by each route alone: the same connections at the same times. */
import type { EngineSettings } from '../core/engine-types.js';
import { alignColumns } from '../model/columns.js';
import type { Scenario } from './scenario.js';
import { World } from './world.js';

export interface Load {
  /** How many connections, and how far apart they begin, milliseconds. */
  readonly connections: number;
  readonly everyMs: number;
}

/** One way to choose a route. */
export interface Outcome {
  readonly name: string;
  readonly connected: number;
  /** connect() that ended with an error, the client's own time-out included. */
  readonly failed: number;
  readonly meanMs: number;
  readonly p95Ms: number;
  /** Most half-open entries at one time, over all servers; and those that were left at the end. */
  readonly halfOpenMost: number;
  readonly halfOpenLeft: number;
}

/** Long enough for every connection to be made or given up, and for servers to forget, milliseconds. */
const AFTERMATH_MS = 30_000;
const SETTINGS: Partial<EngineSettings> = { races: 4096, racesPerClient: 4096, portMemory: 65_536 };

/** Racing first, then each route alone. */
export function compare(scenario: Scenario, load: Load): Outcome[] {
  const race = run('race', scenario, load, 0);
  const alone = scenario.providers.map(({ name }, index) => run(name, scenario, load, index + 1));
  return [race, ...alone];
}

/** One run; `only` is the number of the one route that may be used, 0 for all. */
function run(name: string, scenario: Scenario, load: Load, only: number): Outcome {
  const world = new World(scenario, { settings: SETTINGS });
  if (only > 0) {
    const routes = world.routes((route) => ({
      ...route,
      usable: route.number === only ? route.usable : { 4: false, 6: false },
    }));
    world.gateway.setRoutes(routes);
  }
  const servers = world.scenario.servers.length;
  for (let i = 0; i < load.connections; i++) {
    world.connect({ at: i * load.everyMs, to: world.servers[i % servers].name });
  }
  world.runUntil(load.connections * load.everyMs + AFTERMATH_MS);
  const times = world.clients
    .filter(({ result }) => result === 'connected')
    .map(({ connectMicros }) => connectMicros / 1000)
    .sort((a, b) => a - b);
  return {
    name,
    connected: times.length,
    failed: load.connections - times.length,
    meanMs: times.reduce((sum, time) => sum + time, 0) / times.length,
    p95Ms: times[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN,
    halfOpenMost: Math.max(...world.servers.map(({ halfOpenLog }) => highest(halfOpenLog))),
    halfOpenLeft: world.halfOpen,
  };
}

function highest(log: readonly (readonly [number, number])[]): number {
  return log.reduce((most, [, count]) => Math.max(most, count), 0);
}

/** A table in plain text, one block per scenario. */
export function tableText(
  blocks: readonly (readonly [title: string, outcomes: readonly Outcome[]])[],
): string {
  return `${blocks.map(([title, outcomes]) => block(title, outcomes)).join('\n\n')}\n`;
}

const COLUMNS = ['route', 'connected', 'failed', 'mean ms', 'p95 ms', 'half-open, most', 'left'];

function block(title: string, outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.name,
    String(outcome.connected),
    String(outcome.failed),
    milliseconds(outcome.meanMs),
    milliseconds(outcome.p95Ms),
    String(outcome.halfOpenMost),
    String(outcome.halfOpenLeft),
  ]);
  const lines = alignColumns(
    COLUMNS.map((title, at) => ({ title, align: at === 0 ? 'left' : 'right' })),
    [COLUMNS, ...rows].map((row) => row.map((text) => ({ text }))),
  );
  return [title, ...lines.map((line) => line.map(({ text }) => text).join(''))].join('\n');
}

function milliseconds(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(1);
}
