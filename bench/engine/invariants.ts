/** What must hold of the engine's inside after every input. Runs millions of times: nothing is allocated but for a failure. */
import { AssertionError } from 'node:assert';
import { ENDS } from '../../src/core/race/ends.js';
import { ATTEMPT, RACE } from '../../src/core/race/life.js';
import type { Shard } from '../../src/core/shard.js';
import type { Site } from '../../src/core/site.js';

/** An engine has them. */
export interface Inside {
  readonly site: Site;
  readonly shard: Shard;
}

interface ChainsInside {
  readonly heads: Int32Array;
  readonly next: Int32Array;
}

interface TableInside {
  readonly free: Int32Array;
  readonly freeCount: number;
  readonly flows: ChainsInside;
  readonly raced: ChainsInside;
  readonly kept: ChainsInside;
  readonly keepsPort: Uint8Array;
  readonly lingering: { readonly next: Int32Array; readonly previous: Int32Array };
}

interface JoinsInside {
  readonly byClient: ChainsInside;
  readonly isIn: Uint8Array;
}

interface HeapInside {
  readonly heap: Int32Array;
  readonly place: Int32Array;
  readonly due: Float64Array;
  readonly size: number;
}

interface ClientsInside {
  readonly used: Uint8Array;
  readonly active: Int32Array;
}

/** Throws when something of the engine contradicts something else of it. */
export function checkInvariants({ site, shard }: Inside): void {
  const { races, counters } = shard;
  living.length = 0;
  let undecided = 0;
  for (let race = 0; race < races.slots; race++) {
    if (races.state[race] === RACE.FREE) continue;
    living.push(race);
    if (races.state[race] !== RACE.DECIDED) undecided++;
  }
  same(races.active, living.length, 'active races');
  same(races.slots, site.settings.races, 'slots');
  checkFreeList(shard);
  checkIndexes(shard);
  checkLinger(shard);
  checkSamples(shard);
  checkHeap(shard);
  same(
    counters.started,
    counters.decided + counters.failed + undecided,
    'started = decided + failed + undecided',
  );
  checkClients(site, undecided);
  checkHosts(site, undecided);
  same(site.routes.length, site.settings.routes, 'routes');
  for (let i = 0; i < site.routes.length; i++) same(site.routes[i].number, i + 1, 'number of a route');
  for (const race of living) checkRace(site, shard, race);
  checkFacts(site);
}

/** `expect` is too slow for what runs a million times. */
export function same(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted)
    throw new AssertionError({
      message: `${what}: ${String(found)} instead of ${String(wanted)}`,
      actual: found,
      expected: wanted,
      operator: 'strictEqual',
    });
}

export function holds(condition: boolean, what: string): void {
  if (!condition) throw new AssertionError({ message: what });
}

function ordered(low: number, high: number, what: string): void {
  if (!(low <= high)) throw new AssertionError({ message: `${what}: ${low} is above ${high}` });
}

function inside<T>(value: unknown): T {
  return value as T;
}

/** Reused: the slots of living races, and how often each slot was seen. */
const living: number[] = [];
let seen = new Uint8Array(64);

function forgetSeen(slots: number): void {
  if (seen.length < slots) seen = new Uint8Array(slots);
  else seen.fill(0);
}

function checkFreeList({ races }: Shard): void {
  const { free, freeCount } = inside<TableInside>(races);
  same(freeCount, races.slots - living.length, 'free slots');
  forgetSeen(races.slots);
  for (const race of living) seen[race] = 1;
  for (let i = 0; i < freeCount; i++) {
    same(seen[free[i]], 0, 'a slot twice');
    seen[free[i]] = 1;
  }
}

/** Every living race is in each index exactly once, in that of kept ports only when it keeps one, and is found. */
function checkIndexes({ races, joins }: Shard): void {
  const { flows, raced, kept, keepsPort } = inside<TableInside>(races);
  checkChains(flows, races.slots, null);
  checkChains(raced, races.slots, null);
  checkChains(kept, races.slots, keepsPort);
  const { byClient, isIn } = inside<JoinsInside>(joins);
  checkChains(byClient, races.slots, isIn);
  for (let i = 0; i < living.length; i++) {
    const race = living[i];
    flow.family = races.family[race] as 4 | 6;
    flow.protocol = races.transport[race];
    flow.sourcePort = races.clientPort[race];
    flow.destinationPort = races.destinationPort[race];
    for (let word = 0; word < 4; word++) {
      flow.source[word] = races.client[race * 4 + word];
      flow.destination[word] = races.destination[race * 4 + word];
    }
    same(races.findFlow(flow), race, 'the race of a flow');
    same(races.isPortInRace(flow, races.natPort[race]), true, 'its port is in a race');
    for (let j = 0; j < i; j++)
      holds(!areTwins(races, race, living[j]), 'two races share a destination and a port');
  }
}

const flow = {
  family: 4 as 4 | 6,
  protocol: 0,
  source: new Int32Array(4),
  sourcePort: 0,
  destination: new Int32Array(4),
  destinationPort: 0,
};

function areTwins(races: Shard['races'], one: number, other: number): boolean {
  if (races.natPort[one] !== races.natPort[other] || races.transport[one] !== races.transport[other])
    return false;
  if (races.destinationPort[one] !== races.destinationPort[other]) return false;
  for (let i = 0; i < 4; i++)
    if (races.destination[one * 4 + i] !== races.destination[other * 4 + i]) return false;
  return true;
}

/** `only`: the races that are in, by slot; null: all. */
function checkChains({ heads, next }: ChainsInside, slots: number, only: Uint8Array | null): void {
  forgetSeen(slots);
  let count = 0;
  for (const head of heads) {
    for (let race = head; race >= 0; race = next[race]) {
      same(seen[race], 0, 'a race twice in an index');
      seen[race] = 1;
      count++;
    }
  }
  let wanted = 0;
  for (const race of living) {
    if (only !== null && only[race] !== 1) continue;
    wanted++;
    same(seen[race], 1, 'a race in an index');
  }
  same(count, wanted, 'races in an index');
}

/** Samples are of living races alone. */
function checkSamples({ races, samples }: Shard): void {
  for (let race = 0; race < races.slots; race++)
    holds(!races.isFree(race) || !samples.has(race), 'a sample of no race');
}

function checkLinger({ races }: Shard): void {
  const { next, previous } = inside<TableInside>(races).lingering;
  forgetSeen(races.slots);
  for (let at = next[races.slots]; at !== races.slots; at = next[at]) {
    same(seen[at], 0, 'a race twice among the decided');
    seen[at] = 1;
    same(next[previous[at]], at, 'the order of the decided');
    same(races.state[at], RACE.DECIDED, 'a race among the decided');
  }
  for (const race of living)
    if (races.state[race] === RACE.DECIDED) same(seen[race], 1, 'a decided race lingers');
}

/** Every living race has a deadline, the earlier of its two, and no other slot has. */
function checkHeap({ races, deadlines }: Shard): void {
  const { heap, place, due, size } = inside<HeapInside>(deadlines);
  same(size, living.length, 'deadlines');
  for (let i = 0; i < size; i++) {
    same(place[heap[i]], i, 'the place of a deadline');
    if (i > 0) ordered(due[heap[(i - 1) >> 1]], due[heap[i]], 'the order of deadlines');
  }
  for (let slot = 0; slot < races.slots; slot++)
    same(place[slot] >= 0, races.state[slot] !== RACE.FREE, 'a deadline for each race that lives');
  for (const race of living) {
    same(due[race], Math.min(races.dueAt[race], races.nextStart[race]), 'the deadline of a race');
    holds(Number.isFinite(due[race]), 'a race that is never looked at again');
  }
}

/** Where clients are kept was looked up once; everywhere else only when the sum is not right without it. */
function checkClients({ clients }: Pick<Site, 'clients'>, undecided: number): void {
  const { used, active } = inside<ClientsInside>(clients);
  const known = places.get(clients) ?? [];
  if (sumOf(known, active) === undecided) return;
  known.length = 0;
  for (let at = used.indexOf(1); at >= 0; at = used.indexOf(1, at + 1)) known.push(at);
  places.set(clients, known);
  same(sumOf(known, active), undecided, 'races of all clients');
}

/** The same for hosts: only where they are kept has to be found. */
function checkHosts({ hosts }: Site, undecided: number): void {
  checkClients({ clients: inside<{ limits: Site['clients'] }>(hosts).limits }, undecided);
}

const places = new WeakMap<object, number[]>();

function sumOf(at: readonly number[], active: Int32Array): number {
  let sum = 0;
  for (const place of at) {
    ordered(0, active[place], 'races of a client');
    sum += active[place];
  }
  return sum;
}

const ends = {
  protocol: 0,
  local: new Int32Array(4),
  localPort: 0,
  remote: new Int32Array(4),
  remotePort: 0,
};

function checkRace({ settings }: Site, { races }: Shard, race: number): void {
  for (let route = 1; route <= settings.routes; route++) {
    const at = races.attempt(race, route);
    const state = races.attemptState[at];
    same(
      races.hasAttempt(race, route),
      state !== ATTEMPT.NONE && state !== ATTEMPT.WAITING,
      'who takes part',
    );
    same((races.waiting[race] & (1 << route)) !== 0, state === ATTEMPT.WAITING, 'who waits');
    ordered(-1, races.attemptRtt[at], 'a time');
    if (state === ATTEMPT.SENT || state === ATTEMPT.ANSWERED || state === ATTEMPT.NEGATIVE)
      holds(races.attemptPort[at] !== 0, 'an attempt without ends');
    // Whoever can still be answered is found by what it left with.
    const port = races.attemptPort[at];
    const isMoved = races.attemptEnds[at] === ENDS.POOL && port !== races.natPort[race];
    if (state !== ATTEMPT.SENT || isMoved) continue;
    ends.protocol = races.transport[race];
    ends.localPort = port;
    ends.remotePort = races.destinationPort[race];
    for (let i = 0; i < 4; i++) {
      ends.local[i] = races.attemptAddress[at * 4 + i];
      ends.remote[i] = races.destination[race * 4 + i];
    }
    same(races.findAttempt(route, ends), race, 'the race of an attempt');
  }
  checkWaiting(races, race);
  const carrier = races.carrier[race];
  same(races.shown[race], carrier, 'the route that the client has seen');
  if (races.state[race] === RACE.RACING) same(carrier, 0, 'a carrier before the decision');
  else same(races.stateOf(race, carrier), ATTEMPT.ANSWERED, 'the state of the carrier');
  ordered(settings.racePorts.from, races.natPort[race], 'a race port');
  ordered(races.natPort[race], settings.racePorts.to, 'a race port');
}

/** Copies wait only while nothing is decided, none of them has left, and somebody looks when the next of them is due. */
function checkWaiting(races: Shard['races'], race: number): void {
  const waiting = races.waiting[race];
  same(waiting & races.routes[race], 0, 'who waits has not left');
  if (races.state[race] !== RACE.RACING) same(waiting, 0, 'who waits after the decision');
  let next = Number.POSITIVE_INFINITY;
  for (let route = 1; route <= races.routeCount; route++) {
    if ((waiting & (1 << route)) !== 0) next = Math.min(next, races.attemptDueAt[races.attempt(race, route)]);
  }
  same(races.nextStart[race], next, 'when the next copy leaves');
  const isOnTrial = (races.trials[race] & (1 << races.carrier[race])) !== 0;
  holds(!isOnTrial, 'a route on trial has won');
}

function checkFacts({ facts }: Site): void {
  for (let route = 0; route < facts.sessions.length; route++) {
    ordered(0, facts.sessions[route], 'sessions of a route');
    ordered(0, facts.weightedSessions[route], 'weighted sessions of a route');
    ordered(0, facts.assigned[route], 'connections given to a route');
  }
}
