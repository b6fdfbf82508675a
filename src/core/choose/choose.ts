/** Stage 3: a connection's route by affinity, memory or criterion; or that it is to be raced. */
import { makesCopies } from '../../model/config.js';
import type { SingleReason } from '../../model/reasons.js';
import type { Packet } from '../../wire/packet.js';
import { findPin } from '../affinity/pin.js';
import type { RouteNumber } from '../engine-types.js';
import { finishHash, mix } from '../hash.js';
import { addressHash, flowHash } from '../jhash.js';
import { TIMES } from '../memory/times.js';
import type { ActiveService } from '../site.js';
import type { Turn } from '../turn.js';
import { canCarry, carriersIn, fillCandidates, isOpen, lastingRoutes, maskOf } from './candidates.js';

/** What `chooseRoute` says. One value, reused. */
export interface Choice {
  /** `race`: over the racers of the plan, which the caller fills. `question`: the route carries, and all others are measured. */
  kind: 'race' | 'route' | 'question' | 'none';
  route: RouteNumber;
  reason: SingleReason;
}

const choice: Choice = { kind: 'none', route: 0, reason: 'no-route' };

/** For the packet in hand. `raceable`: it may be copied. `known`: the route that the kernel knows its group to have; 0: none. */
export function chooseRoute(
  turn: Turn,
  service: ActiveService,
  raceable: boolean,
  known: RouteNumber,
): Choice {
  const { packet, site } = turn;
  const { candidates } = turn.shard;
  fillCandidates(turn, service.routes, candidates);
  if (candidates.count === 0) return say('none', 0, 'no-route');
  const held = heldRoute(turn, service);
  if (held !== 0) return say('route', held, 'held');
  const { route: pinned, isQuestioned } = findPin(turn, service, known);
  if (pinned !== 0) return say(isQuestioned && raceable ? 'question' : 'route', pinned, 'affinity');
  if (service.chooser !== null && service.criterion !== 'fastest-history') {
    const hash = hashOf(service, packet);
    return say('route', service.chooser.pick(candidates, site.facts, hash), 'criterion');
  }
  if (service.criterion === 'fixed') return say('route', candidates.routes[0], 'criterion');
  const remembered = rememberedRoute(turn, service, raceable);
  if (remembered !== 0) return say('route', remembered, 'remembered');
  if (raceable) return say('race', 0, 'criterion');
  return say('route', bestGuess(turn), 'criterion');
}

/** The route that the destination of the packet in hand is held on, where its service asks which is the best; 0: none, or it cannot be used. */
function heldRoute(turn: Turn, service: ActiveService): RouteNumber {
  const { site, packet } = turn;
  const route = site.held.routeOf(packet.destination);
  if (route === 0 || !makesCopies(service.criterion) || (service.mask & (1 << route)) === 0) return 0;
  const isAble = isOpen(site, route, packet.family) && canCarry(turn, site.routes[route - 1]);
  return isAble ? route : 0;
}

/** Bits of the service's routes that are not up and shall be asked to prove themselves with this connection. */
export function takeTrials(turn: Turn, service: ActiveService): number {
  const { site, packet, now } = turn;
  let trials = 0;
  for (const number of service.routes) {
    if (!canCarry(turn, site.routes[number - 1])) continue;
    if (site.health.takeTrial(number, packet.family, now)) trials |= 1 << number;
  }
  return trials;
}

/** How long the kernel may take to learn what memory knows. */
const KERNEL_LAG_MICROS = 250_000;

/**
 * The route that memory trusts. A connection that reaches the daemon although the kernel knows its destination was drawn to
 * measure again, so that what is used much never expires.
 */
function rememberedRoute(turn: Turn, service: ActiveService, raceable: boolean): RouteNumber {
  const { site, shard, packet, now } = turn;
  const { memory, kernelCopy } = shard;
  const { memorySettings, masks } = site;
  if (memorySettings.trustMicros === 0 || service.criterion !== 'race') return 0;
  const slot = memory.find(packet.destination, 0, turn.times);
  if (slot < 0) return 0;
  memory.touch(slot, now);
  const open = carriersIn(turn, lastingRoutes(site, service.mask, packet.family));
  const best = memory.best(slot, open, now, memorySettings.trustMicros);
  if (best === 0 || memory.expiry(slot, open, now, memorySettings.trustMicros) <= now) return 0;
  if (!raceable) return best;
  if (turn.times !== TIMES.CONNECT && turn.times !== TIMES.PAYLOAD) return isDrawn(turn) ? 0 : best;
  const view = masks.indexOf(service.view);
  const drawn = view >= 0 && kernelCopy.sinceOf(slot, view) + KERNEL_LAG_MICROS < now;
  return drawn ? 0 : best;
}

/** Of what the kernel does not remember the daemon draws itself who measures again. */
function isDrawn({ site, packet, now }: Turn): boolean {
  const luck = finishHash(mix(mix(site.settings.secret[0], packet.sourcePort), now | 0)) >>> 0;
  return luck < site.memorySettings.refresh * 0x1_0000_0000;
}

/** For what is not copied: of the shard's candidates the route that memory prefers, that with the best history, else the first. */
export function bestGuess(turn: Turn): RouteNumber {
  const { site, shard, packet, now } = turn;
  const { candidates, memory } = shard;
  const { facts } = site;
  const remembered = memory.find(packet.destination, 0, turn.times);
  if (remembered >= 0) {
    const { trustMicros, forgetMicros } = site.memorySettings;
    const best = memory.best(remembered, maskOf(candidates), now, Math.max(trustMicros, forgetMicros));
    for (let i = 0; i < candidates.count; i++) if (candidates.routes[i] === best) return best;
  }
  let best = candidates.routes[0];
  for (let i = 1; i < candidates.count; i++) {
    const excess = facts.history[candidates.routes[i]];
    if (excess >= 0 && (facts.history[best] < 0 || excess < facts.history[best])) best = candidates.routes[i];
  }
  return best;
}

function hashOf(service: ActiveService, packet: Packet): number {
  switch (service.by) {
    case 'client':
      return addressHash(packet.source, 0, packet.family);
    case 'destination':
      return addressHash(packet.destination, 0, packet.family);
    case 'client+destination':
      return flowHash(packet);
  }
}

function say(kind: Choice['kind'], route: RouteNumber, reason: SingleReason): Choice {
  choice.kind = kind;
  choice.route = route;
  choice.reason = reason;
  return choice;
}
