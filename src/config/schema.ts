/**
 * The schema of the configuration file: the one place that says which keys exist, what they take, what they default
 * to, what they mean and whether a change needs a restart. Types, checks, `docs/configuration.md` and the JSON Schema
 * come from it. Rules between keys are in `cross-checks.ts`.
 */
import { z } from 'zod';
import { DEFAULT_CONTROL_PATH } from '../model/config.js';
import { ADDRESSES_ALLOWED, GATEWAY_ALLOWED, parseAddresses, parseGateway } from './addresses.js';
import { absent, optional, required, section } from './key.js';
import {
  durationBetween,
  INTERFACE_ALLOWED,
  integerBetween,
  MAX_INTERFACES,
  MAX_PORT_ITEMS,
  NAME_ALLOWED,
  oneOf,
  PORTS_ALLOWED,
  parseBoolean,
  parseInterface,
  parseInterfaces,
  parseName,
  parsePorts,
  parseRacePorts,
  parseSocketPath,
} from './values.js';

export const MIN_ROUTES = 2;
export const MAX_ROUTES = 16;
export const MAX_SERVICES = 64;

const text = { type: 'string' } as const;
const oneOrMore = (items: object, maxItems: number) => ({
  anyOf: [items, { type: 'array', items, minItems: 1, maxItems }],
});
const name = { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,32}$' } as const;
const interfaceName = { type: 'string', pattern: '^[A-Za-z0-9_.@+-]{1,15}$' } as const;
const portItem = {
  anyOf: [
    { type: 'integer', minimum: 1, maximum: 65535 },
    { type: 'string', pattern: '^\\d{1,5}( *- *\\d{1,5})?$' },
  ],
} as const;

const RouteSchema = section(
  z.strictObject({
    interface: required(
      {
        description: 'Interface of the uplink. Several routes may share one, with different addresses.',
        allowed: INTERFACE_ALLOWED,
        apply: 'restart',
        json: interfaceName,
      },
      parseInterface,
    ),
    gateway: optional(
      {
        description:
          'Next hop, at most one of each family. `auto` reads it from the kernel and follows changes, for each family in which the route has addresses.',
        allowed: GATEWAY_ALLOWED,
        apply: 'restart',
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
        apply: 'restart',
        json: oneOrMore(text, 64),
      },
      parseAddresses,
      'auto',
    ),
    weight: optional(
      {
        description: 'Share of this route where a criterion goes by weight. A race does not.',
        allowed: 'a whole number from 1 to 1000',
        apply: 'restart',
        json: { type: 'integer', minimum: 1, maximum: 1000 },
      },
      integerBetween(1, 1000),
      1,
    ),
    translate: optional(
      {
        description:
          '`false`: packets keep the inside source address, for a provider that routes it to this site.',
        allowed: 'true or false',
        apply: 'restart',
        json: { type: 'boolean' },
      },
      parseBoolean,
      true,
    ),
    optional: optional(
      {
        description:
          '`true`: the interface may be missing when the gateway starts, and is used once it appears. `false`: a missing interface is an error at the start.',
        allowed: 'true or false',
        apply: 'restart',
        json: { type: 'boolean' },
      },
      parseBoolean,
      false,
    ),
    mtu: absent(
      {
        description:
          'Path MTU of the provider in bytes where it is smaller than that of the interface. Below 1280 the route carries IPv4 only.',
        allowed: 'a whole number from 68 to 65535, from 1280 with IPv6',
        apply: 'restart',
        json: { type: 'integer', minimum: 68, maximum: 65535 },
      },
      integerBetween(68, 65535),
      'that of the interface',
    ),
  }),
  { description: 'One uplink.', allowed: '{ interface: NAME, … }' },
);

const ServiceSchema = section(
  z.strictObject({
    name: required(
      {
        description: 'Name of the service, for messages.',
        allowed: NAME_ALLOWED,
        apply: 'restart',
        json: name,
      },
      parseName,
    ),
    match: section(
      z.strictObject({
        tcp: required(
          {
            description: 'Destination ports of TCP connections.',
            allowed: PORTS_ALLOWED,
            apply: 'restart',
            json: oneOrMore(portItem, MAX_PORT_ITEMS),
          },
          parsePorts,
        ),
      }),
      { description: 'Which new connections the service takes.', allowed: '{ tcp: PORTS }' },
    ),
    select: required(
      {
        description: '`race`: the route that answers first. The name of a route: always that one.',
        allowed: 'race, or the name of a route',
        apply: 'restart',
        json: name,
      },
      parseName,
    ),
  }),
  {
    description: 'A rule: which new connections are chosen how.',
    allowed: '{ name: NAME, match: …, select: … }',
  },
);

/** A count with its bounds said in words and in the JSON Schema. */
function count(description: string, min: number, max: number, fallback: number) {
  const doc = {
    description,
    allowed: `a whole number from ${min} to ${max}`,
    apply: 'restart',
    json: { type: 'integer', minimum: min, maximum: max },
  } as const;
  return optional(doc, integerBetween(min, max), fallback);
}

/** A duration with a unit; bounds in milliseconds. */
function duration(
  description: string,
  span: readonly [string, string],
  ms: readonly [number, number],
  fallback: string,
) {
  const doc = {
    description,
    allowed: `a duration from ${span[0]} to ${span[1]}, such as 500ms, 10s, 10m or 1h`,
    apply: 'restart',
    json: { type: 'string', pattern: '^\\d{1,9}(ms|s|m|h|d)$' },
  } as const;
  return optional(doc, durationBetween(ms[0], ms[1]), fallback);
}

const RestSchema = section(
  z.strictObject({
    route: required(
      {
        description:
          'Route of all traffic that no service names, and of all new connections while the daemon does not answer.',
        allowed: 'the name of a route',
        apply: 'restart',
        json: name,
      },
      parseName,
    ),
    translate: absent(
      {
        description: 'Whether this traffic gets an address of the route.',
        allowed: 'true or false',
        apply: 'restart',
        json: { type: 'boolean' },
      },
      parseBoolean,
      'as the route says',
    ),
  }),
  { description: 'Everything that no service names.', allowed: '{ route: NAME }' },
);

const LimitsSchema = section(
  z
    .strictObject({
      races: count('Races at one time.', 16, 65536, 8192),
      racesPerClient: count('Races of one client at one time.', 1, 65536, 1024),
      raceRatePerClient: count('New races of one client in a second, in the long run.', 1, 1_000_000, 2000),
      raceBurstPerClient: count('New races of one client at once.', 1, 1_000_000, 4000),
      queue: count(
        'Longest queue of packets between kernel and daemon; beyond it the kernel goes on alone.',
        64,
        65536,
        4096,
      ),
      racePorts: optional(
        {
          description: 'Source ports of raced connections. Everything else is translated to the ports below.',
          allowed: 'a range of at least 1024 ports between 2048 and 65535, such as "32768-60999"',
          apply: 'restart',
          json: { type: 'string', pattern: '^\\d{1,5} *- *\\d{1,5}$' },
        },
        parseRacePorts,
        '32768-60999',
      ),
      portMemory: count(
        'Destination-and-port pairs whose last user is remembered, so that ports rest between users.',
        1024,
        4_194_304,
        131_072,
      ),
      raceTimeout: duration(
        'How long a race without any answer is kept after the last SYN of the client.',
        ['100ms', '2m'],
        [100, 120_000],
        '5s',
      ),
      decisions: count('Decisions kept for `pathrace why`.', 16, 1_048_576, 8192),
    })
    .prefault({}),
  {
    description:
      'Bounds. When one is reached the connection goes by the `rest` route without a race, and is counted.',
    allowed: 'a mapping of limits',
  },
);

const KernelSchema = section(
  z
    .strictObject({
      queue: count('Number of the LAN queue of nfnetlink_queue; the WAN queue is the next.', 0, 65534, 5050),
      table: count(
        'Routing table of the first route; the next routes have the next ones.',
        256,
        2_000_000_000,
        20501,
      ),
      rulePriority: count('Priority of the first ip rule; the next rules follow.', 1, 32_000, 20_500),
      heartbeat: duration(
        'The kernel goes on alone when the daemon gave no sign of life for this long.',
        ['100ms', '10s'],
        [100, 10_000],
        '500ms',
      ),
    })
    .prefault({}),
  {
    description: 'What the gateway uses of the kernel; change it only to live beside other software.',
    allowed: 'a mapping of kernel numbers',
  },
);

const MemorySchema = section(
  z
    .strictObject({
      trust: duration(
        'How long what was measured decides alone. `0s` races every connection.',
        ['0s', '7d'],
        [0, 604_800_000],
        '0s',
      ),
    })
    .prefault({}),
  { description: 'What is remembered of earlier races.', allowed: '{ trust: DURATION }' },
);

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;

const LogSchema = section(
  z
    .strictObject({
      level: optional(
        {
          description:
            'The least important messages that are logged. Addresses and names appear from `debug` on.',
          allowed: LEVELS.join(', '),
          apply: 'restart',
          json: { type: 'string', enum: [...LEVELS] },
        },
        oneOf(LEVELS),
        'info',
      ),
    })
    .prefault({}),
  { description: 'The log on stderr.', allowed: '{ level: LEVEL }' },
);

/** The whole file. */
export const ConfigSchema = z.strictObject({
  control: optional(
    {
      description: 'Path of the control socket, which `pathrace status` and `pathrace why` ask.',
      allowed: 'an absolute path of at most 107 bytes',
      apply: 'restart',
      json: { type: 'string', pattern: '^/' },
    },
    parseSocketPath,
    DEFAULT_CONTROL_PATH,
  ),
  lan: required(
    {
      description: 'Interfaces whose new connections are distributed.',
      allowed: `a list of 1 to ${MAX_INTERFACES} interfaces, each ${INTERFACE_ALLOWED.replace('the name of a network interface: ', '')}`,
      apply: 'restart',
      json: oneOrMore(interfaceName, MAX_INTERFACES),
    },
    parseInterfaces,
  ),
  routes: section(z.record(z.string(), RouteSchema), {
    description: `The uplinks by name, ${MIN_ROUTES} to ${MAX_ROUTES}. A name has ${NAME_ALLOWED} and is not that of a criterion.`,
    allowed: `a mapping of ${MIN_ROUTES} to ${MAX_ROUTES} names to routes`,
  }),
  services: section(z.array(ServiceSchema).prefault([]), {
    description: `Rules for new connections, at most ${MAX_SERVICES}; the first that matches wins.`,
    allowed: 'a list of services',
  }),
  rest: RestSchema,
  memory: MemorySchema,
  limits: LimitsSchema,
  kernel: KernelSchema,
  log: LogSchema,
});

export type ConfigFile = z.output<typeof ConfigSchema>;
export type RouteFile = z.output<typeof RouteSchema>;
export type ServiceFile = z.output<typeof ServiceSchema>;
