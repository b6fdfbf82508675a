/** A race as lanes: a bar for each route, from the moment of its copy to its answer, along one axis of time. */
import type { AttemptReport, Decision } from '../../../src/api/contract.js';
import { attemptWords } from '../../../src/api/words/attempts.js';
import { formatMillis } from '../../../src/api/words/numbers.js';
import { colourOf, lookOf } from '../state/palette.js';

interface LanesProps {
  readonly decision: Decision;
  /** Microseconds at the right end. */
  readonly scale: number;
  readonly large?: boolean;
  /** Who has not answered may still do so. */
  readonly isFresh?: boolean;
}

/** It says nothing to those who hear the page: the words beside it say the same. */
export function Lanes({ decision, scale, large = false, isFresh = false }: LanesProps) {
  const decidedMicros = decision.routes.find(({ route }) => route === decision.route)?.answeredMicros;
  const until = isFresh ? decidedMicros : undefined;
  return (
    <span class={large ? 'lanes large' : 'lanes'} aria-hidden="true">
      {decision.routes.map((attempt) => (
        <Lane key={attempt.route} attempt={attempt} decision={decision} scale={scale} until={until} />
      ))}
    </span>
  );
}

interface LaneProps {
  readonly attempt: AttemptReport;
  readonly decision: Decision;
  readonly scale: number;
  /** No more is known of who has not answered. */
  readonly until: number | undefined;
}

function Lane({ attempt, decision, scale, until }: LaneProps) {
  const { route, answeredMicros, answer } = attempt;
  const won = route === decision.route;
  const begin = Math.max(0, attempt.sentMicros ?? 0);
  const isOut = answeredMicros === undefined;
  const wasNeverSent = answer === 'waited' || answer === 'not-sent';
  const isAwaited = isOut && !wasNeverSent && until !== undefined;
  // Until there it waited for its turn, or has been waited for.
  const end = answeredMicros ?? (wasNeverSent ? begin : (until ?? scale));
  const left = wasNeverSent ? 0 : Math.min(begin, end);
  const isCut = end > scale;
  const words = `${route}: ${attemptWords(attempt, won, decision)}`;
  const kind = won ? 'won' : wasNeverSent || isAwaited ? 'unsent' : isOut ? 'out' : 'lost';
  const hollow = lookOf(route).hollow ? ' hatched' : '';
  return (
    <span class="lane" title={words}>
      <span
        class={`bar ${kind}${hollow}${isCut ? ' cut' : ''}`}
        style={{
          left: percent(left / scale),
          width: percent((Math.min(end, scale) - Math.min(left, scale)) / scale),
          color: colourOf(route),
        }}
      />
    </span>
  );
}

function percent(share: number): string {
  return `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
}

/** The axis above lanes. */
export function Axis({ scale }: { scale: number }) {
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <span class="axis" aria-hidden="true">
      {ticks.map((share) => (
        <span key={share} style={{ left: percent(share) }}>
          {share === 0
            ? '0'
            : formatMillis(share * scale)
                .replace(/(\.\d*?)0+ /, '$1 ')
                .replace('. ', ' ')}
        </span>
      ))}
    </span>
  );
}
