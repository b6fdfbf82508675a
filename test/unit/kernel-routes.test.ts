import { describe, expect, it } from 'vitest';
import { desiredState } from '../../src/kernel/desired.js';
import type { Link } from '../../src/kernel/links.js';
import { type ResolvedRoute, resolveRoutes } from '../../src/kernel/routes.js';
import { choices, config, link, snapshot, THREE_ROUTES, TWO_ROUTES } from '../golden/states.js';

/** The first route of a configuration with two, given the state of its interface. */
function first(
  route: string,
  changes: Partial<Link> | null,
  learnt?: { ipv4?: string | null; ipv6?: string | null },
): ResolvedRoute {
  const yaml = `
lan: [lan0]
routes:
  a: { interface: wan1, ${route} }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
rest: { route: a }
`;
  const links = [link('wan2', 4), ...(changes === null ? [] : [link('wan1', 3, changes)])];
  return resolveRoutes(config(yaml), snapshot(links, learnt === undefined ? {} : { wan1: learnt }))[0];
}

const WRITTEN = 'gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"]';
const AUTO = 'gateway: auto, addresses: auto';
const HAS4 = { ipv4: [{ address: '203.0.1.9', prefixLength: 24 }] };
const HAS6 = { ipv6: [{ address: 'fd03:1::9', prefixLength: 64 }] };

describe('a route as it is written', () => {
  it('is up with the interface, whatever the kernel knows', () => {
    expect(first(WRITTEN, {})).toMatchObject({
      number: 1,
      interfaceIndex: 3,
      state: 'up',
      reasons: [],
      mtu: 1500,
      ipv4: { addresses: ['203.0.1.2'], gateway: '203.0.1.1' },
      ipv6: { addresses: ['fd03:1::2'], gateway: 'fd03:1::1' },
    });
  });

  it.each([
    ['interface-missing', null],
    ['interface-down', { up: false, carrier: false }],
    ['no-carrier', { carrier: false }],
  ])('is down: %s', (reason, changes) => {
    expect(first(WRITTEN, changes)).toMatchObject({
      state: 'down',
      reasons: [reason],
      ipv4: null,
      ipv6: null,
    });
  });

  it('loses IPv6 alone where that is switched off on the interface', () => {
    const off = { ipv6Off: true as const };
    const found = first(WRITTEN, { ...HAS4, ...off });
    expect(found).toMatchObject({ state: 'up', reasons: ['ipv6-switched-off'], ipv6: null });
    expect(found.ipv4?.addresses).toEqual(['203.0.1.2']);
    // Who does not say that it carries IPv6 misses nothing.
    expect(first(AUTO, { ...HAS4, ...off }, { ipv4: '203.0.1.1' })).toMatchObject({
      state: 'up',
      reasons: [],
    });
    expect(first('gateway: "fd03:1::1", addresses: "fd03:1::2"', off)).toMatchObject({
      state: 'down',
      reasons: ['switched-off'],
    });
  });

  it('carries only the families it names', () => {
    expect(first('gateway: 203.0.1.1, addresses: [203.0.1.2]', HAS6)).toMatchObject({
      state: 'up',
      ipv6: null,
      ipv4: { gateway: '203.0.1.1' },
    });
  });

  it('has the smaller of its own MTU and the interface’s', () => {
    expect(first(`${WRITTEN}, mtu: 1400`, {}).mtu).toBe(1400);
    expect(first(`${WRITTEN}, mtu: 9000`, { mtu: 1492 }).mtu).toBe(1492);
    expect(first(`${WRITTEN}, mtu: 1400`, null).mtu).toBe(1400);
  });
});

describe('a route that follows the kernel', () => {
  it('takes every address and the next hop of both families', () => {
    const found = first(AUTO, { ...HAS4, ...HAS6 }, { ipv4: '203.0.1.1', ipv6: 'fe80::1' });
    expect(found).toMatchObject({
      state: 'up',
      reasons: [],
      ipv4: { addresses: ['203.0.1.9'], gateway: '203.0.1.1' },
      ipv6: { addresses: ['fd03:1::9'], gateway: 'fe80::1' },
    });
  });

  it('does without a family that is not there', () => {
    expect(first(AUTO, HAS4, { ipv4: '203.0.1.1' })).toMatchObject({ state: 'up', ipv6: null });
    expect(first(AUTO, HAS6, { ipv6: 'fe80::1' })).toMatchObject({ state: 'up', ipv4: null });
  });

  it('is down without an address, and without a next hop', () => {
    expect(first(AUTO, {}, { ipv4: '203.0.1.1' })).toMatchObject({ state: 'down', reasons: ['no-address'] });
    expect(first(AUTO, HAS4)).toMatchObject({ state: 'down', reasons: ['no-gateway', 'no-address'] });
  });

  it('needs no next hop on a point-to-point link, or where the kernel’s own route has none', () => {
    const link4 = { addresses: ['203.0.1.9'], gateway: null };
    expect(first(AUTO, { ...HAS4, pointToPoint: true })).toMatchObject({ state: 'up', ipv4: link4 });
    expect(first(AUTO, HAS4, { ipv4: null })).toMatchObject({ state: 'up', ipv4: link4 });
  });

  it('mixes what is written and what is learnt', () => {
    expect(first('gateway: auto, addresses: [203.0.1.7]', {}, { ipv4: '203.0.1.1' })).toMatchObject({
      ipv4: { addresses: ['203.0.1.7'], gateway: '203.0.1.1' },
    });
    expect(first('gateway: 203.0.1.254, addresses: auto', HAS4, { ipv4: '203.0.1.1' })).toMatchObject({
      ipv4: { addresses: ['203.0.1.9'], gateway: '203.0.1.254' },
    });
  });

  it('needs no address of its own when it keeps the inside ones', () => {
    expect(first(`${AUTO}, translate: false`, {}, { ipv4: '203.0.1.1' })).toMatchObject({
      state: 'up',
      ipv4: { addresses: [], gateway: '203.0.1.1' },
    });
  });
});

describe('desiredState', () => {
  const three = config(THREE_ROUTES);
  const links = [link('wan1', 3), link('wan2', 4), link('wan3', 5)];
  const of = (yaml: string, present: readonly Link[] = links) => {
    const parsed = config(yaml);
    const resolved = resolveRoutes(parsed, snapshot(present));
    return desiredState(
      parsed,
      resolved,
      { queue: 'nft', ipsec: false, log: true },
      choices(parsed, resolved),
    );
  };

  it('numbers routes, marks and tables in the order of the file', () => {
    const resolved = resolveRoutes(three, snapshot(links));
    const state = desiredState(
      three,
      resolved,
      { queue: 'xt', ipsec: false, log: true },
      choices(three, resolved),
    );
    expect(state.routes.map(({ number, name, mark, table }) => [number, name, mark, table])).toEqual([
      [1, 'a', 0x01000000, 20501],
      [2, 'b', 0x02000000, 20502],
      [3, 'c', 0x03000000, 20503],
    ]);
    expect(state.queue).toEqual({ lan: 5050, wan: 5051, dns: 5052, calls: 5053, method: 'xt' });
    expect(state.racePorts).toEqual({ from: 8192, to: 32767 });
  });

  it('sends the rest by its route, by another when that is down, by the main table when none can', () => {
    expect(of(THREE_ROUTES).rest).toEqual({ ipv4: 0x21000000, ipv6: 0x21000000 });
    expect(of(THREE_ROUTES, links.slice(1)).rest).toEqual({ ipv4: 0x22000000, ipv6: 0 });
    expect(of(THREE_ROUTES, []).rest).toEqual({ ipv4: 0, ipv6: 0 });
  });

  it('keeps the inside address of the rest on its own route', () => {
    const yaml = TWO_ROUTES.replace('rest: { route: a }', 'rest: { route: a, translate: false }');
    expect(of(yaml).rest.ipv4).toBe(0x2100007e);
  });

  it('translates the rest by the rules of the other route when its own is down', () => {
    // Route a carries inside addresses as they are; nobody beyond route b knows the way back to them.
    const yaml = TWO_ROUTES.replace('addresses: [203.0.1.2]', 'addresses: auto, translate: false');
    expect(of(yaml).rest.ipv4).toBe(0x2100007e);
    expect(of(yaml, [link('wan2', 4)]).rest.ipv4).toBe(0x22000000);
  });

  it('gives a service its route per family', () => {
    const yaml = THREE_ROUTES.replace('select: race', 'select: b');
    // Route b has no IPv6: the daemon is asked, and leaves it to the rest route.
    const plan = { ipv4: { kind: 'one', values: [0x02000001] }, ipv6: null };
    expect(of(yaml).services[0].plan).toEqual(plan);
    expect(of(THREE_ROUTES).services[0].plan).toEqual({ ipv4: null, ipv6: null });
  });
});
