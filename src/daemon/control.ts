/** What the control socket can ask and command. */
import type {
  ControlBackend,
  Decision,
  MemoryEntry,
  ReloadReport,
  RouteCommandReport,
  RouteStatus,
  ServiceStatus,
  Status,
} from '../api/contract.js';
import { unknownName } from '../config/vocabulary.js';
import { monotonicMs } from '../kernel/clock.js';
import type { DesiredState } from '../kernel/desired.js';
import type { Cut } from '../kernel/flow-cutter.js';
import { readCounters } from '../kernel/nft-read.js';
import { PathraceError } from '../model/errors.js';
import { version } from '../observe/version.js';
import type { ConfigSource } from './config-source.js';
import { progressOf } from './cut-progress.js';
import type { GatewayState } from './gateway-state.js';
import { memoryEntries } from './memory-report.js';
import type { RaceClient } from './race-client.js';
import { alarmsOf, packetStatus, raceStatus, routeStatus, stateOf } from './report.js';
import { serviceStatus } from './service-report.js';
import { explain } from './why-report.js';

/** What of the rest of the gateway commands look at. */
export interface BackendParts {
  /** The state that the kernel is to have now. */
  desired(): DesiredState;
}

export function createBackend(
  gateway: GatewayState,
  source: ConfigSource,
  parts: BackendParts,
): ControlBackend {
  const running = (): RaceClient => {
    if (gateway.race !== null) return gateway.race;
    throw new PathraceError('E_CONTROL_BUSY', 'The gateway is still starting.');
  };
  return {
    async status(): Promise<Status> {
      // All that has to be waited for first: what follows is of one moment.
      const [snapshot, configuration] = await Promise.all([
        running().snapshot(),
        source.report(gateway.config),
        gateway.flows?.counts.refresh(),
      ]);
      const { memory, engine } = snapshot;
      gateway.guard.look();
      const routes = routeStatus(gateway, snapshot);
      return {
        version: version(),
        configuration,
        uptimeSeconds: Math.round((monotonicMs() - gateway.startedAt) / 1000),
        alarms: [
          ...alarmsOf(routes, gateway.config, snapshot, gateway.boundary.count),
          ...(gateway.ports?.alarms() ?? []),
          ...gateway.upkeep.alarms(),
          ...gateway.guard.alarms(monotonicMs()),
          ...gateway.troubles(),
        ],
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
        cutting: { cut: gateway.flows?.cutter.count ?? 0, left: gateway.flows?.cutter.left ?? 0 },
        fastPath: { wanted: gateway.config.kernel.fastPath, ...gateway.fastPath },
        packets: packetStatus(snapshot, gateway.config.kernel.queue),
      };
    },

    async routes(): Promise<readonly RouteStatus[]> {
      const [snapshot] = await Promise.all([running().snapshot(), gateway.flows?.counts.refresh()]);
      return routeStatus(gateway, snapshot);
    },

    async services(): Promise<readonly ServiceStatus[]> {
      running();
      const { routes } = gateway.numbers;
      return serviceStatus(gateway.config, parts.desired(), (route) => routes.nameOf(route), readCounters());
    },

    why: (query): Promise<readonly Decision[]> => explain(gateway, running(), query),

    memory(limit, prefix): Promise<readonly MemoryEntry[]> {
      const { ipv4, ipv6 } = gateway.config.memory.aggregate;
      // A route that is gone keeps its number for the flows that it has, and what is remembered of it, should it come back.
      const names = new Set(gateway.config.routes.map(({ name }) => name));
      const nameOf = (number: number): string | null => {
        const name = gateway.numbers.routes.nameOf(number);
        return name !== null && names.has(name) ? name : null;
      };
      return memoryEntries(running(), nameOf, { 4: ipv4, 6: ipv6 }, limit, prefix);
    },

    async route(name, command): Promise<RouteCommandReport> {
      const route = gateway.config.routes.find((one) => one.name === name);
      if (route === undefined) {
        throw unknownName(
          'route',
          name,
          gateway.config.routes.map((one) => one.name),
        );
      }
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
      const report = await gateway.reloading.reload();
      const { left } = await progressOf(gateway.flows?.cutter.underWay() ?? [], 0);
      return { ...report, ...(left === undefined ? {} : { left }) };
    },

    preview: (text) => gateway.reloading.preview(text),
    config: async () => gateway.config,
  };
}

const ADMIN_OF = { drain: 'draining', undrain: 'enabled', disable: 'disabled', enable: 'enabled' } as const;
