/** Runs two subjects alternately in one lab, so that the noise of the machine hits both alike. */
import type { ConfigOverrides, Lab, Task } from '../lab/index.js';
import { plainNat } from '../lab/index.js';

/** What the LAN's traffic goes through while a measurement runs. */
export interface Subject {
  readonly name: string;
  /** Puts it in place; the result takes it away. */
  install(lab: Lab): Promise<Installed>;
}

export interface Installed {
  /** The daemon, if there is one. */
  readonly task: Task | null;
  remove(): Promise<void>;
}

/** Plain kernel NAT over the first provider: the measure of all things. */
export const PLAIN: Subject = {
  name: 'plain kernel NAT',
  async install(lab) {
    const nat = await plainNat(lab, lab.scenario.providers[0]!.name);
    return { task: null, remove: () => nat.remove() };
  },
};

/** The gateway, with limits high enough that a single client's load is raced, every connection of it; `overrides`: what it does besides. */
export function racing(name: string, overrides: ConfigOverrides = {}): Subject {
  return {
    name,
    async install(lab) {
      const config = lab.configYaml({
        limits: {
          races: 16384,
          racesPerClient: 16384,
          raceRatePerClient: 100_000,
          raceBurstPerClient: 200_000,
        },
        log: { level: 'warn' },
        ...overrides,
      });
      const task = lab.gateway.spawn(['./bin/pathrace', 'gateway', '--config', config], {
        timeoutMs: 600_000,
      });
      await task.waitForLine(/^ready/);
      return {
        task,
        remove: async () => {
          await task.stop();
        },
      };
    },
  };
}

export const RACING = racing('every connection raced');

/** Measures every subject once per round; the order turns round each time. Results by subject, one per round. */
export async function alternate<T>(
  lab: Lab,
  subjects: readonly Subject[],
  rounds: number,
  measure: (installed: Installed, subject: Subject) => Promise<T>,
): Promise<Map<Subject, T[]>> {
  const results = new Map<Subject, T[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? subjects : [...subjects].reverse();
    for (const subject of order) {
      const installed = await subject.install(lab);
      try {
        results.get(subject)!.push(await measure(installed, subject));
      } finally {
        await installed.remove();
      }
    }
  }
  return results;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of all values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
