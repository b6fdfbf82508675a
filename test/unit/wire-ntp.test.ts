/** NTP packets made by hand and badly. */
import { describe, expect, it } from 'vitest';
import { fromHex, type NtpFields, ntpPacket, zeros } from '../../bench/fuzz-datagrams.js';
import {
  createNtpPacket,
  decodeNtp,
  NTP_ANSWER,
  NTP_REQUEST,
  type NtpPacket,
  ntpAnswerKind,
  ntpRequestKind,
} from '../../src/wire/ntp.js';
import { decodedBy, expectEveryCut, expectRefusesOutside } from '../arbitrary/datagrams.js';

const decode = (payload: readonly number[]): NtpPacket | null =>
  decodedBy(decodeNtp, createNtpPacket, payload);
const wordOf = (values: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(values).find((key) => values[key] === value) ?? `${value}`;

const SENT = fromHex('e5f3a1b2c3d4e5f6');
const NOW = fromHex('e5f3a1b380000000');
/** As chrony and systemd-timesyncd ask: everything is zero but a random time. */
const QUESTION = ntpPacket({ transmit: SENT });
const COOKIE: readonly [number, number[]] = [0x0204, zeros(100)];

describe('questions', () => {
  it.each<[keyof typeof NTP_REQUEST, string, NtpFields]>([
    ['COPY', 'version 4', {}],
    ['COPY', 'version 3', { version: 3 }],
    ['COPY', 'a clock that is not synchronised', { leap: 3, stratum: 0 }],
    ['COPY', 'with what the last answer said', { origin: NOW, stratum: 3 }],
    ['COPY', 'a MAC of 128 bits', { mac: zeros(20) }],
    ['COPY', 'a MAC of 160 bits', { mac: zeros(24) }],
    ['COPY', 'a key id alone', { mac: zeros(4) }],
    ['COPY', 'a MAC of version 3', { version: 3, mac: zeros(36) }],
    ['COPY', 'a field that is not of NTS', { fields: [[0x2005, zeros(24)]] }],
    ['COPY', 'a field and a MAC', { fields: [[0x0104 + 0x1000, zeros(12)]], mac: zeros(20) }],
    ['COOKIE', 'a cookie', { fields: [COOKIE] }],
    [
      'COOKIE',
      'all that NTS has',
      { fields: [[0x0104, zeros(32)], COOKIE, [0x0304, zeros(100)], [0x0404, zeros(36)]] },
    ],
    ['COOKIE', 'a cookie before a MAC', { fields: [[0x0204, zeros(12)]], mac: zeros(24) }],
    ['VERSION', 'version 1', { version: 1 }],
    ['VERSION', 'version 2', { version: 2 }],
    ['VERSION', 'version 5', { version: 5 }],
    ['NOT_A_CLIENT', 'a peer', { mode: 1 }],
    ['NOT_A_CLIENT', 'an answer of a peer', { mode: 2 }],
    ['NOT_A_CLIENT', 'an answer', { mode: 4 }],
    ['NOT_A_CLIENT', 'a broadcast', { mode: 5 }],
  ])('%s: %s', (kind, _, fields) => {
    const out = decode(ntpPacket({ transmit: SENT, ...fields }))!;
    expect(wordOf(NTP_REQUEST, ntpRequestKind(out))).toBe(kind);
    expect(out.hasMac).toBe(fields.mac !== undefined);
  });

  it.each<[string, number[]]>([
    ['47 bytes', QUESTION.slice(0, 47)],
    ['mode 0', ntpPacket({ mode: 0 })],
    ['control', ntpPacket({ mode: 6 })],
    ['private', ntpPacket({ mode: 7 })],
    ['a MAC of no length in use', ntpPacket({ mac: zeros(12) })],
    ['a MAC of version 3 that is no word', ntpPacket({ version: 3, mac: zeros(18) })],
    ['a MAC of version 3 that is too long', ntpPacket({ version: 3, mac: zeros(72) })],
    ['a field of 12 bytes', ntpPacket({ fields: [[0x0204, zeros(8)]], mac: zeros(20) })],
    ['a field that is no word', ntpPacket({ fields: [[0x0204, zeros(25)]] })],
    ['a field beyond the end', ntpPacket({ fields: [COOKIE] }).slice(0, -4)],
    ['33 fields', ntpPacket({ fields: new Array<[number, number[]]>(33).fill([0x2005, zeros(24)]) })],
  ])('%s: none', (_, payload) => {
    expect(decode(payload)).toBeNull();
  });

  it('cut anywhere there are less fields, or none', () => {
    expectEveryCut(decodeNtp, createNtpPacket, QUESTION, () => false);
    expectRefusesOutside(decodeNtp, createNtpPacket, QUESTION);
    const secure = ntpPacket({ transmit: SENT, fields: [[0x0104, zeros(32)], COOKIE, [0x0404, zeros(36)]] });
    // Behind the header and each field: nothing, or as much as a MAC has.
    const ends = [0, 36, 140].flatMap((fields) => [0, 4, 20, 24].map((mac) => 48 + fields + mac));
    expectEveryCut(decodeNtp, createNtpPacket, secure, (_, length) => ends.includes(length));
  });
});

describe('answers', () => {
  const asked = decode(QUESTION)!;
  const GOOD: NtpFields = { mode: 4, stratum: 2, reference: '\x0a\x00\x00\x01', origin: SENT, transmit: NOW };
  it.each<[keyof typeof NTP_ANSWER, string, NtpFields]>([
    ['POSITIVE', 'a time', {}],
    ['POSITIVE', 'before a leap second', { leap: 1 }],
    ['POSITIVE', 'of the worst clock', { stratum: 15 }],
    ['POSITIVE', 'with a MAC', { mac: zeros(20) }],
    ['POSITIVE', 'of version 3', { version: 3 }],
    ['POSITIVE', 'at the beginning of a second', { transmit: [...NOW.slice(0, 4), 0, 0, 0, 0] }],
    ['POSITIVE', 'at the beginning of an era', { transmit: [0, 0, 0, 0, ...NOW.slice(4)] }],
    ['NEGATIVE', 'RATE', { stratum: 0, reference: 'RATE' }],
    ['NEGATIVE', 'DENY', { stratum: 0, reference: 'DENY', leap: 3 }],
    ['NEGATIVE', 'RSTR', { stratum: 0, reference: 'RSTR', transmit: zeros(8) }],
    ['NEGATIVE', 'a clock that is not synchronised', { leap: 3 }],
    ['NEGATIVE', 'stratum 16', { stratum: 16 }],
    ['NEGATIVE', 'stratum 255', { stratum: 255 }],
    ['MISMATCH', 'another question', { origin: NOW }],
    ['MISMATCH', 'another second', { origin: [1, ...SENT.slice(1)] }],
    ['MISMATCH', 'another fraction', { origin: [...SENT.slice(0, 7), 1] }],
    ['MISMATCH', 'a kiss for nothing', { origin: zeros(8), stratum: 0, reference: 'RATE' }],
    ['MISMATCH', 'no time', { transmit: zeros(8) }],
    ['MISMATCH', 'the question, sent back', { mode: 3 }],
    ['MISMATCH', 'a broadcast', { mode: 5 }],
  ])('%s: %s', (kind, _, fields) => {
    const out = decode(ntpPacket({ ...GOOD, ...fields }))!;
    expect(wordOf(NTP_ANSWER, ntpAnswerKind(out, asked.transmitHigh, asked.transmitLow))).toBe(kind);
  });

  it('reads its fields', () => {
    expect(decode(ntpPacket({ ...GOOD, leap: 2, reference: 'RATE', stratum: 0 }))).toEqual({
      mode: 4,
      version: 4,
      leap: 2,
      stratum: 0,
      referenceId: 0x52415445,
      originHigh: 0xe5f3a1b2 | 0,
      originLow: 0xc3d4e5f6 | 0,
      transmitHigh: 0xe5f3a1b3 | 0,
      transmitLow: 0x80000000 | 0,
      hasNts: false,
      hasMac: false,
    });
  });
});
