/** What the control socket can ask and command. */
import type { ControlBackend, Decision, MemoryEntry, RouteCommandReport, Status } from '../api/contract.js';
import { parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';
import { version } from '../observe/version.js';
import type { GatewayState } from './gateway-state.js';
import { memoryEntries } from './memory-report.js';
import type { RaceClient } from './race-client.js';
import { alarmsOf, packetStatus, raceStatus, routeStatus, stateOf, toDecision } from './report.js';

const WHY_LIMIT = 100;

export function createBackend(gateway: GatewayState): ControlBackend {
  const running = (): RaceClient => {
    if (gateway.race !== null) return gateway.race;
    throw new PathraceError('E_CONTROL_UNREACHABLE', 'The gateway is still starting.');
  };
  return {
    async status(): Promise<Status> {
      const snapshot = await running().snapshot();
      const { memory, engine } = snapshot;
      gateway.guard.look();
      const routes = routeStatus(gateway, snapshot);
      return {
        version: version(),
        uptimeSeconds: Math.round((Date.now() - gateway.startedAt) / 1000),
        alarms: [
          ...alarmsOf(routes, gateway.config, snapshot, gateway.boundary.count),
          ...(gateway.ports?.alarms() ?? []),
          ...gateway.upkeep.alarms(),
          ...gateway.guard.alarms(Date.now()),
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
        fastPath: { wanted: gateway.config.kernel.fastPath, ...gateway.fastPath },
        packets: packetStatus(snapshot, gateway.config.kernel.queue),
      };
    },

    async why(address, port): Promise<readonly Decision[]> {
      const { decisions, originMs } = await running().decisions(parseAddress(address), port, WHY_LIMIT);
      return decisions.map((record) => toDecision(record, gateway, originMs));
    },

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
        throw new PathraceError('E_ARGUMENT', 'There is no such route.', {
          found: name,
          expected: gateway.config.routes.map((one) => one.name).join(', '),
        });
      }
      running();
      let cut = 0;
      if (command === 'kill') {
        const number = gateway.numbers.routes.of(name);
        cut = (await gateway.flows?.cut((flow) => flow.route === number)) ?? 0;
      } else {
        await gateway.setAdmin(name, ADMIN_OF[command]);
        if (command === 'disable' && route.onDown === 'reset') {
          for (const family of [4, 6] as const)
            cut += (await gateway.failover?.cutIfReplaceable(route, family)) ?? 0;
        }
      }
      return { route: name, state: stateOf(gateway, name).state, cut };
    },

    reload: () => gateway.reloading.reload(),
    preview: (text) => gateway.reloading.preview(text),
    config: async () => gateway.config,
  };
}

const ADMIN_OF = { drain: 'draining', undrain: 'enabled', disable: 'disabled', enable: 'enabled' } as const;
