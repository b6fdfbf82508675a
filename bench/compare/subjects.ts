/** Who is compared: the gateway in its settings, the other products' rulesets, and plain kernel NAT. */
import { renameSync } from 'node:fs';
import type { ConfigOverrides, Lab, Task } from '../../lab/index.js';
import { plainNat, plainNatRoundRobin } from '../../lab/index.js';
import { type BaselineOptions, installBaseline, type RouteEvent, type Shape } from '../baselines/baseline.js';
import { MWAN3 } from '../baselines/mwan3.js';
import { OPNSENSE, PFSENSE } from '../baselines/pf.js';
import { VYOS } from '../baselines/vyos.js';
import type { Installed, Subject } from '../side-by-side.js';

/** What a comparison may want of a subject beyond putting it there. */
export interface Contender extends Subject {
  readonly ours: boolean;
  install(lab: Lab): Promise<Running>;
}

export interface Running extends Installed {
  /** What its prober said so far; empty for the gateway. */
  readonly events: readonly RouteEvent[];
  /** The gateway reads its file again, which then says `changed`, if given; the others do what their products do. */
  reload(changed?: ConfigOverrides): Promise<void>;
  /** The gateway only: ends it and starts it again, with the same configuration. */
  restart?: (signal: 'SIGQUIT' | 'SIGKILL') => Promise<void>;
}

export const SHAPES = { mwan3: MWAN3, vyos: VYOS, pfsense: PFSENSE, opnsense: OPNSENSE } as const;

/** Beyond the next hops; each product's prober asks these. */
export const MONITORS = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'];

/** Limits high enough that one client's load is treated as that of a whole site. */
export const WIDE_LIMITS = {
  races: 16_384,
  racesPerClient: 16_384,
  raceRatePerClient: 100_000,
  raceBurstPerClient: 200_000,
};

/** A configuration of the gateway with one service for all TCP. */
export function selecting(select: unknown, more: ConfigOverrides = {}): ConfigOverrides {
  return {
    services: [{ name: 'all', match: { tcp: 'any' }, select, affinity: 'none' }],
    memory: { trust: '0s', store: 'none' },
    ...more,
  };
}

/** Every connection raced. */
export const RACE: ConfigOverrides = selecting('race');
/** The same, remembered. */
export const REMEMBER: ConfigOverrides = selecting('race', { memory: { trust: '10m', store: 'none' } });

const READY_WITHIN_MS = 60_000;

export function gateway(name: string, overrides: ConfigOverrides): Contender {
  return {
    name,
    ours: true,
    async install(lab) {
      const write = (more: ConfigOverrides): string =>
        lab.configYaml({ limits: WIDE_LIMITS, log: { level: 'warn' }, ...overrides, ...more });
      const config = write({});
      const start = async (): Promise<Task> => {
        const task = lab.gateway.spawn(['./bin/pathrace', 'gateway', '--config', config]);
        try {
          await task.waitForLine(/^ready/, READY_WITHIN_MS);
        } catch (error) {
          // It holds the namespace's lock: no other would start.
          await task.stop();
          throw error;
        }
        return task;
      };
      let task = await start();
      return {
        get task() {
          return task;
        },
        events: [],
        async reload(changed = {}) {
          renameSync(write(changed), config);
          await lab.gateway.must(['./bin/pathrace', 'reload', '--control', lab.controlSocket]);
        },
        async restart(signal) {
          task.signal(signal);
          await task.done;
          task = await start();
        },
        async remove() {
          const { code, signal } = await task.stop();
          if (code !== 0) throw new Error(`the gateway ended with ${code ?? signal}: ${task.stderr()}`);
          await lab.gateway.run(['conntrack', '-F']);
        },
      };
    },
  };
}

export function peer(shape: Shape, options: BaselineOptions = {}): Contender {
  return {
    name: shape.name,
    ours: false,
    async install(lab) {
      const run = await installBaseline(lab, shape, options);
      return { task: null, ...run };
    },
  };
}

/** All traffic by one provider. */
export function single(provider: string): Contender {
  return plain(`only ${provider}`, (lab) => plainNat(lab, provider));
}

/** The providers in turn, by plain kernel rules. */
export const KERNEL_TURNS: Contender = plain('kernel round robin', (lab) => plainNatRoundRobin(lab));

/** Rules of the kernel alone. */
export function plain(name: string, install: (lab: Lab) => Promise<{ remove(): Promise<void> }>): Contender {
  return {
    name,
    ours: false,
    async install(lab) {
      const nat = await install(lab);
      return { task: null, events: [], reload: async () => {}, remove: () => nat.remove() };
    },
  };
}

/**
 * Does something with a subject in place, and takes it away whatever happens. When the gateway fails in it, that is a result in
 * one line, and the comparison goes on without it; a failure of anything else is a mistake of the measurement.
 */
export async function withSubject<T>(
  subject: Contender,
  lab: Lab,
  work: (running: Running) => Promise<T>,
): Promise<T | { why: string }> {
  let running: Running | undefined;
  try {
    running = await subject.install(lab);
    const result = await work(running);
    const ending = running;
    running = undefined;
    await ending.remove();
    return result;
  } catch (error) {
    await running?.remove().catch(() => {}); // The first error says more.
    if (!subject.ours) throw error;
    return { why: briefly(error) };
  }
}

/** The lab's errors name the command in the first line, and what it said below. */
function briefly(error: unknown): string {
  const [first = '', ...said] = (error instanceof Error ? error.message : String(error)).split('\n');
  return (said.find((line) => line.includes(':')) ?? first).slice(0, 200);
}
