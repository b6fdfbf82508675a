/** Further datagrams of a flow whose race runs: clients may send several before they are answered, and all go where the first goes. */
import type { RaceId, RouteNumber } from '../engine-types.js';
import type { Protocol } from '../protocols/protocol.js';
import { countIgnored } from '../shard.js';
import type { Turn } from '../turn.js';
import { ATTEMPT, RACE } from './life.js';

/**
 * Takes the packet in hand into its race; false: the client repeats itself since it has waited in vain, which is another matter
 * (repeat.ts).
 */
export function takesFurther(turn: Turn, race: RaceId, protocol: Protocol): boolean {
  const { site, shard, now, packet } = turn;
  const { races } = shard;
  const { datagrams } = site.protocols[races.protocol[race]];
  if (datagrams === null) return false;
  datagrams.note(packet, shard.setups.askedOf(race), false);
  // It was in the queue while another packet decided: the flow has its route.
  if (races.state[race] !== RACE.RACING) {
    sendFurther(turn, race, races.carrier[race], keepFurther(turn, race, protocol));
    return true;
  }
  if (!turn.isSingle && now - races.lastSetupAt[race] >= datagrams.flightMicros) return false;
  countIgnored(shard, 'same-flight');
  const number = keepFurther(turn, race, protocol);
  for (let route = 1; route <= races.routeCount; route++) {
    const state = races.stateOf(race, route);
    // Who has refused one question may answer another.
    if (state !== ATTEMPT.SENT && state !== ATTEMPT.NEGATIVE) continue;
    sendFurther(turn, race, route, number);
    // What must not be copied goes with one of them, and with none that is asked later.
    if (turn.isSingle) break;
  }
  if (turn.isSingle && number >= 0) shard.setups.takeBack(race);
  return true;
}

function keepFurther({ shard, packet }: Turn, race: RaceId, { packets }: Protocol): number {
  return packets === null ? -1 : shard.setups.add(race, packets, packet);
}

/** Without room to keep it, it is lost as any datagram may be. */
function sendFurther(turn: Turn, race: RaceId, route: RouteNumber, number: number): void {
  if (number >= 0) turn.wire.attempt(race, route, number);
}

/** The kernel's flow of a datagram that was not answered stays, and may still be: others are asked besides it. */
export function leaveToOthers(turn: Turn, tried: RouteNumber): void {
  const { racers } = turn.shard.plan;
  let count = 0;
  for (let i = 0; i < racers.count; i++)
    if (racers.routes[i] !== tried) racers.routes[count++] = racers.routes[i];
  racers.count = count;
}
