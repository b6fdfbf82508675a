/** Every metric that there is. `GET /metrics`, docs/metrics.md, the dashboard and the alerts go by this. */
import { KERNEL_METRICS } from './kernel.js';
import type { Metric } from './metric.js';
import { PROCESS_METRICS } from './process.js';
import { RACE_METRICS } from './races.js';
import { ROUTE_METRICS } from './routes.js';

/** By what they are about. */
export const METRIC_GROUPS = {
  'Races and decisions': RACE_METRICS,
  Routes: ROUTE_METRICS,
  'Between kernel and daemon': KERNEL_METRICS,
  'The daemon': PROCESS_METRICS,
} as const satisfies Readonly<Record<string, readonly Metric[]>>;

export const METRICS: readonly Metric[] = Object.values(METRIC_GROUPS).flat();
