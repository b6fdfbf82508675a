/** What is said of memory to people is what a new connection would make of it. */
import { describe, expect, it } from 'vitest';
import type { EngineRoute, EngineService } from '../../src/core/engine-types.js';
import { memoryPart } from '../../src/kernel/race-report.js';
import { serviceOver } from '../../src/sim/world.js';
import { CLIENT, Harness, only, routes, SERVER } from '../sim/engine-harness.js';

const SECOND = 1_000_000;
const TRUST = 600 * SECOND;

function gateway(
  services: readonly EngineService[],
  change: (route: EngineRoute) => Partial<EngineRoute> = () => ({}),
): Harness {
  const h = new Harness(3, {}, routes(3, change));
  h.setServices(services, { trustMicros: TRUST });
  return h;
}

/** As `pathrace memory` has it: the best route, and whether it is trusted. */
function told(h: Harness): { best: number; trusted: boolean } {
  const { best, trusted } = memoryPart(h.engine, h.engine.memory.find(SERVER.address, 0), 1, true, h.now);
  const counted = h.engine.countMemory(0, h.engine.memory.size, h.now).trusted;
  expect(counted).toBe(trusted[0]);
  return { best: best[0], trusted: trusted[0] === 1 };
}

let port = 41_000;

/** The route of the next connection of a service, where memory alone decides it; 0: it is raced. */
function next(h: Harness, service = 1): number {
  h.setup({ service, client: { ...CLIENT, port: port++ } });
  const [release] = only(h.last, 'release');
  return release?.reason === 'remembered' ? (release.route ?? 0) : 0;
}

describe('what is said of memory', () => {
  it('is that a route decides, also where a last resort was not asked, which the kernel has been told, too', () => {
    const h = gateway([serviceOver([1, 2, 3])], ({ number }) => ({ lastResort: number === 3 }));
    h.connection(40_000, [29, 20, null], { service: 1 });
    expect([told(h), next(h), h.inKernel]).toEqual([{ best: 2, trusted: true }, 2, 1]);
  });

  it('is that a route decides where one that only another service has was not asked', () => {
    const h = gateway([serviceOver([1, 2]), serviceOver([3], { number: 2, criterion: 'fixed' })]);
    h.connection(40_000, [29, 20, null], { service: 1 });
    expect([told(h), next(h)]).toEqual([{ best: 2, trusted: true }, 2]);
  });

  it('is that none decides where a route of the service was not asked, or too long ago', () => {
    const h = gateway([serviceOver([1, 2, 3])], ({ number }) => ({
      admin: number === 3 ? 'disabled' : 'enabled',
    }));
    h.connection(40_000, [29, 20, null], { service: 1 });
    expect(told(h)).toEqual({ best: 2, trusted: true });
    h.setRoutes(routes(3));
    expect([told(h), next(h)]).toEqual([{ best: 2, trusted: false }, 0]);
    const old = gateway([serviceOver([1, 2, 3])]);
    old.connection(40_000, [29, 20, 30], { service: 1 });
    old.pass(TRUST / 1000 + 1000);
    expect([told(old), next(old)]).toEqual([{ best: 2, trusted: false }, 0]);
  });

  it('names the route that the kernel has, where another one is as good', () => {
    const h = gateway([serviceOver([1, 2, 3])]);
    h.connection(40_000, [30, 20, 60], { service: 1 });
    expect(told(h)).toEqual({ best: 2, trusted: true });
    h.pass(1000);
    h.connection(40_001, [19.9, 20, 60], { service: 1 });
    expect(only(h.all, 'remember').map(({ route }) => route)).toEqual([2]);
    expect(told(h)).toEqual({ best: 2, trusted: true });
  });

  it('is nothing where no service races', () => {
    const h = gateway([serviceOver([1, 2, 3])]);
    h.connection(40_000, [29, 20, 30], { service: 1 });
    h.setServices([serviceOver([1, 2, 3], { criterion: 'round-robin' })], { trustMicros: TRUST });
    expect([told(h), next(h)]).toEqual([{ best: 2, trusted: false }, 0]);
  });
});
