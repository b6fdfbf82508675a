/** What a client says after it was shown an answer, before a payload has decided. */
import type { Verdict } from '../contract.js';
import type { RaceId } from '../engine-types.js';
import { createSaying, SAYS } from '../protocols/opening.js';
import { NO_RACE } from '../race/table.js';
import type { Turn } from '../turn.js';
import * as verdict from '../verdict.js';
import { openingOf } from './cancel.js';
import { keep } from './decide.js';
import { advance, giveFirst } from './server.js';

/** The packet in hand is of a connection that was shown an answer; it goes on by the route of that, and others are given its words. */
export function handleClient(turn: Turn): Verdict {
  const { shard, packet } = turn;
  const { openings, races } = shard;
  const race = races.findFlow(packet);
  // Nobody races it, since a daemon before this one did, or not any more.
  if (race === NO_RACE || !openings.has(race)) return verdict.passForGood(turn);
  turn.race = race;
  if (openings.isDecided(race)) {
    // It came with the entry of the flow before it had another route. The client sends it again.
    return races.carrier[race] === races.shown[race] ? verdict.passForGood(turn) : verdict.drop(turn);
  }
  const opening = openingOf(turn, race);
  if (!openings.isShown(race) || opening === null) return verdict.pass(turn);
  opening.ofClient(packet, races.token[race], says);
  switch (says.kind) {
    case SAYS.ENDS:
    case SAYS.RESETS:
      return leave(turn, race, 'client-has-ended');
    case SAYS.PAYLOAD:
      return hear(turn, race);
    default:
      return verdict.pass(turn);
  }
}

function hear(turn: Turn, race: RaceId): Verdict {
  const { packet, shard } = turn;
  const { openings } = shard;
  const known = openings.lengthOf(race);
  const fresh = says.at + says.length - known;
  // What is between was lost; the client sends it again, since nobody tells it that more has come.
  if (says.at < 0 || says.at > known) return verdict.pass(turn);
  if (fresh > 0) {
    if (openings.isSafe(race)) return leave(turn, race, 'client-goes-on');
    const isKept =
      packet.isWhole && openings.add(race, packet.bytes, packet.payloadEnd - fresh, packet.payloadEnd);
    if (!isKept) return leave(turn, race, 'payload-too-long');
    const { at, length } = openings.wordsOf(race);
    switch (openingOf(turn, race)?.judge(openings.space, at, at + length)) {
      case 'safe':
        openings.setSafe(race);
        break;
      case 'incomplete':
        return verdict.pass(turn);
      default:
        return leave(turn, race, 'payload-not-safe');
    }
  }
  if (openings.isSafe(race)) giveAll(turn, race);
  return verdict.pass(turn);
}

/** The client's words, to who has not got all of them. The one that was shown gets the packet in hand. */
function giveAll(turn: Turn, race: RaceId): void {
  const { openings, races } = turn.shard;
  for (let route = 1; route <= races.routeCount; route++) {
    if (!openings.isOpen(race, route)) continue;
    if (route === races.shown[race]) giveFirst(turn, race, route);
    else if (openings.acknowledgedOf(race, route) < openings.lengthOf(race)) advance(turn, race, route);
  }
}

/** The first reply decides after all. */
function leave(turn: Turn, race: RaceId, why: Parameters<typeof keep>[2]): Verdict {
  keep(turn, race, why);
  return verdict.passForGood(turn);
}

const says = createSaying();
