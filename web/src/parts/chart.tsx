/** A small chart over the last two minutes: drawn by uPlot, with its newest value, or that under the pointer, in words above it. */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clockText } from '../state/clock.js';
import { HISTORY_SECONDS } from '../state/history.js';
import { resolved } from '../state/palette.js';
import { paletteVersion } from '../state/theme.js';

export interface ChartLine {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Of the style sheet: `var(--route-0)`. */
  readonly colour: string;
  readonly dashed?: boolean;
}

interface ChartProps {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** The axis has room for as much at least. */
  readonly least: number;
  readonly height?: number;
  /** Seconds that the axis spans. */
  readonly span?: number;
}

export function Chart(props: ChartProps) {
  const { title, times, lines, format, height = 56, span = HISTORY_SECONDS } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  const pointed = useSignal<number | null>(null);
  newest.current = props;
  const palette = paletteVersion.value;
  const looks = lines.map(({ colour, dashed }) => `${colour}${dashed === true ? '-' : ''}`).join();

  // Made anew when what it looks like changes; data is put in below.
  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const made = new uPlot(
      optionsOf(newest, element.clientWidth, height, pointed),
      dataOf(newest.current),
      element,
    );
    plot.current = made;
    const watcher = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [palette, looks, height]);

  useEffect(() => {
    plot.current?.setData(dataOf(newest.current));
  }, [times.length, times.at(-1)]);

  const last = lastOf(lines);
  const at = pointed.value !== null && pointed.value < times.length ? pointed.value : last;
  // A number of a while ago would pass for one of now.
  const isOld = at === last && (times.at(-1) ?? 0) - (times[last] ?? 0) > span * OLD_SHARE;
  const words = lines.map(({ label, values }) => {
    const value = isOld ? null : values[at];
    return `${label} ${value == null ? '–' : format(value)}`.trim();
  });
  const when = pointed.value === null ? '' : ` at ${clockText((times[at] ?? 0) * 1000)}`;
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-value">
          {words.join('  ')}
          <span class="muted">{when}</span>
        </span>
      </figcaption>
      <div ref={holder} class="chart-canvas" role="img" aria-label={`${title}: ${words.join(', ')}`} />
    </figure>
  );
}

const OLD_SHARE = 1 / 12;

/** Where something is known last. */
function lastOf(lines: readonly ChartLine[]): number {
  const lasts = lines.map(({ values }) => values.findLastIndex((value) => value !== null));
  return Math.max(0, ...lasts);
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  return [times as number[], ...lines.map(({ values }) => values as (number | null)[])] as uPlot.AlignedData;
}

function optionsOf(
  newest: { readonly current: ChartProps },
  width: number,
  height: number,
  pointed: { value: number | null },
): uPlot.Options {
  const { lines } = newest.current;
  const grid = resolved('var(--line)');
  const ink = resolved('var(--muted)');
  return {
    width: Math.max(width, 40),
    height,
    legend: { show: false },
    padding: [5, 2, 3, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: {
        time: false,
        range: (_, __, max) => {
          const end = max ?? Date.now() / 1000;
          return [end - (newest.current.span ?? HISTORY_SECONDS), end];
        },
      },
      y: { range: (_, __, max) => [0, Math.max(newest.current.least, (max ?? 0) * 1.08)] },
    },
    axes: [
      { show: false },
      {
        size: 40,
        gap: 4,
        stroke: ink,
        font: '10px system-ui, sans-serif',
        grid: { stroke: grid, width: 1 },
        ticks: { show: false },
        splits: (_, __, ___, max) => [0, niceBelow(max)],
        values: (_, splits) =>
          splits.map((value) => (value === 0 ? '0' : shortened(newest.current.format(value)))),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour, dashed }): uPlot.Series => {
        const stroke = resolved(colour);
        return {
          label,
          stroke,
          width: 1.5,
          ...(dashed === true ? { dash: [3, 3] } : {}),
          spanGaps: false,
          points: { show: true, size: 3, fill: stroke, filter: alone },
        };
      }),
    ],
    hooks: {
      setCursor: [
        ({ cursor }) => {
          pointed.value = (cursor.left ?? -1) < 0 ? null : (cursor.idx ?? null);
        },
      ],
    },
  };
}

/** Points without neighbours, of which there is no line. */
function alone(plot: uPlot, series: number): number[] {
  const values = plot.data[series] as (number | null)[];
  return values.flatMap((value, at) =>
    value !== null && values[at - 1] == null && values[at + 1] == null ? [at] : [],
  );
}

/** `20 ms`, `50 M`: an axis has little room, and the words above it name the unit. */
function shortened(text: string): string {
  return text.replace(/\.0+ /, ' ').replace(/bit\/s$/, '');
}

/** 1, 2 or 5 times a power of ten. */
function niceBelow(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([5, 2, 1].find((digit) => digit * power <= value) ?? 1) * power;
}
