/** Kernel states worth looking at as text: each has a golden `NAME.nft` and `NAME.ip` beside this file. */
import { parseConfig } from '../../src/config/load.js';
import { type DesiredState, desiredState, type QueueMethod } from '../../src/kernel/desired.js';
import type { Link, LinkSnapshot } from '../../src/kernel/links.js';
import { resolveRoutes } from '../../src/kernel/routes.js';
import type { GatewayConfig } from '../../src/model/config.js';

/** Every interface of the examples, up, without addresses. */
export function link(name: string, index: number, changes: Partial<Link> = {}): Link {
  return {
    index,
    name,
    up: true,
    carrier: true,
    mtu: 1500,
    pointToPoint: false,
    ipv6Tentative: false,
    ipv4: [],
    ipv6: [],
    ...changes,
  };
}

export function snapshot(links: readonly Link[], gateways: Record<string, object> = {}): LinkSnapshot {
  return { links: new Map(links.map((one) => [one.name, one])), gateways: new Map(Object.entries(gateways)) };
}

const LINKS = [link('lan0', 2), link('wan1', 3), link('wan2', 4), link('wan3', 5)];

export function config(yaml: string): GatewayConfig {
  return parseConfig(yaml, 'example.yaml');
}

function state(yaml: string, method: QueueMethod = 'nft', links: readonly Link[] = LINKS): DesiredState {
  const parsed = config(yaml);
  return desiredState(parsed, resolveRoutes(parsed, snapshot(links)), method);
}

/** Two routes, IPv4 only: the least that makes a gateway. */
export const TWO_ROUTES = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: 203.0.1.1, addresses: [203.0.1.2] }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: a }
`;

/** The configuration that the command line promises to accept as it stands. */
export const THREE_ROUTES = `
control: /run/pathrace/test.sock
lan: [lan0]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"] }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
  c: { interface: wan3, gateway: 203.0.3.1, addresses: [203.0.3.2] }
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: a }
memory: { trust: 0s }        # 0s: race every connection
`;

const POOLS = `
lan: [lan0, lan1]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2-203.0.1.6, "fd03:1::2", "fd03:1::3"] }
  b: { interface: wan2, gateway: [203.0.2.1, "fd03:2::1"], addresses: [203.0.2.2, 203.0.2.9, "fd03:2::2"], mtu: 1400 }
services:
  - { name: web, match: { tcp: [80, 443, "8000-8999"] }, select: race }
rest: { route: b }
limits: { racePorts: "40000-49999", raceRatePerClient: 100, raceBurstPerClient: 150 }
kernel: { queue: 7000, table: 300, rulePriority: 1000 }
`;

const UNTRANSLATED = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: auto, translate: false }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: a }
`;

const FIXED_ROUTE = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"] }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
services:
  - { name: backup, match: { tcp: [873, 22] }, select: b }
  - { name: web, match: { tcp: [80, 443] }, select: race }
rest: { route: a }
`;

const REST_UNTRANSLATED = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"] }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
services:
  - { name: web, match: { tcp: 443 }, select: race }
rest: { route: a, translate: false }
`;

const OVERLAPPING_PORTS = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: 203.0.1.1, addresses: [203.0.1.2] }
  b: { interface: wan1, gateway: 203.0.1.254, addresses: [203.0.1.3] }
services:
  - { name: web, match: { tcp: [80, "80-90", "85-100", 443, 443] }, select: race }
rest: { route: a }
`;

const SAME_INTERFACE_UNTRANSLATED = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: 203.0.1.1, addresses: [203.0.1.2], translate: false }
  b: { interface: wan1, gateway: 203.0.1.254, addresses: [203.0.1.3], translate: false }
services:
  - { name: web, match: { tcp: 80 }, select: race }
rest: { route: a }
`;

/** Sixteen routes of four addresses each: the most routes. */
const SIXTEEN = `
lan: [lan0]
routes:
${Array.from(
  { length: 16 },
  (_, i) =>
    `  r${i + 1}: { interface: wan${i + 1}, gateway: 203.0.${i + 1}.1, addresses: [203.0.${i + 1}.2-203.0.${i + 1}.5] }`,
).join('\n')}
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: r16 }
`;

const withDown = LINKS.map((one) => (one.name === 'wan1' ? { ...one, carrier: false } : one));
const many = [link('lan0', 2), ...Array.from({ length: 16 }, (_, i) => link(`wan${i + 1}`, i + 3))];
const dialled = [...LINKS.slice(0, 2), link('wan2', 4, { pointToPoint: true, mtu: 1492 })];
const DIALLED = TWO_ROUTES.replace('gateway: 203.0.2.1', 'gateway: auto');

export const STATES: Readonly<Record<string, DesiredState>> = {
  'two-routes': state(TWO_ROUTES),
  'two-routes-xt': state(TWO_ROUTES, 'xt'),
  'three-routes': state(THREE_ROUTES),
  'three-routes-a-down': state(THREE_ROUTES, 'nft', withDown),
  pools: state(POOLS, 'xt'),
  untranslated: state(UNTRANSLATED),
  'fixed-route': state(FIXED_ROUTE),
  'rest-untranslated': state(REST_UNTRANSLATED),
  'point-to-point': desiredState(
    config(DIALLED),
    resolveRoutes(config(DIALLED), snapshot(dialled, { wan2: { ipv4: null } })),
    'nft',
  ),
  'overlapping-ports': state(OVERLAPPING_PORTS),
  'same-interface-untranslated': state(SAME_INTERFACE_UNTRANSLATED),
  'sixteen-routes': state(SIXTEEN, 'nft', many),
};
