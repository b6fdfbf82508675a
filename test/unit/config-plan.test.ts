import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planReload } from '../../src/config/plan.js';
import { succession } from '../../src/config/succession.js';
import { Numbers } from '../../src/daemon/numbers.js';
import type { GatewayConfig } from '../../src/model/config.js';
import { read } from './config-tools.js';

/** A configuration of routes by name, in this order; `only` is a service fixed to the first. */
function withRoutes(routes: Readonly<Record<string, string>>, services = ''): GatewayConfig {
  const lines = Object.entries(routes).map(([name, rest]) => `  ${name}: { ${rest} }\n`);
  const [first] = Object.keys(routes);
  return read(`lan: [lan0]\nroutes:\n${lines.join('')}services: [${services}]\nrest: { route: ${first} }\n`);
}

const THREE = { a: 'interface: wan1', b: 'interface: wan2', c: 'interface: wan3' };

function effects(before: GatewayConfig, after: GatewayConfig): string[] {
  return planReload(before, after, before.routes.length, (name) => name.charCodeAt(0) - 96).effects.map(
    ({ route, becomes, connections, fate, text }) => `${route} ${becomes} ${connections} ${fate}: ${text}`,
  );
}

describe('what becomes of connections', () => {
  it('is nothing where nothing is renamed, moved or removed', () => {
    expect(effects(withRoutes(THREE), withRoutes({ ...THREE, a: 'interface: wan1, weight: 7' }))).toEqual([]);
    expect(effects(withRoutes(THREE), withRoutes({ ...THREE, d: 'interface: wan4' }))).toEqual([]);
  });

  it('follows the interface when a route is renamed', () => {
    const after = withRoutes({ fiber: THREE.a, b: THREE.b, c: THREE.c });
    expect(effects(withRoutes(THREE), after)).toEqual([
      'a fiber 1 stay: the connections of a (wan1) go on as those of fiber',
    ]);
  });

  it('follows the interfaces when two routes change places', () => {
    const after = withRoutes({ a: THREE.b, b: THREE.a, c: THREE.c });
    expect(effects(withRoutes(THREE), after)).toEqual([
      'a b 1 stay: the connections of a (wan1) go on as those of b',
      'b a 2 stay: the connections of b (wan2) go on as those of a',
    ]);
  });

  it('follows the addresses when two routes share an interface', () => {
    const before = withRoutes({
      a: 'interface: wan1, gateway: 203.0.1.1, addresses: 203.0.1.2',
      b: 'interface: wan1, gateway: 203.0.1.1, addresses: 203.0.1.3',
    });
    const after = withRoutes({
      a: 'interface: wan1, gateway: 203.0.1.1, addresses: 203.0.1.3',
      b: 'interface: wan1, gateway: 203.0.1.1, addresses: 203.0.1.2',
    });
    expect([...succession(before, after).routes].sort()).toEqual([
      ['a', 'b'],
      ['b', 'a'],
    ]);
  });

  it('says that an order is for new connections, and names what is cut', () => {
    expect(effects(withRoutes(THREE), withRoutes({ c: THREE.c, a: THREE.a, b: THREE.b }))).toEqual([
      'null null null stay: the order of the routes counts for new connections alone',
    ]);
    expect(effects(withRoutes(THREE), withRoutes({ a: THREE.a, b: THREE.b }))).toEqual([
      'c null 3 cut: the connections of c (wan3) are cut: no route goes on for it',
    ]);
    expect(effects(withRoutes(THREE), withRoutes({ ...THREE, c: 'interface: wan9' }))).toEqual([
      'c c 3 cut-without-address: the connections of c (wan3) are cut, but for those with an address that wan9 has, too',
    ]);
    const pool = (addresses: string, link = 'wan1'): GatewayConfig =>
      withRoutes({ ...THREE, a: `interface: ${link}, gateway: 203.0.1.1, addresses: ${addresses}` });
    expect(effects(pool('[203.0.1.2, 203.0.1.3]'), pool('203.0.1.3'))).toEqual([
      'a a 1 cut-without-address: of the connections of a (wan1) those with 203.0.1.2 are cut',
    ]);
    expect(effects(pool('203.0.1.2'), pool('203.0.1.2', 'wan9'))).toEqual([
      'a a 1 stay: the connections of a (wan1) go on by wan9, with their addresses',
    ]);
  });

  it('keeps the groups of a service that only gets another name', () => {
    const service = (name: string, route: string): string =>
      `{ name: ${name}, match: { tcp: 80 }, select: ${route} }`;
    const before = withRoutes(THREE, service('web', 'a'));
    expect(
      effects(before, withRoutes({ fiber: THREE.a, b: THREE.b, c: THREE.c }, service('www', 'fiber'))),
    ).toEqual([
      'a fiber 1 stay: the connections of a (wan1) go on as those of fiber',
      'null null null stay: service web goes on as www, with its groups',
    ]);
    expect([...succession(before, withRoutes(THREE, service('www', 'b'))).services]).toEqual([]);
  });
});

describe('numbers', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 2, maxLength: 5 });
  const links = fc.shuffledSubarray(['wan1', 'wan2', 'wan3', 'wan4', 'wan5'], { minLength: 5 });
  const config = fc
    .tuple(names, links)
    .map(([all, on]) => withRoutes(Object.fromEntries(all.map((name, i) => [name, `interface: ${on[i]}`]))));

  it('stay with the interface over any change, whoever is called what, and none is given twice', () => {
    fc.assert(
      fc.property(config, fc.array(config, { minLength: 1, maxLength: 4 }), (first, others) => {
        const numbers = new Numbers(16);
        numbers.assign(first.routes.map(({ name }) => name));
        let now = first;
        for (const next of others) {
          const before = new Map(now.routes.map((route) => [route.interface, numbers.of(route.name)]));
          const undo = numbers.keep();
          const old = numbers.list();
          const pairs = succession(now, next).routes;
          const moved = new Map([...pairs].filter(([name, was]) => name !== was));
          numbers.follow(moved);
          numbers.assign(next.routes.map(({ name }) => name));
          for (const route of next.routes) {
            const had = before.get(route.interface);
            if (had !== undefined) expect(numbers.of(route.name)).toBe(had);
          }
          const given = next.routes.map(({ name }) => numbers.of(name));
          expect(new Set(given).size).toBe(given.length);
          expect(given).not.toContain(0);
          const list = numbers.list();
          undo();
          expect(numbers.list()).toEqual(old);
          numbers.follow(moved);
          numbers.assign(next.routes.map(({ name }) => name));
          expect(numbers.list()).toEqual(list);
          now = next;
        }
      }),
    );
  });
});
