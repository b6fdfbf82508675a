import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/sim/packets.js';
import { CLIENT, Harness, routes, SERVER, words } from '../sim/engine-harness.js';

function client(host: number, port: number): Endpoint {
  return { address: words(`10.0.${host >> 8}.${host & 255}`), port };
}

function portOf(h: Harness): number {
  const attempt = h.last.find(({ kind }) => kind === 'attempt');
  return attempt === undefined ? 0 : h.engine.races.natPort[attempt.race!];
}

describe('bounds: a connection beyond one goes by the rest route, with the reason', () => {
  it('race table full of undecided races', () => {
    const h = new Harness(2, { races: 4 });
    for (let i = 0; i < 4; i++) h.setup({ client: client(2, 40_000 + i) });
    h.setup({ client: client(2, 40_010) });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'race-table-full' }]);
    h.pass(5001);
    h.setup({ client: client(2, 40_010) });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
  });

  it('race table full of decided races: the oldest gives way', () => {
    const h = new Harness(3, { races: 4 });
    for (let i = 0; i < 4; i++) {
      h.setup({ client: client(2, 40_000 + i) });
      h.answer(1, { to: { address: words('203.0.1.2'), port: 40_000 + i } });
    }
    h.setup({ client: client(2, 40_010) });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    expect(h.raceOf(client(2, 40_000))).toBe(-1);
    expect(h.raceOf(client(2, 40_001))).toBeGreaterThanOrEqual(0);
  });

  it('races of one client: only that client is limited, until one of its races ends', () => {
    const h = new Harness(2, { racesPerClient: 3 });
    for (let i = 0; i < 3; i++) h.setup({ client: client(2, 40_000 + i) });
    h.setup({ client: client(2, 40_010) });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'client-race-limit' }]);
    h.setup({ client: client(3, 41_000) });
    expect(h.words).toContain('attempt 1');
    h.answer(1, { to: { address: words('203.0.1.2'), port: 40_001 } });
    h.setup({ client: client(2, 40_010) });
    expect(h.words).toContain('attempt 1');
  });

  it('a decided, a failed and a replaced race each give back their place', () => {
    const h = new Harness(2, { racesPerClient: 1 });
    for (let i = 0; i < 20; i++) {
      h.setup({ isn: i });
      expect(h.words).toContain('attempt 1');
      if (i % 3 === 0) h.pass(6000);
      if (i % 3 === 1) h.answer(1, { acknowledgement: i + 1 });
    }
  });

  it('rate of one client: burst, then so many a second', () => {
    const h = new Harness(2, {
      clientRate: { perSecond: 10, burst: 5 },
      races: 256,
      racesPerClient: 256,
    });
    let port = 40_000;
    const started = (): boolean => {
      h.setup({ client: client(2, port++) });
      return h.words.includes('attempt 1');
    };
    expect(Array.from({ length: 7 }, started)).toEqual([true, true, true, true, true, false, false]);
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'client-race-rate' }]);
    h.now += 200_000;
    expect(Array.from({ length: 3 }, started)).toEqual([true, true, false]);
  });

  it('a scan from one host leaves the others their races', () => {
    const h = new Harness(2, {
      races: 512,
      racesPerClient: 64,
      clientRate: { perSecond: 100, burst: 200 },
    });
    let raced = 0;
    for (let i = 0; i < 20_000; i++) {
      h.now += 100;
      while (h.engine.nextDeadline() <= h.now) h.engine.note({ kind: 'tick' }, h.now);
      const destination = { address: words(`198.18.${(i >> 8) & 255}.${i & 255}`), port: 443 };
      h.setup({ client: client(2, 1024 + i), destination });
      if (i % 100 !== 0) continue;
      h.setup({ client: client(3, 1024 + i) });
      if (h.words.includes('attempt 1')) raced++;
      h.answer(1, { to: { address: words('203.0.1.2'), port: portOf(h) } });
    }
    expect(raced).toBe(200);
    expect(h.engine.races.active).toBeLessThanOrEqual(512);
  });

  it('ports: all that were looked at are in races to this destination', () => {
    const h = new Harness(2, { racePorts: { from: 50_000, to: 50_001 } });
    h.setup({ client: client(2, 50_000) });
    h.setup({ client: client(2, 50_001) });
    h.setup({ client: client(2, 50_002) });
    expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'ports-exhausted' }]);
    h.setup({ client: client(2, 50_002), destination: { address: SERVER.address, port: 444 } });
    expect(h.words).toContain('attempt 1');
  });

  it('ports exhausted does not count as a race of the client', () => {
    const h = new Harness(2, { racePorts: { from: 50_000, to: 50_000 }, racesPerClient: 2 });
    h.setup({ client: client(2, 50_000) });
    for (let i = 0; i < 10; i++) h.setup({ client: client(2, 50_002 + 2 * i) });
    expect(h.single('ports-exhausted')).toBe(10);
  });
});

describe('source addresses (RFC 4787 REQ-2)', () => {
  const pool = Int32Array.from([2, 3, 4, 5].flatMap((n) => [...words(`203.0.1.${n}`)]));
  const table = routes(2, (route) =>
    route.number === 1 ? { addresses: { ...route.addresses, 4: pool } } : {},
  );

  function addressOf(h: Harness): number {
    const { race } = h.last.find(({ kind }) => kind === 'attempt')!;
    return h.engine.races.attemptAddress[h.engine.races.attempt(race!, 1) * 4 + 3] & 255;
  }

  it('a client always has the same one of a pool, whatever the destination', () => {
    const h = new Harness(2, {}, table);
    const seen = new Set<number>();
    for (let i = 1; i <= 20; i++) {
      h.setup({
        client: client(7, 40_000 + i),
        destination: { address: words(`198.51.100.${i}`), port: 443 },
      });
      seen.add(addressOf(h));
    }
    expect(seen.size).toBe(1);
  });

  it('clients are spread over the pool', () => {
    const h = new Harness(2, { races: 1024, clientSets: 4096 }, table);
    const counts = new Map<number, number>();
    for (let host = 2; host < 402; host++) {
      h.setup({ client: client(host, 40_000) });
      counts.set(addressOf(h), (counts.get(addressOf(h)) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([2, 3, 4, 5]);
    for (const count of counts.values()) expect(count).toBeGreaterThan(60);
  });
});

describe('ports (RFC 4787 REQ-1, REQ-3, REQ-4; RFC 5382 REQ-1)', () => {
  it('the client keeps its own, to 20 destinations and on every route', () => {
    const h = new Harness();
    for (let i = 1; i <= 20; i++) {
      h.setup({ destination: { address: words(`198.51.100.${i}`), port: 443 } });
      expect(portOf(h)).toBe(CLIENT.port);
    }
  });

  it('one outside the race ports gets one outer port, to 20 destinations', () => {
    const h = new Harness();
    const ports = new Set<number>();
    for (let i = 1; i <= 20; i++) {
      h.setup({ client: client(2, 2000), destination: { address: words(`198.51.100.${i}`), port: 443 } });
      ports.add(portOf(h));
    }
    expect(ports.size).toBe(1);
    expect([...ports][0]).toBeGreaterThanOrEqual(32_768);
  });

  it('above the race ports: one outer port each, as far apart as the inner ones, of the same parity', () => {
    const racePorts = { from: 8192, to: 32_767 };
    const h = new Harness(2, { racePorts, races: 4096, racesPerClient: 4096, portMemory: 65_536 });
    for (const port of [32_768, 32_769, 40_000, 57_343]) {
      for (let i = 1; i <= 3; i++) {
        h.setup({ client: client(2, port), destination: { address: words(`198.51.100.${i}`), port: 443 } });
        expect(portOf(h)).toBe(port - 32_768 + 8192);
      }
    }
    // There are more above than race ports: the last ones meet others, and give way to them.
    h.setup({ client: client(2, 57_344), destination: { address: words('198.51.100.1'), port: 443 } });
    expect(portOf(h)).not.toBe(8192);
    expect(portOf(h) & 1).toBe(0);
  });

  it('keep their parity when they change', () => {
    const h = new Harness(2, { races: 4096, racesPerClient: 4096, portMemory: 8192 });
    for (let i = 0; i < 2000; i++) {
      h.setup({ client: client(2 + (i % 8), 1024 + i) });
      expect(portOf(h) & 1).toBe(i & 1);
    }
  });

  it('no two simultaneous races to one destination share one', () => {
    const h = new Harness(2, { races: 4096, racesPerClient: 4096, portMemory: 8192 });
    const seen = new Set<number>();
    for (let i = 0; i < 3000; i++) {
      h.setup({ client: client(2 + (i % 200), 40_000 + Math.floor(i / 100)) });
      const port = portOf(h);
      expect(seen.has(port)).toBe(false);
      if (port > 0) seen.add(port);
    }
    expect(seen.size).toBe(3000);
  });

  it('rest between users: another client gets another one while there are rested ones', () => {
    const h = new Harness(2, { portMemory: 65_536 });
    const used = new Set<number>();
    for (let host = 2; host < 200; host++) {
      h.setup({ client: client(host, CLIENT.port) });
      const port = portOf(h);
      expect(used.has(port)).toBe(false);
      used.add(port);
      for (const route of [1, 2]) h.answer(route, { to: { address: words(`203.0.${route}.2`), port } });
      expect(h.engine.races.active).toBe(0);
    }
  });

  it('the least recently used one when none has rested', () => {
    const h = new Harness(2, { racePorts: { from: 50_000, to: 50_007 } });
    const order: number[] = [];
    for (let i = 0; i < 64; i++) {
      h.now += 1000;
      h.setup({ client: client(2 + i, 1024 + 2 * i) });
      const port = portOf(h);
      order.push(port);
      for (const route of [1, 2]) h.answer(route, { to: { address: words(`203.0.${route}.2`), port } });
    }
    // Four even ports: a second user of one comes only when the others of its candidates were used, too.
    for (let i = 1; i < order.length; i++) expect(order[i]).not.toBe(order[i - 1]);
  });

  it('are spread evenly when they change: chi-square over 10 000 of them', () => {
    const h = new Harness(2, { races: 1, portMemory: 16 });
    const bins = new Float64Array(64);
    const width = (60_999 - 32_768 + 1) / 64;
    for (let i = 0; i < 10_000; i++) {
      h.setup({ client: client(2 + (i % 60_000), 1024 + (i % 30_000)) });
      const port = portOf(h);
      bins[Math.floor((port - 32_768) / width)]++;
      for (const route of [1, 2]) h.answer(route, { to: { address: words(`203.0.${route}.2`), port } });
    }
    const wanted = 10_000 / 64;
    const chi = bins.reduce((sum, count) => sum + (count - wanted) ** 2 / wanted, 0);
    // 63 degrees of freedom: 99.9 % of fair draws are below 103.4.
    expect(chi).toBeLessThan(103.4);
  });

  it('differ from run to run: another secret, other ports', () => {
    const [a, b] = [1, 2].map((secret) => {
      const h = new Harness(2, { secret: [secret, secret] });
      h.setup({ client: client(2, 2000) });
      return portOf(h);
    });
    expect(a).not.toBe(b);
  });
});
