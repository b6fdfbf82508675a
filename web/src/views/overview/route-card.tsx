/** A route: its state and why, its times and traffic, its share of the races, and what it costs. */
import type { RouteStatus } from '../../../../src/api/contract.js';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatMillis,
  formatRate,
  formatShare,
} from '../../../../src/api/words/numbers.js';
import { routeReasonsText } from '../../../../src/api/words/routes.js';
import { Chart } from '../../parts/chart.js';
import { RouteName, StateBadge } from '../../parts/route-name.js';
import { secondsSince } from '../../state/clock.js';
import { historyOf, historyVersion } from '../../state/history.js';
import { details } from '../../state/live.js';
import { colourOf } from '../../state/palette.js';

export function RouteCard({ route, share }: { route: RouteStatus; share: number | null }) {
  const { name, state, since, connections, quota } = route;
  return (
    <article class={`card is-${state}`} aria-label={`Route ${name}`}>
      <header class="card-head">
        <h3>
          <RouteName name={name} linked />
        </h3>
        <StateBadge state={state} />
        <span class="muted nowrap">{formatAge(secondsSince(since))}</span>
      </header>
      <p class="card-why" title={reasonsOf(route)}>
        {reasonsOf(route)}
      </p>
      <RouteCharts name={name} />
      <dl class="card-facts">
        <div>
          <dt>Races won</dt>
          <dd>
            {share === null ? '–' : formatShare(share)}
            <Meter share={share ?? 0} colour={colourOf(name)} label={`Share of races won by ${name}`} />
          </dd>
        </div>
        <div>
          <dt>Connections</dt>
          <dd>{formatCount(connections)}</dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd>{costText(name)}</dd>
        </div>
        <div class="wide">
          <dt>This period</dt>
          <dd>
            {quotaText(quota)}
            {quota.bytes !== null && (
              <Meter
                share={quota.bytes > 0 ? quota.used / quota.bytes : 1}
                colour={quota.spent === true ? 'var(--down)' : 'var(--muted)'}
                label={`Quota of ${name}`}
              />
            )}
          </dd>
        </div>
      </dl>
    </article>
  );
}

/** Times and traffic of the last two minutes. */
export function RouteCharts({ name, height }: { name: string; height?: number }) {
  historyVersion.value;
  const { times, micros, in: into, out } = historyOf(name);
  const size = height === undefined ? {} : { height };
  return (
    <div class="charts">
      <Chart
        title="Answer"
        times={times}
        lines={[{ label: '', values: micros, colour: colourOf(name) }]}
        format={formatMillis}
        least={2000}
        {...size}
      />
      <Chart
        title="Traffic"
        times={times}
        lines={[
          { label: '↓', values: into, colour: colourOf(name) },
          { label: '↑', values: out, colour: 'var(--muted)', dashed: true },
        ]}
        format={formatRate}
        least={10_000}
        {...size}
      />
    </div>
  );
}

export function reasonsOf({ state, reasons, check }: RouteStatus): string {
  if (reasons.length > 0) return routeReasonsText(reasons);
  if (state === 'up')
    return check === undefined || check.ok ? 'it answers' : 'it answers; its own checks fail';
  return state === 'draining' ? 'it keeps what it has, and takes nothing new' : 'no reason is known';
}

export function costText(name: string): string {
  const cost = details.value.get(name)?.cost;
  if (cost === undefined) return '–';
  return cost === 0 ? 'none' : `${cost} / GB`;
}

export function quotaText({ used, bytes, spent }: RouteStatus['quota']): string {
  if (bytes === null) return formatBytes(used);
  return `${formatBytes(used)} of ${formatBytes(bytes)}${spent === true ? ', used up' : ''}`;
}

export function Meter({ share, colour, label }: { share: number; colour: string; label: string }) {
  const percent = Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <span
      class="meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <span style={{ width: `${percent}%`, background: colour }} />
    </span>
  );
}
