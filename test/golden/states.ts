/** Kernel states worth looking at as text: each has a golden `NAME.nft` and `NAME.ip` beside this file. */
import { parseConfig } from '../../src/config/load.js';
import { createFacts } from '../../src/core/choose/criterion.js';
import { kernelChoices } from '../../src/daemon/choices.js';
import { engineServices } from '../../src/daemon/engine-routes.js';
import { Numbers } from '../../src/daemon/numbers.js';
import {
  type DesiredState,
  desiredState,
  type KernelChoices,
  type QueueMethod,
} from '../../src/kernel/desired.js';
import type { Link, LinkSnapshot } from '../../src/kernel/links.js';
import type { RouteHealth } from '../../src/kernel/race-messages.js';
import { ENTRY_MATCHES } from '../../src/kernel/render-ask.js';
import { type ResolvedRoute, resolveRoutes } from '../../src/kernel/routes.js';
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

function state(
  yaml: string,
  method: QueueMethod = 'nft',
  links: readonly Link[] = LINKS,
  gateways: Record<string, object> = {},
  health: readonly RouteHealth[] = [],
): DesiredState {
  const parsed = config(yaml);
  const resolved = resolveRoutes(parsed, snapshot(links, gateways));
  return desiredState(
    parsed,
    resolved,
    { queue: method, ipsec: true, log: true },
    choices(parsed, resolved, health),
  );
}

/** What a gateway chooses at its start: all routes are up, nothing has been measured. */
export function choices(
  parsed: GatewayConfig,
  resolved: readonly ResolvedRoute[],
  health: readonly RouteHealth[] = [],
): KernelChoices {
  const routes = new Numbers(16);
  const services = new Numbers(127);
  routes.assign(parsed.routes.map(({ name }) => name));
  services.assign(parsed.services.map(({ name }) => name));
  const facts = createFacts(16);
  for (const route of parsed.routes) facts.weight[routes.of(route.name)] = route.weight;
  const now = new Date(2026, 10, 22, 12, 0);
  return kernelChoices({
    config: parsed,
    resolved,
    routes,
    services,
    masks: engineServices(parsed, routes, services).masks,
    health,
    isSpent: () => false,
    monotonicMs: 3_600_000,
    adminOf: () => 'enabled',
    facts,
    now,
  });
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

/** Every criterion, kind of affinity and way to match. */
const SERVICES = `
lan: [lan0]
sets: { office: [10.1.0.0/16, 10.2.0.0/16, "fd00:1::/64"] }
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"], weight: 2, capacity: 100mbit, check: ping 192.0.2.1 }
  b: { interface: wan2, gateway: [203.0.2.1, "fd03:2::1"], addresses: [203.0.2.2, "fd03:2::2"], cost: 1/GB, capacity: 50mbit, check: ping 192.0.2.1 }
  c: { interface: wan3, gateway: 203.0.3.1, addresses: [203.0.3.2], use: last-resort, check: ping 192.0.2.1 }
services:
  - { name: printer, match: { destination: 192.0.2.0/24 }, select: rest, translate: false }
  - { name: fixed, match: { tcp: 22, source: "@office" }, select: b }
  - { name: turns, match: { tcp: [8000-8099], dscp: ef }, select: round-robin, affinity: none }
  - { name: shares, match: { udp: 443, interface: lan0 }, select: weighted, affinity: client }
  - { name: hashed, match: { protocol: gre }, select: { criterion: hash, by: client }, affinity: none }
  - { name: banks, match: { tcp: 443, domain: bank.example }, select: race, affinity: client+site }
  - { name: near, match: { tcp: 443, destination: ["198.51.100.0/24", "2001:db8::/32"] }, select: { criterion: race, routes: [a, b] }, affinity: client+prefix }
  - { name: load, match: { tcp: 25 }, select: least-connections }
  - { name: order, match: { tcp: 993 }, select: { criterion: priority, routes: [b, a] } }
  - { name: evening, match: { tcp: 873, time: "mon-fri 18:00-06:00" }, select: cheapest }
  - { name: everything, match: any, select: race }
rest: { route: a }
memory: { trust: 10m, refresh: 5% }
`;

/** What is not raced, and what says what it is. */
const POLITE = `
lan: [lan0]
sets: { banks: [192.0.2.0/24, "2001:db8:7::/48"] }
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"] }
  b: { interface: wan2, gateway: [203.0.2.1, "fd03:2::1"], addresses: [203.0.2.2, "fd03:2::2"] }
services:
  - { name: names, match: { udp: 5353 }, select: { criterion: race, atMost: 2 }, speaks: dns }
  - { name: calls, match: { udp: [3479, "5000-5100"] }, select: race, speaks: stun, affinity: none }
  - { name: pages, match: { udp: 8443 }, select: race, speaks: quic }
  - { name: tunnels, match: { protocol: [esp, gre] }, select: { criterion: race, routes: [b] }, affinity: none }
  - { name: turns, match: { tcp: any }, select: round-robin }
  - { name: left, match: { udp: "400-600" }, select: rest }
  - { name: everything, match: any, select: race, affinity: client }
race: { perDestination: 20, never: ["@banks", 198.51.100.1] }
rest: { route: a }
`;
/** Connections of which the first payload decides. */
const FIRST_PAYLOAD = TWO_ROUTES.replace(/select: race/g, 'select: race, win: first-payload');

/** The gateway itself beside a LAN, and services that only one of them has. */
const LOCAL = `
lan: [lan0, local]
routes:
  a: { interface: wan1, gateway: [203.0.1.1, "fd03:1::1"], addresses: [203.0.1.2, "fd03:1::2"], translate: false }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2] }
services:
  - { name: guests, match: { interface: lan0, tcp: 22 }, select: b }
  - { name: updates, match: { interface: local, tcp: [80, 443] }, select: b }
  - { name: kept, match: { tcp: 25 }, select: a, translate: false }
  - { name: turns, match: { tcp: 873 }, select: round-robin, affinity: client }
  - { name: everything, match: any, select: race }
rest: { route: a }
`;

/** A host with two uplinks and no LAN: nobody's router. */
const LOCAL_ALONE = `
lan: local
routes:
  ethernet: { interface: wan1 }
  wifi: { interface: wan2 }
services: [{ name: all, match: any, select: race }]
`;

const up = { state: 'up', reason: 'answered', sinceMs: 0, generation: 1, interim: 1, missed: false } as const;
const SUSPECT: RouteHealth = {
  route: 1,
  4: { state: 'suspect', reason: 'silent', sinceMs: 0, generation: 3, interim: 3, missed: true },
  6: up,
};

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
const addressed = [
  link('wan1', 3, {
    ipv4: [{ address: '203.0.1.2', prefixLength: 24 }],
    ipv6: [{ address: 'fd03:1::2', prefixLength: 64 }],
  }),
  link('wan2', 4, { ipv4: [{ address: '203.0.2.2', prefixLength: 24 }] }),
];
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
  'point-to-point': state(DIALLED, 'nft', dialled, { wan2: { ipv4: null } }),
  'overlapping-ports': state(OVERLAPPING_PORTS),
  'same-interface-untranslated': state(SAME_INTERFACE_UNTRANSLATED),
  'sixteen-routes': state(SIXTEEN, 'nft', many),
  services: state(SERVICES),
  polite: state(POLITE),
  'first-payload': state(FIRST_PAYLOAD),
  local: state(LOCAL),
  'local-first-payload': state(
    LOCAL.replace('match: any, select: race', 'match: any, select: race, win: first-payload'),
  ),
  'local-alone': state(LOCAL_ALONE, 'xt', addressed, {
    wan1: { ipv4: '203.0.1.1', ipv6: 'fe80::1' },
    wan2: { ipv4: '203.0.2.1' },
  }),
  'rules-of-others': {
    ...state(THREE_ROUTES),
    keptEntries: ENTRY_MATCHES,
    wayBackIsChecked: true,
    ownTranslation: [
      {
        places: [],
        family: 4,
        sources: ['10.0.0.5', '10.0.1.0-10.0.1.255'],
        destinations: null,
        ports: null,
      },
      { places: [], family: 4, sources: null, destinations: ['198.51.100.9'], ports: ['25', '1000-2000'] },
      { places: [], family: 6, sources: null, destinations: null, ports: null },
    ],
  },
  'services-a-suspect': state(SERVICES, 'nft', LINKS, {}, [SUSPECT]),
};
