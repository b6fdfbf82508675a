/** Rules between keys. Each looks only at the parts that could be read, so that one mistake hides no other. */
import type { AddressSet } from './addresses.js';
import { ConfigSchema, MAX_ROUTES, MAX_SERVICES, MIN_ROUTES, type RouteFile } from './schema.js';
import { isName, NAME_ALLOWED } from './values.js';
import { CRITERIA, nearest } from './vocabulary.js';
import type { Path, YamlSource } from './yaml-source.js';

/** A mistake found by comparing keys. */
export interface CrossProblem {
  readonly path: Path;
  /** Whether the key or its value is to be shown. */
  readonly at: 'key' | 'value';
  readonly found?: string;
  readonly expected: string;
  readonly message: string;
}

export function crossCheck(source: YamlSource): readonly CrossProblem[] {
  const names = source.keysAt(['routes']);
  const routes = names.map((name) => readRoute(source, name));
  return [
    ...checkRouteNames(source, names),
    ...checkInterfaces(source, routes),
    ...routes.flatMap(checkRoute),
    ...checkServices(source, names),
    ...checkRest(source, names),
    ...checkKernel(source),
  ];
}

/** The keys of a route that could be read, each on its own. */
interface RouteParts {
  readonly name: string;
  readonly interface: string | undefined;
  readonly gateway: RouteFile['gateway'] | undefined;
  readonly addresses: RouteFile['addresses'] | undefined;
  readonly mtu: number | undefined;
}

function readRoute(source: YamlSource, name: string): RouteParts {
  const { shape } = ConfigSchema.shape.routes.valueType;
  return {
    name,
    interface: readPart(shape.interface, source, ['routes', name, 'interface']),
    gateway: readPart(shape.gateway, source, ['routes', name, 'gateway']),
    addresses: readPart(shape.addresses, source, ['routes', name, 'addresses']),
    mtu: readPart(shape.mtu, source, ['routes', name, 'mtu']),
  };
}

function checkRouteNames(source: YamlSource, names: readonly string[]): CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: two per key of the file.
  // Only a mapping can have too few routes; anything else is reported as such.
  if (isMapping(source.value, 'routes') && (names.length < MIN_ROUTES || names.length > MAX_ROUTES)) {
    const expected = `${MIN_ROUTES} to ${MAX_ROUTES} routes`;
    const found = names.length === 1 ? '1 route' : `${names.length} routes`;
    const message = names.length < MIN_ROUTES ? 'Too few routes.' : 'Too many routes.';
    problems.push({ path: ['routes'], at: 'key', found, expected, message });
  }
  for (const name of names) {
    const found = JSON.stringify(name.slice(0, 60));
    if (!isName(name)) {
      problems.push({
        path: ['routes', name],
        at: 'key',
        found,
        expected: NAME_ALLOWED,
        message: 'Not a name.',
      });
    } else if (isCriterion(name)) {
      const message = 'A route must not be called like a criterion.';
      problems.push({ path: ['routes', name], at: 'key', found, expected: 'another name', message });
    }
  }
  return problems;
}

function checkInterfaces(source: YamlSource, routes: readonly RouteParts[]): CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: by pairs of MAX_ROUTES.
  const lan = [member(source.value, 'lan')].flat();
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

function checkRoute({ name, addresses, gateway, mtu }: RouteParts): CrossProblem[] {
  const path = ['routes', name];
  const problems: CrossProblem[] = []; // BOUNDED: a handful per route.
  if (isWritten(addresses) && isWritten(gateway)) {
    for (const [family, title] of FAMILIES) {
      if (addresses[family].length > 0 && gateway[family].length === 0) {
        const message = `The addresses include ${title} but the next hop does not.`;
        problems.push({
          path: [...path, 'gateway'],
          at: 'value',
          expected: `an ${title} next hop too, or auto`,
          message,
        });
      }
      if (addresses[family].length === 0 && gateway[family].length > 0) {
        const message = `The next hop includes ${title} but the addresses do not.`;
        problems.push({
          path: [...path, 'addresses'],
          at: 'value',
          expected: `an ${title} address too, or auto`,
          message,
        });
      }
      const own = gateway[family].find((hop) => addresses[family].includes(hop));
      if (own !== undefined) {
        const message = `${own} is an address of the route itself.`;
        problems.push({
          path: [...path, 'gateway'],
          at: 'value',
          expected: 'the address of the provider',
          message,
        });
      }
    }
  }
  if (mtu !== undefined && mtu < MIN_IPV6_MTU && (hasIpv6(addresses) || hasIpv6(gateway))) {
    const message = 'Too small for IPv6, which the route carries.';
    problems.push({ path: [...path, 'mtu'], at: 'value', expected: `${MIN_IPV6_MTU} to 65535`, message });
  }
  return problems;
}

/** RFC 8200 section 5. */
export const MIN_IPV6_MTU = 1280;

const FAMILIES = [
  ['ipv4', 'IPv4'],
  ['ipv6', 'IPv6'],
] as const;

function isWritten(value: 'auto' | AddressSet | undefined): value is AddressSet {
  return value !== undefined && value !== 'auto';
}

function hasIpv6(value: 'auto' | AddressSet | undefined): boolean {
  return isWritten(value) && value.ipv6.length > 0;
}

function checkServices(source: YamlSource, names: readonly string[]): CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: a handful per service of the file.
  const list = member(source.value, 'services');
  if (!Array.isArray(list)) return problems;
  if (list.length > MAX_SERVICES) {
    const expected = `at most ${MAX_SERVICES} services`;
    problems.push({ path: ['services'], at: 'key', expected, message: 'Too many services.' });
  }
  const seen = new Set<string>(); // BOUNDED: one per service of the file.
  const { name: nameSchema, select: selectSchema } = ConfigSchema.shape.services.unwrap().element.shape;
  list.forEach((_, index) => {
    const name = readPart(nameSchema, source, ['services', index, 'name']);
    if (name !== undefined && seen.has(name)) {
      const message = 'Another service above has this name.';
      problems.push({ path: ['services', index, 'name'], at: 'value', expected: 'another name', message });
    }
    if (name !== undefined) seen.add(name);
    const select = readPart(selectSchema, source, ['services', index, 'select']);
    if (select === undefined || select === 'race' || names.includes(select)) return;
    const path = ['services', index, 'select'];
    const later = (CRITERIA as readonly string[]).includes(select);
    const message = later
      ? 'This criterion belongs to a later release.'
      : unknownRoute(select, ['race', ...names]);
    problems.push({ path, at: 'value', expected: oneOfWords(['race', ...names]), message });
  });
  return problems;
}

function checkRest(source: YamlSource, names: readonly string[]): CrossProblem[] {
  const path = ['rest', 'route'];
  const route = readPart(ConfigSchema.shape.rest.shape.route, source, path);
  if (route === undefined || names.includes(route)) return [];
  return [{ path, at: 'value', expected: oneOfWords(names), message: unknownRoute(route, names) }];
}

/** The local, main and default rules of Linux end at these; ours must come before main. */
const MAIN_RULE_PRIORITY = 32766;

function checkKernel(source: YamlSource): CrossProblem[] {
  const first = readPart(ConfigSchema.shape.kernel.unwrap().shape.rulePriority, source, [
    'kernel',
    'rulePriority',
  ]);
  if (first === undefined || first + 4 * MAX_ROUTES < MAIN_RULE_PRIORITY) return [];
  const expected = `at most ${MAIN_RULE_PRIORITY - 4 * MAX_ROUTES - 1}`;
  return [
    { path: ['kernel', 'rulePriority'], at: 'value', expected, message: 'Leaves no room for the rules.' },
  ];
}

function unknownRoute(found: string, words: readonly string[]): string {
  const meant = nearest(found, words);
  return `There is no such route${meant === undefined ? '.' : `; did you mean ${meant}?`}`;
}

function oneOfWords(words: readonly string[]): string {
  return words.length === 0
    ? 'the name of a route'
    : words
        .slice(0, MAX_ROUTES + 1)
        .join(', ')
        .slice(0, 600);
}

function isCriterion(name: string): boolean {
  return (CRITERIA as readonly string[]).includes(name.toLowerCase());
}

/** The value at `path` as the schema reads it; undefined if it is not there or has mistakes of its own. */
function readPart<T>(schema: SafeParser<T>, source: YamlSource, path: Path): T | undefined {
  let value: unknown = source.value;
  for (const step of path) value = member(value, step);
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}

interface SafeParser<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

function member(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Record<string | number, unknown>)[step];
}

function isMapping(value: unknown, key: string): boolean {
  const inner = member(value, key);
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner);
}
