/** What is made of answers that come after the client has repeated its SYN. */
import { describe, expect, it } from 'vitest';
import { RoundTrips } from '../../src/core/health/round-trips.js';
import { PathMtu } from '../../src/core/memory/path-mtu.js';
import { serviceOver } from '../../src/sim/world.js';
import { createPacket, FLAG } from '../../src/wire/packet.js';
import { CLIENT, Harness, only, SERVER, words } from '../sim/engine-harness.js';

function gateway(count = 2, criterion: 'race' | 'priority' = 'priority'): Harness {
  const h = new Harness(count);
  h.setServices([
    serviceOver(
      Array.from({ length: count }, (_, i) => i + 1),
      { criterion },
    ),
  ]);
  return h;
}

/** The kernel has sent the client's first SYN by route 1 a second ago; this is the repeat. */
function repeat(h: Harness, port = CLIENT.port): void {
  h.setup({ service: 1, tried: 1, client: { ...CLIENT, port } });
}

/** The SYN+ACK of a route to the connection of a port, so many milliseconds from now. */
function answerAfter(h: Harness, milliseconds: number, route: number, port = CLIENT.port): void {
  h.pass(milliseconds);
  h.answer(route, { to: { address: words(`203.0.${route}.2`), port } });
}

/** A rescue whose rescued route answers so many milliseconds after the client's repeat. */
function late(h: Harness, port: number, milliseconds: number): void {
  h.pass(5000);
  repeat(h, port);
  answerAfter(h, milliseconds, 1, port);
  h.pass(1000 - milliseconds);
}

describe('the flow that the kernel has begun', () => {
  it('carries the connection when it is answered first, and is bound as it is', () => {
    const h = gateway();
    repeat(h);
    const race = h.raceOf();
    expect(h.engine.races.isFlow(race, 1)).toBe(true);
    answerAfter(h, 300, 1);
    expect(h.words).toEqual(['commit 1']);
    expect(h.engine.latestDecisions(1)).toMatchObject([{ route: 1, reason: 'first-reply' }]);
    // The other's answer is a loser's.
    answerAfter(h, 700, 2);
    expect(h.words).toEqual(['cancel 2', 'drop']);
  });

  it('that has been answered while the repeat was on its way to us needs nobody else', () => {
    const h = gateway();
    h.answer(1, { to: { address: words('203.0.1.2'), port: CLIENT.port } });
    expect(h.words).toEqual(['pass']);
    repeat(h);
    expect(h.words).toEqual(['pass']);
    // An answer to something else is none: an older connection with the same ports, or somebody's guess.
    h.answer(1, { to: { address: words('203.0.1.2'), port: 40_009 }, acknowledgement: 77 });
    repeat(h, 40_009);
    expect(h.words).toEqual(['attempt 2', 'pass']);
    // Nor is one of long ago.
    h.answer(1, { to: { address: words('203.0.1.2'), port: 40_010 } });
    h.pass(2100);
    repeat(h, 40_010);
    expect(h.words).toEqual(['attempt 2', 'pass']);
  });

  it('is reset once another route carries the connection', () => {
    const h = gateway();
    repeat(h);
    answerAfter(h, 50, 2);
    answerAfter(h, 250, 1);
    expect(h.words).toEqual(['cancel 1', 'drop']);
  });

  it('is not reset when all have been silent: the client has been told nothing', () => {
    const h = gateway();
    repeat(h);
    expect(only(h.pass(6000), 'cancel').map(({ route }) => route)).toEqual([2]);
    expect(h.engine.races.active).toBe(0);
  });

  it('is reset with the others when the client begins another connection', () => {
    const h = gateway();
    repeat(h);
    h.setup({ service: 1, tried: 1, isn: 77 });
    expect(only(h.last, 'cancel').map(({ route }) => route)).toEqual([1, 2]);
    expect(h.words.slice(2)).toEqual(['attempt 2', 'pass']);
  });

  it('of an address that has left its route is not answered any more: a copy takes its place', () => {
    const h = gateway();
    h.setRoutes(
      h.engine.routes.map((route) =>
        route.number === 1 ? { ...route, addresses: { 4: words('203.0.1.9'), 6: new Int32Array(0) } } : route,
      ),
    );
    h.kernelRoute = 1;
    repeat(h);
    expect(h.words).toEqual(['attempt 2', 'pass']);
    h.setRoutes(
      h.engine.routes.map((route) =>
        route.number === 1 ? { ...route, addresses: { 4: words('203.0.1.2'), 6: new Int32Array(0) } } : route,
      ),
    );
    h.pass(1000);
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
  });
});

describe('how long an answer has taken', () => {
  it('is known when the repeat is answered as long after as it was sent: then it counts as measured', () => {
    const h = gateway(2, 'race');
    h.setup({ service: 1 });
    h.pass(1000);
    h.setup({ service: 1 });
    answerAfter(h, 300, 1);
    expect(h.memory()).toEqual(['retransmitted', 'none']);
    answerAfter(h, 1000, 1);
    expect(h.memory()[0]).toBe('answered 1300');
    expect(h.ignored('winner-repeat')).toBe(1);
  });

  it('stays open when that comes at another time', () => {
    const h = gateway(2, 'race');
    h.setup({ service: 1 });
    h.pass(1000);
    h.setup({ service: 1 });
    answerAfter(h, 20, 1);
    answerAfter(h, 600, 1);
    expect(h.memory()[0]).toBe('retransmitted');
  });

  it('of a rescued flow is at most that since its first SYN: slow; and known when it is so time after time', () => {
    const h = gateway();
    repeat(h);
    answerAfter(h, 50, 2);
    expect(h.memory()[0]).toBe('silent');
    answerAfter(h, 250, 1);
    expect(h.memory()[0]).toBe('slow');
    late(h, 40_001, 240);
    expect(h.memory()[0]).toBe('slow');
    late(h, 40_002, 240);
    expect(h.memory()[0]).toBe('answered 1240');
  });

  it('is not known of a flow that had a race before: its repeat is not the first, and servers repeat themselves, too', () => {
    const h = gateway();
    repeat(h);
    h.pass(6000);
    repeat(h);
    answerAfter(h, 300, 1);
    answerAfter(h, 1000, 1);
    expect(h.memory()[0]).not.toContain('answered');
  });

  it('is not known when a route that is fast elsewhere loses first packets in a row', () => {
    const h = gateway(2, 'race');
    for (let i = 0; i < 3; i++) {
      const destination = { address: words(`198.51.100.${101 + i}`), port: 443 };
      h.setup({ service: 1, destination });
      h.pass(20);
      h.answer(1, { from: destination });
      h.pass(5000);
    }
    for (let i = 0; i < 4; i++) late(h, 40_001 + i, 20);
    expect(h.memory()[0]).toBe('retransmitted');
  });

  it('of a server that may have sent its answer again is not a measured time', () => {
    const h = gateway(2, 'race');
    h.setup({ service: 1 });
    answerAfter(h, 10, 2);
    answerAfter(h, 1010, 1);
    expect(h.memory()).toEqual(['retransmitted', 'answered 10']);
    h.pass(5000);
    // Once more: that is no reason to believe that it always takes so long.
    const destination = { address: words('198.51.100.101'), port: 443 };
    h.setup({ service: 1, destination });
    h.pass(10);
    h.answer(2, { from: destination });
    h.pass(1010);
    h.answer(1, { from: destination });
    expect(h.memory(destination)).toEqual(['retransmitted', 'answered 10']);
  });
});

describe('patience', () => {
  function slow(h: Harness): void {
    for (const port of [41_000, 41_001, 41_002]) {
      repeat(h, port);
      answerAfter(h, 50, 2, port);
      answerAfter(h, 250, 1, port);
      h.pass(5000);
    }
    expect(h.memory()[0]).toBe('answered 1300');
  }

  it('nobody else is asked before the answer of a slow route is overdue; the repeats go by it', () => {
    const h = gateway();
    slow(h);
    repeat(h);
    expect(h.words).toEqual(['pass']);
    answerAfter(h, 300, 1);
    expect(h.words).toEqual(['commit 1']);
    expect(h.engine.counters.rescues[1]).toBe(3);
  });

  it('then the others are asked, whether the client repeats its SYN or not', () => {
    const h = gateway();
    slow(h);
    repeat(h);
    expect(h.pass(600)).toEqual([]);
    // A quarter more than 1.3 s after the first SYN.
    expect(only(h.pass(100), 'attempt').map(({ route }) => route)).toEqual([2]);
    answerAfter(h, 50, 2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('ends when the route goes down meanwhile: the next repeat asks the others', () => {
    const h = gateway();
    slow(h);
    repeat(h);
    h.setRoutes(h.engine.routes.map((r) => (r.number === 1 ? { ...r, usable: { 4: false, 6: false } } : r)));
    h.pass(200);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 2', 'drop']);
  });

  it('is for routes that are up: one in doubt is passed over at once', () => {
    const h = gateway();
    slow(h);
    for (let i = 0; i < 3; i++) {
      repeat(h, 42_000 + i);
      h.pass(700);
      answerAfter(h, 50, 2, 42_000 + i);
    }
    expect(h.health()[0]).toBe('suspect');
    repeat(h, 43_000);
    expect(h.words).toEqual(['attempt 2', 'pass']);
  });
});

describe('a SYN that anybody could have sent', () => {
  it('carries its connection, and teaches neither memory nor health nor a group', () => {
    const h = new Harness(2);
    h.setServices([serviceOver([1, 2], { affinity: 'client' })]);
    h.setup({ service: 1 });
    h.answer(1, { flags: FLAG.SYN, acknowledgement: 0 });
    expect(h.words).toEqual(['commit 1']);
    h.pass(5000);
    expect(h.memory()).toEqual([]);
    expect([...only(h.all, 'pin'), ...only(h.all, 'remember')]).toEqual([]);
    expect(h.engine.site.roundTrips.of(1, 4)).toBe(-1);
    expect(h.engine.counters.decided).toBe(1);
  });

  it('is no reason to call the other routes silent', () => {
    const h = new Harness(2);
    h.setServices([serviceOver([1, 2])]);
    for (let i = 0; i < 5; i++) {
      const client = { ...CLIENT, port: 40_000 + i };
      h.setup({ service: 1, client });
      h.answer(1, {
        flags: FLAG.SYN,
        acknowledgement: 0,
        to: { address: words('203.0.1.2'), port: client.port },
      });
      h.pass(5000);
    }
    expect(h.health()).toEqual(['up', 'up']);
  });
});

describe('round trips of a route', () => {
  it('the mean follows, the least rises slowly, and few answers are not enough for it', () => {
    const trips = new RoundTrips(2);
    expect([trips.of(1, 4), trips.leastOf(1, 4), trips.slowest(4)]).toEqual([-1, -1, -1]);
    trips.note(1, 4, 800, 10_000);
    expect([trips.of(1, 4), trips.leastOf(1, 4)]).toEqual([800, -1]);
    trips.note(1, 4, 1600, 20_000);
    trips.note(1, 4, 400, 30_000);
    expect([trips.of(1, 4), trips.leastOf(1, 4)]).toEqual([837.5, 400]);
    trips.note(1, 4, 1200, 40_000);
    expect(trips.leastOf(1, 4)).toBe(500);
    trips.note(2, 6, 5000, 40_000);
    expect([trips.slowest(4), trips.slowest(6)]).toEqual([882.8125, 5000]);
    trips.forget(1, 4);
    expect([trips.of(1, 4), trips.leastOf(1, 4)]).toEqual([-1, -1]);
  });
});

describe('late answers that come together', () => {
  it('are one for the least: their servers have all sent them again at one time', () => {
    const trips = new RoundTrips(2);
    for (let i = 1; i <= 4; i++) trips.note(1, 4, 70, 1000 * i);
    for (let i = 0; i < 50; i++) trips.note(1, 4, 1070, 10_000 + i);
    expect(trips.leastOf(1, 4)).toBe(70 + 1000 / 8);
    for (let i = 0; i < 50; i++) trips.note(2, 4, 1070, 10_000 + i);
    expect([trips.leastOf(2, 4), trips.surelyAtLeast(2, 4)]).toEqual([1070, -1]);
    for (const at of [12_000, 14_000]) trips.note(2, 4, 1070, at);
    expect(trips.surelyAtLeast(2, 4)).toBe(1070);
    trips.note(1, 4, 1070, 11_000);
    expect(trips.leastOf(1, 4)).toBe(195);
    trips.note(1, 4, 1070, 12_200);
    expect(trips.leastOf(1, 4)).toBeGreaterThan(300);
  });
});

describe('a path MTU', () => {
  function learnt(mtu: number, length: number): { h: Harness; race: number; paths: PathMtu } {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    const paths = new PathMtu();
    const packet = createPacket();
    packet.icmpMtu = mtu;
    packet.quote.destination.set(SERVER.address);
    packet.quote.destinationPort = SERVER.port;
    paths.learn(1, packet, length, h.now);
    return { h, race: race!, paths };
  }

  it('is believed of a packet that was larger, for its destination and port, for ten minutes', () => {
    const { h, race, paths } = learnt(1300, 1400);
    const { races } = h.engine;
    expect([paths.of(1, 1500, races, race), paths.of(2, 1500, races, race)]).toEqual([1300, 1500]);
    races.destinationPort[race] = 80;
    expect(paths.of(1, 1500, races, race)).toBe(1500);
    races.destinationPort[race] = SERVER.port;
    races.lastSetupAt[race] = 599e6;
    expect(paths.of(1, 1500, races, race)).toBe(1300);
    races.lastSetupAt[race] = 600e6;
    expect(paths.of(1, 1500, races, race)).toBe(1500);
  });

  it.each([
    [1300, 1300],
    [1300, 60],
    [67, 80],
    [0, 80],
  ])('of %i bytes, said of a packet of %i, is not', (mtu, length) => {
    const { h, race, paths } = learnt(mtu, length);
    expect(paths.of(1, 1500, h.engine.races, race)).toBe(1500);
  });
});
