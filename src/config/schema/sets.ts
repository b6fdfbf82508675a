/** `sets`: prefixes under a name. */
import { z } from 'zod';
import { required, section } from '../key.js';
import { MAX_PREFIXES, PREFIXES_ALLOWED, parsePrefixes } from '../values/prefixes.js';
import { NAME_ALLOWED } from '../values/texts.js';
import { oneOrMore, text } from './keys.js';

export const MAX_SETS = 64;

export const SetSchema = required(
  {
    description: 'Prefixes that `source` and `destination` of a service name as "@NAME", in quotes.',
    allowed: PREFIXES_ALLOWED,
    apply: 'live',
    json: oneOrMore(text, MAX_PREFIXES),
  },
  parsePrefixes,
);

export const SetsSchema = section(z.record(z.string(), SetSchema).prefault({}), {
  description: `Prefixes by name, at most ${MAX_SETS} sets. A name has ${NAME_ALLOWED}.`,
  allowed: 'a mapping of names to prefixes',
});
