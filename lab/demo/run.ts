/** A run of the demo: builds the lab, walks through the phases, and measures. */
import { type Lab, startLab } from '../lab.js';
import type { Display } from './display.js';
import { Figures, LOST_AFTER_MS, Samples } from './figures.js';
import type { DemoOptions } from './options.js';
import { joinPageDoor, type PageDoor } from './page-door.js';
import { type Phase, policyName, rounds } from './phases.js';
import { type Installed, install } from './policies.js';
import { pause } from './stopping.js';
import type { Summary } from './summary.js';
import { startTraffic, type Traffic } from './traffic.js';
import type { View } from './view.js';
import { type DestinationView, Watch } from './watch.js';
import { makeWorld, nearestMeanMs, type World } from './world.js';

export interface RunOptions extends DemoOptions {
  /** null: the page is not to be had. */
  readonly door: PageDoor | null;
}

/** Until its time is over or `signal` aborts; the lab is gone when it resolves. */
export async function runRounds(options: RunOptions, show: Display, signal: AbortSignal): Promise<Summary> {
  const run = new Run(options, show);
  const drawing = setInterval(() => run.draw(), DRAW_EVERY_MS);
  try {
    return await run.all(signal);
  } finally {
    clearInterval(drawing);
    await run.end();
  }
}

const DRAW_EVERY_MS = 200;
const POLL_EVERY_MS = 400;
const WARM_UP_SECONDS = 1;
/** What is under way when a policy ends gets this long to finish; the lost ones go on being lost. */
const HANDOVER_MS = 400;

class Run {
  readonly #world: World;
  readonly #figures: Figures;
  /** Their times do not count, their losses do. */
  readonly #warmUp = new Samples();
  #lab: Lab | undefined;
  #traffic: Traffic | undefined;
  #watch: Watch | undefined;
  #installed: Installed | undefined;
  #dead: string | null = null;
  // BOUNDED: the providers.
  readonly #died = new Set<string>();
  #phase: View['phase'] = null;
  #phaseSince = 0;
  #note = 'Building a small internet: namespaces, links, web servers ...';
  #startedAt: number | undefined;

  constructor(
    private readonly options: RunOptions,
    private readonly show: Display,
  ) {
    this.#world = makeWorld(options.seed);
    this.#figures = new Figures(this.#world.providers);
    this.draw();
  }

  async all(signal: AbortSignal): Promise<Summary> {
    try {
      await this.#build(signal);
      for (const round of rounds(this.options.seconds, this.#world.providers)) {
        for (const [index, phase] of round.phases.entries()) {
          if (signal.aborted) break;
          await this.#play(phase, { number: index + 1, of: round.phases.length }, signal);
        }
        if (signal.aborted) break;
      }
      if (!signal.aborted) await this.#traffic?.settled();
      await this.#installed?.remove();
    } catch (error) {
      // Ctrl-C may have ended the lab's programs, too; what was measured until then counts.
      if (!signal.aborted) throw error;
    }
    return this.#summary(signal.aborted);
  }

  async end(): Promise<void> {
    this.#phase = null;
    this.#note = 'Taking the lab down ...';
    this.draw();
    await this.#lab?.stop();
  }

  draw(): void {
    const phase = this.#phase && {
      ...this.#phase,
      elapsedSeconds: (performance.now() - this.#phaseSince) / 1000,
    };
    this.show.update({
      seed: this.options.seed,
      elapsedSeconds: this.#elapsed(),
      totalSeconds: this.options.seconds,
      phase,
      page: this.options.door === null ? null : `http://127.0.0.1:${this.options.door.port}/`,
      note: this.#note,
      providers: this.#world.providers,
      routes: this.#watch?.routes ?? [],
      totals: this.#watch?.totals ?? { started: 0, decided: 0, failed: 0 },
      destinations: this.#destinations(),
      races: this.#watch?.races ?? [],
      pages: this.#traffic?.pages ?? { fetched: 0, failed: 0 },
      figures: this.#figures.table(),
    });
  }

  async #build(signal: AbortSignal): Promise<void> {
    const lab = await startLab(this.#world.scenario);
    this.#lab = lab;
    await lab.server().nginx({ ports: [80] });
    this.#traffic = startTraffic(lab, this.#world, this.options.seed);
    this.#watch = new Watch(this.#world, lab.controlSocket);
    if (this.options.door !== null) await joinPageDoor(lab, this.options.door);
    await this.#use({ kind: 'race' });
    this.#note = 'Warming up: programs that have just been started are slower ...';
    await this.#traffic.measure(WARM_UP_SECONDS, this.#warmUp, signal);
    this.#startedAt = performance.now();
  }

  async #play(phase: Phase, place: { number: number; of: number }, signal: AbortSignal): Promise<void> {
    const traffic = this.#traffic as Traffic;
    if (this.#installed?.name !== policyName(phase.policy)) {
      // A gateway would rescue what a baseline has lost.
      await traffic.settled(phase.policy.kind === 'race' ? undefined : HANDOVER_MS);
      await this.#use(phase.policy);
    }
    await this.#kill(phase.dead);
    this.#phaseSince = performance.now();
    this.#phase = { now: phase, ...place, elapsedSeconds: 0 };
    const samples = this.#figures.of(phase.policy, phase.dead !== null);
    const over = new AbortController();
    const racing = phase.policy.kind === 'race';
    const watching = racing ? this.#follow(over.signal) : Promise.resolve();
    try {
      await Promise.all([
        traffic.measure(phase.seconds, samples, signal),
        ...(racing ? [traffic.browse(phase.seconds, signal)] : []),
      ]);
    } finally {
      over.abort();
      await watching;
    }
  }

  /** One policy in the place of another. */
  async #use(policy: Phase['policy']): Promise<void> {
    if (this.#installed?.name === 'racing') await this.#watch?.close(performance.now());
    await this.#installed?.remove();
    this.#installed = undefined;
    this.#installed = await install(this.#lab as Lab, policy, this.options.door);
  }

  /** Makes one provider silent past its next hop, and all others whole. */
  async #kill(provider: string | null): Promise<void> {
    if (provider === this.#dead) return;
    const lab = this.#lab as Lab;
    if (this.#dead !== null) {
      // A retransmission that gets through after the repair would hide that its connection was lost.
      await this.#traffic?.settled();
      await lab.link(this.#dead).set({ blackhole: false });
    }
    if (provider !== null) {
      await lab.link(provider).set({ blackhole: true });
      this.#died.add(provider);
    }
    this.#dead = provider;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#watch?.poll(performance.now()).catch(() => {}); // Its end is noticed where it is stopped.
      await pause(POLL_EVERY_MS, signal);
    }
  }

  #destinations(): readonly DestinationView[] {
    const blank = { best: null, wins: 0, races: 0, lastMs: null };
    return this.#watch?.destinations ?? this.#world.destinations.map(({ name }) => ({ ...blank, name }));
  }

  #elapsed(): number {
    return this.#startedAt === undefined ? 0 : (performance.now() - this.#startedAt) / 1000;
  }

  #summary(interrupted: boolean): Summary {
    const policies = this.#figures.table();
    const racing = policies.find(({ kind }) => kind === 'race');
    const raced = [racing?.healthy, racing?.dead].filter((figure) => figure != null);
    const pages = this.#traffic?.pages ?? { fetched: 0, failed: 0 };
    const lost = raced.reduce((sum, figure) => sum + figure.lost, pages.failed + this.#warmUp.lost);
    const { world, watch } = { world: this.#world, watch: this.#watch };
    return {
      seed: this.options.seed,
      seconds: this.#elapsed(),
      interrupted,
      dead: [...this.#died],
      lostAfterMs: LOST_AFTER_MS,
      policies,
      lostByRacing: raced.length === 0 ? null : lost,
      nearestMeanMs: nearestMeanMs(world, world.providers),
      races: watch?.totals ?? { started: 0, decided: 0, failed: 0 },
      pages: { ...pages },
      routes: (watch?.routes ?? []).map(({ name, wins, losses }) => ({ name, wins, losses })),
      destinations: this.#destinations().map((view, at) => ({
        ...view,
        roundTripMs: world.destinations[at]?.roundTripMs ?? {},
      })),
    };
  }
}
