/**
 * What other gateways do, for comparison in the lab: a ruleset in the kernel and a prober that takes routes out of it.
 * Each product's part is a `Shape`, all data and text; this file puts it into the lab's gateway and takes it away again.
 */
import type { Lab } from '../../lab/index.js';
import { LAN_SUBNET, uplink } from '../../lab/index.js';
import { type Prober, type ProberKind, startProber } from './prober.js';

/** One uplink as a ruleset sees it; IPv4 only, as VyOS is. */
export interface Wan {
  readonly name: string;
  /** From 1, in the order of the configuration. */
  readonly id: number;
  readonly device: string;
  readonly nextHop: string;
  readonly address: string;
  readonly subnet: string;
  readonly weight: number;
}

/** How one product steers new connections. */
export interface Shape {
  readonly name: string;
  /** The nft table that `ruleset` defines, family `ip`. */
  readonly table: string;
  /** Masquerading on the uplinks is not part of the table but of a firewall beside it, which a reload leaves alone. */
  readonly masquerade: boolean;
  /** Arguments of `ip rule add`; each must begin with `pref N`. */
  rules(wans: readonly Wan[]): string[];
  /** Arguments of `ip route add`, and the tables that they fill. */
  routes(wans: readonly Wan[]): { tables: number[]; lines: string[] };
  /** The body of the table, when `alive` are the routes that new connections may take. */
  ruleset(wans: readonly Wan[], alive: readonly Wan[]): string;
  /** `replace`: a reload is one transaction. `stop-start`: everything goes away and comes back. */
  readonly reload: 'replace' | 'stop-start';
  readonly prober: ProberKind;
}

export interface BaselineOptions {
  /** By provider name; default 1. */
  weights?: Readonly<Record<string, number>>;
  /** Addresses beyond the next hops that the prober asks. None: no prober, all routes stay in use. */
  monitors?: readonly string[];
}

/** A route that the prober took out or put back. */
export interface RouteEvent {
  /** Monotonic microseconds, as in the results of connections. */
  readonly at: number;
  readonly route: string;
  readonly up: boolean;
}

export interface BaselineRun {
  readonly events: readonly RouteEvent[];
  /** As the product's own reload of its configuration does it. */
  reload(): Promise<void>;
  remove(): Promise<void>;
}

export const LAN = { device: 'lan0', subnet: LAN_SUBNET.ipv4 } as const;

export async function installBaseline(
  lab: Lab,
  shape: Shape,
  options: BaselineOptions = {},
): Promise<BaselineRun> {
  const wans = wansOf(lab, options.weights ?? {});
  // BOUNDED: a few per minute of a measurement.
  const events: RouteEvent[] = [];
  const down = new Set<string>();
  let pending = Promise.resolve();
  const load = (): Promise<void> => loadTable(lab, shape, wans, down);
  const change = (route: string, up: boolean): void => {
    if (up ? !down.delete(route) : down.has(route)) return;
    if (!up) down.add(route);
    pending = pending.then(load).then(() => {
      events.push({ at: Number(process.hrtime.bigint()) / 1000, route, up });
    });
  };
  await noReversePathCheck(lab, wans);
  if (shape.masquerade) await masquerade(lab, wans);
  await addRouting(lab, shape, wans);
  await load();
  const monitors = options.monitors ?? [];
  const prober: Prober | null =
    monitors.length === 0 ? null : startProber(shape.prober, lab, wans, monitors, change);
  return {
    events,
    async reload() {
      if (shape.reload === 'stop-start') {
        await lab.gateway.must(['nft', 'delete', 'table', 'ip', shape.table]);
        await removeRouting(lab, shape, wans);
        await addRouting(lab, shape, wans);
      }
      await load();
    },
    async remove() {
      await prober?.stop();
      await pending;
      await lab.gateway.must(['nft', 'delete', 'table', 'ip', shape.table]);
      if (shape.masquerade) await lab.gateway.must(['nft', 'delete', 'table', 'ip', FIREWALL]);
      await removeRouting(lab, shape, wans);
      // What the next subject meets must not carry the marks of this one. Not everybody has the program.
      await lab.gateway.run(['conntrack', '-F']);
    },
  };
}

export function wansOf(lab: Lab, weights: Readonly<Record<string, number>>): Wan[] {
  return lab.scenario.providers.flatMap((provider): Wan[] => {
    const side = uplink(provider).ipv4;
    if (side === undefined) return [];
    return [
      {
        name: provider.name,
        id: provider.number,
        device: provider.interface,
        nextHop: side.nextHop,
        address: side.addresses[0] as string,
        subnet: side.subnet,
        weight: weights[provider.name] ?? 1,
      },
    ];
  });
}

/** The strict check would drop answers on every route but the first of the main table. */
async function noReversePathCheck(lab: Lab, wans: readonly Wan[]): Promise<void> {
  const names = ['all', LAN.device, ...wans.map(({ device }) => device)];
  await lab.gateway.sysctl(Object.fromEntries(names.map((name) => [`net.ipv4.conf.${name}.rp_filter`, 0])));
}

const FIREWALL = 'peer_firewall';

async function masquerade(lab: Lab, wans: readonly Wan[]): Promise<void> {
  const devices = wans.map(({ device }) => `"${device}"`).join(', ');
  const input = `
    table ip ${FIREWALL} {
      chain leaves { type nat hook postrouting priority srcnat; policy accept; oifname { ${devices} } masquerade; }
    }
  `;
  await lab.gateway.must(['nft', '-f', '-'], { input });
}

async function loadTable(
  lab: Lab,
  shape: Shape,
  wans: readonly Wan[],
  down: ReadonlySet<string>,
): Promise<void> {
  const alive = wans.filter(({ name }) => !down.has(name));
  const input = `
    table ip ${shape.table}
    delete table ip ${shape.table}
    table ip ${shape.table} {
      ${shape.ruleset(wans, alive)}
    }
  `;
  await lab.gateway.must(['nft', '-f', '-'], { input });
}

async function addRouting(lab: Lab, shape: Shape, wans: readonly Wan[]): Promise<void> {
  const lines = [
    ...shape.routes(wans).lines.map((line) => `route add ${line}`),
    ...shape.rules(wans).map((line) => `rule add ${line}`),
  ];
  await lab.gateway.must(['ip', '-4', '-batch', '-'], { input: lines.join('\n') });
}

async function removeRouting(lab: Lab, shape: Shape, wans: readonly Wan[]): Promise<void> {
  const lines = [
    ...shape.rules(wans).map((line) => `rule del ${/^pref \d+/.exec(line)?.[0] ?? line}`),
    ...shape.routes(wans).tables.map((table) => `route flush table ${table}`),
  ];
  await lab.gateway.must(['ip', '-4', '-batch', '-'], { input: lines.join('\n') });
}
