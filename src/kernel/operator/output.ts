/** Chains of the operator's that may end what the gateway itself sends: copies and resets of races among it. Pure. */
import { hex, type Marks } from '../marks.js';
import { type Chain, placeOf, type Rule, type Statement } from './nft-json.js';

/** What to add to such a chain, before whatever drops. */
export function acceptOurs({ own, ownMask }: Marks): string {
  return `meta mark and ${hex(ownMask)} == ${hex(own)} accept`;
}

/** The chains of the output hook that drop or reject what no earlier rule of theirs has accepted. */
export function blocking(
  chains: readonly Chain[],
  rules: ReadonlyMap<string, readonly Rule[]>,
  marks: Marks,
): string[] {
  return chains
    .filter(({ hook, type }) => hook === 'output' && type !== 'nat')
    .filter((chain) => blocks(chain, rules.get(placeOf(chain.family, chain.table, chain.name)) ?? [], marks))
    .map(({ family, table, name }) => placeOf(family, table, name));
}

/** Only what stands in the chain itself is looked at: a name that says too much is better than none. */
function blocks({ policy }: Chain, rules: readonly Rule[], marks: Marks): boolean {
  for (const { expr = [] } of rules) {
    const matches = expr.filter((part) => 'match' in part || isXtMatch(part));
    const ends = expr.some(
      (part) => 'drop' in part || 'reject' in part || isTarget(part, ['DROP', 'REJECT']),
    );
    const accepts = expr.some((part) => 'accept' in part || isTarget(part, ['ACCEPT']));
    if (accepts && matches.every((part) => isOurs(part, marks) || isXtMatch(part, 'mark'))) return false;
    if (ends && matches.length === 0) return true;
  }
  return policy === 'drop';
}

/** A match of marks that all our own packets pass; of neighbouring bits from the highest on nft makes a prefix. */
function isOurs(part: Statement, { own, ownMask }: Marks): boolean {
  const { op, left, right } = (part.match ?? {}) as { op?: string; left?: Statement; right?: unknown };
  const isMark = (value: unknown): boolean => (value as { meta?: { key?: string } })?.meta?.key === 'mark';
  const passes = (mask: number, value: unknown): boolean => {
    const known = ((mask & ~ownMask) | 0) === 0;
    return op === '=='
      ? known && (own & mask) >>> 0 === value
      : op === '!=' && known && (own & mask) >>> 0 !== value;
  };
  const { prefix } = (right ?? {}) as { prefix?: { addr: number; len: number } };
  if (isMark(left) && prefix !== undefined)
    return prefix.len > 0 && passes((-1 << (32 - prefix.len)) >>> 0, prefix.addr);
  const [mark, mask] = ((left as { '&'?: unknown[] })?.['&'] ?? []) as [unknown, unknown];
  return isMark(mark) && typeof mask === 'number' && passes(mask, right);
}

/** Of iptables nft tells the name alone. */
function isXtMatch(part: Statement, wanted: string | null = null): boolean {
  const { type, name } = (part.xt ?? {}) as { type?: string; name?: string };
  return type === 'match' && (wanted === null || wanted === name);
}

function isTarget(part: Statement, names: readonly string[]): boolean {
  const { type, name } = (part.xt ?? {}) as { type?: string; name?: string };
  return type === 'target' && names.includes(name ?? '');
}
