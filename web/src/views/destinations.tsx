/** Destinations × routes: how long each route took, as a table that is a picture. */
import { useSignal } from '@preact/signals';
import type { MemoryEntry, MemoryRoute } from '../../../src/api/contract.js';
import { destinationText } from '../../../src/api/words/memory.js';
import { formatAge, formatCount, formatMillis } from '../../../src/api/words/numbers.js';
import { Empty, Failure } from '../parts/empty.js';
import { RouteName } from '../parts/route-name.js';
import { api } from '../state/api.js';
import { routes, status } from '../state/live.js';
import { usePolled } from '../state/polling.js';
import { goTo, place } from '../state/routing.js';
import { isWide } from '../state/wide.js';
import { DestinationDrawer } from './destination-drawer.js';

/** BOUNDED: what is drawn; more is found by searching. */
const MOST_ROWS = 150;
const ASK_EVERY_MS = 2000;

export function Destinations() {
  const { prefix = '', best = '', by = 'time' } = place.value.query;
  const chosen = useSignal<string | null>(null);
  const ask = () =>
    api.call('GET /v1/memory', {
      query: { limit: MOST_ROWS, ...(prefix === '' ? {} : { prefix }), ...(best === '' ? {} : { best }) },
    });
  const [{ value, error }, again] = usePolled(`memory ${prefix} ${best}`, ask, ASK_EVERY_MS);
  const known = status.value?.memory.destinations ?? 0;
  const change = (more: Record<string, string>): void => goTo('destinations', { prefix, best, by, ...more });
  const entry = value?.find((one) => destinationText(one) === chosen.value) ?? null;
  return (
    <div class="view">
      <header class="view-head">
        <h1>Destinations</h1>
        <p>
          How long each route took to answer, as it is remembered. {formatCount(value?.length ?? 0)}
          {value?.length === MOST_ROWS && ` of ${formatCount(known)}`}, the last used first.
        </p>
      </header>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Address or prefix
          <input
            data-search
            value={prefix}
            placeholder="203.0.113.0/24"
            autocomplete="off"
            spellcheck={false}
            onChange={({ currentTarget }) => change({ prefix: currentTarget.value.trim() })}
          />
        </label>
        <label>
          Fastest by
          <select value={best} onChange={({ currentTarget }) => change({ best: currentTarget.value })}>
            <option value="">any route</option>
            {routes.value.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Colour shows
          <select value={by} onChange={({ currentTarget }) => change({ by: currentTarget.value })}>
            <option value="time">the time</option>
            <option value="lead">how far behind the fastest</option>
          </select>
        </label>
        <Legend by={by} />
      </form>
      {error !== null && <Failure text={error} />}
      {value !== null && value.length === 0 && (
        <Empty>
          {prefix === '' && best === ''
            ? 'Nothing is remembered yet: the first race to a destination puts it here.'
            : 'No such destination is remembered.'}
        </Empty>
      )}
      {value !== null && value.length > 0 && (
        <HeatMap
          entries={value}
          by={by}
          onChoose={(destination) => {
            chosen.value = destination;
          }}
        />
      )}
      {entry !== null && (
        <DestinationDrawer
          entry={entry}
          onChange={again}
          onClose={() => {
            chosen.value = null;
          }}
        />
      )}
    </div>
  );
}

interface HeatMapProps {
  readonly entries: readonly MemoryEntry[];
  readonly by: string;
  readonly onChoose: (destination: string) => void;
}

/** Few routes make a narrow table: where a window has room for two of them, half the rows stand beside the others. */
const FEW_ROUTES = 4;
const FEW_ROWS = 12;

function HeatMap({ entries, by, onChoose }: HeatMapProps) {
  const names = namesIn(entries);
  const isHalved = isWide.value && names.length <= FEW_ROUTES && entries.length > FEW_ROWS;
  const half = isHalved ? Math.ceil(entries.length / 2) : entries.length;
  const parts = isHalved ? [entries.slice(0, half), entries.slice(half)] : [entries];
  return (
    <section class="scroll-x heat-frame" tabIndex={0} aria-label="Times by destination and route">
      {parts.map((part, at) => (
        <HeatTable key={at} names={names} entries={part} by={by} onChoose={onChoose} />
      ))}
    </section>
  );
}

function HeatTable({ names, entries, by, onChoose }: HeatMapProps & { readonly names: readonly string[] }) {
  return (
    <table class="heat">
      <thead>
        <tr>
          <th scope="col">Destination</th>
          {names.map((name) => (
            <th scope="col" key={name}>
              <RouteName name={name} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={destinationText(entry)}>
            <th scope="row">
              <button type="button" class="link" onClick={() => onChoose(destinationText(entry))}>
                {destinationText(entry)}
              </button>
            </th>
            {names.map((name) => (
              <Cell key={name} measured={entry.routes[name]} entry={entry} name={name} by={by} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** In the order of the configuration, then what is remembered of others. */
function namesIn(entries: readonly MemoryEntry[]): readonly string[] {
  const configured = routes.value.map(({ name }) => name);
  return [...new Set([...configured, ...entries.flatMap((entry) => Object.keys(entry.routes))])];
}

interface CellProps {
  readonly measured: MemoryRoute | undefined;
  readonly entry: MemoryEntry;
  readonly name: string;
  readonly by: string;
}

function Cell({ measured, entry, name, by }: CellProps) {
  if (measured === undefined) {
    return (
      <td class="heat-none">
        <span aria-hidden="true">·</span>
        <span class="hidden">not measured</span>
      </td>
    );
  }
  const { rttMicros, answer, ageSeconds } = measured;
  const isBest = entry.best === name;
  const age = formatAge(ageSeconds);
  if (rttMicros === null) {
    // A new element when it turns, which the style shows for a moment.
    return (
      <td key={answer} class="heat-bad turned" title={`${name}: ${answer}, ${age} ago`}>
        {answer}
      </td>
    );
  }
  const fastest = fastestOf(entry);
  const step = by === 'lead' ? stepOfLead(rttMicros / fastest) : stepOf(rttMicros);
  const words = answer === 'answered' ? '' : `, ${answer}`;
  return (
    <td
      key="answered"
      class={`heat-${step}${isBest ? ' best' : ''}${entry.trusted ? '' : ' old'}${words === '' ? '' : ' odd'}`}
      title={`${name}: ${formatMillis(rttMicros)}${words}, ${age} ago${isBest ? '; the fastest' : ''}`}
    >
      {isBest && <span class="mark">★</span>}
      {formatMillis(rttMicros).replace(' ms', '')}
      {words !== '' && <span class="hidden">{words}</span>}
      {isBest && <span class="hidden">, the fastest</span>}
    </td>
  );
}

function fastestOf({ routes: by }: MemoryEntry): number {
  return Math.min(...Object.values(by).map(({ rttMicros }) => rttMicros ?? Number.POSITIVE_INFINITY));
}

/** Upper ends, milliseconds. */
const TIMES = [5, 10, 20, 40, 80, 160] as const;
const LEADS = [1.02, 1.15, 1.4, 2, 3, 5] as const;

function stepOf(micros: number): number {
  return firstAbove(TIMES, micros / 1000);
}

function stepOfLead(ratio: number): number {
  return firstAbove(LEADS, ratio);
}

function firstAbove(ends: readonly number[], value: number): number {
  const at = ends.findIndex((end) => value <= end);
  return at < 0 ? ends.length : at;
}

function Legend({ by }: { by: string }) {
  const ends =
    by === 'lead' ? LEADS.map((one) => (one < 1.05 ? 'fastest' : `×${one}`)) : TIMES.map((one) => `${one}`);
  return (
    <div class="legend">
      <span class="legend-title">{by === 'lead' ? 'times the fastest' : 'milliseconds, at most'}</span>
      <ol>
        {[...ends, 'more'].map((end, step) => (
          <li key={end} class={`heat-${step}`}>
            {end}
          </li>
        ))}
        <li class="heat-bad">silent</li>
      </ol>
    </div>
  );
}
