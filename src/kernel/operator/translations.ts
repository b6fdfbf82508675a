/**
 * Which connections the operator's own rules do something to that only the kernel's own entry can have: another source (`snat to`,
 * NETMAP), a time-out or an expectation. What cannot be narrowed down counts as everything. Pure.
 */
import type { Family } from '../../model/address.js';
import type { ResolvedRoute } from '../routes.js';
import { type Chain, nameOf, placeOf, type Rule, type Statement, targetOf, verdictsOf } from './nft-json.js';
import { type AddressRange, between, parseRange } from './ranges.js';

/** A rule of the operator's, and which connections it may apply to. */
export interface OperatorRule {
  /** What to look for: `inet nat postrouting, handle 5`. */
  readonly place: string;
  readonly families: readonly Family[];
  /** null: all. */
  readonly sources: readonly AddressRange[] | null;
  readonly destinations: readonly AddressRange[] | null;
  /** Destination ports and ranges of them, as nft writes them. */
  readonly ports: readonly string[] | null;
  /** Names of interfaces that it leaves by, `*` at an end for any; null: all. */
  readonly interfaces: readonly string[] | null;
  /** An address of the interface, this address, or what is not known: another. `labels`: none, but labels for its entry. */
  readonly to: 'masquerade' | 'labels' | string | null;
}

/** Chains, sets and maps that were read, by their places. What is not here was too much to read. */
export interface Ruleset {
  readonly rules: ReadonlyMap<string, readonly Rule[]>;
  readonly sets: ReadonlyMap<string, readonly unknown[]>;
  /** Addresses of SNAT targets of iptables, by table and handle: nft's JSON does not tell them. */
  readonly targets: ReadonlyMap<string, string>;
  readonly lan: readonly string[];
}

/** More are taken for one that applies to everything. */
const MOST_RULES = 1000;
const MOST_JUMPS = 16;

/** The rules that a chain of a hook leads to. */
export function rulesOf(chain: Chain, ruleset: Ruleset): OperatorRule[] {
  const walk: Walk = { ruleset, found: [] };
  const families: readonly Family[] = chain.family === 'ip' ? [4] : chain.family === 'ip6' ? [6] : [4, 6];
  const all = { families, sources: null, destinations: null, ports: null, interfaces: null };
  walkChain(walk, chain, all, 0);
  if (walk.found.length <= MOST_RULES) return walk.found;
  return [{ ...all, place: `${placeOf(chain.family, chain.table, chain.name)}, too many rules`, to: null }];
}

/**
 * Of these rules those that do what we do not ourselves, on some route; each for the families of which that is so. `seesEntries`: the
 * daemon sees the labels of a connection, and gives them to it again.
 */
export function differing(
  rules: readonly OperatorRule[],
  routes: readonly ResolvedRoute[],
  seesEntries: boolean,
): OperatorRule[] {
  return rules.flatMap((rule) => {
    const { interfaces, to } = rule;
    if (to === 'labels') return seesEntries ? [] : [rule];
    const own = routes.filter(
      ({ config }) => interfaces === null || interfaces.some((name) => isNamed(name, config.interface)),
    );
    const families = rule.families.filter((family) => own.some((route) => !isOwn(route, family, to)));
    return families.length === 0 ? [] : [{ ...rule, families }];
  });
}

function isOwn(route: ResolvedRoute, family: Family, to: OperatorRule['to']): boolean {
  const part = family === 4 ? route.ipv4 : route.ipv6;
  if (part === null) return true;
  const byPool = route.config.translate && (family === 4 || route.prefixes.length === 0);
  if (!byPool) return false;
  return to === 'masquerade' || (part.addresses.length === 1 && part.addresses[0] === to);
}

interface Walk {
  readonly ruleset: Ruleset;
  readonly found: OperatorRule[];
}

type Scope = Pick<OperatorRule, 'families' | 'sources' | 'destinations' | 'ports' | 'interfaces'>;

function walkChain(
  walk: Walk,
  { family, table, name }: Pick<Chain, 'family' | 'table' | 'name'>,
  scope: Scope,
  depth: number,
): void {
  if (walk.found.length > MOST_RULES) return;
  const rules = walk.ruleset.rules.get(placeOf(family, table, name));
  if (rules === undefined || depth > MOST_JUMPS) {
    walk.found.push({
      ...scope,
      place: `${placeOf(family, table, name)}, which is too long to be read`,
      to: null,
    });
    return;
  }
  for (const rule of rules) walkRule(walk, rule, scope, depth);
}

function walkRule(walk: Walk, rule: Rule, outer: Scope, depth: number): void {
  const { family, table } = rule;
  let scope: Scope | null = outer;
  for (const statement of rule.expr ?? []) {
    const { match } = statement as { match?: { op: string; left: Statement; right: unknown } };
    if (match !== undefined && (match.op === '==' || match.op === 'in'))
      scope = narrow(walk, rule, scope, match);
    if (scope === null) return;
    const to = translationOf(walk, rule, statement);
    const inner = to === undefined ? null : ofStatement(walk, rule, scope, statement);
    if (to !== undefined && inner !== null)
      walk.found.push({
        ...inner,
        place: `${placeOf(family, table, rule.chain)}, handle ${rule.handle}`,
        to,
      });
    const target = targetOf(statement);
    if (target !== null) walkChain(walk, { family, table, name: target }, scope, depth + 1);
    const key = (statement.vmap as { key?: Statement } | undefined)?.key;
    if (key === undefined) continue;
    const verdicts = verdictsOf(statement, rule, walk.ruleset.sets);
    // Elements that could not be read: a chain that there is not.
    if (verdicts === null) walkChain(walk, { family, table, name: '@' }, scope, depth + 1);
    for (const [value, verdict] of verdicts ?? []) {
      const name = targetOf(verdict);
      const inner = narrow(walk, rule, scope, { left: key, right: value });
      if (name !== null && inner !== null) walkChain(walk, { family, table, name }, inner, depth + 1);
    }
  }
}

/** undefined: the statement does nothing that matters here. */
function translationOf({ ruleset }: Walk, rule: Rule, statement: Statement): OperatorRule['to'] | undefined {
  if ('masquerade' in statement) return 'masquerade';
  if ('snat' in statement) {
    const { addr } = (statement.snat ?? {}) as { addr?: unknown };
    return typeof addr === 'string' ? addr : null;
  }
  const { key } = (statement.mangle ?? {}) as { key?: { ct?: { key?: string } } };
  if (key?.ct?.key === 'label') return 'labels';
  if ('ct timeout' in statement || 'ct expectation' in statement) return null;
  const { type, name } = (statement.xt ?? {}) as { type?: string; name?: string };
  // Before 1.0.2 nft says nothing more of it.
  if ('xt' in statement && statement.xt === null) return null;
  if (type !== 'target') return undefined;
  if (name === 'MASQUERADE') return 'masquerade';
  if (name === 'NETMAP') return null;
  return name === 'SNAT'
    ? (ruleset.targets.get(`${rule.family} ${rule.table} ${rule.handle}`) ?? null)
    : undefined;
}

/** A translation is of one family; a map from sources to addresses applies to its keys. */
function ofStatement(walk: Walk, rule: Rule, scope: Scope, statement: Statement): Scope | null {
  const { addr, family } = (statement.snat ?? {}) as SnatWords;
  const own = family === undefined ? scope : ofFamilies(scope, FAMILY_WORDS[family] ?? scope.families);
  if (own === null || typeof addr !== 'object' || addr.map === undefined) return own;
  const { key, data } = addr.map;
  const named = nameOf(data);
  const pairs =
    named === null
      ? (data as { set?: unknown[] }).set
      : walk.ruleset.sets.get(placeOf(rule.family, rule.table, named));
  const keys = pairs?.map((pair) => (Array.isArray(pair) ? (pair[0] as unknown) : null));
  return keys === undefined ? own : narrow(walk, rule, own, { left: key, right: { set: keys } });
}

interface SnatWords {
  readonly family?: string;
  readonly addr?: string | { readonly map?: { readonly key: Statement; readonly data: unknown } };
}

/** What of the scope matches; null: nothing, or no TCP. */
function narrow(
  walk: Walk,
  rule: Rule,
  scope: Scope,
  { left, right }: { left: Statement; right: unknown },
): Scope | null {
  const { key } = (left.meta ?? {}) as { key?: string };
  const { protocol, field } = (left.payload ?? {}) as { protocol?: string; field?: string };
  const values = valuesOf(walk, rule, right);
  // An empty set matches nothing.
  if (values?.length === 0) return null;
  if (key === 'oifname' || key === 'oif') return values === null ? scope : byInterface(scope, values);
  if (key === 'iifname' || key === 'iif') {
    const isLan =
      values === null || walk.ruleset.lan.some((lan) => values.some((name) => isNamed(String(name), lan)));
    return isLan ? scope : null;
  }
  if (key === 'nfproto' || key === 'protocol')
    return ofFamilies(scope, FAMILY_WORDS[String(right)] ?? scope.families);
  const isProtocol = key === 'l4proto' || field === 'protocol' || field === 'nexthdr';
  if (isProtocol && values !== null && !values.some((value) => value === 'tcp' || value === 6)) return null;
  if ((protocol === 'tcp' || protocol === 'th') && field === 'dport')
    return { ...scope, ports: portTexts(values) ?? scope.ports };
  if (protocol === undefined) return scope;
  if (protocol !== 'ip' && protocol !== 'ip6') return OTHER_PROTOCOLS.includes(protocol) ? null : scope;
  const own = ofFamilies(scope, protocol === 'ip' ? [4] : [6]);
  const place = field === 'saddr' ? 'sources' : field === 'daddr' ? 'destinations' : null;
  const ranges = place === null || values === null ? null : values.map(rangeOf);
  if (own === null || place === null || ranges === null || ranges.includes(null)) return own;
  return { ...own, [place]: ranges };
}

const FAMILY_WORDS: Readonly<Record<string, readonly Family[]>> = { ipv4: [4], ip: [4], ipv6: [6], ip6: [6] };
/** What `th` does not say. */
const OTHER_PROTOCOLS = ['udp', 'udplite', 'icmp', 'icmpv6', 'sctp', 'dccp', 'esp', 'ah'];

function ofFamilies(scope: Scope, families: readonly Family[]): Scope | null {
  const both = scope.families.filter((family) => families.includes(family));
  return both.length === 0 ? null : { ...scope, families: both };
}

function byInterface(scope: Scope, values: readonly unknown[]): Scope | null {
  const names = values.map(String);
  const both = names.filter(
    (name) => scope.interfaces === null || scope.interfaces.some((one) => isNamed(one, name)),
  );
  return both.length === 0 ? null : { ...scope, interfaces: both };
}

/** The values that are compared with; null: they are not known. */
function valuesOf({ ruleset }: Walk, { family, table }: Rule, right: unknown): readonly unknown[] | null {
  const name = nameOf(right);
  const list =
    name === null
      ? typeof right === 'object' && right !== null && 'set' in right
        ? (right as { set: unknown }).set
        : [right]
      : ruleset.sets.get(placeOf(family, table, name));
  if (list === undefined) return null;
  const values = Array.isArray(list) ? (list as unknown[]) : [list];
  // With a time-out, a counter or a comment.
  return values.map((value) => (value as { elem?: { val: unknown } } | null)?.elem?.val ?? value);
}

function rangeOf(value: unknown): AddressRange | null {
  if (typeof value === 'string') return parseRange(value);
  const { prefix, range } = value as { prefix?: { addr: string; len: number }; range?: [string, string] };
  if (prefix !== undefined) return parseRange(`${prefix.addr}/${prefix.len}`);
  return range === undefined ? null : between(range[0], range[1]);
}

/** null: something else than numbers and ranges of them. */
function portTexts(values: readonly unknown[] | null): string[] | null {
  const texts = (values ?? []).map((value) => {
    const { range } = value as { range?: [number, number] };
    return range === undefined ? String(value) : range.join('-');
  });
  return texts.length > 0 && texts.every((text) => /^\d+(-\d+)?$/.test(text)) ? texts : null;
}

function isNamed(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
