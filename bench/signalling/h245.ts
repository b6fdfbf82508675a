/** Messages of H.245 to test and fuzz with, and those of H.225.0 that contain some, written field by field. */
import {
  A,
  ALERTING,
  CALL_PROCEEDING,
  CONNECT,
  FACILITY,
  PROGRESS,
  PROGRESS_WITH_TOKENS,
  RELEASE_COMPLETE,
  setup,
  V6,
  type Write,
} from './h225.js';
import { encodedPer } from './per-writer.js';

/** TransportAddress of H.245. */
export const media4 =
  (ip: readonly number[], port: number): Write =>
  (w) =>
    w.flags('0 0 0 000 0').raw(ip).word(port);
export const media6 =
  (ip: readonly number[], port: number): Write =>
  (w) =>
    w.flags('0 0 0 010 0').raw(ip).word(port);

interface Ends {
  readonly media?: Write;
  readonly control?: Write;
}

/** H2250LogicalChannelParameters, as an open type. */
const parameters = ({ media, control }: Ends): Uint8Array =>
  encodedPer((w) => {
    w.flags(`0 00 ${media === undefined ? 0 : 1} 1 ${control === undefined ? 0 : 1} 0 1 1 1 1`).raw([1]);
    media?.(w);
    w.flags('0');
    control?.(w);
    // silenceSuppression, destination, dynamicRTPPayloadType, mediaPacketization
    w.flags('1').flags('0').bits(5, 8).bits(6, 8).bits(3, 5).flags('0');
  });

/** Types of data, each as DataType. */
export const DATA_TYPES: Readonly<Record<string, Write>> = {
  nothing: (w) => w.flags('0 001'),
  g711: (w) => w.flags('0 011 0 0011').raw([19]),
  g7231: (w) => w.flags('0 011 0 1000').raw([3]).flags('1'),
  g729: (w) => w.flags('0 011 0 1011').raw([1]),
  mpeg: (w) => w.flags('0 011 0 1101 0').flags('1'.repeat(20)).word(127),
  gsm: (w) => w.flags('0 011 1 0').bits(3, 6).octets([0, 19, 0]),
  h261: (w) => w.flags('0 010 0 001 0 11 00 01 1').word(6399).flags('0'),
  h262: (w) =>
    w
      .flags('0 010 0 010 0 111111')
      .flags('0'.repeat(11))
      .bits(1, 2)
      .raw([3, 0xe8])
      .bits(0, 2)
      .raw([7])
      .word(720)
      .word(576)
      .bits(3, 4)
      .bits(3, 2)
      .raw([0, 1, 2, 3]),
  h263: (w) =>
    w
      .flags('0 010 0 011 0 01100 11')
      .bits(0, 5)
      .bits(1, 5)
      .bits(1, 2)
      .raw([0x17, 0x6f])
      .flags('10110')
      .bits(0, 2)
      .raw([9])
      .word(4),
  mpegVideo: (w) => w.flags('0 010 0 100 0 000010 1').bits(3, 4),
  h264: (w) => w.flags('0 010 1 0').bits(0, 6).octets([0x40, 0x08, 1, 2, 3, 4]),
  t120: (w) => w.flags('0 100 0 0 0001 1 0').bits(3, 6).octets([]).flags('01').raw([0x18, 0x6a]),
  t84: (w) => w.flags('0 100 0 0 0100 0 001 1 0').flags('1'.repeat(19)).bits(0, 2).raw([1]),
  t38: (w) => w.flags('0 100 0 1 0').bits(2, 6).octets([0x11, 0x22]).bits(1, 2).raw([0, 144]),
  other: (w) => w.flags('0 000 1').raw([0xb5, 0]).word(0x534c).octets([1, 2, 3]),
  encrypted: (w) => w.flags('0 101 0 1'),
  h235: (w) => w.flags('1 0').bits(1, 6).octets([1, 2, 3, 4]),
};

interface OpenFields {
  readonly dataType: Write;
  readonly forward?: Ends;
  readonly reverse?: Ends;
  readonly stack?: Write;
}

/** OpenLogicalChannel, as fastStart has it. */
export const open =
  ({ dataType, forward, reverse, stack }: OpenFields): Write =>
  (w) => {
    w.flags(`${stack === undefined ? 0 : 1} ${reverse === undefined ? 0 : 1}`).word(101 - 1);
    w.flags('0 0').with(dataType);
    if (forward === undefined) w.flags('1 0').bits(1, 6).octets([]);
    else w.flags('1 0').bits(0, 6).octets(parameters(forward));
    if (reverse !== undefined)
      w.flags('0 1').with(dataType).flags('1 0').bits(0, 6).octets(parameters(reverse));
    // NetworkAccessParameters: unicast, localAreaAddress
    if (stack !== undefined)
      w.extensions([
        encodedPer((inner) => inner.flags('0 11 0 0 0 10').with(stack).flags('1').bits(0, 8).raw([0x55])),
      ]);
  };

/** As a message: a request, the fourth of eleven. */
export const openMessage = (fields: OpenFields): Uint8Array =>
  encodedPer((w) => w.flags('0 00 0 0011').with(open(fields)));

export const openAck = (ends: Ends, reverse?: Ends): Uint8Array =>
  encodedPer((w) => {
    w.flags(`0 01 0 00101 1 ${reverse === undefined ? 0 : 1}`).word(101 - 1);
    if (reverse !== undefined)
      w.flags('0 01')
        .word(7 - 1)
        .flags('1 0')
        .bits(0, 6)
        .octets(parameters(reverse));
    w.extensions([
      null,
      encodedPer((inner) => {
        inner.flags(`0 0 0 1 ${ends.media === undefined ? 0 : 1} ${ends.control === undefined ? 0 : 1} 0`);
        inner.bits(0, 8);
        ends.media?.(inner);
        ends.control?.(inner);
      }),
    ]);
  });

export const CLOSE = encodedPer((w) =>
  w
    .flags('0 00 0 0100 1')
    .word(101 - 1)
    .raw([0x80, 1, 2]),
);
export const CLOSE_ACK = encodedPer((w) => w.flags('0 01 0 00111 0').word(101 - 1));
export const OPEN_REJECT = encodedPer((w) =>
  w
    .flags('0 01 0 00110 0')
    .word(101 - 1)
    .flags('0 010'),
);
export const END_SESSION = encodedPer((w) => w.flags('0 10 0 101 0 1'));

export const OPEN_AUDIO: OpenFields = {
  dataType: DATA_TYPES.g711,
  forward: { control: media4(A, 5001) },
  reverse: { media: media4(A, 5000), control: media4(A, 5001) },
};
export const OPEN_T120: OpenFields = { dataType: DATA_TYPES.t120, stack: media4(A, 1503) };
export const FAST_START = [
  encodedPer(open(OPEN_AUDIO)),
  encodedPer(open({ dataType: DATA_TYPES.h263, forward: { control: media6(V6, 5003) } })),
];

export const H225: readonly Uint8Array[] = [
  setup(),
  setup({ fastStart: FAST_START, parallel: [END_SESSION], control: [openMessage(OPEN_AUDIO), END_SESSION] }),
  CALL_PROCEEDING,
  ALERTING,
  CONNECT,
  RELEASE_COMPLETE,
  FACILITY,
  PROGRESS,
  PROGRESS_WITH_TOKENS,
  Uint8Array.of(3, 0, 0, 4),
];
export const H245: readonly Uint8Array[] = [
  ...Object.values(DATA_TYPES).map((dataType) => openMessage({ ...OPEN_AUDIO, dataType })),
  openMessage(OPEN_T120),
  openAck({ media: media4(A, 5000), control: media6(V6, 5001) }, { media: media6(V6, 6000) }),
  CLOSE,
  CLOSE_ACK,
  OPEN_REJECT,
  END_SESSION,
];
