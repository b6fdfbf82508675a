/** What the connection table said to a commit. */
import type { RaceId } from '../engine-types.js';
import { cancelSides } from '../payload/cancel.js';
import { resetClient } from '../payload/decide.js';
import { handleShown } from '../payload/show.js';
import { endRace } from '../race/end.js';
import { RACE } from '../race/life.js';
import type { Turn } from '../turn.js';
import { decided } from './decided.js';

export function handleCommitted(turn: Turn, race: RaceId, ok: boolean): void {
  const { shard } = turn;
  const { races, openings } = shard;
  if (races.state[race] !== RACE.COMMITTING) return;
  turn.race = race;
  if (!ok) return refused(turn, race);
  if (openings.isShown(race)) return handleShown(turn, race);
  // Its payload came with the answer itself.
  if (openings.isDecided(race) && races.shown[race] === races.carrier[race]) turn.flows?.release?.(race);
  decided(turn, race);
}

/** The server holds a connection that nobody will use; and the port is somebody's. */
function refused(turn: Turn, race: RaceId): void {
  const { site, shard, now } = turn;
  const { races, openings } = shard;
  if (openings.isDecided(race)) resetClient(turn, race);
  if (openings.has(race)) cancelSides(turn, race, 0);
  else
    turn.wire.cancel(
      race,
      races.carrier[race],
      site.protocols[races.protocol[race]].proof(races.token[race]),
    );
  shard.ports.taken(race, now);
  endRace(turn, race, 'tuple-in-use');
}
