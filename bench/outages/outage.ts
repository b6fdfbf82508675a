/** Outages of a site's routes: what kinds there are, when they happen, and whether a route was well for a while. */
import { type Random, random, subSeed } from '../../src/sim/random.js';

/** What is wrong with a route. */
export const OUTAGE_KINDS = [
  'blackhole',
  'blackhole-out',
  'blackhole-in',
  'link',
  'next-hop',
  'rejecting',
  'server',
  'burst',
  'command',
] as const;
export type OutageKind = (typeof OUTAGE_KINDS)[number];

/** One outage of one route, milliseconds from the start of the run. */
export interface Outage {
  readonly kind: OutageKind;
  /** Number of the route, 1 for the first. */
  readonly route: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of `server`: which one cannot be reached; else -1. */
  readonly server: number;
  /** Of `rejecting`: what its SYNs are answered. */
  readonly answer: 'rst' | 'host-unreachable' | 'prohibited';
  /** Of `command`. */
  readonly admin: 'draining' | 'disabled';
  /** It is one of several in a row. */
  readonly isFlap: boolean;
}

/** Silence of 0.1 s to 60 s. */
const LENGTH_MS = { least: 100, most: 60_000 } as const;
const BURST_MS = { least: 200, most: 5000 } as const;
const FLAP_MS = { least: 100, most: 3000 } as const;
const MOST_FLAPS = 8;

/** One to eight of them, which begin within `spanMs`, in any order. At most one route rejects: two resets end a race (docs/limits.md). */
export function drawOutages(seed: number, routes: number, servers: number, spanMs: number): Outage[] {
  const luck = random(subSeed(seed, 20));
  const rejecting = 1 + Math.floor(luck() * routes);
  const outages: Outage[] = [];
  for (let left = 1 + Math.floor(luck() ** 2 * 8); left > 0; left--) {
    const kind = OUTAGE_KINDS[Math.floor(luck() * OUTAGE_KINDS.length)]!;
    const route = kind === 'rejecting' ? rejecting : 1 + Math.floor(luck() * routes);
    const rest = {
      kind,
      route,
      server: kind === 'server' ? Math.floor(luck() * servers) : -1,
      answer: (['rst', 'host-unreachable', 'prohibited'] as const)[Math.floor(luck() * 3)]!,
      admin: luck() < 0.5 ? ('draining' as const) : ('disabled' as const),
    };
    let fromMs = luck() * spanMs;
    const flaps = kind !== 'burst' && luck() < 0.2 ? 2 + Math.floor(luck() * (MOST_FLAPS - 1)) : 0;
    if (flaps === 0) {
      const length = kind === 'burst' ? between(luck, BURST_MS) : between(luck, LENGTH_MS);
      outages.push({ ...rest, fromMs, untilMs: fromMs + length, isFlap: false });
    }
    for (let flap = 0; flap < flaps; flap++) {
      const untilMs = fromMs + between(luck, FLAP_MS);
      outages.push({ ...rest, fromMs, untilMs, isFlap: true });
      fromMs = untilMs + between(luck, FLAP_MS);
    }
  }
  return outages;
}

/** Between two bounds, each factor as likely as any other. */
export function between(
  luck: Random,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  return least * (most / least) ** luck();
}

/** Whether a route carried packets to and from a server all the time, and a command did not keep new connections from it. */
export function wasWell(
  outages: readonly Outage[],
  route: number,
  server: number,
  fromMs: number,
  untilMs: number,
): boolean {
  return !outages.some(
    (one) => touches(one, route, server) && one.fromMs <= untilMs && one.untilMs >= fromMs,
  );
}

/** The same for an established flow: commands and refusals do not concern it. */
export function carriedFlows(
  outages: readonly Outage[],
  route: number,
  server: number,
  fromMs: number,
  untilMs: number,
): boolean {
  const others = outages.filter(
    ({ kind }) => kind !== 'command' && kind !== 'rejecting' && kind !== 'server',
  );
  return wasWell(others, route, server, fromMs, untilMs);
}

/** When the last of them is over. */
export function endOf(outages: readonly Outage[]): number {
  return Math.max(0, ...outages.map(({ untilMs }) => untilMs));
}

function touches(outage: Outage, route: number, server: number): boolean {
  return outage.route === route && (outage.server < 0 || outage.server === server);
}
