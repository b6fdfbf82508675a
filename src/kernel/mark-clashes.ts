/**
 * Whether others use our bits of marks: read from what `ip -j rule`, `nft -j list ruleset` and `iptables-save` say. Pure.
 *
 * Who sets, saves, restores or compares whole marks is none of it: what is chosen is kept with the connection (docs/decisions/0021). A
 * clash is a part of the mark that is somebody else's, too; and a rule by whole marks that finds ours.
 */
import { RT_PROTOCOL, TABLE } from './constants.js';
import type { Marks } from './marks.js';

/** What the tools have printed. */
export interface Listings {
  /** Of both families. */
  readonly rules: readonly string[];
  readonly ruleset: string;
  readonly iptables: readonly string[];
}

export interface MarkUse {
  /** The program by its usual names, else the table or rule. */
  readonly program: string;
  /** All bits of which it makes use, ours among them or not. */
  readonly bits: number;
  /** It finds ours whatever their bits: only its place can be changed. */
  readonly takesAll: boolean;
  /** Rules and chains, a few. */
  readonly places: readonly string[];
}

/** Every program that uses parts of marks, or reads ours. `rulePriority`: of our first ip rule; what comes behind ours finds nothing. */
export function markUses(listings: Listings, marks: Marks, rulePriority: number): MarkUse[] {
  const uses = new Map<string, { bits: number; places: Set<string>; takesAll: boolean }>(); // BOUNDED: by tables and rules of the machine.
  const note: Note = (program, bits, place, takesAll = false) => {
    const use = uses.get(program) ?? { bits: 0, places: new Set(), takesAll: false };
    use.takesAll ||= takesAll;
    use.bits = (use.bits | bits) >>> 0;
    if (use.places.size < MOST_PLACES) use.places.add(place);
    uses.set(program, use);
  };
  for (const text of listings.rules) readRules(text, marks, rulePriority, note);
  readRuleset(listings.ruleset, note);
  for (const text of listings.iptables) readIptables(text, note);
  return [...uses].map(([program, { bits, places, takesAll }]) => ({
    program,
    bits,
    takesAll,
    places: [...places],
  }));
}

type Note = (program: string, bits: number, place: string, takesAll?: boolean) => void;

const MOST_PLACES = 4;
const WHOLE = 0xffffffff;

const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/^ts-|tailscale/i, 'Tailscale'],
  [/^cali/i, 'Calico'],
  [/^KUBE-|kube-proxy|kubernetes/i, 'Kubernetes'],
  [/^CILIUM|cilium/i, 'Cilium'],
  [/^mwan3/i, 'mwan3'],
  [/^pbr/i, 'pbr'],
  [/^wg-quick/, 'wg-quick'],
  [/^DOCKER/, 'Docker'],
];

function programOf(names: readonly string[]): string | null {
  for (const [pattern, program] of PROGRAMS) if (names.some((name) => pattern.test(name))) return program;
  return null;
}

interface RuleJson {
  readonly priority: number;
  readonly not?: unknown;
  readonly fwmark?: string;
  readonly fwmask?: string;
  readonly protocol?: string;
}

function readRules(text: string, marks: Marks, rulePriority: number, note: Note): void {
  for (const rule of parse<RuleJson[]>(text) ?? []) {
    if (rule.fwmark === undefined || rule.protocol === String(RT_PROTOCOL)) continue;
    if (rule.priority >= rulePriority) continue;
    const [value, mask] = [Number(rule.fwmark), Number(rule.fwmask ?? WHOLE)];
    // Every mark of ours has a route: who asks for none finds none of ours.
    const asksForNone = (mask & marks.routeMask) >>> 0 === marks.routeMask && (value & marks.routeMask) === 0;
    const isOther = (value & ~marks.mask & mask) !== 0;
    if (rule.not === undefined && mask === WHOLE && (asksForNone || isOther)) continue;
    const program = isTailscale(rule.priority, mask) ? 'Tailscale' : `ip rule ${rule.priority}`;
    note(program, mask, `ip rule ${rule.priority}`, rule.not !== undefined);
  }
}

function isTailscale(priority: number, mask: number): boolean {
  return priority >= 5200 && priority < 5300 && mask === 0xff0000;
}

interface Nftables {
  readonly nftables?: readonly {
    readonly rule?: {
      readonly family: string;
      readonly table: string;
      readonly chain: string;
      readonly comment?: string;
      readonly expr?: readonly unknown[];
    };
  }[];
}

function readRuleset(text: string, note: Note): void {
  for (const { rule } of parse<Nftables>(text)?.nftables ?? []) {
    if (rule === undefined || (rule.family === 'inet' && rule.table === TABLE)) continue;
    let bits = 0;
    for (const expr of rule.expr ?? []) bits |= bitsOfStatement(expr);
    if (bits === 0) continue;
    const { family, table, chain, comment = '' } = rule;
    const program = programOf([chain, table, comment]) ?? `table ${family} ${table}`;
    note(program, bits >>> 0, `${table} ${chain}`);
  }
}

/** The parts of marks that a statement of nft compares or changes; 0: none, or whole marks. */
function bitsOfStatement(statement: unknown): number {
  const { match, mangle, vmap } = statement as { match?: Match; mangle?: Mangle; vmap?: Mangle };
  if (match !== undefined) return partOf(match.left);
  if (vmap !== undefined) return partOf(vmap.key);
  const key = kindOf(mangle?.key);
  if (mangle !== undefined && key !== null) return changedBy(mangle.value, key);
  return 0;
}

interface Match {
  readonly left: unknown;
}

interface Mangle {
  readonly key: unknown;
  readonly value: unknown;
}

/** `mark & mask`: the mask. */
function partOf(expression: unknown): number {
  const [of, mask] = operands(expression, '&');
  return kindOf(of) !== null && typeof mask === 'number' && mask >>> 0 !== WHOLE ? mask >>> 0 : 0;
}

/** Of `mark & keep | bits`: what is not kept, and the bits. Of a part of the other mark, that is saved or restored: the part. */
function changedBy(value: unknown, key: 'meta' | 'ct'): number {
  for (const operator of ['|', '^'] as const) {
    const [rest, bits] = operands(value, operator);
    if (typeof bits !== 'number') continue;
    return kindOf(rest) === null ? (changedBy(rest, key) | bits) >>> 0 : bits >>> 0;
  }
  const kept = partOf(value);
  if (kept === 0) return 0;
  return kindOf(operands(value, '&')[0]) === key ? ~kept >>> 0 : kept;
}

function operands(expression: unknown, operator: '&' | '|' | '^'): readonly unknown[] {
  const found = (expression as Record<string, unknown> | null)?.[operator];
  return Array.isArray(found) ? found : [];
}

/** The packet's mark, the connection's, or neither. */
function kindOf(expression: unknown): 'meta' | 'ct' | null {
  const { meta, ct } = (expression ?? {}) as { meta?: { key?: string }; ct?: { key?: string } };
  if (meta?.key === 'mark') return 'meta';
  return ct?.key === 'mark' ? 'ct' : null;
}

/** Values and masks of iptables' matches and targets; nft does not show what is inside of them. */
const OPTION = /--(?:set-)?x?(?:tproxy-)?mark (0x[0-9a-f]+)\/(0x[0-9a-f]+)|--(?:nf|ct)mask (0x[0-9a-f]+)/gi;

function readIptables(text: string, note: Note): void {
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    if (!line.startsWith('-A ') || !line.includes('mark') || !line.includes('0x')) continue;
    let bits = 0;
    for (const [, value, mask, part] of line.matchAll(OPTION)) {
      const used = part === undefined ? Number(mask) : Number(part);
      // `--xor-mark` is written as a value that is set beside an empty mask.
      const whole = used >>> 0 === WHOLE;
      if (!whole) bits |= used === 0 ? Number(value) : used;
    }
    if (bits === 0) continue;
    const chain = line.split(' ', 2)[1];
    const named = [chain, ...line.matchAll(/(?:-j|--comment) "?([^" ]+)/g)].map((one) =>
      typeof one === 'string' ? one : one[1],
    );
    note(programOf(named) ?? `iptables ${table} ${chain}`, bits >>> 0, `iptables ${table} ${chain}`);
  }
}

function parse<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
