/** Words of nft's language that several renderers need. Pure. */
import type { PortRange } from '../model/config.js';
import type { DesiredRoute, DesiredState } from './desired.js';
import { hex, type Marks, serviceMark } from './marks.js';

export const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];
export const IP = { 4: 'ip', 6: 'ip6' } as const;
export const ADDRESS = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;

/** Both ends of a flow, as its packet has them. */
export function flowKey(transport: 'tcp' | 'udp', family: Family): string {
  const ip = IP[family];
  return `${ip} saddr . ${transport} sport . ${ip} daddr . ${transport} dport`;
}

/** The destination without the bits behind a prefix. */
export function destinationKey(family: Family, length: number): string {
  if (length === (family === 4 ? 32 : 128)) return `${IP[family]} daddr`;
  return `${IP[family]} daddr and ${maskText(family, length)}`;
}

function maskText(family: Family, length: number): string {
  const groups = Array.from({ length: family === 4 ? 4 : 8 }, (_, i) => {
    const size = family === 4 ? 8 : 16;
    const bits = Math.min(size, Math.max(0, length - i * size));
    return ((1 << size) - (1 << (size - bits))).toString(family === 4 ? 10 : 16);
  });
  return groups.join(family === 4 ? '.' : ':');
}

/**
 * Behind what gives a new connection its mark: its connection has the same from here on, so that whoever restores or overwrites the
 * packet's behind us changes nothing.
 */
export const KEEP = 'ct mark set meta mark';

export function setMark(mark: number): string {
  return `meta mark set ${hex(mark)}`;
}

/** The mark of a flow's packets: its route alone says where they go. */
export function hold({ flowMask, held }: Marks): string {
  return `meta mark set ct mark and ${hex(flowMask)} or ${hex(held)}`;
}

/** Of a connection's mark, service and CHOSEN: what keeps the source that it has. */
export function keptMarks({ marks, services }: DesiredState): number[] {
  const kept = services.filter(({ config }) => config.translate === false);
  return [marks.apart, ...kept.map(({ number }) => serviceMark(marks, number))].map(
    (service) => (service | marks.chosen) >>> 0,
  );
}

/** One name is compared, which is quicker than to look it up. */
export function set(names: readonly string[]): string {
  if (names.length === 1) return `"${names[0]}"`;
  return `{ ${names.map((name) => `"${name}"`).join(', ')} }`;
}

/** A rule for what comes in by the LAN, made of the match for that; none where there is no LAN. */
export function ofLan({ lan }: DesiredState, rule: (fromLan: string) => string): string[] {
  return lan.length === 0 ? [] : [rule(`iifname ${set(lan)}`)];
}

export function range(ports: PortRange): string {
  return ports.from === ports.to ? String(ports.from) : `${ports.from}-${ports.to}`;
}

/** The first route of each interface. */
export function firstRoutes(state: DesiredState): Map<string, DesiredRoute> {
  const names = [...new Set(state.routes.map((route) => route.interface))];
  return new Map(names.map((name) => [name, state.routes.find((route) => route.interface === name)!]));
}

/** Interfaces of all routes. */
export function wans(state: DesiredState): string {
  return set([...new Set(state.routes.map((route) => route.interface))]);
}
