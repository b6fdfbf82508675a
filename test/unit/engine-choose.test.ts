import { describe, expect, it } from 'vitest';
import type { EngineRoute } from '../../src/core/engine-types.js';
import { readPacket } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { FLAG } from '../../src/wire/packet.js';
import { CLIENT, Harness, only, routes, words } from '../sim/engine-harness.js';
import { chosen, client, freshPort, gateway, server, suspect } from './engine-choose-tools.js';

describe('routes that take nothing new', () => {
  it.each(['draining', 'disabled'] as const)('%s: no copy, no turn, nothing by the kernel', (admin) => {
    const h = gateway(3, {}, ({ number }) => (number === 2 ? { admin } : {}));
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 3', 'drop']);
    expect(h.engine.openGeneration(2, 4)).toBe(0);
    const turns = gateway(3, { criterion: 'round-robin' }, ({ number }) => (number === 2 ? { admin } : {}));
    expect(chosen(turns, 4)).toEqual([1, 3, 1, 3]);
  });

  it('what was sent before it was drained may still win; it gets no repeat', () => {
    const h = gateway(2);
    h.setup({ service: 1 });
    h.setRoutes(routes(2, ({ number }) => ({ admin: number === 1 ? 'draining' : 'enabled' })));
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 2', 'drop']);
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
    expect(only(h.last, 'remember')).toEqual([]);
  });

  it('all of a service: its connections go by the rest route', () => {
    const h = gateway(2, {}, () => ({ admin: 'draining' }));
    h.setup({ service: 1 });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'no-route', service: 1 }]);
  });

  it('all of a service while a connection is set up: its next race has another port, as an answer to what was reset may be on its way', () => {
    const h = gateway(2);
    const [{ race }] = only(h.setup({ service: 1 }), 'attempt');
    const port = h.engine.races.natPort[race!];
    h.setRoutes(routes(2, () => ({ admin: 'draining' })));
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['cancel 1', 'cancel 2', 'release 0']);
    h.setRoutes(routes(2));
    h.pass(1000);
    const [{ race: again }] = only(h.setup({ service: 1 }), 'attempt');
    expect(h.engine.races.natPort[again!]).not.toBe(port);
    h.answer(1, { to: { address: words('203.0.1.2'), port }, known: false });
    expect(h.words).toEqual(['refuse', 'drop']);
  });

  it('back again, it is used at once: nothing was wrong with it', () => {
    const h = gateway(2, { criterion: 'priority' }, ({ number }) =>
      number === 1 ? { admin: 'disabled' } : {},
    );
    expect(chosen(h, 1)).toEqual([2]);
    h.setRoutes(routes(2));
    expect(chosen(h, 1)).toEqual([1]);
  });
});

describe('a last resort', () => {
  const metered = ({ number }: EngineRoute): Partial<EngineRoute> => ({ lastResort: number === 3 });

  it('is not raced and not chosen while another route is up', () => {
    const h = gateway(3, {}, metered);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
    expect(chosen(gateway(3, { criterion: 'round-robin' }, metered), 4)).toEqual([1, 2, 1, 2]);
  });

  it('joins with the repeat of the SYN: the others may have died unnoticed', () => {
    const h = gateway(3, {}, metered);
    h.setup({ service: 1 });
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
  });

  it('rescues what the only other route leaves without an answer', () => {
    const h = gateway(2, {}, ({ number }) => ({ lastResort: number === 2 }));
    expect(chosen(h, 1)).toEqual([1]);
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toContain('attempt 2');
  });

  it('is raced when the others are only suspect, and chosen before them', () => {
    const h = gateway(2, {}, ({ number }) => ({ lastResort: number === 2 }));
    const other = gateway(2, { criterion: 'priority' }, ({ number }) => ({ lastResort: number === 2 }));
    for (const each of [h, other]) {
      each.setRoutes(
        routes(2, ({ number }) => ({ lastResort: number === 2, usable: { 4: number === 2, 6: false } })),
      );
      each.setRoutes(routes(2, ({ number }) => ({ lastResort: number === 2 })));
      expect(each.health()).toEqual(['suspect', 'up']);
    }
    h.setup({ service: 1 });
    // It waits for the others, but not for long.
    expect(h.words).toEqual(['attempt 1', 'drop']);
    expect(only(h.pass(499), 'attempt')).toEqual([]);
    expect(only(h.pass(1), 'attempt')).toMatchObject([{ route: 2 }]);
    // Route 1 is on trial, half a second after it has come back.
    other.pass(500);
    other.setup({ service: 1 });
    expect(other.words).toEqual(['attempt 2', 'attempt 1', 'drop']);
    expect(chosen(other, 1)).toEqual([2]);
  });

  it('carries all when the others are gone', () => {
    const h = gateway(3, {}, (route) => ({ ...metered(route), usable: { 4: route.number === 3, 6: false } }));
    h.setup({ service: 1 });
    expect(h.last).toMatchObject([{ kind: 'release', route: 3, reason: 'only-route' }]);
  });
});

describe('a route whose quota is used up', () => {
  const spent = ({ number }: EngineRoute): Partial<EngineRoute> =>
    number === 1 ? { lastResort: true, isSpent: true } : {};
  const pinned = (h: Harness): unknown =>
    h.setup({ service: 1 }).find(({ kind }) => kind === 'release')?.route;

  it('is as a last resort: no copy leaves by it while another route lives', () => {
    const h = gateway(3, {}, spent);
    for (let i = 0; i < 8; i++) {
      h.setup({ service: 1, client: { ...CLIENT, port: 40_000 + i } });
      expect(h.words).toEqual(['attempt 2', 'attempt 3', 'drop']);
    }
    expect(chosen(gateway(3, { criterion: 'priority' }, spent), 2)).toEqual([2, 2]);
  });

  it('its groups and what is remembered leave it in one step, and come back with the next period', () => {
    const h = gateway(3, { criterion: 'priority', affinity: 'client' });
    expect(pinned(h)).toBe(1);
    const generation = h.engine.openGeneration(1, 4);
    const interim = h.engine.openInterim(2, 4);
    h.setRoutes(routes(3, spent));
    expect(h.engine.openGeneration(1, 4)).toBe(0);
    expect(pinned(h)).toBe(2);
    // Only in the place of route 1.
    expect(only(h.last, 'pin')).toMatchObject([{ route: 2, interim: true }]);
    expect(h.engine.openInterim(2, 4)).toBe(interim);
    h.setRoutes(routes(3));
    expect(h.engine.openGeneration(1, 4)).toBe(generation);
    expect(h.engine.openInterim(2, 4)).not.toBe(interim);
    expect(pinned(h)).toBe(1);
  });

  it('has its groups back although the kernel still named the other route when it asked', () => {
    const h = gateway(3, { criterion: 'priority', affinity: 'client' });
    h.setRoutes(routes(3, spent));
    expect(pinned(h)).toBe(2);
    h.setRoutes(routes(3));
    h.setup({ service: 1, pinned: 2 });
    expect(only(h.last, 'release')).toMatchObject([{ route: 1 }]);
    expect(only(h.last, 'pin')).toMatchObject([{ route: 1 }]);
  });

  it('and not by one that its service has no more', () => {
    const h = gateway(3, { criterion: 'priority', affinity: 'client' });
    expect(pinned(h)).toBe(1);
    h.setServices([serviceOver([2, 3], { criterion: 'priority', affinity: 'client' })]);
    h.setup({ service: 1, pinned: 1 });
    expect(only(h.last, 'release')).toMatchObject([{ route: 2 }]);
    expect(only(h.last, 'pin')).toMatchObject([{ route: 2 }]);
  });

  it('is open to the kernel when there is no other, and closed again when there is', () => {
    const h = gateway(2, { criterion: 'priority' }, spent);
    expect(h.engine.openGeneration(1, 4)).toBe(0);
    h.setRoutes(routes(2, (route) => ({ ...spent(route), usable: { 4: route.number === 1, 6: false } })));
    expect(h.engine.openGeneration(1, 4)).not.toBe(0);
    expect(chosen(h, 2)).toEqual([1, 1]);
    // With all quotas used up it is as if none were.
    h.setRoutes(routes(2, () => ({ lastResort: true, isSpent: true })));
    expect(h.engine.openGeneration(1, 4)).not.toBe(0);
  });
});

describe('a service that keeps the clients’ addresses', () => {
  it('sends copies that are the client’s own, and finds their answers, over routes that translate', () => {
    const h = new Harness(2);
    h.setServices([serviceOver([1, 2], { translate: false }), serviceOver([1, 2], { number: 2 })]);
    const [{ race }] = h.setup({ service: 1 });
    const copy = readPacket(h.copy(race!, 2))!;
    expect([copy.source, copy.sourcePort]).toEqual([CLIENT.address, CLIENT.port]);
    expect(h.isTranslated(race!, 2)).toBe(false);
    h.icmp(1, 3, 1, { source: CLIENT });
    expect(h.words).toEqual(['drop']);
    h.answer(2);
    expect(h.words).toEqual(['pass']);
    h.answer(2, { to: CLIENT });
    expect(h.words).toEqual(['commit 2']);
  });

  it('resets no loser: to the server all copies are one connection', () => {
    const h = new Harness(3);
    h.setServices([serviceOver([1, 2, 3], { translate: false })]);
    h.setup({ service: 1 });
    h.answer(2, { to: CLIENT });
    h.answer(1, { to: CLIENT });
    expect(h.words).toEqual(['drop']);
    h.answer(3, { to: CLIENT, flags: FLAG.ACK, acknowledgement: 77 });
    expect(h.words).toEqual(['drop']);
    expect(h.ignored('challenge-ack')).toBe(1);
  });

  it('lets a route on trial win: by which route the server answers does not depend on the copy', () => {
    const h = new Harness(
      2,
      {},
      routes(2, () => ({ checkFails: 1 })),
    );
    h.setServices([serviceOver([1, 2], { translate: false })]);
    h.checked(1, false);
    h.pass(500);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 2', 'attempt 1', 'drop']);
    h.answer(1, { to: CLIENT });
    expect(h.words).toEqual(['commit 1']);
  });

  it('and another one at the same time does not', () => {
    const h = new Harness(2);
    h.setServices([serviceOver([1, 2], { translate: false }), serviceOver([1, 2], { number: 2 })]);
    const from = client(7);
    const [{ race }] = h.setup({ service: 2, client: from });
    expect(h.isTranslated(race!, 1)).toBe(true);
    h.answer(1, { to: from });
    expect(h.words).toEqual(['pass']);
    h.answer(1, { to: { address: words('203.0.1.2'), port: h.engine.races.natPort[race!] } });
    expect(h.words).toEqual(['commit 1']);
  });
});

describe('what cannot be copied', () => {
  it('datagrams of one flow that wait in the queue together get one route, and count once', () => {
    const h = gateway(3, { criterion: 'round-robin' });
    const from = client();
    expect(h.datagram({ service: 1, client: from })).toMatchObject([{ route: 1, reason: 'criterion' }]);
    for (let i = 0; i < 3; i++) {
      h.pass(600);
      expect(h.datagram({ service: 1, client: from })).toMatchObject([{ route: 1, reason: 'same-flow' }]);
    }
    expect(h.datagram({ service: 1, client: client() })).toMatchObject([{ route: 2 }]);
    expect(h.datagram({ service: 1, client: { ...from, port: from.port + 1000 } })).toMatchObject([
      { route: 3 },
    ]);
    expect(h.engine.facts.assigned.slice(1, 4)).toEqual(Float64Array.of(1, 1, 1));
    h.pass(300);
    expect(h.datagram({ service: 1, client: from })).toMatchObject([{ route: 1, reason: 'criterion' }]);
  });

  it('of a service that races goes by what races of TCP have taught about its destination', () => {
    const h = gateway(3);
    expect(h.datagram({ service: 1, client: client() })).toMatchObject([{ route: 1, reason: 'criterion' }]);
    h.connection(freshPort(), [30, 10, 20], { service: 1 });
    h.pass(10_000);
    expect(h.datagram({ service: 1, client: client() })).toMatchObject([{ route: 2, reason: 'remembered' }]);
    h.pass(700_000);
    expect(h.datagram({ service: 1, client: client() })).toMatchObject([{ route: 2, reason: 'criterion' }]);
  });

  it('of a destination that is not known, by the route that lost the least time in races', () => {
    const h = gateway(3);
    for (let i = 1; i <= 3; i++) {
      h.connection(freshPort(), [30, 10, 20], { service: 1, destination: server(`198.18.0.${i}`) });
    }
    h.engine.measureHistory(h.now);
    expect([...h.engine.facts.history]).toEqual([-1, 20_000, 0, 10_000]);
    const to = server('192.0.2.9', 53);
    expect(h.datagram({ service: 1, client: client(), destination: to })).toMatchObject([{ route: 2 }]);
    h.pass(4_000_000);
    h.engine.measureHistory(h.now);
    expect([...h.engine.facts.history]).toEqual([-1, -1, -1, -1]);
  });
});

describe('criteria', () => {
  it('fastest-history: the daemon is only asked about what shall be measured, so it races; datagrams go by history', () => {
    const h = gateway(2, { criterion: 'fastest-history' });
    for (let i = 1; i <= 3; i++) {
      const effects = h.connection(freshPort(), [20, 10], {
        service: 1,
        destination: server(`198.18.0.${i}`),
      });
      expect(only(effects, 'attempt')).toHaveLength(2);
      expect(only(effects, 'remember')).toEqual([]);
    }
    h.engine.measureHistory(h.now);
    h.setup({ service: 1, client: client() });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
    expect(h.datagram({ service: 1, client: client() })).toMatchObject([{ route: 2 }]);
  });

  it('a fixed route while it can carry anything; else the rest route', () => {
    const h = gateway(2);
    h.setServices([serviceOver([2], { criterion: 'fixed' })]);
    expect(chosen(h, 2)).toEqual([2, 2]);
    h.setRoutes(routes(2, ({ number }) => ({ usable: { 4: number !== 2, 6: true } })));
    h.setup({ service: 1 });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'no-route', service: 1 }]);
  });

  it('rest: to the kernel, whatever the routes are', () => {
    const h = gateway(2, { criterion: 'rest' });
    h.setup({ service: 1 });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'criterion', service: 1 }]);
  });

  it('keep to routes that are up while there is one, and their turns over a change of services', () => {
    const h = gateway(3, { criterion: 'round-robin' });
    suspect(h, 2, 3);
    h.engine.health.takeTrial(2, 4, h.now);
    expect(chosen(h, 3)).toEqual([1, 3, 1]);
    h.setServices([serviceOver([1, 2, 3], { criterion: 'round-robin' })]);
    expect(chosen(h, 1)).toEqual([3]);
  });

  it('see what races have assigned', () => {
    const h = gateway(2, { criterion: 'least-traffic' });
    h.connection(freshPort(), [10, null], { service: 1, tried: 2 });
    expect([...h.engine.facts.assigned]).toEqual([0, 1, 0]);
    h.engine.setFacts({ traffic: Float64Array.of(0, 5, 5) }, null);
    expect([...h.engine.facts.assigned]).toEqual([0, 0, 0]);
  });
});

describe('sessions', () => {
  const counting = (): Harness => {
    const h = new Harness(2);
    h.setServices([
      serviceOver([1, 2], { criterion: 'least-connections' }),
      serviceOver([1, 2], { number: 2, criterion: 'race', sessionWeight: 5 }),
    ]);
    return h;
  };
  const counts = (h: Harness): number[][] => [
    [...h.engine.facts.sessions.slice(1)],
    [...h.engine.facts.weightedSessions.slice(1)],
  ];

  it('are counted when the route is chosen, and not again when they begin', () => {
    const h = counting();
    h.setup({ service: 1 });
    expect(h.last).toEqual([{ kind: 'release', route: 1, reason: 'criterion', service: 1, counted: true }]);
    h.session(true, 1, 1, true);
    expect(counts(h)).toEqual([
      [1, 0],
      [1, 0],
    ]);
    h.setup({ service: 1, client: client() });
    expect(only(h.last, 'release')[0].route).toBe(2);
    h.session(false, 1, 1, true);
    expect(counts(h)[0]).toEqual([0, 1]);
  });

  it('of races when they are won, with the weight of their service', () => {
    const h = counting();
    h.connection(freshPort(), [20, 10], { service: 2 });
    expect(counts(h)).toEqual([
      [0, 1],
      [0, 5],
    ]);
    h.session(true, 2, 2, true);
    h.session(false, 2, 2, true);
    expect(counts(h)).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('that the kernel made alone when they begin; and never fewer than none', () => {
    const h = counting();
    h.session(true, 2, 2, false);
    expect(counts(h)).toEqual([
      [0, 1],
      [0, 5],
    ]);
    for (let i = 0; i < 3; i++) h.session(false, 2, 2, false);
    expect(counts(h)).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('by the rest route are nobody’s, and numbers that do not exist are none', () => {
    const h = counting();
    for (const route of [0, 3, 31]) h.session(true, route, 1, false);
    expect(counts(h)[0]).toEqual([0, 0]);
  });

  it('can be counted anew', () => {
    const h = counting();
    h.setup({ service: 1 });
    h.engine.recount([
      { route: 1, service: 1, count: 3 },
      { route: 1, service: 2, count: 2 },
      { route: 2, service: 9, count: 4 },
      { route: 0, service: 1, count: 7 },
    ]);
    expect(counts(h)).toEqual([
      [5, 4],
      [13, 4],
    ]);
  });

  it('are not counted while no criterion goes by them', () => {
    const h = gateway(2, { criterion: 'round-robin' });
    h.setup({ service: 1 });
    expect(h.last).toEqual([{ kind: 'release', route: 1, reason: 'criterion', service: 1 }]);
    expect(counts(h)[0]).toEqual([0, 0]);
  });
});
