/** Chains of the operator's that may end what the gateway itself sends: copies and resets of races among it. Pure. */
import { hex, MARK } from '../constants.js';
import { type Chain, placeOf, type Rule, type Statement } from './nft-json.js';

/** What to add to such a chain, before whatever drops. */
export const ACCEPT_OURS = `meta mark and ${hex(MARK.OWN)} != 0 accept`;

/** The chains of the output hook that drop or reject what no earlier rule of theirs has accepted. */
export function blocking(chains: readonly Chain[], rules: ReadonlyMap<string, readonly Rule[]>): string[] {
  return chains
    .filter(({ hook, type }) => hook === 'output' && type !== 'nat')
    .filter((chain) => blocks(chain, rules.get(placeOf(chain.family, chain.table, chain.name)) ?? []))
    .map(({ family, table, name }) => placeOf(family, table, name));
}

/** Only what stands in the chain itself is looked at: a name that says too much is better than none. */
function blocks({ policy }: Chain, rules: readonly Rule[]): boolean {
  for (const { expr = [] } of rules) {
    const matches = expr.filter((part) => 'match' in part || isXtMatch(part));
    const ends = expr.some(
      (part) => 'drop' in part || 'reject' in part || isTarget(part, ['DROP', 'REJECT']),
    );
    const accepts = expr.some((part) => 'accept' in part || isTarget(part, ['ACCEPT']));
    if (accepts && matches.every((part) => isOurs(part) || isXtMatch(part, 'mark'))) return false;
    if (ends && matches.length === 0) return true;
  }
  return policy === 'drop';
}

/** The match of our own packets by their mark, as nft prints it: of one bit it makes a prefix. */
function isOurs(part: Statement): boolean {
  const { op, left, right } = (part.match ?? {}) as { op?: string; left?: Statement; right?: unknown };
  const bit = MARK.OWN >>> 0;
  const isMark = (value: unknown): boolean => (value as { meta?: { key?: string } })?.meta?.key === 'mark';
  const { prefix } = (right ?? {}) as { prefix?: { addr: number; len: number } };
  if (isMark(left) && prefix !== undefined && prefix.len === 1)
    return op === '==' ? prefix.addr === bit : op === '!=' && prefix.addr === 0;
  const [mark, mask] = ((left as { '&'?: unknown[] })?.['&'] ?? []) as [unknown, unknown];
  if (!isMark(mark) || typeof mask !== 'number') return false;
  return op === '==' ? right === mask && mask === bit : op === '!=' && right === 0 && (mask & bit) !== 0;
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
