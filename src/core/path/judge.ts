/** What echo requests of different sizes show about a path: whether large packets pass, and if not, how large they may be. Pure. */
import type { Family } from '../../model/address.js';

/** Size that everybody's path carries. */
export const SMALL_SIZE = 100;
/** No larger packet is asked for: servers beyond the provider are on Ethernet. */
export const LARGEST = 1500;
/** RFC 8200 section 5; for IPv4 what every host takes (RFC 1122 section 3.3.3): below that a path is broken, not narrow. */
export const FLOOR = { 4: 576, 6: 1280 } as const;
/**
 * Sizes of links and tunnels that there are (RFC 8899 section 5.3.2 leaves the search open): PPPoE 1492, 6in4 1480, GRE 1476, L2TP 1460,
 * WireGuard 1420, IPsec and mobile networks below; at most a fiftieth is given away between two of them.
 */
const RUNGS = [
  1492, 1480, 1472, 1460, 1452, 1440, 1420, 1400, 1380, 1360, 1340, 1320, 1300, 1280, 1240, 1200, 1100, 1000,
  800, 576,
];
/** Who answers packets of so many bytes and no larger ones has no rule of its own against large echo requests: those are rounder and smaller. */
const TELLING = 1280;

/** What one host has answered. */
export interface Answers {
  /** One owner may have many addresses in it. */
  readonly network: string;
  /** Sizes that came back whole by the route. */
  readonly passed: ReadonlySet<number>;
  /** Sizes that were answered: some hosts send less back than they are sent, which shows one direction. */
  readonly reached: ReadonlySet<number>;
  /** It has answered full size by another route. */
  readonly elsewhere: boolean;
}

/** `unknown`: nobody's answers say anything. `largest`: what has passed, bytes; 0: nothing. */
export interface Finding {
  readonly kind: 'wide' | 'narrow' | 'unknown';
  readonly largest: number;
}

/** The sizes to ask for once it looks narrow, the largest first. */
export function rungsBelow(full: number, family: Family): number[] {
  return RUNGS.filter((size) => size < full && size >= FLOOR[family]);
}

/** Whether a path looks narrow after the first question, so that it is worth asking for more sizes. */
export function looksNarrow(answers: readonly Answers[], full: number): boolean {
  if (answers.some(({ passed }) => passed.has(full))) return false;
  return networksOf(answers.filter((one) => answersSmallOnly(one, full))).size >= WITNESSES;
}

/**
 * A path is narrow when hosts of several owners answer small packets and no larger ones, and nobody answers full size: one host, or one
 * owner of many, cannot make it so. Each must be known to answer more: by another route, or by where it stops.
 */
export function judge(answers: readonly Answers[], full: number, family: Family): Finding {
  const whole = largestOf(answers.map(({ passed }) => passed));
  if (whole >= full) return { kind: 'wide', largest: full };
  const witnesses = answers.filter((one) => {
    const stops = largestOf([one.reached]);
    return answersSmallOnly(one, full) && stops >= FLOOR[family] && (one.elsewhere || stops >= TELLING);
  });
  if (networksOf(witnesses).size < WITNESSES) return { kind: 'unknown', largest: whole };
  // Who sends everything back knows of both directions. Small packets that come back whole say nothing of sizes.
  const back = largestOf(witnesses.map(({ passed }) => passed));
  const there = largestOf(witnesses.map(({ reached }) => reached));
  return { kind: 'narrow', largest: back >= FLOOR[family] ? back : there };
}

/** Networks that must say so. */
const WITNESSES = 2;

function answersSmallOnly({ reached }: Answers, full: number): boolean {
  return reached.has(SMALL_SIZE) && !reached.has(full);
}

function largestOf(sizes: readonly ReadonlySet<number>[]): number {
  return Math.max(0, ...sizes.flatMap((set) => [...set]));
}

function networksOf(answers: readonly Answers[]): Set<string> {
  return new Set(answers.map(({ network }) => network));
}
