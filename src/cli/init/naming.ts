/** What an interface is, by its kind and by the names that systems give, and what its route is called. */
import { isReserved } from '../../config/criteria.js';
import { isName } from '../../config/values/texts.js';
import type { MachineLink, UplinkKind } from './machine.js';

/** Names that systems make by themselves; any other was given by a person and says more than we could. */
const KINDS: readonly (readonly [RegExp, UplinkKind])[] = [
  [/^(wwan|wwp|wwx|rmnet|cdc-wdm)/, 'modem'],
  [/^(wlan|wlp|wlx|wl[0-9]|wifi[0-9])/, 'wifi'],
  [/^ppp[0-9]/, 'ppp'],
  [/^(tun|tap|wg|tailscale|zt|gre|ipip|sit|vti|ipsec|xfrm)/, 'tunnel'],
  [/^(usb[0-9]|enx)/, 'usb'],
  [/^(eth|en[ospb]|em[0-9]|vlan|bond|br[0-9-]|veth|macvlan|ipvlan|team)/, 'wired'],
];

const TUNNELS = ['wireguard', 'tun', 'gre', 'gretap', 'ipip', 'sit', 'ip6tnl', 'vti', 'vti6', 'xfrm'];

/** How an uplink by this interface reaches its provider. */
export function uplinkKind({ name, kind }: Pick<MachineLink, 'name' | 'kind'>): UplinkKind {
  if (kind === 'wwan') return 'modem';
  if (kind !== null && TUNNELS.includes(kind)) return 'tunnel';
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'wired';
}

/** Whether hosts of a site are behind it by no means: containers, virtual machines, tunnels, the loopback. */
export function isNoLan({ name, kind, master }: MachineLink): boolean {
  return (
    master !== null ||
    uplinkKind({ name, kind }) === 'tunnel' ||
    ['dummy', 'ifb'].includes(kind ?? '') ||
    /^(lo$|docker|br-[0-9a-f]{12}$|virbr|vnet|veth[0-9a-f]{7}|lxcbr|lxdbr|incusbr|cni|flannel|podman|cali)/.test(
      name,
    )
  );
}

const BASES: Readonly<Record<UplinkKind, string>> = {
  wired: 'wan',
  wifi: 'wifi',
  modem: 'lte',
  usb: 'usb',
  ppp: 'ppp',
  tunnel: 'tunnel',
};

/** A name that no other route has: the interface's own where a person has given it, else by its kind. */
export function routeName(link: Pick<MachineLink, 'name' | 'kind'>, taken: readonly string[]): string {
  const { name } = link;
  const isGiven = !KINDS.some(([pattern]) => pattern.test(name)) && isName(name) && !isReserved(name);
  if (isGiven && !taken.includes(name)) return name;
  const kind = uplinkKind(link);
  const base = BASES[kind];
  // There is seldom a second modem, and always a second line.
  if (kind !== 'wired' && !taken.includes(base)) return base;
  for (let number = kind === 'wired' ? 1 : 2; ; number++) {
    if (!taken.includes(`${base}${number}`)) return `${base}${number}`;
  }
}
