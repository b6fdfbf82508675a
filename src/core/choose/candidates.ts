/** Stage 3: which routes of a service can carry a connection of a family now. */
import type { Family } from '../../model/address.js';
import type { EngineRoute, RouteNumber } from '../engine-types.js';
import { HEALTH } from '../health/health.js';
import { mapOut } from '../race/prefix.js';
import type { Site } from '../site.js';
import type { Turn } from '../turn.js';
import type { Candidates } from './criterion.js';

/**
 * The routes that a criterion may pick for the packet in hand, the best kind there is (`kindOf`). Those that were silent for its
 * destination a moment ago, again and again, only when there is nothing else. None only when no packet can leave by any of them.
 */
export function fillCandidates(turn: Turn, order: readonly RouteNumber[], out: Candidates): void {
  const silent = silentRoutes(turn);
  fillBest(turn, order, out, silent);
  if (out.count === 0 && silent !== 0) fillBest(turn, order, out, 0);
}

function fillBest(turn: Turn, order: readonly RouteNumber[], out: Candidates, without: number): void {
  const { site } = turn;
  for (let kind = 0; kind < KINDS; kind++) {
    out.count = 0;
    for (const number of order) {
      if ((without & (1 << number)) !== 0) continue;
      const route = site.routes[number - 1];
      if (canCarry(turn, route) && kindOfRoute(turn, route) === kind) out.routes[out.count++] = number;
    }
    if (out.count > 0) return;
  }
}

/** Bits of the routes that the destination of the packet in hand is not to be asked by yet: they were silent, more than once in a row. */
export function silentRoutes(turn: Turn): number {
  const { site, shard, packet, now } = turn;
  const { memory } = shard;
  const { trustMicros } = site.memorySettings;
  const slot = trustMicros === 0 ? -1 : memory.find(packet.destination, 0, turn.times);
  if (slot < 0) return 0;
  let silent = 0;
  for (const { number } of site.routes)
    if (memory.silentUntil(slot, number, now, trustMicros) > now) silent |= 1 << number;
  return silent;
}

function kindOfRoute({ site, packet: { family }, now }: Turn, { number, lastResort }: EngineRoute): number {
  const { health } = site;
  return kindOf(health.of(number, family), lastResort, health.isMomentary(number, family, now));
}

/**
 * The routes that a race may use: all that are up or suspect; last resorts only while no other is up (those wait a little for the
 * others: race/schedule.ts); the silent ones when there is nothing else.
 */
export function fillRacers(turn: Turn, order: readonly RouteNumber[], out: Candidates): void {
  const { site } = turn;
  const { family } = turn.packet;
  out.count = 0;
  let anyUp = false;
  for (const number of order) {
    const route = site.routes[number - 1];
    if (!canCarry(turn, route) || route.lastResort) continue;
    const health = site.health.of(number, family);
    if (health === HEALTH.DOWN) continue;
    if (health === HEALTH.UP) anyUp = true;
    out.routes[out.count++] = number;
  }
  if (anyUp) return;
  for (const number of order) {
    const route = site.routes[number - 1];
    if (!canCarry(turn, route) || !route.lastResort) continue;
    if (site.health.of(number, family) !== HEALTH.DOWN) out.routes[out.count++] = number;
  }
  if (out.count > 0) return;
  fillCandidates(turn, order, out);
}

/**
 * The routes to ask for a client that has waited in vain: all of them. A silent one may have come back a moment ago; and a
 * last resort must answer where the only other route has died unnoticed, since its death is noticed by nothing else.
 */
export function fillRescuers(turn: Turn, order: readonly RouteNumber[], out: Candidates): void {
  const { site } = turn;
  fillRacers(turn, order, out);
  const asked = maskOf(out);
  for (const number of order) {
    const route = site.routes[number - 1];
    if ((asked & (1 << number)) === 0 && canCarry(turn, route)) out.routes[out.count++] = number;
  }
}

/** Bits of the routes. */
export function maskOf(candidates: Candidates): number {
  let mask = 0;
  for (let i = 0; i < candidates.count; i++) mask |= 1 << candidates.routes[i];
  return mask;
}

/** Those of the routes in `mask` that the kernel, memory and affinity may use without asking. */
export function openRoutes(site: Site, mask: number, family: Family): number {
  let open = 0;
  for (const { number } of site.routes) {
    if ((mask & (1 << number)) !== 0 && isOpen(site, number, family)) open |= 1 << number;
  }
  return open;
}

/** Of these, those that later connections may be bound to: no last resort while another is open. */
export function lastingRoutes(site: Site, mask: number, family: Family): number {
  const open = openRoutes(site, mask, family);
  let ordinary = 0;
  for (const { number, lastResort } of site.routes) if (!lastResort) ordinary |= open & (1 << number);
  return ordinary !== 0 ? ordinary : open;
}

/** The packet in hand may be sent over it: a route that translates by prefix alone has no address for a client outside of that. */
export function canCarry({ packet, keepsSource, isLocal }: Turn, route: EngineRoute | undefined): boolean {
  if (route === undefined || !isAvailable(route, packet.family)) return false;
  if (route.addresses[packet.family].length > 0) return true;
  if (!isLocal && (keepsSource || !route.translate)) return true;
  return packet.family === 6 && mapOut(route.prefixes, packet.source, 0, mapped, 0);
}

/** Of the routes in `mask`, those that can carry the packet in hand. */
export function carriersIn(turn: Turn, mask: number): number {
  let able = 0;
  for (const route of turn.site.routes)
    if ((mask & (1 << route.number)) !== 0 && canCarry(turn, route)) able |= 1 << route.number;
  return able;
}

/** New connections may be sent over it at all. */
export function isAvailable(route: EngineRoute | undefined, family: Family): boolean {
  return route?.usable[family] === true && route.admin === 'enabled';
}

/**
 * The kernel, memory and affinity may use it without asking. A route whose quota is used up is closed to them while another is open, so
 * that everything leaves it in one step, and comes back as from any other absence.
 */
export function isOpen(site: Site, number: RouteNumber, family: Family): boolean {
  if (!isUp(site, number, family)) return false;
  if (site.routes[number - 1].isSpent !== true) return true;
  for (const other of site.routes) if (!other.lastResort && isUp(site, other.number, family)) return false;
  return true;
}

function isUp({ routes, health }: Site, number: RouteNumber, family: Family): boolean {
  return isAvailable(routes[number - 1], family) && health.of(number, family) === HEALTH.UP;
}

/**
 * How good a route is, the best first: up; suspect since a moment ago; up but a last resort; suspect; suspect and a last resort;
 * silent. `isMomentary`: see Health.
 */
export function kindOf(health: number, lastResort: boolean, isMomentary: boolean): number {
  if (health === HEALTH.DOWN) return KINDS - 1;
  if (health === HEALTH.UP) return lastResort ? 2 : 0;
  if (lastResort) return 4;
  return isMomentary ? 1 : 3;
}

const KINDS = 6;
const mapped = new Int32Array(4);
