/** What a run of the demo found out, as a value and as a page. */
import { formatDuration, type Paint } from '../../src/cli/style.js';
import { comparison } from './comparison.js';
import { anySingle, type Figure, LOST_AFTER_MS, type PolicyFigures } from './figures.js';
import { type Line, milliseconds, paintLine, text } from './layout.js';
import type { DestinationView, RaceTotals, RouteView } from './watch.js';

export interface Summary {
  readonly seed: number;
  readonly seconds: number;
  /** Ended before its time: what was not measured yet is null. */
  readonly interrupted: boolean;
  /** Providers that were silently dead for a while, in this order. */
  readonly dead: readonly string[];
  readonly lostAfterMs: number;
  readonly policies: readonly PolicyFigures[];
  /** Connections that racing lost, the failed pages of curl included; null when nothing was raced. */
  readonly lostByRacing: number | null;
  /** Mean round trip to the nearest provider of every destination, as the lab was built. */
  readonly nearestMeanMs: number;
  readonly races: RaceTotals;
  readonly pages: { readonly fetched: number; readonly failed: number };
  readonly routes: readonly Pick<RouteView, 'name' | 'wins' | 'losses'>[];
  readonly destinations: readonly (DestinationView & {
    readonly roundTripMs: Readonly<Record<string, number>>;
  })[];
}

/** The page, each line with an end. */
export function renderSummary(summary: Summary, paint: Paint): string {
  return summaryLines(summary)
    .map((line) => `${paintLine(line, paint)}\n`)
    .join('');
}

function summaryLines(summary: Summary): Line[] {
  const { policies, seconds, seed, dead } = summary;
  const how = `, one run of ${formatDuration(seconds)}, seed ${seed}`;
  const measured = policies.filter(({ healthy, dead: died }) => healthy !== null || died !== null);
  const isComplete = policies.every(({ healthy, dead: died }) => healthy !== null && died !== null);
  const ended = isComplete ? [] : [[text('It ended before everything was measured.', 'yellow')]];
  const died = dead.length === 0 ? 'Nobody has died yet.' : `For a while silently dead: ${dead.join(', ')}.`;
  const lostAfter = `Lost: not connected within ${LOST_AFTER_MS / 1000} s. Times are of those that connected.`;
  return [
    [text('Racing and plain kernel NAT', 'bold'), text(how, 'dim')],
    [],
    ...(measured.length === 0 ? [] : [...comparison(measured, { isBrief: false }), []]),
    ...ended,
    ...verdict(summary),
    [text(died, 'dim')],
    [text(lostAfter, 'dim')],
  ];
}

function verdict(summary: Summary): Line[] {
  const { policies, races, pages, lostByRacing } = summary;
  if (lostByRacing === null) return [];
  const lost =
    lostByRacing === 0 ? text('Racing lost nothing', 'green') : text(`Racing lost ${lostByRacing}`, 'red');
  const count = text(` in ${races.started} races, ${pages.fetched} of them for pages by curl.`);
  return [[lost, count], ...whenHealthy(summary), ...whenOneIsDead(policies)];
}

function whenHealthy({ policies, nearestMeanMs }: Summary): Line[] {
  const racing = policies.find(({ kind }) => kind === 'race')?.healthy?.meanMs;
  const single = bestSingle(policies);
  const best = single?.healthy?.meanMs;
  if (single === undefined || !racing || !best) return [];
  const saved = (100 * (1 - racing / best)).toFixed(0);
  return [
    [
      text(
        `Healthy: ${saved} % less than the best single provider (${single.name.replace('only ', '')}) takes.`,
      ),
    ],
    [text(`         Always the nearest provider, by an oracle, would be ${milliseconds(nearestMeanMs)} ms.`)],
  ];
}

function whenOneIsDead(policies: readonly PolicyFigures[]): Line[] {
  const racing = policies.find(({ kind }) => kind === 'race')?.dead;
  const single = anySingle(policies)?.dead;
  const turns = policies.find(({ kind }) => kind === 'round-robin')?.dead;
  if (!racing || !single || !turns) return [];
  const shares = [`a single provider ${percentLost(single)}`, `round robin ${percentLost(turns)}`];
  return [[text(`One dead: racing loses ${percentLost(racing)}, ${shares.join(', ')}.`)]];
}

function bestSingle(policies: readonly PolicyFigures[]): PolicyFigures | undefined {
  const mean = ({ healthy }: PolicyFigures): number => healthy?.meanMs ?? Number.POSITIVE_INFINITY;
  const singles = policies.filter(({ kind }) => kind === 'single');
  return singles.sort((left, right) => mean(left) - mean(right))[0];
}

function percentLost({ lost, connections }: Figure): string {
  const share = (100 * lost) / connections;
  return `${share > 0 && share < 10 ? share.toFixed(1) : share.toFixed(0)} %`;
}
