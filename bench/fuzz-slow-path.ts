/** Hostile packets through the whole slow path of a running gateway: kernel, queues, engine, raw sockets, conntrack. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../src/api/contract.js';
import { PathraceError } from '../src/model/errors.js';
import { DECODE_REASONS } from '../src/model/reasons.js';
import { random, subSeed } from '../src/sim/random.js';
import { Injector, type Kind } from './fuzz-injector.js';
import { buildTopology, SERVER, SERVER6, type Topology } from './fuzz-topology.js';

export interface SlowPathReport {
  readonly injected: number;
  readonly seconds: number;
  readonly kinds: Readonly<Record<Kind, number>>;
  /** Packets that reached the daemon, and their share of the injected ones. */
  readonly reached: number;
  readonly share: number;
  /** Packets for which the queue had no room. */
  readonly lost: number;
  /** Copies that came out at the providers. */
  readonly copies: number;
  /** Resident memory of the daemon after a tenth, and at the end, MB. */
  readonly residentMb: readonly [number, number];
  readonly races: Status['races'];
  readonly dropped: Status['packets']['dropped'];
  readonly ignored: Status['packets']['ignored'];
  /** Real connections during the run, and how many of them did not come about. */
  readonly canaries: { readonly tried: number; readonly failed: number };
  /** Broken promises; empty when all is well. */
  readonly failures: readonly string[];
}

export interface SlowPathOptions {
  readonly count: number;
  readonly seed: number;
  /** Ends after this long, whatever has been sent. */
  readonly timeLimitMs: number;
  readonly onProgress?: (line: string) => void;
}

const BURST = 64;
/** More wait in the queues: the daemon gets time. Far below what it takes for an overload, which would shield it. */
const PATIENCE = 150;
/** Packets between two looks at whether a real connection works, and between two clean tables of the kernel. */
const CANARIES = 5;
const FORGET_EVERY = 50_000;
/** Short failures of a provider: one in so many packets, but no more than so many in a run, each leaves resets to give. */
const FLAP_EVERY = 4000;
const FLAPS = 25;
/** Memory may grow by tables that fill; more than this is a leak. */
const GROWTH_MB = 40;
/** Most of what is injected must have reached the daemon, or the run proves nothing. */
const LEAST_SHARE = 0.5;

export async function fuzzSlowPath(options: SlowPathOptions): Promise<SlowPathReport> {
  const topology = await buildTopology();
  const failures: string[] = [];
  try {
    await expectConnections(topology, 'before', failures);
    const injector = await Injector.create(topology, random(subSeed(options.seed, 2)));
    const run = await inject(topology, injector, options);
    await rest(topology, injector, failures);
    const status = await topology.status();
    const residentMb = [run.earlyMb, topology.residentMb()] as const;
    const { total, lost } = topology.queues();
    const share = total / Math.max(1, run.injected);
    await expectConnections(topology, 'after', failures);
    if (share < LEAST_SHARE)
      failures.push(`only ${Math.round(share * 100)} % of the packets reached the daemon`);
    if (residentMb[1] - residentMb[0] > GROWTH_MB)
      failures.push(`memory grew: ${residentMb.join(' -> ')} MB`);
    checkCounters(status, failures);
    const errors = topology.daemon.stderr().trim();
    if (errors !== '') failures.push(`the daemon said: ${errors.slice(0, 2000)}`);
    const code = await topology.stop();
    if (code !== 0) failures.push(`the daemon ended with ${code}`);
    return {
      injected: run.injected,
      seconds: Math.round(run.seconds * 10) / 10,
      kinds: injector.sent,
      reached: total,
      share: Math.round(share * 1000) / 1000,
      lost,
      copies: injector.copies,
      residentMb,
      races: status.races,
      dropped: status.packets.dropped,
      ignored: status.packets.ignored,
      canaries: run.canaries,
      failures,
    };
  } catch (error) {
    await topology.stop();
    throw error;
  }
}

interface Run {
  readonly injected: number;
  readonly seconds: number;
  readonly earlyMb: number;
  readonly canaries: { tried: number; failed: number };
}

/** As fast as the queues take it. */
async function inject(topology: Topology, injector: Injector, options: SlowPathOptions): Promise<Run> {
  const started = performance.now();
  const canaries = { tried: 0, failed: 0 };
  let injected = 0;
  let earlyMb = 0;
  let told = started;
  const ended = { yes: false };
  void topology.daemon.done.then(() => {
    ended.yes = true;
  });
  while (injected < options.count && performance.now() - started < options.timeLimitMs && !ended.yes) {
    const before = injected;
    injected += injector.burst(Math.min(BURST, options.count - injected));
    while (topology.queues().waiting > PATIENCE && !ended.yes) {
      await sleep(2);
      injector.sniff();
    }
    await sleep(0);
    const passed = (every: number): boolean => Math.floor(before / every) !== Math.floor(injected / every);
    if (earlyMb === 0 && injected >= options.count / 10) earlyMb = topology.residentMb();
    if (passed(Math.max(FLAP_EVERY, Math.ceil(options.count / FLAPS)))) {
      // Packets go on meanwhile: answers to copies from before, on a route whose later copies were refused.
      const flapped = topology.flap(3);
      let settled = false;
      void flapped.finally(() => {
        settled = true;
      });
      while (!settled && injected < options.count) {
        injected += injector.burst(16);
        await sleep(1);
      }
      await flapped;
    }
    if (passed(FORGET_EVERY)) await topology.forgetFlows();
    if (passed(Math.ceil(options.count / CANARIES))) {
      canaries.tried++;
      if (!(await topology.connect(canaries.tried % 2 === 0 ? SERVER6 : SERVER))) canaries.failed++;
    }
    if (performance.now() - told > 10_000) {
      told = performance.now();
      options.onProgress?.(`slow path: ${injected} of ${options.count}, ${topology.residentMb()} MB`);
    }
  }
  if (ended.yes) {
    const { code, signal, stderr } = await topology.daemon.done;
    throw new PathraceError('E_LAB', `The gateway died after ${injected} packets.`, {
      found: `${code ?? signal}: ${stderr.slice(-3000)}`,
      remedy: 'Run it again with the same --seed; what it said is above.',
    });
  }
  return { injected, seconds: (performance.now() - started) / 1000, earlyMb, canaries };
}

/** Races end by themselves: five seconds after the last SYN at the latest, here one, and two more for losers. */
const REST_MS = 12_000;

async function rest(topology: Topology, injector: Injector, failures: string[]): Promise<void> {
  const until = performance.now() + REST_MS;
  for (;;) {
    injector.sniff();
    const { races } = await topology.status();
    if (races.active === 0) return;
    if (performance.now() > until) {
      failures.push(`${races.active} races are still active`);
      return;
    }
    await sleep(250);
  }
}

async function expectConnections(topology: Topology, when: string, failures: string[]): Promise<void> {
  for (const address of [SERVER, SERVER6]) {
    if (!(await topology.connect(address))) failures.push(`no connection to ${address} ${when} the run`);
  }
}

function checkCounters({ races, packets }: Status, failures: string[]): void {
  for (const [name, value] of Object.entries({ ...packets.dropped, ...packets.ignored, ...packets.queue })) {
    if (!(Number.isInteger(value) && value >= 0)) failures.push(`the counter ${name} is ${value}`);
  }
  if (races.started === 0 || races.decided === 0 || races.failed === 0) {
    failures.push(`a kind of outcome never happened: ${JSON.stringify(races)}`);
  }
  if (!DECODE_REASONS.some((reason) => (packets.dropped[reason] ?? 0) > 0))
    failures.push('nothing broken was seen');
}
