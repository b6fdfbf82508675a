/** Call signalling of H.323 (H.225.0) to test and fuzz with, written field by field after the ASN.1 of the recommendation. */
import { encodedPer, type PerWriter } from './per-writer.js';

export type Write = (writer: PerWriter) => unknown;

export const GUID = Array.from({ length: 16 }, (_, i) => 0xc0 + i);
export const CALL_ID = 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf';
export const A = [192, 168, 1, 10];
export const VERSION = [0x00, 0x08, 0x91, 0x4a, 0x00, 0x04];
export const V6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/** TransportAddress of H.225.0: an extensible choice of seven. */
export const address4 =
  (ip: readonly number[], port: number): Write =>
  (w) =>
    w.flags('0 000').raw(ip).word(port);
export const address6 =
  (ip: readonly number[], port: number): Write =>
  (w) =>
    w.flags('0 011 0').raw(ip).word(port);

/** EndpointType with a vendor, and a gateway that supports voice and H.323. */
export const endpointType: Write = (w) =>
  w
    .flags('0 010100 ')
    // VendorIdentifier: product, no version; H221NonStandard.
    .flags('0 10')
    .flags('0')
    .raw([0xb5, 0])
    .word(0x534c)
    .raw([3, 0x41, 0x42, 0x43, 0x44])
    // GatewayInfo: two protocols, each a choice of nine.
    .flags('0 10')
    .length(2)
    .flags('0 0111 0 0')
    .flags('0 0101 0 0')
    .flags('0 0');

/** Two aliases: digits of four bits, and a name. */
export const aliases: Write = (w) =>
  w.length(2).flags('0 0').bits(2, 7).align().bits(0x123, 12).flags('0 1').raw([1]).raw([0, 0x41, 0, 0x42]);

export const callIdentifier = encodedPer((w) => w.flags('0').raw(GUID));
const list = (all: readonly Uint8Array[]): Uint8Array =>
  encodedPer((w) => {
    w.length(all.length);
    for (const one of all) w.octets(one);
  });

interface Information {
  /** Of seven, or of the extensions. */
  readonly index: number;
  readonly isExtension?: boolean;
  readonly body: Write;
  /** Tunnelled messages of H.245. */
  readonly control?: readonly Uint8Array[];
}

/** TPKT, Q.931 with elements before the user-user one, H323-UserInformation. */
export function h225(type: number, { index, isExtension = false, body, control }: Information): Uint8Array {
  const information = encodedPer((w) => {
    w.flags(`0 0 ${control === undefined ? 0 : 1} 0`);
    if (isExtension) w.flags('1 0').bits(index, 6).octets(encodedPer(body));
    else w.flags('0').bits(index, 3).with(body);
    if (control !== undefined) w.extensions([null, Uint8Array.of(0x80), list(control)]);
  });
  const elements = [0x04, 3, 0x88, 0x93, 0xa5, 0xa1, 0x28, 2, 0x41, 0];
  const user = [0x7e, (information.length + 1) >> 8, (information.length + 1) & 255, 5, ...information];
  const message = [0x08, 2, 0x92, 0x34, type, ...elements, ...user];
  return tpkt(message);
}

export function tpkt(message: readonly number[] | Uint8Array): Uint8Array {
  const length = 4 + message.length;
  return Uint8Array.from([3, 0, length >> 8, length & 255, ...message]);
}

interface SetupFields {
  readonly fastStart?: readonly Uint8Array[];
  readonly parallel?: readonly Uint8Array[];
  readonly control?: readonly Uint8Array[];
}

export function setup({ fastStart, parallel, control }: SetupFields = {}): Uint8Array {
  const body: Write = (w) =>
    w
      .flags('1 1111011')
      .octets(VERSION)
      .with(address4([192, 168, 1, 10], 3000))
      .with(aliases)
      .with(endpointType)
      .with(aliases)
      .with(address6(V6, 1720))
      .length(1)
      .word(7)
      .flags('0')
      .raw(GUID)
      .flags('0 00')
      // QseriesOptions, Q954Details
      .flags('0 1010101 0 11')
      .flags('0 00')
      .extensions([
        encodedPer(address4([192, 168, 1, 10], 3001)),
        null,
        callIdentifier,
        null,
        null,
        null,
        fastStart === undefined ? null : list(fastStart),
        Uint8Array.of(0),
        ...new Array<null>(16).fill(null),
        parallel === undefined ? null : list(parallel),
      ]);
  return h225(0x05, { index: 0, body, ...(control === undefined ? {} : { control }) });
}

const proceeding: Write = (w) =>
  w
    .flags('1 1')
    .octets(VERSION)
    .with(endpointType)
    .with(address4([203, 0, 113, 5], 4000))
    .extensions([callIdentifier]);
export const CALL_PROCEEDING = h225(0x02, { index: 1, body: proceeding });
export const ALERTING = h225(0x01, { index: 3, body: proceeding });
export const CONNECT = h225(0x07, {
  index: 2,
  body: (w) =>
    w
      .flags('1 1')
      .octets(VERSION)
      .with(address6(V6, 4001))
      .with(endpointType)
      .raw(GUID)
      .extensions([callIdentifier]),
});
export const RELEASE_COMPLETE = h225(0x5a, {
  index: 5,
  body: (w) => w.flags('1 1').octets(VERSION).flags('0 0011').extensions([callIdentifier]),
});
export const FACILITY = h225(0x62, {
  index: 6,
  body: (w) =>
    w
      .flags('1 101')
      .octets(VERSION)
      .with(address4([203, 0, 113, 7], 1721))
      .raw(GUID)
      .flags('1 0')
      .bits(1, 6)
      .octets([0])
      .extensions([
        callIdentifier,
        ...new Array<null>(5).fill(null),
        encodedPer(address4([203, 0, 113, 6], 4002)),
      ]),
});
const progressBody =
  (security: string, tokens: string): Write =>
  (w) =>
    w
      .flags(`0 1 ${security} ${tokens} 0`)
      .octets(VERSION)
      .with(endpointType)
      .with(address4([203, 0, 113, 8], 4003))
      .raw(callIdentifier);
export const PROGRESS = h225(0x03, { index: 0, isExtension: true, body: progressBody('0', '00') });
/** With tokens, whose end nobody knows who does not know H.235; and with a tunnelled message behind them. */
export const PROGRESS_WITH_TOKENS = h225(0x03, {
  index: 0,
  isExtension: true,
  body: progressBody('0', '10'),
  control: [Uint8Array.of(0x4a, 0x80)],
});
