/** What happens when the time of a race has come. */

import { goOnWithout } from '../affinity/join.js';
import type { RaceId } from '../engine-types.js';
import { expireNegative, renewNegative } from '../judge/negative.js';
import { expireOpening } from '../payload/show.js';
import type { Turn } from '../turn.js';
import { setDeadline } from './deadline.js';
import { endRace, giveUp } from './end.js';
import { RACE } from './life.js';
import { sendDue } from './schedule.js';

export function expireRace(turn: Turn, race: RaceId): void {
  const { site, shard, now } = turn;
  const { races } = shard;
  if (races.nextStart[race] <= now) {
    sendDue(turn, race);
    if (races.isFree(race) || races.dueAt[race] > now) return;
  }
  if (races.state[race] === RACE.OPENED) return expireOpening(turn, race);
  // A decided race has waited long enough for its losers; what they still send is answered without it.
  if (races.state[race] !== RACE.RACING) return endRace(turn, race, 'first-reply');
  if (shard.joins.route[race] !== 0 && shard.joins.until[race] <= now) {
    goOnWithout(turn, race);
    setDeadline(shard, race, races.lastSetupAt[race] + site.settings.raceTimeoutMicros);
    renewNegative(turn, race);
    return;
  }
  if (expireNegative(turn, race)) return;
  const due = races.lastSetupAt[race] + site.settings.raceTimeoutMicros;
  if (due > now) return setDeadline(shard, race, due);
  giveUp(turn, race);
}
