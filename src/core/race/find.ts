/** Which attempt a packet of a provider is about: its local end must be the attempt's own address and port. */
import { type AddressWords, sameAddress } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import type { Context } from '../context.js';
import type { EngineRoute, RaceId } from '../engine-types.js';
import { mapIn } from './prefix.js';
import { hasRacePort, isTranslated } from './translated.js';

const inside = new Int32Array(4);

/** The race whose attempt on `route` a TCP packet answers; -1 when there is none. */
export function findAnswered(context: Context, route: EngineRoute, packet: Packet): RaceId {
  const { destination, destinationPort, source, sourcePort } = packet;
  return find(context, route, destination, destinationPort, source, sourcePort);
}

/** The race whose attempt on `route` an ICMP error quotes; -1 when there is none. */
export function findQuoted(context: Context, route: EngineRoute, packet: Packet): RaceId {
  const { source, sourcePort, destination, destinationPort } = packet.quote;
  return find(context, route, source, sourcePort, destination, destinationPort);
}

function find(
  context: Context,
  route: EngineRoute,
  local: AddressWords,
  localPort: number,
  remote: AddressWords,
  remotePort: number,
): RaceId {
  const { races } = context;
  // An untranslated attempt has the client's own address and port: its flow is the key.
  const race = races.findAnswer(remote, remotePort, localPort);
  if (race >= 0 && hasRacePort(context, race, route.number) && isOf(context, race, route, local)) return race;
  // By prefix the client has kept its port, and its address can be told.
  if (mapIn(route.prefixes, local, 0, inside, 0)) {
    const own = races.findFlow(inside, localPort, remote, remotePort);
    if (own >= 0 && !hasRacePort(context, own, route.number) && isOf(context, own, route, local)) return own;
  }
  if (route.translate && !context.keepsSources) return -1;
  const kept = races.findFlow(local, localPort, remote, remotePort);
  return kept >= 0 && !isTranslated(context, kept, route.number) && isOf(context, kept, route, local)
    ? kept
    : -1;
}

/** Whether a race has an attempt on a route with this local address. */
function isOf(context: Context, race: RaceId, route: EngineRoute, local: AddressWords): boolean {
  const { races } = context;
  if (!races.hasAttempt(race, route.number)) return false;
  return sameAddress(races.attemptAddress, races.attempt(race, route.number) * 4, local, 0);
}
