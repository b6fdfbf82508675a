/**
 * Registration, admission and status of H.323 (ITU-T H.225.0 section 7.8, UDP): requests to a gatekeeper and its answers, and the addresses that
 * they tell. Nothing throws, and the work is bounded by the bytes.
 */
import {
  ALIASES,
  BANDWIDTH,
  CALL_IDENTIFIER,
  CALL_REFERENCE,
  CALL_TYPE,
  ENDPOINT_TYPE,
  GUID,
  IDENTIFIER,
  NON_STANDARD,
  Q_SERIES,
  TRANSPORT_ADDRESS,
  VENDOR,
} from './h225-types.js';
import { endsNamed, hexadecimal, type NamedEnd, numberNamed, spansNamed } from './named-end.js';
import { CHOICE_EXTENSION, type PerType, walkPer } from './per.js';
import {
  BOOLEAN,
  choice,
  closed,
  field,
  integer,
  listOf,
  NULL,
  OCTETS,
  optional,
  quiet,
  REST,
  sequence,
  several,
} from './per-types.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const RAS_PORT = 1719;

/** In the order of RasMessage; the last ones are extensions. */
const KINDS = [
  'GRQ',
  'GCF',
  'GRJ',
  'RRQ',
  'RCF',
  'RRJ',
  'URQ',
  'UCF',
  'URJ',
  'ARQ',
  'ACF',
  'ARJ',
  'BRQ',
  'BCF',
  'BRJ',
  'DRQ',
  'DCF',
  'DRJ',
  'LRQ',
  'LCF',
  'LRJ',
  'IRQ',
  'IRR',
  'NSM',
  'XRS',
] as const;
const MORE_KINDS = ['RIP', 'RAI', 'RAC', 'IACK', 'INAK', 'SCI', 'SCR', 'ACFS'] as const;
export type RasKind = (typeof KINDS)[number] | (typeof MORE_KINDS)[number];

/** One message. */
export interface RasMessage {
  readonly kind: RasKind;
  /** requestSeqNum, the same in the answer; -1 where it is not read (IRR). */
  readonly sequence: number;
  /** Where the sender, or whom the answer is about, waits for calls (RRQ, RCF, URQ, LCF), and for RAS (GRQ, GCF, RRQ, LCF, LRQ). */
  readonly callSignalAddresses: readonly NamedEnd[];
  readonly rasAddresses: readonly NamedEnd[];
  /** Of an ARQ, and of an ACF: where the call is to be made. */
  readonly destCallSignalAddress: NamedEnd | null;
  readonly srcCallSignalAddress: NamedEnd | null;
  /** Seconds that a registration lasts (RRQ, RCF); -1 when it is not told. */
  readonly timeToLive: number;
  /** An RRQ that only keeps what is. */
  readonly isKeepAlive: boolean;
  /** The call's identifier as hexadecimal digits (ARQ, DRQ); '' when it is not told. */
  readonly callId: string;
  /** false: not read to the end of what matters; what is here counts. */
  readonly isComplete: boolean;
}

/** Decodes a datagram from `start` to before `end`; null when it is no RAS message. */
export function decodeRas(space: ViewedBytes, start: number, end: number): RasMessage | null {
  const { found, isComplete } = walkPer(MESSAGE, space, start, end);
  const first = found[0];
  if (first === undefined || first.kind !== 'choice') return null;
  const kind =
    first.value < CHOICE_EXTENSION ? KINDS[first.value] : MORE_KINDS[first.value - CHOICE_EXTENSION];
  const sequence = numberNamed(found, 'sequence');
  // Bytes that are no message at all have a kind, too: what has nothing behind it is none.
  if (kind === undefined || (sequence < 0 && !NO_SEQUENCE.has(kind))) return null;
  return {
    kind,
    sequence,
    callSignalAddresses: endsNamed(found, 'callSignal', space),
    rasAddresses: endsNamed(found, 'ras', space),
    destCallSignalAddress: endsNamed(found, 'destination', space)[0] ?? null,
    srcCallSignalAddress: endsNamed(found, 'source', space)[0] ?? null,
    timeToLive: numberNamed(found, 'timeToLive'),
    isKeepAlive: numberNamed(found, 'keepAlive') === 1,
    callId: hexadecimal(space, spansNamed(found, 'callIdentifier')[0]),
    isComplete,
  };
}

/** Their number is not the first field, and not read. */
const NO_SEQUENCE: ReadonlySet<RasKind> = new Set(['IRR', 'ACFS']);

const SEQUENCE = field(integer(1, 65_535), 'sequence');
const VERSION = field(OCTETS);
const CALL_SIGNAL = field(listOf(TRANSPORT_ADDRESS), 'callSignal');
const CALL_ID = field(CALL_IDENTIFIER, 'callIdentifier');
const TIME_TO_LIVE = field(integer(1, 4_294_967_295), 'timeToLive');

const KNOWN: Readonly<Partial<Record<RasKind, PerType>>> = {
  GRQ: sequence([
    SEQUENCE,
    VERSION,
    optional(NON_STANDARD),
    field(TRANSPORT_ADDRESS, 'ras'),
    field(ENDPOINT_TYPE),
    optional(IDENTIFIER),
    optional(Q_SERIES),
    optional(ALIASES),
  ]),
  GCF: sequence([
    SEQUENCE,
    VERSION,
    optional(NON_STANDARD),
    optional(IDENTIFIER),
    field(TRANSPORT_ADDRESS, 'ras'),
  ]),
  RRQ: sequence(
    [
      SEQUENCE,
      VERSION,
      optional(NON_STANDARD),
      field(BOOLEAN),
      CALL_SIGNAL,
      field(listOf(TRANSPORT_ADDRESS), 'ras'),
      field(ENDPOINT_TYPE),
      optional(ALIASES),
      optional(IDENTIFIER),
      field(VENDOR),
    ],
    [
      [1, TIME_TO_LIVE],
      [5, field(BOOLEAN, 'keepAlive')],
    ],
  ),
  RCF: sequence(
    [
      SEQUENCE,
      VERSION,
      optional(NON_STANDARD),
      CALL_SIGNAL,
      optional(ALIASES),
      optional(IDENTIFIER),
      field(IDENTIFIER),
    ],
    [[1, TIME_TO_LIVE]],
  ),
  URQ: sequence([SEQUENCE, CALL_SIGNAL, optional(ALIASES), optional(NON_STANDARD), optional(IDENTIFIER)]),
  ARQ: sequence(
    [
      SEQUENCE,
      field(CALL_TYPE),
      optional(choice([NULL, NULL])),
      field(IDENTIFIER),
      optional(ALIASES),
      optional(TRANSPORT_ADDRESS, 'destination'),
      optional(ALIASES),
      field(ALIASES),
      optional(TRANSPORT_ADDRESS, 'source'),
      field(BANDWIDTH),
      field(CALL_REFERENCE),
      optional(NON_STANDARD),
      optional(Q_SERIES),
      field(GUID),
      field(BOOLEAN),
      field(BOOLEAN),
    ],
    [[1, CALL_ID]],
  ),
  ACF: sequence([
    SEQUENCE,
    field(BANDWIDTH),
    field(choice([NULL, NULL])),
    field(TRANSPORT_ADDRESS, 'destination'),
    optional(integer(1, 65_535)),
    optional(NON_STANDARD),
  ]),
  DRQ: sequence(
    [
      SEQUENCE,
      field(IDENTIFIER),
      field(GUID),
      field(CALL_REFERENCE),
      field(choice(several(3, NULL))),
      optional(NON_STANDARD),
    ],
    [[0, CALL_ID]],
  ),
  LRQ: sequence([
    SEQUENCE,
    optional(IDENTIFIER),
    field(ALIASES),
    optional(NON_STANDARD),
    field(TRANSPORT_ADDRESS, 'ras'),
  ]),
  LCF: sequence([
    SEQUENCE,
    field(TRANSPORT_ADDRESS, 'callSignal'),
    field(TRANSPORT_ADDRESS, 'ras'),
    optional(NON_STANDARD),
  ]),
  IRR: NULL,
  ACFS: NULL,
};

/** How many optional fields the others have: their bits stand before the sequence number, which is all that is read of them. */
const OPTIONALS: Readonly<Partial<Record<RasKind, number>>> = {
  GRJ: 2,
  RRJ: 2,
  UCF: 1,
  URJ: 1,
  ARJ: 1,
  BRQ: 2,
  BCF: 1,
  BRJ: 1,
  DCF: 1,
  DRJ: 1,
  LRJ: 1,
  IRQ: 2,
  NSM: 0,
  XRS: 0,
  RIP: 4,
  RAI: 4,
  RAC: 4,
  IACK: 4,
  INAK: 5,
  SCI: 8,
  SCR: 7,
};

function typeOf(kind: RasKind): PerType {
  const known = KNOWN[kind];
  if (known !== undefined) return quiet(known);
  return quiet(
    sequence([SEQUENCE, field(REST), ...several(OPTIONALS[kind] ?? 0, NULL).map((type) => optional(type))]),
  );
}

const MESSAGE = closed(
  field(
    choice(
      KINDS.map(typeOf),
      MORE_KINDS.map((kind, i) => [i, typeOf(kind)] as const),
    ),
    'kind',
  ),
);
