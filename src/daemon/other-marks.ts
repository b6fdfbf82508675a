/** What was left in the kernel by a gateway that marks by other bits. */
import { removeState } from '../kernel/cleanup.js';
import { maskOfChain } from '../kernel/constants.js';
import { hex, type Marks, marksOf } from '../kernel/marks.js';
import type { TableObject } from '../kernel/nft-read.js';
import { PathraceError } from '../model/errors.js';
import { DEFAULT_MARK_MASK } from '../model/mark-mask.js';
import type { Log } from '../observe/log.js';

/**
 * State that marks by other bits cannot be gone on with: it is removed as a whole. Returns the marks of its connections; null: there
 * was none.
 */
export async function leaveOtherMarks(
  found: readonly TableObject[],
  marks: Marks,
  log: Log,
): Promise<Marks | null> {
  const mask = found.map(({ name }) => maskOfChain(name)).find((one) => one !== 0);
  if (found.length === 0 || mask === marks.mask) return null;
  const { left } = await removeState();
  if (left.length > 0)
    throw new PathraceError('E_COMMAND_FAILED', 'State with other marks could not be removed.', {
      found: left.join('; '),
    });
  const fields = { was: mask === undefined ? 'unknown' : hex(mask), now: hex(marks.mask) };
  log.warn({ event: 'marks-changed', ...fields }, 'connections with other marks end');
  return marksOf(mask ?? DEFAULT_MARK_MASK);
}
