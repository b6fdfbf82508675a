/** Announcements of the connection table: a message as the kernel sent it, garbage, and the filter as a program. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createSessionEvent,
  decodeSession,
  SESSION,
  sessionFilter,
} from '../../src/wire/netlink/ctnetlink-events.js';
import { createMessageView, readMessage } from '../../src/wire/netlink/message.js';

const bytes = (...parts: readonly string[]): Uint8Array =>
  Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');

function decoded(message: Uint8Array) {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const out = createSessionEvent();
  const header = createMessageView();
  expect(readMessage(header, view, 0, message.length)).toBe(message.length);
  const good = decodeSession(out, view, header);
  return { good, out };
}

const TUPLE =
  '3400 0180  1400 0180 0800 0100 7f000001 0800 0200 7f000001  1c00 0280 0500 0100 06000000 0600 0200 a1b20000 0600 0300 03e80000';
const ID = '0800 0c00 9d3c5a11';
const STATUS = '0800 0300 0000018e';
const MARK = '0800 0800 01000000';
const TCP =
  '3000 0480  2c00 0180 0500 0100 07000000 0500 0200 07000000 0500 0300 07000000 0600 0400 23000000 0600 0500 23000000';
const message = (type: string, flags: string, ...attributes: readonly string[]): Uint8Array => {
  const rest = bytes(`${type} ${flags} 00000000 00000000 02000000`, ...attributes);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, rest.length + 4, true);
  return Buffer.concat([length, rest]);
};

describe('decodeSession', () => {
  it('reads id, mark, protocol, state and status', () => {
    const { good, out } = decoded(message('0001', '0000', TUPLE, ID, STATUS, TCP, MARK));
    expect(good).toBe(true);
    expect(out).toEqual({
      kind: SESSION.UPDATE,
      id: 0x9d3c5a11 | 0,
      mark: 0x01000000,
      protocol: 6,
      tcpState: 7,
      status: 0x18e,
    });
  });

  it('tells begin, change and end apart', () => {
    expect(decoded(message('0001', '0006', TUPLE, ID)).out.kind).toBe(SESSION.NEW);
    expect(decoded(message('0001', '0000', TUPLE, ID)).out.kind).toBe(SESSION.UPDATE);
    expect(decoded(message('0201', '0000', TUPLE, ID)).out.kind).toBe(SESSION.DESTROY);
  });

  it('refuses other messages and those without an id', () => {
    expect(decoded(message('0001', '0006', TUPLE)).good).toBe(false);
    expect(decoded(message('0101', '0006', TUPLE, ID)).good).toBe(false);
  });

  it('bears anything', () => {
    const out = createSessionEvent();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (garbage, at) => {
        const whole = Buffer.concat([message('0001', '0006', TUPLE, ID, TCP, MARK)]);
        whole.set(garbage.subarray(0, Math.max(0, whole.length - 20 - at)), 20 + at);
        const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
        decodeSession(out, view, { type: 0x100, flags: 0x600, sequence: 0, body: 16, end: whole.length });
      }),
    );
  });
});

/** The program on a message, as the kernel would run it. */
function run(program: Uint8Array, packet: Uint8Array): boolean {
  const code = new DataView(program.buffer, program.byteOffset);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let [a, x] = [0, 0];
  const find = (from: number, end: number, type: number): number => {
    for (let at = from; at + 4 <= end; at += (view.getUint16(at, true) + 3) & ~3) {
      if ((view.getUint16(at + 2, true) & 0x3fff) === type) return at;
    }
    return 0;
  };
  for (let at = 0; at < program.length; at += 8) {
    const k = code.getUint32(at + 4, true);
    const jump = (yes: boolean): number => 8 * code.getUint8(at + (yes ? 2 : 3));
    switch (code.getUint16(at, true)) {
      case 0x00:
        a = k;
        break;
      case 0x01:
        x = k;
        break;
      case 0x07:
        x = a;
        break;
      case 0x06:
        return k !== 0;
      case 0x15:
        at += jump(a === k);
        break;
      case 0x45:
        at += jump((a & k) !== 0);
        break;
      case 0x28:
        a = view.getUint16(k);
        break;
      case 0x40:
        a = view.getUint32(x + k);
        break;
      case 0x50:
        a = view.getUint8(x + k);
        break;
      case 0x20:
        a = k === 0xfffff00c ? find(a, packet.length, x) : find(a + 4, a + view.getUint16(a, true), x);
        break;
      default:
        throw new Error('unknown instruction');
    }
  }
  throw new Error('no verdict');
}

describe('sessionFilter', () => {
  const filter = sessionFilter(0x1f000000);
  const tcp = (state: number): string => TCP.replace('07000000', `0${state}000000`);

  it.each([
    [true, 'begin', message('0001', '0006', TUPLE, ID, MARK)],
    [true, 'end', message('0201', '0000', TUPLE, ID, TCP, MARK)],
    [true, 'end without a protocol’s state', message('0201', '0000', TUPLE, ID, MARK)],
    [true, 'TIME_WAIT', message('0001', '0000', TUPLE, ID, tcp(7), MARK)],
    [true, 'CLOSE', message('0001', '0000', TUPLE, ID, tcp(8), MARK)],
    [false, 'ESTABLISHED', message('0001', '0000', TUPLE, ID, tcp(3), MARK)],
    [false, 'another change', message('0001', '0000', TUPLE, ID, STATUS, MARK)],
    [false, 'begin without a mark', message('0001', '0006', TUPLE, ID)],
    [false, 'TIME_WAIT without a mark', message('0001', '0000', TUPLE, ID, tcp(7))],
    [false, 'end with another mark', message('0201', '0000', TUPLE, ID, '0800 0800 80000001')],
  ])('passes %s: %s', (passes, _, packet) => {
    expect(run(filter, packet)).toBe(passes);
  });
});
