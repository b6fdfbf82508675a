/** What has happened to routes and alarms while the page is open. */
import { formatDuration } from '../../../../src/api/words/numbers.js';
import { routeReasonsText } from '../../../../src/api/words/routes.js';
import { Empty } from '../../parts/empty.js';
import { RouteName, StateBadge } from '../../parts/route-name.js';
import { clockText } from '../../state/clock.js';
import { type Happened, happened } from '../../state/live.js';
import { inWords, isOfARoute } from './alarms.js';

export function HappenedList() {
  const shown = happened.value.filter((one, at, all) => !isToldByRoute(one.what) && !isOvertaken(all, at));
  return (
    <section class="panel happened" aria-label="What has happened">
      <header class="panel-head">
        <h2>What has happened</h2>
        <p class="panel-note">routes and alarms, since this page is open</p>
      </header>
      {shown.length === 0 ? (
        <Empty>Nothing: no route has changed its state.</Empty>
      ) : (
        <ol class="happened-list">
          {shown.map((one) => (
            <li key={one.key}>
              <time>{clockText(one.time)}</time>
              <What what={one.what} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** The alarm of a route says no more than the change of its state, which stands beside it. */
function isToldByRoute(what: Happened['what']): boolean {
  return (what.kind === 'raised' || what.kind === 'cleared') && isOfARoute(what.alarm);
}

/** The state stayed, with another reason: worth a line until more has happened to the route. Newest first. */
function isOvertaken(all: readonly Happened[], at: number): boolean {
  const { what } = all[at];
  if (what.kind !== 'route' || what.event.before !== what.event.state) return false;
  const { route } = what.event;
  return all.slice(0, at).some((newer) => newer.what.kind === 'route' && newer.what.event.route === route);
}

function What({ what }: { what: Happened['what'] }) {
  switch (what.kind) {
    case 'route': {
      const { route, state, before, reasons } = what.event;
      return (
        <span>
          <RouteName name={route} linked /> {turnOf(before, state)} <StateBadge state={state} />{' '}
          <span class="muted">{routeReasonsText(reasons)}</span>
        </span>
      );
    }
    case 'raised':
      return (
        <span>
          <strong class="warn">alarm</strong> {inWords(what.alarm)}
        </span>
      );
    case 'cleared':
      return (
        <span>
          <strong class="good">over</strong> {inWords(what.alarm)}
        </span>
      );
    case 'away':
      return <span>the gateway does not answer any more</span>;
    case 'back':
      return <span>the gateway answers again, after {formatDuration(Math.max(1, what.ms / 1000))}</span>;
  }
}

function turnOf(before: string | null, state: string): string {
  if (before === null) return 'is new:';
  return before === state ? 'is still' : `was ${before}, is`;
}
