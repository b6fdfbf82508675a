/** Whether a configuration's interfaces are there, and fit what it says of them. None of it keeps a gateway from running. */
import type { GatewayConfig } from '../model/config.js';
import type { Probe } from '../model/probe.js';
import { addressNotes } from './address-notes.js';
import { type LinkSnapshot, readLinks } from './links.js';
import { ipv6OffPath } from './sysctl.js';

/** One line per interface, and one for each thing that does not fit. Throws nothing. */
export async function probeInterfaces(
  config: GatewayConfig,
  names: readonly string[],
): Promise<readonly Probe[]> {
  if (names.length === 0) return [];
  let snapshot: LinkSnapshot;
  try {
    snapshot = await readLinks();
  } catch (error) {
    return [{ ...PROBE, name: 'interfaces', ok: false, found: `not looked at: ${error}`, ...TOOL }];
  }
  return [
    ...[...new Set(names)].map((name) => probeInterface(config, name, snapshot)),
    ...probeAddresses(config, snapshot),
  ];
}

const PROBE = { severity: 'recommended' } as const;
const TOOL = { expected: 'the command ip', remedy: 'apt-get install iproute2' };

function probeInterface(config: GatewayConfig, name: string, { links }: LinkSnapshot): Probe {
  const routes = config.routes.filter((route) => route.interface === name);
  const users = routes
    .map((route) => `route ${route.name}`)
    .concat(config.lan.includes(name) ? ['the LAN'] : []);
  const link = links.get(name);
  const probe = { ...PROBE, name: `interface ${name}`, expected: 'exists' } as const;
  const remedy = `Compare the name with \`ip link\`. ${capital(users.join(' and '))} waits until it appears.`;
  if (link === undefined) {
    const isExpected =
      routes.length > 0 && routes.every(({ optional }) => optional) && users.length === routes.length;
    const found = isExpected ? 'does not exist (optional): it is taken in when it appears' : 'does not exist';
    return { ...probe, ok: isExpected, found, remedy };
  }
  const carriesIpv6 = routes.some(({ addresses }) => addresses.ipv6 !== 'auto' && addresses.ipv6.length > 0);
  if (link.ipv6Off && carriesIpv6)
    return {
      ...probe,
      ok: false,
      found: `exists, IPv6 is switched off on it: ${users.join(' and ')} carries IPv4 alone`,
      expected: `${ipv6OffPath(name)} = 0`,
      remedy: `sysctl -w ${ipv6OffPath(name).replaceAll('/', '.')}=0, or leave IPv6 out of the route's \`addresses\`.`,
    };
  return { ...probe, ok: true, found: link.ipv6Off ? 'exists, without IPv6' : 'exists', remedy };
}

function probeAddresses(config: GatewayConfig, snapshot: LinkSnapshot): Probe[] {
  const byRoute = new Map<string, string[]>();
  for (const { route, text } of addressNotes(config, snapshot))
    byRoute.set(route, [...(byRoute.get(route) ?? []), text.replace(/^route \S+: /, '')]);
  return [...byRoute].map(([route, texts]) => ({
    ...PROBE,
    name: `addresses of route ${route}`,
    ok: false,
    found: texts.join('; '),
    expected: 'addresses on the interface and a next hop in their subnet',
    remedy:
      'Correct `addresses` and `gateway`; leave them out to use what the kernel has. Nothing to do where the provider routes the addresses here.',
  }));
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
