/**
 * Metrics as text: Prometheus's (version 0.0.4) and OpenMetrics (1.0.0), as the request prefers. Written piece by piece into memory outside of
 * the heap: with 16 routes and 64 services it is two megabytes.
 */
import { BOUNDS_MICROS, SUM_CELL } from '../../model/histogram.js';
import type { Metric } from './metric.js';
import type { MetricsSnapshot } from './snapshot.js';
import { METRICS } from './table.js';

export interface Exposition {
  readonly contentType: string;
  readonly body: Buffer;
}

const CONTENT_TYPES = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;

/** All metrics of a snapshot. `accept`: the header of the request; without one it is Prometheus's own text. */
export function renderMetrics(snapshot: MetricsSnapshot, accept: string | undefined): Exposition {
  const form = preferred(accept ?? '');
  const text = new Text();
  for (const metric of METRICS) render(metric, snapshot, form, text);
  if (form === 'openmetrics') text.add('# EOF\n');
  return { contentType: CONTENT_TYPES[form], body: text.take() };
}

type Form = keyof typeof CONTENT_TYPES;

function render(metric: Metric, snapshot: MetricsSnapshot, form: Form, text: Text): void {
  const { name, help, type } = metric;
  // In OpenMetrics the family of a counter has no suffix.
  const family = form === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  text.add(`# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`);
  if (metric.type === 'histogram')
    metric.read(snapshot, (cells, at, ...labels) =>
      text.add(histogram(name, pairs(metric, labels), cells, at)),
    );
  else
    metric.read(snapshot, (value, ...labels) =>
      text.add(`${name}${braced(pairs(metric, labels))} ${number(value)}\n`),
    );
}

function histogram(name: string, labels: string, cells: Float64Array, at: number): string {
  const start = `${name}_bucket{${labels}${labels === '' ? '' : ','}`;
  let count = 0;
  let lines = '';
  for (let i = 0; i < BOUNDS.length; i++) {
    count += cells[at + i];
    lines += `${start}${BOUNDS[i]}${count}\n`;
  }
  const sum = number(cells[at + SUM_CELL] / 1e6);
  return `${lines}${name}_sum${braced(labels)} ${sum}\n${name}_count${braced(labels)} ${count}\n`;
}

/** What ends a bucket's name. Numbers are written as OpenMetrics has them, in both forms: they are part of a series' name. */
const BOUNDS: readonly string[] = [
  ...BOUNDS_MICROS.map((micros) => {
    const text = String(micros / 1e6);
    return `le="${text.includes('.') ? text : `${text}.0`}"} `;
  }),
  'le="+Inf"} ',
];

function pairs({ labels }: Metric, values: readonly string[]): string {
  let text = '';
  for (let i = 0; i < labels.length; i++)
    text += `${i === 0 ? '' : ','}${labels[i]}="${escaped(values[i] ?? '')}"`;
  return text;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function escaped(value: string): string {
  return /["\\\n]/.test(value)
    ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
    : value;
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** OpenMetrics where the request names it and wants nothing else more. */
function preferred(accept: string): Form {
  let open = 0;
  let plain = 0;
  // Nobody lists more.
  for (const range of accept.slice(0, 1000).split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((one) => one.startsWith('q='))?.slice(2);
    const weight = q === undefined ? 1 : Number(q) || 0;
    if (type === 'application/openmetrics-text') open = Math.max(open, weight);
    if (type === 'text/plain') plain = Math.max(plain, weight);
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'prometheus';
}

/** Grows by pieces, each of which is written once. Small ones are memory that was used before, which a large one is not. */
class Text {
  private readonly full: Buffer[] = [];
  private piece = Buffer.allocUnsafe(PIECE_BYTES);
  private at = 0;

  add(text: string): void {
    // Nothing but names is not of the code, and those are ASCII.
    if (text.length > this.piece.length - this.at) this.next(text.length);
    this.at += this.piece.write(text, this.at, 'latin1');
  }

  take(): Buffer {
    this.full.push(this.piece.subarray(0, this.at));
    return this.full.length === 1 ? (this.full[0] as Buffer) : Buffer.concat(this.full);
  }

  private next(length: number): void {
    this.full.push(this.piece.subarray(0, this.at));
    this.piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, length));
    this.at = 0;
  }
}

const PIECE_BYTES = 65_536;
