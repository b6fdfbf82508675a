/**
 * Checks a text in a thread of its own, which ends with it: a gateway needs the schema, and the libraries that read a file by it, at its
 * start and at reloads alone (docs/decisions/0040), and a file of 256 KiB full of mistakes takes seconds, in which it would neither
 * follow a link nor answer.
 */
import { Worker } from 'node:worker_threads';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { ConfigError, type ConfigProblem } from './problems.js';
import { readConfig } from './read.js';

const TIME_LIMIT_MS = 30_000;
/** The process as a whole runs with little: here it is for seconds, and gone then. */
const MEMORY = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 256 };

/** What the thread is given. */
export interface ParseTask {
  readonly text: string;
  readonly fileName: string;
}

/** What it says. */
export type ParseResult =
  | { readonly config: GatewayConfig }
  | { readonly problems: readonly ConfigProblem[] }
  | { readonly failure: string };

/** As `loadConfig`. */
export async function loadApart(path: string): Promise<GatewayConfig> {
  return parseApart(readConfig(path), path);
}

/** As `parseConfig`. */
export async function parseApart(text: string, fileName: string): Promise<GatewayConfig> {
  const said = await runThread({ text, fileName });
  if ('config' in said) return said.config;
  if ('problems' in said) throw new ConfigError(fileName, said.problems);
  throw new PathraceError('E_CONFIG_UNREADABLE', `${fileName} cannot be checked: ${said.failure}.`, {
    remedy: 'Try again when the machine has less to do; if it stays so, make the file smaller.',
  });
}

function runThread(task: ParseTask): Promise<ParseResult> {
  const worker = new Worker(new URL('./parse-thread.js', import.meta.url), {
    workerData: task,
    resourceLimits: MEMORY,
  });
  return new Promise((resolve) => {
    const end = (said: ParseResult): void => {
      clearTimeout(timer);
      resolve(said);
      worker.terminate().catch(() => undefined);
    };
    const timer = setTimeout(
      () => end({ failure: `it takes longer than ${TIME_LIMIT_MS / 1000} s` }),
      TIME_LIMIT_MS,
    );
    worker.once('message', end);
    worker.once('error', (error) => end({ failure: error instanceof Error ? error.message : String(error) }));
    worker.once('exit', () => end({ failure: 'its thread has ended' }));
  });
}
