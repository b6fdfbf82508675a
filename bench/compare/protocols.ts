/** What a race of each protocol adds to the first answer, and what it costs when the first payload decides instead of the first reply. */

import type { QuestionKind } from '../../lab/children/questions.js';
import type { Lab } from '../../lab/index.js';
import { userMicros } from '../process-time.js';
import { alternate, median, PLAIN, quantile, racing, type Subject } from '../side-by-side.js';
import { readStatus } from '../status.js';
import { type Comparison, type ComparisonResult, inLab, UNDELAYED } from './comparison.js';

function wonBy(name: string, win: string): Subject {
  return racing(name, { services: [{ name: 'all', match: 'any', select: 'race', win, affinity: 'none' }] });
}

const FIRST_REPLY = wonBy('first reply', 'first-reply');
const FIRST_PAYLOAD = wonBy('first payload', 'first-payload');
const SUBJECTS = [PLAIN, FIRST_REPLY, FIRST_PAYLOAD];
const KINDS: readonly (readonly [QuestionKind, number])[] = [
  ['page', 80],
  ['dns', 53],
  ['quic', 443],
];

interface Round {
  readonly perSecond: number;
  readonly errors: number;
  /** User CPU of the daemon per race, microseconds; null: there is none. */
  readonly userMicros: number | null;
  readonly times: Readonly<Record<QuestionKind, { p50: number; p99: number; lost: number }>>;
}

export const compareProtocols: Comparison = {
  name: 'compare-protocols',
  title: 'what a race adds to pages, DNS and QUIC, by first reply and by first payload',
  run: ({ quick }) =>
    inLab(UNDELAYED, (lab) => measure(lab, quick ? 3 : 7, quick ? 2 : 4, quick ? 300 : 1000)),
};

async function measure(lab: Lab, rounds: number, seconds: number, count: number): Promise<ComparisonResult> {
  const server = lab.server();
  const address = server.addresses.ipv4[0]!;
  const web = await server.nginx({ ports: [80] });
  const answering = server.child('children/questions');
  for (const [kind, port] of KINDS)
    if (kind !== 'page') await answering.ask('listen', { kind, address, port });
  const asking = lab.client().child('children/questions');
  const results = await alternate(lab, SUBJECTS, rounds, async ({ task }): Promise<Round> => {
    const times = {} as Record<QuestionKind, { p50: number; p99: number; lost: number }>;
    for (const [kind, port] of KINDS) {
      // The first ones are the compiler's.
      await asking.ask('series', { kind, address, port, count: 100 });
      const all = await asking.ask<number[]>('series', { kind, address, port, count });
      const answered = all.filter((micros) => micros >= 0);
      times[kind] = {
        p50: median(answered),
        p99: quantile(answered, 0.99),
        lost: all.length - answered.length,
      };
    }
    const load = (s: number) =>
      lab.client().wrk(`http://${address}:80/`, { connections: 64, threads: 1, seconds: s, close: true });
    await load(1);
    const pid = task?.pid ?? null;
    const cpu = pid === null ? 0 : userMicros(pid);
    const before = pid === null ? 0 : (await readStatus(lab)).races.decided;
    const { requestsPerSecond, socketErrors } = await load(seconds);
    const races = pid === null ? 0 : (await readStatus(lab)).races.decided - before;
    return {
      perSecond: requestsPerSecond,
      errors: socketErrors,
      userMicros: pid === null ? null : (userMicros(pid) - cpu) / Math.max(1, races),
      times,
    };
  });
  await asking.stop();
  await answering.stop();
  await web.stop();
  const plain = results.get(PLAIN)!;
  const added = (subject: Subject, kind: QuestionKind, what: 'p50' | 'p99'): string => {
    const own = results.get(subject)!;
    if (subject === PLAIN) return median(own.map(({ times }) => times[kind][what])).toFixed(0);
    const more = median(own.map(({ times }, i) => times[kind][what] - plain[i]!.times[kind][what]));
    return `+${more.toFixed(0)}`;
  };
  const rows = SUBJECTS.map((subject) => {
    const own = results.get(subject)!;
    const ratio = median(own.map(({ perSecond }, i) => perSecond / plain[i]!.perSecond));
    const cpu = own.flatMap(({ userMicros: micros }) => (micros === null ? [] : [micros]));
    const lost = own.reduce(
      (sum, { times, errors }) => KINDS.reduce((n, [kind]) => n + times[kind].lost, sum + errors),
      0,
    );
    return [
      subject.name,
      median(own.map(({ perSecond }) => perSecond)).toFixed(0),
      ratio.toFixed(3),
      cpu.length === 0 ? '-' : median(cpu).toFixed(1),
      ...KINDS.map(([kind]) => `${added(subject, kind, 'p50')} / ${added(subject, kind, 'p99')}`),
      String(lost),
    ];
  });
  const titles = ['', 'pages/s', 'of plain', 'us/race', 'page us', 'DNS us', 'QUIC us', 'lost'];
  return {
    tables: [{ title: 'Pages, questions and handshakes', columns: titles.map((title) => ({ title })), rows }],
    budgets: [],
    notes: [
      'us: microseconds from the first packet to the first answer, p50 / p99; of plain NAT as it is, of the others what they take more in the same round. Nothing is emulated.',
      'us/race: user CPU of the whole daemon while it races pages as fast as it can. UDP goes by the first reply in both.',
    ],
    details: Object.fromEntries(SUBJECTS.map((subject) => [subject.name, results.get(subject)])),
  };
}
