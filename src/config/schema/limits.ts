/** `limits`: the bounds that a configuration may move. */
import { z } from 'zod';
import { optional, section } from '../key.js';
import { parseRacePorts } from '../values/ports.js';
import { count, duration } from './keys.js';

const bound = (description: string, min: number, max: number, fallback: number) =>
  count('restart', description, min, max, fallback);

export const LimitsSchema = section(
  z
    .strictObject({
      races: bound('Races at one time.', 16, 65536, 8192),
      racesPerClient: bound('Races of one client at one time.', 1, 65536, 1024),
      raceRatePerClient: bound('New races of one client in a second, in the long run.', 1, 1_000_000, 2000),
      raceBurstPerClient: bound('New races of one client at once.', 1, 1_000_000, 4000),
      queue: bound(
        'Longest queue of packets between kernel and daemon; beyond it the kernel goes on alone.',
        64,
        65536,
        4096,
      ),
      racePorts: optional(
        {
          description:
            'Source ports of raced connections. TCP that is not raced is translated to ports of the larger range that is left, beside it.',
          allowed: 'a range of at least 1024 ports between 2048 and 65535, such as "8192-32767"',
          apply: 'restart',
          json: { type: 'string', pattern: '^\\d{1,5}\\s*-\\s*\\d{1,5}$' },
        },
        parseRacePorts,
        '8192-32767',
      ),
      portMemory: bound(
        'Destination-and-port pairs whose last user is remembered, so that ports rest between users.',
        1024,
        4_194_304,
        131_072,
      ),
      raceTimeout: duration(
        'restart',
        'How long a race without any answer is kept after the last SYN of the client.',
        { text: ['100ms', '2m'], ms: [100, 120_000] },
        '5s',
      ),
      decisions: bound('Decisions kept for `pathrace why`.', 16, 1_048_576, 8192),
    })
    .prefault({}),
  {
    description:
      'Bounds. When one is reached the connection goes by the `rest` route without a race, and is counted.',
    allowed: 'a mapping of limits',
  },
);
