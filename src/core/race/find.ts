/** Which attempt a packet of a provider is about: its local end must be the attempt's own address and port. */
import { type AddressWords, sameAddress } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import type { Context } from '../context.js';
import type { EngineRoute, RaceId } from '../engine-types.js';

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
  const race = route.translate
    ? races.findAnswer(remote, remotePort, localPort)
    : races.findFlow(local, localPort, remote, remotePort);
  if (race < 0 || !races.hasAttempt(race, route.number)) return -1;
  const at = races.attempt(race, route.number) * 4;
  return sameAddress(races.attemptAddress, at, local, 0) ? race : -1;
}
