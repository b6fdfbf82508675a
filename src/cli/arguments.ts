/** Options of the commands that read their own. */
import { PathraceError } from '../model/errors.js';

/** What `parse` (node's `parseArgs`, without positional arguments) gives; what it refuses is E_ARGUMENT of the command. */
export function argumentsOf<Values>(command: string, parse: () => { values: Values }): Values {
  try {
    return parse().values;
  } catch (error) {
    // The first sentence says it; the others are about positional arguments, of which there are none.
    const message = error instanceof Error ? error.message : String(error);
    throw new PathraceError('E_ARGUMENT', `${command}: ${message.split('. ')[0]}.`);
  }
}
