/** Which new connections a service takes, as matches of nft's. Pure. */
import { maskAddress, parseAddress, sameAddress } from '../model/address.js';
import { LOCAL, type PortRange } from '../model/config.js';
import { askedSet, domainSet, serviceChain, serviceCounter } from './constants.js';
import type { DesiredService, DesiredState } from './desired.js';
import { FAMILIES, type Family, IP } from './render-words.js';

/** Who has opened a connection: a host of the LAN, or the gateway itself. */
export type Opener = 'lan' | 'local';

/** One line per way to match, in the order of the services. */
export function serviceMatches(state: DesiredState, opener: Opener): string[] {
  return state.services
    .filter(({ isActive }) => isActive)
    .flatMap((service) =>
      matches(service, opener).map(
        (match) =>
          `${match}counter name ${serviceCounter(service.number)} goto ${serviceChain(service.number)}`,
      ),
    );
}

/** What of a service's new connections is matched; each ends with a space unless it is empty. */
function matches({ number, config: { match } }: DesiredService, opener: Opener): string[] {
  const from = interfaceMatch(match.interface, opener);
  if (from === null) return [];
  const prefixes = [...match.source, ...match.destination];
  const needsFamily = prefixes.length > 0 || match.domain.length > 0 || match.dscp.length > 0;
  const families = needsFamily ? FAMILIES.filter((family) => carries(match, family)) : [null];
  const protocols = protocolMatches(match);
  return families.flatMap((family) => {
    const parts: string[] = [];
    if (family !== null) {
      const source = widest(match.source, family);
      const destination = widest(match.destination, family);
      if (source.length > 0) parts.push(`${IP[family]} saddr { ${source.join(', ')} }`);
      if (destination.length > 0) parts.push(`${IP[family]} daddr { ${destination.join(', ')} }`);
      if (match.dscp.length > 0) parts.push(`${IP[family]} dscp { ${match.dscp.join(', ')} }`);
    }
    const rest = parts.map((part) => `${part} `).join('');
    const named = family === null || match.domain.length === 0 ? [''] : ofDomains(family, number, opener);
    return protocols.flatMap((protocol) => named.map((name) => `${from}${protocol}${rest}${name}`));
  });
}

/** Of what has been opened there; null: none of it is meant. */
function interfaceMatch(names: readonly string[], opener: Opener): string | null {
  if (names.length === 0) return '';
  if (opener === 'local') return names.includes(LOCAL) ? '' : null;
  const lan = names.filter((name) => name !== LOCAL);
  return lan.length > 0 ? `iifname ${quoted(lan)} ` : null;
}

/** What has one of the service's names: for all, or as the client's own host has been told. */
function ofDomains(family: Family, service: number, opener: Opener): string[] {
  const destination = `${IP[family]} daddr`;
  const all = `${destination} @${domainSet(family, service)} `;
  return opener === 'local' ? [all] : [all, `ether saddr . ${destination} @${askedSet(family, service)} `];
}

/** A family that none of the named prefixes has is not matched. */
function carries(match: DesiredService['config']['match'], family: Family): boolean {
  const able = (prefixes: readonly string[]): boolean =>
    prefixes.length === 0 || prefixes.some((prefix) => isOf(prefix, family));
  return able(match.source) && able(match.destination);
}

/** The prefixes of a family without those inside another: nft's sets do not take both. */
function widest(prefixes: readonly string[], family: Family): string[] {
  const parsed = prefixes
    .filter((prefix) => isOf(prefix, family))
    .map((text) => {
      const [address, length = family === 4 ? '32' : '128'] = text.split('/');
      return { text, words: parseAddress(address)!, length: Number(length) };
    });
  const within = Int32Array.of(0, 0, 0, 0);
  return parsed
    .filter(({ words, length, text }) =>
      parsed.every((other) => {
        if (other.text === text || other.length >= length) return true;
        within.set(words);
        maskAddress(within, 0, family, other.length);
        return !sameAddress(within, 0, other.words, 0);
      }),
    )
    .map(({ text }) => text)
    .filter((text, index, all) => all.indexOf(text) === index);
}

function isOf(prefix: string, family: Family): boolean {
  return prefix.includes(':') === (family === 6);
}

function protocolMatches(match: DesiredService['config']['match']): string[] {
  const list: string[] = [];
  if (match.tcp !== null) list.push(`tcp dport ${portSet(match.tcp)} `);
  if (match.udp !== null) list.push(`udp dport ${portSet(match.udp)} `);
  const others = match.protocol.filter(
    (protocol) => !(protocol === 6 && match.tcp !== null) && !(protocol === 17 && match.udp !== null),
  );
  if (others.length > 0) list.push(`meta l4proto { ${others.join(', ')} } `);
  return list.length > 0 ? list : [''];
}

function quoted(names: readonly string[]): string {
  return `{ ${names.map((name) => `"${name}"`).join(', ')} }`;
}

/** The configuration has made overlapping ranges one: nft's sets do not take them otherwise. */
function portSet(ranges: readonly PortRange[]): string {
  return `{ ${ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(', ')} }`;
}
