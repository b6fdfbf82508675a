/** Numbers in IP headers that have names: protocols and differentiated services code points. */
import { bad, type Parsed } from '../parsed.js';
import { listOf } from './lists.js';

/** https://www.iana.org/assignments/protocol-numbers */
export const PROTOCOLS = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
} as const;
const MAX_PROTOCOLS = 32;
export const PROTOCOLS_ALLOWED = `${Object.keys(PROTOCOLS).join(', ')}, a number from 0 to 255, or a list of at most ${MAX_PROTOCOLS}`;

export const parseProtocols = listOf({
  noun: 'protocol',
  max: MAX_PROTOCOLS,
  one: codeOf(PROTOCOLS, 255, 'Not a protocol.'),
});

export function formatProtocol(number: number): string {
  return nameOf(PROTOCOLS, number);
}

/** RFC 2474 (cs), 2597 (af), 3246 (ef), 5865 (va). */
const DSCP = {
  cs0: 0,
  cs1: 8,
  cs2: 16,
  cs3: 24,
  cs4: 32,
  cs5: 40,
  cs6: 48,
  cs7: 56,
  af11: 10,
  af12: 12,
  af13: 14,
  af21: 18,
  af22: 20,
  af23: 22,
  af31: 26,
  af32: 28,
  af33: 30,
  af41: 34,
  af42: 36,
  af43: 38,
  ef: 46,
  va: 44,
} as const;
export const DSCP_ALLOWED = 'a number from 0 to 63, cs0 to cs7, af11 to af43, ef, va, or a list of these';

export const parseDscp = listOf({
  noun: 'code point',
  max: 64,
  one: codeOf(DSCP, 63, 'Not a code point.'),
});

export function formatDscp(number: number): string {
  return nameOf(DSCP, number);
}

type Codes = Readonly<Record<string, number>>;

function codeOf(codes: Codes, max: number, message: string): (item: unknown) => Parsed<number> {
  return (item) => {
    const name = typeof item === 'string' ? item.toLowerCase() : '';
    const number = Object.hasOwn(codes, name) ? codes[name] : item;
    const valid = typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= max;
    return valid ? { value: number } : bad(message);
  };
}

function nameOf(codes: Codes, number: number): string {
  return Object.keys(codes).find((name) => codes[name] === number) ?? String(number);
}
