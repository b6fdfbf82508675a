/** ICMP errors about copies: verified against the race before they are believed (RFC 5927), then held or learnt from. */
import { sameAddress } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import { type Context, countIgnored } from '../context.js';
import type { EffectSink, EngineRoute, Micros, RaceId } from '../engine-types.js';
import { noteLife } from '../health/evidence.js';
import { holdNegative } from './answer.js';

/** An error whose quote names the attempt of `race` on `route`. */
export function handleIcmpError(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  if (packet.quote.sequence !== races.isn[race]) {
    countIgnored(context, 'icmp-wrong-sequence');
    out.drop();
    return;
  }
  if (packet.icmpMtu > 0 || isTooBig(packet)) {
    countIgnored(context, 'path-mtu');
    if (packet.icmpMtu > 0)
      context.pathMtu.learn(route.number, packet.family, packet.quote.destination, packet.icmpMtu);
    out.drop();
    return;
  }
  // The destination itself has spoken; a router on the way may be the first one behind us.
  if (sameAddress(packet.source, 0, races.destination, race * 4))
    noteLife(context, route.number, packet.family, now, out);
  const evidence = packet.icmpType * 256 + packet.icmpCode;
  holdNegative(context, race, route.number, evidence, packet.source, now, out);
}

/** ICMP 3/4 without an MTU (routers before RFC 1191), ICMPv6 type 2: never negative. */
function isTooBig(packet: Packet): boolean {
  return packet.family === 4 ? packet.icmpType === 3 && packet.icmpCode === 4 : packet.icmpType === 2;
}
