/** A real Prometheus beside a real gateway: it scrapes, evaluates rules, and is asked. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab, Task } from '../../../lab/index.js';

const PORT = 9090;
/** Where the control socket is reached by TCP; Prometheus scrapes nothing else. */
const SCRAPED = 9801;

export const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));

/** Passes every connection to a port on to a Unix socket. */
const FORWARDER = `
const net = require('node:net');
const [socket, port] = process.argv.slice(1);
net.createServer((from) => {
  const to = net.connect(socket);
  from.pipe(to).pipe(from);
  for (const [one, other] of [[from, to], [to, from]]) one.on('error', () => other.destroy()).on('close', () => other.destroy());
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
`;

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export class Prometheus {
  private constructor(
    private readonly lab: Lab,
    private readonly tasks: readonly Task[],
  ) {}

  /** Scrapes the gateway every second. `rules`: a file of rules, null: none. */
  static async start(lab: Lab, rules: string | null): Promise<Prometheus> {
    const forwarder = lab.gateway.spawn([
      process.execPath,
      '-e',
      FORWARDER,
      lab.controlSocket,
      String(SCRAPED),
    ]);
    await forwarder.waitForLine(/listening/);
    const file = join(lab.directory, 'prometheus.yaml');
    const settings = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      scrape_configs: [{ job_name: 'pathrace', static_configs: [{ targets: [`127.0.0.1:${SCRAPED}`] }] }],
      ...(rules === null ? {} : { rule_files: [rules] }),
    };
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(settings));
    const server = lab.gateway.spawn([
      'prometheus',
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(lab.directory, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${PORT}`,
      '--log.level=warn',
    ]);
    const made = new Prometheus(lab, [server, forwarder]);
    await lab.gateway.must([
      'curl',
      '-sf',
      '--retry',
      '40',
      '--retry-delay',
      '1',
      '--retry-connrefused',
      `http://127.0.0.1:${PORT}/-/ready`,
    ]);
    return made;
  }

  /** What an expression gives now. Throws what Prometheus says of a wrong one. */
  async query(expression: string): Promise<Sample[]> {
    const { result } = (await this.ask('query', ['--data-urlencode', `query=${expression}`])) as {
      result: Sample[];
    };
    return result;
  }

  async alerts(): Promise<Alert[]> {
    return ((await this.ask('alerts')) as { alerts: Alert[] }).alerts;
  }

  /** What became of the last scrape; '' when it worked. */
  async lastError(): Promise<string> {
    const { activeTargets } = (await this.ask('targets')) as {
      activeTargets: { lastError: string; health: string }[];
    };
    return activeTargets.map(({ lastError, health }) => (health === 'unknown' ? health : lastError)).join();
  }

  async stop(): Promise<void> {
    for (const task of this.tasks) await task.stop();
  }

  private async ask(what: string, more: readonly string[] = []): Promise<unknown> {
    const url = `http://127.0.0.1:${PORT}/api/v1/${what}`;
    const text = await this.lab.gateway.must(['curl', '-sG', ...more, url]);
    const { status, data, error } = JSON.parse(text) as { status: string; data: unknown; error?: string };
    if (status !== 'success') throw new Error(`${what} ${more.join(' ')}: ${error}`);
    return data;
  }
}

/** Expressions of the dashboard, as Grafana would ask them with everything chosen. */
export function dashboardExpressions(): { title: string; expr: string }[] {
  const text = readFileSync(join(DEPLOY, 'grafana/pathrace.json'), 'utf8');
  const { panels } = JSON.parse(text) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replace(/\$(instance|route|service)\b/g, '.*').replaceAll('$__rate_interval', '10s'),
    })),
  );
}

/** Rules of the alerts: their names and expressions. */
export function alertExpressions(text: string): { alert: string; expr: string }[] {
  return text
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((rule) => {
      const expr = /^ {8}expr: (?:>\n((?: {10}.*\n)+)|(.*)\n)/m.exec(rule);
      return { alert: rule.slice(0, rule.indexOf('\n')), expr: (expr?.[1] ?? expr?.[2] ?? '').trim() };
    });
}

/** The selectors of an expression, without their ranges. */
export function selectorsOf(expr: string): string[] {
  return [...expr.matchAll(/\bpathrace_\w+(?:\{[^}]*\})?/g)].map(([selector]) => selector);
}
