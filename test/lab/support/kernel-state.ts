/** Everything that a gateway may change in its namespace, as text: equal before it starts and after it has ended. */
import type { Host } from '../../../lab/index.js';

export interface KernelState {
  readonly ruleset: string;
  readonly rules: string;
  readonly routes: string;
  readonly settings: string;
}

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
    text('sysctl', '-a', '--pattern', '^net\\.'),
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
