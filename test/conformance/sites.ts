/** The sites of the cases: as few as possible, since a real kernel takes seconds to build one. */
import type { Link, Provider, Server } from '../../src/sim/scenario.js';
import type { Gateway, Site } from './subject.js';

/** One-way milliseconds of the three usual routes; far enough apart that a busy machine keeps their order. */
export const DELAY_MS = { a: 10, b: 40, c: 70 } as const;
export const MTU = { a: 1500, b: 1400, c: 1280 } as const;
export type Route = keyof typeof DELAY_MS;
export const ROUTES = Object.keys(DELAY_MS) as Route[];

/** Routes a, b and c; `links` changes some, `gateway` how the gateway is set up. */
export function three(links: Partial<Record<Route, Partial<Link>>> = {}, gateway?: Gateway): Site {
  const providers = ROUTES.map((name) => ({ name, link: { delayMs: DELAY_MS[name], ...links[name] } }));
  return site(providers, gateway);
}

/** All three answer every first packet alike, or as given. */
export function answering(a: Partial<Link>, b: Partial<Link>, c: Partial<Link>): Site {
  return three({ a, b, c });
}

export function site(
  providers: readonly Provider[],
  gateway: Gateway = {},
  servers?: readonly Server[],
): Site {
  const scenario = { lan: { clients: 2 }, providers };
  return { scenario: servers === undefined ? scenario : { ...scenario, servers }, gateway };
}

/** Three usual routes of different MTU; the gateway remembers, so every case has a server of its own. */
export const REMEMBERING = site(
  ROUTES.map((name) => ({ name, mtu: MTU[name], link: { delayMs: DELAY_MS[name] } })),
  { remembers: true },
  Array.from({ length: 4 }, (_, index) => ({
    name: `s${index + 1}`,
    ipv4: [`198.51.100.${index + 1}`],
    // IPv6 destinations are remembered by their /64.
    ipv6: [`2001:db8:10${index}::1`],
  })),
);

/** A race that nobody answers is soon given up; interfaces go down here. */
export const IMPATIENT: Site = { ...three({}, { raceTimeoutMs: 700 }), changesInterfaces: true };

export const SILENT: Partial<Link> = { blackhole: true };
export const RST: Partial<Link> = { reject: { '*': 'rst' } };
export const HOST_UNREACHABLE: Partial<Link> = { reject: { '*': 'host-unreachable' } };
export const PORT_UNREACHABLE: Partial<Link> = { reject: { '*': 'port-unreachable' } };
export const PROHIBITED: Partial<Link> = { reject: { '*': 'prohibited' } };
export const TTL_EXCEEDED: Partial<Link> = { reject: { '*': 'ttl-exceeded' } };
export const YES: Partial<Link> = {};
