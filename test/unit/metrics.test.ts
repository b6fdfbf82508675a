/** The table of metrics, its two texts, and what documentation, dashboard and alerts say of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BOUNDS_MICROS, countTime, createHistograms, HISTOGRAM_CELLS } from '../../src/model/histogram.js';
import { renderMetrics } from '../../src/observe/metrics/exposition.js';
import { LABELS } from '../../src/observe/metrics/metric.js';
import type { MetricsSnapshot } from '../../src/observe/metrics/snapshot.js';
import { METRICS } from '../../src/observe/metrics/table.js';
import { snapshotOf } from './metrics-snapshot.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the table', () => {
  it('names everything as Prometheus wants it', () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, help, labels } of METRICS) {
      expect(name).toMatch(/^pathrace_[a-z]+(_[a-z]+)*$/);
      expect({ name, isTotal: name.endsWith('_total') }).toEqual({ name, isTotal: type === 'counter' });
      expect(name).not.toMatch(/_(bucket|sum|count|ms|micros|milliseconds|bits|kb|mb)(_|$)/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[\x20-\x7e]+\.$/);
      expect(labels.filter((label) => !Object.hasOwn(LABELS, label))).toEqual([]);
    }
  });

  it('has no label that nobody uses', () => {
    const used = new Set(METRICS.flatMap(({ labels }) => labels));
    expect(Object.keys(LABELS).filter((label) => !used.has(label as never))).toEqual([]);
  });

  it('is what docs/metrics.md lists', () => {
    const listed = [...read('docs/metrics.md').matchAll(/^\| `(pathrace_\w+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual(METRICS.map(({ name }) => name));
  });
});

describe('dashboard and alerts', () => {
  const named = (text: string): Set<string> =>
    new Set([...text.matchAll(/\bpathrace_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, '')));
  const dashboard = named(read('deploy/grafana/pathrace.json'));
  const alerts = named(read('deploy/prometheus/alerts.yaml'));

  it('name nothing that there is not', () => {
    const there = METRICS.map(({ name }) => name);
    expect([...dashboard, ...alerts].filter((name) => !there.includes(name))).toEqual([]);
  });

  it('leave out only what somebody looks up', () => {
    const left = METRICS.map(({ name }) => name).filter((name) => !dashboard.has(name) && !alerts.has(name));
    expect(left).toEqual([
      'pathrace_races_active',
      'pathrace_race_slots_used',
      'pathrace_race_slots',
      'pathrace_service_kernel_decisions_total',
      'pathrace_service_memory_hits_total',
      'pathrace_memory_evictions_total',
      'pathrace_route_check_up',
      'pathrace_attempts_total',
      'pathrace_losses_total',
      'pathrace_queue_size_packets',
      'pathrace_kernel_elements_waiting',
      'pathrace_connections_cut_total',
      'pathrace_connections_to_cut',
      'pathrace_fast_path_active',
      'pathrace_calls_started_total',
      'pathrace_calls_ended_total',
      'pathrace_call_flows_total',
      'pathrace_uptime_seconds',
    ]);
  });
});

function text(snapshot: MetricsSnapshot, accept?: string): string {
  return renderMetrics(snapshot, accept).body.toString('utf8');
}

describe('the text', () => {
  it('has a histogram whose buckets add up, in both forms', () => {
    const cells = createHistograms(2);
    for (const micros of [500, 1000, 1001, 40_000, 5_000_000]) countTime(cells, HISTOGRAM_CELLS, micros);
    const snapshot = snapshotOf({
      times: {
        answers: cells,
        decisions: createHistograms(2),
        rows: [
          { route: 'a', service: 'none-yet', at: 0 },
          { route: 'a', service: 'web', at: HISTOGRAM_CELLS },
        ],
      },
    });
    for (const accept of [undefined, 'application/openmetrics-text']) {
      const lines = text(snapshot, accept)
        .split('\n')
        .filter((line) => line.startsWith('pathrace_answer_duration_seconds'));
      const of = 'route="a",service="web"';
      expect(lines).toHaveLength(BOUNDS_MICROS.length + 3);
      expect(lines.slice(0, 3)).toEqual([
        `pathrace_answer_duration_seconds_bucket{${of},le="0.001"} 2`,
        `pathrace_answer_duration_seconds_bucket{${of},le="0.002"} 3`,
        `pathrace_answer_duration_seconds_bucket{${of},le="0.005"} 3`,
      ]);
      expect(lines).toContain(`pathrace_answer_duration_seconds_bucket{${of},le="1.0"} 4`);
      expect(lines.slice(-3)).toEqual([
        `pathrace_answer_duration_seconds_bucket{${of},le="+Inf"} 5`,
        `pathrace_answer_duration_seconds_sum{${of}} 5.042501`,
        `pathrace_answer_duration_seconds_count{${of}} 5`,
      ]);
    }
  });

  it.each([
    [undefined, 'text/plain; version=0.0.4; charset=utf-8'],
    ['*/*', 'text/plain; version=0.0.4; charset=utf-8'],
    ['application/openmetrics-text;q=0', 'text/plain; version=0.0.4; charset=utf-8'],
    ['application/openmetrics-text;q=0.3, text/plain;q=0.4', 'text/plain; version=0.0.4; charset=utf-8'],
    [
      'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    ],
    [`${'x,'.repeat(100_000)}application/openmetrics-text`, 'text/plain; version=0.0.4; charset=utf-8'],
  ])('is of the form that %s prefers', (accept, contentType) => {
    expect(renderMetrics(snapshotOf({}), accept).contentType).toBe(contentType);
  });

  it('names counters as OpenMetrics wants it, and ends', () => {
    const open = text(snapshotOf({}), 'application/openmetrics-text');
    expect(open).toContain('# TYPE pathrace_attempts counter\n');
    expect(open).toContain('\npathrace_attempts_total{route="a"} 7\n');
    expect(open.endsWith('# EOF\n')).toBe(true);
    expect(text(snapshotOf({}))).not.toContain('EOF');
  });

  it('quotes what a label may not have', () => {
    const [route] = snapshotOf({}).routes;
    const name = 'a"\\\nb';
    expect(text(snapshotOf({ routes: [{ ...route!, name }] }))).toContain(
      'pathrace_attempts_total{route="a\\"\\\\\\nb"} 7\n',
    );
  });

  it('shows each series once, whatever the configuration', () => {
    const lines = text(snapshotOf({}))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.length).toBeGreaterThan(METRICS.length);
  });

  it('of 16 routes and 64 services is written in a few milliseconds', () => {
    const routes = Array.from({ length: 16 }, (_, i) => `route-${i}`);
    const services = Array.from({ length: 64 }, (_, i) => `service-${i}`);
    const answers = createHistograms(routes.length * services.length);
    const rows = routes.flatMap((route, r) =>
      services.map((service, s) => ({ route, service, at: (r * services.length + s) * HISTOGRAM_CELLS })),
    );
    for (const { at } of rows) countTime(answers, at, at);
    const snapshot = snapshotOf({ times: { answers, decisions: answers, rows } });
    const times = Array.from({ length: 20 }, () => {
      const startedAt = performance.now();
      const { body } = renderMetrics(snapshot, undefined);
      expect(body.length).toBeGreaterThan(2_000_000);
      return performance.now() - startedAt;
    });
    // On a machine that has nothing else to do it is 5 ms; what this finds is something that grows with the square.
    expect(Math.min(...times)).toBeLessThan(60);
  });
});
