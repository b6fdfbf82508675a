/** Which services would take a connection, and why others do not: the rules of the kernel (kernel/render-matches.ts) in words. Pure. */
import type { Decision, PassedService } from '../api/contract.js';
import { formatDscp } from '../config/values/header-fields.js';
import { formatPorts } from '../config/values/ports.js';
import { wallAt } from '../kernel/clock.js';
import { type AddressWords, type Family, familyOf } from '../model/address.js';
import { type GatewayConfig, LOCAL, type ServiceConfig } from '../model/config.js';
import { Prefixes } from '../model/prefixes.js';
import { isWithin } from './time-of-day.js';

/** What is known of a connection; null: nobody knows. */
export interface MatchedConnection {
  readonly client: AddressWords;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  /** Number of IP. */
  readonly protocol: number;
  /** Interface of the LAN that it comes from; LOCAL: the gateway itself. */
  readonly interface: string | null;
  readonly dscp: number | null;
  readonly at: Date;
  /** Whether the destination is one of a service's domains. */
  readonly hasName: (service: ServiceConfig) => boolean | null;
}

/** Why a service does not take it, in words; null: it does, as far as is known. */
export function whyNotMatched({ match }: ServiceConfig, connection: MatchedConnection): string | null {
  const { client, destination, at } = connection;
  const family = familyOf(destination);
  if (!isWithin(match.time, at)) return 'it is not its time';
  const protocolWhy = whyNotPort({ match }, connection);
  if (protocolWhy !== null) return protocolWhy;
  for (const [prefixes, address, what] of [
    [match.source, client, 'client'],
    [match.destination, destination, 'destination'],
  ] as const) {
    if (prefixes.length === 0) continue;
    if (!prefixes.some((prefix) => prefix.includes(':') === (family === 6)))
      return `it is for IPv${family === 4 ? 6 : 4} alone`;
    if (!isIn(prefixes, address)) return `the ${what} is not in ${shortened(prefixes)}`;
  }
  if (
    match.interface.length > 0 &&
    connection.interface !== null &&
    !match.interface.includes(connection.interface)
  )
    return connection.interface === LOCAL
      ? 'it is not for the gateway itself'
      : `it comes from ${connection.interface}, not ${shortened(match.interface)}`;
  if (match.dscp.length > 0 && connection.dscp !== null && !match.dscp.includes(connection.dscp))
    return `its DSCP is ${formatDscp(connection.dscp)}, not ${shortened(match.dscp.map(formatDscp))}`;
  return null;
}

/** The same of the one thing that may not be known: `null` where it may match all the same. */
export function whyNotNamed(service: ServiceConfig, connection: MatchedConnection): string | null {
  const { domain } = service.match;
  if (domain.length === 0 || connection.hasName(service) !== false) return null;
  return `no name server has said that the destination is ${shortened(domain)}`;
}

/** The services before the one that took a connection, with why they did not; by the configuration in force now. */
export function passedBy(
  config: Pick<GatewayConfig, 'services'>,
  { service }: Pick<Decision, 'service'>,
  connection: Pick<MatchedConnection, 'client' | 'destination' | 'destinationPort' | 'protocol'> & {
    readonly atMs: number;
  },
): Pick<Decision, 'passed'> {
  if (service === undefined) return {};
  const end =
    service === null ? config.services.length : config.services.findIndex(({ name }) => name === service);
  if (end <= 0) return {};
  const known: MatchedConnection = {
    client: connection.client,
    destination: connection.destination,
    destinationPort: connection.destinationPort,
    protocol: connection.protocol,
    interface: null,
    dscp: null,
    at: new Date(wallAt(connection.atMs)),
    hasName: () => false,
  };
  const passed = config.services.slice(0, end).map(
    (one): PassedService => ({
      service: one.name,
      why: whyNotMatched(one, known) ?? whyNotNamed(one, known) ?? UNKNOWN(one),
    }),
  );
  return { passed };
}

/** The mark of the connection says that it was not taken, and what is known of it now does not say why. */
const UNKNOWN = ({ match }: ServiceConfig): string => {
  const parts = [
    ...(match.interface.length > 0 ? ['its interface'] : []),
    ...(match.dscp.length > 0 ? ['its DSCP'] : []),
  ];
  return parts.length > 0 ? `not by ${parts.join(' or ')}` : 'the service was another one then';
};

function whyNotPort({ match }: Pick<ServiceConfig, 'match'>, connection: MatchedConnection): string | null {
  const { tcp, udp, protocol } = match;
  if (tcp === null && udp === null && protocol.length === 0) return null;
  const ports = connection.protocol === 6 ? tcp : connection.protocol === 17 ? udp : null;
  // Ports are narrower than the protocol that has them.
  if (ports === null && protocol.includes(connection.protocol)) return null;
  if (ports === null)
    return `it is not for ${NAMES[connection.protocol] ?? `protocol ${connection.protocol}`}`;
  const port = connection.destinationPort;
  if (ports.some(({ from, to }) => from <= port && port <= to)) return null;
  return `port ${port} is not one of ${shortened(formatPorts(ports))}`;
}

const NAMES: Readonly<Record<number, string>> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6' };

function isIn(prefixes: readonly string[], address: AddressWords): boolean {
  const family: Family = familyOf(address);
  const set = new Prefixes();
  set.set(prefixes.filter((prefix) => prefix.includes(':') === (family === 6)).map(whole));
  return set.has(address);
}

/** With its length, also where it is a single address. */
function whole(prefix: string): string {
  return prefix.includes('/') ? prefix : `${prefix}/${prefix.includes(':') ? 128 : 32}`;
}

function shortened(words: string | readonly string[]): string {
  const list = typeof words === 'string' ? [words] : words;
  const [first, second, third, ...others] = list;
  const named = [first, second, third].filter((word) => word !== undefined).join(', ');
  return others.length === 0 ? named : `${named} and ${others.length} more`;
}
