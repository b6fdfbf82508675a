/** What there is to make a configuration of: interfaces with their kinds, and every default route, not only the best. */
import { runCommand } from './command.js';
import { byPreference, type IpRouteJson, type LinkAddress, parseJson, readLinks } from './links.js';

/** An interface as an operator sees it. */
export interface SurveyedLink {
  readonly name: string;
  /** What `ip` calls it: bridge, vlan, wireguard, tun, veth; null: a device of its own, or a PPP link. */
  readonly kind: string | null;
  /** The bridge or bond that it is a port of. */
  readonly master: string | null;
  readonly ipv4: readonly LinkAddress[];
  readonly ipv6: readonly LinkAddress[];
}

/** A default route of the main table. */
export interface DefaultRoute {
  readonly family: 'ipv4' | 'ipv6';
  readonly interface: string;
  /** null: the interface needs no next hop. */
  readonly gateway: string | null;
}

export interface Survey {
  /** In the order of the kernel. */
  readonly links: readonly SurveyedLink[];
  /** Those that the kernel prefers first; IPv4 before IPv6. */
  readonly defaults: readonly DefaultRoute[];
}

interface IpLinkJson {
  ifname: string;
  master?: string;
  linkinfo?: { info_kind?: string };
}

/** Reads it; needs no privilege. Throws E_COMMAND_FAILED where `ip` cannot be run. */
export async function readSurvey(): Promise<Survey> {
  const [{ links }, shown, routes4, routes6] = await Promise.all([
    readLinks(),
    runCommand('ip', ['-j', '-d', 'link', 'show']),
    runCommand('ip', ['-j', '-4', 'route', 'show', 'default']),
    runCommand('ip', ['-j', '-6', 'route', 'show', 'default']).catch(() => ''),
  ]);
  const details = new Map(parseJson<IpLinkJson>(shown).map((item) => [item.ifname, item]));
  return {
    links: [...links.values()].map(({ name, ipv4, ipv6 }) => {
      const found = details.get(name);
      return { name, kind: found?.linkinfo?.info_kind ?? null, master: found?.master ?? null, ipv4, ipv6 };
    }),
    defaults: [...defaultsOf('ipv4', routes4), ...defaultsOf('ipv6', routes6)],
  };
}

function defaultsOf(family: DefaultRoute['family'], text: string): DefaultRoute[] {
  const found: DefaultRoute[] = []; // BOUNDED: by the main table.
  const routes = parseJson<IpRouteJson & { type?: string }>(text);
  // `unreachable` and its like lead nowhere.
  for (const route of routes.filter(({ type }) => type === undefined).sort(byPreference)) {
    for (const { dev, gateway, via } of route.nexthops ?? [route])
      if (dev !== undefined) found.push({ family, interface: dev, gateway: gateway ?? via?.host ?? null });
  }
  return found;
}
