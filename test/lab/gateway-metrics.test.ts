/** Metrics of a real gateway, as a real Prometheus scrapes them; the dashboard, the alerts, and decisions that are written down. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { METRICS } from '../../src/observe/metrics/table.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import {
  alertExpressions,
  DEPLOY,
  dashboardExpressions,
  Prometheus,
  type Sample,
  selectorsOf,
} from './support/prometheus.js';

const PORT = 7;
const CLOSED = 9;
const DELAY_MS = { a: 12, b: 40 } as const;

/** What the site of this test does not bring about, and is hidden while it is 0; everything else gives data. */
const EMPTY_HERE: readonly string[] = ['Packets dropped', 'Errors'];

let made: GatewayLab;
let prometheus: Prometheus;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: DELAY_MS.a } },
        { name: 'b', link: { delayMs: DELAY_MS.b } },
      ],
    },
    {
      config: {
        memory: { trust: '10m', refresh: 0.5, stagger: 'never' },
        services: [
          { name: 'web', match: { tcp: PORT }, select: 'race', affinity: 'none' },
          { name: 'bulk', match: { tcp: 20 }, select: 'priority', affinity: 'none' },
          { name: 'mail', match: { tcp: 25 }, select: 'least-connections', affinity: 'none' },
          { name: 'other', match: { tcp: 'any' }, select: 'race' },
        ],
        routes: { a: { quota: '10GB', check: { targets: [`ping ${NEAR}`], interval: '1s' } } },
      },
    },
  );
  await made.lab.server().echo({ ports: [PORT, 20, 25] });
  const rules = join(made.lab.directory, 'alerts.yaml');
  // Nobody has the minutes that an operator wants to wait.
  const text = readFileSync(join(DEPLOY, 'prometheus/alerts.yaml'), 'utf8');
  writeFileSync(rules, text.replace(/for: \d+[ms]/g, 'for: 1s'));
  prometheus = await Prometheus.start(made.lab, rules);
}, 90_000);

afterAll(async () => {
  await prometheus?.stop();
  await made?.stop();
}, 60_000);

async function scrape(accept?: string): Promise<string> {
  const header = accept === undefined ? [] : ['-H', `Accept: ${accept}`];
  return made.lab.gateway.must([
    'curl',
    '-sSf',
    ...header,
    '--unix-socket',
    made.lab.controlSocket,
    'http://pathrace/metrics',
  ]);
}

function figureOf(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
}

async function connectTo(address: string, port: number, count: number, timeoutMs = 5000) {
  return made.lab.client().connect({ targets: [{ address, port }], count, concurrency: 4, timeoutMs });
}

test('what the wire and the server have seen is counted, by route and service', async () => {
  await made.lab.wire.reset();
  connectMs(await connectTo(NEAR, 20, 3));
  const [first] = connectMs(await connectTo(NEAR6, PORT, 1));
  expect(first).toBeGreaterThan(2 * DELAY_MS.a);
  await connectTo(NEAR, CLOSED, 2);
  const text = await eventually(
    scrape,
    (now) => figureOf(now, 'pathrace_answer_duration_seconds_count{route="b",service="web"}') >= 1,
    5000,
  );
  const syns = await made.lab.wire.trace({ kind: 'syn' });
  const copies = (provider: string, port: number): number =>
    syns.filter((packet) => packet.provider === provider && packet.destinationPort === port).length;
  expect(copies('b', PORT)).toBe(1);
  expect(figureOf(text, 'pathrace_races_started_total{service="web"}')).toBe(1);
  expect(figureOf(text, 'pathrace_races_started_total{service="bulk"}')).toBe(0);
  expect(figureOf(text, 'pathrace_races_started_total{service="other"}')).toBe(2);
  expect(figureOf(text, 'pathrace_attempts_total{route="b"}')).toBe(copies('b', PORT) + copies('b', CLOSED));
  expect(figureOf(text, 'pathrace_race_wins_total{route="a",service="web"}')).toBe(1);
  expect(figureOf(text, 'pathrace_races_ended_total{outcome="first-reply"}')).toBe(1);
  expect(figureOf(text, 'pathrace_races_ended_total{outcome="all-routes-negative"}')).toBe(2);
  for (const route of ['a', 'b'])
    expect(figureOf(text, `pathrace_negative_answers_total{route="${route}"}`)).toBe(2);
  // By priority the kernel gives the route: no copy leaves by another one.
  expect(copies('b', 20)).toBe(0);
  expect(figureOf(text, 'pathrace_service_connections_total{service="bulk"}')).toBe(3);
  expect(figureOf(text, 'pathrace_service_kernel_decisions_total{service="bulk"}')).toBe(3);
  expect(figureOf(text, 'pathrace_decisions_total{tier="kernel"}')).toBe(3);
  expect(figureOf(text, 'pathrace_decisions_total{tier="race"}')).toBe(3);
  expect(figureOf(text, 'pathrace_conntrack_entries_total{result="written"}')).toBe(1);
  for (const [route, delayMs] of Object.entries(DELAY_MS)) {
    const sum = figureOf(text, `pathrace_answer_duration_seconds_sum{route="${route}",service="web"}`);
    expect(sum * 1000).toBeGreaterThan(2 * delayMs);
    expect(sum * 1000).toBeLessThan(2 * delayMs + 15);
  }
  const won = figureOf(text, 'pathrace_race_duration_seconds_sum{route="a",service="web"}') * 1000;
  expect(won).toBeGreaterThan(2 * DELAY_MS.a);
  // The client has seen what the gateway has measured, and its own way besides.
  expect(won).toBeLessThanOrEqual(first ?? 0);
});

test('what is remembered is a hit of the kernel', async () => {
  const hits = async (): Promise<number> =>
    figureOf(await scrape(), 'pathrace_service_memory_hits_total{service="web"}');
  connectMs(await connectTo(NEAR, PORT, 1));
  const before = await eventually(
    async () => (await made.status()).memory.inKernel,
    (count) => count > 0,
    5000,
  );
  expect(before).toBeGreaterThan(0);
  connectMs(await connectTo(NEAR, PORT, 40));
  expect(await hits()).toBeGreaterThan(5);
  const text = await scrape();
  expect(figureOf(text, 'pathrace_memory_hits_total{by="kernel"}')).toBe(await hits());
  expect(figureOf(text, 'pathrace_service_connections_total{service="web"}')).toBe(42);
});

describe('the text', () => {
  test('is clean for promtool, and shows every metric of the table', async () => {
    const text = await scrape();
    const checked = await made.lab.gateway.run(['promtool', 'check', 'metrics'], { input: text });
    expect({ code: checked.code, said: checked.stdout + checked.stderr }).toEqual({ code: 0, said: '' });
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(types).toEqual(METRICS.map(({ name, type }) => `${name} ${type}`));
    const shown = new Set(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => /^\w+/.exec(line)?.[0].replace(/_(bucket|sum|count)$/, '')),
    );
    expect(METRICS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });

  test('is OpenMetrics for those who want it, with the same values', async () => {
    const open = await scrape('application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
    expect(open.endsWith('\n# EOF\n')).toBe(true);
    expect(open).toContain('# TYPE pathrace_races_started counter\n');
    expect(figureOf(open, 'pathrace_races_started_total{service="web"}')).toBeGreaterThan(0);
  });
});

async function traffic(): Promise<void> {
  await connectTo(NEAR, PORT, 8);
  await connectTo(NEAR, CLOSED, 1);
  await connectTo(NEAR, 20, 1);
  await connectTo(NEAR, 25, 1);
}

describe('a Prometheus', () => {
  test('scrapes it, and gives an answer to everything that dashboard and alerts ask', async () => {
    for (let round = 0; round < 4; round++) {
      await traffic();
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    expect(await prometheus.lastError()).toBe('');
    expect((await prometheus.query('up')).map(({ value }) => value[1])).toEqual(['1']);
    const empty: string[] = [];
    for (const { title, expr } of dashboardExpressions())
      if (isEmpty(await prometheus.query(expr))) empty.push(title);
    expect(empty).toEqual(EMPTY_HERE);
    // An alert mostly says nothing; what it goes by is there.
    for (const { alert, expr } of alertExpressions(
      readFileSync(join(DEPLOY, 'prometheus/alerts.yaml'), 'utf8'),
    )) {
      await prometheus.query(expr);
      for (const selector of selectorsOf(expr))
        expect(await prometheus.query(selector), `${alert}: ${selector}`).not.toEqual([]);
    }
  });

  test('fires when a route is silent, and is quiet again when it answers', async () => {
    const named = async (): Promise<string[]> =>
      (await prometheus.alerts())
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => `${labels.alertname} ${labels.route ?? ''}`.trim());
    expect(await named()).not.toContain('PathraceRouteDown a');
    await made.lab.link('a').set({ silent: true });
    const fired = await eventually(
      async () => {
        await traffic();
        return named();
      },
      (names) => names.includes('PathraceRouteDown a'),
      30_000,
    );
    expect(fired).toContain('PathraceRouteDown a');
    expect(fired).not.toContain('PathraceRouteDown b');
    await made.lab.link('a').set({ silent: false });
    const over = await eventually(
      async () => {
        await traffic();
        return named();
      },
      (names) => !names.includes('PathraceRouteDown a'),
      30_000,
    );
    expect(over).not.toContain('PathraceRouteDown a');
  }, 90_000);
});

function isEmpty(samples: readonly Sample[]): boolean {
  return samples.every(({ value }) => value[1] === 'NaN');
}
