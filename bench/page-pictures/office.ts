/** The site of which the pictures are: an office with three providers, in the demo's world, and the file that its gateway reads. */
import { makeWorld } from '../../lab/demo/world.js';
import type { Scenario } from '../../lab/index.js';

const SEED = 1;
export const CLIENTS = 7;
export const NAME_SERVER = { ipv4: '192.0.2.53', ipv6: '2001:db8:53::53' } as const;

export interface Place {
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The demo's destinations, each in a network of its own: one /64 is one destination of the gateway's memory. */
export const PLACES: readonly Place[] = makeWorld(SEED).destinations.map(({ name }, at) => ({
  name,
  ipv4: at % 3 === 2 ? `192.0.2.${at + 10}` : `198.51.100.${at + 10}`,
  ipv6: `2001:db8:${(at + 10).toString(16)}0::${at + 10}`,
}));

/** By day one provider is slower for a while, so that others win in its place. */
export const SCENARIO: Scenario = {
  ...makeWorld(SEED).scenario,
  lan: { clients: CLIENTS },
  servers: [
    ...(makeWorld(SEED).scenario.servers ?? []).map((server, at) => ({
      ...server,
      ipv4: [PLACES[at]?.ipv4 ?? ''],
      ipv6: [PLACES[at]?.ipv6 ?? ''],
    })),
    { name: 'names', ipv4: [NAME_SERVER.ipv4], ipv6: [NAME_SERVER.ipv6], distanceMs: 3 },
  ],
  faults: [
    { atMs: 60_000, provider: 'fiber', set: { delayMs: 9, jitterMs: 4 } },
    { atMs: 85_000, provider: 'fiber', set: { delayMs: 2, jitterMs: 0.3 } },
  ],
};

/** A place whose name the clients ask for, and which has a service of its own. */
export const BANK = { name: 'www.bank.example', place: PLACES[3] as Place } as const;

export const PORTS = { web: 443, plainWeb: 80, mail: 993, backup: 873, shell: 22, calls: 16_500 } as const;

/** Where the gateway serves its page, in its own namespace. */
export const ORIGIN = 'http://127.0.0.1:8088';

export const CONFIGURATION = `# The office: three providers, and radio is paid for by what it carries.
lan: [lan0]

routes:
  fiber: { interface: wan1, weight: 6, capacity: 100mbit, check: ping ${NAME_SERVER.ipv4} }
  cable: { interface: wan2, weight: 3, capacity: 50mbit, cost: 0.4/GB }
  radio:
    interface: wan3
    cost: 8/GB
    quota: { volume: 500MB, day: 12 }

sets:
  guests: [10.0.0.8, "fd00::8"]
resolvers: [${NAME_SERVER.ipv4}, "${NAME_SERVER.ipv6}"]

services: # the first that matches wins
  - { name: names, match: { udp: 53 }, select: race, affinity: none }
  - name: calls
    match: { udp: 16384-32767 }
    select: { criterion: priority, routes: [fiber, cable] }
    affinity: client
  - { name: guests, match: { source: "@guests" }, select: { criterion: hash, by: client } }
  - { name: bank, match: { tcp: 443, domain: bank.example }, select: race, affinity: client+site }
  - { name: backup, match: { tcp: 873 }, select: cheapest }
  - { name: mail, match: { tcp: [25, 993] }, select: weighted, affinity: none }
  - { name: web, match: { tcp: [80, 443] }, select: race, affinity: none }
  - { name: everything, match: { tcp: any }, select: least-connections }
rest: { route: fiber }

# Measured again every few seconds.
memory: { trust: 5s, refresh: 25%, stagger: never }
api: { listen: 127.0.0.1:8088, tokens: /etc/pathrace.tokens }
log: { level: warn }
`;
