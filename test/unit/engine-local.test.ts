/** Set-ups of the gateway's own programs: their address is that of one provider, so they leave by each with an address of that. */
import { describe, expect, it } from 'vitest';
import { readPacket } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { Harness, routes, SERVER, words } from '../sim/engine-harness.js';
import { OpeningHarness, REQUEST } from '../sim/opening-harness.js';

/** Bound to the address of route 3. */
const OWN = { address: words('203.0.3.2'), port: 40_001 };

function sources(h: Harness, race: number, numbers: readonly number[]): unknown[] {
  return numbers.map((route) => readPacket(h.copy(race, route))!.source);
}

describe('a race of the gateway itself', () => {
  it.each([
    ['a route keeps the sources of the LAN', {}, true],
    ['its service keeps them', { translate: false }, false],
  ] as const)('has an address of each route, also where %s', (_, service, byRoute) => {
    const h = new Harness(
      3,
      {},
      routes(3, ({ number }) => ({ translate: !(byRoute && number === 2) })),
    );
    h.setServices([serviceOver([1, 2, 3], service)]);
    const [{ race }] = h.setup({ client: OWN, service: 1, isLocal: true });
    const own = [1, 2, 3].map((route) => words(`203.0.${route}.2`));
    expect(sources(h, race!, [1, 2, 3])).toEqual(own);
    // What tells it from a host of the LAN.
    const [{ race: other }] = h.setup({ client: { ...OWN, port: 40_002 }, service: 1 });
    expect(sources(h, other!, [2])).toEqual([OWN.address]);
  });

  it('leaves by no route that has no address of its own', () => {
    const bare = { 4: new Int32Array(0), 6: new Int32Array(0) };
    const h = new Harness(
      3,
      {},
      routes(3, ({ number }) => (number === 2 ? { translate: false, addresses: bare } : {})),
    );
    h.setup({ client: OWN, isLocal: true });
    expect(h.words).toEqual(['attempt 1', 'attempt 3', 'drop']);
  });

  it('the winner is bound to what its copy left with', () => {
    const h = new Harness(3);
    h.setup({ client: OWN, isLocal: true });
    const port = h.engine.races.natPort[0];
    h.answer(2, { from: SERVER, to: { address: words('203.0.2.2'), port } });
    expect(h.words).toEqual(['commit 2']);
  });
});

it('what has one way alone goes by that', () => {
  const h = new Harness(3);
  h.setup({ client: OWN, isLocal: true, hasWay: true });
  expect(h.last).toEqual([{ kind: 'release', route: 0, reason: 'way-given' }]);
  expect(h.single('way-given')).toBe(1);
  expect(h.engine.races.active).toBe(0);
});

it('the first payload decides where its service says so, also where that keeps the sources of the LAN', () => {
  for (const translate of [undefined, false as const]) {
    const h = new OpeningHarness(3, translate === false ? { translate } : {});
    h.setup({ service: 1, isLocal: true });
    h.accepts(1);
    h.shakesHands();
    h.accepts(2);
    h.accepts(3);
    h.client(REQUEST);
    h.says(3, 'ok');
    expect(h.carrier).toBe(3);
    expect(h.servers.map(({ state }) => state)).toEqual(['reset', 'reset', 'open']);
  }
});
