/** What `pathrace bench` was asked to measure. */
import { parseArgs } from 'node:util';
import { argumentsOf } from '../src/cli/arguments.js';
import { PathraceError } from '../src/model/errors.js';
import { COMPARISONS } from './compare/index.js';

export interface BenchOptions {
  /** Fewer and shorter rounds. */
  readonly quick: boolean;
  readonly json: boolean;
  readonly help: boolean;
  /** Length of the soak. */
  readonly soakSeconds: number;
  /** Names of what is measured. */
  readonly only: ReadonlySet<string>;
}

/** Measured unless others are named. */
const BUDGETS = ['rate', 'connect', 'throughput', 'faults', 'memory', 'soak'];
const NAMES = [...BUDGETS, ...COMPARISONS.map(({ name }) => name)];

export const HELP = `Usage: pathrace bench [options]

Measures the gateway in the lab, against plain kernel NAT in the same run: ${BUDGETS.join(', ')}.
When named, beside mwan3, VyOS and pf as their rulesets are, single routes and plain NAT, about 55 minutes in all:
${COMPARISONS.map(({ name, title }) => `  ${name.padEnd(18)} ${title}\n`).join('')}
Options:
  --only <names>     these, separated by commas
  --quick            fewer and shorter rounds, for a first look
  --soak <seconds>   length of the soak (default 60, with --quick 10)
  --json             every single value as JSON; progress goes to stderr
  --help             show this

Exit codes: 0 every budget is met, 1 one is not, 2 wrong usage.
`;

const OPTIONS = {
  quick: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  soak: { type: 'string' },
  only: { type: 'string' },
} as const;

export function parseOptions(argv: readonly string[]): BenchOptions {
  const {
    quick = false,
    json = false,
    help = false,
    soak,
    only,
  } = argumentsOf('bench', () => parseArgs({ args: [...argv], options: OPTIONS }));
  const names = only?.split(',') ?? BUDGETS;
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new PathraceError('E_ARGUMENT', `bench: --only does not allow "${unknown}".`, {
      expected: NAMES.join(', '),
    });
  return {
    quick,
    json,
    help,
    soakSeconds: parseSeconds(soak ?? (quick ? '10' : '60')),
    only: new Set(names),
  };
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new PathraceError('E_ARGUMENT', `bench: --soak does not allow "${text}".`, {
    expected: `whole seconds from 1 to ${MAX_SECONDS}`,
  });
}

/** A week. */
const MAX_SECONDS = 7 * 86_400;
