/** An attempt keeps what it left with: whatever becomes of its route, its answers are found, and its resets carry its own ends. */
import { describe, expect, it } from 'vitest';
import type { EngineRoute } from '../../src/core/engine-types.js';
import { ATTEMPT } from '../../src/core/race/life.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { FLAG } from '../../src/wire/packet.js';
import { CLIENT, Harness, ISN, only, RST_ACK, routes, SERVER, words } from '../sim/engine-harness.js';

const INSIDE: Endpoint = { address: words('fd00:1::2'), port: 40_000 };
const OUTSIDE: Endpoint = { address: words('fd77::2'), port: 40_000 };
const SERVER6: Endpoint = { address: words('2001:db8:100::1'), port: 443 };
const PREFIX = { length: 32, inside: words('fd00:1::'), outside: words('2001:db8::') };

/** Route 1 translates by prefix and has no address of its own. */
function prefixOnly(count: number, change: Partial<EngineRoute> = {}): EngineRoute[] {
  return routes(count, ({ number, addresses }) =>
    number === 1 ? { prefixes: [PREFIX], addresses: { ...addresses, 6: new Int32Array(0) }, ...change } : {},
  );
}

describe('a route by prefix without an address of its own', () => {
  it('takes no part for a client outside of its prefixes, and the others carry its connections', () => {
    const h = new Harness(3, {}, prefixOnly(3));
    for (let i = 0; i < 3; i++) {
      const client = { ...OUTSIDE, port: OUTSIDE.port + i };
      h.setup({ client, destination: SERVER6 });
      expect(h.words).toEqual(['attempt 2', 'attempt 3', 'drop']);
      expect(h.engine.races.stateOf(h.raceOf(client, SERVER6), 1)).toBe(ATTEMPT.NONE);
      h.answer(2, { from: SERVER6, to: { address: words('fd03:2::2'), port: client.port } });
      expect(h.words).toEqual(['commit 2']);
    }
  });

  it('leaves the only other one without a race, and alone it leaves the kernel to say no', () => {
    const h = new Harness(2, {}, prefixOnly(2));
    h.setup({ client: OUTSIDE, destination: SERVER6 });
    expect(h.words).toEqual(['release 2']);
    h.setRoutes(prefixOnly(2).slice(0, 1));
    h.setup({ client: { ...OUTSIDE, port: 41_000 }, destination: SERVER6 });
    expect(h.words).toEqual(['release 0']);
    expect(h.engine.races.active).toBe(0);
  });

  it('is not taken for the route of an answer to an attempt that never left', () => {
    const h = new Harness(2, {}, prefixOnly(2));
    // The slot was used before, by an attempt with ends on route 1.
    h.setup({ client: INSIDE, destination: SERVER6 });
    h.answer(1, { from: SERVER6, to: { address: words('2001:db8::2'), port: INSIDE.port } });
    h.pass(5000);
    h.setup({ client: OUTSIDE, destination: SERVER6 });
    h.answer(1, { from: SERVER6, to: { address: words('2001:db8::2'), port: OUTSIDE.port }, known: false });
    expect(h.words).toEqual(['refuse', 'drop']);
  });
});

describe('a server that answers the copy of a route on trial', () => {
  function onTrial(): Harness {
    const h = new Harness(
      2,
      {},
      routes(2, () => ({ checkFails: 1 })),
    );
    h.setServices([serviceOver([1, 2])]);
    h.checked(2, false);
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
    return h;
  }

  it('with SYN+ACK and then a bare SYN is measured, and does not win', () => {
    const h = onTrial();
    h.answer(2);
    expect(h.words).toEqual(['drop']);
    h.answer(2, { flags: FLAG.SYN, acknowledgement: 0 });
    expect(h.words).toEqual(['drop']);
    h.answer(1);
    expect(h.words).toEqual(['cancel 2', 'commit 1']);
  });

  it('with a bare SYN alone does not win either', () => {
    const h = onTrial();
    h.answer(2, { flags: FLAG.SYN, acknowledgement: 0 });
    expect(h.words).toEqual(['drop']);
    expect(h.engine.counters.decided).toBe(0);
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
  });
});

describe('a reload', () => {
  it('without the highest route, while its winner waits for losers, leaves the race to its end', () => {
    const h = new Harness(3);
    h.setup();
    h.answer(3);
    h.setRoutes(routes(2));
    for (const route of [1, 2]) {
      h.answer(route);
      expect(h.words).toEqual([`cancel ${route}`, 'drop']);
    }
    expect(h.engine.races.active).toBe(0);
  });

  it('to an empty table, in another order, or with a number missing, in mid-race', () => {
    for (const table of [[], [...routes(3)].reverse(), routes(3).filter(({ number }) => number !== 2)]) {
      const h = new Harness(3);
      h.setup();
      h.setRoutes(table);
      for (const route of [1, 2, 3])
        h.answer(route, { to: { address: words(`203.0.${route}.2`), port: CLIENT.port }, flags: RST_ACK });
      h.pass(10_000);
      expect(h.engine.races.active).toBe(0);
      expect(h.engine.site.routes.map(({ number }) => number)).toEqual([1, 2, 3]);
    }
  });

  const copyEnds = { address: words('203.0.1.2'), port: CLIENT.port };

  it.each([
    ['to the clients’ own addresses', { translate: false }],
    ['to other addresses', { addresses: { 4: words('203.0.1.99'), 6: words('fd03:1::99') } }],
  ])('of the translation of a route %s: resets leave with the ends of their copies', (_, change) => {
    // Another client has the same port, so that the copies leave with one of their own.
    const h = new Harness(2);
    h.setup({ client: { address: words('10.0.0.9'), port: CLIENT.port } });
    const [{ race }] = h.setup();
    const port = h.engine.races.natPort[race!];
    expect(port).not.toBe(CLIENT.port);
    h.answer(2, { to: { address: words('203.0.2.2'), port } });
    expect(h.words).toEqual(['commit 2']);
    h.setRoutes(routes(2, ({ number }) => (number === 1 ? change : {})));
    h.answer(1, { to: { address: words('203.0.1.2'), port } });
    expect(h.words).toEqual(['cancel 1', 'drop']);
    const at = h.engine.races.attempt(race!, 1);
    expect(h.engine.races.attemptPort[at]).toBe(port);
    expect(h.engine.races.attemptAddress.slice(at * 4, at * 4 + 4)).toEqual(copyEnds.address);
  });

  it('of `translate` in mid-race loses no answer', () => {
    const h = new Harness(2);
    h.setup();
    h.setRoutes(routes(2, () => ({ translate: false })));
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
  });

  it('to addresses of a route in mid-race: what the kernel does not know finds its race by the client’s own ends', () => {
    const h = new Harness(
      2,
      {},
      routes(2, () => ({ translate: false })),
    );
    h.setup();
    h.setRoutes(routes(2));
    h.answer(2, { to: CLIENT });
    expect(h.words).toEqual(['commit 2']);
  });

  it('of the prefixes of a route in mid-race: the answer to a copy with the old one is found, and does not win', () => {
    const h = new Harness(2, {}, prefixOnly(2));
    h.setup({ client: INSIDE, destination: SERVER6 });
    h.setRoutes(prefixOnly(2, { prefixes: [{ ...PREFIX, outside: words('2001:dba::') }] }));
    h.answer(1, { from: SERVER6, to: { address: words('2001:db8::2'), port: INSIDE.port } });
    // The address has left us: a flow with it could not live.
    expect(h.words).toEqual(['drop']);
    h.setup({ client: INSIDE, destination: SERVER6 });
    h.answer(1, { from: SERVER6, to: { address: words('2001:dba::2'), port: INSIDE.port } });
    expect(h.words).toEqual(['commit 1']);
  });

  it('between a SYN and its repeat keeps the ends that still work', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    h.setRoutes(routes(2, () => ({ translate: false })));
    h.pass(1000);
    h.setup();
    expect(only(h.last, 'attempt').map(({ route }) => route)).toEqual([1, 2]);
    expect(h.isTranslated(race!, 1)).toBe(true);
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
  });
});

describe('ends that two clients share', () => {
  it('the same port by prefix and by address are told apart', () => {
    const h = new Harness(2, {}, prefixOnly(2));
    const other = { address: words('fd00:1::3'), port: INSIDE.port };
    h.setup({ client: INSIDE, destination: SERVER6, isn: ISN });
    h.setup({ client: other, destination: SERVER6, isn: 5 });
    h.answer(1, { from: SERVER6, to: { address: words('2001:db8::3'), port: 40_000 }, acknowledgement: 6 });
    expect(h.last.at(-1)).toMatchObject({ kind: 'commit', race: h.raceOf(other, SERVER6), route: 1 });
    h.answer(1, { from: SERVER6, to: { address: words('2001:db8::2'), port: 40_000 } });
    expect(h.last.at(-1)).toMatchObject({ kind: 'commit', race: h.raceOf(INSIDE, SERVER6), route: 1 });
    expect(h.engine.counters.decided).toBe(2);
    expect(h.raceOf({ ...CLIENT }, SERVER)).toBe(-1);
  });
});
