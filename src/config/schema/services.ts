/** `services`: which new connections are chosen how. */
import { z } from 'zod';
import { AFFINITIES, CRITERIA, SPOKEN, WINS } from '../../model/config.js';
import { MAX_ROUTES } from '../bounds.js';
import { DEFAULT_BY } from '../criteria.js';
import { absent, asKey, mappingOr, optional, required, section } from '../key.js';
import { listOf } from '../values/lists.js';
import { PORTS_ALLOWED, parsePorts } from '../values/ports.js';
import { integerBetween, shareBetween } from '../values/quantities.js';
import { parseResolvers, RESOLVERS_ALLOWED } from '../values/resolvers.js';
import { NAME_ALLOWED, oneOf, parseBoolean, parseName } from '../values/texts.js';
import { absentDuration, boolean, count, duration, name, numberOr, oneOrMore, text, words } from './keys.js';
import { matchKey, portsJson } from './match.js';

export const MAX_SERVICES = 64;

const BY = ['client', 'destination', 'client+destination'] as const;

export const SelectMapping = z.strictObject({
  criterion: required(
    {
      description:
        'The criterion; see the table below. The name of a route: always that one. `rest`: as what no service names.',
      allowed: `${CRITERIA.join(', ')}, rest, or the name of a route`,
      apply: 'live',
      json: name,
    },
    parseName,
  ),
  routes: absent(
    {
      description: 'Routes that may carry the connections, in the order of preference.',
      allowed: 'the name of a route or a list of names',
      apply: 'live',
      json: oneOrMore(name, MAX_ROUTES),
    },
    listOf({ noun: 'route', max: MAX_ROUTES, one: parseName }),
    'all, in the order of the file',
  ),
  threshold: absent(
    {
      description: '`spillover`: share of a route’s capacity above which the next route is taken.',
      allowed: 'a number from 0 to 1, or a percentage, such as 0.8 or 80%',
      apply: 'live',
      json: numberOr(0, 1, '^\\d{1,3}(\\.\\d{1,9})?%$'),
    },
    shareBetween(0, 1),
    '80%',
  ),
  period: absentDuration(
    'live',
    '`fastest-probe` and `fastest-history`: how long a measurement counts; of checks at least two. There is one time of a route: of several services the shortest `period` decides.',
    { text: ['1s', '7d'], ms: [1000, 604_800_000] },
    '10m for `fastest-probe`, 1h for `fastest-history`',
  ),
  by: absent(
    {
      description: '`hash`: what of a connection chooses the route.',
      allowed: BY.join(', '),
      apply: 'live',
      json: words(BY),
    },
    oneOf(BY),
    DEFAULT_BY,
  ),
  costDelay: absentDuration(
    'live',
    '`race`: head start of a route for each unit of `cost` that it is cheaper than another.',
    { text: ['0s', '10s'], ms: [0, 10_000] },
    '0s',
  ),
  atMost: absent(
    {
      description:
        '`race`: over so many routes at most, the best that memory knows of the destination; of those that it does not know the first of `routes`. Each is measured in its turn, and a client that has waited in vain is helped by all.',
      allowed: `a whole number from 2 to ${MAX_ROUTES}`,
      apply: 'live',
      json: { type: 'integer', minimum: 2, maximum: MAX_ROUTES },
    },
    integerBetween(2, MAX_ROUTES),
    'all',
  ),
});

export const AffinityMapping = z.strictObject({
  by: required(
    {
      description:
        'What makes the connections of one group: the same client and the same destination, the same client, a client and a prefix of destinations, a client and a site (the names below one domain), or nothing.',
      allowed: AFFINITIES.join(', '),
      apply: 'live',
      json: words(AFFINITIES),
    },
    oneOf(AFFINITIES),
  ),
  for: duration(
    'live',
    'How long a group keeps its route after its last new connection.',
    { text: ['1s', '7d'], ms: [1000, 604_800_000] },
    '30m',
  ),
});

export const ServiceSchema = section(
  z.strictObject({
    name: required(
      { description: 'Name of the service, for messages.', allowed: NAME_ALLOWED, apply: 'live', json: name },
      parseName,
    ),
    match: matchKey,
    select: required(
      {
        description: 'How a route is chosen for these connections.',
        allowed: 'a criterion, the name of a route, rest, or { criterion: NAME, routes: [NAMES], … }',
        apply: 'live',
        json: name,
        mapping: SelectMapping,
      },
      mappingOr(SelectMapping, asKey(SelectMapping, 'criterion')),
    ),
    speaks: absent(
      {
        description:
          'What these datagrams are, on whatever ports: they are raced as that. Besides, what uses the usual ports, and what tells by itself that it is QUIC or STUN, is raced without it.',
        allowed: SPOKEN.join(', '),
        apply: 'live',
        json: words(SPOKEN),
      },
      oneOf(SPOKEN),
      'what ports and content say',
    ),
    resolvers: absent(
      {
        description:
          'Name servers of routes: a DNS query that is raced asks each by its own route, in place of the one that the client has asked, whose address the answer has all the same. By routes that are not named the client’s own is asked, and so it is over TCP, and while the daemon does not answer.',
        allowed: RESOLVERS_ALLOWED,
        apply: 'live',
        json: { anyOf: [{ type: 'object', minProperties: 1, additionalProperties: oneOrMore(text, 2) }] },
      },
      parseResolvers,
      'none',
    ),
    win: optional(
      {
        description:
          '`race`: what wins. `first-reply`: the first answer to the set-up. `first-payload`: the first bytes of a server, so that a proxy of a provider that answers in the servers’ place wins nothing; the handshake is completed by all routes, and all get the client’s first words where these may be said twice (a TLS ClientHello without early data; an HTTP GET, HEAD or OPTIONS). Else, and over UDP, as `first-reply`. Servers see connections that end after the first words: not for SSH, or mail servers that count such.',
        allowed: WINS.join(', '),
        apply: 'live',
        json: words(WINS),
      },
      oneOf(WINS),
      'first-reply',
    ),
    serverFirst: absent(
      {
        description:
          '`win: first-payload`: ports whose servers speak first. There the client’s silence ends nothing.',
        allowed: PORTS_ALLOWED,
        apply: 'live',
        json: portsJson,
      },
      parsePorts,
      '21, 25, 110, 119, 143, 587, 3306',
    ),
    affinity: absent(
      {
        description: 'Which connections take the same route as one before, as long as that can be used.',
        allowed: `${AFFINITIES.join(', ')}, or { by: ONE OF THESE, for: DURATION }`,
        apply: 'live',
        json: words(AFFINITIES),
        mapping: AffinityMapping,
      },
      mappingOr(AffinityMapping, asKey(AffinityMapping, 'by')),
      'client+destination; none for a fixed route, for `rest`, and for `race` with `memory.trust: 0s`',
    ),
    translate: absent(
      {
        description: 'Whether these connections get an address of the route, whatever the route says.',
        allowed: 'true or false',
        apply: 'live',
        json: boolean,
      },
      parseBoolean,
      'as the route says',
    ),
    sessionWeight: count(
      'live',
      'Load of one of these connections for `least-weighted-load` (RFC 2391 section 5.1).',
      1,
      1000,
      1,
    ),
  }),
  {
    description: 'A rule: which new connections are chosen how.',
    allowed: '{ name: NAME, match: …, select: … }',
  },
);

export type ServiceFile = z.output<typeof ServiceSchema>;
