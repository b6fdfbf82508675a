/**
 * How packets and connections are marked: fields and flags over the bits of a mask, from the lowest to the highest: the service,
 * RESCUABLE, the route, CHOSEN, HELD, COUNTED. With the mask of the default: 0-6, 7, 24-28, 29, 30, 31.
 *
 * A packet's mark and its connection's say the same by the same bits, so that whoever copies one to the other (`meta mark set ct
 * mark`, `CONNMARK --restore-mark`, `--save-mark`) changes nothing but HELD; and prerouting takes that off again (render.ts, `lan`).
 *
 * | on | CHOSEN | HELD | COUNTED | RESCUABLE | means |
 * |---|---|---|---|---|---|
 * | connection | 1 | | x | x | it has this route |
 * | connection | 1 | 1 | x | 0 | it has this route until the first payload decides |
 * | connection | 1 | 1 | x | 1 | it has this route, and the daemon is told when both sides speak for the first time (render-samples.ts) |
 * | connection | 0 | | 0 | 0 | its way is the main table's, by the route's interface |
 * | packet | 1 | 0 | x | x | its route is chosen; the main table's own routes, all but its default, come first |
 * | packet | 1 | 1 | x | x | of a flow that lives: the routing goes by the route alone; in forward: what the daemon has let go on |
 * | packet | 0 | 0 | 1 | pinned | the daemon is to be asked in forward, behind the operator's own rules |
 * | packet | 0 | 1 | 1 | 1 | the same for a repeated SYN: the route has been tried |
 * | packet | 1 | 1 | x | 1 | from a queue: of a flow that the daemon need not see any more (render-opened.ts) |
 * | packet | 0 | 1 | x | 0 | with the service OWN: sent by the daemon; COUNTED: a copy of which the first payload decides |
 *
 * Pure: a value made from the mask.
 */
import { bitsOf, FLAG_BITS, ROUTE_BITS, serviceBits } from '../model/mark-mask.js';

/** Bits of a field that are neighbours in the mark. */
interface Run {
  /** In the mark. */
  readonly mask: number;
  readonly shift: number;
  /** Of the field's value. */
  readonly from: number;
}

export interface Marks {
  /** All bits that are used. */
  readonly mask: number;
  readonly routeMask: number;
  readonly serviceMask: number;
  /** Kept in the connection's mark: chosen without asking its server, so another route may still take over. */
  readonly rescuable: number;
  readonly chosen: number;
  readonly held: number;
  /** Kept in the connection's mark: the engine has counted its session when it chose the route. */
  readonly counted: number;
  /** What a connection's mark keeps. */
  readonly flowMask: number;
  /** The daemon is to be asked: `mark and askMask == ask`. */
  readonly askMask: number;
  readonly ask: number;
  /** With `ask`: the route in the mark is that of the connection's group. */
  readonly pinned: number;
  /** What of a packet's mark says that the daemon has let it go on: `mark and judged == judged`. */
  readonly judged: number;
  /** With the first payload decided, on the packet that the daemon lets go on: nobody needs to see the next ones of its flow. */
  readonly settled: number;
  /** On a connection whose first words the daemon is told of. */
  readonly sample: number;
  /** Before the WAN queue, where no packet has a route: conntrack has already looked. Taken off by the verdict. */
  readonly late: number;
  /** On packets that the daemon sends: conntrack and NAT leave them alone. `mark and ownMask == own`. */
  readonly ownMask: number;
  readonly own: number;
  /** In the place of a service: of none, and its way needs another look (it came in by a provider, keeps its source, or goes by the main table). */
  readonly apart: number;
  /** A route that there is not: whoever asks with it hears of the main table's own routes, and of no default. */
  readonly noDefault: number;
  /** The highest number of a service. */
  readonly maxService: number;
  readonly routeRuns: readonly Run[];
  readonly serviceRuns: readonly Run[];
  /**
   * Of the values in memory and affinity maps, beside the route: its generation when they were written. In a packet's mark only until
   * the rules have looked whether the route is open; never on flows, and never before a queue.
   */
  readonly generationRuns: readonly Run[];
}

/** The layout over the bits of a mask; there must be enough of them (model/mark-mask.ts). */
export function marksOf(mask: number): Marks {
  const bits = bitsOf(mask);
  const count = serviceBits(mask);
  const service = bits.slice(0, count);
  const [rescuable, ...others] = bits.slice(count, count + ROUTE_BITS + FLAG_BITS).map(bitMask);
  const route = bits.slice(count + 1, count + 1 + ROUTE_BITS);
  const [chosen, held, counted] = others.slice(ROUTE_BITS);
  const [routeMask, serviceMask] = [maskOf(route), maskOf(service)];
  const highest = (1 << count) - 1;
  const serviceRuns = runsOf(service);
  const own = (scatter(serviceRuns, highest) | held) >>> 0;
  const flowMask = (routeMask | serviceMask | rescuable | chosen | counted) >>> 0;
  return {
    mask: (flowMask | held) >>> 0,
    routeMask,
    serviceMask,
    rescuable,
    chosen,
    held,
    counted,
    flowMask,
    askMask: (chosen | counted) >>> 0,
    ask: counted,
    pinned: rescuable,
    judged: (chosen | held) >>> 0,
    settled: (chosen | held | rescuable) >>> 0,
    sample: (held | rescuable) >>> 0,
    late: (chosen | counted) >>> 0,
    ownMask: (serviceMask | chosen | held) >>> 0,
    own,
    apart: scatter(serviceRuns, highest - 1),
    noDefault: routeMask,
    maxService: highest - 2,
    routeRuns: runsOf(route),
    serviceRuns,
    generationRuns: runsOf(bitsOf(~routeMask).slice(0, GENERATION_BITS)),
  };
}

const GENERATION_BITS = 16;

/** The part of a mark that names a route. */
export function routeMark(marks: Marks, route: number): number {
  return scatter(marks.routeRuns, route);
}

/** The route that a mark names; 0: none. */
export function routeOfMark(marks: Marks, mark: number): number {
  return gather(marks.routeRuns, mark);
}

/** The part of a mark that says which service a flow belongs to. */
export function serviceMark(marks: Marks, service: number): number {
  return scatter(marks.serviceRuns, service);
}

/** The service that a mark names; 0: none. */
export function serviceOfMark(marks: Marks, mark: number): number {
  const service = gather(marks.serviceRuns, mark);
  return service > marks.maxService ? 0 : service;
}

/** A route as the value that is in maps and in the set of open routes. */
export function routeValue(marks: Marks, route: number, generation: number): number {
  return (scatter(marks.routeRuns, route) | scatter(marks.generationRuns, generation)) >>> 0;
}

export function isAsked(marks: Marks, mark: number): boolean {
  return (mark & marks.askMask) >>> 0 === marks.ask;
}

/** As nft and ip print and read marks. */
export function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}

function scatter(runs: readonly Run[], value: number): number {
  let mark = 0;
  for (let i = 0; i < runs.length; i++) mark |= ((value >>> runs[i].from) << runs[i].shift) & runs[i].mask;
  return mark >>> 0;
}

function gather(runs: readonly Run[], mark: number): number {
  let value = 0;
  for (let i = 0; i < runs.length; i++) value |= ((mark & runs[i].mask) >>> runs[i].shift) << runs[i].from;
  return value;
}

function bitMask(bit: number): number {
  return (1 << bit) >>> 0;
}

function maskOf(bits: readonly number[]): number {
  return bits.reduce((mask, bit) => (mask | bitMask(bit)) >>> 0, 0);
}

function runsOf(bits: readonly number[]): Run[] {
  const runs: { mask: number; shift: number; from: number }[] = [];
  for (const [from, bit] of bits.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && bits[from - 1] === bit - 1) last.mask = (last.mask | bitMask(bit)) >>> 0;
    else runs.push({ mask: bitMask(bit), shift: bit, from });
  }
  return runs;
}
