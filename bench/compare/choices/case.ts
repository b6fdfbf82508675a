/** What a case of `compare-choices` is, and what the cases share: providers, servers, and who is compared. */
import type { ConfigOverrides, ConnectPlan, ConnectResult, EchoConnection, Lab } from '../../../lab/index.js';
import { plainMasquerade, plainNat, type Scenario, type Server } from '../../../lab/index.js';
import { callControl } from '../../../src/api/client.js';
import type { RouteStatus, Status } from '../../../src/api/contract.js';
import { ROUTES_PATH, STATUS_PATH } from '../../../src/api/paths.js';
import {
  type Contender,
  gateway,
  MONITORS,
  peer,
  plain,
  type Running,
  SHAPES,
  selecting,
} from '../subjects.js';

export const PORT = 7;
export const TOGETHER = 'together';
export const SERVERS = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'];
export const SERVERS6 = ['2001:db8:100::1', '2001:db8:100::2', '2001:db8:100::3', '2001:db8:100::4'];
/** Of other people's mail. */
export const MAIL = ['1', '2', '3', '4', '5', '6'].map((last) => `192.0.2.10${last}`);

/** Each case has a lab of its own, in which its subjects come one after the other. */
export interface ChoiceCase {
  readonly name: string;
  readonly scenario: Scenario;
  readonly subjects: readonly Contender[];
  /** Of the servers; default `PORT`. */
  readonly ports?: readonly number[];
  /** Connections that are open before anything happens, and must live. */
  readonly held?: Held;
  /** Puts what is wrong; connections that are not looked at. */
  before?(world: World): Promise<void>;
  /** The connections that count, and what else was seen. */
  run(world: World): Promise<Ran>;
  /** The provider by which the criterion wants them; `together`: all of a group by one; null: it does not matter. */
  readonly wanted: string | null;
  /** How many may be elsewhere: the one that noticed, say. */
  readonly elsewhereAtMost: number;
  /** Which connections belong `together`; default all. */
  groupOf?(connection: EchoConnection): string;
  /** Milliseconds that no connection may exceed; default what the client waits. */
  readonly slowestAtMost?: number;
  /** False: too long for a quick run. */
  readonly inQuick?: false;
}

export interface Held {
  readonly count: number;
  /** Default the first of `SERVERS`. */
  readonly to?: string;
  readonly port?: number;
  /** Bytes there and back on each of them, every fifth of a second; none: they are idle. */
  readonly bytes?: number;
}

export interface World {
  readonly lab: Lab;
  readonly running: Running;
  readonly ours: boolean;
  /** What has been connected so far is not looked at. */
  forget(): Promise<void>;
}

export interface Ran {
  readonly results: readonly ConnectResult[];
  readonly remarks?: readonly Remark[];
}

/** What is not a matter of connections that are made, e.g. `MSS 1460`. */
export interface Remark {
  readonly text: string;
  readonly asWanted: boolean;
}

/** As somebody sets it who sets nothing: connections of a client to a server stay together. */
export function choosing(select: unknown, more: ConfigOverrides = {}): ConfigOverrides {
  return { ...selecting(select), services: [{ name: 'all', match: { tcp: 'any' }, select }], ...more };
}

/** One service for all TCP in which all connections of a client stay together. */
export function byClient(select: unknown, more: ConfigOverrides = {}): ConfigOverrides {
  const services = [{ name: 'all', match: { tcp: 'any' }, select, affinity: 'client' }];
  return choosing(select, { ...more, services });
}

export const ORDER = { criterion: 'priority', routes: ['a', 'b'] };
export const COSTS = { routes: { a: { cost: 0 }, b: { cost: 10 } } };
export const MEMORY = { memory: { trust: '10m', store: 'none' } };
export const BACKUP = { routes: { a: {}, b: { use: 'last-resort' } } };

export const NAT = plain('plain NAT', (lab) => plainNat(lab, lab.scenario.providers[0]!.name));
/** A Linux router as it comes, by its main table: for what happens to addresses and default routes. */
export const ROUTER = plain('plain NAT, main table', (lab) => plainMasquerade(lab));
export const RACED = gateway('race', choosing('race'));
export const REMEMBERED = gateway('race, remembered', choosing('race', MEMORY));
export const TURNS = gateway('round-robin', choosing('round-robin'));
export const PRIORITY = gateway('priority', choosing(ORDER));
export const PRIORITY_BY_CLIENT = gateway('priority, by client', byClient(ORDER));
export const CHEAPEST = gateway('cheapest', choosing('cheapest', COSTS));
export const LAST_RESORT = gateway('race, b is the last resort', choosing('race', { ...BACKUP, ...MEMORY }));
/** The first by its metric, the other when that is down. */
export const MWAN3 = peer(
  {
    ...SHAPES.mwan3,
    name: 'mwan3, by metric',
    ruleset: (wans, alive) => SHAPES.mwan3.ruleset(wans, alive.slice(0, 1)),
  },
  { monitors: MONITORS },
);

/** One-way milliseconds by provider. */
export type Delays = Readonly<Record<string, number>>;

export function providers(delays: Delays, more: Partial<Scenario> = {}, jitterMs = 0): Scenario {
  return {
    seed: 1,
    providers: Object.entries(delays).map(([name, delayMs]) => ({ name, link: { delayMs, jitterMs } })),
    servers: servers(),
    ...more,
  };
}

export function servers(): Server[] {
  return [
    ...SERVERS.map((ipv4, i) => ({ name: `s${i + 1}`, ipv4: [ipv4], ipv6: [SERVERS6[i]!] })),
    { name: 'monitors', ipv4: MONITORS },
    { name: 'mail', ipv4: MAIL },
  ];
}

/** Of the first client, to all servers in turn. A client waits 16 s. */
export function connect(lab: Lab, plan: Partial<ConnectPlan>): Promise<ConnectResult[]> {
  return lab.client().connect({ targets: targets(), bytes: 100, timeoutMs: 16_000, ...plan });
}

export function targets(addresses: readonly string[] = SERVERS, port = PORT): ConnectPlan['targets'] {
  return addresses.map((address) => ({ address, port }));
}

export async function statusOf(lab: Lab): Promise<Status> {
  return (await callControl(lab.controlSocket, STATUS_PATH)) as Status;
}

/** What the gateway says of a route: `state up`. */
export async function stateOf(lab: Lab, name: string): Promise<RouteStatus> {
  const routes = (await callControl(lab.controlSocket, ROUTES_PATH)) as RouteStatus[];
  return routes.find((route) => route.name === name)!;
}

/** The state of a route of the gateway's, as a remark; nothing of others. */
export async function stateRemark(
  { lab, ours }: World,
  name: string,
  isWanted: (state: RouteStatus['state']) => boolean,
): Promise<Remark[]> {
  if (!ours) return [];
  const { state, reasons } = await stateOf(lab, name);
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
  return [{ text: `${name} ${state}${why}`, asWanted: isWanted(state) }];
}
