/**
 * Watches for paths that lose large packets without a word (`mtu: auto`): connections that hang make it ask the route itself, and what
 * it finds is the route's MTU for everything that is new (docs/decisions/0027).
 */
import { distinct, KnownHosts, MOST_STALLED } from '../core/path/hosts.js';
import { type Change, PathSearch } from '../core/path/search.js';
import { type FlowCount, type Host, hostAt, Stalls, serverOf } from '../core/path/stalls.js';
import type { Flows } from '../kernel/flows.js';
import type { Marks } from '../kernel/marks.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import {
  addressesOf,
  type PathMtuFound,
  type ResolvedRoute,
  type RouteFamilyName,
} from '../kernel/routes.js';
import { type Family, parseAddress } from '../model/address.js';
import type { Log } from '../observe/log.js';
import { askPath, fullSize } from './path-asker.js';

export interface PathWatchContext {
  readonly log: Log;
  readonly marks: Marks;
  routes(): readonly ResolvedRoute[];
  health(): readonly RouteHealth[];
  flows(): Flows | null;
  /** Another MTU has been found: resolves when rules, routes and copies have followed. */
  changed(): Promise<void>;
}

/** Between two looks at the connections. */
export const LOOK_MS = 2500;
/** A look may take no more than this share of the time: with many connections there are fewer; fewer yet while none begins. */
const SHARE = { new: 0.005, old: 0.001 } as const;
/** What a look takes of a processor for each connection, as measured: what other work makes of it says nothing. */
const LOOK_MS_EACH = 0.0022;
/** Hosts that have shown before that it is narrow. */
const MOST_WITNESSES = 2;
/** Addresses of a route's own checks that are asked. */
const MOST_CHECKED = 2;
const NAMES = { 4: 'ipv4', 6: 'ipv6' } as const;
const HEADERS = { 4: 40, 6: 60 } as const;

interface Lane {
  readonly route: string;
  readonly family: Family;
  /** What the search is about: another link is another path. */
  link: string;
  /** How it is reached. */
  way: string;
  readonly search: PathSearch;
  /** What was found, once everything goes by it. */
  applied: number | null;
  stalled: Host[];
  witnesses: readonly Host[];
}

export class PathWatch {
  // BOUNDED: two per route of the configuration.
  private lanes = new Map<string, Lane>();
  private readonly stalls = new Stalls();
  private readonly known = { 4: new KnownHosts(), 6: new KnownHosts() };
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  /** How many connections the last look has seen. */
  private seen = 0;
  /** Connections that had begun before the last look. */
  private begun = -1;

  constructor(private readonly context: PathWatchContext) {}

  /** Looks at the connections, and asks the routes that it must. Takes some seconds when it asks. */
  async look(): Promise<void> {
    const now = performance.now();
    this.follow();
    if (this.lanes.size === 0 || this.context.flows() === null) return;
    await this.readIfDue(now);
    const due = [...this.lanes.values()].filter(({ search }) => search.isDue(performance.now()));
    await Promise.all(due.map((lane) => this.ask(lane)));
  }

  /** What was found to pass by a route; null: everything, or nothing is known. */
  found(name: string): PathMtuFound | null {
    return this.sizes(name, ({ search }) => search.found);
  }

  /** The same, once everything goes by it. */
  applied(name: string): PathMtuFound | null {
    return this.sizes(name, ({ applied }) => applied);
  }

  /** What a gateway before this one has found. */
  recall(name: string, found: PathMtuFound): void {
    for (const family of [4, 6] as const) {
      const bytes = found[NAMES[family]];
      if (bytes === undefined) continue;
      const lane = newLane(name, family, null);
      lane.search.recall(bytes, performance.now());
      lane.applied = bytes;
      this.lanes.set(keyOf(name, family), lane);
    }
  }

  private sizes(name: string, of: (lane: Lane) => number | null): PathMtuFound | null {
    const sizes: Partial<Record<RouteFamilyName, number>> = {};
    for (const lane of this.lanes.values()) {
      const bytes = of(lane);
      if (lane.route === name && bytes !== null) sizes[NAMES[lane.family]] = bytes;
    }
    return Object.keys(sizes).length === 0 ? null : sizes;
  }

  /** Lanes as the configuration and the links are now; what is known of another link is forgotten. */
  private follow(): void {
    const lanes = new Map<string, Lane>();
    let forgotten = false;
    for (const route of this.context.routes()) {
      if (route.config.mtu !== null) continue;
      for (const family of [4, 6] as const) {
        const key = keyOf(route.config.name, family);
        const before = this.lanes.get(key);
        // A family that is gone for a while keeps what is known.
        if (route[NAMES[family]] === null && before === undefined) continue;
        const lane = before ?? newLane(route.config.name, family, route);
        lanes.set(key, lane);
        forgotten = this.followLink(lane, route, lanes) || forgotten;
      }
    }
    forgotten ||= [...this.lanes].some(([key, { search }]) => search.found !== null && !lanes.has(key));
    this.lanes = lanes;
    if (forgotten) this.context.changed().catch(() => undefined);
  }

  /** Whether something was forgotten. */
  private followLink(lane: Lane, route: ResolvedRoute, lanes: Map<string, Lane>): boolean {
    const carried = route[NAMES[lane.family]];
    if (carried === null) return false;
    const link = linkOf(route);
    const way = JSON.stringify(carried);
    if (lane.link === '') Object.assign(lane, { link, way });
    if (lane.link !== link) {
      lanes.set(keyOf(lane.route, lane.family), newLane(lane.route, lane.family, route));
      return lane.search.found !== null;
    }
    // Another address or next hop may be another path: larger packets are tried.
    if (lane.way !== way && lane.search.found !== null) lane.search.urge();
    lane.way = way;
    return false;
  }

  private async readIfDue(now: number): Promise<void> {
    const counts = this.context.flows()?.counts;
    const isNew = counts?.begun !== this.begun || counts?.listens !== true;
    if (now < this.lookedAtMs + (this.seen * LOOK_MS_EACH) / (isNew ? SHARE.new : SHARE.old)) return;
    this.begun = counts?.begun ?? 0;
    this.lookedAtMs = now;
    this.seen = await this.read(now);
  }

  /** How many connections there are. */
  private async read(now: number): Promise<number> {
    let count = 0;
    let sample = 1;
    // All of few, some of many: ever further apart.
    const note = (flow: FlowCount): void => {
      count++;
      if (count < sample || flow.received.packets === 0) return;
      sample = Math.max(count + 1, Math.ceil(count * 1.3));
      this.known[flow.family].note(serverOf(flow));
    };
    const routes = this.context.routes();
    const own = new Set(routes.flatMap(({ ipv4, ipv6 }) => [...addressesOf(ipv4), ...addressesOf(ipv6)]));
    const look = this.stalls.begin(now);
    await this.context.flows()?.eachCounted((flow) => {
      look.visit(flow);
      note(flow);
    }, note);
    for (const { route, family, server } of look.end()) {
      const name = routes.find(({ number }) => number === route)?.config.name ?? '';
      const lane = this.lanes.get(keyOf(name, family));
      if (lane === undefined) continue;
      if (server === null) lane.search.passed(now);
      // Who waits for us has come in by the provider.
      else if (!own.has(server.address)) {
        lane.search.stalled(server.network, now);
        lane.stalled = distinct([server, ...lane.stalled]).slice(0, MOST_STALLED);
      }
    }
    return count;
  }

  private async ask(lane: Lane): Promise<void> {
    const { marks } = this.context;
    const [routes, health] = [this.context.routes(), this.context.health()];
    const { family, search } = lane;
    const name = NAMES[family];
    const route = routes.find(({ config }) => config.name === lane.route);
    const isDown = (one: ResolvedRoute): boolean =>
      one[name] === null || health.find((it) => it.route === one.number)?.[family].state === 'down';
    // What is down answers nothing.
    if (route === undefined || isDown(route)) return;
    const others = routes.filter((other) => other.number !== route.number && !isDown(other));
    const finding = await askPath(marks, route, family, this.hostsFor(lane, route), others);
    // Another link, or another configuration meanwhile.
    if (this.lanes.get(keyOf(lane.route, family)) !== lane) return;
    if (finding.witnesses.length > 0) lane.witnesses = finding.witnesses.slice(0, MOST_WITNESSES);
    lane.stalled = [];
    const change = search.take(finding, performance.now());
    if (change === null) return;
    if (change.kind === 'lowered') this.lanes.get(keyOf(lane.route, family === 4 ? 6 : 4))?.search.urge();
    // What fails of it is told, and done again within a second.
    await this.context.changed().catch(() => undefined);
    lane.applied = search.found;
    this.tell(lane, change, fullSize(route));
  }

  private hostsFor({ stalled, witnesses, family }: Lane, route: ResolvedRoute): Host[] {
    const checked = (route.config.check?.targets ?? [])
      .filter(({ address }) => address.includes(':') === (family === 6))
      .slice(0, MOST_CHECKED)
      .flatMap(({ address }) => {
        const words = parseAddress(address);
        return words === null ? [] : [hostAt(words, family, '')];
      });
    return this.known[family].choose(stalled, [...witnesses, ...checked]);
  }

  private tell({ route, family }: Lane, { kind, to }: Change, full: number): void {
    const { log } = this.context;
    const fields = { event: 'path-mtu', route, family: `ipv${family}`, bytes: to ?? full };
    const what = `route ${route}: IPv${family} packets`;
    const mss = (to ?? full) - HEADERS[family];
    if (kind === 'lowered') log.warn(fields, `${what} above ${to} bytes vanish; MSS lowered to ${mss}`);
    else log.info(fields, `${what} of ${to ?? full} bytes pass again; MSS raised to ${mss}`);
  }
}

function newLane(route: string, family: Family, resolved: ResolvedRoute | null): Lane {
  const link = resolved === null ? '' : linkOf(resolved);
  const way = resolved === null ? '' : JSON.stringify(resolved[NAMES[family]]);
  return { route, family, link, way, search: new PathSearch(), applied: null, stalled: [], witnesses: [] };
}

function linkOf({ config, mtu }: ResolvedRoute): string {
  return `${config.interface} ${mtu}`;
}

function keyOf(route: string, family: Family): string {
  return `${family} ${route}`;
}
