/** Which connections stay together, and where their group goes. */
import { describe, expect, it } from 'vitest';
import type { EngineService } from '../../src/core/engine-types.js';
import { keyHash } from '../../src/core/jhash.js';
import type { Affinity } from '../../src/model/config.js';
import { serviceOver } from '../../src/sim/world.js';
import { Harness, only, routes, SERVER, words } from '../sim/engine-harness.js';
import { client, freshPort, gateway, server } from './engine-choose-tools.js';

describe('affinity', () => {
  const MINUTES = 600_000_000;

  it.each([
    ['client', '10.0.0.2 *', ['198.51.100.1', '192.0.2.1'], []],
    ['client+destination', '10.0.0.2 198.51.100.1', ['198.51.100.1'], ['198.51.100.2', '192.0.2.1']],
    ['client+prefix', '10.0.0.2 198.51.100.0', ['198.51.100.1', '198.51.100.77'], ['198.51.101.1']],
    [
      'client+site',
      `10.0.0.2 #${keyHash(SERVER.address, 0, 4) >>> 0}`,
      ['198.51.100.1'],
      ['198.51.100.2', '192.0.2.1'],
    ],
  ] as const)('%s: later connections of the group follow the first', (affinity, key, inside, outside) => {
    const h = gateway(3, { affinity, affinityMicros: MINUTES });
    const effects = h.connection(freshPort(), [30, 10, 20], { service: 1 });
    expect(only(effects, 'pin')).toEqual([{ kind: 'pin', service: 1, key, route: 2, ttl: MINUTES }]);
    for (const host of inside) {
      h.setup({ service: 1, client: client(), destination: server(host, 8080) });
      expect(h.words).toEqual(['release 2']);
      expect(h.last).toContainEqual({ kind: 'release', route: 2, reason: 'affinity', service: 1 });
      // Each use of it lasts as long again.
      expect(only(h.last, 'pin')).toMatchObject([{ route: 2, ttl: MINUTES }]);
    }
    for (const host of outside) {
      h.setup({ service: 1, client: client(), destination: server(host) });
      expect(h.words).toContain('attempt 1');
    }
    h.setup({ service: 1, client: client(3), destination: server('198.51.100.200') });
    expect(h.words).toContain('attempt 1');
  });

  it('client+site: addresses of one site are one group, as far as DNS has told', () => {
    const h = gateway(3, { affinity: 'client+site' });
    for (const host of ['198.51.100.1', '192.0.2.1']) h.engine.learnSite(words(host), 0, 77, 1_000_000_000);
    const effects = h.connection(freshPort(), [30, 10, 20], { service: 1 });
    expect(only(effects, 'pin')).toMatchObject([{ key: '10.0.0.2 #77', route: 2 }]);
    h.setup({ service: 1, client: client(), destination: server('192.0.2.1') });
    expect(h.last).toContainEqual({ kind: 'release', route: 2, reason: 'affinity', service: 1 });
    h.setup({ service: 1, client: client(), destination: server('192.0.2.2') });
    expect(h.words).toContain('attempt 1');
  });

  it('client+prefix of IPv6 is a /48', () => {
    const h = gateway(2, { affinity: 'client+prefix' });
    const fields = { service: 1, client: words('fd00::2'), destination: server('2001:db8:100::1') };
    expect(only(h.connection(freshPort(), [20, 10], fields), 'pin')).toMatchObject([
      { key: 'fd00::2 2001:db8:100::' },
    ]);
    const v6 = { address: words('fd00::2'), port: 45_000 };
    h.setup({ service: 1, client: v6, destination: server('2001:db8:100:ffff::1') });
    expect(h.words).toEqual(['release 2']);
    h.setup({ service: 1, client: v6, destination: server('2001:db8:101::1') });
    expect(h.words).toContain('attempt 1');
  });

  it('goes before every criterion, and what a criterion chooses is pinned, too', () => {
    const h = gateway(3, { criterion: 'round-robin', affinity: 'client' });
    const routesOf = [2, 3, 2, 4, 3, 2].map((host) => {
      h.setup({ service: 1, client: client(host), destination: server(`198.18.0.${freshPort() % 250}`) });
      return only(h.last, 'release')[0].route;
    });
    expect(routesOf).toEqual([1, 2, 1, 3, 2, 1]);
  });

  it('ends when nobody of the group has come for so long', () => {
    const h = gateway(3, { affinity: 'client', affinityMicros: MINUTES });
    h.connection(freshPort(), [30, 10, 20], { service: 1 });
    for (let i = 0; i < 3; i++) {
      h.pass(599_000);
      h.setup({ service: 1, client: client(), destination: server('192.0.2.1') });
      expect(h.words).toEqual(['release 2']);
    }
    h.pass(601_000);
    h.setup({ service: 1, client: client(), destination: server('192.0.2.1') });
    expect(h.words).toContain('attempt 1');
  });

  it('when its route goes down the group is free, and stays where it goes then', () => {
    const h = gateway(3, { affinity: 'client' });
    h.connection(freshPort(), [30, 10, 20], { service: 1 });
    h.setRoutes(routes(3, ({ number }) => ({ usable: { 4: number !== 2, 6: true } })));
    const moved = h.connection(freshPort(), [30, null, 20], { service: 1, destination: server('192.0.2.1') });
    expect(only(moved, 'pin')).toMatchObject([{ route: 3 }]);
    // Back again, it is another one: what was pinned to it before is void, also in the kernel.
    h.setRoutes(routes(3));
    h.setup({ service: 1, client: client(), destination: server('192.0.2.2') });
    expect(h.words).toEqual(['release 3']);
  });

  it('a rescue moves the group only when the route goes on being silent, and for as long as that is believed', () => {
    const h = gateway(3, { affinity: 'client' });
    h.connection(freshPort(), [30, 10, 20], { service: 1 });
    const rescue = { service: 1, tried: 2, destination: server('192.0.2.1') };
    // The answer to the copy comes late: one packet was lost.
    const lost = h.connection(freshPort(), [30, 25, 20], rescue);
    expect([...only(lost, 'pin'), ...only(lost, 'ask')]).toEqual([]);
    const saved = h.connection(freshPort(), [30, null, 20], rescue);
    expect([...only(saved, 'pin'), ...only(saved, 'ask')]).toEqual([]);
    // Its race ends, and the second copy has no answer either.
    expect(only(h.pass(4500), 'ask')).toMatchObject([{ service: 1, key: '10.0.0.2 *' }]);
    h.setup({ service: 1, client: client(), destination: server('192.0.2.2') });
    expect(h.words).toEqual(['release 3']);
    h.pass(2000);
    h.setup({ service: 1, client: client(), destination: server('192.0.2.2') });
    expect(h.words).toEqual(['attempt 3', 'attempt 1', 'attempt 2', 'drop']);
  });

  it('a route that stands in for a silent one gets no group, at whatever moment that silence runs out', () => {
    let standIns = 0;
    for (let afterMs = 2000; afterMs < 5000; afterMs += 50) {
      const h = gateway(3, { criterion: 'priority', affinity: 'client' });
      const destination = server('192.0.2.1');
      for (let i = 0; i < 2; i++) {
        h.connection(freshPort(), [null, 10, 20], { service: 1, tried: 1, destination });
        h.pass(4500);
      }
      // With a route that must prove itself the connection is a race.
      h.setRoutes(routes(3, ({ number }) => ({ usable: { 4: number !== 3, 6: true } })));
      h.setRoutes(routes(3));
      h.pass(afterMs);
      const effects = h.connection(freshPort(), [null, 200, null], { service: 1, destination });
      if (only(effects, 'commit')[0]?.route !== 2) continue;
      standIns++;
      expect(only(effects, 'attempt').map(({ route }) => route)).toEqual([2, 3]);
      expect(only(effects, 'pin')).toEqual([]);
    }
    expect(standIns).toBeGreaterThan(10);
  });

  it('of one service says nothing about another', () => {
    const h = new Harness(2);
    const pinned = { affinity: 'client' as const };
    h.setServices([serviceOver([1, 2], pinned), serviceOver([1, 2], { ...pinned, number: 2 })]);
    h.connection(freshPort(), [20, 10], { service: 1 });
    h.setup({ service: 2, client: client(), destination: server('192.0.2.1') });
    expect(h.words).toContain('attempt 1');
  });

  it('goes with its service, or when groups are other ones; those of the others stay', () => {
    const h = new Harness(2);
    const services = (affinity: Affinity): EngineService[] =>
      [1, 2].map((number) => serviceOver([1, 2], { number, affinity: number === 1 ? affinity : 'client' }));
    const pinned = (service: number): boolean => {
      h.setup({ service, client: client(), destination: server('192.0.2.9') });
      return h.words.join() === 'release 2';
    };
    h.setServices(services('client'));
    for (const service of [1, 2]) h.connection(freshPort(), [20, 10], { service });
    expect([pinned(1), pinned(2)]).toEqual([true, true]);
    h.setServices(services('client').slice(1));
    h.setServices(services('client'));
    expect([pinned(1), pinned(2)]).toEqual([false, true]);
    h.connection(freshPort(), [20, 10], { service: 1 });
    expect(pinned(1)).toBe(true);
    h.setServices(services('none'));
    h.setServices(services('client'));
    expect([pinned(1), pinned(2)]).toEqual([false, true]);
  });
});
