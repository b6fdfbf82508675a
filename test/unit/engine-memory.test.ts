import { describe, expect, it } from 'vitest';
import type { EngineService, EngineSettings, MemorySettings } from '../../src/core/engine-types.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { CLIENT, Harness, only, RST_ACK, routes, words, wordsOf } from '../sim/engine-harness.js';

const SECOND = 1_000_000;
const TRUST = 600 * SECOND;
const ALL = 0b1110;

function remembering(
  memory: Partial<MemorySettings> = {},
  settings: Partial<EngineSettings> = {},
  count = 3,
): Harness {
  const h = new Harness(count, settings);
  const all = Array.from({ length: count }, (_, i) => i + 1);
  h.setServices([serviceOver(all)], { trustMicros: TRUST, ...memory });
  return h;
}

function server(host: number): Endpoint {
  return { address: words(`198.51.${100 + (host >> 8)}.${host & 255}`), port: 443 };
}

describe('what a race leaves in memory', () => {
  it('the times of the winner and of the losers', () => {
    const h = remembering();
    h.connection(40_000, [30, 10, 20], { service: 1 });
    expect(h.memory()).toEqual(['answered 30', 'answered 10', 'answered 20']);
  });

  it('no time where a copy was sent twice: which of them was answered cannot be told (Karn)', () => {
    const h = remembering();
    h.setup({ service: 1 });
    h.pass(1000);
    h.setup({ service: 1 });
    h.pass(10);
    h.answer(2);
    h.answer(1);
    expect(h.memory()).toEqual(['retransmitted', 'retransmitted', 'none']);
    expect(only(h.all, 'remember')).toEqual([]);
  });

  it('a loser that refused, and one that kept silent', () => {
    const h = remembering();
    h.setup({ service: 1 });
    h.pass(5);
    h.answer(3, { flags: RST_ACK });
    h.pass(5);
    h.answer(1);
    expect(h.memory()).toEqual(['answered 10', 'none', 'failed']);
    h.pass(3000);
    expect(h.memory()).toEqual(['answered 10', 'silent', 'failed']);
  });

  it('nothing of a loser that was asked a moment before the race was forgotten', () => {
    const h = remembering();
    h.setup({ service: 1 });
    h.pass(1500);
    h.setup({ service: 1 });
    h.pass(10);
    h.answer(1);
    // A new connection on the same tuple ends the race: the copies of 2 and 3 have been out for 110 ms.
    h.pass(100);
    h.setup({ service: 1, isn: 77 });
    expect(h.memory()).toEqual(['retransmitted', 'none', 'none']);
  });

  it('nothing at all while memory is switched off', () => {
    const h = remembering({ trustMicros: 0 });
    h.connection(40_000, [30, 10, 20], { service: 1 });
    expect(h.engine.memory.destinations).toBe(0);
    expect(h.engine.masks).toEqual([]);
    expect(only(h.all, 'remember')).toEqual([]);
  });

  it('nothing of a race that failed, or that the kernel did not take', () => {
    const h = remembering();
    h.commitResult = false;
    h.setup({ service: 1 });
    h.answer(1);
    h.commitResult = true;
    h.setup({ client: { ...CLIENT, port: 40_001 }, service: 1 });
    h.pass(6000);
    expect(h.engine.counters.failed).toBe(2);
    expect(h.engine.memory.destinations).toBe(0);
  });

  it('is one entry for all addresses of a prefix that is one destination', () => {
    const h = remembering({}, { aggregate: { 4: 24, 6: 48 } });
    h.connection(40_000, [30, 10, 20], { service: 1, destination: server(7) });
    h.pass(100);
    h.setup({ service: 1, destination: server(200) });
    expect(h.last).toContainEqual({ kind: 'release', route: 2, reason: 'remembered', service: 1 });
    expect(h.engine.memory.destinations).toBe(1);
  });
});

describe('an answer by something on the way', () => {
  const proxy = { options: [2, 4, 5, 180] };
  const real = { options: [2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 1, 1] };
  const clamped = { options: [2, 4, 5, 100, 4, 2, 1, 3, 3, 7, 1, 1] };

  function answered(shapes: readonly { options: readonly number[] }[]): Harness {
    const h = remembering({}, {}, shapes.length);
    h.setup({ service: 1 });
    for (const [i, { options }] of shapes.entries()) {
      h.pass(10);
      h.answer(i + 1, { options });
    }
    return h;
  }

  it('three answers, the fastest is the odd one out: not remembered as the best', () => {
    const h = answered([proxy, real, real]);
    expect(h.memory()).toEqual(['intercepted', 'answered 20', 'answered 30']);
    expect(only(h.all, 'remember').map(({ route }) => route)).toEqual([1, 2]);
  });

  it('holds no group: its clients go where the server answers', () => {
    const h = remembering({}, {}, 3);
    h.setServices([serviceOver([1, 2, 3], { affinity: 'client' })]);
    h.setup({ service: 1 });
    for (const [i, { options }] of [proxy, real, real].entries()) {
      h.pass(10);
      h.answer(i + 1, { options });
    }
    expect(only(h.all, 'pin').map(({ route }) => route)).toEqual([1, 2]);
    h.setup({ service: 1, client: { address: CLIENT.address, port: 41_000 } });
    expect(h.last).toContainEqual({ kind: 'release', route: 2, reason: 'affinity', service: 1 });
  });

  it('another MSS is a provider’s own doing', () => {
    expect(answered([clamped, real, real]).memory()[0]).toBe('answered 10');
  });

  it.each([
    ['two answers', [proxy, real]],
    ['three alike', [real, real, real]],
    ['the slowest is the odd one', [real, real, proxy]],
    ['three different ones', [proxy, real, { options: [] }]],
  ])('%s: nobody can tell', (_, shapes) => {
    expect(answered(shapes).memory()[0]).toBe('answered 10');
  });
});

describe('what the kernel is told', () => {
  it('the winner at once, for the set of routes, and nothing again for what changes nothing', () => {
    const h = remembering();
    const told = only(h.connection(40_000, [30, 10, 20], { service: 1 }), 'remember');
    expect(told).toMatchObject([{ mask: ALL, key: '198.51.100.1', route: 2 }]);
  });

  it('a loser that was faster than the winner of a staggered race', () => {
    const h = remembering();
    h.connection(40_000, [30, 10, 20], { service: 1 });
    h.pass(601_000);
    // Route 2 is asked first and takes 40 ms now; route 3 is asked 17.5 ms later and takes 25.
    const told = only(h.connection(40_001, [null, 40, 42.5], { service: 1 }), 'remember');
    expect(h.memory().slice(1)).toEqual(['answered 40', 'answered 25']);
    // Not of route 2, since route 3 took less when it was last heard.
    expect(told.map(({ route }) => route)).toEqual([3]);
  });

  it('a time that is up to a tenth shorter than trust, and differs', () => {
    const h = remembering();
    for (let i = 1; i <= 200; i++) {
      h.connection(40_000 + i, [30, 10, 20], { service: 1, destination: server(i) });
    }
    const ttls = only(h.all, 'remember').map(({ ttl }) => ttl!);
    expect(ttls).toHaveLength(200);
    for (const ttl of ttls) {
      expect(ttl).toBeGreaterThanOrEqual(0.9 * TRUST);
      expect(ttl).toBeLessThanOrEqual(TRUST);
    }
    expect(new Set(ttls.map((ttl) => Math.floor(ttl / SECOND))).size).toBeGreaterThan(40);
  });

  it('nothing, when packets were lost: what is known of the times stays', () => {
    const h = remembering({}, {}, 2);
    h.connection(40_000, [10, 20], { service: 1 });
    h.pass(1000);
    const client = { ...CLIENT, port: 40_001 };
    h.setup({ client, service: 1 });
    h.pass(1000);
    h.setup({ client, service: 1 });
    for (const route of [1, 2]) h.answer(route, { to: { address: words(`203.0.${route}.2`), port: 40_001 } });
    expect(h.memory()).toEqual(['answered 10', 'answered 20']);
    expect(only(h.all, 'unremember')).toEqual([]);
  });

  it('that it shall forget what leaves a full table, and never more than the table has', () => {
    const h = remembering({}, { memorySize: 8 });
    const held = new Set<string>();
    for (let i = 1; i <= 50; i++) {
      h.connection(40_000 + i, [30, 10, 20], { service: 1, destination: server(i) });
      for (const { kind, key } of h.all) {
        if (kind === 'remember') held.add(key!);
        else if (kind === 'unremember') held.delete(key!);
      }
      h.all.length = 0;
      expect(held.size).toBeLessThanOrEqual(8);
      expect(h.inKernel).toBe(held.size);
    }
    expect(held.size).toBe(8);
  });

  it('that it shall forget what nobody has used for long', () => {
    const h = remembering({ forgetMicros: 700 * SECOND });
    h.connection(40_000, [30, 10, 20], { service: 1 });
    h.pass(300_000);
    h.connection(40_001, [30, 10, 20], { service: 1, destination: server(2) });
    h.pass(450_000);
    h.engine.sweep(0, 1000, h.now);
    expect(h.engine.memory.destinations).toBe(1);
    expect(h.memory(server(2))[0]).toBe('answered 30');
    // The kernel's own time-out was first.
    expect(only(h.all, 'unremember')).toEqual([]);
    expect(h.inKernel).toBe(1);
  });

  it('for every set of routes what is best among them', () => {
    const h = new Harness(3);
    h.setServices([
      serviceOver([1, 2, 3]),
      serviceOver([1, 3], { number: 2 }),
      serviceOver([1], { number: 3 }),
    ]);
    h.connection(40_000, [30, 10, 20], { service: 1 });
    const told = only(h.all, 'remember').map(({ mask, route }) => [mask, route]);
    expect(told).toEqual([
      // Both of its set have answered; then the last of all.
      [0b1010, 3],
      [ALL, 2],
    ]);
  });

  it('everything again when it has been emptied, in parts', () => {
    const h = remembering();
    for (let i = 1; i <= 5; i++)
      h.connection(40_000 + i, [30, 10, 20], { service: 1, destination: server(i) });
    h.all.length = 0;
    h.engine.memoryEmptied();
    for (let from = 0; from < 256; from += 100) h.engine.refill(from, 100, h.now);
    expect(only(h.all, 'remember').map(({ key }) => key)).toEqual(
      [1, 2, 3, 4, 5].map((i) => `198.51.100.${i}`),
    );
    h.engine.refill(0, 256, h.now);
    expect(only(h.all, 'remember')).toHaveLength(5);
  });

  it('nothing anew of the sets of routes that stay when others come and go, whatever their order', () => {
    const h = remembering();
    for (let i = 1; i <= 5; i++)
      h.connection(40_000 + i, [30, 10, 20], { service: 1, destination: server(i) });
    h.pass(300_000);
    const all = serviceOver([1, 2, 3]);
    const pair = { ...serviceOver([1, 3]), number: 2 };
    const others = [serviceOver([1, 2], { number: 4 }), serviceOver([2, 3], { number: 5 })];
    const told = (services: readonly EngineService[]): string[] => {
      h.setServices(services, { trustMicros: TRUST });
      h.all.length = 0;
      h.engine.refill(0, 256, h.now);
      expect(h.inKernel).toBe(5 * h.engine.masks.length);
      return only(h.all, 'remember').map(({ mask, key, route }) => `${mask} ${key} ${route}`);
    };
    // Twice over the new set: it comes first now.
    expect(told([all, pair, { ...pair, number: 3 }])).toEqual(
      [1, 2, 3, 4, 5].map((i) => `${0b1010} 198.51.100.${i} 3`),
    );
    expect(h.engine.masks).toEqual([0b1010, ALL]);
    expect(told([all])).toEqual([]);
    expect(told([all, ...others])).toHaveLength(10);
    expect(told([all, ...others, pair])).toHaveLength(5);
    expect(told([pair, ...others])).toEqual([]);
    // What had gone comes back with an empty memory.
    expect(told([pair, all])).toHaveLength(5);
    expect(only(h.all, 'unremember')).toEqual([]);
  });

  it('nothing of a route that is not open', () => {
    const h = remembering({}, {}, 2);
    h.setRoutes(routes(2, ({ number }) => ({ admin: number === 1 ? 'draining' : 'enabled' })));
    h.connection(40_000, [10, 20], { service: 1 });
    expect(only(h.all, 'remember')).toEqual([]);
  });
});

describe('a connection to a remembered destination that the daemon is asked about', () => {
  it('goes by the remembered route while the kernel may not have it yet', () => {
    const h = remembering();
    h.connection(40_000, [30, 10, 20], { service: 1 });
    h.pass(200);
    h.setup({ client: { ...CLIENT, port: 40_001 }, service: 1 });
    expect(h.last).toEqual([{ kind: 'release', route: 2, reason: 'remembered', service: 1 }]);
  });

  it('later was drawn to measure again: raced, all copies at once', () => {
    const h = remembering();
    h.connection(40_000, [30, 10, 20], { service: 1 });
    h.pass(1000);
    h.setup({ client: { ...CLIENT, port: 40_001 }, service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
  });

  it('what is used again and again stays trusted as long as some of it is drawn', () => {
    const h = remembering();
    h.connection(40_000, [30, 10, 20], { service: 1 });
    for (let i = 1; i <= 10; i++) {
      h.pass(400_000);
      expect(h.inKernel).toBe(1);
      h.connection(40_000 + i, [30, 10, 20], { service: 1 });
    }
  });

  it('is raced when an open route has not been asked yet', () => {
    const h = new Harness(
      3,
      {},
      routes(3, ({ number }) => ({ usable: { 4: number !== 3, 6: false } })),
    );
    h.setServices([serviceOver([1, 2, 3])]);
    h.connection(40_000, [20, 10, null], { service: 1 });
    h.pass(1100);
    h.setRoutes(routes(3));
    h.pass(1100);
    // Three proofs for route 3, by other destinations.
    for (let i = 1; i <= 3; i++)
      h.connection(40_000 + i, [20, 10, 30], { service: 1, destination: server(2 + i) });
    expect(h.health()).toEqual(['up', 'up', 'up']);
    h.setup({ client: { ...CLIENT, port: 40_010 }, service: 1 });
    expect(wordsOf(h.last)).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
  });

  it('when its set of routes has no memory in the kernel, is not drawn', () => {
    const h = new Harness(6);
    const sets = [
      [1, 2],
      [1, 3],
      [1, 4],
      [1, 5],
      [1, 6],
    ];
    h.setServices(sets.map((each, i) => serviceOver(each, { number: i + 1 })));
    expect(h.engine.masks).toHaveLength(4);
    const left = sets.findIndex(([a, b]) => !h.engine.masks.includes((1 << a) | (1 << b)));
    h.connection(40_000, [20, 10, 10, 10, 10, 10], { service: left + 1 });
    h.pass(10_000);
    h.setup({ client: { ...CLIENT, port: 40_001 }, service: left + 1 });
    expect(h.last).toMatchObject([{ kind: 'release', route: sets[left][1], reason: 'remembered' }]);
  });
});
