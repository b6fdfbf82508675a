/** What a metric is: a name, what it means, its labels, and how it is read from a snapshot. */
import type { MetricsSnapshot } from './snapshot.js';

/** Gives a sample: its value and the values of the labels, in their order. */
export type AddSample = (value: number, ...labels: readonly string[]) => void;

/** Gives a histogram: cells of model/histogram.ts from `at` on. */
export type AddHistogram = (cells: Float64Array, at: number, ...labels: readonly string[]) => void;

interface Described {
  /** `pathrace_...`, in base units; counters end in `_total`. */
  readonly name: string;
  /** One sentence, ASCII. */
  readonly help: string;
  /** Whose values are bounded: by the configuration, or by a list in the code. */
  readonly labels: readonly Label[];
}

export type Metric =
  | (Described & {
      readonly type: 'counter' | 'gauge';
      read(snapshot: MetricsSnapshot, add: AddSample): void;
    })
  | (Described & {
      readonly type: 'histogram';
      read(snapshot: MetricsSnapshot, add: AddHistogram): void;
    });

/** Every label, and what its values are. */
export const LABELS = {
  route: 'the name of a route of the configuration',
  service: 'the name of a service of the configuration; `(none)`: what no service takes',
  family: '`ipv4`, `ipv6`',
  state: '`up`, `suspect`, `down`, `draining`, `disabled`',
  reason: 'the words of `pathrace status` (docs/json.md)',
  outcome: 'the words of a race’s end in `pathrace why`',
  tier: '`kernel`: by itself; `daemon`: without copies; `race`: by copies',
  by: '`kernel`, `daemon`',
  queue: '`lan`, `wan`, `calls`',
  direction: '`in`, `out`',
  result: 'what became of it',
  kind: '`sip`, `h323`, `rtsp`',
  code: 'a code of docs/errors.md',
  thread: '`main`, `race`',
  mode: '`user`, `system`',
  why: 'why it was lost',
  version: 'the version of Pathrace',
} as const;
export type Label = keyof typeof LABELS;

/** In place of a service: no name has parentheses. */
export const NO_SERVICE = '(none)';
