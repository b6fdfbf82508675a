/** What the tests of routes that come and go share: states over the control socket, links that fall, flows of datagrams. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatagramAnswer } from '../../../lab/children/datagrams.js';
import { run } from '../../../lab/exec.js';
import type { Host, ServerHost } from '../../../lab/index.js';
import { callControl } from '../../../src/api/client.js';
import type { RouteState, RouteStatus } from '../../../src/api/contract.js';
import { ROUTES_PATH } from '../../../src/api/paths.js';
import type { GatewayLab } from './gateway-lab.js';

/** What the command `routes` prints, asked without the start of a process. */
export async function routesOf({ lab }: GatewayLab): Promise<RouteStatus[]> {
  return (await callControl(lab.controlSocket, ROUTES_PATH)) as RouteStatus[];
}

export async function routeOf(made: GatewayLab, name: string): Promise<RouteStatus> {
  const found = (await routesOf(made)).find((route) => route.name === name);
  if (found === undefined) throw new Error(`there is no route ${name}`);
  return found;
}

/** Asks until a route is in a state; returns it then, or as it was at last, for an assertion. */
export async function untilState(
  made: GatewayLab,
  name: string,
  state: RouteState,
  withinMs: number,
): Promise<RouteStatus> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const route = await routeOf(made, name);
    if (route.state === state || performance.now() > deadline) return route;
    await sleep(5);
  }
}

/** The carrier of `wan<i>`: the other end of its cable is taken down or up. */
export async function setCarrier({ lab }: GatewayLab, number: number, carrier: boolean): Promise<void> {
  const network = lab.gateway.namespace.replace(/-gw$/, '-net');
  const { code, stderr } = await run(network, [
    ...['ip', 'link', 'set', `p${number}`, carrier ? 'up' : 'down'],
  ]);
  if (code !== 0) throw new Error(stderr);
}

/** IPv6 addresses go with an interface that is taken down, and the main table's default routes: a DHCP client puts them back. */
export async function restoreUplink({ lab }: GatewayLab, number: number): Promise<void> {
  await lab.gateway.must(['sh'], {
    input: [
      `ip link set wan${number} up`,
      `ip addr replace 203.0.${number}.2/24 dev wan${number}`,
      `ip addr replace fd03:${number}::2/64 dev wan${number} nodad`,
      `ip route replace default via 203.0.${number}.1 dev wan${number} metric ${100 + number}`,
      `ip -6 route replace default via fd03:${number}::1 dev wan${number} metric ${100 + number}`,
    ].join('\n'),
  });
}

/** A server of datagrams on a machine of the lab. */
export async function answerDatagrams(server: ServerHost, ports: readonly number[]): Promise<void> {
  await server.child('children/datagrams').ask('listen', { addresses: addressesOf(server), ports });
}

/** A name server on a machine of the lab that knows no name. */
export async function answerNames(server: ServerHost): Promise<void> {
  const plan = { addresses: addressesOf(server), ports: [53], names: true };
  await server.child('children/datagrams').ask('listen', plan);
}

function addressesOf({ addresses: { ipv4, ipv6 } }: ServerHost): string[] {
  return [...ipv4, ...ipv6];
}

/** A flow of datagrams; `ask` gives the source that the server sees, null without an answer. */
export interface DatagramFlow {
  readonly port: number;
  ask(timeoutMs?: number): Promise<string | null>;
  /** With the port that the server sees. */
  whence(timeoutMs?: number): Promise<DatagramAnswer['from']>;
}

export function datagramFlows(
  host: Host,
): (to: { address: string; port: number; source?: string }) => Promise<DatagramFlow> {
  const child = host.child('children/datagrams');
  return async (to) => {
    const { flow, port } = await child.ask<{ flow: number; port: number }>('open', to);
    const whence = async (timeoutMs = 500): Promise<DatagramAnswer['from']> =>
      (await child.ask<DatagramAnswer>('ask', { flow, timeoutMs })).from;
    return { port, whence, ask: async (timeoutMs) => (await whence(timeoutMs))?.address ?? null };
  };
}
