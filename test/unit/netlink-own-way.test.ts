/** The two questions about a connection of the gateway's own, as bytes: written by hand from the structs of the kernel's headers. */
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/model/address.js';
import { createMessageView, createWriter, readMessage, type Writer } from '../../src/wire/netlink/message.js';
import {
  boundInterface,
  encodeSocketGet,
  encodeWayGet,
  isWay,
  type SocketFlow,
} from '../../src/wire/netlink/own-way.js';
import { PROTOCOL } from '../../src/wire/packet.js';

const FLOW: SocketFlow = {
  family: 4,
  protocol: PROTOCOL.TCP,
  source: parseAddress('203.0.1.2')!,
  sourcePort: 0x9c40,
  destination: parseAddress('198.51.100.1')!,
  destinationPort: 0x01bb,
};
const FLOW6: SocketFlow = {
  ...FLOW,
  family: 6,
  source: parseAddress('fd03:1::2')!,
  destination: parseAddress('2001:db8:100::1')!,
};

function written(write: (w: Writer) => void): string {
  const bytes = new Uint8Array(256).fill(0xee);
  const writer = createWriter(bytes, new DataView(bytes.buffer));
  write(writer);
  return Buffer.from(bytes.subarray(0, writer.length)).toString('hex');
}

const hex = (...parts: readonly string[]): string => parts.join('').replaceAll(' ', '');
const NONE = '00'.repeat(12);

describe('the socket of a flow', () => {
  const header = '48000000 1400 0100 07000000 00000000';
  const tail = '05000000 ffffffff ffffffff';

  it.each([
    ['TCP', FLOW, '02 06 00 00', '9c40 01bb', `cb000102${NONE}`, `c6336401${NONE}`],
    // Of UDP the kernel takes both ends the other way round.
    [
      'UDP',
      { ...FLOW, protocol: PROTOCOL.UDP },
      '02 11 00 00',
      '01bb 9c40',
      `c6336401${NONE}`,
      `cb000102${NONE}`,
    ],
    [
      'TCP over IPv6',
      FLOW6,
      '0a 06 00 00',
      '9c40 01bb',
      'fd030001000000000000000000000002',
      '20010db8010000000000000000000001',
    ],
  ])('%s', (_, flow, first, ports, src, dst) => {
    expect(written((w) => encodeSocketGet(w, flow, 5, 7))).toBe(
      hex(header, first, 'ffffffff', ports, src, dst, tail),
    );
  });

  const reply = (type: string, bound: string): string =>
    hex(
      '58000000',
      type,
      '0000 07000000 00000000',
      '02 02 00 00',
      '9c40 01bb',
      NONE,
      '00000000',
      NONE,
      '00000000',
      bound,
      '00'.repeat(28),
    );

  it.each([
    ['an interface', reply('1400', '05000000'), 5],
    ['none', reply('1400', '00000000'), 0],
    ['no such reply', reply('0300', '05000000'), 0],
    ['half a reply', hex('20000000 1400 0000 07000000 00000000 02020000 9c4001bb 00000000 00000000'), 0],
  ])('is bound to %s', (_, text, found) => {
    expect(view(text, boundInterface)).toBe(found);
  });
});

describe('the way to a destination', () => {
  it('IPv4', () => {
    expect(written((w) => encodeWayGet(w, FLOW, 0x1f000000, 9))).toBe(
      hex(
        '2c000000 1a00 0100 09000000 00000000',
        '02 20 00 00 00 00 00 00 00000000',
        '0800 0100 c6336401',
        '0800 1000 0000001f',
      ),
    );
  });

  it('IPv6', () => {
    expect(written((w) => encodeWayGet(w, FLOW6, 0x1f000000, 9))).toBe(
      hex(
        '38000000 1a00 0100 09000000 00000000',
        '0a 80 00 00 00 00 00 00 00000000',
        '1400 0100 20010db8010000000000000000000001',
        '0800 1000 0000001f',
      ),
    );
  });

  it.each([
    ['a way', '1c000000 1800 0000 09000000 00000000 02 20 00 00 fe 00 00 01 00000000', true],
    ['a blackhole', '1c000000 1800 0000 09000000 00000000 0a 80 00 00 fe 00 00 06 00000000', false],
    ['another message', '1c000000 1900 0000 09000000 00000000 02 20 00 00 fe 00 00 01 00000000', false],
    ['half of one', '16000000 1800 0000 09000000 00000000 02 20 00 00 fe 00', false],
  ])('%s', (_, text, found) => {
    expect(view(hex(text), isWay)).toBe(found);
  });
});

function view<Value>(text: string, read: typeof isWay | typeof boundInterface): Value {
  const bytes = Uint8Array.from(Buffer.from(text, 'hex'));
  const data = new DataView(bytes.buffer);
  const message = createMessageView();
  expect(readMessage(message, data, 0, bytes.length)).not.toBe(-1);
  return read(data, message) as Value;
}
