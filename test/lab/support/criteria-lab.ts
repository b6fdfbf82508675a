/** A gateway with one service for each criterion, told apart by their ports, over three routes and a last resort. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { EchoConnection, EchoServer } from '../../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR } from './gateway-lab.js';
import { countOf, routesTaken } from './taken.js';

export const CLIENTS = 20;
export const MANY4 = Array.from({ length: 10 }, (_, i) => `192.0.2.${i + 1}`);
export const MANY6 = Array.from({ length: 10 }, (_, i) => `2001:db8:200::${(i + 1).toString(16)}`);

/** Ports of the services; each of TCP and UDP. */
export const PORT = {
  race: 7001,
  'round-robin': 7002,
  weighted: 7003,
  'least-connections': 7004,
  'least-traffic': 7005,
  'least-weighted-load': 7006,
  'fastest-probe': 7007,
  'fastest-history': 7008,
  cheapest: 7009,
  priority: 7010,
  spillover: 7011,
  hash: 7012,
  client: 7013,
  heavy: 7014,
  'only a': 7101,
  'only b': 7102,
  'only c': 7103,
  'as the rest': 7104,
  rest: 7200,
  check: 7300,
} as const;
export type Service = keyof typeof PORT;
/** Of the fixed service for a. */
export const IPERF = 5201;

const check = { targets: [`tcp ${NEAR}:${PORT.check}`, `ping ${NEAR}`], interval: '300ms', fail: 20 };

/** What is dear is first in the file, so that order and cost never say the same. */
const ROUTES = {
  a: { weight: 5, capacity: '10mbit', cost: 3, check },
  b: { weight: 3, capacity: '6mbit', cost: 2, check },
  c: { weight: 1, capacity: '2mbit', cost: 1, quota: '4MB', check },
  // The nearest and cheapest of all, if it were not the last.
  d: { weight: 1000, capacity: '1gbit', cost: 0, use: 'last-resort', check },
};

function service(name: Service, select: unknown, more: object = {}): object {
  const match = { tcp: PORT[name], udp: PORT[name] };
  return { name: name.replaceAll(' ', '-'), match, select, affinity: 'none', ...more };
}

const SERVICES = [
  service('race', 'race'),
  service('round-robin', 'round-robin'),
  service('weighted', 'weighted'),
  service('least-connections', 'least-connections'),
  service('least-traffic', 'least-traffic'),
  service('least-weighted-load', 'least-weighted-load'),
  service('heavy', 'least-weighted-load', { sessionWeight: 4 }),
  service('fastest-probe', 'fastest-probe'),
  service('fastest-history', 'fastest-history'),
  service('cheapest', 'cheapest'),
  service('priority', { criterion: 'priority', routes: ['d', 'b', 'a', 'c'] }),
  service('spillover', { criterion: 'spillover', threshold: '50%' }),
  service('hash', 'hash'),
  service('client', { criterion: 'hash', by: 'client' }),
  service('only a', 'a', { match: { tcp: [PORT['only a'], IPERF], udp: PORT['only a'] } }),
  service('only b', 'b'),
  service('only c', 'c'),
  service('as the rest', 'rest'),
];

export class CriteriaLab {
  private constructor(
    readonly made: GatewayLab,
    readonly echo: EchoServer,
  ) {}

  static async start(): Promise<CriteriaLab> {
    const made = await GatewayLab.start(
      {
        lan: { clients: CLIENTS },
        providers: [
          { name: 'a', link: { delayMs: 10 } },
          { name: 'b', link: { delayMs: 5 } },
          { name: 'c', link: { delayMs: 20 } },
          { name: 'd', link: { delayMs: 1 } },
        ],
        servers: [{ name: 'near' }, { name: 'many', ipv4: MANY4, ipv6: MANY6 }],
      },
      {
        config: {
          routes: ROUTES,
          services: SERVICES,
          rest: { route: 'a' },
          memory: { trust: '0s', refresh: 0.02, store: 'none' },
        },
        topologyChanges: true,
      },
    );
    const echo = await made.lab.server('near').echo({ ports: Object.values(PORT) });
    // The checks have said something, and the kernel has heard it.
    await sleep(2500);
    return new CriteriaLab(made, echo);
  }

  /** What was open is over, so that criteria of load begin with empty routes, and the records are empty. */
  async begin(): Promise<void> {
    await this.untilEmpty();
    await this.made.lab.wire.reset();
    await this.echo.forget();
  }

  async untilEmpty(): Promise<void> {
    await this.made.lab.gateway.run(['conntrack', '-D', '-p', 'udp']);
    const open = await eventually(
      async () => (await this.made.status()).routes.map(({ connections }) => connections),
      (counts) => counts.every((count) => count === 0),
      5000,
    );
    expect(open).toEqual([0, 0, 0, 0]);
  }

  /** Connections of tests at the server, oldest first. */
  async records(name?: Service): Promise<EchoConnection[]> {
    const all = await this.echo.connections();
    return all.filter(({ localPort }) => (name ? localPort === PORT[name] : localPort !== PORT.check));
  }

  /** Opens and closes connections; gives the routes they took by the server's record. */
  async open(name: Service, address: string, count: number, concurrency = 4): Promise<string[]> {
    const before = (await this.records(name)).length;
    const targets = [{ address, port: PORT[name] }];
    connectMs(await this.made.lab.client().connect({ targets, count, concurrency, bytes: 10 }));
    return routesTaken(this.made.lab, (await this.records(name)).slice(before));
  }

  async count(name: Service, address: string, count: number): Promise<Record<string, number>> {
    return countOf(await this.open(name, address, count));
  }

  /** SYNs that left, by route: with the copies of races there are more than connections. */
  async syns(name: Service): Promise<Record<string, number>> {
    const trace = await this.made.lab.wire.trace({ kind: 'syn', direction: 'out', port: PORT[name] });
    return countOf(trace.map(({ provider }) => provider));
  }

  /** Packets of new connections that the daemon has seen. */
  async asked(): Promise<number> {
    return (await this.made.status()).packets.queue.lan ?? 0;
  }

  async command(command: 'drain' | 'undrain', ...routes: string[]): Promise<void> {
    for (const route of routes) await this.made.command(command, route);
  }

  /** Until the routes have these states; the kernel's rules follow within a moment. */
  async untilStates(states: Readonly<Record<string, string>>, withinMs: number): Promise<void> {
    const found = await eventually(
      async () =>
        Object.fromEntries((await this.made.status()).routes.map(({ name, state }) => [name, state])),
      (all) => Object.entries(states).every(([name, state]) => all[name] === state),
      withinMs,
    );
    expect(found).toMatchObject(states);
    await sleep(200);
  }
}
