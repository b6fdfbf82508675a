/** Races as they are decided: a row for each, a lane for each of its routes, the winner named. */
import { useSignal } from '@preact/signals';
import type { Decision } from '../../../../src/api/contract.js';
import { explainDecision } from '../../../../src/api/words/decisions.js';
import { formatCount, formatMillis } from '../../../../src/api/words/numbers.js';
import { Empty } from '../../parts/empty.js';
import { Picture } from '../../parts/icons.js';
import { Axis, Lanes } from '../../parts/lanes.js';
import { RouteName } from '../../parts/route-name.js';
import { WhyDrawer } from '../../parts/why.js';
import { counters } from '../../state/live.js';
import { isPaused, laneScale, shownRaces } from '../../state/races.js';

export function Races() {
  const chosen = useSignal<Decision | null>(null);
  const shown = shownRaces.value;
  return (
    <section class="panel races" aria-label="Latest races">
      <header class="panel-head">
        <h2>Races as they are decided</h2>
        <Sampling />
        <button
          type="button"
          class="quiet"
          aria-pressed={isPaused.value}
          onClick={() => {
            isPaused.value = !isPaused.value;
          }}
          title="p"
        >
          <Picture name={isPaused.value ? 'play' : 'pause'} />
          {isPaused.value ? 'Go on' : 'Hold'}
        </button>
      </header>
      {shown.length === 0 ? (
        <Empty>No new connection has been decided while this page is open.</Empty>
      ) : (
        <>
          <div class="race-axis">
            <span class="muted">destination</span>
            <Axis scale={laneScale.value} />
            <span class="muted">first answer</span>
          </div>
          <ul class="race-list">
            {shown.map(({ key, decision, freshUntil }) => (
              <li key={key}>
                <Race
                  decision={decision}
                  isFresh={freshUntil > 0}
                  onChoose={() => {
                    chosen.value = decision;
                  }}
                />
              </li>
            ))}
          </ul>
        </>
      )}
      {chosen.value !== null && (
        <WhyDrawer
          decision={chosen.value}
          onClose={() => {
            chosen.value = null;
          }}
        />
      )}
    </section>
  );
}

/** As many a second pass one by one. */
const READABLE = 4;

/** How many of the decisions are seen here. */
function Sampling() {
  const { made = 0, shown = 0 } = counters.value?.decisions ?? {};
  const seconds = Math.max(counters.value?.seconds ?? 1, 0.001);
  const rate = Math.round(made / seconds);
  const text =
    made > shown
      ? `${formatCount(rate)} decisions a second: the gateway sends a sample of ${formatCount(shown)}, some of them pass here`
      : `${formatCount(rate)} decisions a second${rate > READABLE ? ', some of them pass here' : ''}`;
  return <p class="panel-note">{text}</p>;
}

interface RaceProps {
  readonly decision: Decision;
  readonly isFresh: boolean;
  readonly onChoose: () => void;
}

function Race({ decision, isFresh, onChoose }: RaceProps) {
  const { destination, route, routes, service } = decision;
  const words = explainDecision(decision);
  return (
    <button type="button" class={route === null ? 'race failed' : 'race'} onClick={onChoose}>
      <span class="race-to">
        <span class="address" title={destination}>
          {destination}
        </span>
        <span class="muted clip">{service ?? 'rest route'}</span>
      </span>
      {routes.length > 0 ? (
        <Lanes decision={decision} scale={laneScale.value} isFresh={isFresh} />
      ) : (
        <span class="race-words clip">{words}</span>
      )}
      <span class="race-won">
        {route === null ? <strong class="bad">no route</strong> : <RouteName name={route} />}
        <span class="time">{timeOf(decision)}</span>
        <span class="hidden">, {words}</span>
      </span>
    </button>
  );
}

/** The winner’s answer from the begin of the race: what the client waited for. */
function timeOf({ route, routes }: Decision): string {
  const winner = routes.find((attempt) => attempt.route === route);
  const micros = winner?.answeredMicros ?? winner?.rttMicros;
  return micros === undefined ? '' : formatMillis(micros);
}
