/** Verdicts: each is the turn's one value, filled. Whoever must give one returns it, so that none is forgotten or given twice. */
import type { SingleReason } from '../model/reasons.js';
import type { Verdict } from './contract.js';
import type { RaceId, RouteNumber, ServiceNumber } from './engine-types.js';
import { NO_RACE } from './race/table.js';
import type { Turn } from './turn.js';

export function pass({ verdict }: Turn): Verdict {
  verdict.kind = 'pass';
  verdict.isLast = false;
  verdict.race = NO_RACE;
  return verdict;
}

/** The same, and nobody needs to see the next packets of its flow. */
export function passForGood({ verdict }: Turn): Verdict {
  verdict.kind = 'pass';
  verdict.isLast = true;
  verdict.race = NO_RACE;
  return verdict;
}

/** The same for what has come behind the packet that waits until `race` is bound: after that one. */
export function passBehind({ verdict }: Turn, race: RaceId): Verdict {
  verdict.kind = 'pass';
  verdict.isLast = true;
  verdict.race = race;
  return verdict;
}

export function drop({ verdict }: Turn): Verdict {
  verdict.kind = 'drop';
  verdict.race = NO_RACE;
  return verdict;
}

/** Of a set-up: its race's copies leave in its place. */
export function raced({ verdict, race }: Turn): Verdict {
  verdict.kind = 'drop';
  verdict.race = race;
  return verdict;
}

/** The same, and the set-up goes on by itself besides: by the flow that one of the routes was given. */
export function racedBeside({ verdict, race }: Turn): Verdict {
  verdict.kind = 'pass';
  verdict.isLast = false;
  verdict.race = race;
  return verdict;
}

/** `counted` is for whoever counts sessions to say: false until then. */
export function release(
  { verdict }: Turn,
  route: RouteNumber,
  reason: SingleReason,
  service: ServiceNumber,
): Verdict {
  verdict.kind = 'release';
  verdict.route = route;
  verdict.reason = reason;
  verdict.service = service;
  verdict.counted = false;
  return verdict;
}

export function commit({ verdict }: Turn, race: RaceId, route: RouteNumber): Verdict {
  verdict.kind = 'commit';
  verdict.race = race;
  verdict.route = route;
  return verdict;
}
