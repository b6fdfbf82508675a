import { describe, expect, it } from 'vitest';
import { Losses } from '../../src/daemon/losses.js';
import type { RouteHealth } from '../../src/kernel/race-messages.js';
import type { ResolvedRoute } from '../../src/kernel/routes.js';

const UP = { state: 'up', reason: 'answered', sinceMs: 1, generation: 1, interim: 1, missed: false } as const;
const DOWN = { ...UP, state: 'down', reason: 'link', sinceMs: 1000 } as const;

function route(number: number, change: object = {}): ResolvedRoute {
  return {
    number,
    config: { name: `r${number}`, translate: true, prefix: null },
    interfaceIndex: number + 10,
    ipv4: { addresses: [`203.0.${number}.2`, `203.0.${number}.3`], gateway: `203.0.${number}.1` },
    ipv6: { addresses: [`fd03:${number}::2`], gateway: `fd03:${number}::1` },
    state: 'up',
    reasons: [],
    ...change,
  } as never;
}

const routes = [route(1), route(2)];
const health: RouteHealth[] = [1, 2].map((number) => ({ route: number, 4: UP, 6: UP }));
const lost = (index: number, address: string | null, reason = 'no-address') =>
  new Losses().note(routes, health, { index, address, reason } as never, 1000);

describe('what a loss leaves', () => {
  it('of an interface: nothing of its routes, since now', () => {
    const left = lost(11, null, 'no-carrier');
    expect(left?.routes[0]).toMatchObject({ ipv4: null, ipv6: null, state: 'down', reasons: ['no-carrier'] });
    expect(left?.routes[1]).toBe(routes[1]);
    expect(left?.health).toEqual([
      { route: 1, 4: DOWN, 6: DOWN },
      { route: 2, 4: UP, 6: UP },
    ]);
  });

  it('of one address of a pool: the others', () => {
    const left = lost(11, '203.0.1.2');
    expect(left?.routes[0]).toMatchObject({ ipv4: { addresses: ['203.0.1.3'] }, state: 'up', reasons: [] });
    expect(left?.health).toEqual(health);
  });

  it('of the last address of a family: the other family', () => {
    const left = lost(12, 'fd03:2::2');
    expect(left?.routes[1]).toMatchObject({ ipv6: null, state: 'up', reasons: ['ipv6-no-address'] });
    expect(left?.health[1]).toEqual({ route: 2, 4: UP, 6: DOWN });
  });

  it('holds against a snapshot that was asked for before, not against a later one', () => {
    const losses = new Losses();
    losses.begin();
    for (let twice = 0; twice < 2; twice++) {
      losses.note(routes, health, { index: 11, address: null, reason: 'no-carrier' }, 1);
      losses.note(routes, health, { index: 12, address: 'fd03:2::2', reason: 'no-address' }, 1);
      losses.note(routes, health, { index: 99, address: null, reason: 'no-carrier' }, 1);
    }
    const [first, second] = losses.less(routes);
    expect(first).toMatchObject({ state: 'down', reasons: ['no-carrier'], ipv4: null, ipv6: null });
    expect(second).toMatchObject({ state: 'up', ipv6: null, reasons: ['ipv6-no-address'] });
    losses.begin();
    expect(losses.less(routes)).toEqual(routes);
  });

  it('holds also where the route was down before, and the snapshot has it up again', () => {
    const losses = new Losses();
    losses.begin();
    const down = [route(1, { state: 'down', ipv4: null, ipv6: null, reasons: ['no-carrier'] })];
    expect(losses.note(down, health, { index: 11, address: null, reason: 'no-carrier' }, 1)).toBeNull();
    expect(losses.less(routes)[0]).toMatchObject({ state: 'down', reasons: ['no-carrier'] });
  });

  it('is told from the routes before the first of them', () => {
    const losses = new Losses();
    expect(losses.takeBefore()).toBeNull();
    const left = losses.note(routes, health, { index: 11, address: null, reason: 'no-carrier' }, 1);
    losses.note(left!.routes, left!.health, { index: 12, address: null, reason: 'no-carrier' }, 1);
    expect(losses.takeBefore()).toBe(routes);
    expect(losses.takeBefore()).toBeNull();
  });

  it('is everything when it concerns nobody', () => {
    expect(lost(99, null)).toBeNull();
    expect(lost(11, '203.0.2.2')).toBeNull();
    expect(lost(11, 'fe80::1')).toBeNull();
    const own = [route(1, { config: { name: 'r1', translate: false, prefix: null } })];
    expect(
      new Losses().note(own, health, { index: 11, address: '203.0.1.2', reason: 'no-address' }, 1),
    ).toBeNull();
    const byPrefix = [
      route(1, { config: { name: 'r1', translate: true, prefix: { inside: 'a', outside: 'b' } } }),
    ];
    expect(
      new Losses().note(byPrefix, health, { index: 11, address: 'fd03:1::2', reason: 'no-address' }, 1),
    ).toBeNull();
  });
});
