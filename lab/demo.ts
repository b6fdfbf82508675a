/** Placeholder until the demo is there. */
import { PathraceError } from '../src/model/errors.js';

export async function runDemo(_argv: string[]): Promise<number> {
  throw new PathraceError('E_INTERNAL', 'The demo is not built in yet.');
}
