/** `kernel`: what the gateway uses of the kernel. */
import { z } from 'zod';
import { FAST_PATHS } from '../../model/config.js';
import { DEFAULT_MARK_MASK } from '../../model/mark-mask.js';
import { optional, section } from '../key.js';
import { formatMask, MASK_ALLOWED, parseMask } from '../values/masks.js';
import { oneOf } from '../values/texts.js';
import { count, duration, words } from './keys.js';

const number = (description: string, min: number, max: number, fallback: number) =>
  count('restart', description, min, max, fallback);

export const KernelSchema = section(
  z
    .strictObject({
      queue: number(
        'Number of the LAN queue of nfnetlink_queue; the WAN queue is the next, then those for answers of name servers and for signalling (with 65532 that is the one before). Also the group of nfnetlink_log for samples of first payloads.',
        0,
        65532,
        5050,
      ),
      table: number(
        'Routing table of the first route; the next routes have the next ones.',
        256,
        2_000_000_000,
        20501,
      ),
      mark: optional(
        {
          description:
            'Bits of the marks of packets and connections that are used; nobody else may use them. Default: what Tailscale, Kubernetes, Docker, wg-quick and mwan3 leave; beside Calico another one is needed.',
          allowed: MASK_ALLOWED,
          apply: 'restart',
          json: {
            anyOf: [
              { type: 'integer', minimum: 1, maximum: 0xffffffff },
              { type: 'string', pattern: '^0[xX][0-9a-fA-F]{1,8}$' },
            ],
          },
        },
        parseMask,
        formatMask(DEFAULT_MARK_MASK),
      ),
      rulePriority: number('Priority of the first ip rule; the next rules follow.', 1, 32_000, 20_500),
      heartbeat: duration(
        'restart',
        'The kernel goes on alone when the daemon gave no sign of life for this long.',
        { text: ['100ms', '10s'], ms: [100, 10_000] },
        '500ms',
      ),
      fastPath: optional(
        {
          description:
            'Established flows pass by the rules, through a flowtable of our own, where the kernel has one (`auto`). So they pass by those of others too: what counts, limits or drops packets of established connections does not see them.',
          allowed: '`auto` or `off`',
          apply: 'live',
          json: words(FAST_PATHS),
        },
        oneOf(FAST_PATHS),
        'off',
      ),
    })
    .prefault({}),
  {
    description: 'What the gateway uses of the kernel; change it only to live beside other software.',
    allowed: 'a mapping of kernel numbers',
  },
);
