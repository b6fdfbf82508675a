/** Everything that a gateway may change in its namespace, as text: equal before it starts and after it has ended. */
import { expect } from 'vitest';
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
  return line.slice(0, line.indexOf(':'));
}

/** A third of what sysctl takes, and more of them. */
const READ_SETTINGS = `cd /proc/sys && grep -rs '' net`;
const SETTINGS = ['sh', '-c', READ_SETTINGS];
/** One after the other in one shell: every test does this twice. */
const EVERYTHING = [
  'nft list ruleset',
  'ip -4 rule; ip -6 rule',
  'ip -4 route show table all; ip -6 route show table all',
  READ_SETTINGS,
].join("; printf '\\0'; ");
/** Settings that the kernel itself changes while packets flow. */
const VOLATILE = /nf_conntrack_count|nf_log|\/stat_refresh|random|\/fib_notify|netdev_budget/;

export async function kernelState(host: Host): Promise<KernelState> {
  const { stdout } = await host.run(['sh', '-c', EVERYTHING]);
  const [ruleset = '', rules = '', routes = '', settings = ''] = stdout.split('\0');
  // A state of nothing would be equal to any other.
  expect(lines(settings).length).toBeGreaterThan(100);
  return {
    ruleset,
    rules,
    // Link-local addresses come a moment after their interface, with or without us.
    routes: lines(routes)
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
