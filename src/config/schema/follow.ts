/** `follow` and `callWeights`: whose calls, streams and further connections are followed, and what a call weighs. */
import { z } from 'zod';
import { type CALL_KINDS, FOLLOWED, type Followed } from '../../model/calls.js';
import { absent, section } from '../key.js';
import { bad, type Parsed } from '../parsed.js';
import { listOf } from '../values/lists.js';
import { oneOf } from '../values/texts.js';
import { count, oneOrMore, words } from './keys.js';

const parseList = listOf({ noun: 'protocol', max: FOLLOWED.length, one: oneOf(FOLLOWED) });

function parseFollow(raw: unknown): Parsed<readonly Followed[]> {
  if (raw === 'none') return { value: [] };
  if (raw === null) return bad('Nothing is named.');
  return parseList(raw);
}

export const followKey = absent(
  {
    description:
      'Protocols whose further flows go by the route of the first, on their usual ports: calls and streams of SIP (5060), H.323 (1720, 1719) and RTSP (554, 8554), whose signalling the daemon reads; data of FTP (21) and TFTP (69), for which helpers of the kernel are attached.',
    allowed: `${FOLLOWED.join(', ')}, a list of them, or none`,
    apply: 'live',
    json: { anyOf: [{ const: 'none' }, ...oneOrMore(words(FOLLOWED), FOLLOWED.length).anyOf] },
  },
  parseFollow,
  'those of sip, h323 and rtsp that a service can take, `rest` aside',
);

const weight = (kind: string) =>
  count('live', `Load of one ${kind}, besides its connections, for \`least-weighted-load\`.`, 0, 1000, 1);

export const CallWeightsSchema = section(
  z
    .strictObject({
      sip: weight('call of SIP'),
      h323: weight('call of H.323'),
      rtsp: weight('stream of RTSP'),
    } satisfies Record<(typeof CALL_KINDS)[number], unknown>)
    .prefault({}),
  {
    description: 'What calls that are followed add to the load of their route (RFC 2391 section 5.1).',
    allowed: 'a mapping of sip, h323 and rtsp to weights',
  },
);
