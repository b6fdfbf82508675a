/** What must hold of the engine's inside after every input. */
import { AssertionError } from 'node:assert';
import { ATTEMPT, RACE } from '../../src/core/race/life.js';
import { ENDS } from '../../src/core/race/table.js';
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
  const living: number[] = [];
  for (let race = 0; race < races.slots; race++) if (races.state[race] !== RACE.FREE) living.push(race);
  same(races.active, living.length);
  ordered(living.length, site.settings.races);
  checkFreeList(shard, living);
  checkIndexes(shard, living);
  checkLinger(shard, living);
  checkHeap(shard, living);
  const undecided = living.filter((race) => races.state[race] !== RACE.DECIDED).length;
  same(counters.started, counters.decided + counters.failed + undecided);
  checkClients(site, undecided);
  same(site.routes.length, site.settings.routes);
  for (const race of living) checkRace(site, shard, race);
}

/** `expect` is too slow for what runs a million times. */
function same(found: unknown, wanted: unknown): void {
  if (found !== wanted)
    throw new AssertionError({ actual: found, expected: wanted, operator: 'strictEqual' });
}

function ordered(low: number, high: number): void {
  if (!(low <= high)) throw new AssertionError({ message: `${low} is above ${high}` });
}

function inside<T>(value: unknown): T {
  return value as T;
}

function checkFreeList({ races }: Shard, living: readonly number[]): void {
  const { free, freeCount } = inside<TableInside>(races);
  same(freeCount, races.slots - living.length);
  const all = new Set([...free.subarray(0, freeCount), ...living]);
  same(all.size, races.slots);
}

/** Every living race is in each index exactly once, in that of kept ports only when it keeps one, and is found. */
function checkIndexes({ races }: Shard, living: readonly number[]): void {
  const { flows, raced, kept, keepsPort } = inside<TableInside>(races);
  same(inChains(flows, races.slots), living.join());
  same(inChains(raced, races.slots), living.join());
  same(inChains(kept, races.slots), living.filter((race) => keepsPort[race] === 1).join());
  for (const race of living) {
    const flow = {
      family: races.family[race] as 4 | 6,
      protocol: races.transport[race],
      source: races.client.slice(race * 4, race * 4 + 4),
      sourcePort: races.clientPort[race],
      destination: races.destination.slice(race * 4, race * 4 + 4),
      destinationPort: races.destinationPort[race],
    };
    same(races.findFlow(flow), race);
    same(races.isPortInRace(flow, races.natPort[race]), true);
    // No two races share a destination and a port.
    const twins = living.filter(
      (other) =>
        races.natPort[other] === races.natPort[race] &&
        races.destinationPort[other] === flow.destinationPort &&
        flow.destination.every((word, i) => races.destination[other * 4 + i] === word),
    );
    same(twins.length, 1);
  }
}

function inChains({ heads, next }: ChainsInside, slots: number): string {
  const found: number[] = [];
  for (const head of heads) {
    for (let race = head; race >= 0 && found.length <= slots; race = next[race]) found.push(race);
  }
  return found.sort((a, b) => a - b).join();
}

function checkLinger({ races }: Shard, living: readonly number[]): void {
  const { next, previous } = inside<TableInside>(races).lingering;
  const ring: number[] = [];
  for (let at = next[races.slots]; at !== races.slots && ring.length <= races.slots; at = next[at]) {
    same(next[previous[at]], at);
    ring.push(at);
  }
  const decided = living.filter((race) => races.state[race] === RACE.DECIDED);
  same(ring.sort((a, b) => a - b).join(), decided.join());
}

/** Every living race has a deadline, and no other slot has. */
function checkHeap({ races, deadlines }: Shard, living: readonly number[]): void {
  const { heap, place, due, size } = inside<HeapInside>(deadlines);
  same([...heap.subarray(0, size)].sort((a, b) => a - b).join(), living.join());
  for (let i = 0; i < size; i++) {
    same(place[heap[i]], i);
    if (i > 0) ordered(due[heap[(i - 1) >> 1]], due[heap[i]]);
  }
  for (let slot = 0; slot < races.slots; slot++) if (!living.includes(slot)) same(place[slot], -1);
}

function checkClients({ clients }: Site, undecided: number): void {
  const { used, active } = inside<ClientsInside>(clients);
  let sum = 0;
  for (let i = 0; i < used.length; i++) {
    if (used[i] === 0) continue;
    if (active[i] < 0) throw new RangeError('a client has fewer races than none');
    sum += active[i];
  }
  same(sum, undecided);
}

function checkRace({ settings }: Site, { races }: Shard, race: number): void {
  for (let route = 1; route <= settings.routes; route++) {
    const at = races.attempt(race, route);
    const state = races.attemptState[at];
    same(races.hasAttempt(race, route), state !== ATTEMPT.NONE && state !== ATTEMPT.WAITING);
    same((races.waiting[race] & (1 << route)) !== 0, state === ATTEMPT.WAITING);
    // Whoever can still be answered is found by what it left with.
    const isOut = state === ATTEMPT.SENT && races.attemptSends[at] === 1;
    const port = races.attemptPort[at];
    if (!isOut || (races.attemptEnds[at] === ENDS.POOL && port !== races.natPort[race])) continue;
    const found = races.findAttempt(route, {
      protocol: races.transport[race],
      local: races.attemptAddress.slice(at * 4, at * 4 + 4),
      localPort: port,
      remote: races.destination.slice(race * 4, race * 4 + 4),
      remotePort: races.destinationPort[race],
    });
    same(found, race);
  }
  checkWaiting(races, race);
  const carrier = races.carrier[race];
  same(races.shown[race], carrier);
  if (races.state[race] === RACE.RACING) same(carrier, 0);
  else same(races.stateOf(race, carrier), ATTEMPT.ANSWERED);
  ordered(settings.racePorts.from, races.natPort[race]);
  ordered(races.natPort[race], settings.racePorts.to);
}

/** Copies wait only while nothing is decided, none of them has left, and somebody looks when the next of them is due. */
function checkWaiting(races: Shard['races'], race: number): void {
  const waiting = races.waiting[race];
  same(waiting & races.routes[race], 0);
  if (races.state[race] !== RACE.RACING) same(waiting, 0);
  let next = Number.POSITIVE_INFINITY;
  for (let route = 1; route <= races.routeCount; route++) {
    if ((waiting & (1 << route)) !== 0) next = Math.min(next, races.attemptDueAt[races.attempt(race, route)]);
  }
  same(races.nextStart[race], next);
  if ((races.trials[race] & (1 << races.carrier[race])) !== 0)
    throw new RangeError('a route on trial has won');
}
