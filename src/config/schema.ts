/**
 * The schema of the configuration file: the one place that says which keys exist, what they take, what they default
 * to, what they mean and whether a change needs a restart. Types, checks, `docs/configuration.md` and the JSON Schema
 * come from it. The sections are in `schema/`, the readers of single values in `values/`, rules between keys in `rules/`.
 */
import { z } from 'zod';
import { DEFAULT_CONTROL_PATH, LOCAL } from '../model/config.js';
import { absent, optional, required, section } from './key.js';
import { ApiSchema } from './schema/api.js';
import { CallWeightsSchema, followKey } from './schema/follow.js';
import { KernelSchema } from './schema/kernel.js';
import { flag, interfaceName, oneOrMore, text, words } from './schema/keys.js';
import { LimitsSchema } from './schema/limits.js';
import { MemorySchema } from './schema/memory.js';
import { RaceSchema } from './schema/race.js';
import { RestSchema } from './schema/rest.js';
import { MAX_ROUTES, MIN_ROUTES, RouteSchema } from './schema/routes.js';
import { MAX_SERVICES, ServiceSchema } from './schema/services.js';
import { SetsSchema } from './schema/sets.js';
import { MAX_PREFIXES, PREFIXES_ALLOWED, parsePrefixes } from './values/prefixes.js';
import {
  INTERFACES_ALLOWED,
  MAX_INTERFACES,
  NAME_ALLOWED,
  oneOf,
  parseInterfaces,
  parseSocketPath,
  parseStatePath,
} from './values/texts.js';

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;

const LogSchema = section(
  z
    .strictObject({
      level: optional(
        {
          description:
            'The least important messages that are logged. Addresses and names appear from `debug` on.',
          allowed: LEVELS.join(', '),
          apply: 'live',
          json: words(LEVELS),
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
      description:
        'Interfaces whose new connections are distributed. `local` is the gateway itself, what its own programs open: beside interfaces, or alone on a host without a LAN, which then forwards nothing.',
      allowed: `${INTERFACES_ALLOWED}, or \`${LOCAL}\``,
      apply: 'live',
      json: oneOrMore(interfaceName, MAX_INTERFACES),
    },
    parseInterfaces,
  ),
  routes: section(z.record(z.string(), RouteSchema), {
    description: `The uplinks by name, ${MIN_ROUTES} to ${MAX_ROUTES}. A name has ${NAME_ALLOWED} and is not \`rest\` or that of a criterion.`,
    allowed: `a mapping of ${MIN_ROUTES} to ${MAX_ROUTES} names to routes`,
  }),
  protect: flag(
    'live',
    'Drops new connections from the providers’ interfaces to those of `lan` and from one provider to another, unless a rule of your own has given them another destination (a port forward). `false`: forwarded as your own rules let them.',
    true,
  ),
  resolvers: absent(
    {
      description:
        'Name servers whose answers say for every client which addresses a name has, and the gateway’s own name server always is one. What any other answers counts for the host that has asked it, as far as the host has an Ethernet address.',
      allowed: PREFIXES_ALLOWED,
      apply: 'live',
      json: oneOrMore(text, MAX_PREFIXES),
    },
    parsePrefixes,
    'the gateway’s own',
  ),
  sets: SetsSchema,
  services: section(z.array(ServiceSchema).prefault([]), {
    description: `Rules for new connections, at most ${MAX_SERVICES}; the first that matches wins.`,
    allowed: 'a list of services',
  }),
  follow: followKey,
  callWeights: CallWeightsSchema,
  race: RaceSchema,
  rest: RestSchema,
  memory: MemorySchema,
  state: absent(
    {
      description:
        'File that keeps operators’ commands, and what of the quotas is used. It is written before a command is answered.',
      allowed: 'an absolute path',
      apply: 'restart',
      json: { type: 'string', pattern: '^/' },
    },
    parseStatePath,
    '/var/lib/pathrace/control.state: the name of the control socket with `.state` for `.sock`, beside the socket unless that is in /run',
  ),
  limits: LimitsSchema,
  kernel: KernelSchema,
  api: ApiSchema,
  log: LogSchema,
});

export type ConfigFile = z.output<typeof ConfigSchema>;
