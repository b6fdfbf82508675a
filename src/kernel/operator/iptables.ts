/** What iptables-save prints, in the shape of what nft prints: rules of iptables-legacy are in no table of nft's. Pure. */
import type { Chain, Listing, Rule, Statement } from './nft-json.js';

const HOOKS: Readonly<Record<string, { readonly hook: string; readonly type: (table: string) => string }>> = {
  PREROUTING: { hook: 'prerouting', type: (table) => (table === 'nat' ? 'nat' : 'filter') },
  FORWARD: { hook: 'forward', type: () => 'filter' },
  OUTPUT: { hook: 'output', type: (table) => (table === 'nat' ? 'nat' : 'filter') },
  POSTROUTING: { hook: 'postrouting', type: (table) => (table === 'nat' ? 'nat' : 'filter') },
};

export function iptablesListing(family: 'ip' | 'ip6', text: string): Listing {
  const chains: Chain[] = [];
  const rules: Rule[] = [];
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = `${line.slice(1)} (legacy)`;
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name !== undefined) {
      const base = HOOKS[name];
      const hooked = base === undefined ? {} : { hook: base.hook, type: base.type(table.split(' ')[0]) };
      chains.push({ family, table, name, ...hooked, policy: policy === 'DROP' ? 'drop' : 'accept' });
    }
    const [, chain, words] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (chain === undefined) continue;
    const own = new Set(chains.filter((one) => one.table === table).map((one) => one.name));
    const expr = statements(family, words.split(' '), own);
    rules.push({ family, table, chain, handle: rules.length + 1, expr });
  }
  return { chains, rules, sets: [] };
}

/** A word that is not known is a match that is not looked at: the rule may apply to more than it does. */
function statements(
  family: 'ip' | 'ip6',
  words: readonly string[],
  chains: ReadonlySet<string>,
): Statement[] {
  const found: Statement[] = [];
  const after = (option: string): string | undefined => words[words.indexOf(option) + 1];
  for (const [option, left] of MATCHES(family)) {
    const at = words.indexOf(option);
    if (at === -1) continue;
    const right = option === '-s' || option === '-d' ? words[at + 1] : wildcard(words[at + 1]);
    found.push({ match: { op: words[at - 1] === '!' ? '!=' : '==', left, right } });
  }
  if (words.includes('-m')) found.push({ xt: { type: 'match', name: after('-m') } });
  const target = words.includes('-j') ? after('-j') : words.includes('-g') ? after('-g') : undefined;
  if (target !== undefined) found.push(targetOf(target, words, chains));
  return found;
}

const MATCHES = (family: 'ip' | 'ip6'): [string, Statement][] => [
  ['-s', { payload: { protocol: family, field: 'saddr' } }],
  ['-d', { payload: { protocol: family, field: 'daddr' } }],
  ['-o', { meta: { key: 'oifname' } }],
  ['-i', { meta: { key: 'iifname' } }],
  ['-p', { meta: { key: 'l4proto' } }],
];

function wildcard(name: string): string {
  return name.endsWith('+') ? `${name.slice(0, -1)}*` : name;
}

function targetOf(target: string, words: readonly string[], chains: ReadonlySet<string>): Statement {
  switch (target) {
    case 'SNAT': {
      const [address] = words[words.indexOf('--to-source') + 1].split(/:(?=\d+(?:-\d+)?$)/);
      return {
        snat: { addr: address.includes('-') ? { range: address.split('-') } : address.replace(/[[\]]/g, '') },
      };
    }
    case 'MASQUERADE':
      return { masquerade: null };
    default:
      return chains.has(target) ? { jump: { target } } : { xt: { type: 'target', name: target } };
  }
}
