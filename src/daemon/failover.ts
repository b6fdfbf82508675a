/**
 * What follows for established flows when a route falls or returns: they are cut or kept, as its configuration says. New connections and
 * groups come back by themselves (core/health/missed.ts).
 */
import { comesBefore, type Standing } from '../core/choose/preference.js';
import type { HealthState } from '../core/health/health.js';
import type { Cut } from '../kernel/flow-cutter.js';
import type { Flows } from '../kernel/flows.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import { addressesOf, type ResolvedRoute } from '../kernel/routes.js';
import { type Family, parseAddress, sameAddress } from '../model/address.js';
import type { GatewayConfig, RouteConfig, ServiceConfig } from '../model/config.js';
import type { HealthReason } from '../model/reasons.js';
import type { Log } from '../observe/log.js';
import type { Numbers } from './numbers.js';

export interface FailoverContext {
  readonly flows: Flows;
  readonly log: Log;
  readonly routes: Numbers;
  readonly services: Numbers;
  config(): GatewayConfig;
  /** Whether a route takes new connections now. */
  isUsable(route: RouteConfig, family: Family): boolean;
  /** Whether neither a command nor its quota keeps new connections from it. */
  isEnabled(name: string): boolean;
  /** Whether a route is a last resort until its quota is renewed. */
  isSpent(name: string): boolean;
  /** Tunnels that have one of these routes choose anew (kernel/tunnels.ts). */
  forgetTunnels(family: Family, routes: ReadonlySet<number>): Promise<number>;
  /** One change after the other. */
  enqueue(work: () => Promise<void>): Promise<void>;
  /** The routes as they are now. */
  resolved(): readonly ResolvedRoute[];
}

export class Failover {
  /** Of each lane what has been followed. BOUNDED: two per number of a route. */
  private readonly states = new Map<string, HealthState>();
  /** Lanes that new connections have left, whatever made them. */
  private readonly away = new Set<string>();
  /** Lanes that are down and keep their flows until this time, and as long as no other route could take them. */
  private readonly waiting = new Map<string, { readonly due: number; readonly byLink: boolean }>();
  /** What is to be looked at again, by name. */
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Resets that wait until a lane has been back for a while. */
  private readonly resets = new Map<string, NodeJS.Timeout>();
  private closed = false;

  constructor(private readonly context: FailoverContext) {}

  /** Compares what is told now with what was done before, and does what follows; after a failure the next call does the rest. */
  follow(health: readonly RouteHealth[]): void {
    for (const lane of [...this.states.keys()])
      if (!health.some(({ route }) => route === Number.parseInt(lane, 10))) this.states.delete(lane);
    for (const lanes of health) {
      const route = this.context
        .config()
        .routes.find(({ name }) => this.context.routes.of(name) === lanes.route);
      if (route === undefined) continue;
      for (const family of [4, 6] as const) {
        const lane = `${lanes.route} ${family}`;
        const { state } = lanes[family];
        if (state === 'up' && this.context.isEnabled(route.name)) this.returned(route, family);
        else this.left(route, family);
        if (state === (this.states.get(lane) ?? 'up')) continue;
        if (state === 'down' && route.onDown === 'reset') this.fell(route, family, lanes[family].reason);
        else this.waiting.delete(`${route.name} ${family}`);
        this.states.set(lane, state);
      }
    }
    this.cutWaiting();
  }

  /** Cuts what a route carries in the families in which another route could carry it instead; null: in none. */
  cutReplaceable(route: RouteConfig, of: readonly Family[] = [4, 6]): Cut | null {
    // Reconnecting would lead nowhere: what still gets through on the old route is better than nothing.
    const families = of.filter((family) => this.isReplaceable(route, family));
    const number = this.context.routes.of(route.name);
    if (families.length === 0) return null;
    return this.context.flows.cut((flow) => flow.route === number && families.includes(flow.family));
  }

  private isThere({ name }: RouteConfig, family: Family): boolean {
    const route = this.context.resolved().find(({ config }) => config.name === name);
    return route !== undefined && route[family === 4 ? 'ipv4' : 'ipv6'] !== null;
  }

  private isReplaceable(route: RouteConfig, family: Family): boolean {
    const { config, isUsable } = this.context;
    return config().routes.some((other) => other.name !== route.name && isUsable(other, family));
  }

  /**
   * Entries made with an address that is gone would leak packets with a foreign source (the kernel keeps them). A family that
   * has no address now leaks nothing, since nothing can leave: what becomes of its flows, `fell` decides.
   */
  cutLost(before: ResolvedRoute, after: ResolvedRoute): void {
    if (!before.config.translate) return;
    for (const family of [4, 6] as const) {
      const had = before[family === 4 ? 'ipv4' : 'ipv6'];
      const has = after[family === 4 ? 'ipv4' : 'ipv6'];
      // By prefix the address depends on the client's.
      if (has === null || (family === 6 && after.config.prefix !== null)) continue;
      const kept = addressesOf(has);
      const isLost = !(had !== null && addressesOf(had).every((address) => kept.includes(address)));
      if (!isLost) continue;
      // Others have come in their place, or it is wanted so; else they may be back in a moment.
      const isOther = had === null || kept.some((address) => !addressesOf(had).includes(address));
      const isWanted = JSON.stringify(before.config.addresses) !== JSON.stringify(after.config.addresses);
      if (isOther || isWanted || after.config.graceMs === 0)
        this.tellCut(after.config.name, this.context.flows.cutLost(after.number, family, kept));
      else
        this.later(`${after.config.name} ${family} addresses`, after.config.graceMs, () =>
          this.cutGone(after.config, family),
        );
    }
  }

  /**
   * At a start with nothing to tell by which bits connections were marked: those whose mark names a route that there is not, or one whose
   * addresses are not theirs.
   */
  async cutMisfits(routes: readonly ResolvedRoute[]): Promise<void> {
    const cut = this.context.flows.cut(({ route: number, family, source, untranslated, byMain }) => {
      const route = routes.find((one) => one.number === number);
      if (route === undefined) return true;
      const carried = route[family === 4 ? 'ipv4' : 'ipv6'];
      const byPrefix = family === 6 && route.config.prefix !== null;
      if (untranslated || byMain || byPrefix || carried === null) return false;
      return !addressesOf(carried).some((address) => sameAddress(parseAddress(address)!, 0, source, 0));
    });
    const count = await cut.done;
    if (count > 0)
      this.context.log.warn({ event: 'flows-cut', count }, `cut ${count} flows with marks of somebody else`);
  }

  /** Flows of routes that nobody goes on for, and those with addresses of an interface that their route has left. */
  cutReplaced(before: readonly ResolvedRoute[], after: readonly ResolvedRoute[]): void {
    const gone = new Map<number, string>();
    for (const old of before) {
      const route = after.find(({ number }) => number === old.number);
      if (route === undefined) gone.set(old.number, old.config.name);
      else if (old.config.interface !== route.config.interface) {
        // Another one that has taken a number which was free.
        if (old.config.name !== route.config.name) gone.set(old.number, old.config.name);
        else this.cutLost(old, route);
      }
    }
    if (gone.size === 0) return;
    this.tellCut(
      [...gone.values()].join(', '),
      this.context.flows.cut((flow) => gone.has(flow.route)),
    );
  }

  /** New names for old ones: what is waited for of a route is waited for under its new name. */
  rename(renamed: ReadonlyMap<string, string>): void {
    const lanes = [...renamed].flatMap(([name, old]) =>
      [4, 6].map((family) => [`${name} ${family}`, `${old} ${family}`] as const),
    );
    const waiting = lanes.map(([now, old]) => [now, this.waiting.get(old)] as const);
    const away = lanes.map(([now, old]) => [now, this.away.has(old)] as const);
    for (const [, old] of lanes) {
      this.waiting.delete(old);
      this.away.delete(old);
    }
    for (const [lane, waits] of waiting) if (waits !== undefined) this.waiting.set(lane, waits);
    for (const [lane, isAway] of away) if (isAway) this.away.add(lane);
  }

  /** Nothing that waits is cut any more; what is cut by a change that is on its way is. */
  close(): void {
    this.closed = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    for (const timer of this.resets.values()) clearTimeout(timer);
    this.resets.clear();
  }

  /** Silence and checks have taken their time; a link or an address may be back in a moment. */
  private fell(route: RouteConfig, family: Family, reason: HealthReason): void {
    const lane = `${route.name} ${family}`;
    const byLink = reason === 'link';
    const graceMs = byLink ? route.graceMs : 0;
    this.waiting.set(lane, { due: performance.now() + graceMs, byLink });
    if (graceMs > 0) this.later(lane, graceMs, () => this.cutWaiting());
  }

  /** Cuts what has an address that the route has no longer. */
  private cutGone({ name }: RouteConfig, family: Family): void {
    const route = this.context.resolved().find(({ config }) => config.name === name);
    const has = route?.[family === 4 ? 'ipv4' : 'ipv6'] ?? null;
    if (route === undefined || has === null) return;
    this.tellCut(name, this.context.flows.cutLost(route.number, family, addressesOf(has)));
  }

  private later(name: string, afterMs: number, work: () => void): void {
    if (this.closed) return;
    clearTimeout(this.timers.get(name));
    const run = (): void => {
      this.timers.delete(name);
      // Behind what is on its way: it may be back.
      this.context
        .enqueue(async () => work())
        .catch((error: unknown) => {
          // Work that has not begun when the end comes does not begin.
          if (this.closed) return;
          this.context.log.error({ event: 'cut-failed' }, `${error}; it is tried again`);
          this.later(name, AGAIN_MS, work);
        });
    };
    // A timer may ring a little early.
    this.timers.set(name, setTimeout(run, afterMs + 1));
  }

  private left(route: RouteConfig, family: Family): void {
    const lane = `${route.name} ${family}`;
    this.away.add(lane);
    const timer = this.resets.get(lane);
    if (timer !== undefined) clearTimeout(timer);
    this.resets.delete(lane);
  }

  private cutWaiting(): void {
    for (const route of this.context.config().routes) {
      for (const family of [4, 6] as const) {
        const lane = `${route.name} ${family}`;
        const waits = this.waiting.get(lane);
        if (waits === undefined || waits.due > performance.now() || !this.isReplaceable(route, family))
          continue;
        // It is back and has not proved itself yet, or its addresses are deprecated: what lives goes on.
        if (waits.byLink && this.isThere(route, family)) continue;
        const cut = this.cutReplaceable(route, [family]);
        this.waiting.delete(lane);
        if (cut !== null) this.tellCut(route.name, cut, 'route-down');
      }
    }
  }

  private returned(route: RouteConfig, family: Family): void {
    const { config, routes, services, log, isSpent } = this.context;
    const lane = `${route.name} ${family}`;
    if (!this.away.delete(lane) || route.failback.kind !== 'reset') return;
    const away = new Set<number>();
    for (const service of config().services)
      for (const name of lessPreferred(config(), service, route, isSpent))
        away.add(services.of(service.name) * 64 + routes.of(name));
    if (config().rest.route === route.name)
      for (const { name } of config().routes) if (name !== route.name) away.add(routes.of(name));
    if (away.size === 0) return;
    const { afterMs } = route.failback;
    log.info(
      { event: 'failback', route: route.name, afterMs },
      `what has moved away from ${route.name} is reset later`,
    );
    const cut = (): void => {
      if (this.closed) return;
      const begun = this.context.flows.cut(
        (flow) => flow.family === family && away.has(flow.service * 64 + flow.route),
      );
      this.tellCut(route.name, begun, 'failback');
    };
    const numbers = new Set([...away].map((pair) => pair % 64));
    const begin = (): void => {
      this.resets.delete(lane);
      // Before their flows are cut: they begin anew at once.
      this.context
        .forgetTunnels(family, numbers)
        .catch((error: unknown) => log.error({ event: 'forget-failed', route: route.name }, String(error)))
        .then(cut)
        .catch((error: unknown) => log.error({ event: 'cut-failed', route: route.name }, String(error)));
    };
    if (!this.closed) this.resets.set(lane, setTimeout(begin, afterMs));
  }

  /** Nobody waits for it: it goes on in the background, and is told when it is over. */
  private tellCut(route: string, cut: Cut, why: keyof typeof WHY = 'gone'): void {
    cut.done
      .then((count) => {
        if (count === 0 && why !== 'failback') return;
        const fields = { event: 'flows-cut', route, count, ...(why === 'gone' ? {} : { why }) };
        this.context.log.warn(fields, `cut ${count} flows ${WHY[why](route)}`);
      })
      .catch((error: unknown) => this.context.log.error({ event: 'cut-failed', route }, String(error)));
  }
}

const AGAIN_MS = 1000;
const WHY = {
  gone: (route: string) => `of ${route}`,
  failback: (route: string) => `so that they return to ${route}`,
  'route-down': (route: string) => `of ${route}, which is down`,
} as const;

/** Routes of a service that only carry its connections while a better one does not: those that `route` comes before. */
function lessPreferred(
  config: GatewayConfig,
  { select }: ServiceConfig,
  route: RouteConfig,
  isSpent: (name: string) => boolean,
): string[] {
  const standingOf = (name: string): Standing => {
    const { cost, lastResort } = config.routes.find((one) => one.name === name)!;
    return { place: select.routes.indexOf(name), cost, lastResort: lastResort || isSpent(name) };
  };
  if (!select.routes.includes(route.name)) return [];
  const own = standingOf(route.name);
  return select.routes.filter((name) => {
    const other = standingOf(name);
    // Whoever is measured as the fastest has not moved away from anybody.
    const isRanked = ORDERED.includes(select.criterion) || other.lastResort !== own.lastResort;
    return name !== route.name && isRanked && comesBefore(select.criterion, own, other);
  });
}

const ORDERED: readonly string[] = ['priority', 'spillover', 'cheapest'];
