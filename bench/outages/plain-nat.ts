/**
 * What a plain NAT router that has one route only would have made of a connection: the client's SYNs and the server's answers by that route,
 * with the very luck that they have for the gateway. No packet is sent for it: it is arithmetic.
 */
import { SYN_ACK_REPEATS_MICROS } from '../../src/sim/server.js';
import type { Luck } from './luck.js';
import type { Plan } from './plan.js';

/** How many places of luck the gateway may have used up by the route before the client's own SYN: copies that were asked for again. */
const SPENT = 3;

/** A connection by a route, in a site with its luck. */
export interface NatCase {
  readonly plan: Plan;
  readonly luck: Luck;
  /** Its number in the plan. */
  readonly connection: number;
  readonly route: number;
}

/**
 * Microseconds from the client's first SYN until the SYN+ACK is there; infinity: the client's patience is over before. `spent`: so many
 * places of its luck have been used up.
 */
export function natMicros(one: NatCase, synMicros: readonly number[] = synsOf(one), spent = 0): number {
  const { plan, luck, connection, route } = one;
  const { delayMs, distanceMs } = plan.routes[route - 1]!;
  const { server, patience, atMs } = plan.connections[connection]!;
  const isTroubled = atMs < plan.wellMs;
  const oneWay = (delayMs + distanceMs[server]!) * 1000;
  const out = { connection, route, direction: 'out', kind: 'syn' } as const;
  const back = { connection, route, direction: 'in', kind: 'synack' } as const;
  const syns: number[] = [];
  for (const [i, sent] of synMicros.entries()) {
    if (isTroubled && luck.isLost(out, i + spent)) continue;
    syns.push(sent + oneWay + luck.delay(out, i + spent));
  }
  if (syns.length === 0) return Number.POSITIVE_INFINITY;
  const opened = Math.min(...syns);
  const answers = [...syns, ...SYN_ACK_REPEATS_MICROS.map((micros) => opened + micros)].sort((a, b) => a - b);
  let made = Number.POSITIVE_INFINITY;
  for (const [i, sent] of answers.entries()) {
    if (isTroubled && luck.isLost(back, i + spent)) continue;
    made = Math.min(made, sent + oneWay + luck.delay(back, i + spent));
  }
  return made < patience.timeoutMicros ? made : Number.POSITIVE_INFINITY;
}

/** When the client sends its SYNs: microseconds after the first. */
function synsOf({ plan, connection }: NatCase): number[] {
  return [0, ...plan.connections[connection]!.patience.repeats];
}

/**
 * Until when a route must live so that the connection can be made by it although it was not the first to be asked: it is asked `askedMicros`
 * after the client's first SYN at the latest, and its luck may have been used up by then. Infinity: it cannot be sure.
 */
export function surelyMicros(one: NatCase, askedMicros: number): number {
  const { plan, connection, route } = one;
  const later = synsOf(one).filter((micros) => micros > askedMicros);
  const isSure = plan.routes[route - 1]!.loss === 0 || plan.connections[connection]!.atMs > plan.wellMs;
  let most = 0;
  for (let spent = 0; spent <= (isSure ? 0 : SPENT); spent++)
    most = Math.max(most, natMicros(one, [askedMicros, ...later], spent));
  return most;
}
