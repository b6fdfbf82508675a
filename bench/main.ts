/** `pathrace bench`: the budgets of the design, each measured against plain kernel NAT in the same run. */
import type { Lab } from '../lab/index.js';
import { ensurePrivileges } from '../lab/privileges.js';
import { type BudgetRow, printRows } from './budget.js';
import { inLab, renderComparison, UNDELAYED } from './compare/comparison.js';
import { COMPARISONS } from './compare/index.js';
import { added, measureConnectTime } from './measure/connect-time.js';
import { measureConnectionRate, ratio } from './measure/connection-rate.js';
import { measureBlackhole, measureDaemonLoss } from './measure/faults.js';
import { measureRaceBytes, measureResident } from './measure/memory.js';
import { measureSoak } from './measure/soak.js';
import { measureThroughput, throughputRatio } from './measure/throughput.js';
import { HELP, parseOptions } from './options.js';
import { median } from './side-by-side.js';

/** Runs the measurements; exit code 0 when every budget is met, 1 otherwise. */
export async function runBench(argv: string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  ensurePrivileges();
  const { quick, soakSeconds } = options;
  const rounds = quick ? 3 : 7;
  const seconds = quick ? 2 : 4;
  const rows: BudgetRow[] = [];
  const details: Record<string, unknown> = {};
  const plain = (work: (lab: Lab) => Promise<void>) => inLab(UNDELAYED, work);
  const step = async (name: string, title: string, work: () => Promise<void>): Promise<void> => {
    if (!options.only.has(name)) return;
    const startedAt = performance.now();
    process.stderr.write(`${title} ... `);
    await work();
    process.stderr.write(`${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
  };

  await step('rate', 'connections per second, every one raced over three routes', () =>
    plain(async (lab) => {
      const results = await measureConnectionRate(lab, { rounds, seconds, connections: 64 });
      details.rate = results;
      rows.push(
        {
          what: 'connections/s, raced over 3 routes / plain NAT',
          value: ratio(results),
          unit: '',
          atLeast: 0.85,
        },
        {
          what: 'user CPU of the daemon per race under load',
          value: median(results[1]!.userMicrosPerRace),
          unit: 'us',
          atMost: 10,
        },
      );
    }),
  );
  await step('connect', 'time of one connect at a time', () =>
    plain(async (lab) => {
      const results = await measureConnectTime(lab, { rounds, count: quick ? 1000 : 3000 });
      details.connect = results;
      rows.push(
        { what: 'connect time added, p50', value: added(results, 'p50'), unit: 'us', atMost: 150 },
        { what: 'connect time added, p99', value: added(results, 'p99'), unit: 'us', atMost: 1000 },
      );
    }),
  );
  await step('throughput', 'throughput of established flows', () =>
    plain(async (lab) => {
      // Many short rounds: one transfer differs from the next by ten percent on two shared cores.
      const results = await measureThroughput(lab, { rounds: 2 * rounds, seconds: 2 });
      details.throughput = results;
      rows.push({
        what: 'throughput of established flows / plain NAT',
        value: throughputRatio(results),
        unit: '',
        atLeast: 0.98,
      });
    }),
  );
  await step('faults', 'a silent provider, a killed and a stopped daemon', () =>
    inLab(
      {
        seed: 1,
        providers: UNDELAYED.providers.map((p, i) => ({ ...p, link: { delayMs: 5 + 5 * i } })),
        servers: [{ name: 's' }],
      },
      async (lab) => {
        const { healthy, blackhole } = await measureBlackhole(lab);
        const { killed, stopped } = await measureDaemonLoss(lab);
        details.faults = { healthy, blackhole, killed, stopped };
        rows.push(
          {
            what: 'new connections lost, nearest route a silent blackhole',
            value: blackhole.lost,
            unit: 'of 100',
            atMost: 0,
          },
          { what: 'slowest of these connects', value: blackhole.slowestMillis, unit: 'ms', atMost: 900 },
          {
            what: 'new connections lost, daemon killed and restarted',
            value: killed.lost,
            unit: 'of 500',
            atMost: 0,
          },
          {
            what: 'established lost, daemon killed and restarted',
            value: killed.held - killed.heldAlive,
            unit: 'of 50',
            atMost: 0,
          },
          {
            what: 'new connections lost, daemon stopped 2 s',
            value: stopped.lost,
            unit: 'of 500',
            atMost: 0,
          },
          {
            what: 'established lost, daemon stopped 2 s',
            value: stopped.held - stopped.heldAlive,
            unit: 'of 50',
            atMost: 0,
          },
          {
            what: 'slowest new connect meanwhile',
            value: Math.max(killed.slowestMillis, stopped.slowestMillis),
            unit: 'ms',
            atMost: 1500,
          },
        );
      },
    ),
  );
  await step('memory', 'memory', () =>
    plain(async (lab) => {
      const resident = await measureResident(lab);
      details.memory = { resident, raceBytes: measureRaceBytes() };
      rows.push(
        { what: 'resident memory at rest', value: resident / 1e6, unit: 'MB', atMost: 90 },
        { what: 'table memory per race, 3 routes', value: measureRaceBytes(), unit: 'B', atMost: 600 },
      );
    }),
  );
  await step('soak', `soak, ${soakSeconds} s at half the highest rate`, () =>
    plain(async (lab) => {
      const soak = await measureSoak(lab, { seconds: soakSeconds });
      details.soak = soak;
      rows.push(
        { what: 'connections lost in the soak', value: soak.lost, unit: `of ${soak.connections}`, atMost: 0 },
        {
          what: 'connects that needed a SYN repeat',
          value: soak.repeated,
          unit: `of ${soak.connections}`,
          atMost: 0,
        },
        {
          what: 'half-open connections at the server 2 s after',
          value: soak.halfOpenAfter2s,
          unit: '',
          atMost: 0,
        },
      );
    }),
  );
  for (const comparison of COMPARISONS) {
    await step(comparison.name, comparison.title, async () => {
      process.stderr.write('\n');
      const say = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await comparison.run({ quick: quick, say });
      details[comparison.name] = { tables: result.tables, notes: result.notes, details: result.details };
      rows.push(...result.budgets);
      if (!options.json) process.stdout.write(`${renderComparison(result)}\n`);
    });
  }
  printRows(rows, details, options.json);
  return rows.every((row) => row.met) ? 0 : 1;
}
