/** A gateway of some routes and services, and what it chooses: for the tests of choosing and of affinity. */
import { expect } from 'vitest';
import type { EngineRoute, EngineService } from '../../src/core/engine-types.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { Harness, only, routes, words } from '../sim/engine-harness.js';
export function gateway(
  count = 3,
  service: Partial<EngineService> = {},
  change: (route: EngineRoute) => Partial<EngineRoute> = () => ({}),
): Harness {
  const h = new Harness(count, {}, routes(count, change));
  h.setServices([
    serviceOver(
      Array.from({ length: count }, (_, i) => i + 1),
      service,
    ),
  ]);
  return h;
}

export function server(text: string, port = 443): Endpoint {
  return { address: words(text), port };
}

let nextPort = 40_000;

/** A port that no other connection has had. */
export function freshPort(): number {
  return nextPort++;
}

export function client(host = 2): Endpoint {
  return { address: words(`10.0.0.${host}`), port: freshPort() };
}

/** Routes of so many new connections, to a destination each, as the criterion gives them. */
export function chosen(h: Harness, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    h.setup({ service: 1, client: client(), destination: server(`198.18.0.${i + 1}`) });
    return only(h.last, 'release')[0]?.route ?? -1;
  });
}

/** Makes a route suspect: three connections that it left unanswered and another one saved. */
export function suspect(h: Harness, route: number, by: number): void {
  const answers = h.engine.routes.map(({ number }) => (number === by ? 10 : null));
  for (let i = 0; i < 3; i++) {
    h.connection(freshPort(), answers, {
      service: 1,
      tried: route,
      destination: server(`198.18.1.${i + 1}`),
    });
    h.pass(100);
  }
  expect(h.health()[route - 1]).toBe('suspect');
}
