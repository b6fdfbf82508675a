/** What a rule of mwan3 matches, in our words; and what of it nothing of ours can say. */

import { fromNumber, toNumber } from '../../../config/values/addresses.js';
import { parseProtocols } from '../../../config/values/header-fields.js';
import { parsePort } from '../../../config/values/ports.js';
import { MAX_PREFIXES, parsePrefix } from '../../../config/values/prefixes.js';
import { isDevice } from '../device.js';
import type { Network } from '../network.js';
import type { IpFamily } from './interfaces.js';
import type { Options } from './options.js';

export interface Match {
  readonly families: readonly IpFamily[];
  /** Whether an address says the family already. */
  readonly saysFamily: boolean;
  readonly source: readonly string[];
  readonly destination: readonly string[];
  /** `null`: of any protocol. */
  readonly protocol: string | null;
  /** `any`, or ports and ranges; of tcp and udp. */
  readonly ports: readonly string[] | null;
  readonly interface: string | null;
}

/** Undefined: the rule cannot be carried over, or did nothing; why has been said. */
export function readMatch(section: Options, network: Network | null): Match | undefined {
  const all = {
    addresses: readAddresses(section),
    protocol: readProtocol(section),
    device: readDevice(section, network),
    ...reasonsAgainst(section),
  };
  const { addresses, protocol, device } = all;
  if (addresses === undefined || protocol === undefined || device === undefined || all.cannot)
    return undefined;
  const { source, destination, families, saysFamily } = addresses;
  const ports = readPorts(section, protocol);
  if (ports === undefined) return undefined;
  return { families, saysFamily, source, destination, protocol, ports, interface: device };
}

/** Matching more connections than the rule does would take others along. */
const LEFT_OUT = 'The rule is left out';

function reasonsAgainst(section: Options): { readonly cannot: boolean } {
  const hasPorts =
    section.text('src_port') !== undefined && ['tcp', 'udp'].includes(section.text('proto') ?? '');
  if (hasPorts)
    section.note(
      'lost',
      'src_port',
      `${LEFT_OUT}: services know no source ports. Match the client, or what it connects to.`,
    );
  const ipset = section.text('ipset');
  if (ipset !== undefined)
    section.note(
      'lost',
      'ipset',
      `${LEFT_OUT}: sets of the kernel are not read. Where names fill it, write \`match: { domain: [...] }\`; else put its prefixes under \`sets\` and \`match: { destination: "@NAME" }\`.`,
    );
  return { cannot: hasPorts || ipset !== undefined };
}

function readAddresses(
  section: Options,
): Pick<Match, 'families' | 'saysFamily' | 'source' | 'destination'> | undefined {
  const family = section.text('family') ?? 'any';
  const source = readPrefixes(section, 'src_ip');
  const destination = readPrefixes(section, 'dest_ip');
  if (source === undefined || destination === undefined) return undefined;
  const all = [...source, ...destination];
  const families = (['ipv4', 'ipv6'] as const).filter(
    (one) =>
      (family === one || !['ipv4', 'ipv6'].includes(family)) &&
      all.every((prefix) => familyOf(prefix) === one),
  );
  if (families.length === 0) {
    section.note(
      'unused',
      'family',
      'The addresses are not of one family, or not of this one: mwan3 sets no such rule.',
    );
    return undefined;
  }
  return { families, saysFamily: all.length > 0, source, destination };
}

function familyOf(prefix: string): IpFamily {
  return prefix.includes(':') ? 'ipv6' : 'ipv4';
}

/** With the netmasks and the bits behind the length that iptables takes; none: any address. */
function readPrefixes(section: Options, option: string): readonly string[] | undefined {
  const text = section.text(option);
  if (text === undefined) return [];
  const prefixes = [...new Set(text.split(',').map((word) => canonical(word.trim())))];
  if (prefixes.every((prefix) => prefix !== null) && prefixes.length <= MAX_PREFIXES)
    return prefixes.filter((prefix): prefix is string => prefix !== null);
  section.note('lost', option, `${LEFT_OUT}: not an address or a prefix, or too many of them.`);
  return undefined;
}

function canonical(text: string): string | null {
  const [address, mask, ...more] = text.split('/');
  if (more.length > 0 || !('value' in parsePrefix(address))) return null;
  const width = address.includes(':') ? 128 : 32;
  const length = mask === undefined ? width : /^\d{1,3}$/.test(mask) ? Number(mask) : lengthOf(mask);
  if (length === null || length > width) return null;
  const value = toNumber(address);
  const beyond = value & ((1n << BigInt(width - length)) - 1n);
  const prefix = parsePrefix(`${fromNumber(value - beyond)}/${length}`);
  return 'value' in prefix ? prefix.value : null;
}

/** 255.255.255.0: 24. */
function lengthOf(mask: string): number | null {
  if (!('value' in parsePrefix(mask)) || mask.includes(':')) return null;
  const bits = toNumber(mask).toString(2).padStart(32, '0').slice(-32);
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : null;
}

/** Of /etc/protocols, which iptables asks, where our word is another one. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ['6', 'tcp'],
  ['17', 'udp'],
  ['ipv6-icmp', 'icmpv6'],
  ['icmp6', 'icmpv6'],
  ['ipv6-crypt', 'esp'],
  ['ipv6-auth', 'ah'],
  ['ipencap', 'ipip'],
  ['ospfigp', 'ospf'],
]);

function readProtocol(section: Options): string | null | undefined {
  const text = (section.text('proto') ?? 'all').toLowerCase();
  if (text === 'all' || text === '0' || text === 'any') return null;
  const word = OTHER_WORDS.get(text) ?? text;
  const isNumber = /^\d{1,3}$/.test(word);
  if ('value' in parseProtocols(isNumber ? Number(word) : word)) return word;
  section.note(
    'lost',
    'proto',
    `${LEFT_OUT}: not a protocol that services know; its number from 1 to 255 is one.`,
  );
  return undefined;
}

function readPorts(section: Options, protocol: string | null): readonly string[] | null | undefined {
  const text = section.text('dest_port');
  if (protocol !== 'tcp' && protocol !== 'udp') {
    for (const option of ['src_port', 'dest_port'])
      if (section.text(option) !== undefined)
        section.note('unused', option, 'mwan3 looks at ports of proto tcp and udp alone.');
    return null;
  }
  if (text === undefined) return ['any'];
  const ports = text.split(',').map((item) => portsOf(item.trim()));
  if (ports.every((item) => item !== null) && ports.length <= 256)
    return [...new Set(ports.filter((item): item is string => item !== null))];
  section.note('lost', 'dest_port', `${LEFT_OUT}: not ports such as 80,443,8000:8999.`);
  return undefined;
}

/** `8000:8999` is `8000-8999` here. */
function portsOf(item: string): string | null {
  const [from, to = from, ...more] = item.split(/[:-]/);
  // 0 is no port that anybody connects to.
  const [low, high] = [from === '' || from === '0' ? 1 : parsePort(from), to === '' ? 65535 : parsePort(to)];
  if (low === undefined || high === undefined || low > high || more.length > 0 || item === '') return null;
  return low === high ? String(low) : `${low}-${high}`;
}

function readDevice(section: Options, network: Network | null): string | null | undefined {
  const name = section.text('src_iface');
  if (name === undefined) return null;
  const device = network?.deviceOf(name) ?? (network === null && name === 'lan' ? 'br-lan' : name);
  if (isDevice(device)) {
    if (network?.deviceOf(name) == null)
      section.note(
        'differs',
        'src_iface',
        `Which device it is, is not said: ${device} is taken. Look at match.interface and lan.`,
      );
    return device;
  }
  section.note(
    'lost',
    'src_iface',
    `${LEFT_OUT}: no device of Linux can have this name; say with --network which it is.`,
  );
  return undefined;
}
