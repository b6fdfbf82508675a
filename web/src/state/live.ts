/** What the gateway tells by itself: the stream of events, and what is asked beside it when something has changed. */
import { computed, signal } from '@preact/signals';
import type {
  AlarmEvent,
  CountersEvent,
  RouteDetail,
  RouteEvent,
  RouteStatus,
  Status,
} from '../../../src/api/contract.js';
import { api, codeOf } from './api.js';
import { withNextFrame } from './frames.js';
import { beginHistory, extendHistories } from './history.js';
import { learnRoutes } from './palette.js';
import { beginRaces, forgetRaces, MAX_SHOWN, takeDecisions } from './races.js';
import { lookAtSession } from './session.js';

export type Stream =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'open'; readonly awayMs: number | null }
  /** `since`: milliseconds since 1970. */
  | { readonly kind: 'away'; readonly since: number; readonly why: string | null };

export const stream = signal<Stream>({ kind: 'waiting' });
export const status = signal<Status | null>(null);
export const counters = signal<CountersEvent | null>(null);
export const alarms = signal<readonly string[]>([]);
/** What a state does not tell: cost, weight, evidence. By name. */
export const details = signal<ReadonlyMap<string, RouteDetail>>(new Map());

/** What has happened to routes and alarms, newest first. BOUNDED: MAX_HAPPENED. */
export interface Happened {
  readonly key: number;
  readonly time: number;
  readonly what:
    | { readonly kind: 'route'; readonly event: RouteEvent }
    | { readonly kind: 'raised' | 'cleared'; readonly alarm: string }
    | { readonly kind: 'away' | 'back'; readonly ms: number };
}
export const happened = signal<readonly Happened[]>([]);
const MAX_HAPPENED = 40;

/** Routes with the newest that is known of each. */
export const routes = computed<readonly RouteStatus[]>(() => status.value?.routes ?? []);
export const routeNames = computed(() => routes.value.map(({ name }) => name).join('\n'));

let stop: (() => void) | null = null;
let asking: ReturnType<typeof setInterval> | null = null;
let lastKey = 0;

/** Begins when somebody may read, ends when nobody may. */
export function follow(): () => void {
  stop?.();
  stream.value = { kind: 'waiting' };
  stop = api.follow({
    event: (name, data) => withNextFrame(() => take(name, data)),
    state: (isOpen, error) => withNextFrame(() => note(isOpen, error)),
  });
  asking = setInterval(askStatus, STATUS_EVERY_MS);
  askAll();
  return () => {
    stop?.();
    stop = null;
    if (asking !== null) clearInterval(asking);
    forgetRaces();
  };
}

const STATUS_EVERY_MS = 10_000;

/** Asks again what a change has made old. */
export function askStatus(): void {
  api.call('GET /v1/status').then(takeStatus, onFailure);
}

function askAll(): void {
  api
    .call('GET /v1/decisions', { query: { limit: MAX_SHOWN } })
    .then(({ decisions }) => withNextFrame(() => beginRaces(decisions)))
    .catch(onFailure);
  api
    .call('GET /v1/status')
    .then((now) => {
      takeStatus(now);
      return Promise.all(now.routes.map(({ name }) => askDetail(name)));
    })
    .catch(onFailure);
}

/** One route, with its history. */
export async function askDetail(name: string): Promise<void> {
  const detail = await api.call('GET /v1/routes/{name}', { params: { name } });
  withNextFrame(() => {
    beginHistory(detail);
    details.value = new Map([...details.value, [name, detail]]);
  });
}

function onFailure(error: unknown): void {
  if (codeOf(error) === 'E_UNAUTHENTICATED') lookAtSession().catch(() => undefined);
}

function takeStatus(now: Status): void {
  learnRoutes(now.routes.map(({ name }) => name));
  const isNew = now.routes.some(({ name }) => !details.value.has(name));
  const hadOne = status.value !== null;
  status.value = now;
  alarms.value = now.alarms;
  if (isNew && hadOne) for (const { name } of now.routes) askDetail(name).catch(onFailure);
}

function take(name: string, data: unknown): void {
  if (name === 'decision') takeDecisions(data as Parameters<typeof takeDecisions>[0]);
  else if (name === 'counters') takeCounters(data as CountersEvent);
  else if (name === 'route') takeRoute(data as RouteEvent);
  else if (name === 'alarm') takeAlarms(data as AlarmEvent);
}

function takeCounters(now: CountersEvent): void {
  learnRoutes(now.routes.map(({ name }) => name));
  counters.value = now;
  extendHistories(now);
  const before = status.value;
  if (before === null) return;
  const byName = new Map(now.routes.map((route) => [route.name, route]));
  status.value = {
    ...before,
    races: { ...before.races, ...pick(now.races) },
    memory: { ...before.memory, ...now.memory },
    routes: before.routes.map((route) => {
      const fresh = byName.get(route.name);
      if (fresh === undefined) return route;
      const { state, attempts, wins, losses, rescues, connections, in: into, out } = fresh;
      return { ...route, state, attempts, wins, losses, rescues, connections, traffic: { in: into, out } };
    }),
  };
  if (now.routes.some(({ name }) => !before.routes.some((route) => route.name === name))) askStatus();
}

function pick({ started, decided, failed, active }: CountersEvent['races']) {
  return { started, decided, failed, active };
}

function takeRoute(event: RouteEvent): void {
  add({ kind: 'route', event }, Date.parse(event.since));
  const { route: name, state, reasons, since } = event;
  if (status.value !== null) {
    const changed = status.value.routes.map((route) =>
      route.name === name ? { ...route, state, reasons, since } : route,
    );
    status.value = { ...status.value, routes: changed };
  }
  askStatus();
}

function takeAlarms({ alarms: now, raised, cleared }: AlarmEvent): void {
  alarms.value = now;
  for (const alarm of raised) add({ kind: 'raised', alarm });
  for (const alarm of cleared) add({ kind: 'cleared', alarm });
}

function add(what: Happened['what'], time = Date.now()): void {
  happened.value = [{ key: ++lastKey, time, what }, ...happened.value].slice(0, MAX_HAPPENED);
}

function note(isOpen: boolean, error: unknown): void {
  const before = stream.value;
  if (isOpen) {
    const awayMs = before.kind === 'away' ? Date.now() - before.since : null;
    stream.value = { kind: 'open', awayMs };
    if (awayMs === null) return;
    add({ kind: 'back', ms: awayMs });
    askAll();
    lookAtSession().catch(() => undefined);
    return;
  }
  onFailure(error);
  const why = error instanceof Error ? error.message : null;
  if (before.kind === 'away') stream.value = { ...before, why };
  else {
    const since = Date.now();
    stream.value = { kind: 'away', since, why };
    if (before.kind === 'open') add({ kind: 'away', ms: 0 });
  }
}
