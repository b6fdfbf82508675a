/** Keeps the memory over a restart: read once, written in the background. Commands and quotas are apart (books.ts). */
import { addRows, CHUNK_SLOTS, createRows, type MemoryRows } from '../core/memory/rows.js';
import { monotonicMs } from '../kernel/clock.js';
import type { StoredMemory } from '../kernel/race-messages.js';
import type { PathMtuFound } from '../kernel/routes.js';
import type { GatewayConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';
import type { OldRoute } from './books.js';
import type { Numbers } from './numbers.js';
import { leaveBehind, within } from './patience.js';
import type { RaceClient } from './race-client.js';
import { elapsedSince, type StoreContent } from './store/content.js';
import { StoreFile } from './store/file.js';
import { readOldRoutes } from './store/old-routes.js';
import { factsOf, SavePolicy } from './store/policy.js';

export class Persistence {
  private readonly file: StoreFile | null;
  private readonly policy = new SavePolicy();
  /** What the next race thread shall go on with. */
  private content: StoreContent | null = null;
  /** Monotonic time when this process was handed it; null: it is from the file. */
  private handedAtMs: number | null = null;

  constructor(
    private readonly config: GatewayConfig,
    private readonly log: Log,
  ) {
    const { store, size } = config.memory;
    this.file = store === null ? null : new StoreFile(store, { destinations: size });
  }

  /** Reads what the last run left, and says so. */
  async load(): Promise<void> {
    if (this.file === null) return;
    const found = await within(this.file.read(), READ_MS);
    if (found === null) {
      leaveBehind();
      this.log.warn(
        { event: 'store-stuck' },
        `${this.file.path} does not get read, the disk hangs: starting without it`,
      );
      return;
    }
    if (found.kind === 'content') {
      this.content = found.content;
      this.policy.wrote(found.content, performance.now(), 0);
      const { count } = found.content.memory;
      this.log.info({ event: 'store-loaded', destinations: count }, `remembered ${count} destinations`);
    } else if (found.kind === 'refused') {
      const aside = found.keptAs === null ? '' : `; it is kept as ${found.keptAs}`;
      this.log.warn(
        { event: 'store-refused', reason: found.reason },
        `${this.file.path} cannot be used, starting with an empty memory: ${found.message}${aside}`,
      );
    }
  }

  /** Names of routes in the order of the numbers they had. */
  get routeNames(): string[] {
    return this.content?.routes.slice(0, this.content.memory.routes).map(({ name }) => name) ?? [];
  }

  /** Names of services in the same way; '' where there was none. */
  get serviceNames(): readonly string[] {
    return this.content?.services ?? [];
  }

  /** Largest packets that were found to pass, by the names of routes. */
  pathMtus(): [string, PathMtuFound][] {
    const routes = this.content?.routes ?? [];
    return routes.flatMap(({ name, pathMtu }) => (pathMtu === undefined ? [] : [[name, pathMtu]]));
  }

  /** Commands and quotas that a file of before has. */
  async oldRoutes(): Promise<readonly OldRoute[]> {
    return this.file === null ? [] : readOldRoutes(this.file.path);
  }

  /** What the race thread shall remember, until it is `taken`. */
  memoryAt(nowMs: number, routes: Numbers): StoredMemory | null {
    const { content } = this;
    if (content === null) return null;
    const newNumber = [0, ...content.routes.map(({ name }) => routes.of(name))];
    const elapsedMs =
      this.handedAtMs === null
        ? elapsedSince(content.savedAtMs, nowMs, this.config.memory.trustMs)
        : monotonicMs() - this.handedAtMs;
    return { rows: content.memory, newNumber, elapsedMs };
  }

  /** A race thread goes on with it: from now on it is asked. */
  taken(): void {
    this.content = null;
    this.handedAtMs = null;
  }

  /** A race thread has ended, and this is what it remembered; null: it could not tell. */
  handOver(memory: MemoryRows | null, context: SaveContext): void {
    if (memory === null) return;
    this.content = contentOf(memory, context.numbers.routes.list(), context, Date.now());
    this.handedAtMs = monotonicMs();
  }

  /** A race thread has ended and could not tell what it remembered: then it is what was saved last. */
  async recover(): Promise<void> {
    if (this.content === null) await this.load();
  }

  /**
   * Writes everything as it is now, where that is due (store/policy.ts). While there is no race thread its memory is what the next one will be
   * given. `isLast`: there is no later time.
   */
  async save(race: RaceClient, context: SaveContext, isLast = false): Promise<void> {
    if (this.file === null) return;
    const { content } = this;
    // Of a thread that has ended without a word nothing is known: better what was saved before than less.
    if (content === null && race.hasEnded) return;
    const facts = factsOf(routesOf(context.numbers.routes.list(), context), context.numbers.services.list());
    if (!isLast && content === null && !this.policy.mayBeDue(facts, performance.now())) return;
    const now = performance.now();
    const wanted =
      content === null
        ? contentOf(
            await readMemory(race, this.config.memory.size),
            context.numbers.routes.list(),
            context,
            Date.now(),
          )
        : contentOf(
            content.memory,
            content.routes.map(({ name }) => name),
            context,
            content.savedAtMs,
          );
    if (!this.policy.isDue(wanted, now, isLast)) return;
    const written = await this.file.write(wanted);
    if (written.ok) this.policy.wrote(wanted, now, written.bytes);
    else
      this.log.warn(
        { event: 'store-failed', reason: written.reason },
        `could not write ${this.file.path}: ${written.message}`,
      );
  }
}

/** What is saved besides memory. */
export interface SaveContext {
  readonly numbers: { readonly routes: Numbers; readonly services: Numbers };
  pathMtuOf(name: string): PathMtuFound | null;
}

/** A start waits so long for what the last run has left. */
const READ_MS = 3000;

/** Between two looks whether anything has to be written. */
export const SAVE_MS = 60_000;

function pathMtu(found: PathMtuFound | null): { pathMtu?: PathMtuFound } {
  return found === null ? {} : { pathMtu: found };
}

/** `names`: of the routes, by the numbers that the memory has them by. */
function contentOf(
  memory: MemoryRows,
  names: readonly string[],
  context: SaveContext,
  savedAtMs: number,
): StoreContent {
  const routes = routesOf(names, context);
  return { savedAtMs, routes, services: context.numbers.services.list(), statistics: {}, memory };
}

function routesOf(names: readonly string[], { pathMtuOf }: SaveContext): StoreContent['routes'] {
  return names.map((name) => ({
    name,
    statistics: {},
    ...pathMtu(pathMtuOf(name)),
  }));
}

/** All rows, a part at a time. */
async function readMemory(race: RaceClient, size: number): Promise<MemoryRows> {
  let rows: MemoryRows | null = null;
  for (let from = 0; from >= 0; ) {
    const { chunk, forgetMicros, next } = await race.memory(from, CHUNK_SLOTS, false);
    rows ??= createRows(size, chunk.routes);
    addRows(chunk, forgetMicros, rows);
    from = next;
  }
  return rows ?? createRows(0, 1);
}
