/** Names and addresses of everything in a lab: one place, because tests of other folders rely on them. */
import type { FullProvider, FullScenario, FullServer } from '../src/sim/scenario.js';

export const LAN_ADDRESS = { ipv4: '10.0.0.1', ipv6: 'fd00::1' } as const;
export const LAN_SUBNET = { ipv4: '10.0.0.0/24', ipv6: 'fd00::/64' } as const;

/** Addresses of the c-th client, from 0. */
export function clientAddress(index: number): { ipv4: string; ipv6: string } {
  return { ipv4: `10.0.0.${index + 2}`, ipv6: `fd00::${(index + 2).toString(16)}` };
}

/** What a provider looks like from the gateway; a family that it does not carry has no next hop and no addresses. */
export interface Uplink {
  ipv4: { nextHop: string; addresses: string[]; subnet: string } | undefined;
  ipv6: { nextHop: string; addresses: string[]; subnet: string } | undefined;
}

/** 203.0.i.0/24 and fd03:i::/64: next hop .1, gateway .2 and following. */
export function uplink(provider: FullProvider): Uplink {
  const { number, families } = provider;
  const hosts = Array.from({ length: provider.addresses }, (_, index) => index + 2);
  return {
    ipv4: families.includes('ipv4')
      ? {
          nextHop: `203.0.${number}.1`,
          addresses: hosts.map((host) => `203.0.${number}.${host}`),
          subnet: `203.0.${number}.0/24`,
        }
      : undefined,
    ipv6: families.includes('ipv6')
      ? {
          nextHop: `fd03:${number}::1`,
          addresses: hosts.map((host) => `fd03:${number}::${host.toString(16)}`),
          subnet: `fd03:${number}::/64`,
        }
      : undefined,
  };
}

/** The name of the provider that an address belongs to, as a server sees it; undefined: it is no provider's. */
export function providerOf(scenario: FullScenario, address: string): string | undefined {
  const number = /^203\.0\.(\d+)\./.exec(address)?.[1] ?? /^fd03:(\d+)::/.exec(address)?.[1];
  return scenario.providers.find((provider) => String(provider.number) === number)?.name;
}

/** Prefixes whose packets a provider brings to the gateway. */
export function prefixesTowardsGateway(provider: FullProvider): string[] {
  const { ipv4, ipv6 } = uplink(provider);
  const own = [ipv4?.subnet, ipv6?.subnet].filter((subnet) => subnet !== undefined);
  const inside = provider.translate ? [] : [LAN_SUBNET.ipv4, LAN_SUBNET.ipv6];
  return [...own, ...provider.subnets, ...inside];
}

/** Servers of one group, which share a namespace. */
export interface ServerGroup {
  name: string;
  servers: FullServer[];
}

export function serverGroups(scenario: FullScenario): ServerGroup[] {
  // BOUNDED: one entry per server of the scenario.
  const groups = new Map<string, ServerGroup>();
  for (const server of scenario.servers) {
    const group = groups.get(server.group) ?? { name: server.group, servers: [] };
    group.servers.push(server);
    groups.set(server.group, group);
  }
  return [...groups.values()];
}

/** Namespaces of one lab; the prefix carries the process that made them, so that leftovers are told from the living. */
export interface Namespaces {
  gateway: string;
  /** The emulator's; also the far end of nothing but veth pairs. Absent in a plain lab. */
  net: string | undefined;
  /** Joins several client machines; absent where there is one. */
  bridge: string | undefined;
  clients: string[];
  servers: string[];
  all: string[];
}

export function namespaces(prefix: string, scenario: FullScenario): Namespaces {
  const clients = Array.from({ length: scenario.lan.machines }, (_, index) => `${prefix}-c${index + 1}`);
  const servers = serverGroups(scenario).map((_, index) => `${prefix}-s${index + 1}`);
  const gateway = `${prefix}-gw`;
  const net = scenario.plain ? undefined : `${prefix}-net`;
  const bridge = clients.length > 1 ? `${prefix}-lan` : undefined;
  const all = [gateway, net, bridge, ...clients, ...servers].filter((name) => name !== undefined);
  return { gateway, net, bridge, clients, servers, all };
}

/** `pr<pid>` and, for a process with several labs, a number. */
export function namespacePrefix(pid: number, serial: number): string {
  return serial === 0 ? `pr${pid}` : `pr${pid}x${serial}`;
}

/** The process that a namespace belongs to, or undefined for namespaces that are not ours. */
export function ownerOf(namespace: string): number | undefined {
  const match = /^pr(\d+)(?:x\d+)?-(?:gw|net|lan|c\d+|s\d+)$/.exec(namespace);
  return match === null ? undefined : Number(match[1]);
}

type LinkEnd = 'gateway' | 'provider' | 'server' | 'network';
const END_NUMBER: Record<LinkEnd, string> = { gateway: '01', provider: '02', server: '03', network: '04' };

/** Fixed Ethernet address, so that the emulator needs no neighbour discovery of its own. */
export function macOf(end: LinkEnd, number: number): string {
  return `02:00:00:00:${END_NUMBER[end]}:${number.toString(16).padStart(2, '0')}`;
}
