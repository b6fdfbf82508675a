/** Rules of `routes`: names, interfaces, and what the keys of one route say to each other. */

import { MAX_ROUTES, MIN_ROUTES } from '../bounds.js';
import { isReserved } from '../criteria.js';
import { CheckMapping } from '../schema/check.js';
import { type RouteFile, RouteSchema } from '../schema/routes.js';
import type { AddressSet } from '../values/addresses.js';
import { splitPrefix } from '../values/prefixes.js';
import { formatDuration } from '../values/quantities.js';
import { isName, NAME_ALLOWED } from '../values/texts.js';
import type { YamlSource } from '../yaml-source.js';
import { type CrossProblem, isMapping, itemPaths, rawAt, readPart } from './parts.js';

export function checkRoutes(source: YamlSource, names: readonly string[]): readonly CrossProblem[] {
  const routes = names.map((name) => readRoute(source, name));
  return [
    ...checkNames(source, names),
    ...checkInterfaces(source, routes),
    ...routes.flatMap((route) => [
      ...checkFamilies(route),
      ...checkPrefix(route),
      ...checkCheck(source, route),
    ]),
  ];
}

/** The keys of a route that could be read, each on its own. */
interface RouteParts {
  readonly name: string;
  readonly interface: string | undefined;
  readonly gateway: RouteFile['gateway'] | undefined;
  readonly addresses: RouteFile['addresses'] | undefined;
  readonly translate: RouteFile['translate'] | undefined;
  readonly mtu: RouteFile['mtu'] | undefined;
}

function readRoute(source: YamlSource, name: string): RouteParts {
  const { shape } = RouteSchema;
  return {
    name,
    interface: readPart(shape.interface, source, ['routes', name, 'interface']),
    gateway: readPart(shape.gateway, source, ['routes', name, 'gateway']),
    addresses: readPart(shape.addresses, source, ['routes', name, 'addresses']),
    translate: readPart(shape.translate, source, ['routes', name, 'translate']),
    mtu: readPart(shape.mtu, source, ['routes', name, 'mtu']),
  };
}

function checkNames(source: YamlSource, names: readonly string[]): CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: two per key of the file.
  // Only a mapping can have too few routes; anything else is reported as such.
  const countable = isMapping(rawAt(source, ['routes']));
  if (countable && (names.length < MIN_ROUTES || names.length > MAX_ROUTES)) {
    const expected = `${MIN_ROUTES} to ${MAX_ROUTES} routes`;
    const found = names.length === 1 ? '1 route' : `${names.length} routes`;
    const message = names.length < MIN_ROUTES ? 'Too few routes.' : 'Too many routes.';
    problems.push({ path: ['routes'], at: 'key', found, expected, message });
  }
  for (const name of names) {
    const found = JSON.stringify(name.slice(0, 60));
    const path = ['routes', name];
    if (!isName(name)) {
      problems.push({ path, at: 'key', found, expected: NAME_ALLOWED, message: 'Not a name.' });
    } else if (isReserved(name)) {
      const message = 'A route must not be called `rest` or like a criterion.';
      problems.push({ path, at: 'key', found, expected: 'another name', message });
    }
  }
  return problems;
}

function checkInterfaces(source: YamlSource, routes: readonly RouteParts[]): CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: by pairs of MAX_ROUTES.
  const lan = [rawAt(source, ['lan'])].flat();
  const checked = routes.slice(0, MAX_ROUTES);
  checked.forEach((route, index) => {
    if (route.interface === undefined) return;
    if (lan.includes(route.interface)) {
      const message = `${route.interface} is an interface of \`lan\` as well.`;
      const expected = 'an interface that is not in lan';
      problems.push({ path: ['routes', route.name, 'interface'], at: 'value', expected, message });
    }
    for (const other of checked.slice(0, index)) {
      if (other.interface !== route.interface) continue;
      const shared = sharedAddress(route.addresses, other.addresses);
      if (shared === undefined) continue;
      const message = `Route ${other.name} has the same interface, and ${shared}.`;
      const expected = 'addresses that no other route on this interface has';
      problems.push({ path: ['routes', route.name, 'addresses'], at: 'value', expected, message });
    }
  });
  return problems;
}

type Addresses = RouteParts['addresses'];

function sharedAddress(a: Addresses, b: Addresses): string | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === 'auto' || b === 'auto') return 'one of the two takes all its addresses by `auto`';
  const address = [...a.ipv4, ...a.ipv6].find((one) => b.ipv4.includes(one) || b.ipv6.includes(one));
  return address === undefined ? undefined : `the same address ${address}`;
}

/** RFC 8200 section 5. */
export const MIN_IPV6_MTU = 1280;

const FAMILIES = [
  ['ipv4', 'IPv4'],
  ['ipv6', 'IPv6'],
] as const;

function checkFamilies({ name, addresses, gateway, mtu }: RouteParts): CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: a handful per route.
  const complain = (key: string, expected: string, message: string): void => {
    problems.push({ path: ['routes', name, key], at: 'value', expected, message });
  };
  if (isWritten(addresses) && isWritten(gateway)) {
    for (const [family, title] of FAMILIES) {
      const pool = addresses[family];
      const hops = gateway[family];
      if (pool.length > 0 && hops.length === 0) {
        const message = `The addresses include ${title} but the next hop does not.`;
        complain('gateway', `an ${title} next hop too, or auto`, message);
      }
      if (pool.length === 0 && hops.length > 0) {
        const message = `The next hop includes ${title} but the addresses do not.`;
        complain('addresses', `an ${title} address too, or auto`, message);
      }
      const own = hops.find((hop) => pool.includes(hop));
      if (own !== undefined) {
        complain('gateway', 'the address of the provider', `${own} is an address of the route itself.`);
      }
    }
  }
  if (isBelowIpv6(mtu) && (hasIpv6(addresses) || hasIpv6(gateway))) {
    complain('mtu', `${MIN_IPV6_MTU} to 65535`, 'Too small for IPv6, which the route carries.');
  }
  return problems;
}

/** RFC 6296 section 3: both prefixes of one length. */
function checkPrefix(route: RouteParts): CrossProblem[] {
  const { name, translate } = route;
  if (typeof translate !== 'object') return [];
  const path = ['routes', name, 'translate'];
  const [inside, outside] = [translate.inside, translate.outside].map((prefix) => splitPrefix(prefix).length);
  const problems: CrossProblem[] = []; // BOUNDED: 2.
  if (inside !== outside) {
    const message = `The prefix inside has ${inside} bits, the one outside ${outside}.`;
    problems.push({ path: [...path, 'outside'], at: 'value', expected: `a /${inside} prefix`, message });
  }
  if (leavesOut(route, 'ipv6')) {
    const message = 'The route does not carry IPv6, so it has no prefix to translate.';
    problems.push({ path, at: 'value', expected: 'true or false', message });
  }
  return problems;
}

/** Answers must have time to come, and a target a way to be asked. */
function checkCheck(source: YamlSource, route: RouteParts): CrossProblem[] {
  const path = ['routes', route.name, 'check'];
  const { interval, timeout, targets } = CheckMapping.shape;
  const problems: CrossProblem[] = []; // BOUNDED: MAX_TARGETS and one.
  const written = isMapping(rawAt(source, path));
  if (written) {
    const intervalMs = readPart(interval, source, [...path, 'interval']);
    const timeoutMs = readPart(timeout, source, [...path, 'timeout']);
    if (intervalMs !== undefined && timeoutMs !== undefined && timeoutMs > intervalMs) {
      const message = `Longer than \`interval\`, which is ${formatDuration(intervalMs)}.`;
      problems.push({ path: [...path, 'timeout'], at: 'value', expected: 'at most the interval', message });
    }
  }
  const place = written ? [...path, 'targets'] : path;
  const items = itemPaths(source, place);
  readPart(targets, source, place)?.forEach(({ address }, index) => {
    const [family, title] = FAMILIES[address.includes(':') ? 1 : 0];
    if (!leavesOut(route, family)) return;
    const message = `The target is ${title}, which the route does not carry.`;
    const expected = `a target of the other family, or ${title} addresses for the route`;
    problems.push({ path: items[index], at: 'value', expected, message });
  });
  return problems;
}

/** Whether the file says that the route does not carry this family. */
function leavesOut({ addresses, gateway, mtu }: RouteParts, family: 'ipv4' | 'ipv6'): boolean {
  if (isWritten(addresses) && addresses[family].length === 0) return true;
  if (isWritten(gateway) && gateway[family].length === 0) return true;
  return family === 'ipv6' && isBelowIpv6(mtu);
}

function isBelowIpv6(mtu: RouteParts['mtu']): boolean {
  return typeof mtu === 'number' && mtu < MIN_IPV6_MTU;
}

function isWritten(value: 'auto' | AddressSet | undefined): value is AddressSet {
  return value !== undefined && value !== 'auto';
}

function hasIpv6(value: 'auto' | AddressSet | undefined): boolean {
  return isWritten(value) && value.ipv6.length > 0;
}
