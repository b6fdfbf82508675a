/** STUN: the messages of RFC 5769, and ones with something wrong. */
import { describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  fromHex,
  type StunFields,
  stunMessage,
  TRANSACTION,
  zeros,
} from '../../bench/fuzz-datagrams.js';
import { crc32 } from '../../src/wire/crc32.js';
import {
  createStunMessage,
  decodeStun,
  isChannelData,
  STUN_ANSWER,
  STUN_CLASS,
  STUN_REQUEST,
  type StunMessage,
  stunAnswerKind,
  stunRequestKind,
} from '../../src/wire/stun.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { decodedBy, expectEveryCut, expectRefusesOutside } from '../arbitrary/datagrams.js';

/** RFC 5769 sections 2.1 to 2.4. */
const CHECK = fromHex(
  '000100582112a442b7e7a701bc34d686fa87dfae',
  '802200105354554e207465737420636c69656e74',
  '002400046e0001ff 80290008932ff9b151263b36',
  '000600096576746a3a68367659202020',
  '000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004e57a3bcf',
);
const ANSWER4 = fromHex(
  '0101003c2112a442b7e7a701bc34d686fa87dfae',
  '8022000b7465737420766563746f7220 002000080001a147e112a643',
  '000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004c07d4c96',
);
const ANSWER6 = fromHex(
  '010100482112a442b7e7a701bc34d686fa87dfae',
  '8022000b7465737420766563746f7220',
  '002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9',
  '00080014a382954e4be67bf11784c97c8292c275bfe3ed41 80280004c8fb0b4c',
);
const LONG_TERM = fromHex(
  '000100602112a44278ad3433c6ad72c029da412e',
  '00060012e3839ee38388e383aae38383e382afe382b90000',
  '0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473 41',
  '0014000b6578616d706c652e6f726700',
  '00080014f67024656dd64a3e02b8e0712e85c9a28ca89666',
);

const decode = (payload: readonly number[]): StunMessage | null =>
  decodedBy(decodeStun, createStunMessage, payload);
const wordOf = (values: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(values).find((key) => values[key] === value) ?? `${value}`;
const asks = (payload: readonly number[]): string => wordOf(STUN_REQUEST, stunRequestKind(decode(payload)!));
const says = (payload: readonly number[], hash = decode(stunMessage())!.transactionHash): string =>
  wordOf(STUN_ANSWER, stunAnswerKind(decode(payload)!, hash));

describe('the messages of RFC 5769', () => {
  it('a check of ICE, its fingerprint right', () => {
    expect(decode(CHECK)).toMatchObject({
      class: STUN_CLASS.REQUEST,
      method: 1,
      hasCookie: true,
      hasFingerprint: true,
      hasCredentials: true,
      isCheck: true,
      isElsewhere: false,
      hasAddress: false,
      errorCode: 0,
    });
    expect(asks(CHECK)).toBe('PEERS');
  });

  it.each([
    ['IPv4', ANSWER4],
    ['IPv6', ANSWER6],
  ])('an answer, %s', (_, payload) => {
    const out = decode(payload)!;
    expect(out).toMatchObject({ class: STUN_CLASS.SUCCESS, hasFingerprint: true, hasAddress: true });
    expect(out.transactionHash).toBe(decode(CHECK)!.transactionHash);
    expect(says(payload)).toBe('POSITIVE');
    expect(says(payload, out.transactionHash + 1)).toBe('MISMATCH');
    expect(asks(payload)).toBe('NOT_A_REQUEST');
  });

  it('long-term credentials, without a fingerprint', () => {
    expect(decode(LONG_TERM)).toMatchObject({ hasFingerprint: false, hasCredentials: true, isCheck: false });
    expect(asks(LONG_TERM)).toBe('PEERS');
  });

  it('cut anywhere, or with any bit changed, they are none', () => {
    for (const payload of [CHECK, ANSWER4, ANSWER6, LONG_TERM]) {
      expectEveryCut(decodeStun, createStunMessage, payload, () => false);
      expectRefusesOutside(decodeStun, createStunMessage, payload);
    }
    for (let bit = 0; bit < 8 * CHECK.length; bit++) {
      const changed = [...CHECK];
      changed[bit >> 3] ^= 1 << (bit & 7);
      // Another length swallows the fingerprint, another type makes something else of it: then there is none.
      expect([bit, decode(changed)?.hasFingerprint ?? false]).toEqual([bit, false]);
    }
  });

  it('the check value of CRC-32', () => {
    const bytes = Uint8Array.from([7, ...Buffer.from('123456789'), 7]);
    expect(crc32(bytes, 1, 10) >>> 0).toBe(0xcbf43926);
    expect(crc32(bytes, 1, 1)).toBe(0);
    expect(fingerprintOf(CHECK.slice(0, -8))).toEqual(CHECK.slice(-8));
  });
});

const ask = (attributes: StunFields['attributes'], more: StunFields = {}): number[] =>
  stunMessage({ attributes: attributes ?? [], ...more });

describe('requests', () => {
  it.each<[keyof typeof STUN_REQUEST, string, number[]]>([
    ['COPY', 'a plain one', ask([])],
    ['COPY', 'with software and a fingerprint', ask([[0x8022, [97, 98, 99]]], { fingerprint: true })],
    ['COPY', 'a classic one', ask([], { cookie: 0x12345678 })],
    ['COPY', 'a change of nothing', ask([[3, [0, 0, 0, 0]]])],
    ['NOT_A_REQUEST', 'an indication', ask([], { class: 1 })],
    ['NOT_A_REQUEST', 'a success', ask([], { class: 2 })],
    ['NOT_A_REQUEST', 'an error', ask([], { class: 3 })],
    ['TURN', 'Allocate', ask([[0x19, [17, 0, 0, 0]]], { method: 3 })],
    ['TURN', 'Refresh', ask([], { method: 4 })],
    ['TURN', 'CreatePermission', ask([], { method: 8 })],
    ['TURN', 'ChannelBind', ask([], { method: 9 })],
    ['TURN', 'the last method', ask([], { method: 0xfff })],
    ['PEERS', 'a user name', ask([[6, [97]]])],
    ['PEERS', 'the hash of one', ask([[0x1e, zeros(32)]])],
    ['PEERS', 'integrity', ask([[8, zeros(20)]])],
    ['PEERS', 'integrity by SHA-256', ask([[0x1c, zeros(32)]])],
    ['PEERS', 'a priority', ask([[0x24, zeros(4)]])],
    ['PEERS', 'a nomination', ask([[0x25, []]])],
    ['PEERS', 'a role', ask([[0x802a, zeros(8)]])],
    ['ELSEWHERE', 'another address', ask([[3, [0, 0, 0, 4]]])],
    ['ELSEWHERE', 'another port', ask([[3, [0, 0, 0, 2]]])],
    ['ELSEWHERE', 'a change that cannot be read', ask([[3, []]])],
    ['ELSEWHERE', 'a port', ask([[0x27, [1, 2, 0, 0]]])],
    ['ELSEWHERE', 'an address to answer to', ask([[2, zeros(8)]], { cookie: 1 })],
  ])('%s: %s', (kind, _, payload) => {
    expect(asks(payload)).toBe(kind);
  });

  it('tells what has the cookie', () => {
    expect(decode(ask([]))?.hasCookie).toBe(true);
    expect(decode(ask([], { cookie: 0x2112a443 }))?.hasCookie).toBe(false);
  });

  it.each<[string, number[]]>([
    ['19 bytes', ask([]).slice(0, 19)],
    ['the first two bits', [0x80, ...ask([]).slice(1)]],
    ['a length that is not the datagram’s', [...ask([]), 0, 0, 0, 0]],
    ['a length that is no multiple of four', [0, 1, 0, 2, ...ask([]).slice(4), 0, 0]],
    ['an attribute cut short', [0, 1, 0, 4, ...ask([]).slice(4), 0x80, 0x22, 0, 1]],
    ['a value beyond the end', [0, 1, 0, 8, ...ask([]).slice(4), 0x80, 0x22, 0, 5, 1, 2, 3, 4]],
    ['a value of 65535 bytes', [0, 1, 0, 8, ...ask([]).slice(4), 0x80, 0x22, 255, 255, 1, 2, 3, 4]],
    ['a wrong fingerprint', ask([[0x8028, zeros(4)]])],
    ['a long fingerprint', ask([[0x8028, zeros(8)]])],
    ['65 attributes', ask(new Array<[number, number[]]>(65).fill([0x8022, []]))],
  ])('%s: none', (_, payload) => {
    expect(decode(payload)).toBeNull();
  });

  it('nothing is behind a fingerprint', () => {
    const before = ask([], { fingerprint: true });
    const tail = [0x80, 0x22, 0, 0];
    const longer = [...before.slice(0, 3), 12, ...before.slice(4, 20)];
    expect(decode([...longer, ...fingerprintOf(longer)])).toBeNull();
    expect(decode([...longer, ...fingerprintOf(longer), ...tail])).toBeNull();
    expect(decode(before)?.hasFingerprint).toBe(true);
    expect(decode(ask(new Array<[number, number[]]>(64).fill([0x8022, []])))).not.toBeNull();
  });
});

describe('answers', () => {
  const ADDRESS = [0, 1, 0xa1, 0x47, 1, 2, 3, 4];
  it.each<[keyof typeof STUN_ANSWER, string, number[]]>([
    ['POSITIVE', 'a mapped address', ask([[1, ADDRESS]], { class: 2 })],
    ['POSITIVE', 'an exclusive-or', ask([[0x20, ADDRESS]], { class: 2 })],
    ['POSITIVE', 'IPv6', ask([[0x20, [0, 2, ...zeros(18)]]], { class: 2 })],
    ['NEGATIVE', 'no address', ask([[0x8022, [97]]], { class: 2 })],
    ['NEGATIVE', 'an address of another length', ask([[0x20, ADDRESS.slice(0, 7)]], { class: 2 })],
    ['NEGATIVE', 'an address of another family', ask([[0x20, [0, 2, ...zeros(6)]]], { class: 2 })],
    ['NEGATIVE', 'an error', ask([[9, [0, 0, 4, 1]]], { class: 3 })],
    ['NEGATIVE', 'an error with an address', ask([[0x20, ADDRESS]], { class: 3 })],
    ['MISMATCH', 'a request', ask([[0x20, ADDRESS]])],
    ['MISMATCH', 'an indication', ask([[0x20, ADDRESS]], { class: 1 })],
    ['MISMATCH', 'of TURN', ask([[0x20, ADDRESS]], { class: 2, method: 3 })],
    ['MISMATCH', 'another cookie', ask([[0x20, ADDRESS]], { class: 2, cookie: 1 })],
    [
      'MISMATCH',
      'another transaction',
      ask([[0x20, ADDRESS]], { class: 2, transaction: [...TRANSACTION.slice(0, 11), 0] }),
    ],
  ])('%s: %s', (kind, _, payload) => {
    expect(says(payload)).toBe(kind);
  });

  it('the number of an error', () => {
    expect(decode(ask([[9, [0, 0, 4, 1, 97]]], { class: 3 }))?.errorCode).toBe(401);
    expect(decode(ask([[9, [0, 0, 6, 99]]], { class: 3 }))?.errorCode).toBe(699);
    expect(decode(ask([[9, [0, 0, 3]]], { class: 3 }))?.errorCode).toBe(0);
  });
});

describe('data of a channel', () => {
  const isOne = (payload: readonly number[]): boolean =>
    isChannelData(viewed(Uint8Array.from(payload)), 0, payload.length);
  it('filled up or not', () => {
    expect(isOne([0x40, 0, 0, 3, 1, 2, 3])).toBe(true);
    expect(isOne([0x4f, 0xff, 0, 3, 1, 2, 3, 0])).toBe(true);
    expect(isOne([0x40, 0, 0, 0])).toBe(true);
  });
  it.each([
    [[0x40, 0, 0]],
    [[0x40, 0, 0, 3, 1, 2]],
    [[0x40, 0, 0, 3, 1, 2, 3, 0, 0]],
    [[0x40, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0]],
    [[0x50, 0, 0, 3, 1, 2, 3]],
    [[0x3f, 0xff, 0, 3, 1, 2, 3]],
    [[]],
  ])('not %j', (payload) => {
    expect(isOne(payload)).toBe(false);
  });
});
