/** What becomes of flows when a route falls, loses an address or is configured otherwise: which cuts are asked for, and when. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Failover } from '../../src/daemon/failover.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { changedRoutes, interestOf, withoutGains } from '../../src/daemon/route-changes.js';
import type { Cut } from '../../src/kernel/flow-cutter.js';
import type { Flows, MarkedFlow } from '../../src/kernel/flows.js';
import type { RouteHealth } from '../../src/kernel/race-messages.js';
import { type ResolvedRoute, resolveRoutes } from '../../src/kernel/routes.js';
import { parseAddress } from '../../src/model/address.js';
import { createLog } from '../../src/observe/log.js';
import { config, link, snapshot } from '../golden/states.js';

const GRACE_MS = 2000;
const yaml = (a = '', names = ['a', 'b']): string => `
lan: [lan0]
routes:
  ${names[0]}: { interface: wan1, gateway: 203.0.1.1, addresses: [203.0.1.2], onDown: { flows: reset, after: ${GRACE_MS}ms } ${a} }
  ${names[1]}: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
rest: { route: ${names[1]} }
`;
const LINKS = snapshot([link('wan1', 3), link('wan2', 4)]);
const GONE = snapshot([link('wan1', 3, { carrier: false }), link('wan2', 4)]);

const UP = { state: 'up', reason: 'answered', sinceMs: 1, generation: 1, interim: 1, missed: false } as const;
const down = (reason: 'link' | 'silent') => ({ ...UP, state: 'down', reason }) as const;
const health = (first: RouteHealth[4]): RouteHealth[] => [
  { route: 1, 4: first, 6: UP },
  { route: 2, 4: UP, 6: UP },
];

/** A gateway of two routes; `cuts` are the cuts that were asked for, in words. */
function gateway(text = yaml(), enqueue = (work: () => Promise<void>) => work()) {
  const it = { config: config(text), snapshot: LINKS, usable: true };
  const numbers = new Numbers(4);
  numbers.assign(it.config.routes.map(({ name }) => name));
  const cuts: string[] = [];
  const lines: string[] = [];
  const made: Cut = { counted: Promise.resolve(1), done: Promise.resolve(1), cut: 1, left: 0 };
  const flows = {
    cut: (isChosen: (flow: MarkedFlow) => boolean) => {
      const chosen = [1, 2].flatMap((route) =>
        ([4, 6] as const)
          .filter((family) => isChosen(flow(route, family)))
          .map((family) => `${route}/${family}`),
      );
      cuts.push(`cut ${chosen.join(' ')}`);
      return made;
    },
    cutLost: (route: number, family: number, keep: readonly string[]) => {
      cuts.push(`lost ${route}/${family} but ${keep.join(' ')}`);
      return made;
    },
  } as unknown as Flows;
  const resolved = (): ResolvedRoute[] => resolveRoutes(it.config, it.snapshot, (name) => numbers.of(name));
  const failover = new Failover({
    flows,
    log: createLog({ level: 'error', write: (line) => void lines.push(line) }),
    routes: numbers,
    services: new Numbers(4),
    config: () => it.config,
    isUsable: () => it.usable,
    isEnabled: () => true,
    isSpent: () => false,
    forgetTunnels: async (family, routes) => cuts.push(`forget ${[...routes].join(' ')} of IPv${family}`),
    enqueue,
    resolved,
  });
  return { it, numbers, cuts, failover, resolved, lines };
}

function flow(route: number, family: 4 | 6): MarkedFlow {
  const source = parseAddress(family === 4 ? `203.0.${route}.2` : `fd03:${route}::2`)!;
  return { family, route, service: 0, untranslated: false, byMain: false, source } as MarkedFlow;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a route that is down', () => {
  it('by silence: its flows of that family are cut at once', () => {
    const { failover, cuts } = gateway();
    failover.follow(health(UP));
    failover.follow(health(down('silent')));
    expect(cuts).toEqual(['cut 1/4']);
    failover.follow(health(down('silent')));
    expect(cuts).toHaveLength(1);
  });

  it('by its link: not before the grace is over, and not at all when it is back by then', async () => {
    const { failover, cuts, it: state } = gateway();
    state.snapshot = GONE;
    failover.follow(health(down('link')));
    await vi.advanceTimersByTimeAsync(GRACE_MS - 10);
    expect(cuts).toEqual([]);
    state.snapshot = LINKS;
    await vi.advanceTimersByTimeAsync(20);
    expect(cuts).toEqual([]);
    state.snapshot = GONE;
    failover.follow(health(UP));
    failover.follow(health(down('link')));
    await vi.advanceTimersByTimeAsync(GRACE_MS + 10);
    expect(cuts).toEqual(['cut 1/4']);
  });

  it('when the end comes during the grace: nothing is cut, nothing fails', async () => {
    const ends = (): Promise<void> => Promise.reject(new Error('The gateway is ending.'));
    const { failover, cuts, it: state, lines } = gateway(yaml(), ends);
    state.snapshot = GONE;
    failover.follow(health(down('link')));
    // It has rung, and the queue takes nothing any more.
    vi.advanceTimersByTime(GRACE_MS + 10);
    failover.close();
    await vi.advanceTimersByTimeAsync(2 * GRACE_MS);
    failover.follow(health(UP));
    failover.follow(health(down('link')));
    await vi.advanceTimersByTimeAsync(2 * GRACE_MS);
    expect({ cuts, lines }).toEqual({ cuts: [], lines: [] });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('while no other could take its flows: they stay, until one can', () => {
    const { failover, cuts, it: state } = gateway();
    state.usable = false;
    failover.follow(health(down('silent')));
    expect(cuts).toEqual([]);
    state.usable = true;
    failover.follow(health(down('silent')));
    expect(cuts).toEqual(['cut 1/4']);
  });

  it('and was renamed meanwhile: what is waited for is waited for under its new name', async () => {
    const { failover, cuts, it: state, numbers } = gateway();
    state.snapshot = GONE;
    failover.follow(health(down('link')));
    state.config = config(yaml('', ['z', 'b']));
    numbers.follow(new Map([['z', 'a']]));
    failover.rename(new Map([['z', 'a']]));
    await vi.advanceTimersByTimeAsync(GRACE_MS + 10);
    failover.follow(health(down('link')));
    expect(cuts).toEqual(['cut 1/4']);
  });
});

describe('an address that is gone', () => {
  const other = yaml().replace('203.0.1.2', '203.0.1.9');

  it('for another one: what it made is cut at once', () => {
    const { failover, cuts, it: state, resolved } = gateway();
    const before = resolved()[0];
    state.config = config(other);
    failover.cutLost(before, resolved()[0]);
    expect(cuts).toEqual(['lost 1/4 but 203.0.1.9']);
  });

  it('with its whole family leaves nothing that could leak', () => {
    const { failover, cuts, it: state, resolved } = gateway();
    const before = resolved()[0];
    state.snapshot = GONE;
    failover.cutLost(before, resolved()[0]);
    expect(cuts).toEqual([]);
  });
});

describe('another configuration', () => {
  it('without a route: all that it carries is cut', () => {
    const { failover, cuts, resolved } = gateway();
    const before = resolved();
    failover.cutReplaced(before, before.slice(1));
    expect(cuts).toEqual(['cut 1/4 1/6']);
  });

  it('with a new name for it cuts nothing', () => {
    const { failover, cuts, it: state, numbers, resolved } = gateway();
    const before = resolved();
    state.config = config(yaml('', ['z', 'b']));
    numbers.follow(new Map([['z', 'a']]));
    failover.cutReplaced(before, resolved());
    expect(cuts).toEqual([]);
  });
});

describe('a change of links', () => {
  it('tells whoever loses something before whoever gains', () => {
    const { it: state, resolved } = gateway();
    const whole = resolved();
    state.snapshot = GONE;
    const less = resolved();
    expect(withoutGains(whole, less)[0].ipv4).toBeNull();
    expect(withoutGains(less, whole)[0].ipv4).toBeNull();
    expect(withoutGains(whole, whole)).toEqual(whole);
  });

  it('is one of those routes alone that are other than before', () => {
    const { it: state, resolved } = gateway();
    const whole = resolved();
    expect(changedRoutes(whole, resolved())).toEqual([]);
    state.snapshot = GONE;
    expect(changedRoutes(whole, resolved()).map(([old, now]) => [old.state, now.state])).toEqual([
      ['up', 'down'],
    ]);
  });

  it('concerns the interfaces and tables of the configuration', () => {
    const { it: state } = gateway();
    const { interfaces, prefixesOf, tables } = interestOf(state.config);
    expect([interfaces, prefixesOf]).toEqual([['lan0', 'wan1', 'wan2'], []]);
    expect(tables.to - tables.from).toBeGreaterThanOrEqual(2);
  });
});
