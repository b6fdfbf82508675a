/** Which `select` does what a policy does: shares of one metric, order of several, and a last resort where both are asked for. */
import type { Group, Policy } from './policies.js';
import { Shares } from './shares.js';

export interface Select {
  /** `fixed`: the one route. */
  readonly criterion: 'fixed' | 'round-robin' | 'weighted' | 'priority';
  readonly routes: readonly string[];
}

/** A policy for one family, as rules use it. */
export interface Use {
  readonly policy: Policy;
  readonly groups: readonly Group[];
}

export interface Plan {
  /** The select of each use. */
  selectOf(groups: readonly Group[]): Select;
  /** Routes of `use: last-resort`. */
  readonly lastResorts: ReadonlySet<string>;
  readonly weights: ReadonlyMap<string, number>;
}

/** Fits all of them at once, since a weight and a last resort belong to a route and not to a policy. `rest`: the route of the rest. */
export function planSelects(uses: readonly Use[], rest: string): Plan {
  const lastResorts = findLastResorts(uses, rest);
  const shares = new Shares();
  const told = new Set<Policy>(); // BOUNDED: policies.
  for (const { policy, groups } of uses) {
    const { criterion } = selectOf(groups, lastResorts);
    const note = (instead: string): void => {
      if (!told.has(policy)) policy.options.noteAll('differs', instead);
      told.add(policy);
    };
    if (criterion === 'priority' && groups.some(({ members }) => members.length > 1))
      note(
        'The order of the metrics is kept, and within one metric the heaviest goes first: no shares, since only routes that are a last resort for every policy can stand behind routes that share.',
      );
    if (criterion === 'weighted' && groups.some(({ members }) => !shares.add(members)))
      note(
        'The shares of its members are not kept: a route has one weight for all services, and a policy above says other shares.',
      );
  }
  const { of: weights, isExact } = shares.weights();
  if (!isExact) uses[0].policy.options.noteAll('differs', 'Weights are rounded, to be from 1 to 1000.');
  return { selectOf: (groups) => selectOf(groups, lastResorts), lastResorts, weights };
}

/** Routes that only ever stand behind others that share: for them there is `use: last-resort`. */
function findLastResorts(uses: readonly Use[], rest: string): ReadonlySet<string> {
  const found = new Set<string>(); // BOUNDED: routes.
  for (const { groups } of uses) {
    if (groups.length !== 2 || groups.every(({ members }) => members.length === 1)) continue;
    const wanted = new Set([...found, ...groups[1].members.map(({ route }) => route)]);
    if (wanted.has(rest) || uses.some((use) => !isBehind(use.groups, wanted))) continue;
    for (const route of wanted) found.add(route);
  }
  return found;
}

/** Whether the routes stand behind all others there, or are all there is. */
function isBehind(groups: readonly Group[], routes: ReadonlySet<string>): boolean {
  const kinds = groups.map(({ members }) => new Set(members.map(({ route }) => routes.has(route))));
  if (kinds.some((kind) => kind.size > 1)) return false;
  const order = kinds.map((kind) => kind.has(true));
  return order.every((isLast, at) => at === 0 || isLast || !order[at - 1]);
}

function selectOf(groups: readonly Group[], lastResorts: ReadonlySet<string>): Select {
  const routes = groups.flatMap(({ members }) =>
    [...members].sort((a, b) => (groups.length > 1 ? b.weight - a.weight : 0)).map(({ route }) => route),
  );
  if (routes.length === 1) return { criterion: 'fixed', routes };
  const shared = groups.filter(({ members }) => members.length > 1);
  if (shared.length === 0) return { criterion: 'priority', routes };
  const isSplit = groups.length === 2 && groups[1].members.every(({ route }) => lastResorts.has(route));
  if (groups.length > 1 && !isSplit) return { criterion: 'priority', routes };
  const isEven = groups.every(({ members }) => members.every(({ weight }) => weight === members[0].weight));
  return {
    criterion: isEven ? 'round-robin' : 'weighted',
    routes: groups.flatMap((group) => group.members.map(({ route }) => route)),
  };
}
