/** How few copies servers see: races over the best routes alone, so many a second towards one address, and none where they are not wanted. */
import { describe, expect, it } from 'vitest';
import { dnsMessage, dnsName } from '../../bench/fuzz-datagrams.js';
import type { EngineService, MemorySettings, RaceRules } from '../../src/core/engine-types.js';
import { DestinationLimits } from '../../src/core/limit/destinations.js';
import { VERDICT } from '../../src/core/memory/verdicts.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { DatagramHarness } from '../sim/datagram-harness.js';
import { CLIENT, Harness, routes, SERVER, words } from '../sim/engine-harness.js';

const TRUST = { trustMicros: 600_000_000 };

function polite(
  count: number,
  service: Partial<EngineService> = {},
  rules: Partial<RaceRules> = {},
  memory: Partial<MemorySettings> = TRUST,
): Harness {
  const h = new Harness(count);
  const all = Array.from({ length: count }, (_, i) => i + 1);
  h.setServices([serviceOver(all, service)], memory, rules);
  return h;
}

let port = 33_000;
const client = (host = 2): Endpoint => ({ address: words(`10.0.0.${host}`), port: port++ });

/** Routes that copies of a new connection have left by at once. */
function asked(h: Harness, destination: Endpoint = SERVER): number[] {
  h.setup({ service: 1, client: client(), destination });
  return h.last.filter(({ kind }) => kind === 'attempt').map(({ route }) => route!);
}

/** One connection, raced and answered by every route that is asked after its milliseconds; the routes that were. */
function raced(h: Harness, answers: readonly (number | null)[], destination: Endpoint = SERVER): number[] {
  const effects = h.connection(port++, answers, { service: 1, destination });
  return effects.filter(({ kind }) => kind === 'attempt').map(({ route }) => route!);
}

describe('atMost: the best routes alone', () => {
  it('of an unknown destination the first of the service; without memory always', () => {
    const h = new Harness(4);
    h.setServices([serviceOver([4, 2, 1, 3], { atMost: 2 })], { trustMicros: 0 });
    expect([asked(h), asked(h)]).toEqual([
      [4, 2],
      [4, 2],
    ]);
  });

  it('each route becomes known in its turn, always beside the best; then the kernel decides alone', () => {
    const h = polite(4, { atMost: 2 });
    const times = [40, 10, 30, 20];
    expect(raced(h, times)).toEqual([1, 2]);
    expect(raced(h, times)).toEqual([2, 3]);
    h.pass(3000);
    expect(h.inKernel).toBe(0);
    expect(raced(h, times)).toEqual([2, 4]);
    expect(h.memory()).toEqual(['answered 40', 'answered 10', 'answered 30', 'answered 20']);
    expect(h.inKernel).toBe(1);
    h.setup({ service: 1, client: client() });
    expect(h.last.at(-1)).toMatchObject({ kind: 'release', route: 2, reason: 'remembered' });
  });

  it('whose answer is still on its way was asked', () => {
    const h = polite(3, { atMost: 2 });
    const from = client();
    h.setup({ service: 1, client: from });
    h.pass(10);
    h.answer(2, { to: { address: words('203.0.2.2'), port: from.port } });
    expect(asked(h)).toEqual([2, 3]);
  });

  it('a route that was never asked wins as soon as it is', () => {
    const h = polite(3, { atMost: 2 });
    raced(h, [40, 30, 5]);
    raced(h, [40, 30, 5]);
    h.setup({ service: 1, client: client() });
    expect(h.last.at(-1)).toMatchObject({ kind: 'release', route: 3, reason: 'remembered' });
  });

  it('what is no longer trusted is raced over the best, one after the other', () => {
    const h = polite(4, { atMost: 2 });
    for (let i = 0; i < 3; i++) raced(h, [40, 10, 30, 20]);
    h.pass(601_000);
    h.setup({ service: 1, client: client() });
    const effects = [...h.last, ...h.pass(900)];
    expect(effects.filter(({ kind }) => kind === 'attempt').map(({ route }) => route)).toEqual([2, 4]);
  });

  it('what has not been compared within `forget` is measured again, the longest unheard first', () => {
    const h = polite(4, { atMost: 3 }, {}, { ...TRUST, forgetMicros: 1_200_000_000 });
    const times = [40, 10, 30, 20];
    expect(raced(h, times)).toEqual([1, 2, 3]);
    h.pass(60_000);
    expect(raced(h, times)).toEqual([2, 3, 4]);
    // The others stay known by these two races, the best alone is asked in between.
    h.pass(1_139_000);
    expect(raced(h, [null, 10, null, null])).toEqual([2]);
    h.pass(3000);
    expect(raced(h, times).slice(0, 3)).toEqual([2, 4, 1]);
    expect(raced(h, times).slice(0, 3)).toEqual([2, 4, 3]);
  });

  it('a destination that the kernel has given up to measure it again: the last place goes in turn', () => {
    const h = polite(3, { atMost: 2 });
    raced(h, [30, 10, 20]);
    h.pass(100);
    raced(h, [30, 10, 20]);
    h.pass(1000);
    // It knows since a second: whoever comes to the daemon was drawn.
    expect(asked(h)).toEqual([2, 1]);
  });

  it('who waits in vain is helped by all', () => {
    const h = polite(4, { atMost: 2 });
    const from = client();
    h.setup({ service: 1, client: from });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
    h.pass(1000);
    h.setup({ service: 1, client: from });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'attempt 4', 'drop']);
  });

  it('and so is whose remembered route is silent', () => {
    const h = polite(4, { atMost: 2 });
    for (let i = 0; i < 3; i++) raced(h, [40, 10, 30, 20]);
    h.setup({ service: 1, tried: 2, client: client() });
    const effects = [...h.last, ...h.pass(500)];
    const others = effects.filter(({ kind, route }) => kind === 'attempt' && route !== 2);
    expect(others.map(({ route }) => route).sort()).toEqual([1, 3, 4]);
  });

  it('a route that must prove itself takes a place', () => {
    const h = polite(3, { atMost: 2 }, {}, { trustMicros: 0 });
    for (let i = 0; i < 3; i++) {
      const destination = { address: words(`198.18.1.${i + 1}`), port: 443 };
      h.connection(port++, [10, null, null], { service: 1, tried: 2, destination });
      h.pass(100);
    }
    expect(h.health()[1]).toBe('suspect');
    for (let i = 0; i < 20; i++) {
      h.pass(600);
      expect(asked(h).length).toBeLessThanOrEqual(2);
    }
  });
});

describe('perDestination', () => {
  const server = (text: string): Endpoint => ({ address: words(text), port: 443 });

  it('beyond it one route, as a copy when it has been given another way; others are raced', () => {
    const h = polite(3, {}, { perDestination: 3 }, { trustMicros: 0 });
    const counts = Array.from({ length: 5 }, () => asked(h).length);
    expect(counts).toEqual([3, 3, 3, 0, 0]);
    expect(h.last.at(-1)).toMatchObject({ kind: 'release', route: 1, reason: 'destination-race-rate' });
    expect(h.single('destination-race-rate')).toBe(2);
    expect(asked(h, { ...SERVER, port: 80 })).toEqual([]);
    expect(asked(h, server('198.51.100.2'))).toEqual([1, 2, 3]);
    h.setup({ service: 1, client: client(), routed: 2 });
    expect(h.words).toEqual(['attempt 1', 'drop']);
    h.pass(2000);
    expect(asked(h)).toEqual([1, 2, 3]);
  });

  it('the route that memory has is the one', () => {
    const h = polite(3, {}, { perDestination: 1 });
    h.connection(port++, [30, 20, null], { service: 1 });
    expect(h.last.length).toBeGreaterThan(0);
    h.setup({ service: 1, client: client() });
    expect(h.last.at(-1)).toMatchObject({ kind: 'release', route: 2, reason: 'destination-race-rate' });
  });

  it('what asks one route after the other counts from the second on', () => {
    const h = polite(3, {}, { perDestination: 2 });
    h.connection(port++, [30, 10, 20], { service: 1 });
    h.pass(601_000);
    const from = [client(), client(), client(), client()];
    for (const each of from) {
      h.setup({ service: 1, client: each });
      expect(h.words).toEqual(['attempt 2', 'drop']);
    }
    const later = h.pass(100).filter(({ kind }) => kind === 'attempt');
    // Two of the four ask the others, when the answer is overdue.
    expect(later.length).toBe(4);
    expect(h.single('destination-race-rate')).toBe(2);
    // Who waits is not helped by copies either, until the second is over.
    h.setup({ service: 1, client: from[3] });
    expect(h.words).toEqual(['attempt 2', 'drop']);
    h.pass(2000);
    h.setup({ service: 1, client: from[3] });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
  });

  it('nor is a rescue raced beyond it', () => {
    const h = polite(2, {}, { perDestination: 1 }, { trustMicros: 0 });
    expect(asked(h)).toEqual([1, 2]);
    h.setup({ service: 1, tried: 1, client: client() });
    expect(h.words).toEqual(['pass']);
    h.pass(2000);
    h.setup({ service: 1, tried: 1, client: client() });
    expect(h.words).toContain('attempt 2');
  });

  it('counts what has been raced in the last second, as near as two numbers tell', () => {
    const limits = new DestinationLimits(7);
    limits.perSecond = 100;
    const admitted: number[] = [];
    for (let now = 0; now < 10_000_000; now += 1000)
      if (limits.admit(SERVER.address, 0, now)) admitted.push(now);
    const within = (from: number): number =>
      admitted.filter((at) => at >= from && at < from + 1_000_000).length;
    expect(Math.max(...admitted.map(within))).toBeLessThanOrEqual(150);
    expect(admitted.length).toBeGreaterThan(900);
    expect(admitted.length).toBeLessThanOrEqual(1010);
  });

  it('without bound nothing is counted', () => {
    const limits = new DestinationLimits(7);
    for (let i = 0; i < 1000; i++) expect(limits.admit(SERVER.address, 0, 0)).toBe(true);
    limits.perSecond = 1;
    expect(limits.hasRoom(SERVER.address, 0, 0)).toBe(true);
    expect(limits.admit(SERVER.address, 0, 0)).toBe(true);
    expect(limits.hasRoom(SERVER.address, 0, 0)).toBe(false);
  });

  it('many destinations: those that began first give way, nobody is refused for it', () => {
    const limits = new DestinationLimits(7);
    limits.perSecond = 1;
    const each = words('198.18.0.0');
    for (let i = 0; i < 100_000; i++) {
      each[3] = i;
      expect(limits.admit(each, 0, i)).toBe(true);
    }
  });
});

describe('never', () => {
  const rules = { never: ['198.51.100.0/24', '2001:db8:7::/48'] };
  const six = { address: words('2001:db8:7::1'), port: 443 };

  it.each([
    ['IPv4', SERVER],
    ['IPv6', six],
  ])('%s: one route, whatever the service says', (_, destination) => {
    const h = polite(3, {}, rules);
    const from = { address: words(destination === six ? 'fd00::2' : '10.0.0.2'), port: port++ };
    h.setup({ service: 1, client: from, destination });
    expect(h.words).toEqual(['release 1']);
    expect(h.last.at(-1)).toMatchObject({ kind: 'release', route: 1, reason: 'never-raced' });
    expect(h.single('never-raced')).toBe(1);
    expect(asked(h, { address: words('198.51.101.1'), port: 443 })).toEqual([1, 2, 3]);
    h.setup({
      service: 1,
      client: { address: words('fd00::2'), port: port++ },
      destination: { address: words('2001:db8:8::1'), port: 443 },
    });
    expect(h.words).toContain('attempt 3');
  });

  it('as a copy by the service’s own route, when it has been given another way; a repeat is not raced either', () => {
    const h = polite(3, {}, rules);
    const from = client();
    h.setup({ service: 1, client: from, routed: 3 });
    expect(h.words).toEqual(['attempt 1', 'drop']);
    h.pass(1000);
    h.setup({ service: 1, client: from, routed: 3 });
    expect(h.words).toEqual(['attempt 1', 'drop']);
    h.answer(1, { to: { address: words('203.0.1.2'), port: from.port } });
    expect(h.words).toEqual(['commit 1']);
    expect(h.engine.latestDecisions(1)[0].reason).toBe('never-raced');
  });

  it('nor is what a silent route was given', () => {
    const h = polite(3, {}, rules);
    h.setup({ service: 1, tried: 2, client: client() });
    expect(h.words).toEqual(['pass']);
  });

  it('by the best that memory has', () => {
    const h = polite(3, {}, rules);
    const { memory } = h.engine;
    memory.note(memory.take(SERVER.address, 0, 0), 3, VERDICT.ANSWERED, 10_000, 0);
    h.setup({ service: 1, client: client() });
    expect(h.last.at(-1)).toMatchObject({ route: 3 });
  });

  it('another criterion chooses as ever, and nothing is copied for a route on trial', () => {
    const h = polite(3, { criterion: 'round-robin' }, rules);
    for (let i = 0; i < 3; i++) {
      const destination = { address: words(`198.18.1.${i + 1}`), port: 443 };
      h.connection(port++, [10, null, 10], { service: 1, tried: 2, destination });
      h.pass(100);
    }
    h.pass(1000);
    for (let i = 0; i < 6; i++) {
      expect(asked(h)).toEqual([]);
      expect(h.last.at(-1)).toMatchObject({ reason: 'criterion' });
    }
  });

  it('questions to a name server', () => {
    const h = new DatagramHarness(3);
    h.setServices([serviceOver([1, 2, 3])], { trustMicros: 0 }, rules);
    const question = dnsMessage({ id: 1, questions: [{ name: dnsName('a.test') }] } as never);
    h.send(question, { server: { address: SERVER.address, port: 53 }, client: CLIENT, routed: 2 });
    expect(h.by).toEqual([1]);
  });
});

it('a table of routes is made for as many as there can be', () => {
  const h = new Harness(16, {}, routes(16));
  const all = Array.from({ length: 16 }, (_, i) => i + 1);
  h.setServices([serviceOver(all, { atMost: 15 })], TRUST);
  expect(asked(h).length).toBe(15);
});
