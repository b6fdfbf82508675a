/** `race`: what is not raced, whatever a service says. */
import { z } from 'zod';
import { absent, section } from '../key.js';
import { MATCH_PREFIXES_ALLOWED, MAX_PREFIXES, parsePrefixesAndSets } from '../values/prefixes.js';
import { integerOrNone } from '../values/quantities.js';
import { oneOrMore, text } from './keys.js';

const MOST_PER_SECOND = 1_000_000;

export const RaceSchema = section(
  z
    .strictObject({
      perDestination: absent(
        {
          description:
            'Connections to one address that are raced in a second; those beyond it take one route, as memory or the first of their service. `none`: without bound.',
          allowed: `a whole number from 1 to ${MOST_PER_SECOND}, or none`,
          apply: 'live',
          json: { anyOf: [{ type: 'integer', minimum: 1, maximum: MOST_PER_SECOND }, { const: 'none' }] },
        },
        integerOrNone(1, MOST_PER_SECOND),
        '100; none with `memory.trust: 0s`',
      ),
      never: absent(
        {
          description: 'Destinations that are never raced: connections to them take one route.',
          allowed: MATCH_PREFIXES_ALLOWED,
          apply: 'live',
          json: oneOrMore(text, MAX_PREFIXES),
        },
        parsePrefixesAndSets,
        'none',
      ),
    })
    .prefault({}),
  {
    description: 'What is not raced, whatever a service says.',
    allowed: '{ perDestination: NUMBER, never: PREFIXES }',
  },
);
