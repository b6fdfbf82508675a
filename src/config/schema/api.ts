/** `api`: the API and the page over TCP. */
import { z } from 'zod';
import { ANONYMOUS } from '../../model/config.js';
import { absent, mappingOr, optional, required, section } from '../key.js';
import { bad, type Parsed } from '../parsed.js';
import {
  HOSTS_ALLOWED,
  LISTEN_ALLOWED,
  MAX_HOSTS,
  MAX_LISTEN,
  parseHosts,
  parseListen,
} from '../values/listen.js';
import { oneOf, parseStatePath } from '../values/texts.js';
import { oneOrMore, text, words } from './keys.js';

const FILE_JSON = { type: 'string', pattern: '^/' } as const;

const file = (description: string, fallback: string) =>
  absent(
    { description, allowed: 'an absolute path', apply: 'live', json: FILE_JSON },
    parseStatePath,
    fallback,
  );

const ofTls = (description: string) =>
  required({ description, allowed: 'an absolute path', apply: 'live', json: FILE_JSON }, parseStatePath);

const TlsSchema = z.strictObject({
  cert: ofTls('File with the certificate and those that it depends on.'),
  key: ofTls('File with its private key.'),
});

export const ApiSchema = section(
  z
    .strictObject({
      listen: absent(
        {
          description:
            'Addresses at which the API and the page are served over TCP. Beyond the loopback addresses `tls` and `tokens` are needed.',
          allowed: LISTEN_ALLOWED,
          apply: 'live',
          json: oneOrMore(text, MAX_LISTEN),
        },
        parseListen,
        'none: the control socket alone',
      ),
      hosts: absent(
        {
          description:
            'Names by which browsers may call the gateway, besides its addresses in `listen` and `localhost`. Requests to any other name are refused, so that no foreign page can reach the API by a name of its own.',
          allowed: HOSTS_ALLOWED,
          apply: 'live',
          json: oneOrMore(text, MAX_HOSTS),
        },
        parseHosts,
        'none',
      ),
      tokens: file(
        'File with the (hashed) tokens of those who may ask and command; `pathrace token` writes it. It is read again when it changes.',
        'none: no token is right',
      ),
      anonymous: optional(
        {
          description:
            'What may be done without a token: nothing, or asking (`read`), on this machine alone: with an address beyond loopback it is an error.',
          allowed: ANONYMOUS.join(', '),
          apply: 'live',
          json: words(ANONYMOUS),
        },
        oneOf(ANONYMOUS),
        'none',
      ),
      tls: absent(
        {
          description:
            'Serves by TLS (1.2 and 1.3), with a certificate and the private key that belongs to it (PEM). The files are looked at once a second.',
          allowed: '{ cert: FILE, key: FILE }, absolute paths',
          apply: 'live',
          json: {
            anyOf: [
              {
                type: 'object',
                properties: { cert: FILE_JSON, key: FILE_JSON },
                required: ['cert', 'key'],
                additionalProperties: false,
              },
            ],
          },
        },
        mappingOr(TlsSchema, (): Parsed<never> => bad('Not a mapping of `cert` and `key`.')),
        'none',
      ),
    })
    .prefault({}),
  {
    description: 'The API and the page over TCP. The control socket serves the same API always.',
    allowed: '{ listen: [ADDRESS:PORT, …], … }',
  },
);
