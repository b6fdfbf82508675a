/** `memory`: what is remembered of earlier races and handshakes. */
import { z } from 'zod';
import { absent, optional, section } from '../key.js';
import { shareBetween } from '../values/quantities.js';
import { oneOf, parseStore } from '../values/texts.js';
import { absentDuration, count, duration, numberOr, words } from './keys.js';

const STAGGER = ['always', 'remembered', 'never'] as const;

export const MemorySchema = section(
  z
    .strictObject({
      trust: duration(
        'live',
        'How long what was measured decides alone. `0s` races every connection.',
        { text: ['0s', '7d'], ms: [0, 604_800_000] },
        '10m',
      ),
      forget: absentDuration(
        'live',
        'How long it tells which routes a race tries first; at least `trust`.',
        { text: ['0s', '30d'], ms: [0, 2_592_000_000] },
        '24h, or `trust` where that is longer',
      ),
      size: count(
        'restart',
        'Destinations that are remembered; beyond it the one that was used least recently is forgotten.',
        16,
        2_000_000,
        100_000,
      ),
      aggregate: section(
        z
          .strictObject({
            ipv4: count('restart', 'Length of the IPv4 prefix that makes one destination.', 8, 32, 32),
            ipv6: count('restart', 'Length of the IPv6 prefix that makes one destination.', 16, 128, 64),
          })
          .prefault({}),
        { description: 'Which addresses make one destination.', allowed: '{ ipv4: LENGTH, ipv6: LENGTH }' },
      ),
      refresh: optional(
        {
          description:
            'Share of the connections to remembered destinations that is raced again, so that a route that became faster is found.',
          allowed: 'a number from 0 to 0.5, or a percentage, such as 0.005 or 0.5%',
          apply: 'live',
          json: numberOr(0, 0.5, '^\\d{1,2}(\\.\\d{1,9})?%$'),
        },
        shareBetween(0, 0.5),
        0.005,
      ),
      store: absent(
        {
          description:
            'File that keeps what the gateway knows over a restart: what is remembered of destinations, and the numbers of routes and services. It is named after the control socket, of which every gateway of a machine has its own.',
          allowed: 'an absolute path, or none',
          apply: 'restart',
          json: { type: 'string', pattern: '^(/.*|none)$' },
        },
        parseStore,
        '/var/lib/pathrace/control.store: the name of the control socket with `.store` for `.sock`, beside the socket unless that is in /run',
      ),
      stagger: optional(
        {
          description:
            'Which races send their copies one after the other, the best route first, instead of all at once: all of them, those to a remembered destination, or none.',
          allowed: STAGGER.join(', '),
          apply: 'live',
          json: words(STAGGER),
        },
        oneOf(STAGGER),
        'remembered',
      ),
    })
    .prefault({}),
  { description: 'What is remembered of earlier races and handshakes.', allowed: '{ trust: DURATION, … }' },
);
