/** What must hold of the engine's inside after every input. */
import { AssertionError } from 'node:assert';
import type { Context } from '../../src/core/context.js';
import { ATTEMPT, RACE } from '../../src/core/race/states.js';

interface TableInside {
  readonly free: Int32Array;
  readonly freeCount: number;
  readonly flowBuckets: Int32Array;
  readonly flowNext: Int32Array;
  readonly answerBuckets: Int32Array;
  readonly answerNext: Int32Array;
  readonly lingerNext: Int32Array;
  readonly lingerPrevious: Int32Array;
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
export function checkInvariants(context: Context): void {
  const { races, counters, settings } = context;
  const living: number[] = [];
  for (let race = 0; race < races.slots; race++) if (races.state[race] !== RACE.FREE) living.push(race);
  same(races.active, living.length);
  ordered(living.length, settings.races);
  checkFreeList(context, living);
  checkIndexes(context, living);
  checkLinger(context, living);
  checkHeap(context, living);
  const undecided = living.filter((race) => races.state[race] !== RACE.DECIDED).length;
  same(counters.started, counters.decided + counters.failed + undecided);
  checkClients(context, undecided);
  checkAttempts(context, living);
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

function checkFreeList({ races }: Context, living: readonly number[]): void {
  const { free, freeCount } = inside<TableInside>(races);
  same(freeCount, races.slots - living.length);
  const all = new Set([...free.subarray(0, freeCount), ...living]);
  same(all.size, races.slots);
}

/** Every living race is in each index exactly once, and is found. */
function checkIndexes({ races }: Context, living: readonly number[]): void {
  const { flowBuckets, flowNext, answerBuckets, answerNext } = inside<TableInside>(races);
  for (const [buckets, next] of [
    [flowBuckets, flowNext],
    [answerBuckets, answerNext],
  ]) {
    const found: number[] = [];
    for (const first of buckets) {
      for (let race = first; race >= 0; race = next[race]) {
        found.push(race);
        if (found.length > races.slots) break;
      }
    }
    same(found.sort((a, b) => a - b).join(), living.join());
  }
  for (const race of living) {
    const client = races.client.slice(race * 4, race * 4 + 4);
    const destination = races.destination.slice(race * 4, race * 4 + 4);
    const port = races.destinationPort[race];
    same(races.findFlow(client, races.clientPort[race], destination, port), race);
    // Also: no two races share a destination and a port.
    same(races.findAnswer(destination, port, races.natPort[race]), race);
  }
}

function checkLinger({ races }: Context, living: readonly number[]): void {
  const { lingerNext, lingerPrevious } = inside<TableInside>(races);
  const ring: number[] = [];
  for (
    let at = lingerNext[races.slots];
    at !== races.slots && ring.length <= races.slots;
    at = lingerNext[at]
  ) {
    same(lingerNext[lingerPrevious[at]], at);
    ring.push(at);
  }
  const decided = living.filter((race) => races.state[race] === RACE.DECIDED);
  same(ring.sort((a, b) => a - b).join(), decided.join());
}

/** Every living race has a deadline, and no other slot has. */
function checkHeap({ races, deadlines }: Context, living: readonly number[]): void {
  const { heap, place, due, size } = inside<HeapInside>(deadlines);
  same([...heap.subarray(0, size)].sort((a, b) => a - b).join(), living.join());
  for (let i = 0; i < size; i++) {
    same(place[heap[i]], i);
    if (i > 0) ordered(due[heap[(i - 1) >> 1]], due[heap[i]]);
  }
  for (let slot = 0; slot < races.slots; slot++) if (!living.includes(slot)) same(place[slot], -1);
}

function checkClients({ clients }: Context, undecided: number): void {
  const { used, active } = inside<ClientsInside>(clients);
  let sum = 0;
  for (let i = 0; i < used.length; i++) {
    if (used[i] === 0) continue;
    if (active[i] < 0) throw new RangeError('a client has fewer races than none');
    sum += active[i];
  }
  same(sum, undecided);
}

function checkAttempts({ races, settings }: Context, living: readonly number[]): void {
  for (const race of living) {
    for (let route = 1; route <= settings.routes; route++) {
      const state = races.attemptState[races.attempt(race, route)];
      same(state !== ATTEMPT.NONE, races.hasAttempt(race, route));
    }
    checkWaiting(races, race);
    const winner = races.winner[race];
    if (races.state[race] === RACE.RACING) same(winner, 0);
    else same(races.attemptState[races.attempt(race, winner)], ATTEMPT.ANSWERED);
    ordered(settings.racePorts.from, races.natPort[race]);
    ordered(races.natPort[race], settings.racePorts.to);
  }
}

/** Copies wait only while nothing is decided, none of them has left, and somebody looks when the next of them is due. */
function checkWaiting(races: Context['races'], race: number): void {
  const waiting = races.waiting[race];
  same(waiting & races.routes[race], 0);
  if (races.state[race] !== RACE.RACING) same(waiting, 0);
  let next = Number.POSITIVE_INFINITY;
  for (let route = 1; route <= races.routeCount; route++) {
    if ((waiting & (1 << route)) !== 0) next = Math.min(next, races.attemptDueAt[races.attempt(race, route)]);
  }
  same(races.nextStart[race], next);
  if ((races.trials[race] & (1 << races.winner[race])) !== 0)
    throw new RangeError('a route on trial has won');
}
