/** `routes.NAME.check`: the questions that a route sends out itself. */
import { z } from 'zod';
import { absent, asKey, mappingOr, required } from '../key.js';
import { MAX_TARGETS, parseTargets, TARGETS_ALLOWED } from '../values/check-targets.js';
import { absentDuration, count, duration, oneOrMore, text } from './keys.js';

export const CheckMapping = z.strictObject({
  targets: required(
    {
      description:
        'What is asked, by its address: a check never asks a resolver. One answer of any target proves for a round that the route works; of `http` any status below 500 unless it says what to expect (a captive portal answers as well), of `dns` any answer to the question.',
      allowed: TARGETS_ALLOWED,
      apply: 'live',
      json: oneOrMore(text, MAX_TARGETS),
    },
    parseTargets,
  ),
  interval: duration(
    'live',
    'Time from one round of questions to the next.',
    { text: ['100ms', '1h'], ms: [100, 3_600_000] },
    '5s',
  ),
  timeout: absentDuration(
    'live',
    'How long an answer is waited for, at most `interval`.',
    { text: ['10ms', '1h'], ms: [10, 3_600_000] },
    '2s, or `interval` where that is shorter',
  ),
  fail: count('live', 'Rounds in a row without any answer after which the route is down.', 1, 100, 3),
  recover: count('live', 'Rounds in a row with an answer after which it is up again.', 1, 100, 3),
});

export const checkKey = absent(
  {
    description:
      'Active checks of this route. Without any, what is known of it comes from its traffic and its link.',
    allowed: 'a target, a list of targets, or { targets: …, interval: …, timeout: …, fail: …, recover: … }',
    apply: 'live',
    json: oneOrMore(text, MAX_TARGETS),
    mapping: CheckMapping,
  },
  mappingOr(CheckMapping, asKey(CheckMapping, 'targets')),
  'none',
);

export type CheckFile = z.output<typeof CheckMapping>;
