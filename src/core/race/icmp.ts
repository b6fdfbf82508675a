/** ICMP errors about copies: verified against the race before they are believed (RFC 5927), then held or learnt from. */
import { sameAddress } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import type { Verdict } from '../contract.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { noteLife } from '../health/evidence.js';
import { holdNegative } from '../judge/negative.js';
import { countIgnored } from '../shard.js';
import type { Turn } from '../turn.js';
import * as verdict from '../verdict.js';
import { icmpEvidence } from './evidence.js';

/** The packet in hand is an error whose quote names the attempt of `race` on `route`. */
export function handleIcmpError(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { site, shard, packet, judgement } = turn;
  const { races } = shard;
  if (!site.protocols[races.protocol[race]].isQuoted(packet.quote, races.token[race])) {
    countIgnored(shard, 'icmp-wrong-sequence');
    return verdict.drop(turn);
  }
  if (packet.icmpMtu > 0 || isTooBig(packet)) {
    countIgnored(shard, 'path-mtu');
    site.pathMtu.learn(route, packet, shard.setups.of(race).length, turn.now);
    return verdict.drop(turn);
  }
  // The destination itself has spoken; a router on the way may be the first one behind us.
  if (sameAddress(packet.source, 0, races.destination, race * 4)) noteLife(turn, race, route);
  for (let i = 0; i < 4; i++) judgement.words[i] = packet.source[i];
  holdNegative(turn, race, route, icmpEvidence(packet.icmpType, packet.icmpCode));
  return verdict.drop(turn);
}

/** ICMP 3/4 without an MTU (routers before RFC 1191), ICMPv6 type 2: never negative. */
function isTooBig(packet: Packet): boolean {
  return packet.family === 4 ? packet.icmpType === 3 && packet.icmpCode === 4 : packet.icmpType === 2;
}
