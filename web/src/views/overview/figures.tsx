/** The gateway in a line of numbers. */
import type { ComponentChildren } from 'preact';
import { formatCount, formatDuration, formatTally } from '../../../../src/api/words/numbers.js';
import { counters, routes, status } from '../../state/live.js';

export function Figures() {
  const now = status.value;
  if (now === null) return null;
  const { races, memory } = now;
  const perSecond = counters.value?.races.perSecond ?? null;
  const connections = routes.value.reduce((sum, route) => sum + route.connections, 0);
  const rescues = routes.value.reduce((sum, route) => sum + route.rescues, 0);
  const isUnfinished = now.configuration !== undefined && now.configuration.state !== 'same';
  return (
    <dl class="figures">
      <Figure
        name="Races a second"
        value={perSecond === null ? '–' : formatCount(Math.round(perSecond))}
        main
      >
        {formatTally(races.started)} since the start
      </Figure>
      <Figure name="Decided" value={formatTally(races.decided)}>
        {formatTally(races.failed)} found no route, {formatCount(races.active)} running
      </Figure>
      <Figure name="Taken over" value={formatTally(rescues)}>
        from silent routes, so that nobody waits
      </Figure>
      <Figure name="Connections" value={formatTally(connections)}>
        open now
      </Figure>
      <Figure name="Destinations" value={formatTally(memory.destinations)}>
        {formatTally(memory.trusted)} trusted, {formatTally(memory.inKernel)} decided in the kernel
      </Figure>
      <Figure name="Up for" value={formatDuration(now.uptimeSeconds)}>
        {isUnfinished ? (
          <a href="#/configuration">configuration: {now.configuration?.state}</a>
        ) : (
          `version ${now.version}`
        )}
      </Figure>
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly main?: boolean;
  readonly children: ComponentChildren;
}

function Figure({ name, value, main = false, children }: FigureProps) {
  return (
    <div class={main ? 'figure main' : 'figure'}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span>{children}</span>
      </dd>
    </div>
  );
}
