/** The gateway: brings up the kernel's state, starts the race thread, follows the links, answers the control socket. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { ControlBackend, Decision, Status } from '../api/contract.js';
import { startControl } from '../api/server.js';
import { applyIpState, applyNftState, detectQueueMethod } from '../kernel/apply.js';
import { removeState } from '../kernel/cleanup.js';
import { desiredState, type QueueMethod } from '../kernel/desired.js';
import { Flows } from '../kernel/flows.js';
import { readLinks, watchLinks } from '../kernel/links.js';
import { lockNamespace } from '../kernel/namespace-lock.js';
import { type ResolvedRoute, resolveRoutes } from '../kernel/routes.js';
import { applySettings, desiredSettings, recordedSettings, recordSettings } from '../kernel/sysctl.js';
import { parseAddress } from '../model/address.js';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { createLog, type Log } from '../observe/log.js';
import { version } from '../observe/version.js';
import { engineRoutes, engineSettings } from './engine-routes.js';
import { checkPrivileges } from './preflight.js';
import { RaceClient } from './race-client.js';
import { packetStatus, raceStatus, routeStatus, toDecision } from './report.js';

/** Where a command writes. */
export interface GatewayIo {
  readonly stdout: { write(text: string): unknown };
}

const WHY_LIMIT = 100;

/** Runs until SIGTERM or SIGINT; returns the exit code. Everything in the kernel is removed before it returns. */
export async function runGateway(config: GatewayConfig, io: GatewayIo): Promise<number> {
  checkPrivileges();
  const log = createLog({ level: config.log.level });
  const gateway = new Gateway(config, log);
  const stopped = nextSignal(['SIGTERM', 'SIGINT']);
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  io.stdout.write(`${gateway.readyLine()}\n`);
  const outcome = await Promise.race([stopped, gateway.failed]);
  log.info(
    { event: 'stopping', reason: outcome instanceof PathraceError ? outcome.code : outcome },
    'stopping',
  );
  await gateway.stop();
  if (outcome instanceof PathraceError) throw outcome;
  return 0;
}

class Gateway {
  /** Resolves when the gateway cannot go on. */
  readonly failed: Promise<PathraceError>;

  private readonly startedAt = Date.now();
  private readonly hasIpv6 = existsSync('/proc/net/if_inet6');
  private fail!: (error: PathraceError) => void;
  private method: QueueMethod = 'xt';
  private routes: ResolvedRoute[] = [];
  private lock: { close(): void } | null = null;
  private race: RaceClient | null = null;
  private flows: Flows | null = null;
  private closers: (() => void | Promise<void>)[] = [];
  private restarts: number[] = [];
  private changing: Promise<void> = Promise.resolve();
  private touched = false;
  private stopping = false;
  private restoring = false;
  /** Kernel settings as they were before us; the kernel's table has them too, unless somebody removes it. */
  private before: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly config: GatewayConfig,
    private readonly log: Log,
  ) {
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  async start(): Promise<void> {
    const { config, log } = this;
    const snapshot = await readLinks();
    requireInterfaces(config, new Set(snapshot.links.keys()));
    this.method = await detectQueueMethod();
    this.lock = await lockNamespace();
    const control = await startControl(config.control, this.backend());
    this.closers.push(() => control.close());
    this.touched = true;
    this.routes = resolveRoutes(config, await readLinks());
    const desired = desiredState(config, this.routes, this.method);
    await applyIpState(desired, this.hasIpv6);
    await applyNftState(desired);
    // Forwarding last: nothing passes before it is translated.
    for (const { path, why } of await applySettings(desiredSettings(config))) {
      log.warn({ event: 'sysctl', path }, `could not set ${path} (${why})`);
    }
    this.before = recordedSettings();
    this.flows = new Flows(this.hasIpv6);
    await this.startRaces();
    const watch = watchLinks(() => this.linksChanged());
    this.closers.push(() => watch.close());
    // Something may have changed between reading and watching.
    this.linksChanged();
    await this.changing;
    for (const route of this.routes) this.logRoute(route);
  }

  /** Takes everything out of the kernel, in the order that lets new connections go on longest. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.changing.catch(() => undefined);
    for (const close of this.closers.reverse()) await close();
    this.closers = [];
    await this.race?.stop();
    this.flows?.close();
    if (this.touched) await removeState();
    // Last: a successor that starts meanwhile would have its state removed.
    this.lock?.close();
  }

  readyLine(): string {
    const up = this.routes.filter((route) => route.state === 'up').length;
    const queue = this.method === 'nft' ? 'nft queue' : 'xt NFQUEUE';
    return `ready: ${up} of ${this.routes.length} routes up, LAN ${this.config.lan.join(' ')}, ${queue} ${this.config.kernel.queue}, control ${this.config.control}`;
  }

  private async startRaces(): Promise<void> {
    const { config } = this;
    const random = randomBytes(8);
    const secret: [number, number] = [random.readInt32LE(0), random.readInt32LE(4)];
    this.race = await RaceClient.start(
      {
        settings: engineSettings(config, secret),
        routes: engineRoutes(this.routes),
        queue: config.kernel.queue,
        queueLength: config.limits.queue,
        hasIpv6: this.hasIpv6,
        heartbeatMs: config.kernel.heartbeatMs,
      },
      { ended: (error) => this.raceThreadEnded(error), stateLost: () => this.restoreState() },
    );
  }

  /** Somebody flushed the ruleset, as a reload of Debian's nftables service does: it is declared, so declare it again. */
  private restoreState(): void {
    if (this.restoring || this.stopping) return;
    this.restoring = true;
    this.changing = this.changing
      .then(async () => {
        this.log.warn({ event: 'state-lost' }, 'our nft table was removed by somebody else; putting it back');
        await recordSettings(this.before);
        await applyNftState(desiredState(this.config, this.routes, this.method));
      })
      .catch((error: unknown) => this.log.error({ event: 'state-lost' }, String(error)))
      .finally(() => {
        this.restoring = false;
      });
  }

  /** The kernel goes on by itself meanwhile. A thread that keeps ending is a bug that a restart does not heal. */
  private raceThreadEnded(error: PathraceError): void {
    this.log.error({ event: 'race-thread-ended', code: error.code }, error.message);
    const now = Date.now();
    this.restarts = this.restarts.filter((at) => now - at < RESTART_WINDOW_MS);
    this.restarts.push(now);
    if (this.restarts.length > MAX_RESTARTS) return this.fail(error);
    setTimeout(() => {
      if (this.stopping) return;
      this.startRaces().catch((reason: PathraceError) => this.fail(reason));
    }, RESTART_DELAY_MS);
  }

  /** One change after the other: a later snapshot must not be overtaken by an earlier one. */
  private linksChanged(): void {
    this.changing = this.changing
      .then(() => this.followLinks())
      .catch((error: unknown) => {
        this.log.error({ event: 'links' }, error instanceof Error ? error.message : String(error));
      });
  }

  private async followLinks(): Promise<void> {
    const before = this.routes;
    const after = resolveRoutes(this.config, await readLinks());
    const changed = JSON.stringify(before) !== JSON.stringify(after);
    // What is gone, the daemon hears first: no new copy leaves with it. What has come, last: its routing must be there.
    if (changed) await this.tellRoutes(withoutGains(before, after));
    // Also when nothing else has changed: the kernel takes routes away with an interface that goes down, however shortly.
    await applyIpState(desiredState(this.config, after, this.method), this.hasIpv6);
    if (!changed) return;
    await applyNftState(desiredState(this.config, after, this.method));
    this.routes = after;
    await this.tellRoutes(after);
    await applySettings(desiredSettings(this.config));
    this.before = recordedSettings();
    for (const [index, route] of after.entries()) {
      if (describeRoute(before[index]) === describeRoute(route)) continue;
      this.logRoute(route);
      await this.cutLostFlows(before[index], route);
    }
  }

  /** A thread that is being started again begins with the routes as they are then. */
  private async tellRoutes(routes: readonly ResolvedRoute[]): Promise<void> {
    await this.race?.setRoutes(engineRoutes(routes)).catch(() => undefined);
  }

  /** Entries made with an address that is gone would leak packets with a foreign source (the kernel keeps them). */
  private async cutLostFlows(before: ResolvedRoute, after: ResolvedRoute): Promise<void> {
    if (!before.config.translate || this.flows === null) return;
    const had = [...(before.ipv4?.addresses ?? []), ...(before.ipv6?.addresses ?? [])];
    const has = [...(after.ipv4?.addresses ?? []), ...(after.ipv6?.addresses ?? [])];
    if (had.every((address) => has.includes(address))) return;
    const count = await this.flows.cut(after.number, has);
    if (count > 0)
      this.log.warn(
        { event: 'flows-cut', route: after.config.name, count },
        `cut ${count} flows of ${after.config.name}`,
      );
  }

  private logRoute(route: ResolvedRoute): void {
    const fields = { event: 'route', route: route.config.name, state: route.state, reasons: route.reasons };
    const text = `route ${route.config.name} is ${route.state}${route.reasons.length > 0 ? ` (${route.reasons.join(', ')})` : ''}`;
    if (route.state === 'up') this.log.info(fields, text);
    else this.log.warn(fields, text);
  }

  private backend(): ControlBackend {
    return {
      status: async (): Promise<Status> => {
        const snapshot = await this.running().snapshot();
        const { queue } = this.config.kernel;
        return {
          version: version(),
          uptimeSeconds: Math.round((Date.now() - this.startedAt) / 1000),
          routes: routeStatus(this.routes, snapshot, this.flows?.count() ?? new Map()),
          races: raceStatus(snapshot),
          packets: packetStatus(snapshot, queue),
        };
      },
      why: async (address, port): Promise<readonly Decision[]> => {
        const { decisions, originMs } = await this.running().decisions(
          parseAddress(address),
          port,
          WHY_LIMIT,
        );
        return decisions.map((record) => toDecision(record, this.routes, originMs));
      },
    };
  }

  private running(): RaceClient {
    if (this.race === null)
      throw new PathraceError('E_CONTROL_UNREACHABLE', 'The gateway is still starting.');
    return this.race;
  }
}

const RESTART_WINDOW_MS = 60_000;
const RESTART_DELAY_MS = 500;
const MAX_RESTARTS = 5;

function requireInterfaces(config: GatewayConfig, present: ReadonlySet<string>): void {
  const needed = [...config.lan, ...config.routes.filter((r) => !r.optional).map((r) => r.interface)];
  const missing = needed.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  throw new PathraceError('E_INTERFACE_MISSING', `No such interface: ${[...new Set(missing)].join(', ')}.`, {
    expected: `one of ${[...present].join(', ')}`,
    remedy: 'Compare the name with `ip link`; a route whose interface appears later says `optional: true`.',
  });
}

/** The routes as they are now, less the families that could not be used before. */
function withoutGains(before: readonly ResolvedRoute[], after: readonly ResolvedRoute[]): ResolvedRoute[] {
  return after.map((route, index) => ({
    ...route,
    ipv4: before[index].ipv4 === null ? null : route.ipv4,
    ipv6: before[index].ipv6 === null ? null : route.ipv6,
  }));
}

function describeRoute(route: ResolvedRoute): string {
  return JSON.stringify({ ...route, config: route.config.name });
}

function nextSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.on(signal, () => resolve(signal));
  });
}
