/** What the race thread tells of itself. */
import { bestKnown, recalledRoute, recalling } from '../core/choose/would-recall.js';
import type { Engine } from '../core/engine.js';
import type { Micros } from '../core/engine-types.js';
import { HEALTH_STATES } from '../core/health/health.js';
import {
  addRows,
  CHUNK_SLOTS,
  createChunk,
  createRows,
  type MemoryRows,
  snapshot,
} from '../core/memory/rows.js';
import type { Family } from '../model/address.js';
import { errorCounts } from '../model/errors.js';
import { originMs } from './clock.js';
import type { FrontEnd } from './front-end.js';
import type { CallSnapshot, LaneHealth, MemoryPart, RaceSnapshot, RouteHealth } from './race-messages.js';

/** Health of every route, in both families. */
export function healthOf(engine: Engine): RouteHealth[] {
  return engine.routes
    .filter((route) => route.configured)
    .map(({ number }) => ({ route: number, 4: lane(engine, number, 4), 6: lane(engine, number, 6) }));
}

function lane(engine: Engine, route: number, family: Family): LaneHealth {
  const { health } = engine;
  return {
    state: HEALTH_STATES[health.of(route, family)],
    reason: health.reasonOf(route, family),
    sinceMs: originMs() + health.since(route, family) / 1000,
    generation: health.generationOf(route, family),
    interim: health.interimOf(route, family),
    missed: engine.isMissed(route, family),
  };
}

export function takeSnapshot(
  frontEnd: FrontEnd,
  calls: CallSnapshot,
  { overloads, broken, delay }: Pick<RaceSnapshot, 'overloads' | 'broken' | 'delay'>,
  now: Micros,
): RaceSnapshot {
  const { engine } = frontEnd;
  const { memory } = engine;
  return {
    engine: engine.counters,
    dropped: frontEnd.dropped,
    stale: frontEnd.stale,
    undecodable: frontEnd.lan.undecodable + frontEnd.wan.undecodable,
    overloads,
    broken,
    calls,
    received: { lan: frontEnd.lan.received, wan: frontEnd.wan.received },
    health: healthOf(engine),
    history: engine.measureHistory(now),
    sessions: engine.facts.sessions,
    memory: {
      destinations: memory.destinations,
      ...frontEnd.upkeep.counts(),
      size: memory.size,
      evicted: memory.evicted,
      refused: frontEnd.kernel.refused,
    },
    written: { entries: frontEnd.binder.entries, elements: frontEnd.kernel.elements },
    slots: { taken: engine.races.active, all: engine.races.slots },
    delay,
    errors: errorCounts(),
  };
}

/** All of memory at once, for another thread to go on with. */
export function rowsOf({ memory, memorySettings }: Engine, now: Micros): MemoryRows {
  const rows = createRows(memory.destinations, memory.routes);
  const chunk = createChunk(Math.min(CHUNK_SLOTS, memory.size), memory.routes);
  for (let from = 0; from < memory.size; from += CHUNK_SLOTS) {
    snapshot(memory, from, now, chunk);
    addRows(chunk, memorySettings.forgetMicros, rows);
  }
  return rows;
}

/** A part of memory that can be sent; with `choices`, what it would choose. */
export function memoryPart(
  engine: Engine,
  from: number,
  count: number,
  choices: boolean,
  now: Micros,
): MemoryPart {
  const { memory, memorySettings, site, shard } = engine;
  const chunk = createChunk(Math.max(0, Math.min(count, memory.size - from)), memory.routes);
  const { forgetMicros } = memorySettings;
  snapshot(memory, from, now, chunk);
  const best = new Uint8Array(choices ? chunk.count : 0);
  const trusted = new Uint8Array(choices ? chunk.count : 0);
  const known = recalling(site);
  for (let i = 0; i < best.length; i++) {
    const slot = from + i;
    if (!memory.isUsed(slot)) continue;
    const recalled = recalledRoute(site, shard, known, slot, now);
    best[i] = recalled || bestKnown(site, shard, known, slot, now);
    trusted[i] = recalled === 0 ? 0 : 1;
  }
  const next = from + count < memory.size ? from + count : -1;
  return { chunk, forgetMicros, best, trusted, next };
}
