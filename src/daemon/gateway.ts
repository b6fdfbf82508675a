/**
 * The gateway: brings up the kernel's state, starts the race thread, follows links, health and measurements, and ends. What fails on
 * the way is tried again every second: it ends nothing.
 */
import { routeCapacity } from '../config/merge.js';
import { asPathraceError, Boundary } from '../kernel/boundary.js';
import { removeState } from '../kernel/cleanup.js';
import { monotonicMs } from '../kernel/clock.js';
import type { FastPathReport } from '../kernel/fast-path.js';
import type { Flows } from '../kernel/flows.js';
import { watchLinks } from '../kernel/links.js';
import { type Marks, marksOf } from '../kernel/marks.js';
import { lockNamespace } from '../kernel/namespace-lock.js';
import { readObjects } from '../kernel/nft-read.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import { TrafficMeter } from '../kernel/traffic.js';
import type { GatewayConfig } from '../model/config.js';
import type { PathraceError } from '../model/errors.js';
import type { Log } from '../observe/log.js';
import type { LossyOutput } from '../observe/lossy-output.js';
import { Alignment } from './alignment.js';
import { ApiService } from './api-service.js';
import { Books, KEEP_MS } from './books.js';
import { EVERYTHING, OF_ENGINE } from './changeover.js';
import { Checker } from './checker.js';
import { Commands } from './commands.js';
import { Complaints } from './complaints.js';
import type { ConfigSource } from './config-source.js';
import { DecisionLog } from './decision-log/decision-log.js';
import {
  type Admin,
  type EngineServices,
  engineRoutes,
  engineServices,
  servicesMessage,
  threadSettings,
} from './engine-routes.js';
import { every, NOT_TOLD } from './every.js';
import { Failover } from './failover.js';
import { failoverContext } from './failover-context.js';
import { measured, takeMeasures } from './follow-quota.js';
import type { GatewayState } from './gateway-state.js';
import { GuardWatch } from './guard-watch.js';
import { tellFacts } from './measuring.js';
import { Meters } from './meters.js';
import { Numbers } from './numbers.js';
import { closeFlows, openFlows } from './open-flows.js';
import { leaveOtherMarks } from './other-marks.js';
import { LOOK_MS, type PathWatch } from './path-watch.js';
import { saveLast } from './patience.js';
import { Persistence, SAVE_MS, type SaveContext } from './persistence.js';
import { commandPins, letGo } from './pin-command.js';
import { Pins } from './pins.js';
import { PORTS_MS, PortWatch } from './port-watch.js';
import { PROBE_MS, Prober } from './prober.js';
import { RaceClient } from './race-client.js';
import { RaceKeeper } from './race-keeper.js';
import { recall } from './recalling.js';
import { type ReloadContext, Reloading } from './reloading.js';
import { repeated } from './repeated.js';
import { interestOf } from './route-changes.js';
import { commandRoute } from './route-command.js';
import { logBroken, logRoute, readyLine } from './route-log.js';
import { newSecret } from './secret.js';
import { TakeOver } from './take-over.js';
import type { Upkeep } from './upkeep.js';

export class Gateway implements GatewayState {
  /** Resolves when the gateway cannot go on. */
  readonly failed: Promise<PathraceError>;
  /** Around what has no other: one error is counted and told, only many at a time are too many. */
  readonly boundary: Boundary;
  /** Somebody before us has left state in the kernel, which connections may live by. */
  foundState = false;
  readonly startedAt = monotonicMs();
  readonly numbers: { readonly routes: Numbers; readonly services: Numbers };
  readonly meters: Meters;
  readonly checker: Checker;
  readonly commands = new Commands();
  readonly pins = new Pins();
  readonly books: Books;
  race: RaceClient | null = null;
  flows: Flows | null = null;
  failover: Failover | null = null;
  ports: PortWatch | null = null;
  readonly guard: GuardWatch;
  readonly reloading: Reloading;
  readonly takeOver: TakeOver;
  readonly decisionLog = new DecisionLog(this);
  private readonly prober = new Prober(this, () => this.marks);
  private readonly marks: Marks;
  private readonly atStart: number;
  readonly persistence: Persistence;
  private readonly keeper: RaceKeeper;
  private readonly complaints: Complaints;
  private readonly alignment: Alignment;
  private readonly saved: SaveContext;
  private fail!: (error: PathraceError) => void;
  private lock: { close(): void } | null = null;
  private api: ApiService | null = null;
  /** Of the configuration. */
  private services!: EngineServices;
  private closers: (() => void | Promise<void>)[] = [];
  private touched = false;
  private stopping = false;
  /** What the kernel holds by numbers of services is of the services that have them now. */
  private knowsNumbers = false;

  constructor(
    public config: GatewayConfig,
    private readonly source: ConfigSource,
    readonly log: Log,
    readonly output: Pick<LossyOutput, 'dropped' | 'limited' | 'alarms'>,
    aroundReload?: ReloadContext['around'],
  ) {
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
    this.boundary = new Boundary({
      clock: () => performance.now(),
      onBroken: (broken) => logBroken(log, broken),
      onMany: (error) => this.fail(asPathraceError(error)),
    });
    this.complaints = new Complaints(log);
    this.guard = new GuardWatch(log, () => this.routes);
    this.marks = marksOf(config.kernel.mark);
    this.atStart = config.routes.length;
    const capacity = routeCapacity(this.atStart);
    this.persistence = new Persistence(config, log);
    this.numbers = { routes: new Numbers(capacity), services: new Numbers(this.marks.maxService) };
    this.books = new Books(() => this.config, this.commands, this.pins, log);
    this.meters = new Meters(capacity, new TrafficMeter(), this.books.accounts);
    this.saved = { numbers: this.numbers, pathMtuOf: (name) => this.paths.found(name) };
    this.keeper = new RaceKeeper({
      log,
      start: () => this.startRacesAgain(),
      ended: (memory) => this.persistence.handOver(memory, this.saved),
      giveUp: (error) => this.fail(error),
    });
    this.checker = new Checker(this.marks, (route, family, { answered, rttMicros }) => {
      if (rttMicros !== null) this.meters.noteProbe(route.config.name, rttMicros, monotonicMs());
      this.race?.checked(route.number, family, answered).catch(() => undefined);
    });
    this.alignment = new Alignment({
      log,
      complaints: this.complaints,
      checker: this.checker,
      gateway: this,
      services: () => this.services,
      failover: () => this.failover,
    });
    this.takeOver = new TakeOver({
      log,
      gateway: this,
      desired: () => this.alignment.desired(),
      goBy: (live) => this.goBy(live),
      follow: async () => {
        takeMeasures(this);
        await this.alignment.followConfig();
      },
      backTo: (routes) => this.alignment.backTo(routes),
    });
    this.reloading = new Reloading({
      log,
      source: this.source,
      ...(aroundReload === undefined ? {} : { around: aroundReload }),
      atStart: this.atStart,
      inForce: () => this.takeOver.inForce,
      enqueue: (work) => this.alignment.enqueue(work),
      takeOver: (plan) => this.takeOver.run(plan),
      isOver: () => Promise.all([this.books.keep(), this.api?.follow()]),
    });
  }

  get upkeep(): Upkeep {
    return this.alignment.upkeep;
  }

  get paths(): PathWatch {
    return this.alignment.paths;
  }

  get routes(): readonly ResolvedRoute[] {
    return this.alignment.routes;
  }

  get fastPath(): FastPathReport {
    return this.alignment.fastPath.now;
  }

  get health(): readonly RouteHealth[] {
    return this.alignment.health;
  }

  async start(): Promise<void> {
    await Promise.all([this.alignment.prepare(), this.keeper.prepare()]);
    this.lock = await repeated(lockNamespace);
    const { log, complaints, source } = this;
    const inForce = () => this.takeOver.inForce;
    const { hasIpv6 } = this.alignment;
    this.api = await ApiService.start(this.config.control, { log, complaints, source, inForce, hasIpv6 });
    this.closers.push(() => this.api?.close());
    const found = await repeated(readObjects);
    const other = await leaveOtherMarks(found, this.marks, this.log);
    this.foundState = found.length > 0 && other === null;
    await this.remember();
    this.touched = true;
    const watch = watchLinks({
      changed: () => this.alignment.linksChanged(),
      lost: (lost) => this.alignment.linkLost(lost),
      taken: () => this.upkeep.rulesTaken(),
      settings: () => this.upkeep.lookSoon(),
      interest: () => interestOf(this.config),
    });
    this.closers.push(() => watch.close());
    await this.alignment.begin();
    const flows = openFlows(this.marks, this.alignment, this.boundary, this.complaints);
    this.flows = flows;
    this.ports = new PortWatch(flows, this.marks, this.log, (route) => this.numbers.routes.nameOf(route));
    this.failover = new Failover(
      failoverContext(this, flows, this.log, (work) => this.alignment.enqueue(work)),
    );
    await repeated(() => this.cutMisread(other));
    takeMeasures(this);
    await this.startRaces();
    this.closers.push(
      every(MEASURE_MS, () => letGo(this), NOT_TOLD),
      every(MEASURE_MS, () => this.upkeep.look(), complaints.about('settings')),
      every(MEASURE_MS, async () => this.guard.look(), complaints.about('guard')),
      every(MEASURE_MS, () => measured(this, () => this.chooseAnew()), complaints.about('measure')),
      every(MEASURE_MS, () => this.alignment.again(), NOT_TOLD),
      every(SAVE_MS, () => this.save(), NOT_TOLD),
      every(KEEP_MS, () => this.books.keepIfDue(), NOT_TOLD),
      every(PORTS_MS, async () => this.ports?.look(this.config.limits.racePorts), complaints.about('ports')),
      every(PROBE_MS, () => this.prober.probe(), NOT_TOLD),
      this.decisionLog.begin(complaints.about('decisions')),
      every(LOOK_MS, () => this.paths.look(), complaints.about('paths')),
    );
    // While all of that was begun, too.
    if (watch.begin())
      await this.alignment.enqueue(() => this.alignment.followLinks()).catch(() => undefined);
    this.checker.follow(this.routes);
    for (const route of this.routes) logRoute(this.log, route);
  }

  /**
   * Takes everything out of the kernel, in the order that lets new connections go on longest; unless `keeps`, asked as late as
   * possible, says to leave it. No step that fails keeps the next from being done. Returns what could not be removed.
   */
  async stop(keeps: () => boolean): Promise<readonly string[]> {
    this.stopping = true;
    this.reloading.close();
    this.keeper.close();
    this.books.end();
    this.failover?.close();
    await this.alignment.close();
    const steps: (() => unknown)[] = [
      ...this.closers.splice(0).reverse(),
      () => this.checker.close(),
      () => saveLast({ store: () => this.save(true), state: () => this.books.keepLast() }, this.log),
      () => this.race?.stop(),
      () => closeFlows(this.flows, this.log),
    ];
    for (const step of steps) await this.tryTo(step);
    let left: readonly string[] = [];
    await this.tryTo(async () => {
      if (this.touched && !keeps()) left = (await removeState()).left;
    });
    // Last: a successor that starts meanwhile would have its state removed.
    this.lock?.close();
    return left;
  }

  private async tryTo(step: () => unknown): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.log.error({ event: 'stop-failed' }, String(error));
    }
  }

  readyLine(): string {
    const { abilities, presence } = this.alignment;
    return readyLine(this.config, this.routes, abilities.queue, presence.missingLan);
  }

  troubles(): string[] {
    return [
      ...this.keeper.alarms(),
      ...this.output.alarms(),
      ...this.decisionLog.alarms(),
      ...this.complaints.alarms(),
      ...this.books.alarms(),
      ...this.reloading.alarms(),
      ...this.alignment.operator.alarms(),
      ...(this.api?.alarms() ?? []),
      ...this.presenceAlarms(),
    ];
  }

  readonly presenceAlarms = (): string[] => this.alignment.presence.alarms();
  readonly notes = (): string[] => this.alignment.presence.notes();

  adminOf(name: string): Admin {
    return this.books.adminOf(name);
  }

  isSpent(name: string): boolean {
    return this.books.spent.of(name) === 'last-resort';
  }

  setAdmin(name: string, admin: Admin): Promise<void> {
    return commandRoute(this, this.alignment, name, admin);
  }

  setPins(change: () => void): Promise<void> {
    return commandPins(this, this.alignment, () => this.number(), change);
  }

  private chooseAnew(): Promise<void> {
    return this.alignment.enqueue(() => this.alignment.followCommand());
  }

  /** Connections whose marks say something else by now. */
  private async cutMisread(other: Marks | null): Promise<void> {
    if (other !== null) await this.flows?.cut(() => true, other).done;
    if (!this.foundState) await this.failover?.cutMisfits(this.routes);
  }

  /** Memory, quotas, commands, pins and numbers of the last run. */
  private async remember(): Promise<void> {
    this.knowsNumbers = await recall(this, () => this.setPins(() => undefined).then(() => this.chooseAnew()));
    this.number();
  }

  private goBy(live: GatewayConfig): void {
    this.config = live;
    this.number();
  }

  private number(): void {
    this.numbers.routes.assign(this.config.routes.map(({ name }) => name));
    this.numbers.services.assign(this.config.services.map(({ name }) => name));
    const { routes, services } = this.numbers;
    this.services = engineServices(this.config, routes, services, this.pins.held(routes));
  }

  private async startRaces(): Promise<void> {
    const { config, services: wanted, alignment } = this;
    const services = servicesMessage(wanted, alignment.desired());
    this.race = await RaceClient.start(
      {
        ...threadSettings(config, routeCapacity(this.atStart), newSecret()),
        routes: engineRoutes(this.routes, this),
        services,
        hasIpv6: alignment.hasIpv6,
        memory: this.persistence.memoryAt(Date.now(), this.numbers.routes),
        empty: this.knowsNumbers ? OF_ENGINE : EVERYTHING,
      },
      {
        ...this.keeper.events,
        stateLost: () => this.upkeep.tableLost(),
        copiesRefused: (count) => alignment.operator.copiesRefused(count),
        broken: (broken) => logBroken(this.log, broken),
        health: (health) => alignment.healthChanged(health),
        askRoute: (route, family) => this.prober.ask(route, family),
      },
      this.keeper.thread(),
    );
    this.persistence.taken();
    alignment.changeover.begun(wanted, services);
    this.knowsNumbers = true;
    // What it is not told now it is told a second later.
    await tellFacts(this.config, this.meters, this.race).catch(() => undefined);
  }

  /** Fails as the start does. The next change has nothing to do with that. */
  private async startRacesAgain(): Promise<void> {
    let failure: unknown = null;
    // Nobody else waits for the disk.
    await this.persistence.recover();
    await this.alignment.enqueue(async () => {
      if (this.stopping) return;
      await this.startRaces().catch((error: unknown) => {
        failure = error;
      });
    });
    if (failure !== null) throw failure;
  }

  private async save(isLast = false): Promise<void> {
    if (this.race === null) return;
    await this.persistence
      .save(this.race, this.saved, isLast)
      .catch((error: unknown) => this.log.warn({ event: 'store-failed' }, String(error)));
  }
}

const MEASURE_MS = 1000;
