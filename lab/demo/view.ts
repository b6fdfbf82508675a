/** The live page of the demo, as lines: fits 80 x 24, and shows more where there is more room. */
import { formatCount } from '../../src/cli/style.js';
import { comparison } from './comparison.js';
import type { PolicyFigures } from './figures.js';
import {
  apart,
  bar,
  beside,
  clip,
  clock,
  type FixedColumn,
  grid,
  type Line,
  lengthOf,
  milliseconds,
  text,
} from './layout.js';
import { type Phase, phaseTitle } from './phases.js';
import type { DestinationView, RaceTotals, RaceView, RouteView } from './watch.js';

/** Everything that the page shows. */
export interface View {
  readonly seed: number;
  readonly elapsedSeconds: number;
  /** Null: endless. */
  readonly totalSeconds: number | null;
  /** Null while the lab is built or taken down; `note` says which. */
  readonly phase: {
    readonly now: Phase;
    readonly number: number;
    readonly of: number;
    readonly elapsedSeconds: number;
  } | null;
  readonly note: string;
  /** Where a browser finds the gateway's page; null: nowhere. */
  readonly page: string | null;
  readonly providers: readonly string[];
  readonly routes: readonly RouteView[];
  readonly totals: RaceTotals;
  readonly destinations: readonly DestinationView[];
  readonly races: readonly RaceView[];
  readonly pages: { readonly fetched: number; readonly failed: number };
  readonly figures: readonly PolicyFigures[];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Exactly `size.rows` lines at most, none longer than `size.columns`. */
export function renderView(view: View, size: Size): Line[] {
  const width = Math.min(size.columns, WIDEST);
  const table = comparison(view.figures, { isBrief: true });
  const top = [...header(view, width), [], ...routes(view, width), ...totals(view, width), []];
  const room = size.rows - top.length;
  const isRacing = view.phase === null || view.phase.now.policy.kind === 'race';
  const hasRoomForBoth = room >= view.destinations.length + 1 + table.length + 1;
  const panelRows = hasRoomForBoth ? room - table.length - 1 : room;
  const left = destinations(view);
  const right =
    isRacing || hasRoomForBoth
      ? races(view, panelRows)
      : [...table, [], ...races(view, panelRows - table.length - 1)];
  const leftWidth = Math.max(...left.map(lengthOf)) + 4;
  const panels = beside(left, right, leftWidth).slice(0, panelRows);
  const lines = [...top, ...panels, ...(hasRoomForBoth ? [[], ...table] : [])];
  return lines.slice(0, size.rows).map((line) => clip(line, size.columns));
}

/** Beyond this the eye loses the line. */
const WIDEST = 132;

function header(view: View, width: number): Line[] {
  const { phase, elapsedSeconds, totalSeconds } = view;
  const time =
    totalSeconds === null ? clock(elapsedSeconds) : `${clock(elapsedSeconds)} of ${clock(totalSeconds)}`;
  const world = text(
    `  ${view.providers.length} providers, ${view.destinations.length} destinations, seed ${view.seed}`,
    'dim',
  );
  const page = view.page === null ? [] : [text('  page '), text(view.page, 'green')];
  const right = [text('q ends it  ', 'dim'), text(time)];
  const left = [text('Pathrace demo', 'bold'), ...page];
  const hasRoom = lengthOf([...left, world, ...right]) < width;
  const first = apart(hasRoom ? [...left, world] : left, right, width);
  if (phase === null) return [first, [text(view.note, 'yellow')], []];
  const seconds = Math.max(0, phase.now.seconds - phase.elapsedSeconds);
  const counter = `phase ${phase.number} of ${phase.of}, ${seconds.toFixed(0)} s left`;
  const colour = phase.now.dead !== null ? 'red' : phase.now.policy.kind === 'race' ? 'green' : 'yellow';
  const progress = bar(phase.elapsedSeconds / phase.now.seconds, width - counter.length - 2);
  return [
    first,
    [text(phaseTitle(phase.now), colour)],
    apart([text(progress, colour)], [text(counter, 'dim')], width),
  ];
}

function routes(view: View, width: number): Line[] {
  const barWidth = Math.max(8, Math.min(40, width - 62));
  const columns: FixedColumn[] = [
    { title: 'ROUTE', min: 5 },
    { title: 'STATE', min: 5 },
    { title: 'PATH', min: 6 },
    { title: 'WINS', min: 7, align: 'right' },
    { title: 'SHARE', min: 5, align: 'right' },
    { title: 'LOSSES', min: 7, align: 'right' },
    { title: 'CONNECTIONS', min: 11, align: 'right' },
    { title: 'LAST 2 s', min: barWidth },
  ];
  const dead = view.phase?.now.dead;
  const rows = view.routes.map(
    (route): Line => [
      text(route.name, 'bold'),
      text(route.state, route.state === 'up' ? 'green' : 'dim'),
      route.name === dead ? text('silent', 'red') : text('ok', 'green'),
      text(formatCount(route.wins)),
      text(percent(route.share)),
      text(formatCount(route.losses)),
      text(formatCount(route.connections)),
      text(route.recentShare === null ? '' : bar(route.recentShare, barWidth), 'green'),
    ],
  );
  return grid(columns, rows);
}

function totals(view: View, width: number): Line[] {
  const racing = view.figures.find(({ kind }) => kind === 'race');
  const lost = (racing?.healthy?.lost ?? 0) + (racing?.dead?.lost ?? 0) + view.pages.failed;
  const { started, decided, failed } = view.totals;
  const line = [
    text(`${formatCount(started)} races, ${formatCount(decided)} decided, ${failed} failed`),
    text(' · ', 'dim'),
    text(`${view.pages.fetched} pages by curl`),
    text(' · ', 'dim'),
    text(`${lost} connections lost`, lost === 0 ? 'green' : 'red'),
  ];
  return [[], clip(line, width)];
}

function destinations(view: View): Line[] {
  const columns: FixedColumn[] = [
    { title: 'TO', min: 6 },
    { title: 'BEST', min: 5 },
    { title: 'WINS', min: 10, align: 'right' },
    { title: 'ms', min: 5, align: 'right' },
  ];
  const rows = view.destinations.map(
    ({ name, best, wins, races: count, lastMs }): Line => [
      text(name),
      best === null ? text('-', 'dim') : text(best, 'green'),
      text(count === 0 ? '-' : `${wins} of ${count}`, count === 0 ? 'dim' : undefined),
      text(milliseconds(lastMs)),
    ],
  );
  return grid(columns, rows);
}

/** The latest races with each route's time; the winner is green, and marked for those who see no colours. */
function races(view: View, rows: number): Line[] {
  if (rows < 2) return [];
  const columns: FixedColumn[] = [
    { title: 'LATEST RACES', min: 12 },
    ...view.providers.map((name): FixedColumn => ({ title: `${name} `, min: 7, align: 'right' })),
  ];
  const lines = view.races.slice(0, rows - 1).map(
    (race): Line => [
      text(`${race.destination.padEnd(6)} ${race.family}`),
      ...view.providers.map((name) => {
        const time = race.times[name];
        if (time === undefined) return text('silent ', 'red');
        return name === race.winner
          ? text(`${milliseconds(time)}*`, 'green')
          : text(`${milliseconds(time)} `);
      }),
    ],
  );
  return grid(columns, lines);
}

function percent(share: number | null): string {
  return share === null ? '-' : `${Math.round(100 * share)} %`;
}
