/**
 * A route that falls silent beyond its next hop, which still answers ARP and ping. Three questions: how many of 100 simultaneous
 * new connections are lost at that moment; how long those to a remembered destination wait; when nobody is hurt any more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectResult, Lab, Scenario } from '../../lab/index.js';
import { median, quantile } from '../side-by-side.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
  spread,
} from './comparison.js';
import { errorsOf, HURT_MS, lost, micros, startStream } from './stream.js';
import {
  type Contender,
  gateway,
  MONITORS,
  peer,
  RACE,
  REMEMBER,
  SHAPES,
  selecting,
  withSubject,
} from './subjects.js';

const PORT = 7;
const DEAD = 'a';
const CONNECTIONS = 100;
const CLIENT_TIMEOUT_MS = 16_000;
const DESTINATIONS = 20;

const SCENARIO: Scenario = {
  seed: 1,
  providers: [
    { name: DEAD, link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 10 } },
  ],
  servers: [
    ...Array.from({ length: DESTINATIONS }, (_, i) => ({ name: `s${i + 1}` })),
    { name: 'monitors', ipv4: MONITORS },
  ],
};

const CHECKS = Object.fromEntries(
  SCENARIO.providers.map(({ name }) => [
    name,
    { check: { targets: [`ping ${MONITORS[0]}`], interval: '1s' } },
  ]),
);

const STREAM_PER_SECOND = 20;
const STREAM_TIMEOUT_MS = 4000;
/** The stream ends when nobody was hurt for so long; with a random pick of two, chance alone does not do that. */
const QUIET_MS = 7000;

interface Subject {
  readonly contender: Contender;
  /** The prober's own numbers say when it notices, in seconds. */
  readonly derived: string;
  readonly longestSeconds: number;
  /** The rules of this one were already shot at under another name. */
  readonly proberOnly?: boolean;
}

const ours = (contender: Contender): Subject => ({ contender, derived: '-', longestSeconds: 60 });
const SUBJECTS: readonly Subject[] = [
  ours(gateway('Pathrace, race', RACE)),
  ours(gateway('Pathrace, remembered', REMEMBER)),
  ours(gateway('Pathrace, remembered, checks', { ...REMEMBER, routes: CHECKS })),
  ours(gateway('Pathrace, round robin', selecting('round-robin', { routes: CHECKS }))),
  {
    contender: peer(SHAPES.mwan3, { monitors: MONITORS }),
    derived: '120 to 130',
    longestSeconds: 150,
  },
  { contender: peer(SHAPES.vyos, { monitors: MONITORS }), derived: '5 to 10', longestSeconds: 60 },
  { contender: peer(SHAPES.pfsense, { monitors: MONITORS }), derived: '15', longestSeconds: 60 },
  {
    contender: peer(SHAPES.opnsense, { monitors: MONITORS }),
    derived: '17 + 2 of reload',
    longestSeconds: 60,
    proberOnly: true,
  },
];

interface Shot {
  readonly lost: number;
  readonly errors: Record<string, number>;
  readonly p50Millis: number;
  readonly slowestMillis: number;
  /** Connections that took longer than a SYN's first repeat. */
  readonly waited: number;
}

interface Recovery {
  /** Seconds from the blackhole to the start of the last connection that was lost or took more than HURT_MS. */
  readonly lastHurt: number;
  readonly hurt: number;
  readonly lost: number;
  readonly connections: number;
  /** Seconds until the last SYN of a new connection on the dead route; a race's copies are among them. */
  readonly lastTried: number;
  /** When the prober took the route out. */
  readonly noticed: number | null;
}

interface Row {
  readonly name: string;
  readonly shots: readonly Shot[];
  readonly recovery: Recovery | null;
  readonly why?: string;
}

export const compareBlackhole: Comparison = {
  name: 'compare-blackhole',
  title: 'a route silent beyond its next hop',
  run: (options) => inLab(SCENARIO, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { quick, say }: CompareOptions): Promise<ComparisonResult> {
  const rounds = quick ? 1 : 3;
  const echo = await lab.server().echo({ ports: [PORT] });
  const rows: Row[] = [];
  for (const subject of SUBJECTS) {
    rows.push(await measureSubject(lab, subject, subject.proberOnly ? 0 : rounds, quick, say));
  }
  await echo.stop();
  return report(rows, rounds);
}

async function measureSubject(
  lab: Lab,
  subject: Subject,
  rounds: number,
  quick: boolean,
  say: (text: string) => void,
): Promise<Row> {
  const { contender } = subject;
  const { name } = contender;
  const shots: Shot[] = [];
  for (let round = 0; round < rounds; round++) {
    const shot = await withSubject(contender, lab, () => shoot(lab));
    if ('why' in shot) {
      say(`  ${name}: cannot run: ${shot.why}`);
      return { name, shots, recovery: null, why: shot.why };
    }
    say(`  ${name}: ${shot.lost} of ${CONNECTIONS} lost, slowest ${figure(shot.slowestMillis, 'ms')}`);
    shots.push(shot);
  }
  if (quick && subject.longestSeconds > 100) return { name, shots, recovery: null };
  const recovery = await withSubject(contender, lab, (running) =>
    recover(lab, subject, () => running.events.find(({ route, up }) => route === DEAD && !up)?.at ?? null),
  );
  if ('why' in recovery) return { name, shots, recovery: null, why: recovery.why };
  say(
    `  ${name}: last hurt after ${figure(recovery.lastHurt, 's')}, noticed ${figure(recovery.noticed, 's')}`,
  );
  return { name, shots, recovery };
}

function targets(lab: Lab): { address: string; port: number }[] {
  return lab.servers
    .filter(({ name }) => name !== 'monitors')
    .map(({ addresses }) => ({ address: addresses.ipv4[0] as string, port: PORT }));
}

/** Makes every destination known, then silences the nearest route and asks `work` what clients see. */
async function withBlackhole<T>(lab: Lab, work: (blackAt: number) => Promise<T>): Promise<T> {
  const known = await lab.client().connect({ targets: targets(lab), count: 3 * DESTINATIONS, bytes: 10 });
  if (lost(known) > 0) throw new Error(`${lost(known)} connections lost before anything was wrong`);
  await sleep(1500); // What was remembered reaches the kernel; probers get into their stride.
  await lab.wire.reset();
  await lab.link(DEAD).set({ blackhole: true });
  try {
    return await work(micros());
  } finally {
    await lab.link(DEAD).set({ blackhole: false });
  }
}

function shoot(lab: Lab): Promise<Shot> {
  return withBlackhole(lab, async () => {
    const results = await lab.client().connect({
      targets: targets(lab),
      count: CONNECTIONS,
      concurrency: CONNECTIONS,
      bytes: 10,
      timeoutMs: CLIENT_TIMEOUT_MS,
    });
    const millis = results.filter(({ ok }) => ok).map(({ connectMicros }) => connectMicros / 1000);
    return {
      lost: lost(results),
      errors: errorsOf(results),
      p50Millis: median(millis),
      slowestMillis: Math.max(0, ...millis),
      waited: millis.filter((each) => each > 900).length,
    };
  });
}

async function recover(lab: Lab, subject: Subject, noticedAt: () => number | null): Promise<Recovery> {
  const connector = lab.client().connector();
  try {
    return await withBlackhole(lab, async (blackAt) => {
      const plan = { targets: targets(lab), bytes: 10, timeoutMs: STREAM_TIMEOUT_MS };
      const stream = startStream(connector, plan, STREAM_PER_SECOND);
      const longest = blackAt + subject.longestSeconds * 1e6;
      let lastHurt = blackAt;
      while (micros() < longest && micros() - lastHurt < (QUIET_MS + STREAM_TIMEOUT_MS) * 1000) {
        await sleep(500);
        lastHurt = Math.max(blackAt, ...stream.results.filter(isHurt).map(({ startedAt }) => startedAt));
      }
      const results = await stream.stop();
      const hurt = results.filter(isHurt);
      const noticed = noticedAt();
      return {
        lastHurt: (Math.max(blackAt, ...hurt.map(({ startedAt }) => startedAt)) - blackAt) / 1e6,
        hurt: hurt.length,
        lost: lost(results),
        connections: results.length,
        lastTried: (await lastFirstSyn(lab, blackAt)) / 1e6,
        noticed: noticed === null ? null : (noticed - blackAt) / 1e6,
      };
    });
  } finally {
    await connector.stop();
  }
}

function isHurt({ ok, connectMicros }: ConnectResult): boolean {
  return !ok || connectMicros > HURT_MS * 1000;
}

/** Microseconds after `since` of the last SYN on the dead route that is not a repeat. */
async function lastFirstSyn(lab: Lab, since: number): Promise<number> {
  const filter = { provider: DEAD, direction: 'out', kind: 'syn', since, limit: 65_536 } as const;
  // BOUNDED: by the emulator's own record.
  const seen = new Set<string>();
  let last = since;
  for (const { source, sourcePort, destination, seq, at } of await lab.wire.trace(filter)) {
    const key = `${source} ${sourcePort} ${destination} ${seq}`;
    if (!seen.has(key)) last = Math.max(last, at);
    seen.add(key);
  }
  return last - since;
}

function report(rows: readonly Row[], rounds: number): ComparisonResult {
  const seconds = (value: number | undefined | null): string => figure(value, 's');
  const fired = rows.filter((_, i) => !SUBJECTS[i]?.proberOnly);
  const shots = fired.map(({ name, shots: each }) => [
    name,
    spread(each.map((shot) => shot.lost)),
    spread(each.map((shot) => shot.waited)),
    figure(median(each.map((shot) => shot.p50Millis)), 'ms'),
    figure(
      quantile(
        each.map((shot) => shot.slowestMillis),
        1,
      ),
      'ms',
    ),
  ]);
  const recoveries = rows.map(({ name, recovery }, i) => [
    name,
    recovery === null ? '-' : `${recovery.lost} of ${recovery.connections}`,
    figure(recovery?.hurt),
    seconds(recovery?.lastHurt),
    seconds(recovery?.lastTried),
    recovery === null ? '-' : seconds(recovery.noticed),
    SUBJECTS[i]?.derived ?? '-',
  ]);
  const right = (title: string) => ({ title, align: 'right' as const });
  const worst = (row: Row | undefined, of: (shot: Shot) => number): number =>
    row === undefined || row.shots.length === 0 ? Number.NaN : Math.max(...row.shots.map(of));
  const own = rows.filter((_, i) => SUBJECTS[i]?.contender.ours);
  return {
    tables: [
      {
        title: `${CONNECTIONS} simultaneous new connections as route ${DEAD} of 2 falls silent, ${rounds} rounds, client timeout 16 s`,
        columns: [{ title: '' }, ...['lost', 'waited > 0.9 s', 'p50', 'slowest that succeeded'].map(right)],
        rows: shots,
      },
      {
        title: `${STREAM_PER_SECOND} new connections a second from that moment on; hurt: lost within 4 s, or slower than ${HURT_MS} ms`,
        columns: [
          { title: '' },
          ...['lost', 'hurt', 'last hurt', 'route last tried', 'prober noticed', 'derived, s'].map(right),
        ],
        rows: recoveries,
      },
    ],
    budgets: own.flatMap((row) => [
      {
        what: `${row.name}: lost of ${CONNECTIONS}, route silent`,
        value: worst(row, (shot) => shot.lost),
        unit: '',
        atMost: 0,
      },
      {
        what: `${row.name}: slowest of these`,
        value: worst(row, (shot) => shot.slowestMillis),
        unit: 'ms',
        atMost: row === own[0] ? 500 : 1500,
      },
    ]),
    notes: [
      'A race goes on trying a silent route with copies that cost no client anything; "route last tried" counts them, "last hurt" does not.',
      ...rows.flatMap(({ name, why }) => (why === undefined ? [] : [cannotRun(name, why)])),
      'Probers run with the shipped numbers; the window of dpinger begins full of answers, as after a minute of service. Alarms act at once here, a filter reload takes pfSense and OPNsense longer.',
    ],
    details: rows,
  };
}
