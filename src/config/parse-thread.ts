/** The thread of `parseApart`: checks one text, says what is in it, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { parseConfig } from './load.js';
import type { ParseResult, ParseTask } from './parse-apart.js';
import { ConfigError } from './problems.js';

function parse({ text, fileName }: ParseTask): ParseResult {
  try {
    return { config: parseConfig(text, fileName) };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(parse(workerData as ParseTask));
