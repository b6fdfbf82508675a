/** `log`: what is logged, and where decisions are written down. */
import { z } from 'zod';
import { absent, asKey, mappingOr, optional, required, section } from '../key.js';
import { FILE_SIZE_ALLOWED, FILE_SIZE_PATTERN, parseFileSize } from '../values/quantities.js';
import { oneOf, parseStatePath } from '../values/texts.js';
import { count, flag, words } from './keys.js';

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;

const path = { type: 'string', pattern: '^/' } as const;

const DecisionsMapping = z.strictObject({
  file: required(
    {
      description: 'The file. Only the gateway may write to it.',
      allowed: 'an absolute path',
      apply: 'live',
      json: path,
    },
    parseStatePath,
  ),
  size: optional(
    {
      description: 'Size from which on the file is put aside and another one begun.',
      allowed: FILE_SIZE_ALLOWED,
      apply: 'live',
      json: { type: 'string', pattern: FILE_SIZE_PATTERN },
    },
    parseFileSize,
    '10MB',
  ),
  keep: count('live', 'How many files are kept besides: `FILE.1` is the one before.', 0, 100, 5),
});

export const LogSchema = section(
  z
    .strictObject({
      level: optional(
        {
          description: 'The least important messages that are logged.',
          allowed: LEVELS.join(', '),
          apply: 'live',
          json: words(LEVELS),
        },
        oneOf(LEVELS),
        'info',
      ),
      addresses: flag(
        'live',
        'Addresses and names of clients and destinations appear in messages of every level. `false`: from `debug` on.',
        false,
      ),
      decisions: absent(
        {
          description:
            'Every decision as a line of JSON, as `pathrace why --json` has it, some seconds after it was made; a file alone, or with its bounds. What a slow disk does not take is left out, and a line says how much that was.',
          allowed: 'an absolute path, or { file: PATH, size: SIZE, keep: COUNT }',
          apply: 'live',
          json: path,
          mapping: DecisionsMapping,
        },
        mappingOr(DecisionsMapping, asKey(DecisionsMapping, 'file')),
        'they are not written down',
      ),
    })
    .prefault({}),
  { description: 'The log on stderr, and the file of decisions.', allowed: '{ level: LEVEL, … }' },
);
