/** Types of H.245 (ITU-T H.245, module MULTIMEDIA-SYSTEM-CONTROL) that stand before, between and behind the addresses of logical channels. */
import type { PerType } from './per.js';
import {
  address,
  BOOLEAN,
  characters,
  choice,
  closed,
  closedChoice,
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
  UNKNOWN,
} from './per-types.js';

export const CHANNEL = integer(1, 65_535);
export const PORT_NUMBER = integer(0, 65_535);

const NON_STANDARD = closed(
  field(
    closedChoice(OCTETS, closed(field(integer(0, 255)), field(integer(0, 255)), field(integer(0, 65_535)))),
  ),
  field(OCTETS),
);

const UNICAST = choice([
  address(4, true),
  sequence([field(octets(6)), field(octets(4)), field(octets(2))]),
  address(16, true),
  octets(16),
  sequence([
    field(closedChoice(NULL, NULL)),
    field(octets(4)),
    field(integer(0, 65_535)),
    field(listOf(octets(4))),
  ]),
]);
const MULTICAST = choice([address(4, true), address(16, true)]);
const TRANSPORT_ADDRESS = choice([UNICAST, MULTICAST]);

const SAMPLES = integer(0, 16_383);
const SAMPLE_RATE = integer(0, 4_294_967_295);
const VIDEO_RATE = integer(0, 1_073_741_823);
const VIDEO_BUFFER = integer(0, 262_143);
const MPI = integer(1, 32);

const H261 = sequence([
  optional(integer(1, 4)),
  optional(integer(1, 4)),
  field(BOOLEAN),
  field(integer(1, 19_200)),
  field(BOOLEAN),
]);
const H262 = sequence([
  ...fieldsOf(11, BOOLEAN),
  optional(VIDEO_RATE),
  optional(VIDEO_BUFFER),
  optional(SAMPLES),
  optional(SAMPLES),
  optional(integer(0, 15)),
  optional(SAMPLE_RATE),
]);
const H263 = sequence([
  ...several(5, MPI).map((type) => optional(type)),
  field(integer(1, 192_400)),
  ...fieldsOf(5, BOOLEAN),
  optional(integer(0, 524_287)),
  optional(integer(0, 65_535)),
]);
const IS11172_VIDEO = sequence([
  field(BOOLEAN),
  optional(VIDEO_RATE),
  optional(VIDEO_BUFFER),
  optional(SAMPLES),
  optional(SAMPLES),
  optional(integer(0, 15)),
  optional(SAMPLE_RATE),
]);
/** H.264 and later are extensions. */
const VIDEO = choice([NON_STANDARD, H261, H262, H263, IS11172_VIDEO]);

const FRAMES = integer(1, 256);
const G7231 = closed(field(FRAMES), field(BOOLEAN));
const IS11172_AUDIO = sequence([...fieldsOf(8, BOOLEAN), field(integer(1, 448))]);
const IS13818_AUDIO = sequence([...fieldsOf(20, BOOLEAN), field(integer(1, 1130))]);
/** G.711 and G.722 in seven kinds, G.723.1, G.728, G.729 in two, MPEG in two. */
const AUDIO = choice([
  NON_STANDARD,
  ...several(7, FRAMES),
  G7231,
  ...several(3, FRAMES),
  IS11172_AUDIO,
  IS13818_AUDIO,
]);

const DATA_PROTOCOL = choice([NON_STANDARD, ...several(6, NULL)]);
const T84 = closed(field(DATA_PROTOCOL), field(closedChoice(NULL, sequence(fieldsOf(19, BOOLEAN)))));
/** T.38 is an extension. */
const DATA = sequence([
  field(
    choice([
      NON_STANDARD,
      DATA_PROTOCOL,
      DATA_PROTOCOL,
      DATA_PROTOCOL,
      T84,
      DATA_PROTOCOL,
      DATA_PROTOCOL,
      closed(field(DATA_PROTOCOL), field(OCTETS)),
      NULL,
      DATA_PROTOCOL,
    ]),
  ),
  field(integer(0, 4_294_967_295)),
]);

export const DATA_TYPE = choice([NON_STANDARD, NULL, VIDEO, AUDIO, DATA, choice([NON_STANDARD, NULL])]);

const TERMINAL_LABEL = sequence([field(integer(0, 192)), field(integer(0, 192))]);

/** H2250LogicalChannelParameters; its addresses are kept by these names. */
const parameters = (way: Way): PerType =>
  sequence([
    optional(listOf(NON_STANDARD)),
    field(integer(0, 255), 'session'),
    optional(integer(1, 255)),
    optional(TRANSPORT_ADDRESS, `${way}Media`),
    optional(BOOLEAN),
    optional(TRANSPORT_ADDRESS, `${way}Control`),
    optional(BOOLEAN),
    optional(BOOLEAN),
    optional(TERMINAL_LABEL),
    optional(integer(96, 127)),
    optional(choice([NULL])),
  ]);

export type Way = 'forward' | 'reverse';

/** Multiplex parameters: those of other networks than IP, `others` in number, are not known. */
export const multiplex = (way: Way, others: number): PerType =>
  choice(several(others, UNKNOWN), [
    [0, parameters(way)],
    [1, NULL],
  ]);

/** H2250LogicalChannelAckParameters. */
export const ACK_PARAMETERS = sequence([
  optional(listOf(NON_STANDARD)),
  optional(integer(1, 255), 'session'),
  optional(TRANSPORT_ADDRESS, 'forwardMedia'),
  optional(TRANSPORT_ADDRESS, 'forwardControl'),
  optional(integer(96, 127)),
]);

const Q2931 = sequence([field(choice([characters(1, 16, 4), octets(1, 20)])), optional(octets(1, 20))]);
/** NetworkAccessParameters: where a T.120 connection goes. */
export const NETWORK_ACCESS = sequence([
  optional(choice([NULL, NULL])),
  field(choice([Q2931, characters(1, 128, 4), closed(field(TRANSPORT_ADDRESS, 'stack'))])),
  field(BOOLEAN),
  optional(octets(1, 255)),
]);
