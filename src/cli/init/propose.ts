/** From what a machine has to the routes and the LAN of a gateway: every interface with a default route is a route. */
import { MAX_ROUTES, MIN_ROUTES } from '../../config/bounds.js';
import type { Machine, MachineAddress, MachineLink, Proposal, ProposedRoute } from './machine.js';
import { isNoLan, routeName, uplinkKind } from './naming.js';
import { contains, isPrivate } from './subnets.js';

/** As the schema has it. */
const MAX_LAN = 16;

/** What somebody has chosen instead of what is proposed. */
export interface Chosen {
  readonly uplinks?: readonly string[];
  readonly lan?: readonly string[];
}

/** Interfaces with a default route, those that the kernel prefers first, those that are paid by volume last. */
export function findUplinks({ links, defaults }: Machine): string[] {
  const names = [...new Set(defaults.map((route) => route.interface))].filter(isWritable);
  const paid = names.filter((name) => isPaid(links.find((link) => link.name === name)));
  return [...names.filter((name) => !paid.includes(name)), ...paid];
}

/** Interfaces with private addresses, and neither a default route nor what is no site's network. */
export function findLan(machine: Machine, uplinks: readonly string[]): string[] {
  return machine.links
    .filter((link) => !uplinks.includes(link.name) && !isNoLan(link) && isWritable(link.name))
    .filter(({ ipv4, ipv6 }) => [...ipv4, ...ipv6].some(({ address }) => isPrivate(address)))
    .map(({ name }) => name)
    .slice(0, MAX_LAN);
}

/** The whole file, as values. There must be an uplink. */
export function propose(machine: Machine, chosen: Chosen = {}): Proposal {
  const notes: string[] = []; // BOUNDED: a few per interface.
  const uplinks = chosen.uplinks ?? findUplinks(machine);
  const lan = chosen.lan ?? findLan(machine, uplinks);
  const routes: ProposedRoute[] = []; // BOUNDED: MAX_ROUTES, below.
  for (const name of uplinks) {
    for (const own of sharesOf(machine, name, notes)) routes.push(routeOf(machine, name, own, routes));
  }
  if (routes.length > MAX_ROUTES) {
    const left = routes.splice(MAX_ROUTES).map((route) => route.interface);
    notes.push(
      `A gateway has ${MAX_ROUTES} routes at most; these have none: ${[...new Set(left)].join(', ')}.`,
    );
  }
  while (routes.length < MIN_ROUTES) routes.push(placeholder(machine, routes, lan, notes));
  if (lan.length === 0 && chosen.lan === undefined) {
    const what = 'No interface looks like a LAN, so the connections of this machine itself are distributed';
    notes.push(`${what} (lan: local).`);
  }
  return { routes, lan, notes };
}

function routeOf(
  machine: Machine,
  name: string,
  own: ProposedRoute['own'],
  before: readonly ProposedRoute[],
): ProposedRoute {
  const link = linkOf(machine, name);
  return {
    name: routeName(
      link,
      before.map((route) => route.name),
    ),
    interface: name,
    kind: uplinkKind(link),
    own,
    found: own === null ? foundOf(machine, link) : [`IPv4 ${own.addresses.join(', ')} by ${own.gateway}`],
    isPlaceholder: false,
    cost: null,
  };
}

/** One route of the interface, or one for each next hop that has addresses of its own there. */
function sharesOf(machine: Machine, name: string, notes: string[]): ProposedRoute['own'][] {
  const hops = machine.defaults
    .filter((route) => route.interface === name && route.family === 'ipv4')
    .flatMap(({ gateway }) => (gateway === null ? [] : [gateway]));
  const gateways = [...new Set(hops)];
  if (gateways.length < 2) return [null];
  const { ipv4, ipv6 } = linkOf(machine, name);
  const shares = gateways.map((gateway) => ({ gateway, addresses: addressesTowards(ipv4, gateway) }));
  const all = shares.flatMap(({ addresses }) => addresses);
  if (shares.every(({ addresses }) => addresses.length > 0) && new Set(all).size === all.length) {
    if (ipv6.length > 0)
      notes.push(`${name} has several providers: its IPv6 addresses are in no route, add them to one.`);
    return shares;
  }
  const [, ...others] = gateways;
  const why = 'a route of its own needs an address of its own';
  notes.push(`${name} has further next hops (${others.join(', ')}) that share its address: ${why}.`);
  return [null];
}

function addressesTowards(addresses: readonly MachineAddress[], gateway: string): string[] {
  return addresses.filter((one) => contains(one, gateway)).map(({ address }) => address);
}

function foundOf({ defaults }: Machine, { name, ipv4, ipv6 }: MachineLink): string[] {
  const of = (family: 'ipv4' | 'ipv6', title: string, addresses: readonly MachineAddress[]): string[] => {
    const best = defaults.find((route) => route.interface === name && route.family === family);
    if (best === undefined) return [];
    const from =
      addresses.length === 0 ? 'without an address' : addresses.map(({ address }) => address).join(', ');
    return [`${title} ${from}${best.gateway === null ? '' : ` by ${best.gateway}`}`];
  };
  const found = [...of('ipv4', 'IPv4', ipv4), ...of('ipv6', 'IPv6', ipv6)];
  return found.length === 0 ? ['no default route yet'] : found;
}

/** A second route is part of every file; where there is no provider for it yet, an interface that waits for one, or none. */
function placeholder(
  machine: Machine,
  before: readonly ProposedRoute[],
  lan: readonly string[],
  notes: string[],
): ProposedRoute {
  const taken = [...before.map((route) => route.interface), ...lan];
  const isFree = ({ name, kind, ipv4, ipv6 }: MachineLink): boolean =>
    kind === null && !taken.includes(name) && isWritable(name) && ipv4.length + ipv6.length === 0;
  const waiting = machine.links.find((link) => isFree(link) && !isNoLan(link));
  const name = waiting?.name ?? unused(machine);
  const link = waiting ?? { name, kind: null };
  const what =
    waiting === undefined ? `${name} is the name of no interface yet` : `${name} has no default route yet`;
  const route = routeName(
    link,
    before.map((one) => one.name),
  );
  notes.push(
    `One provider was found, and a gateway is for two: route ${route} stands for the second one; ${what}.`,
  );
  return {
    name: route,
    interface: name,
    kind: uplinkKind(link),
    own: null,
    found: [what],
    isPlaceholder: true,
    cost: null,
  };
}

function unused({ links }: Machine): string {
  for (let number = 2; ; number++) {
    if (links.every(({ name }) => name !== `wan${number}`)) return `wan${number}`;
  }
}

function linkOf({ links }: Machine, name: string): MachineLink {
  return links.find((link) => link.name === name) ?? { name, kind: null, master: null, ipv4: [], ipv6: [] };
}

function isPaid(link: MachineLink | undefined): boolean {
  return link !== undefined && ['modem', 'usb'].includes(uplinkKind(link));
}

/** What a file may name. `local` is the machine itself there. */
export function isWritable(name: string): boolean {
  return /^[A-Za-z0-9_.@+-]{1,15}$/.test(name) && name !== 'local';
}
