/** Placeholder until the benchmark is there. */
import { PathraceError } from '../src/model/errors.js';

export async function runBench(_argv: string[]): Promise<number> {
  throw new PathraceError('E_INTERNAL', 'The benchmark is not built in yet.');
}
