/** What is written as STUN and NTP is read as such, whatever its fields are; and anything else is read without harm. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ntpPacket, stunMessage } from '../../bench/fuzz-datagrams.js';
import { createNtpPacket, decodeNtp, NTP_ANSWER, ntpAnswerKind } from '../../src/wire/ntp.js';
import {
  createStunMessage,
  decodeStun,
  isChannelData,
  STUN_ANSWER,
  STUN_REQUEST,
  stunAnswerKind,
  stunRequestKind,
} from '../../src/wire/stun.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { decodedBy } from '../arbitrary/datagrams.js';

const octet = fc.integer({ min: 0, max: 255 });
const bytes = (length: number) => fc.array(octet, { minLength: length, maxLength: length });
const stun = (payload: readonly number[] | Uint8Array) => decodedBy(decodeStun, createStunMessage, payload);
const ntp = (payload: readonly number[] | Uint8Array) => decodedBy(decodeNtp, createNtpPacket, payload);

/** A payload with some of its bytes changed. */
const spoilt = (payload: fc.Arbitrary<number[]>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(payload, fc.array(fc.tuple(fc.nat(), octet), { maxLength: 6 })).map(([list, changes]) => {
    const all = Uint8Array.from(list);
    for (const [at, value] of changes) all[at % all.length] = value;
    return all;
  });

/** Comprehension-optional ones without a meaning for a race. */
const others = fc.array(
  fc.tuple(fc.integer({ min: 0xc000, max: 0xffff }), fc.array(octet, { maxLength: 40 })),
  { maxLength: 8 },
);
const stunFields = fc.record({
  class: fc.nat(3),
  method: fc.nat(0xfff),
  transaction: bytes(12),
  attributes: others,
  fingerprint: fc.boolean(),
});

describe('decodeStun', () => {
  it('reads what is written', () => {
    fc.assert(
      fc.property(stunFields, (fields) => {
        expect(stun(stunMessage(fields))).toMatchObject({
          class: fields.class,
          method: fields.method,
          hasCookie: true,
          hasFingerprint: fields.fingerprint,
          hasCredentials: false,
          isCheck: false,
          isElsewhere: false,
          hasAddress: false,
          errorCode: 0,
        });
      }),
    );
  });

  it('one byte changed in anything but a length: no fingerprint, no answer', () => {
    fc.assert(
      fc.property(stunFields, fc.nat(), fc.integer({ min: 1, max: 255 }), (fields, at, flip) => {
        const request = stun(stunMessage({ transaction: fields.transaction }))!;
        const answer = {
          ...fields,
          class: 2,
          method: 1,
          attributes: [[0x20, [0, 1, 1, 2, 3, 4, 5, 6]]] as const,
        };
        const payload = stunMessage({ ...answer, fingerprint: false });
        expect(stunAnswerKind(stun(payload)!, request.transactionHash)).toBe(STUN_ANSWER.POSITIVE);
        payload[4 + (at % 16)] ^= flip;
        expect(stunAnswerKind(stun(payload)!, request.transactionHash)).toBe(STUN_ANSWER.MISMATCH);
        const sealed = stunMessage({ ...answer, fingerprint: true });
        sealed[8 + (at % 12)] ^= flip;
        expect(stun(sealed)).toBeNull();
      }),
    );
  });

  it('anything, and messages with some bytes changed: nothing outside matters', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 60 }), spoilt(stunFields.map(stunMessage))),
        (payload) => {
          isChannelData(viewed(payload), 0, payload.length);
          const out = stun(payload);
          if (out === null) return;
          expect(payload.length % 4).toBe(0);
          expect(out.errorCode).toBeLessThan(1000);
          if (stunRequestKind(out) === STUN_REQUEST.COPY) expect([out.class, out.method]).toEqual([0, 1]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

const ntpFields = fc.record({
  leap: fc.nat(3),
  version: fc.constantFrom(3, 4),
  mode: fc.integer({ min: 1, max: 5 }),
  stratum: octet,
  origin: bytes(8),
  transmit: bytes(8),
  mac: fc.constantFrom(0, 4, 20, 24).chain(bytes),
});
const extensions = fc.array(
  fc.tuple(
    fc.constantFrom(0x0104, 0x0204, 0x0404, 0x2005, 0x0002),
    fc.integer({ min: 6, max: 40 }).chain((words) => bytes(4 * words)),
  ),
  { maxLength: 6 },
);

describe('decodeNtp', () => {
  it('reads what is written', () => {
    fc.assert(
      fc.property(ntpFields, extensions, (fields, list) => {
        const all = { ...fields, fields: fields.version === 4 ? list : [] };
        const out = ntp(ntpPacket(all))!;
        expect(out).toMatchObject({
          leap: fields.leap,
          version: fields.version,
          mode: fields.mode,
          stratum: fields.stratum,
          hasNts: all.fields.some(([type]) => (type & 0xff) === 4),
          hasMac: fields.mac.length > 0,
        });
        const question = ntp(ntpPacket({ ...fields, mode: 3, transmit: fields.origin }))!;
        const kind = ntpAnswerKind(out, question.transmitHigh, question.transmitLow);
        expect(kind === NTP_ANSWER.MISMATCH).toBe(
          fields.mode !== 4 ||
            (fields.stratum > 0 &&
              fields.stratum < 16 &&
              fields.leap < 3 &&
              fields.transmit.every((byte) => byte === 0)),
        );
        expect(ntpAnswerKind(out, question.transmitHigh ^ 1, question.transmitLow)).toBe(NTP_ANSWER.MISMATCH);
        expect(ntpAnswerKind(out, question.transmitHigh, question.transmitLow ^ 1)).toBe(NTP_ANSWER.MISMATCH);
      }),
    );
  });

  it('anything, and packets with some bytes changed: nothing outside matters', () => {
    const packets = fc
      .tuple(ntpFields, extensions)
      .map(([fields, list]) => ntpPacket({ ...fields, fields: list }));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), spoilt(packets)), (payload) => {
        const out = ntp(payload);
        if (out !== null) expect([out.mode >= 1 && out.mode <= 5, out.version <= 7]).toEqual([true, true]);
      }),
      { numRuns: 2000 },
    );
  });
});
