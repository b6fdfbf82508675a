/** Policies of mwan3: which routes, in which order of groups and with which shares, for each family. */
import type { IpFamily, Logical } from './interfaces.js';
import type { Options } from './options.js';

/** The routes of one metric. */
export interface Group {
  readonly metric: number;
  readonly members: readonly Share[];
}

export interface Share {
  readonly route: string;
  readonly weight: number;
}

/** What becomes of connections while no member is online. */
export type LastResort = 'unreachable' | 'blackhole' | 'default';

export interface Policy {
  readonly options: Options;
  readonly lastResort: LastResort;
  /** The lowest metric first; none: it has no member of the family. */
  readonly groups: Readonly<Record<IpFamily, readonly Group[]>>;
}

/** mwan3 sets none of a longer name, neither policy nor rule. */
export const LONGEST_NAME = 15;

export function isSet(section: Options): boolean {
  if (section.name.length <= LONGEST_NAME) return true;
  section.noteAll('unused', `mwan3 does nothing with a name of more than ${LONGEST_NAME} characters.`);
  return false;
}

interface Member extends Share {
  readonly family: IpFamily;
  readonly metric: number;
}

/** mwan3 leaves out members of a higher one. */
const HIGHEST_METRIC = 256;
const WEIGHTS = { from: 1, to: 1000 } as const;

export function readMembers(
  sections: readonly Options[],
  logical: ReadonlyMap<string, Logical>,
): ReadonlyMap<string, Member | null> {
  return new Map(
    sections.map((section) => {
      const name = section.text('interface');
      const metric = section.number('metric', 1, { from: 0, to: 1_000_000 });
      const weight = section.number('weight', 1, WEIGHTS);
      section.noteRest();
      const found = name === undefined ? undefined : logical.get(name);
      if (metric > HIGHEST_METRIC) {
        section.note('unused', 'metric', `mwan3 leaves out members of a metric above ${HIGHEST_METRIC}.`);
        return [section.name, null];
      }
      // Why there is none has been said where the interface is.
      if (found === undefined) return [section.name, null];
      return [section.name, { route: found.uplink.route, family: found.family, metric, weight }];
    }),
  );
}

const RESORTS: readonly string[] = ['unreachable', 'blackhole', 'default'];

export function readPolicies(
  sections: readonly Options[],
  members: ReadonlyMap<string, Member | null>,
): ReadonlyMap<string, Policy> {
  const policies = new Map<string, Policy>(); // BOUNDED: sections of a file.
  for (const section of sections) {
    const names = section.list('use_member');
    const text = section.text('last_resort') ?? 'unreachable';
    section.noteRest();
    if (!isSet(section)) continue;
    const lastResort = (RESORTS.includes(text) ? text : 'unreachable') as LastResort;
    const own = names.flatMap((name): readonly Member[] => {
      const member = members.get(name);
      if (member === undefined)
        section.note(
          'unused',
          'use_member',
          `There is no member ${name.slice(0, 40).replace(/[^\x20-\x7e]/g, '?')}.`,
        );
      return member == null ? [] : [member];
    });
    policies.set(section.name, {
      options: section,
      lastResort,
      groups: { ipv4: groupsOf(own, 'ipv4'), ipv6: groupsOf(own, 'ipv6') },
    });
  }
  return policies;
}

/** A route counts where its metric is lowest, with all that it has there. */
function groupsOf(members: readonly Member[], family: IpFamily): readonly Group[] {
  const own = members.filter((member) => member.family === family);
  const metrics = [...new Set(own.map(({ metric }) => metric))].sort((a, b) => a - b);
  const placed = new Set<string>(); // BOUNDED: routes.
  return metrics.flatMap((metric): readonly Group[] => {
    const weights = new Map<string, number>(); // BOUNDED: routes.
    for (const { route, weight, metric: at } of own)
      if (at === metric && !placed.has(route)) weights.set(route, (weights.get(route) ?? 0) + weight);
    for (const route of weights.keys()) placed.add(route);
    return weights.size === 0
      ? []
      : [{ metric, members: [...weights].map(([route, weight]) => ({ route, weight })) }];
  });
}
