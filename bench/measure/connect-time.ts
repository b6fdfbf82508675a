/** Time of one connect at a time on an idle gateway: what a race adds to the best route. */
import type { Lab } from '../../lab/index.js';
import { alternate, median, PLAIN, quantile, RACING, type Subject } from '../side-by-side.js';

export interface ConnectTimeResult {
  readonly subject: string;
  /** Per round, microseconds. */
  readonly p50: readonly number[];
  readonly p99: readonly number[];
}

export async function measureConnectTime(
  lab: Lab,
  options: { rounds: number; count: number },
): Promise<ConnectTimeResult[]> {
  const server = lab.server();
  const echo = await server.echo({ ports: [7] });
  const target = { address: server.addresses.ipv4[0]!, port: 7 };
  const subjects: Subject[] = [PLAIN, RACING];
  const connector = lab.client().connector();
  const plan = (count: number) => ({ targets: [target], count, concurrency: 1 });
  const results = await alternate(lab, subjects, options.rounds, async () => {
    await connector.run(plan(200));
    const done = await connector.run(plan(options.count));
    const times = done.filter((r) => r.ok).map((r) => r.connectMicros);
    return { p50: median(times), p99: quantile(times, 0.99) };
  });
  await connector.stop();
  await echo.stop();
  return subjects.map((subject) => ({
    subject: subject.name,
    p50: results.get(subject)!.map((r) => r.p50),
    p99: results.get(subject)!.map((r) => r.p99),
  }));
}

/** Median over the rounds of what the second subject takes more than the first, microseconds. */
export function added(results: readonly ConnectTimeResult[], what: 'p50' | 'p99'): number {
  const [plain, racing] = results;
  return median(racing![what].map((value, i) => value - plain![what][i]!));
}
