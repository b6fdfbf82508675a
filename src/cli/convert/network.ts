/** /etc/config/network of OpenWrt: which device of the kernel a logical interface is, and which ones are the LAN. */
import { isDevice } from './device.js';
import type { UciSection } from './uci.js';

export interface Network {
  /** The device of a logical interface; null: the file does not say, or it is none that Linux could have. */
  deviceOf(name: string): string | null;
  /** The smaller one's default route is used first; null: the file does not say. */
  metricOf(name: string): number | null;
  /** Devices with an address of their own that are none of `uplinks` (logical names), in the order of the file. */
  lanWithout(uplinks: readonly string[]): readonly string[];
}

/** Devices of protocols that make one of their own, named after the interface. */
const PREFIX: ReadonlyMap<string, string> = new Map([
  ...['pppoe', 'pppoa', 'ppp', 'pptp', 'l2tp', '3g', '6in4', '6to4', '6rd', 'vti'].map(
    (word): [string, string] => [word, word],
  ),
  ['dslite', 'ds'],
  ['gre', 'gre4'],
  ['grev6', 'gre6'],
  ['openconnect', 'vpn'],
]);
/** Protocols whose device has the name of the interface. */
const OWN_NAME: readonly string[] = ['wireguard', 'amneziawg', 'vxlan', 'xfrm'];

/** An alias of an alias of an alias is as far as it goes. */
const MOST_ALIASES = 8;

export function readNetwork(sections: readonly UciSection[]): Network {
  const interfaces = new Map<string, UciSection>(); // BOUNDED: sections of a file.
  for (const section of sections)
    if (section.type === 'interface' && section.name !== null) interfaces.set(section.name, section);

  const deviceOf = (name: string, depth = 0): string | null => {
    const section = interfaces.get(name);
    if (section === undefined || depth > MOST_ALIASES) return null;
    const proto = one(section, 'proto').toLowerCase();
    const prefix = PREFIX.get(proto);
    if (prefix !== undefined) return valid(`${prefix}-${name}`);
    if (OWN_NAME.includes(proto)) return valid(name);
    if (one(section, 'type') === 'bridge') return valid(`br-${name}`);
    const device = (one(section, 'device') || one(section, 'ifname')).split(/\s+/)[0];
    return device.startsWith('@') ? deviceOf(device.slice(1), depth + 1) : valid(device);
  };

  return {
    deviceOf: (name) => deviceOf(name),
    metricOf: (name) => {
      const text = one(interfaces.get(name), 'metric');
      return /^\d{1,9}$/.test(text) ? Number(text) : null;
    },
    lanWithout: (uplinks) => {
      const taken = new Set(uplinks.map((name) => deviceOf(name)));
      const found = [...interfaces.keys()]
        .filter((name) => one(interfaces.get(name), 'proto').toLowerCase() === 'static')
        .map((name) => deviceOf(name))
        .filter((device): device is string => device !== null && device !== 'lo' && !taken.has(device));
      return [...new Set(found)];
    },
  };
}

function one(section: UciSection | undefined, option: string): string {
  return section?.options.get(option)?.values.at(-1)?.trim() ?? '';
}

function valid(device: string): string | null {
  return isDevice(device) ? device : null;
}
