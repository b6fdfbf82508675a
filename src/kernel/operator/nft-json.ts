/** What `nft -j` prints of chains, sets and maps, as far as it is looked at (libnftables-json(5)). Pure. */

/** Where a chain is. */
export interface ChainName {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

export interface Chain extends ChainName {
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
}

/** A part of a rule: an object with one key. */
export type Statement = Readonly<Record<string, unknown>>;

export interface Rule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly expr?: readonly Statement[];
}

export interface Elements {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly elem?: readonly unknown[];
}

/** Everything that one call has printed. */
export interface Listing {
  readonly chains: readonly Chain[];
  readonly rules: readonly Rule[];
  readonly sets: readonly Elements[];
}

export function parseListing(text: string): Listing {
  const { nftables } = JSON.parse(text) as { nftables: Record<string, unknown>[] };
  const of = <T>(...kinds: string[]): T[] =>
    nftables.flatMap((item) => kinds.flatMap((kind) => (kind in item ? [item[kind] as T] : [])));
  return { chains: of('chain'), rules: of('rule'), sets: of('set', 'map') };
}

/** One word for the place of a chain, set or map. */
export function placeOf(family: string, table: string, name: string): string {
  return `${family} ${table} ${name}`;
}

/** Chains that a rule leads to; `null`: through a map whose elements are to be read first. */
export function targetsOf(rule: Rule, maps: ReadonlyMap<string, readonly unknown[]>): (string | null)[] {
  return (rule.expr ?? []).flatMap((statement): (string | null)[] => {
    const direct = targetOf(statement);
    if (direct !== null) return [direct];
    const elements = verdictsOf(statement, rule, maps);
    if (elements === null) return 'vmap' in statement ? [null] : [];
    return elements.map(([, verdict]) => targetOf(verdict)).filter((name) => name !== null);
  });
}

/** The chain of a `jump` or `goto`. */
export function targetOf(statement: Statement): string | null {
  const to = (statement.jump ?? statement.goto) as { target?: string } | undefined;
  return to?.target ?? null;
}

/** Keys and verdicts of a verdict map; null: none, or its elements are not known. */
export function verdictsOf(
  statement: Statement,
  { family, table }: Rule,
  maps: ReadonlyMap<string, readonly unknown[]>,
): [unknown, Statement][] | null {
  const data = (statement.vmap as { data?: unknown } | undefined)?.data;
  if (data === undefined) return null;
  const named = nameOf(data);
  const list = named === null ? (data as { set?: unknown[] }).set : maps.get(placeOf(family, table, named));
  return (list as [unknown, Statement][] | undefined) ?? null;
}

/** Names of sets and maps that a rule which translates or leads on looks something up in; blocklists are long, and none of those. */
export function setsOf({ expr = [] }: Rule): string[] {
  if (!expr.some((statement) => LEADING.some((key) => key in statement))) return [];
  return expr.flatMap((statement) => {
    const match = statement.match as { right?: unknown } | undefined;
    const vmap = statement.vmap as { data?: unknown } | undefined;
    const snat = statement.snat as { addr?: { map?: { data?: unknown } } } | undefined;
    const given = [match?.right, vmap?.data, snat?.addr?.map?.data];
    return given.map(nameOf).filter((name) => name !== null);
  });
}

const LEADING = [
  'mangle',
  'jump',
  'goto',
  'vmap',
  'snat',
  'masquerade',
  'xt',
  'ct timeout',
  'ct expectation',
];

/** `@name`: a set or map of the table. */
export function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value.startsWith('@') ? value.slice(1) : null;
}
