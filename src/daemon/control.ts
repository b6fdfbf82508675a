/** What the control socket can ask and command. */
import type {
  ApplyReport,
  ControlBackend,
  Decision,
  ForgetReport,
  Health,
  MemoryEntry,
  Pin,
  ReloadReport,
  RouteCommandReport,
  RouteDetail,
  RouteStatus,
  ServiceStatus,
  Status,
  UnpinReport,
} from '../api/contract.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import type { Cut } from '../kernel/flow-cutter.js';
import { readCounters } from '../kernel/nft-read.js';
import { PathraceError } from '../model/errors.js';
import { version } from '../observe/version.js';
import { applyConfig, configText, validation } from './config-edit.js';
import type { ConfigSource } from './config-source.js';
import { progressOf } from './cut-progress.js';
import { decisionPage } from './decision-report.js';
import { flowPage } from './flow-report.js';
import { forgetMemory } from './forgetting.js';
import { healthReport } from './health-report.js';
import { memoryEntries } from './memory-report.js';
import type { HeldPin } from './pins.js';
import type { RaceClient } from './race-client.js';
import { allAlarms, packetStatus, raceStatus, routeStatus, stateOf } from './report.js';
import { routeNamed } from './route-command.js';
import { routeDetail } from './route-detail.js';
import type { Samples } from './samples.js';
import { Scrape } from './scrape.js';
import { serviceStatus } from './service-report.js';
import type { InForce } from './take-over.js';
import { whatIf } from './what-if.js';
import { explain } from './why-report.js';

/** What answers need besides the gateway. */
export interface BackendContext {
  readonly samples: Samples;
  readonly hasIpv6: boolean;
}

/** `inForce`: asked once for each answer, when all that takes a while is there: an answer is of one moment. */
export function createBackend(
  inForce: () => InForce,
  source: ConfigSource,
  { samples, hasIpv6 }: BackendContext,
): ControlBackend {
  const running = (): RaceClient => {
    const { race } = inForce();
    if (race !== null) return race;
    throw new PathraceError('E_CONTROL_BUSY', 'The gateway is still starting.');
  };
  const scrape = new Scrape(inForce);
  return {
    metrics: (accept) => scrape.text(running(), accept),

    async status(): Promise<Status> {
      const [snapshot, digest] = await Promise.all([
        running().snapshot(),
        source.look(),
        inForce().flows?.counts.refresh(),
      ]);
      const gateway = inForce();
      const { memory, engine } = snapshot;
      const configuration = source.report(digest, gateway.config, {
        isChanging: gateway.isChanging,
        isOwed: gateway.reloading.isOwed,
      });
      gateway.guard.look();
      const routes = routeStatus(gateway, snapshot);
      return {
        version: version(),
        configuration,
        uptimeSeconds: Math.round((monotonicMs() - gateway.startedAt) / 1000),
        alarms: allAlarms(gateway, routes, snapshot),
        notes: gateway.notes(),
        memory: {
          destinations: memory.destinations,
          trusted: memory.trusted,
          inKernel: memory.inKernel,
          size: memory.size,
          evicted: memory.evicted,
          rescues: engine.rescues.reduce((sum, count) => sum + count, 0),
        },
        routes,
        races: raceStatus(snapshot),
        calls: snapshot.calls.counts,
        cutting: { cut: gateway.flows?.cutter.count ?? 0, left: gateway.flows?.cutter.left ?? 0 },
        fastPath: { wanted: gateway.config.kernel.fastPath, ...gateway.fastPath },
        packets: packetStatus(snapshot, gateway.config.kernel.queue),
      };
    },

    async routes(): Promise<readonly RouteStatus[]> {
      const [snapshot] = await Promise.all([running().snapshot(), inForce().flows?.counts.refresh()]);
      return routeStatus(inForce(), snapshot);
    },

    async routeDetail(name): Promise<RouteDetail> {
      const [snapshot] = await Promise.all([running().snapshot(), inForce().flows?.counts.refresh()]);
      return routeDetail(inForce(), snapshot, samples, name);
    },

    async health(): Promise<Health> {
      const snapshot = await running().snapshot();
      const gateway = inForce();
      const routes = routeStatus(gateway, snapshot);
      return healthReport({ routes, alarms: allAlarms(gateway, routes, snapshot) });
    },

    version: async () => ({
      version: version(),
      uptimeSeconds: Math.round((monotonicMs() - inForce().startedAt) / 1000),
    }),

    decisions: (query) => decisionPage(inForce(), running(), query),
    flows: (query) => flowPage(inForce(), running(), hasIpv6, query),
    whatIf: (query) => whatIf(inForce(), running(), query),

    async services(): Promise<readonly ServiceStatus[]> {
      running();
      const { config, numbers, desired } = inForce();
      return serviceStatus(config, desired(), (route) => numbers.routes.nameOf(route), readCounters());
    },

    why: (query): Promise<readonly Decision[]> => explain(inForce(), running(), query),

    memory(limit, prefix, filter): Promise<readonly MemoryEntry[]> {
      const gateway = inForce();
      const { ipv4, ipv6 } = gateway.config.memory.aggregate;
      // A route that is gone keeps its number for the flows that it has, and what is remembered of it, should it come back.
      const names = new Set(gateway.config.routes.map(({ name }) => name));
      const nameOf = (number: number): string | null => {
        const name = gateway.numbers.routes.nameOf(number);
        return name !== null && names.has(name) ? name : null;
      };
      const question = { limit, prefix, ...(filter === undefined ? {} : { filter }) };
      return memoryEntries(running(), nameOf, { 4: ipv4, 6: ipv6 }, question);
    },

    async forget(prefix): Promise<ForgetReport> {
      const { ipv4, ipv6 } = inForce().config.memory.aggregate;
      return { forgotten: await forgetMemory(running(), prefix, { 4: ipv4, 6: ipv6 }) };
    },

    pins: async () => inForce().pins.all().map(toPin),

    async pin({ destination, route, seconds }): Promise<Pin> {
      const gateway = inForce();
      const untilMs = monotonicMs() + seconds * 1000;
      await gateway.setPins(() => {
        const { name } = routeNamed(gateway.config, route);
        gateway.pins.set({ destination, route: name, untilMs, untilDateMs: null });
      });
      return toPin({ destination, route, untilMs });
    },

    async unpin(destination): Promise<UnpinReport> {
      const gateway = inForce();
      let unpinned = 0;
      await gateway.setPins(() => {
        unpinned = gateway.pins.remove(destination);
      });
      return { unpinned };
    },

    async route(name, command): Promise<RouteCommandReport> {
      const gateway = inForce();
      const route = routeNamed(gateway.config, name);
      running();
      const carried = gateway.flows?.counts.perRoute().get(gateway.numbers.routes.of(name)) ?? 0;
      let cut: Cut | null | undefined = null;
      if (command === 'kill') {
        const number = gateway.numbers.routes.of(name);
        cut = gateway.flows?.cut((flow) => flow.route === number);
      } else {
        await gateway.setAdmin(name, ADMIN_OF[command]);
        if (command === 'disable' && route.onDown === 'reset') cut = gateway.failover?.cutReplaceable(route);
      }
      const progress = await progressOf(cut == null ? [] : [cut], carried);
      return { route: name, state: stateOf(gateway, name).state, ...progress };
    },

    async reload(): Promise<ReloadReport> {
      const gateway = inForce();
      const report = await gateway.reloading.reload();
      const { left } = await progressOf(gateway.flows?.cutter.underWay() ?? [], 0);
      return { ...report, ...(left === undefined ? {} : { left }) };
    },

    preview: (text) => inForce().reloading.preview(text),
    config: async () => inForce().config,
    configText: () => configText(source.path),
    validate: (text) => validation(() => inForce().reloading.preview(text)),
    async apply(text, digest): Promise<ApplyReport> {
      const { reloading, flows } = inForce();
      const report = await applyConfig({
        path: source.path,
        text,
        digest,
        preview: (one) => reloading.preview(one),
        reload: () => reloading.reload(),
      });
      const { left } = await progressOf(flows?.cutter.underWay() ?? [], 0);
      return { ...report, ...(left === undefined ? {} : { left }) };
    },
  };
}

function toPin({ destination, route, untilMs }: Omit<HeldPin, 'untilDateMs'>): Pin {
  return { destination, route, until: dateText(untilMs) };
}

const ADMIN_OF = { drain: 'draining', undrain: 'enabled', disable: 'disabled', enable: 'enabled' } as const;
