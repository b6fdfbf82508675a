/**
 * What surrounds the engine of a simulated site: the links as the outages make them, and what the daemon tells, asks and cuts. Whether a
 * route is down decides the engine itself (src/core/health).
 */
import type { EngineRoute, RouteNumber } from '../../src/core/engine-types.js';
import { HEALTH } from '../../src/core/health/health.js';
import type { Family } from '../../src/model/address.js';
import { type Answer, IDEAL_LINK } from '../../src/sim/scenario.js';
import type { World } from '../../src/sim/world.js';
import type { Outage } from './outage.js';
import type { Plan } from './plan.js';

/** A link that is gone is noticed by its message, a next hop by its silence; both are told of this long before the outage ends on paper. */
const TOLD_AFTER_MS = { link: 30, 'next-hop': 2000 } as const;
const BACK_BEFORE_MS = { link: 50, 'next-hop': 400 } as const;
/** As in the daemon: grace of a link, how long a route is asked, how often next hops and checks are asked. */
const GRACE_MS = 5000;
const ASK_MS = 3500;
const EVERY_MS = 5000;
const CHECK_FAILS = 3;

/** What has happened, for the coverage. */
export interface Deeds {
  asked: number;
  askedAlive: number;
  askedDead: number;
  askedUnknown: number;
  probed: number;
  checksFailed: number;
  cuts: number;
}

export class Keeper {
  readonly deeds: Deeds = {
    asked: 0,
    askedAlive: 0,
    askedDead: 0,
    askedUnknown: 0,
    probed: 0,
    checksFailed: 0,
    cuts: 0,
  };
  /** When something last came in by a route, microseconds. */
  readonly heardAt: Float64Array;
  private readonly active: Set<Outage>[];
  /** How many reasons a route has to be gone that the engine has been told of. */
  private readonly gone: number[];
  private readonly admin: EngineRoute['admin'][];
  private readonly due = new Map<string, number>();

  constructor(
    private readonly plan: Plan,
    private readonly world: () => World,
    private readonly endMs: number,
  ) {
    const count = plan.routes.length + 1;
    this.heardAt = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    this.active = Array.from({ length: count }, () => new Set());
    this.gone = new Array<number>(count).fill(0);
    this.admin = new Array<EngineRoute['admin']>(count).fill('enabled');
  }

  /** Plans all outages, and what is done again and again. */
  start(): void {
    const { plan } = this;
    const { gateway } = this.world();
    gateway.engine.setFacts(
      {
        cost: this.column(({ cost }) => cost),
        weight: this.column(({ weight }) => weight),
        probe: this.column(({ delayMs }) => 2000 * delayMs),
        capacity: this.column(() => 1e8),
      },
      600_000_000,
    );
    this.tell();
    for (const outage of plan.outages) this.schedule(outage);
    for (let atMs = EVERY_MS; atMs < this.endMs; atMs += EVERY_MS) this.at(atMs, () => this.look());
  }

  /** The engine wants to know whether a route is down. */
  ask(route: RouteNumber, family: Family): void {
    const { schedule, gateway } = this.world();
    this.deeds.asked++;
    const since = schedule.now;
    const answersBefore = this.answersPing(route);
    // A host that answers ends the question.
    const takesMs = answersBefore ? 2 * this.plan.routes[route - 1]!.delayMs : ASK_MS;
    schedule.after(takesMs * 1000, () => {
      const own = answersBefore || this.heardAt[route]! > since;
      const others = this.plan.routes.some(
        ({ families }, i) =>
          i + 1 !== route &&
          families.includes(family === 4 ? 'ipv4' : 'ipv6') &&
          gateway.engine.health.of(i + 1, family) !== HEALTH.DOWN &&
          this.answersPing(i + 1),
      );
      const alive = own ? true : others ? false : null;
      this.deeds[own ? 'askedAlive' : others ? 'askedDead' : 'askedUnknown']++;
      gateway.engine.note({ kind: 'asked', route, family, alive }, schedule.now);
      this.follow();
    });
  }

  private schedule(outage: Outage): void {
    const { kind, route, fromMs, untilMs } = outage;
    if (kind === 'command') {
      this.at(fromMs, () => this.command(route, outage.admin));
      this.at(untilMs, () => this.command(route, 'enabled'));
      return;
    }
    const isTold = kind === 'link' || kind === 'next-hop';
    const backMs = isTold ? untilMs - Math.min(BACK_BEFORE_MS[kind], (untilMs - fromMs) / 4) : untilMs;
    this.at(fromMs, () => this.change(outage, true));
    this.at(backMs, () => this.change(outage, false));
    if (!isTold || fromMs + TOLD_AFTER_MS[kind] >= backMs) return;
    this.at(fromMs + TOLD_AFTER_MS[kind], () => this.tellGone(route, 1));
    this.at(untilMs, () => this.tellGone(route, -1));
    this.at(fromMs + TOLD_AFTER_MS[kind] + GRACE_MS, () => this.follow());
  }

  private change(outage: Outage, isOn: boolean): void {
    const active = this.active[outage.route]!;
    if (isOn) active.add(outage);
    else active.delete(outage);
    const has = (...kinds: readonly Outage['kind'][]): boolean =>
      [...active].some(({ kind }) => kinds.includes(kind));
    const world = this.world();
    const provider = world.providers[outage.route - 1]!;
    const isDark = has('blackhole') || (has('blackhole-out') && has('blackhole-in'));
    provider.set({
      blackhole: isDark || (has('blackhole-out') ? 'out' : has('blackhole-in') ? 'in' : false),
      silent: has('link', 'next-hop'),
      reject: this.rejects(active),
    });
    world.gateway.setInterface(outage.route, !has('link'));
  }

  private rejects(active: ReadonlySet<Outage>): Readonly<Record<string, Answer>> {
    const rejects: Record<string, Answer> = {};
    for (const { kind, server, answer } of active) {
      if (kind === 'rejecting') rejects['*'] = answer;
      if (kind !== 'server') continue;
      const { ipv4, ipv6 } = this.world().scenario.servers[server]!;
      for (const address of [...ipv4, ...ipv6]) rejects[address] = 'silent';
    }
    return Object.keys(rejects).length === 0 ? IDEAL_LINK.reject : rejects;
  }

  /** Whether losses are not by chance but a burst. */
  isBurst(route: RouteNumber): boolean {
    for (const { kind } of this.active[route]!) if (kind === 'burst') return true;
    return false;
  }

  private command(route: RouteNumber, admin: EngineRoute['admin']): void {
    this.admin[route] = admin;
    this.tell();
  }

  private tellGone(route: RouteNumber, change: 1 | -1): void {
    this.gone[route]! += change;
    this.tell();
  }

  /** Tells the engine of the routes as they are now. */
  private tell(): void {
    const world = this.world();
    world.gateway.setRoutes(
      world.routes((route) => {
        const { lastResort, hasChecks } = this.plan.routes[route.number - 1]!;
        const isGone = this.gone[route.number]! > 0;
        return {
          ...route,
          lastResort,
          checkFails: hasChecks ? CHECK_FAILS : 0,
          admin: this.admin[route.number]!,
          usable: { 4: route.usable[4] && !isGone, 6: route.usable[6] && !isGone },
        };
      }),
    );
    this.follow();
  }

  /** What happens every few seconds: next hops of suspect routes, checks. */
  private look(): void {
    const { gateway, schedule } = this.world();
    const { engine } = gateway;
    gateway.conntrack.expire(schedule.now);
    engine.setFacts({ traffic: this.column(() => 0) }, null);
    for (const [i, { hasChecks }] of this.plan.routes.entries()) {
      const route = i + 1;
      for (const family of FAMILIES) {
        if (!engine.routes[i]!.usable[family]) continue;
        if (engine.health.of(route, family) === HEALTH.SUSPECT && !this.world().providers[i]!.link.silent) {
          this.deeds.probed++;
          engine.note({ kind: 'probed', route, family }, schedule.now);
        }
        if (!hasChecks) continue;
        const answered = this.answersPing(route);
        if (!answered) this.deeds.checksFailed++;
        engine.note({ kind: 'checked', route, family, answered }, schedule.now);
      }
    }
    this.follow();
  }

  /** Cuts the flows of routes that are down, as src/daemon/failover.ts: at once, or after a grace; never when no other route could carry them. */
  private follow(): void {
    const { gateway, schedule } = this.world();
    const { engine, kernel } = gateway;
    for (const [i, { cutsFlows, families }] of this.plan.routes.entries()) {
      const route = i + 1;
      for (const family of FAMILIES) {
        if (!families.includes(family === 4 ? 'ipv4' : 'ipv6')) continue;
        const lane = `${route} ${family}`;
        const isLinked = engine.routes[i]!.usable[family];
        if (!cutsFlows || engine.health.of(route, family) !== HEALTH.DOWN) {
          this.due.delete(lane);
          continue;
        }
        const byLink = engine.health.reasonOf(route, family) === 'link';
        if (!this.due.has(lane)) this.due.set(lane, schedule.now + (byLink ? GRACE_MS * 1000 : 0));
        if (this.due.get(lane)! > schedule.now || (byLink && isLinked) || !this.isReplaceable(route, family))
          continue;
        this.due.set(lane, Number.POSITIVE_INFINITY);
        this.deeds.cuts += kernel.cut(route, family);
      }
    }
  }

  private isReplaceable(route: RouteNumber, family: Family): boolean {
    const { engine } = this.world().gateway;
    return engine.routes.some(
      ({ number, usable, admin }) =>
        number !== route &&
        usable[family] &&
        admin === 'enabled' &&
        engine.health.of(number, family) !== HEALTH.DOWN,
    );
  }

  /** A host beyond the next hop answers within the time that it is given. */
  private answersPing(route: RouteNumber): boolean {
    const { link } = this.world().providers[route - 1]!;
    const isThrough = link.blackhole === false && !link.silent && !this.isBurst(route);
    return isThrough && 2 * this.plan.routes[route - 1]!.delayMs < ASK_MS;
  }

  private column(of: (route: Plan['routes'][number]) => number): Float64Array {
    return Float64Array.of(0, ...this.plan.routes.map(of));
  }

  private at(ms: number, action: () => void): void {
    this.world().schedule.at(ms * 1000, action);
  }
}

const FAMILIES = [4, 6] as const;
