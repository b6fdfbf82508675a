/** docs/metrics.md, from the table. */
import { BOUNDS_MICROS } from '../../model/histogram.js';
import { LABELS, type Metric } from './metric.js';
import { METRIC_GROUPS } from './table.js';

export function renderMetricsPage(): string {
  const groups = Object.entries(METRIC_GROUPS).map(
    ([title, metrics]: [string, readonly Metric[]]) => `## ${title}

| metric | type | labels | meaning |
|---|---|---|---|
${metrics.map(row).join('')}`,
  );
  const labels = Object.entries(LABELS).map(([label, meaning]) => `| \`${label}\` | ${meaning} |\n`);
  const bounds = BOUNDS_MICROS.map((micros) => micros / 1e6).join(', ');
  return `# Metrics

This page is generated from the table (\`npm run docs\`); edit \`src/observe/metrics\` instead.

\`GET /metrics\` answers in Prometheus's text format, or in OpenMetrics where the request asks for it. A scrape takes a snapshot of counters and never
the hot path; two scrapes at one time share one. Counters begin at 0 with the gateway (those that the kernel keeps: with its first start),
histograms of a route and service are there from their first time on. A dashboard for Grafana is \`deploy/grafana/pathrace.json\`, rules for alerts are
\`deploy/prometheus/alerts.yaml\`.

Upper bounds of histograms, seconds: ${bounds}.

${groups.join('\n')}
## Labels

Values are names of the configuration or words of a fixed list: nothing that the network says makes a series.

| label | values |
|---|---|
${labels.join('')}`;
}

function row({ name, type, labels, help }: Metric): string {
  const names = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${type} | ${names === '' ? '-' : names} | ${help} |\n`;
}
