/** Follows the gateway over its control socket: totals of the whole run, and how the newest races ended. */
import { callControl } from '../../src/api/client.js';
import type { Decision, RouteStatus, Status } from '../../src/api/contract.js';
import { STATUS_PATH, whyPath } from '../../src/api/paths.js';
import type { Destination, World } from './world.js';

export interface RouteView {
  readonly name: string;
  readonly state: string;
  readonly wins: number;
  readonly losses: number;
  readonly connections: number;
  /** Share of all races won, and of those of the last seconds; null without any. */
  readonly share: number | null;
  readonly recentShare: number | null;
}

export interface DestinationView {
  readonly name: string;
  /** Who has won most of its races; null before the first. */
  readonly best: string | null;
  readonly wins: number;
  readonly races: number;
  /** The winner's time in the newest race. */
  readonly lastMs: number | null;
}

export interface RaceView {
  readonly destination: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly winner: string | null;
  /** Milliseconds by route name; absent without an answer. */
  readonly times: Readonly<Record<string, number>>;
}

export interface RaceTotals {
  readonly started: number;
  readonly decided: number;
  readonly failed: number;
}

export class Watch {
  #totals: RaceTotals = NO_RACES;
  #isRunning = false;
  #routes: RouteStatus[] = [];
  /** What gateways of earlier rounds had counted when they ended. */
  #before: { routes: RouteStatus[]; totals: RaceTotals } = { routes: [], totals: NO_RACES };
  // BOUNDED: RECENT_MS of polls.
  #recent: { at: number; wins: Map<string, number> }[] = [];
  #tallies: Tally[];
  // BOUNDED: RACES_KEPT, the newest first.
  #races: RaceView[] = [];
  #next = 0;

  constructor(
    private readonly world: World,
    private readonly control: string,
  ) {
    this.#tallies = world.destinations.map((destination) => new Tally(destination));
  }

  /** Asks the gateway once; a gateway that is just starting or stopping has no answer. */
  async poll(now: number): Promise<void> {
    await this.#pollStatus(now);
    for (let asked = 0; asked < ASKED_PER_POLL; asked++) {
      const number = this.#next++ % (2 * this.#tallies.length);
      const tally = this.#tallies[Math.floor(number / 2)] as Tally;
      const family = number % 2 === 0 ? 'IPv4' : 'IPv6';
      const address = family === 'IPv4' ? tally.destination.ipv4 : tally.destination.ipv6;
      const decisions = (await callControl(this.control, whyPath(address, null))) as readonly Decision[];
      const newest = tally.take(family, decisions);
      if (newest !== undefined) this.#races = [newest, ...this.#races].slice(0, RACES_KEPT);
    }
  }

  /** The gateway is about to end: what it has counted goes into the totals for good. */
  async close(now: number): Promise<void> {
    await this.#pollStatus(now).catch(() => {});
    const routes = this.#routes.map((route) => ({ ...route, ...this.#added(route) }));
    this.#before = { routes, totals: this.totals };
    this.#routes = routes.map((route) => ({ ...route, wins: 0, losses: 0, attempts: 0, connections: 0 }));
    this.#isRunning = false;
    this.#totals = NO_RACES;
    this.#recent = [];
  }

  get totals(): RaceTotals {
    const [before, now] = [this.#before.totals, this.#totals];
    return {
      started: before.started + now.started,
      decided: before.decided + now.decided,
      failed: before.failed + now.failed,
    };
  }

  /** Newest first. */
  get races(): readonly RaceView[] {
    return this.#races;
  }

  get destinations(): DestinationView[] {
    return this.#tallies.map((tally) => tally.view());
  }

  get routes(): RouteView[] {
    const added = this.#routes.map((route) => ({ ...route, ...this.#added(route) }));
    const all = added.reduce((sum, { wins }) => sum + wins, 0);
    const oldest = this.#recent[0]?.wins;
    const since = ({ name, wins }: RouteStatus): number => wins - (oldest?.get(name) ?? wins);
    const recent = this.#routes.reduce((sum, route) => sum + since(route), 0);
    return this.world.providers.map((name, at) => {
      const route = added[at];
      const raw = this.#routes[at];
      return {
        name,
        state: this.#isRunning ? (route?.state ?? '-') : '-',
        wins: route?.wins ?? 0,
        losses: route?.losses ?? 0,
        connections: route?.connections ?? 0,
        share: all === 0 ? null : (route?.wins ?? 0) / all,
        recentShare: recent === 0 || raw === undefined ? null : since(raw) / recent,
      };
    });
  }

  async #pollStatus(now: number): Promise<void> {
    const status = (await callControl(this.control, STATUS_PATH)) as Status;
    this.#isRunning = true;
    this.#routes = [...status.routes];
    this.#totals = status.races;
    this.#recent.push({ at: now, wins: new Map(status.routes.map(({ name, wins }) => [name, wins])) });
    while ((this.#recent[0]?.at ?? now) < now - RECENT_MS) this.#recent.shift();
  }

  #added(route: RouteStatus): { wins: number; losses: number } {
    const before = this.#before.routes.find(({ name }) => name === route.name);
    return { wins: route.wins + (before?.wins ?? 0), losses: route.losses + (before?.losses ?? 0) };
  }
}

const NO_RACES: RaceTotals = { started: 0, decided: 0, failed: 0 };
const RECENT_MS = 2000;
const RACES_KEPT = 60;
/** Of both families of all destinations, so that each gets its turn every few seconds. */
const ASKED_PER_POLL = 6;

/** Races to one destination. */
class Tally {
  // BOUNDED: one per provider.
  readonly #wins = new Map<string, number>();
  /** The client's address and port in the newest decision taken; times are converted anew for every answer. */
  readonly #seen: Record<RaceView['family'], string> = { IPv4: '', IPv6: '' };
  #races = 0;
  #lastMs: number | null = null;

  constructor(readonly destination: Destination) {}

  /** Counts the decisions that are new; gives the newest of them. */
  take(family: RaceView['family'], decisions: readonly Decision[]): RaceView | undefined {
    // Losers are still to answer in the very newest.
    const settled = decisions.filter(({ time }) => Date.now() - Date.parse(time) > ANSWERED_AFTER_MS);
    const known = settled.findIndex((decision) => decision.client === this.#seen[family]);
    const fresh = (known < 0 ? settled : settled.slice(0, known)).filter(
      ({ criterion }) => criterion === 'race',
    );
    const newest = fresh[0];
    if (newest === undefined) return undefined;
    this.#seen[family] = newest.client;
    for (const { route } of fresh) {
      this.#races++;
      if (route !== null) this.#wins.set(route, (this.#wins.get(route) ?? 0) + 1);
    }
    const times = Object.fromEntries(
      newest.routes.flatMap(({ route, rttMicros }) =>
        rttMicros === undefined ? [] : [[route, rttMicros / 1000]],
      ),
    ) as Record<string, number>;
    this.#lastMs = newest.route === null ? null : (times[newest.route] ?? null);
    return { destination: this.destination.name, family, winner: newest.route, times };
  }

  view(): DestinationView {
    const [best, wins] = [...this.#wins].sort(([, left], [, right]) => right - left)[0] ?? [null, 0];
    return { name: this.destination.name, best, wins, races: this.#races, lastMs: this.#lastMs };
  }
}

const ANSWERED_AFTER_MS = 150;
