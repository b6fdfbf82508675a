/** Connections per second, one HTTP request each, and what a race costs the daemon meanwhile. */
import type { Lab } from '../../lab/index.js';
import { userMicros } from '../process-time.js';
import { alternate, median, PLAIN, RACING, type Subject } from '../side-by-side.js';
import { readStatus } from '../status.js';

export interface RateResult {
  readonly subject: string;
  readonly perSecond: readonly number[];
  readonly errors: number;
  /** User CPU of the daemon per race, microseconds, per round; empty for plain NAT. */
  readonly userMicrosPerRace: readonly number[];
  /** Share of connections that were raced. */
  readonly raced: readonly number[];
}

interface Round {
  perSecond: number;
  errors: number;
  userMicrosPerRace: number | null;
  raced: number | null;
}

export async function measureConnectionRate(
  lab: Lab,
  options: { rounds: number; seconds: number; connections: number },
): Promise<RateResult[]> {
  const server = lab.server();
  const web = await server.nginx({ ports: [80] });
  const url = `http://${server.addresses.ipv4[0]}:80/`;
  const subjects: Subject[] = [PLAIN, RACING];
  const results = await alternate(lab, subjects, options.rounds, async (installed): Promise<Round> => {
    const load = (seconds: number) =>
      lab.client().wrk(url, { connections: options.connections, threads: 1, seconds, close: true });
    // The first second is the compiler's.
    await load(1);
    const pid = installed.task?.pid ?? null;
    const before =
      pid === null ? null : { cpu: userMicros(pid), races: (await readStatus(lab)).races.decided };
    const result = await load(options.seconds);
    if (pid === null || before === null) {
      return {
        perSecond: result.requestsPerSecond,
        errors: result.socketErrors,
        userMicrosPerRace: null,
        raced: null,
      };
    }
    const cpu = userMicros(pid) - before.cpu;
    const races = (await readStatus(lab)).races.decided - before.races;
    return {
      perSecond: result.requestsPerSecond,
      errors: result.socketErrors,
      userMicrosPerRace: cpu / Math.max(1, races),
      raced: races / Math.max(1, result.requests),
    };
  });
  await web.stop();
  return subjects.map((subject) => {
    const rounds = results.get(subject)!;
    const present = (values: (number | null)[]): number[] => values.filter((v): v is number => v !== null);
    return {
      subject: subject.name,
      perSecond: rounds.map((r) => r.perSecond),
      errors: rounds.reduce((sum, r) => sum + r.errors, 0),
      userMicrosPerRace: present(rounds.map((r) => r.userMicrosPerRace)),
      raced: present(rounds.map((r) => r.raced)),
    };
  });
}

/** Median of the rounds' own ratios: each compares neighbours in time. */
export function ratio(results: readonly RateResult[]): number {
  const [plain, racing] = results;
  return median(racing!.perSecond.map((value, i) => value / plain!.perSecond[i]!));
}
