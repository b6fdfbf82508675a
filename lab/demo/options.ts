/** What the demo was asked to do. */
import { parseArgs } from 'node:util';
import { argumentsOf } from '../../src/cli/arguments.js';
import { PathraceError } from '../../src/model/errors.js';

export interface DemoOptions {
  /** How long it measures; null: until it is told to stop. */
  readonly seconds: number | null;
  readonly seed: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** Below this the phases would be too short for figures that mean something. */
export const MIN_SECONDS = 10;

export const HELP = `Usage: pathrace demo [options]

Builds a small internet on this machine: three providers, a dozen destinations, each nearest by another provider.
Runs the gateway in it and real programs as traffic, and shows how their connections are raced. The summary at the
end compares racing with each single provider and with round robin by plain kernel NAT, all measured in this run,
with all providers healthy and with one silently dead past its next hop.

Options:
  --for <time>   end after this time, for example 20s or 2m (at least ${MIN_SECONDS}s); default: until q or Ctrl-C
  --seed <n>     another seed places the destinations elsewhere (default 1)
  --json         print the summary as JSON; progress goes to stderr
  --help         show this

On a terminal it draws a live table; piped, it writes plain lines. Beside it the gateway's page is open to browsers of
this machine, at the address that is shown. NO_COLOR=1 switches colours off.
Exit codes: 0 racing lost no connection, 1 it lost some or the demo failed, 2 wrong usage.
`;

const OPTIONS = {
  for: { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export function parseOptions(argv: readonly string[]): DemoOptions {
  const {
    for: time,
    seed,
    json,
    help,
  } = argumentsOf('demo', () => parseArgs({ args: [...argv], options: OPTIONS }));
  return {
    seconds: time === undefined ? null : parseTime(time),
    seed: parseSeed(seed ?? '1'),
    json: json ?? false,
    help: help ?? false,
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600 };

function parseTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|min|h)?$/.exec(text);
  const seconds =
    match === null ? Number.NaN : Number(match[1]) * (UNIT_SECONDS[match[2] ?? 's'] ?? Number.NaN);
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds;
  throw new PathraceError('E_ARGUMENT', `demo: --for does not allow "${text}".`, {
    expected: `a time of at least ${MIN_SECONDS}s, such as 20s or 2m; shorter phases would measure nothing`,
  });
}

/** A week. */
const MAX_SECONDS = 7 * 86_400;

function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= 0x7fff_ffff) return seed;
  throw new PathraceError('E_ARGUMENT', `demo: --seed does not allow "${text}".`, {
    expected: 'a whole number from 0 to 2147483647',
  });
}
