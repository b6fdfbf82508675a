/** Reads what the operator's own rules do that a race has to know of: in the least number of chains, whatever else there is. */
import { readFileSync } from 'node:fs';
import { attemptCommand, runCommand, tryCommand } from '../command.js';
import { TABLE } from '../constants.js';
import type { Marks } from '../marks.js';
import { iptablesListing } from './iptables.js';
import {
  type Chain,
  type ChainName,
  type Elements,
  type Listing,
  parseListing,
  placeOf,
  type Rule,
  setsOf,
  targetsOf,
} from './nft-json.js';
import { blocking } from './output.js';
import { type OperatorRule, rulesOf } from './translations.js';
import { checksWayBack } from './way-back.js';

/** What was found. */
export interface OperatorRules {
  /** Rules that give connections something that no copy of theirs can have. */
  readonly rules: readonly OperatorRule[];
  /** Chains that may drop what the gateway itself sends. */
  readonly blocking: readonly string[];
  /** Rules in prerouting look for the way back to a source by the packet's mark. */
  readonly wayBackIsChecked: boolean;
}

export const NO_RULES: OperatorRules = { rules: [], blocking: [], wayBackIsChecked: false };

/** Chains and sets that are read at most; what is beyond them counts as applying to everything. */
const MOST_CHAINS = 100;
const MOST_ELEMENTS = 4096;

/** `lan`: interfaces of clients. Other interfaces' connections are not raced. */
export async function readOperatorRules(lan: readonly string[], marks: Marks): Promise<OperatorRules> {
  const listed = parseListing(await runCommand('nft', ['-j', 'list', 'chains']));
  const chains = listed.chains.filter(({ table }) => table !== TABLE);
  const legacy = await legacyNat();
  const read = new Reading();
  const sources = chains.filter(isSource);
  for (const chain of sources) await read.follow(chain);
  for (const chain of chains.filter(({ hook, type }) => hook === 'output' && type !== 'nat'))
    await read.chain(chain);
  read.add(legacy);
  const ruleset = { rules: read.rules, sets: read.sets, targets: read.targets, lan };
  const roots = [...sources, ...legacy.chains.filter(isSource)];
  return {
    rules: roots.flatMap((chain) => rulesOf(chain, ruleset)),
    blocking: blocking([...chains, ...legacy.chains], read.rules, marks),
    wayBackIsChecked: [...read.rules.values()].some((ones) => ones.some(checksWayBack)),
  };
}

/** Where sources are translated, and where `ct timeout` and `ct expectation` are set on what is forwarded. */
function isSource({ type, hook }: Chain): boolean {
  if (type === 'nat') return hook === 'postrouting';
  return hook === 'prerouting' || hook === 'forward';
}

class Reading {
  readonly rules = new Map<string, readonly Rule[]>();
  readonly sets = new Map<string, readonly unknown[]>();
  readonly targets = new Map<string, string>();
  // BOUNDED: MOST_CHAINS.
  private left = MOST_CHAINS;

  /** A chain, and all that it leads to. */
  async follow(chain: ChainName): Promise<void> {
    const { family, table, name } = chain;
    if (this.rules.has(placeOf(family, table, name)) || !(await this.chain(chain))) return;
    const rules = this.rules.get(placeOf(family, table, name)) ?? [];
    for (const set of new Set(rules.flatMap(setsOf))) await this.set({ family, table, name: set });
    for (const target of new Set(rules.flatMap((rule) => targetsOf(rule, this.sets))))
      if (target !== null) await this.follow({ family, table, name: target });
  }

  /** False: it is not there any more, or is one too many. */
  async chain({ family, table, name }: ChainName): Promise<boolean> {
    const place = placeOf(family, table, name);
    if (this.rules.has(place)) return true;
    if (this.left-- <= 0) return false;
    const { code, stdout } = await tryCommand('nft', ['-j', '-t', 'list', 'chain', family, table, name]);
    if (code !== 0) return false;
    const { rules } = parseListing(stdout);
    this.rules.set(place, rules);
    if (rules.some((rule) => rule.expr?.some(isSnatTarget))) await this.readTargets({ family, table, name });
    return true;
  }

  add({ rules, chains }: Listing): void {
    for (const { family, table, name } of chains)
      this.rules.set(
        placeOf(family, table, name),
        rules.filter((rule) => rule.chain === name && rule.table === table && rule.family === family),
      );
  }

  private async set({ family, table, name }: ChainName): Promise<void> {
    const place = placeOf(family, table, name);
    if (this.sets.has(place) || this.left-- <= 0) return;
    for (const kind of ['set', 'map']) {
      const { code, stdout } = await tryCommand('nft', ['-j', 'list', kind, family, table, name]);
      if (code !== 0) continue;
      const [found] = parseListing(stdout).sets as Elements[];
      const elements = found?.elem ?? [];
      if (elements.length <= MOST_ELEMENTS) this.sets.set(place, elements);
      return;
    }
  }

  /** The text tells what the JSON does not: `snat to 203.0.113.6 # handle 2`. */
  private async readTargets({ family, table, name }: ChainName): Promise<void> {
    const { stdout } = await tryCommand('nft', ['-a', 'list', 'chain', family, table, name]);
    for (const [, address, handle] of stdout.matchAll(/ snat to (\S+).* # handle (\d+)$/gm))
      this.targets.set(`${family} ${table} ${handle}`, address);
  }
}

function isSnatTarget(statement: Readonly<Record<string, unknown>>): boolean {
  return (statement.xt as { name?: string } | undefined)?.name === 'SNAT';
}

/** The nat tables of iptables-legacy, which nft does not see, in the shape of nft's. */
async function legacyNat(): Promise<Listing> {
  const parts = await Promise.all(
    (['ip', 'ip6'] as const).map(async (family) => {
      if (!hasLegacy(`${family}_tables_names`)) return [];
      const { code, stdout } = await attemptCommand(`${family}tables-legacy-save`, []);
      return code === 0 ? [iptablesListing(family, stdout)] : [];
    }),
  );
  const all = parts.flat();
  return { chains: all.flatMap(({ chains }) => chains), rules: all.flatMap(({ rules }) => rules), sets: [] };
}

function hasLegacy(name: string): boolean {
  try {
    return readFileSync(`/proc/net/${name}`, 'utf8').trim() !== '';
  } catch {
    return false;
  }
}
