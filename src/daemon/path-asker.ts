/** Asks a path which packets pass by it: echo requests that must not be fragmented, to hosts that others speak with. */
import {
  type Answers,
  type Finding,
  judge,
  LARGEST,
  looksNarrow,
  rungsBelow,
  SMALL_SIZE,
} from '../core/path/judge.js';
import type { Host } from '../core/path/stalls.js';
import { askSizes, type SizesAsked } from '../kernel/checks/sized-pings.js';
import type { Marks } from '../kernel/marks.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import { type Family, parseAddress } from '../model/address.js';
import { checkedRoute } from './checker.js';

/** First whether full size passes; a host answers within WAIT_MS also over a satellite. */
const WAIT_MS = 1500;
const FIRST = { times: 3, gapMs: 50, waitMs: WAIT_MS } as const;
/** Then which sizes do: by three hosts a megabit per second, which slow lines carry. */
const LADDER = { times: 2, gapMs: 40, waitMs: WAIT_MS } as const;
/** Hosts that are asked for all sizes. */
const LADDER_HOSTS = 3;
/** Routes that show what those hosts answer otherwise. */
const OTHERS = 2;

/** The largest packet that is asked for by a route. */
export function fullSize(route: ResolvedRoute): number {
  return Math.min(route.mtu, LARGEST);
}

/**
 * `hosts`: of different networks, those that matter most first. `others`: routes that carry the family besides. Takes up to five
 * seconds; by twenty packets where all is well.
 */
export async function askPath(
  marks: Marks,
  route: ResolvedRoute,
  family: Family,
  hosts: readonly Host[],
  others: readonly ResolvedRoute[],
): Promise<Finding & { readonly witnesses: readonly Host[] }> {
  const full = fullSize(route);
  const ask = (by: ResolvedRoute, whom: readonly Host[], how: SizesAsked): Promise<Answers[]> =>
    Promise.all(whom.map((host) => answersOf(marks, by, family, host, how)));
  const first = await ask(route, hosts, { ...FIRST, sizes: [SMALL_SIZE, full] });
  if (!looksNarrow(first, full)) return { ...judge(first, full, family), witnesses: [] };
  const witnesses = hosts.filter((_, i) => first[i].reached.has(SMALL_SIZE)).slice(0, LADDER_HOSTS);
  const [sizes, ...elsewhere] = await Promise.all([
    ask(route, witnesses, { ...LADDER, sizes: [SMALL_SIZE, ...rungsBelow(full, family), full] }),
    ...others
      .slice(0, OTHERS)
      .map((other) => ask(other, witnesses, { ...FIRST, sizes: [Math.min(full, fullSize(other))] })),
  ]);
  const answers = sizes.map((own, i): Answers => {
    const byOthers = elsewhere.flatMap((answered) => [...answered[i].reached]);
    return { ...own, elsewhere: Math.max(0, ...byOthers) > Math.max(0, ...own.reached) };
  });
  return { ...judge(answers, full, family), witnesses };
}

async function answersOf(
  marks: Marks,
  route: ResolvedRoute,
  family: Family,
  { address, network }: Host,
  how: SizesAsked,
): Promise<Answers> {
  const words = parseAddress(address);
  const nothing = { passed: new Set<number>(), reached: new Set<number>() };
  const answered = words === null ? nothing : await askSizes(checkedRoute(marks, route, family), words, how);
  return { network, ...answered, elsewhere: false };
}
