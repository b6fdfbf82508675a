/** `services[].match`: which new connections a service takes. */
import { z } from 'zod';
import { absent, mappingOr, required } from '../key.js';
import { bad, type Parsed } from '../parsed.js';
import { DOMAINS_ALLOWED, parseDomains } from '../values/domains.js';
import { DSCP_ALLOWED, PROTOCOLS_ALLOWED, parseDscp, parseProtocols } from '../values/header-fields.js';
import { MAX_PORT_ITEMS, PORTS_ALLOWED, parsePorts } from '../values/ports.js';
import { MATCH_PREFIXES_ALLOWED, MAX_PREFIXES, parsePrefixesAndSets } from '../values/prefixes.js';
import { INTERFACES_ALLOWED, MAX_INTERFACES, MISSING, parseInterfaces } from '../values/texts.js';
import { parseTimes, TIME_PATTERN, TIMES_ALLOWED } from '../values/times.js';
import { interfaceName, oneOrMore, text } from './keys.js';

const portItem = {
  anyOf: [
    { type: 'integer', minimum: 1, maximum: 65535 },
    { type: 'string', pattern: '^\\d{1,5}(\\s*-\\s*\\d{1,5})?$' },
  ],
} as const;

export const portsJson = { anyOf: [{ const: 'any' }, ...oneOrMore(portItem, MAX_PORT_ITEMS).anyOf] } as const;

function portsKey(description: string) {
  return absent(
    { description, allowed: PORTS_ALLOWED, apply: 'live', json: portsJson },
    parsePorts,
    'not named',
  );
}

function prefixesKey(description: string) {
  const doc = {
    description,
    allowed: MATCH_PREFIXES_ALLOWED,
    apply: 'live',
    json: oneOrMore(text, MAX_PREFIXES),
  } as const;
  return absent(doc, parsePrefixesAndSets, ANY);
}

function codesKey<T>(
  description: string,
  allowed: string,
  max: number,
  parse: (raw: unknown) => Parsed<readonly T[]>,
) {
  const code = { anyOf: [{ type: 'integer', minimum: 0, maximum: max }, text] };
  return absent({ description, allowed, apply: 'live', json: oneOrMore(code, 64) }, parse, ANY);
}

const ANY = 'any';

export const MatchMapping = z.strictObject({
  tcp: portsKey(
    'Destination ports of TCP connections. With `udp` beside it: either of the two. With neither of them: every protocol.',
  ),
  udp: portsKey('Destination ports of UDP flows.'),
  source: prefixesKey(
    'Addresses of the clients. With one family named only, the service takes that family only.',
  ),
  destination: prefixesKey(
    'Addresses that the connections go to. With one family named only, the service takes that family only.',
  ),
  domain: absent(
    {
      description:
        'Names that the connections go to, as far as they are known. A name stands for itself and everything below it. A name with other letters than ASCII is written in its `xn--` form.',
      allowed: DOMAINS_ALLOWED,
      apply: 'live',
      json: oneOrMore(text, 256),
    },
    parseDomains,
    ANY,
  ),
  dscp: codesKey('Differentiated services code points.', DSCP_ALLOWED, 63, parseDscp),
  interface: absent(
    {
      description:
        'Interfaces of `lan` that the connections come in by; `local` where the gateway itself opens them.',
      allowed: INTERFACES_ALLOWED.replace('a list of 1', 'an interface or a list of 1'),
      apply: 'live',
      json: oneOrMore(interfaceName, MAX_INTERFACES),
    },
    parseInterfaces,
    ANY,
  ),
  protocol: codesKey(
    'IP protocols. Beside `tcp` and `udp` it can only say the same once more.',
    PROTOCOLS_ALLOWED,
    255,
    parseProtocols,
  ),
  time: absent(
    {
      description:
        'When the service is there, in local time. Hours beyond midnight belong to the day on which they begin.',
      allowed: TIMES_ALLOWED,
      apply: 'live',
      json: oneOrMore({ type: 'string', pattern: TIME_PATTERN }, 32),
    },
    parseTimes,
    'always',
  ),
});

type MatchFile = z.output<typeof MatchMapping>;

export const matchKey = required(
  {
    description:
      'Which new connections the service takes: those that fit every key that is there. `any`: all of them.',
    allowed: 'any, or { tcp: PORTS, … } with at least one key',
    apply: 'live',
    json: { const: 'any' },
    mapping: MatchMapping,
  },
  mappingOr(MatchMapping, (raw): Parsed<MatchFile> => {
    if (raw === 'any') return { value: {} };
    return bad(raw === undefined || raw === null ? MISSING : 'Not a mapping of keys.');
  }),
);
