/** Everything that a gateway may change in its namespace, as text: equal before it starts and after it has ended. */
import type { Host } from '../../../lab/index.js';

export interface KernelState {
  readonly ruleset: string;
  readonly rules: string;
  readonly routes: string;
  readonly settings: string;
}

/**
 * The state as it should be again. A module that was loaded meanwhile brings settings along, for every namespace and for good: they are
 * nobody's leftovers as long as they are as a new namespace has them.
 */
export async function expectedState(
  host: Host,
  before: KernelState,
  after: KernelState,
): Promise<KernelState> {
  const known = new Set(before.settings.split('\n').map(nameOf));
  const isNew = (line: string): boolean => !known.has(nameOf(line));
  if (!after.settings.split('\n').some(isNew)) return before;
  const fresh = await host.run(['unshare', '-n', ...SETTINGS]);
  const settings = lines(`${before.settings}\n${lines(fresh.stdout).filter(isNew).join('\n')}`);
  return { ...before, settings: settings.filter((line) => !VOLATILE.test(line)).join('\n') };
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(' ='));
}

const SETTINGS = ['sysctl', '-a', '--pattern', '^net\\.'];
/** Settings that the kernel itself changes while packets flow. */
const VOLATILE = /nf_conntrack_count|nf_log|\.stat_refresh|random|\.fib_notify|netdev_budget/;

export async function kernelState(host: Host): Promise<KernelState> {
  const text = async (...command: string[]): Promise<string> => (await host.run(command)).stdout;
  const [ruleset, rules4, rules6, routes4, routes6, settings] = await Promise.all([
    text('nft', 'list', 'ruleset'),
    text('ip', '-4', 'rule'),
    text('ip', '-6', 'rule'),
    text('ip', '-4', 'route', 'show', 'table', 'all'),
    text('ip', '-6', 'route', 'show', 'table', 'all'),
    text(...SETTINGS),
  ]);
  return {
    ruleset,
    rules: `${rules4}${rules6}`,
    // Link-local addresses come a moment after their interface, with or without us.
    routes: lines(`${routes4}${routes6}`)
      .filter((line) => !/\bfe80::/.test(line))
      .map((line) => line.replace(/ (?:expires|pref) \S+/g, ''))
      .join('\n'),
    settings: lines(settings)
      .filter((line) => !VOLATILE.test(line))
      .join('\n'),
  };
}

/** The order in which the kernel lists routes depends on the order in which they were made. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter(Boolean)
    .sort();
}
