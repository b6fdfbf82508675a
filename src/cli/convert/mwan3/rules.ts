/** Rules of mwan3, in their order, as services: the first that matches wins in both. */
import { MAX_SERVICES } from '../../../config/schema/services.js';
import { MAX_INTERFACES } from '../../../config/values/texts.js';
import type { Network } from '../network.js';
import type { IpFamily } from './interfaces.js';
import { type Match, readMatch } from './matches.js';
import type { Options } from './options.js';
import { type Group, isSet, type Policy } from './policies.js';
import type { Plan, Select, Use } from './selects.js';

/** A rule that can be carried over, and by which routes for each family. */
export interface Carried {
  readonly section: Options;
  readonly match: Match;
  /** Those of its families that it has something for; an empty list: as the rest. */
  readonly families: ReadonlyMap<IpFamily, readonly Group[]>;
  readonly policy: Policy | null;
  /** How long a client stays with its route; null: it does not. */
  readonly stickySeconds: number | null;
}

export interface Service {
  readonly name: string;
  /** Of the rule. */
  readonly line: number;
  readonly match: Match;
  /** null: the service is of both. */
  readonly family: IpFamily | null;
  /** null: as the rest. */
  readonly select: Select | null;
  readonly stickySeconds: number | null;
}

export interface RuleNeeds {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly network: Network | null;
  /** Devices of routes: no connection of the LAN comes in by them. */
  readonly devices: ReadonlySet<string>;
  readonly logs: boolean;
}

const STICKY = { from: 1, to: 604_800 } as const;
const SPECIAL: readonly string[] = ['default', 'unreachable', 'blackhole'];

export function readRules(sections: readonly Options[], needs: RuleNeeds): readonly Carried[] {
  const { network, devices } = needs;
  return sections.flatMap((section): readonly Carried[] => {
    const carried = readRule(section, readMatch(section, network), needs);
    section.noteRest();
    if (carried === undefined) return [];
    const device = carried.match.interface;
    if (device === null || !devices.has(device)) return [carried];
    section.note(
      'lost',
      'src_iface',
      'The rule is left out: it is about what comes in by a provider, which goes back by it in any case.',
    );
    return [];
  });
}

function readRule(section: Options, match: Match | undefined, needs: RuleNeeds): Carried | undefined {
  const isSticky = section.flag('sticky', false);
  const seconds = section.number('timeout', 600, STICKY);
  const name = section.text('use_policy');
  if (section.flag('logging', false) && needs.logs)
    section.note(
      'differs',
      'logging',
      'Not in the log: `pathrace why` shows every connection and its service.',
    );
  if (!isSet(section)) return undefined;
  if (name === undefined) {
    section.noteAll('unused', 'Without use_policy mwan3 sets no rule.');
    return undefined;
  }
  if (match === undefined) return undefined;
  if (SPECIAL.includes(name)) return special(section, match, name);
  const policy = needs.policies.get(name);
  if (policy === undefined) {
    section.note(
      'unused',
      'use_policy',
      'There is no such policy, so that mwan3 goes on with the next rule.',
    );
    return undefined;
  }
  const families = new Map<IpFamily, readonly Group[]>(); // BOUNDED: two.
  for (const family of match.families) {
    const groups = policy.groups[family];
    if (groups.length > 0 || policy.lastResort === 'default') families.set(family, groups);
    else if (match.families.length === 1 || policy.groups.ipv4.length + policy.groups.ipv6.length === 0)
      refused(section, family);
    else
      section.note(
        'differs',
        'use_policy',
        `Its policy has no member of ${family}, which mwan3 refuses; here it is a matter of the services below and of the rest.`,
      );
  }
  if (families.size === 0) return undefined;
  return { section, match, families, policy, stickySeconds: isSticky ? seconds : null };
}

function special(section: Options, match: Match, name: string): Carried | undefined {
  if (name !== 'default') {
    refused(section, name);
    return undefined;
  }
  const families = new Map(match.families.map((family) => [family, []] as const));
  return { section, match, families, policy: null, stickySeconds: null };
}

function refused(section: Options, what: string): void {
  section.note(
    'lost',
    'use_policy',
    `mwan3 refuses these connections (${what}); Pathrace refuses none, and the services below or the rest take them. Reject them in the forward chain of your firewall.`,
  );
}

/** What rules ask of their policies: for the plan. */
export function usesOf(rules: readonly Carried[]): readonly Use[] {
  return rules.flatMap(({ policy, families }) =>
    policy === null
      ? []
      : [...families.values()].filter((groups) => groups.length > 0).map((groups) => ({ policy, groups })),
  );
}

/** The services, as many as there can be. */
export function servicesOf(rules: readonly Carried[], plan: Plan): readonly Service[] {
  const services: Service[] = []; // BOUNDED: MAX_SERVICES and one more.
  const taken = new Set<string>(); // BOUNDED: rules of a file.
  for (const rule of rules) {
    const own = servicesOfRule(rule, plan, taken);
    if (services.length + own.length > MAX_SERVICES) {
      rule.section.noteAll('lost', `The rule is left out: there are ${MAX_SERVICES} services at most.`);
      continue;
    }
    services.push(...own);
  }
  return services;
}

function servicesOfRule(rule: Carried, plan: Plan, taken: Set<string>): readonly Service[] {
  const { section, match, families, policy } = rule;
  const selects = [...families].map(([family, groups]) => ({
    family,
    select: groups.length === 0 ? null : plan.selectOf(groups),
  }));
  noteLastResort(section, policy, selects);
  const isOne =
    selects.length === 1 || JSON.stringify(selects[0].select) === JSON.stringify(selects[1].select);
  const name = freeName(section.name, taken);
  return (isOne ? selects.slice(0, 1) : selects).map(({ family, select }) => ({
    name: isOne ? name : freeName(`${name}-${family === 'ipv4' ? 'v4' : 'v6'}`, taken),
    line: section.section.line,
    match,
    family: selects.length === 2 && isOne ? null : family,
    select,
    stickySeconds: select === null || select.criterion === 'fixed' ? null : rule.stickySeconds,
  }));
}

function freeName(wanted: string, taken: Set<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}

/** Once a policy. */
function noteLastResort(
  section: Options,
  policy: Policy | null,
  selects: readonly { readonly select: Select | null }[],
): void {
  if (
    policy === null ||
    selects.every(({ select }) => select === null) ||
    policy.lastResort === 'unreachable'
  )
    return;
  policy.options.note(
    'differs',
    'last_resort',
    policy.lastResort === 'blackhole'
      ? `Where no route of it can be used (rule ${section.name}), clients are told so at once instead of hearing nothing.`
      : `Where no route of it can be used (rule ${section.name}), connections are refused instead of going by the main table. Add the route to be used then to \`routes\` of the service.`,
  );
}

/** Interfaces of the LAN: those that are named or found, those of rules, and the gateway itself. */
export function lanOf(
  found: readonly string[],
  rules: readonly Carried[],
  devices: ReadonlySet<string>,
): readonly string[] {
  const own = rules.map(({ match }) => match.interface).filter((device): device is string => device !== null);
  const all = [...new Set([...found, ...own])].filter((device) => !devices.has(device));
  return [...all.slice(0, MAX_INTERFACES - 1), 'local'];
}
