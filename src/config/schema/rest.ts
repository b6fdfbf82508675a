/** `rest`: everything that no service names. */
import { z } from 'zod';
import { absent, section } from '../key.js';
import { parseBoolean, parseName } from '../values/texts.js';
import { boolean, name } from './keys.js';

export const RestSchema = section(
  z
    .strictObject({
      route: absent(
        {
          description:
            'Route of all traffic that no service names, and of what the daemon would be asked about while it does not answer.',
          allowed: 'the name of a route',
          apply: 'live',
          json: name,
        },
        parseName,
        'the first route',
      ),
      translate: absent(
        {
          description: 'Whether this traffic gets an address of the route.',
          allowed: 'true or false',
          apply: 'live',
          json: boolean,
        },
        parseBoolean,
        'as the route says',
      ),
    })
    .prefault({}),
  { description: 'Everything that no service names.', allowed: '{ route: NAME }' },
);
