/**
 * Call signalling of H.323 (ITU-T H.225.0: messages of Q.931 in TPKT, with an H323-UserInformation in their user-user element): when a call
 * begins and ends, and where its H.245 and media go. Nothing throws, and the work is bounded by the bytes.
 */
import {
  ALIASES,
  CALL_IDENTIFIER,
  CALL_REFERENCE,
  CALL_TYPE,
  ENDPOINT_TYPE,
  GUID,
  NON_STANDARD,
  Q_SERIES,
  TRANSPORT_ADDRESS,
} from './h225-types.js';
import { endsNamed, hexadecimal, type NamedEnd, type Span, spansNamed } from './named-end.js';
import { type PerField, type PerType, walkPer } from './per.js';
import {
  BOOLEAN,
  choice,
  field,
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
import { TPKT_HEADER } from './tpkt.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const H225_PORT = 1720;

/** Message types (Q.931 section 4.4). */
export const Q931 = {
  ALERTING: 0x01,
  CALL_PROCEEDING: 0x02,
  PROGRESS: 0x03,
  SETUP: 0x05,
  CONNECT: 0x07,
  SETUP_ACKNOWLEDGE: 0x0d,
  RELEASE_COMPLETE: 0x5a,
  FACILITY: 0x62,
  NOTIFY: 0x6e,
  STATUS_ENQUIRY: 0x75,
  INFORMATION: 0x7b,
  STATUS: 0x7d,
} as const;

/** One message. */
export interface H225Message {
  /** One of Q931, or another one. */
  readonly type: number;
  /** Without its flag: chosen by who calls; 0 is no call's. */
  readonly callReference: number;
  /** The flag of the call reference: sent by who is called. */
  readonly isFromCalled: boolean;
  /** The call's identifier for all of its messages, as hexadecimal digits; '' when there is none (version 1). */
  readonly callId: string;
  /** Where who has sent this waits for the H.245 connection. */
  readonly h245Address: NamedEnd | null;
  /** Of a Setup: the ends of the signalling, as the caller knows them. */
  readonly destCallSignalAddress: NamedEnd | null;
  readonly sourceCallSignalAddress: NamedEnd | null;
  /** Of a Facility: where the call is to be made instead. */
  readonly alternativeAddress: NamedEnd | null;
  /** Each is an OpenLogicalChannel (`decodeFastStart` of h245.ts). */
  readonly fastStart: readonly Span[];
  /** Each is a message of H.245 in this one (tunnelling). */
  readonly h245Control: readonly Span[];
  /** false: the user information could not be read to its end; what is here counts. */
  readonly isComplete: boolean;
}

const DISCRIMINATOR = 0x08;
const USER_USER = 0x7e;
/** Of the content of a user-user element: coded by X.680 and X.690 (table 4-26 of Q.931). */
const CODED_BY_ASN1 = 0x05;
/** Elements that are passed by; Q.931 has some 20. */
const MAX_ELEMENTS = 64;

/** Decodes a packet from `start` to before `end`, as `frameTpkt` has found it; null when it is no message of Q.931. */
export function decodeH225(space: ViewedBytes, start: number, end: number): H225Message | null {
  const { bytes } = space;
  if (start < 0 || end > bytes.length) return null;
  let at = start + TPKT_HEADER;
  if (at + 3 > end || bytes[at] !== DISCRIMINATOR) return null;
  // Two bytes in H.225.0; one, or none for what is about no call, elsewhere.
  const length = bytes[at + 1];
  at += 2;
  if (length > 2 || at + length + 1 > end) return null;
  const isFromCalled = length > 0 && (bytes[at] & 0x80) !== 0;
  let callReference = length > 0 ? bytes[at] & 0x7f : 0;
  if (length === 2) callReference = (callReference << 8) | bytes[at + 1];
  const type = bytes[at + length];
  const user = findUserInformation(space, at + length + 1, end);
  const walk = walkPer(USER_INFORMATION, space, user?.start ?? start, user?.end ?? start);
  const one = (name: string): NamedEnd | null => endsNamed(walk.found, name, space)[0] ?? null;
  return {
    type,
    callReference,
    isFromCalled,
    callId: hexadecimal(space, spansNamed(walk.found, 'callIdentifier')[0]),
    h245Address: one('h245Address'),
    destCallSignalAddress: one('destCallSignalAddress'),
    sourceCallSignalAddress: one('sourceCallSignalAddress'),
    alternativeAddress: one('alternativeAddress'),
    fastStart: spansNamed(walk.found, 'fastStart'),
    h245Control: spansNamed(walk.found, 'h245Control'),
    isComplete: walk.isComplete,
  };
}

/** Walks the elements (Q.931 section 4.5); null when none is the user-user element, or the message is cut before. */
function findUserInformation({ bytes, view }: ViewedBytes, start: number, end: number): Span | null {
  let at = start;
  for (let n = 0; n < MAX_ELEMENTS && at < end; n++) {
    const element = bytes[at];
    if ((element & 0x80) !== 0) {
      at++;
    } else if (element === USER_USER) {
      if (at + 4 > end || bytes[at + 3] !== CODED_BY_ASN1) return null;
      // H.225.0 gives this one a length of two bytes.
      const last = at + 3 + view.getUint16(at + 1);
      return { start: at + 4, end: Math.min(Math.max(last, at + 4), end) };
    } else {
      if (at + 2 > end) return null;
      at += 2 + bytes[at + 1];
    }
  }
  return null;
}

const VERSION: PerField = field(OCTETS);
const H245_ADDRESS = optional(TRANSPORT_ADDRESS, 'h245Address');
const FAST_START = optional(listOf(OCTETS), 'fastStart');
const CALL_ID = field(CALL_IDENTIFIER, 'callIdentifier');

const SETUP = sequence(
  [
    VERSION,
    H245_ADDRESS,
    optional(ALIASES),
    field(ENDPOINT_TYPE),
    optional(ALIASES),
    optional(TRANSPORT_ADDRESS, 'destCallSignalAddress'),
    optional(ALIASES),
    optional(listOf(CALL_REFERENCE)),
    field(BOOLEAN),
    field(GUID),
    field(choice(several(3, NULL))),
    optional(Q_SERIES),
    field(CALL_TYPE),
  ],
  [
    [0, field(TRANSPORT_ADDRESS, 'sourceCallSignalAddress')],
    [2, CALL_ID],
    [6, FAST_START],
    [24, field(listOf(OCTETS), 'h245Control')],
  ],
);

/** CallProceeding and Alerting are the same as far as we read. */
const PROCEEDING = sequence(
  [VERSION, field(ENDPOINT_TYPE), H245_ADDRESS],
  [
    [0, CALL_ID],
    [4, FAST_START],
  ],
);
const CONNECT = sequence(
  [VERSION, H245_ADDRESS, field(ENDPOINT_TYPE), field(GUID)],
  [
    [0, CALL_ID],
    [4, FAST_START],
  ],
);
const INFORMATION = sequence(
  [VERSION],
  [
    [0, CALL_ID],
    [3, FAST_START],
  ],
);
const RELEASE_COMPLETE = sequence([VERSION, optional(choice(several(12, NULL)))], [[0, CALL_ID]]);
const FACILITY = sequence(
  [
    VERSION,
    optional(TRANSPORT_ADDRESS, 'alternativeAddress'),
    optional(ALIASES),
    optional(GUID),
    field(choice(several(4, NULL))),
  ],
  [
    [0, CALL_ID],
    [6, H245_ADDRESS],
    [7, FAST_START],
  ],
);
/** Security and tokens (H.235) would have to be understood to pass them by: where they are, fastStart is not reached. */
const SECURITY: PerType = choice([NON_STANDARD, NULL]);
const PROGRESS = sequence([
  VERSION,
  field(ENDPOINT_TYPE),
  H245_ADDRESS,
  CALL_ID,
  optional(SECURITY),
  optional(UNKNOWN),
  optional(UNKNOWN),
  FAST_START,
]);
/** Status, StatusInquiry, SetupAcknowledge, Notify. */
const ABOUT_A_CALL = sequence([VERSION, CALL_ID, optional(UNKNOWN), optional(UNKNOWN)]);

const BODY = choice(
  [SETUP, PROCEEDING, CONNECT, PROCEEDING, INFORMATION, RELEASE_COMPLETE, FACILITY],
  [
    [0, PROGRESS],
    [1, NULL],
    [2, ABOUT_A_CALL],
    [3, ABOUT_A_CALL],
    [4, ABOUT_A_CALL],
    [5, ABOUT_A_CALL],
  ],
);
const PDU = sequence([field(BODY), optional(NON_STANDARD)], [[2, field(listOf(OCTETS), 'h245Control')]]);
const USER_DATA = sequence([field(integer(0, 255)), field(octets(1, 131))]);
const USER_INFORMATION = sequence([field(PDU), optional(USER_DATA)]);
