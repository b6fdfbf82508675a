/** Whether somebody else uses our bits of marks, and which would be free. */
import type { GatewayConfig } from '../model/config.js';
import { bitCount, bitsFor, bitsOf } from '../model/mark-mask.js';
import type { Probe } from '../model/probe.js';
import { attemptCommand } from './command.js';
import { type Listings, type MarkUse, markUses } from './mark-clashes.js';
import { hex, marksOf } from './marks.js';

/** A probe for every program that shares bits with us; one that is ok when there is none. */
export async function probeMarks(config: GatewayConfig): Promise<readonly Probe[]> {
  const { listings, unread } = await readListings();
  const probes = explainUses(config, listings);
  return unread.length === 0 ? probes : [...probes, notRead(unread)];
}

/** The same for what has been read already. Pure. */
export function explainUses(config: GatewayConfig, listings: Listings): readonly Probe[] {
  const marks = marksOf(config.kernel.mark);
  const uses = markUses(listings, marks, config.kernel.rulePriority);
  const clashes = uses.filter(({ bits }) => (bits & marks.mask) !== 0);
  const expected = `bits of marks that nobody else uses (kernel.mark: ${hex(config.kernel.mark)})`;
  if (clashes.length === 0) {
    const found = `nobody else uses ${hex(marks.mask)}`;
    return [{ name: 'marks', ok: true, severity: 'recommended', found, expected, remedy: 'Nothing to do.' }];
  }
  const remedy = remedyFor(config, uses);
  const behind = `Give that rule a priority behind ours (kernel.rulePriority: ${config.kernel.rulePriority}).`;
  return clashes.map(({ program, bits, places, takesAll }) => ({
    name: `marks of ${program}`,
    ok: false,
    severity: 'recommended',
    found: takesAll
      ? `${program} takes everything that has not its own mark`
      : `${hex(bits & marks.mask)} are used by ${program}, too (${places.join(', ')})`,
    expected,
    remedy: takesAll ? behind : remedy,
  }));
}

/** What is ours and nobody else's first, then what nobody uses at all. */
function remedyFor(config: GatewayConfig, uses: readonly MarkUse[]): string {
  const others = uses.reduce((all, { bits, takesAll }) => (takesAll ? all : all | bits), 0);
  const wanted = bitsFor(config.services.length);
  const free = [config.kernel.mark & ~others, ~config.kernel.mark & ~others].flatMap(bitsOf);
  const mask = free.slice(0, Math.max(wanted, MOST_BITS)).reduce((all, bit) => (all | (1 << bit)) >>> 0, 0);
  return bitCount(mask) >= wanted
    ? `Set kernel.mark: ${hex(mask)}, or give that program other bits; then start the gateway again.`
    : `Give that program other bits: ${wanted} are needed for ${config.services.length} services.`;
}

/** More are not used. */
const MOST_BITS = 16;

async function readListings(): Promise<{ listings: Listings; unread: string[] }> {
  const unread: string[] = [];
  const read = async (command: string, ...args: string[]): Promise<string> => {
    const { code, stdout } = await attemptCommand(command, args);
    if (code !== 0 && !OPTIONAL.has(command)) unread.push([command, ...args].join(' '));
    return code === 0 ? stdout : '';
  };
  const [rules4, rules6, ruleset, iptables, ip6tables] = await Promise.all([
    read('ip', '-4', '-j', 'rule', 'show'),
    read('ip', '-6', '-j', 'rule', 'show'),
    read('nft', '-j', 'list', 'ruleset'),
    read('iptables-save'),
    read('ip6tables-save'),
  ]);
  return { listings: { rules: [rules4, rules6], ruleset, iptables: [iptables, ip6tables] }, unread };
}

/** Where they are not installed there is nothing of theirs. */
const OPTIONAL: ReadonlySet<string> = new Set(['iptables-save', 'ip6tables-save']);

function notRead(commands: readonly string[]): Probe {
  return {
    name: 'marks of others',
    ok: false,
    severity: 'recommended',
    found: `not read: ${commands.join('; ')}`,
    expected: 'rules by marks that can be read',
    remedy: 'Run `pathrace doctor` as root, or look for rules that use the bits of kernel.mark.',
  };
}
