/** `routes`: one uplink and everything that is said about it. */
import { z } from 'zod';
import { QUOTA_ACTIONS } from '../../model/config.js';
import { absent, asKey, mappingOr, optional, required, section } from '../key.js';
import { ADDRESSES_ALLOWED, GATEWAY_ALLOWED, parseAddresses, parseGateway } from '../values/addresses.js';
import { FAILBACK_ALLOWED, FAILBACK_PATTERN, parseFailback } from '../values/failback.js';
import { parseTranslationPrefix, TRANSLATION_PREFIX_ALLOWED } from '../values/prefixes.js';
import {
  autoOr,
  CAPACITY_ALLOWED,
  CAPACITY_PATTERN,
  COST_ALLOWED,
  integerBetween,
  parseCapacity,
  parseCost,
  parseQuota,
  QUOTA_ALLOWED,
  QUOTA_PATTERN,
} from '../values/quantities.js';
import { INTERFACE_ALLOWED, oneOf, parseBoolean, parseInterface } from '../values/texts.js';
import { checkKey } from './check.js';
import { boolean, count, duration, flag, interfaceName, numberOr, oneOrMore, text, words } from './keys.js';

function prefixKey(description: string) {
  const doc = { description, allowed: TRANSLATION_PREFIX_ALLOWED, apply: 'live', json: text } as const;
  return required(doc, parseTranslationPrefix);
}

const TranslateMapping = z.strictObject({
  inside: prefixKey('Prefix of the addresses inside.'),
  outside: prefixKey('Prefix that takes its place on this route, as long as the one inside.'),
});

const USES = ['normal', 'last-resort'] as const;
const ON_DOWN = ['reset', 'keep'] as const;

const OnDownMapping = z.strictObject({
  flows: required(
    {
      description: 'What becomes of them.',
      allowed: ON_DOWN.join(', '),
      apply: 'live',
      json: words(ON_DOWN),
    },
    oneOf(ON_DOWN),
  ),
  after: duration(
    'live',
    'How long the link, the next hop or an address may be gone before anything is cut; new connections avoid the route at once. A route that is down by its traffic or its checks has been so for long enough.',
    { text: ['0s', '10m'], ms: [0, 600_000] },
    '5s',
  ),
});

const QUOTA_JSON = { type: 'string', pattern: QUOTA_PATTERN } as const;

const QuotaMapping = z.strictObject({
  volume: required(
    {
      description: 'What may be carried in a billing period, both directions together.',
      allowed: QUOTA_ALLOWED,
      apply: 'live',
      json: QUOTA_JSON,
    },
    parseQuota,
  ),
  day: count(
    'live',
    'Day of the month on which a billing period begins, at midnight local time; the last day of a month that is shorter.',
    1,
    31,
    1,
  ),
  // biome-ignore lint/suspicious/noThenProperty: the key's name in the file; its value is a text.
  then: optional(
    {
      description:
        'What happens when the volume is used up, until the period is over or the volume is raised. `last-resort`: the route is used as one of `use: last-resort`; what flows on it goes on. `down`: as one that is disabled, nothing new uses it and `onDown` says what becomes of its connections. `alarm`: it is only said.',
      allowed: QUOTA_ACTIONS.join(', '),
      apply: 'live',
      json: words(QUOTA_ACTIONS),
    },
    oneOf(QUOTA_ACTIONS),
    'last-resort',
  ),
});

export const RouteSchema = section(
  z.strictObject({
    interface: required(
      {
        description: 'Interface of the uplink. Several routes may share one, with different addresses.',
        allowed: INTERFACE_ALLOWED,
        apply: 'live',
        json: interfaceName,
      },
      parseInterface,
    ),
    gateway: optional(
      {
        description:
          'Next hop, at most one of each family. `auto` reads it from the kernel and follows changes, for each family in which the route has addresses.',
        allowed: GATEWAY_ALLOWED,
        apply: 'live',
        json: oneOrMore(text, 2),
      },
      parseGateway,
      'auto',
    ),
    addresses: optional(
      {
        description:
          'Source addresses of the connections on this route, at most 64 with ranges counted in full. `auto` reads them from the kernel and follows changes, for each family in which there is a next hop. A list with one family only makes a route of that family only.',
        allowed: ADDRESSES_ALLOWED,
        apply: 'live',
        json: oneOrMore(text, 64),
      },
      parseAddresses,
      'auto',
    ),
    weight: count(
      'live',
      'Share of this route where a criterion goes by weight. A race does not.',
      1,
      1000,
      1,
    ),
    capacity: absent(
      {
        description:
          'What the route can carry in either direction, for the criteria that go by traffic: the smaller of the two where they differ.',
        allowed: CAPACITY_ALLOWED,
        apply: 'live',
        json: { type: 'string', pattern: CAPACITY_PATTERN },
      },
      parseCapacity,
      'not said',
    ),
    cost: optional(
      {
        description: 'Price of a gigabyte (10^9 bytes) in any unit of money, the same for all routes.',
        allowed: COST_ALLOWED,
        apply: 'live',
        json: numberOr(0, 1_000_000, '^\\d{1,9}(\\.\\d{1,9})?/GB$'),
      },
      parseCost,
      0,
    ),
    quota: absent(
      {
        description:
          'Volume of a billing period, both directions together. A route whose quota is used up is a last resort until the next period.',
        allowed: `${QUOTA_ALLOWED}; or { volume: VOLUME, day: DAY, then: ACTION }`,
        apply: 'live',
        json: QUOTA_JSON,
        mapping: QuotaMapping,
      },
      mappingOr(QuotaMapping, asKey(QuotaMapping, 'volume')),
      'without bound',
    ),
    use: optional(
      {
        description:
          '`last-resort`: takes new connections only while no other route of their service can be used.',
        allowed: USES.join(', '),
        apply: 'live',
        json: words(USES),
      },
      oneOf(USES),
      'normal',
    ),
    onDown: optional(
      {
        description:
          'What becomes of the established connections of this route when it goes down. `reset`: their clients are told, so that they connect again by another route. `keep`: they wait for the route to return.',
        allowed: `${ON_DOWN.join(', ')}, or { flows: ONE OF THESE, after: DURATION }`,
        apply: 'live',
        json: words(ON_DOWN),
        mapping: OnDownMapping,
      },
      mappingOr(OnDownMapping, asKey(OnDownMapping, 'flows')),
      'reset',
    ),
    failback: optional(
      {
        description:
          'What happens when this route returns and is preferred again. `stay`: what has moved away stays where it is. `move-new`: new connections come back. `reset after` a time: new connections come back, and established ones that are still away after the time are reset.',
        allowed: FAILBACK_ALLOWED,
        apply: 'live',
        json: { type: 'string', pattern: FAILBACK_PATTERN },
      },
      parseFailback,
      'move-new',
    ),
    check: checkKey,
    translate: optional(
      {
        description:
          '`true`: connections get an address of the route. `false`: packets keep the inside source address, for a provider that routes it to this site. With two prefixes IPv6 is translated prefix by prefix (NPTv6, RFC 6296) and keeps its ports, and IPv4 is translated as with `true`; up to /48 this holds for the /64s behind the LAN interfaces, and the subnet makes up for the checksum; in longer prefixes the prefix alone is replaced.',
        allowed: 'true, false or { inside: PREFIX, outside: PREFIX }',
        apply: 'live',
        json: boolean,
        mapping: TranslateMapping,
      },
      mappingOr(TranslateMapping, parseBoolean),
      true,
    ),
    optional: flag(
      'live',
      'A route whose interface is missing is down until it appears, at the start as well as later. `true`: that is nothing to be told of, as of a modem that is seldom plugged in. `false`: it is an alarm.',
      false,
    ),
    mtu: optional(
      {
        description:
          'Path MTU of the provider in bytes where it is smaller than that of the interface. Below 1280 the route carries IPv4 only. `auto`: that of the interface, and less where larger packets are found to vanish; a number is not looked at again.',
        allowed: 'auto, or a whole number from 68 to 65535, from 1280 with IPv6',
        apply: 'live',
        json: { anyOf: [{ const: 'auto' }, { type: 'integer', minimum: 68, maximum: 65535 }] },
      },
      autoOr(integerBetween(68, 65535)),
      'auto',
    ),
  }),
  { description: 'One uplink.', allowed: '{ interface: NAME, … }' },
);

export type RouteFile = z.output<typeof RouteSchema>;
