/** The body of every answer that says no (RFC 9457). */
import { z } from 'zod';
import { number, said, text } from './common.js';
import { ConfigProblem } from './config.js';

export const Problem = z
  .object({
    type: said(
      z.string(),
      'A URI reference that names the kind of problem: that of its code in docs/errors.md.',
    ),
    title: text('What the code means.'),
    status: number('The status of the answer.'),
    detail: text('What happened, in words; the same as `message`.'),
    code: text('One of docs/errors.md; it keeps its meaning for ever.'),
    message: text('What happened, in words.'),
    remedy: text('What to do about it.'),
    found: text('What was found; absent where that says nothing.').exactOptional(),
    expected: text('What would have been right; absent where that says nothing.').exactOptional(),
    file: text('Of `E_CONFIG_INVALID`: the file.').exactOptional(),
    problems: said(z.array(ConfigProblem), 'Of `E_CONFIG_INVALID`: every mistake in it.').exactOptional(),
  })
  .meta({ id: 'Problem', description: 'A problem document (RFC 9457).' });
