/** Types that call signalling and RAS share (ITU-T H.225.0, module H323-MESSAGES), as far as values have to be passed by. */
import type { PerType } from './per.js';
import {
  address,
  BOOLEAN,
  characters,
  choice,
  closed,
  field,
  fieldsOf,
  integer,
  listOf,
  NULL,
  OCTETS,
  octets,
  optional,
  sequence,
  several,
} from './per-types.js';

export const GUID = octets(16);
/** CallIdentifier, an extension everywhere. */
export const CALL_IDENTIFIER = sequence([field(GUID)]);
export const BANDWIDTH = integer(0, 4_294_967_295);
export const CALL_REFERENCE = integer(0, 65_535);
/** GatekeeperIdentifier, EndpointIdentifier. */
export const IDENTIFIER = characters(1, 128, 16);
/** Four alternatives without content, and more to come. */
export const CALL_TYPE = choice(several(4, NULL));

const H221_NON_STANDARD = sequence([
  field(integer(0, 255)),
  field(integer(0, 255)),
  field(integer(0, 65_535)),
]);
export const NON_STANDARD = closed(field(choice([OCTETS, H221_NON_STANDARD])), field(OCTETS));

export const TRANSPORT_ADDRESS = choice([
  address(4, false),
  // ipSourceRoute: its route and routing follow the address, so it is no `address`.
  sequence([
    field(octets(4)),
    field(integer(0, 65_535)),
    field(listOf(octets(4))),
    field(choice([NULL, NULL])),
  ]),
  closed(field(octets(6)), field(octets(4)), field(octets(2))),
  address(16, true),
  octets(16),
  octets(1, 20),
  NON_STANDARD,
]);

/** Digits of four bits, names of two bytes; all others are extensions. */
export const ALIASES = listOf(choice([characters(1, 128, 4), characters(1, 256, 16)]));

export const VENDOR = sequence([
  field(H221_NON_STANDARD),
  optional(octets(1, 256)),
  optional(octets(1, 256)),
]);

/** Nothing but what somebody has added. */
const PLAIN = sequence([optional(NON_STANDARD)]);
const SUPPORTED_PROTOCOLS = choice([NON_STANDARD, ...several(8, PLAIN)]);

export const ENDPOINT_TYPE = sequence([
  optional(NON_STANDARD),
  optional(VENDOR),
  optional(PLAIN),
  optional(sequence([optional(listOf(SUPPORTED_PROTOCOLS)), optional(NON_STANDARD)])),
  optional(PLAIN),
  optional(PLAIN),
  field(BOOLEAN),
  field(BOOLEAN),
]);

export const Q_SERIES: PerType = sequence([
  ...fieldsOf(7, BOOLEAN),
  field(sequence([field(BOOLEAN), field(BOOLEAN)])),
]);
