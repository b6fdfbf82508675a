/**
 * Control messages of H.323 calls (ITU-T H.245): where media of logical channels go, and that a session ends. In TPKT of a connection of their own,
 * inside of H.225.0 (tunnelling), or as proposals in its Setup (fast connect). Nothing throws, and the work is bounded by the bytes.
 */
import { ACK_PARAMETERS, CHANNEL, DATA_TYPE, multiplex, NETWORK_ACCESS, PORT_NUMBER } from './h245-types.js';
import { endsNamed, type NamedEnd, numberNamed } from './named-end.js';
import { CHOICE_EXTENSION, type PerFound, type PerType, walkPer } from './per.js';
import { choice, closed, field, NULL, optional, quiet, REST, sequence, several } from './per-types.js';
import type { ViewedBytes } from './viewed-bytes.js';

export type H245Kind = 'open' | 'open-ack' | 'open-reject' | 'close' | 'close-ack' | 'end-session' | 'other';

/** Where one way of a logical channel goes. */
export interface H245Way {
  /** RTP. */
  readonly media: NamedEnd | null;
  /** RTCP. */
  readonly control: NamedEnd | null;
}

/**
 * One message. Addresses are mostly of who has sent it, which is then where packets go; but answers to a fast connect may repeat the other's, so
 * that a user compares them with the ends of the signalling.
 */
export interface H245Message {
  readonly kind: H245Kind;
  /** forwardLogicalChannelNumber, chosen by who opens; -1 when the kind has none. */
  readonly channel: number;
  /** Of RTP: 1 is the first audio, 2 the first video, 0 not settled; -1 when it is not told. */
  readonly session: number;
  /** From who opens the channel to the other. */
  readonly forward: H245Way;
  readonly reverse: H245Way;
  /** Of T.120 (separateStack), TCP. */
  readonly stack: NamedEnd | null;
  /** false: not read to the end of what matters; what is here counts. */
  readonly isComplete: boolean;
}

/** Decodes a message (without TPKT header) from `start` to before `end`; null when it is none. */
export function decodeH245(space: ViewedBytes, start: number, end: number): H245Message | null {
  const { found, isComplete } = walkPer(MESSAGE, space, start, end);
  const [group, message] = found;
  if (group === undefined || group.value >= CHOICE_EXTENSION) return null;
  return summary(kindOf(group.value, message), found, { space, isComplete });
}

/** Decodes an OpenLogicalChannel as fastStart has it. */
export function decodeFastStart(space: ViewedBytes, start: number, end: number): H245Message {
  const { found, isComplete } = walkPer(OPEN, space, start, end);
  return summary('open', found, { space, isComplete });
}

const REQUESTS: Readonly<Record<number, H245Kind>> = { 3: 'open', 4: 'close' };
const RESPONSES: Readonly<Record<number, H245Kind>> = { 5: 'open-ack', 6: 'open-reject', 7: 'close-ack' };
const COMMANDS: Readonly<Record<number, H245Kind>> = { 5: 'end-session' };
const GROUPS = [REQUESTS, RESPONSES, COMMANDS];

function kindOf(group: number, message: PerFound | undefined): H245Kind {
  return (message?.kind === 'choice' && GROUPS[group]?.[message.value]) || 'other';
}

interface Read {
  readonly space: ViewedBytes;
  readonly isComplete: boolean;
}

function summary(kind: H245Kind, found: readonly PerFound[], { space, isComplete }: Read): H245Message {
  const one = (name: string): NamedEnd | null => endsNamed(found, name, space)[0] ?? null;
  return {
    kind,
    channel: numberNamed(found, 'channel'),
    session: numberNamed(found, 'session'),
    forward: { media: one('forwardMedia'), control: one('forwardControl') },
    reverse: { media: one('reverseMedia'), control: one('reverseControl') },
    stack: one('stack'),
    isComplete,
  };
}

const STACK = field(NETWORK_ACCESS);
const OPEN = sequence(
  [
    field(CHANNEL, 'channel'),
    field(sequence([optional(PORT_NUMBER), field(DATA_TYPE), field(multiplex('forward', 3))])),
    optional(sequence([field(DATA_TYPE), optional(multiplex('reverse', 2))])),
  ],
  [[0, STACK]],
);
const OPEN_ACK = sequence(
  [
    field(CHANNEL, 'channel'),
    optional(sequence([field(CHANNEL), optional(PORT_NUMBER), optional(multiplex('reverse', 1))])),
  ],
  [
    [0, STACK],
    [1, field(choice([ACK_PARAMETERS]))],
  ],
);
/** OpenLogicalChannelReject, CloseLogicalChannel and its Ack: what is behind the number does not matter. */
const ABOUT_A_CHANNEL = sequence([field(CHANNEL, 'channel'), field(REST)]);

const at = (count: number, known: Readonly<Record<number, PerType>>): PerType =>
  choice(several(count, NULL).map((nothing, i) => quiet(known[i] ?? nothing)));

const REQUEST = at(11, { 3: OPEN, 4: ABOUT_A_CHANNEL });
const RESPONSE = at(19, { 5: OPEN_ACK, 6: ABOUT_A_CHANNEL, 7: ABOUT_A_CHANNEL });
const MESSAGE = closed(field(choice([REQUEST, RESPONSE, at(7, {}), quiet(NULL)]), 'message'));
