/**
 * Keeps kernel and race thread in line with the links, the configuration, and the health of routes. One change after the other,
 * each of steps that may be repeated: what a failure has left undone is done again within a second.
 */
import { existsSync } from 'node:fs';
import { applyIpState, detectAbilities } from '../kernel/apply.js';
import { monotonicMs } from '../kernel/clock.js';
import {
  type Beside,
  type DesiredState,
  desiredState,
  type KernelAbilities,
  readsDns,
} from '../kernel/desired.js';
import { FastPath } from '../kernel/fast-path.js';
import { type Link, type LostLink, readLinks } from '../kernel/links.js';
import { marksOf, routeMark } from '../kernel/marks.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import { ENTRY_MATCHES } from '../kernel/render-ask.js';
import type { FastPathState } from '../kernel/render-fast-path.js';
import { type ResolvedRoute, resolveRoutes, withPathMtu } from '../kernel/routes.js';
import { readPorts } from '../model/calls.js';
import { PathraceError } from '../model/errors.js';
import type { Log } from '../observe/log.js';
import { sharesQuota } from './accounts.js';
import { Changeover } from './changeover.js';
import type { Checker } from './checker.js';
import { kernelChoices } from './choices.js';
import type { Complaints } from './complaints.js';
import { type EngineServices, engineRoutes } from './engine-routes.js';
import type { Failover } from './failover.js';
import type { GatewayState } from './gateway-state.js';
import { Losses } from './losses.js';
import { OperatorWatch } from './operator-watch.js';
import { PathWatch } from './path-watch.js';
import { Presence } from './presence.js';
import { repeated } from './repeated.js';
import { changedRoutes, withoutGains } from './route-changes.js';
import { logFastPath, logHealth, logRoute } from './route-log.js';
import { Upkeep } from './upkeep.js';

export interface AlignmentContext {
  readonly log: Log;
  readonly complaints: Complaints;
  readonly checker: Checker;
  readonly gateway: Pick<
    GatewayState,
    'config' | 'numbers' | 'meters' | 'race' | 'adminOf' | 'isSpent' | 'flows' | 'pins'
  >;
  services(): EngineServices;
  failover(): Failover | null;
}

export class Alignment {
  routes: readonly ResolvedRoute[] = [];
  health: readonly RouteHealth[] = [];
  abilities: KernelAbilities = { queue: 'xt', ipsec: false, log: false };
  readonly hasIpv6 = existsSync('/proc/net/if_inet6');
  readonly changeover: Changeover;
  readonly upkeep: Upkeep;
  readonly operator: OperatorWatch;
  readonly fastPath = new FastPath();
  readonly paths: PathWatch;
  readonly presence: Presence;

  private entryMatches: readonly string[] = [];
  private readonly losses = new Losses();
  private links: ReadonlyMap<string, Link> = new Map();
  /** The table is not the one that the fast path was declared in. */
  private fastPathLost = false;
  private changing: Promise<void> = Promise.resolve();
  private closed = false;
  /** A change that has not begun sees all links as they are then. */
  private follows = false;
  /** Links or configuration have to be followed. */
  private linksDue = false;
  /** The routes as they were when all of that was done last; null: they are the same. */
  private settled: readonly ResolvedRoute[] | null = null;
  private healthDue = false;
  /** The configuration is another one: also settings that were left to others are set. */
  private anew = false;

  constructor(private readonly context: AlignmentContext) {
    const { log, gateway } = context;
    this.presence = new Presence(log);
    this.upkeep = new Upkeep({
      log,
      config: () => gateway.config,
      enqueue: (work) => this.enqueue(work),
      restoreTable: () => this.applyRules(true),
      follow: () => this.linksChanged(),
    });
    this.operator = new OperatorWatch({
      log,
      marks: marksOf(gateway.config.kernel.mark),
      lan: () => gateway.config.lan,
      routes: () => this.routes,
      seesEntries: () => this.seesEntries,
      changed: () => this.later(() => this.followOperator()),
      failed: (error) => context.complaints.failed('operator', error),
      worked: () => context.complaints.worked('operator'),
    });
    this.paths = new PathWatch({
      log,
      marks: marksOf(gateway.config.kernel.mark),
      routes: () => this.routes,
      health: () => this.health,
      flows: () => gateway.flows,
      changed: () => this.enqueue(() => this.followLinks()),
    });
    this.changeover = new Changeover({
      log,
      race: () => gateway.race,
      settings: () => this.upkeep.before,
      renewed: () => {
        this.fastPathLost = true;
      },
    });
  }

  /** Finds out what the kernel has; nothing is touched. */
  async prepare(): Promise<void> {
    const { abilities, matches } = await detectAbilities(ENTRY_MATCHES);
    this.abilities = abilities;
    this.entryMatches = matches;
  }

  /** Brings up what there was not. */
  async begin(): Promise<void> {
    // Neither needs the other, but our ip rules and our table need both.
    const [routes] = await Promise.all([repeated(() => this.resolve()), this.operator.begin()]);
    this.routes = routes;
    await repeated(() => applyIpState(this.desired(), this.hasIpv6));
    await repeated(() => this.applyRules());
    // Forwarding last: nothing passes before it is translated.
    await repeated(() => this.upkeep.set());
  }

  /** One change after the other: a later snapshot must not be overtaken by an earlier one. Fails as the work does, for whoever waits. */
  enqueue(work: () => Promise<void>): Promise<void> {
    const { complaints } = this.context;
    // What has not begun when the end comes does not begin: it would be left behind.
    const done = this.changing.then(() => (this.closed ? Promise.reject(ending()) : work()));
    this.changing = done.then(
      () => complaints.worked('change'),
      (error: unknown) => {
        if (!this.closed) complaints.failed('change', error);
      },
    );
    return done;
  }

  /** Once a second: the kernel hears of what was measured, and what has failed before is done. */
  again(): Promise<void> {
    return this.enqueue(async () => {
      if (this.linksDue) await this.followLinks();
      if (this.healthDue) await this.followHealth();
      await this.applyRules();
    });
  }

  /** Begins no more repairs; resolves when no change is on its way. */
  async close(): Promise<void> {
    this.closed = true;
    this.upkeep.close();
    await this.operator.close();
    await this.changing;
  }

  healthChanged(health: readonly RouteHealth[]): void {
    const { log, gateway } = this.context;
    const before = this.health;
    this.health = health;
    logHealth(log, before, health, (number) => gateway.numbers.routes.nameOf(number));
    this.later(() => this.followHealth());
  }

  linksChanged(): void {
    if (this.follows) return;
    this.follows = true;
    this.later(() => this.followLinks());
  }

  /** New connections stop at once; all else follows with the snapshot, which is on its way. */
  linkLost(lost: LostLink): void {
    const left = this.losses.note(this.routes, this.health, lost, monotonicMs());
    if (left === null) return;
    ({ routes: this.routes, health: this.health } = left);
    this.tellRoutes(left.routes).catch(() => undefined);
  }

  /** The configuration is another one. When all goes by it, it has been taken over: flows are cut in the background. */
  async followConfig(): Promise<void> {
    this.settled ??= this.losses.takeBefore() ?? this.routes;
    this.anew = true;
    await this.followLinks();
  }

  /** The configuration is the one before again, whatever the kernel has by now; less what was lost meanwhile. */
  async backTo(routes: readonly ResolvedRoute[]): Promise<void> {
    this.routes = this.losses.less(routes);
    await this.tellRoutes();
  }

  /** A thread that is being started again begins with the routes as they are then. */
  async tellRoutes(routes: readonly ResolvedRoute[] = this.routes): Promise<void> {
    const { gateway } = this.context;
    const told = engineRoutes(routes, gateway);
    await gateway.race?.setRoutes(told).catch(() => undefined);
  }

  /** Brings the kernel's table, and what the race thread knows of it, to what is desired now. */
  async applyRules(lost = false): Promise<void> {
    this.fastPathLost ||= lost;
    await this.changeover.apply(this.desired(), this.context.services(), lost);
    await this.followFastPath();
  }

  private async followFastPath(): Promise<void> {
    const changed = await this.fastPath.follow(this.wantedFastPath(), this.fastPathLost);
    this.fastPathLost = false;
    if (changed) logFastPath(this.context.log, this.fastPath.now);
  }

  desired(): DesiredState {
    const { config } = this.context.gateway;
    return desiredState(config, this.routes, this.abilities, this.choices(), this.beside());
  }

  private get seesEntries(): boolean {
    return this.context.gateway.race?.seesEntries === true;
  }

  /** Until the race thread says that it sees entries, those with more than others stay as they are. */
  private beside(): Beside {
    return {
      keptEntries: this.seesEntries ? [] : this.entryMatches,
      ownTranslation: this.operator.notRaced(),
      wayBackIsChecked: this.operator.wayBackIsChecked,
    };
  }

  /** For work that nobody waits for: what fails is told by `enqueue`, and done again within a second. */
  private later(work: () => Promise<void>): void {
    if (!this.closed) this.enqueue(work).catch(() => undefined);
  }

  /** A route is open or closed by command. */
  async followCommand(): Promise<void> {
    await this.tellRoutes();
    await this.followHealth();
  }

  private async followHealth(): Promise<void> {
    this.healthDue = true;
    await this.applyRules();
    this.context.failover()?.follow(this.health);
    this.healthDue = false;
  }

  /** Other rules of the operator's: our ip rules and our table may have to be others. */
  private async followOperator(): Promise<void> {
    this.healthDue = true;
    await this.followLinks();
    await this.followHealth();
  }

  /** Everything goes by the links and the configuration as they are now; after a failure the next call does all of it. */
  async followLinks(): Promise<void> {
    this.linksDue = true;
    this.follows = false;
    const told = this.routes;
    // A link that was lost and is back already has been told as lost.
    const lost = this.losses.takeBefore();
    this.settled ??= lost;
    const after = await this.resolve();
    const before = this.settled ?? told;
    if (JSON.stringify(before) !== JSON.stringify(after)) this.settled = before;
    const changed = this.settled !== null;
    // What is gone, the daemon hears first: no new copy leaves with it. What has come, last: its routing must be there.
    if (changed) await this.tellRoutes(withoutGains(before, withoutGains(told, this.losses.less(after))));
    this.routes = this.losses.less(after);
    // Also when nothing else has changed: the kernel takes routes away with an interface that goes down, however shortly.
    const lines = await applyIpState(this.desired(), this.hasIpv6);
    if (changed) await this.followRoutes(before, after);
    else {
      this.upkeep.putBack(lines);
      if (this.presence.isDue) await this.followLan();
    }
    this.presence.followed();
    this.linksDue = false;
  }

  private async followRoutes(
    before: readonly ResolvedRoute[],
    after: readonly ResolvedRoute[],
  ): Promise<void> {
    const { log, checker } = this.context;
    const failover = this.context.failover();
    // Whatever may fail comes before anything goes: groups of a service that is to go cannot be brought back.
    await this.changeover.declare(this.desired(), this.context.services());
    await this.followFastPath();
    await this.tellRoutes();
    if (this.anew) await this.upkeep.setAnew();
    else await this.upkeep.set();
    this.anew = false;
    await this.changeover.apply(this.desired(), this.context.services());
    checker.follow(this.routes);
    for (const [old, route] of changedRoutes(before, after)) {
      logRoute(log, route);
      failover?.cutLost(old, route);
    }
    failover?.cutReplaced(before, after);
    this.settled = null;
  }

  /** An interface of the LAN has come or gone, and no route with it. */
  private async followLan(): Promise<void> {
    await this.applyRules();
    await this.upkeep.set();
  }

  private async resolve(): Promise<ResolvedRoute[]> {
    const { config, numbers } = this.context.gateway;
    this.losses.begin();
    const byPrefix = config.routes.some(({ prefix }) => prefix !== null);
    const links = await readLinks(byPrefix ? config.lan : []);
    this.links = links.links;
    const routes = resolveRoutes(config, links, (name) => numbers.routes.of(name), this.routes);
    this.presence.see(config, links, routes);
    return withPathMtu(routes, (name) => this.paths.found(name));
  }

  private wantedFastPath(): FastPathState | null {
    const { config } = this.context.gateway;
    if (config.kernel.fastPath === 'off') return null;
    const marks = marksOf(config.kernel.mark);
    const present = (names: readonly string[]): Map<string, number> =>
      new Map(
        names.flatMap((name) => {
          const link = this.links.get(name);
          return link === undefined ? [] : [[name, link.index] as const];
        }),
      );
    const lan = present(config.lan);
    const providers = present(config.routes.map((route) => route.interface));
    const routes = this.routes
      .filter((route) => providers.has(route.config.interface))
      // What passes by the rules is counted for no route, where an interface does not tell.
      .filter((route) => !sharesQuota(config.routes, route.config))
      .map((route) => ({
        interface: route.config.interface,
        mark: (routeMark(marks, route.number) | marks.chosen) >>> 0,
      }));
    if (lan.size === 0 || routes.length === 0) return null;
    // HELD: another route may still take it over.
    const markMask = (marks.routeMask | marks.chosen | marks.held) >>> 0;
    return {
      lan,
      providers,
      routes,
      markMask,
      readsDns: readsDns(config),
      signalPorts: lan.size === 0 ? [] : readPorts(config.follow, config.services),
    };
  }

  private choices(): ReturnType<typeof kernelChoices> {
    const { gateway } = this.context;
    return kernelChoices({
      config: gateway.config,
      resolved: this.routes,
      routes: gateway.numbers.routes,
      services: gateway.numbers.services,
      masks: this.context.services().masks,
      health: this.health,
      adminOf: (name) => gateway.adminOf(name),
      isSpent: (name) => gateway.isSpent(name),
      held: gateway.pins.held(gateway.numbers.routes),
      facts: gateway.meters.facts,
      now: new Date(),
      monotonicMs: monotonicMs(),
    });
  }
}

function ending(): PathraceError {
  return new PathraceError('E_ENDING', 'The gateway is ending.');
}
