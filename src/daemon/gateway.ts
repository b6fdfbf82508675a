/** The gateway: brings up the kernel's state, starts the race thread, follows links, health and measurements, and ends. */
import { existsSync } from 'node:fs';
import { startControl } from '../api/server.js';
import { diffConfigs, mergeLive, routeCapacity } from '../config/diff.js';
import { loadConfig } from '../config/load.js';
import { applyIpState, detectQueueMethod } from '../kernel/apply.js';
import { removeState } from '../kernel/cleanup.js';
import { type DesiredState, desiredState, type QueueMethod } from '../kernel/desired.js';
import { Flows } from '../kernel/flows.js';
import { type LostLink, readLinks, watchLinks } from '../kernel/links.js';
import { lockNamespace } from '../kernel/namespace-lock.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import { type ResolvedRoute, resolveRoutes } from '../kernel/routes.js';
import { readServiceNames } from '../kernel/service-names.js';
import { TrafficMeter } from '../kernel/traffic.js';
import type { GatewayConfig } from '../model/config.js';
import type { ConfigChange } from '../model/config-change.js';
import type { PathraceError } from '../model/errors.js';
import type { Log } from '../observe/log.js';
import { Changeover, EVERYTHING, OF_ENGINE } from './changeover.js';
import { Checker } from './checker.js';
import { kernelChoices } from './choices.js';
import { Commands } from './commands.js';
import { createBackend } from './control.js';
import {
  type Admin,
  type EngineServices,
  engineRoutes,
  engineServices,
  engineSettings,
  servicesMessage,
} from './engine-routes.js';
import { every } from './every.js';
import { Failover } from './failover.js';
import type { GatewayState } from './gateway-state.js';
import { Losses } from './losses.js';
import { measure, tellFacts } from './measuring.js';
import { Meters } from './meters.js';
import { Numbers } from './numbers.js';
import { Persistence } from './persistence.js';
import { PortWatch } from './port-watch.js';
import { RaceClient } from './race-client.js';
import { RestartLimit } from './restart-limit.js';
import { changedRoutes, isUsable, requireInterfaces, withoutGains } from './route-changes.js';
import { logBroken, logHealth, logRoute, readyLine } from './route-log.js';
import { newSecret } from './secret.js';
import { Upkeep } from './upkeep.js';

export class Gateway implements GatewayState {
  /** Resolves when the gateway cannot go on. */
  readonly failed: Promise<PathraceError>;
  readonly startedAt = Date.now();
  readonly numbers: { readonly routes: Numbers; readonly services: Numbers };
  readonly meters: Meters;
  readonly checker: Checker;
  readonly commands = new Commands();
  readonly upkeep: Upkeep;
  routes: readonly ResolvedRoute[] = [];
  health: readonly RouteHealth[] = [];
  race: RaceClient | null = null;
  flows: Flows | null = null;
  failover: Failover | null = null;
  ports: PortWatch | null = null;

  private readonly hasIpv6 = existsSync('/proc/net/if_inet6');
  private readonly atStart: number;
  private readonly persistence: Persistence;
  private fail!: (error: PathraceError) => void;
  private readonly losses = new Losses();
  private method: QueueMethod = 'xt';
  private lock: { close(): void } | null = null;
  private readonly changeover: Changeover;
  /** Of the configuration. */
  private services!: EngineServices;
  private closers: (() => void | Promise<void>)[] = [];
  private readonly restarts = new RestartLimit();
  private changing: Promise<void> = Promise.resolve();
  private touched = false;
  private stopping = false;
  private follows = false;
  /** What the kernel holds by numbers of services is of the services that have them now. */
  private knowsNumbers = false;

  constructor(
    public config: GatewayConfig,
    private readonly file: string,
    readonly log: Log,
  ) {
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
    this.atStart = config.routes.length;
    this.upkeep = new Upkeep({
      log,
      config: () => this.config,
      enqueue: (work) => this.enqueue(work),
      restoreTable: () => this.applyRules(true),
      follow: () => this.linksChanged(),
    });
    this.changeover = new Changeover({ log, race: () => this.race, settings: () => this.upkeep.before });
    const capacity = routeCapacity(this.atStart);
    this.persistence = new Persistence(config, log);
    this.numbers = { routes: new Numbers(capacity), services: new Numbers(MAX_SERVICE_NUMBER) };
    this.meters = new Meters(capacity, new TrafficMeter());
    this.checker = new Checker((route, family, { answered, rttMicros }) => {
      if (rttMicros !== null) this.meters.noteProbe(route.config.name, rttMicros, Date.now());
      void this.race?.checked(route.number, family, answered).catch(() => undefined);
    });
  }

  async start(): Promise<void> {
    const snapshot = await readLinks();
    requireInterfaces(this.config, new Set(snapshot.links.keys()));
    this.method = await detectQueueMethod();
    this.lock = await lockNamespace();
    const control = await startControl(this.config.control, createBackend(this));
    this.closers.push(() => control.close());
    await this.remember();
    this.touched = true;
    this.routes = await this.resolve();
    await applyIpState(this.desired(), this.hasIpv6);
    await this.applyRules();
    // Forwarding last: nothing passes before it is translated.
    await this.upkeep.set();
    this.flows = new Flows(this.hasIpv6);
    this.ports = new PortWatch(this.flows, this.log, (route) => this.numbers.routes.nameOf(route));
    this.failover = new Failover({
      flows: this.flows,
      log: this.log,
      routes: this.numbers.routes,
      services: this.numbers.services,
      config: () => this.config,
      isUsable: (route, family) => isUsable(this, route, family),
      unpin: async (service) => this.race?.unpin(service),
    });
    measure(this.config, this.numbers.routes, this.meters);
    await this.startRaces();
    const watch = watchLinks({
      changed: () => this.linksChanged(),
      lost: (lost) => this.linkLost(lost),
      taken: () => this.upkeep.rulesTaken(),
      settings: () => void this.upkeep.look().catch(() => undefined),
    });
    this.closers.push(() => watch.close());
    this.closers.push(every(MEASURE_MS, () => this.upkeep.look()));
    this.closers.push(every(MEASURE_MS, () => this.measured()));
    this.closers.push(every(SAVE_MS, () => this.save()));
    this.closers.push(every(PORTS_MS, async () => this.ports?.look(this.config.limits.racePorts)));
    // Something may have changed between reading and watching.
    this.linksChanged();
    await this.changing;
    this.checker.follow(this.routes);
    for (const route of this.routes) logRoute(this.log, route);
  }

  /** Takes everything out of the kernel, in the order that lets new connections go on longest; `keep`: leaves it there. */
  async stop(keep = false): Promise<void> {
    this.stopping = true;
    this.upkeep.close();
    await this.changing.catch(() => undefined);
    for (const close of this.closers.reverse()) await close();
    this.closers = [];
    this.checker.close();
    this.failover?.close();
    await this.save();
    await this.race?.stop();
    this.flows?.close();
    if (this.touched && !keep) await removeState();
    // Last: a successor that starts meanwhile would have its state removed.
    this.lock?.close();
  }

  readyLine(): string {
    return readyLine(this.config, this.routes, this.method);
  }

  adminOf(name: string): Admin {
    return this.commands.of(name);
  }

  /** Applies an operator's command on a route; connections that it has are the caller's business. */
  setAdmin(name: string, admin: Admin): Promise<void> {
    return this.enqueue(async () => {
      this.commands.set(name, admin, Date.now());
      await this.tellRoutes(this.routes);
      await this.applyRules();
      void this.save();
    });
  }

  /** Reads the file again and takes over what can be changed now. */
  async reload(): Promise<{ changes: readonly ConfigChange[]; applied: boolean }> {
    const wanted = loadConfig(this.file);
    const changes = diffConfigs(this.config, wanted, this.atStart);
    const live = mergeLive(this.config, wanted, this.atStart);
    if (!changes.some(({ apply }) => apply === 'live')) return { changes, applied: false };
    const snapshot = await readLinks();
    requireInterfaces(live, new Set(snapshot.links.keys()));
    await this.enqueue(() => this.takeOver(live));
    for (const change of changes) this.log.info({ event: 'reload', ...change }, `reload: ${change.key}`);
    return { changes, applied: true };
  }

  reloadOnSignal(): void {
    this.reload()
      .then(({ changes }) => this.log.info({ event: 'reload' }, `reloaded, ${changes.length} changes`))
      .catch((error: unknown) => this.log.error({ event: 'reload-failed' }, String(error)));
  }

  private async takeOver(config: GatewayConfig): Promise<void> {
    const before = this.routes;
    this.config = config;
    this.log.level = config.log.level;
    this.number();
    const after = await this.resolve();
    await this.tellRoutes(withoutGains(before, this.losses.less(after)));
    this.routes = this.losses.less(after);
    await applyIpState(this.desired(), this.hasIpv6);
    measure(this.config, this.numbers.routes, this.meters);
    await this.applyRules();
    await this.tellRoutes(this.routes);
    await this.upkeep.setAnew();
    this.checker.follow(this.routes);
    await this.failover?.cutReplaced(before, after);
  }

  /** Memory, quotas, commands and numbers of the last run. */
  private async remember(): Promise<void> {
    await this.persistence.load();
    const names = new Set(this.config.routes.map(({ name }) => name));
    for (const [name, admin] of this.persistence.admins())
      if (names.has(name)) this.commands.set(name, admin, Date.now());
    this.persistence.restoreQuotas(this.meters);
    this.numbers.routes.recall(this.persistence.routeNames);
    const services = readServiceNames();
    this.knowsNumbers = services !== null;
    this.numbers.services.recall(services ?? []);
    this.number();
  }

  private number(): void {
    this.numbers.routes.assign(this.config.routes.map(({ name }) => name));
    this.numbers.services.assign(this.config.services.map(({ name }) => name));
    this.services = engineServices(this.config, this.numbers.routes, this.numbers.services);
  }

  private async startRaces(): Promise<void> {
    const { config, services: wanted } = this;
    const services = servicesMessage(wanted, this.desired());
    this.race = await RaceClient.start(
      {
        settings: engineSettings(config, routeCapacity(this.atStart), newSecret()),
        routes: engineRoutes(this.routes, (name) => this.adminOf(name)),
        services,
        queue: config.kernel.queue,
        queueLength: config.limits.queue,
        hasIpv6: this.hasIpv6,
        heartbeatMs: config.kernel.heartbeatMs,
        memory: this.persistence.takeMemory(this.numbers.routes, Date.now()),
        empty: this.knowsNumbers ? OF_ENGINE : EVERYTHING,
      },
      {
        ended: (error) => this.raceThreadEnded(error),
        stateLost: () => this.upkeep.tableLost(),
        broken: (broken) => logBroken(this.log, broken),
        health: (health) => this.healthChanged(health),
      },
    );
    this.changeover.begun(wanted, services);
    this.knowsNumbers = true;
    await tellFacts(this.config, this.meters, this.race);
  }

  /** The kernel goes on by itself meanwhile. A thread that keeps ending is a bug that a restart does not heal. */
  private raceThreadEnded(error: PathraceError): void {
    this.log.error({ event: 'race-thread-ended', code: error.code }, error.message);
    if (!this.restarts.allows(Date.now())) return this.fail(error);
    setTimeout(() => {
      if (this.stopping) return;
      // Not in the middle of a change: what it is told must be in the kernel.
      this.enqueue(() => this.startRaces()).catch((reason: PathraceError) => this.fail(reason));
    }, RESTART_DELAY_MS);
  }

  private healthChanged(health: readonly RouteHealth[]): void {
    const before = this.health;
    this.health = health;
    logHealth(this.log, before, health, (number) => this.numbers.routes.nameOf(number));
    void this.enqueue(async () => {
      await this.applyRules();
      await this.failover?.follow(health);
    });
  }

  /** One change after the other: a later snapshot must not be overtaken by an earlier one. */
  private linksChanged(): void {
    // One that has not begun sees everything up to then.
    if (this.follows) return;
    this.follows = true;
    void this.enqueue(() => this.followLinks());
  }

  /** New connections stop at once; all else follows with the snapshot, which is on its way. */
  private linkLost(lost: LostLink): void {
    const left = this.losses.note(this.routes, this.health, lost, Date.now());
    if (left === null) return;
    ({ routes: this.routes, health: this.health } = left);
    void this.tellRoutes(left.routes);
  }

  private async followLinks(): Promise<void> {
    this.follows = false;
    const told = this.routes;
    const before = this.losses.takeBefore() ?? told;
    const after = await this.resolve();
    // A link that was lost and is back already has been told as lost.
    const changed = before !== told || JSON.stringify(before) !== JSON.stringify(after);
    // What is gone, the daemon hears first: no new copy leaves with it. What has come, last: its routing must be there.
    if (changed) await this.tellRoutes(withoutGains(told, this.losses.less(after)));
    this.routes = this.losses.less(after);
    // Also when nothing else has changed: the kernel takes routes away with an interface that goes down, however shortly.
    const lines = await applyIpState(this.desired(), this.hasIpv6);
    if (!changed) return this.upkeep.putBack(lines);
    await this.applyRules();
    await this.tellRoutes(this.routes);
    await this.upkeep.set();
    this.checker.follow(this.routes);
    for (const [old, route] of changedRoutes(before, after)) {
      logRoute(this.log, route);
      await this.failover?.cutLost(old, route);
    }
  }

  /** A thread that is being started again begins with the routes as they are then. */
  private async tellRoutes(routes: readonly ResolvedRoute[]): Promise<void> {
    await this.race?.setRoutes(engineRoutes(routes, (name) => this.adminOf(name))).catch(() => undefined);
  }

  private async resolve(): Promise<ResolvedRoute[]> {
    this.losses.begin();
    const byPrefix = this.config.routes.some(({ prefix }) => prefix !== null);
    const links = await readLinks(byPrefix ? this.config.lan : []);
    return resolveRoutes(this.config, links, (name) => this.numbers.routes.of(name), this.routes);
  }

  private desired(): DesiredState {
    return desiredState(this.config, this.routes, this.method, this.choices());
  }

  private choices(): ReturnType<typeof kernelChoices> {
    return kernelChoices({
      config: this.config,
      resolved: this.routes,
      routes: this.numbers.routes,
      services: this.numbers.services,
      masks: this.services.masks,
      health: this.health,
      adminOf: (name) => this.adminOf(name),
      facts: this.meters.facts,
      now: new Date(),
    });
  }

  /** Brings the kernel's table, and what the race thread knows of it, to what is desired now. */
  private applyRules(lost = false): Promise<void> {
    return this.changeover.apply(this.desired(), this.services, lost);
  }

  /** Once a second: what was measured goes to whoever chooses by it. */
  private async measured(): Promise<void> {
    measure(this.config, this.numbers.routes, this.meters);
    if (this.race !== null) await tellFacts(this.config, this.meters, this.race);
    await this.enqueue(() => this.applyRules());
  }

  private async save(): Promise<void> {
    if (this.race === null) return;
    await this.persistence
      .save(this.race, this.numbers.routes, (name) => this.adminOf(name), this.meters)
      .catch((error: unknown) => this.log.warn({ event: 'store-failed' }, String(error)));
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.changing.then(work);
    this.changing = done.catch((error: unknown) => {
      this.log.error({ event: 'change-failed' }, error instanceof Error ? error.message : String(error));
    });
    return done;
  }
}

const RESTART_DELAY_MS = 500;
const MEASURE_MS = 1000;
const SAVE_MS = 60_000;
const PORTS_MS = 2000;
const MAX_SERVICE_NUMBER = 127;
