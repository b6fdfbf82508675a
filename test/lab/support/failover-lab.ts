/** Three routes by which services of every kind choose, and what falls and returns among them. */
import { expect } from 'vitest';
import type { ConfigOverrides, EchoServer } from '../../../lab/index.js';
import { connectMs, eventually, type GatewayLab, NEAR, NEAR6, withGateway } from './gateway-lab.js';
import { routeOf } from './routes.js';

const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 15 } },
    { name: 'c', link: { delayMs: 30 } },
  ],
};
const ORDER = { routes: ['a', 'b', 'c'] };
export const PORTS = { fixed: 11, priority: 12, turns: 13, raced: 14, pinned: 15, udp: 21 } as const;
const TCP_PORTS = [PORTS.fixed, PORTS.priority, PORTS.turns, PORTS.raced, PORTS.pinned];
const SERVICES = [
  { name: 'fixed', match: { tcp: PORTS.fixed }, select: 'a' },
  {
    name: 'priority',
    match: { tcp: PORTS.priority },
    select: { criterion: 'priority', ...ORDER },
    affinity: 'none',
  },
  { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', affinity: 'none' },
  { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', affinity: 'none' },
  {
    name: 'pinned',
    match: { tcp: PORTS.pinned },
    select: { criterion: 'priority', ...ORDER },
    affinity: 'client',
  },
  { name: 'udp', match: { udp: 'any' }, select: { criterion: 'priority', ...ORDER }, affinity: 'none' },
];

/** Without a grace, so that what follows is seen at once. */
const NOW = { onDown: { flows: 'reset', after: '0s' } };

export function config(changes: Record<string, Record<string, unknown>> = {}): ConfigOverrides {
  const routes = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { ...NOW, ...changes[name] }]));
  return { routes, services: SERVICES, memory: { trust: '10m', refresh: 0 }, rest: { route: 'c' } };
}

export function withRoutes<Value>(
  settings: ConfigOverrides,
  action: (made: GatewayLab, echo: EchoServer) => Promise<Value>,
): Promise<Value> {
  return withGateway(SCENARIO, { config: settings, topologyChanges: true }, async (made) =>
    action(made, await made.lab.server().echo({ ports: [...TCP_PORTS] })),
  );
}

/** Where the next connections to a port go: providers by the source that the server sees, in order. */
export async function goesBy(
  made: GatewayLab,
  echo: EchoServer,
  port: number,
  count = 4,
  address = NEAR,
): Promise<string[]> {
  await echo.forget();
  const results = await made.lab
    .client()
    .connect({ targets: [{ address, port }], count, concurrency: 1, bytes: 10 });
  const times = connectMs(results);
  expect(Math.max(...times)).toBeLessThan(500);
  return (await echo.connections()).map(({ remoteAddress }) => providerOf(remoteAddress));
}

export function providerOf(address: string | null): string {
  const number = Number(/^(?:203\.0\.|fd03:)(\d+)/.exec(address ?? '')?.[1] ?? 0);
  return SCENARIO.providers[number - 1]?.name ?? String(address);
}

export function all(name: string, count = 4): string[] {
  return Array<string>(count).fill(name);
}

/** Until a route takes connections again, with connections that let it prove itself. */
export async function prove(made: GatewayLab, name: string, withinMs: number): Promise<string> {
  const state = await eventually(
    async () => {
      connectMs(
        await made.lab.client().connect({
          targets: [
            { address: NEAR, port: PORTS.raced },
            { address: NEAR6, port: PORTS.raced },
          ],
        }),
      );
      return (await routeOf(made, name)).state;
    },
    (state) => state === 'up',
    withinMs,
  );
  return state;
}
