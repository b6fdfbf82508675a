/** The first picture: races as they are decided, and the state of each route. */

import { Empty } from '../../parts/empty.js';
import { counters, routes, status, stream } from '../../state/live.js';
import { Alarms } from './alarms.js';
import { Figures } from './figures.js';
import { HappenedList } from './happened.js';
import { Races } from './races.js';
import { RouteCard } from './route-card.js';

/** From so many on the cards have a row of their own. */
const MANY = 5;

export function Overview() {
  const all = routes.value;
  if (status.value === null)
    return (
      <Empty>{stream.value.kind === 'away' ? 'The gateway does not answer.' : 'Asking the gateway …'}</Empty>
    );
  const wins = new Map((counters.value?.routes ?? all).map(({ name, wins: count }) => [name, count]));
  const decided = [...wins.values()].reduce((sum, count) => sum + count, 0);
  return (
    <div class="overview">
      <h1 class="hidden">Overview</h1>
      <Alarms />
      <Figures />
      <div class={all.length >= MANY ? 'stage many' : 'stage'}>
        <Races />
        <section class="cards" aria-label="Routes">
          {all.map((route) => (
            <RouteCard
              key={route.name}
              route={route}
              share={decided === 0 ? null : (wins.get(route.name) ?? 0) / decided}
            />
          ))}
        </section>
      </div>
      <HappenedList />
    </div>
  );
}
