/**
 * Sites with outages of every kind, losses, and round trips from 5 ms to 3 s, beside plain NAT: `node dist/bench/outages.js
 * [--connections N] [--seed S] [--threads N] [--json]`. The same for the same seed, whatever `--threads` says. Exit code 1 on a broken
 * promise, or when something was not reached that a run must reach. One site again: `--seed S --connections 1`.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { PathraceError } from '../src/model/errors.js';
import { missing } from './outages/coverage.js';
import { drawPlan } from './outages/plan.js';
import { LATE_BOUNDS_MS, lateness, type Report } from './outages/report.js';
import { runShares } from './outages/run.js';

const DEFAULTS = { connections: 1_000_000, threads: 2 } as const;
const SHARES = [0.5, 0.9, 0.99, 0.999, 0.9999] as const;
const MOST_TOLD = 20;

interface Options {
  readonly connections: number;
  readonly seed: number;
  readonly threads: number;
  readonly json: boolean;
}

/** The exit code. */
export async function runOutages(argv: readonly string[]): Promise<number> {
  const { connections, seed, threads, json } = readOptions(argv);
  const print = (line: string): void => void (json || process.stdout.write(`${line}\n`));
  print(`seed ${seed}`);
  const started = performance.now();
  const episodes = episodesFor(connections, seed);
  const shares = Array.from({ length: Math.min(threads, episodes) }, (_, i) => ({
    seed: seed + i,
    step: threads,
    count: Math.ceil((episodes - i) / threads),
  }));
  const report = await runShares(shares, (soFar) => {
    const perSecond = Math.round(soFar.connections / ((performance.now() - started) / 1000));
    const { violations, violationCount } = soFar;
    const last = violations.at(-1);
    const told = last === undefined ? '' : `, one of them with seed ${last.seed}: ${last.why}`;
    process.stderr.write(
      `outages: ${soFar.connections} of ${connections} connections (${perSecond}/s), ${violationCount} violations${told}\n`,
    );
  });
  const seconds = (performance.now() - started) / 1000;
  const notReached = missing(report);
  if (json) process.stdout.write(`${JSON.stringify({ seed, seconds, notReached, ...report }, null, 2)}\n`);
  else describe(report, seconds, notReached, print);
  return report.violationCount > 0 || notReached.length > 0 ? 1 : 0;
}

/** How many sites it takes: each has its own number of connections. */
function episodesFor(connections: number, seed: number): number {
  let episodes = 0;
  for (let sum = 0; sum < connections; episodes++) sum += drawPlan(seed + episodes).connections.length;
  return Math.max(1, episodes);
}

function describe(
  report: Report,
  seconds: number,
  notReached: readonly string[],
  print: (line: string) => void,
): void {
  const { episodes, connections, made, hadLivingRoute, madeWithoutLivingRoute, refused } = report;
  print(
    `${connections} connections of ${episodes} sites in ${seconds.toFixed(0)} s (${Math.round(connections / seconds)}/s)`,
  );
  print(
    `  made: ${made}; plain NAT by a living route makes ${hadLivingRoute}; besides: ${madeWithoutLivingRoute}`,
  );
  print(`  refused by a route that rejects and was chosen alone: ${refused}`);
  const percentiles = SHARES.map((share) => `${share * 100} %: ${lateness(report, share)} ms`).join(', ');
  print(
    `  later than plain NAT by the wanted route: ${percentiles}, most ${report.mostLateMs.toFixed(0)} ms`,
  );
  print(`  (bounds: ${LATE_BOUNDS_MS.join(', ')})`);
  for (const [criterion, quiet] of Object.entries(report.quiet)) {
    const last = ((report.lastWrongMs[criterion] ?? 0) / 1000).toFixed(1);
    print(
      `  ${criterion}: ${report.wrong[criterion] ?? 0} of ${quiet} elsewhere when all was well, the last after ${last} s`,
    );
  }
  print('  reached:');
  for (const [name, count] of Object.entries(report.coverage).sort(([a], [b]) => (a < b ? -1 : 1)))
    print(`    ${name}: ${count}`);
  for (const { seed, why } of report.violations.slice(0, MOST_TOLD))
    print(`  FAILED with seed ${seed}: ${why}`);
  if (report.violationCount > MOST_TOLD) print(`  FAILED: ${report.violationCount} in all`);
  for (const name of notReached) print(`  FAILED: not reached: ${name}`);
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      connections: { type: 'string' },
      seed: { type: 'string' },
      threads: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  return {
    connections: readCount('connections', values.connections ?? String(DEFAULTS.connections)),
    seed: values.seed === undefined ? Math.floor(Math.random() * 0x3fffffff) : readCount('seed', values.seed),
    threads: readCount('threads', values.threads ?? String(DEFAULTS.threads)),
    json: values.json === true,
  };
}

function readCount(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new PathraceError('E_ARGUMENT', `--${name} is not a number.`, {
    found: text,
    expected: 'a whole number from 1 on',
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  runOutages(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(
        `${error instanceof PathraceError ? error.toString() : String((error as Error).stack ?? error)}\n`,
      );
      process.exit(1);
    },
  );
}
