import { describe, expect, it } from 'vitest';
import { tcpPacket } from '../../bench/fuzz-packets.js';
import { buildCopy, buildReset, buildTcp, setupLength, storeSetup } from '../../src/wire/build.js';
import { FLAG } from '../../src/wire/packet.js';
import { OPTION } from '../../src/wire/tcp-options.js';
import { built, ends, hexOf, read, stored, words } from '../arbitrary/wire-tools.js';
import { REFUSAL4, RESET4, SYN_ACK4, SYN4 } from '../golden/packets.js';

const BASE = {
  source: [192, 0, 2, 1],
  destination: [198, 51, 100, 7],
  sourcePort: 1025,
  destinationPort: 80,
  flags: 2,
};

function syn(tcpOptions: readonly number[]) {
  return tcpPacket({ ...BASE, tcpOptions });
}

/** The TCP options of the copy of a SYN with these options. */
function copied(tcpOptions: readonly number[], mss = 1400): string {
  const setup = new Uint8Array(128);
  const length = storeSetup(read(syn(tcpOptions)).packet, setup, 0);
  const fields = { source: words('203.0.113.2'), sourceAt: 0, sourcePort: 50000, mss, isPlain: false };
  const copy = built((space) => buildCopy(stored(setup, 0, length), fields, space));
  return hexOf(copy.slice(40));
}

describe('TCP', () => {
  it('deconstruct: every field of the header is where RFC 9293 puts it', () => {
    const { reason, packet } = read(SYN_ACK4);
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({
      sourcePort: 443,
      destinationPort: 50000,
      sequence: 0x12345678,
      acknowledgement: 0x9abcdef1 | 0,
      flags: FLAG.SYN | FLAG.ACK,
      payload: 52,
      end: 52,
    });
  });

  it('construct: a reset without and with acknowledgement', () => {
    const route = ends('203.0.113.2', 50000, '198.51.100.7', 443);
    const client = ends('198.51.100.7', 443, '192.168.1.10', 40000);
    const loser = built((space) => buildReset(route, 0x9abcdef1, null, space));
    const refusal = built((space) => buildReset(client, 0, 0x9abcdef1 | 0, space));
    expect(hexOf(loser)).toBe(hexOf(RESET4));
    expect(hexOf(refusal)).toBe(hexOf(REFUSAL4));
  });

  it('construct: a bare segment takes signed and unsigned numbers', () => {
    const route = ends('203.0.113.2', 50000, '198.51.100.7', 443);
    const of = (sequence: number) =>
      hexOf(built((space) => buildTcp(route, sequence, sequence, FLAG.ACK, space)));
    expect(of(0xfffffffe)).toBe(of(-2));
  });

  it('parse: the options that matter are found', () => {
    const { packet } = read(SYN4);
    expect(packet.options).toBe(OPTION.MSS | OPTION.SACK_PERMITTED | OPTION.TIMESTAMPS | OPTION.WINDOW_SCALE);
    expect(packet.mssAt).toBe(42);
    const found = (tcpOptions: readonly number[]) => read(syn(tcpOptions)).packet.options;
    expect(found([34, 2, 1, 1])).toBe(OPTION.FAST_OPEN);
    expect(found([254, 4, 0xf9, 0x89])).toBe(OPTION.FAST_OPEN);
    expect(found([254, 4, 0xf9, 0x8a])).toBe(0);
    expect(found([30, 4, 0x00, 0x81])).toBe(OPTION.MPTCP);
    expect(found([30, 4, 0x10, 0x81])).toBe(OPTION.MPTCP | OPTION.MPTCP_JOIN);
    expect(found([19, 18, ...new Array<number>(16).fill(7), 1, 1])).toBe(OPTION.AUTHENTICATION);
    expect(found([29, 4, 1, 2])).toBe(OPTION.AUTHENTICATION);
    expect(found([253, 4, 1, 2])).toBe(0);
  });

  it('parse: nothing behind the end-of-options byte counts', () => {
    expect(read(syn([0, 2, 4, 5])).reason).toBe('ok');
    expect(read(syn([0, 2, 4, 5])).packet.options).toBe(0);
  });

  it('parse: data on a SYN is no part of what is copied', () => {
    const { packet } = read(tcpPacket({ ...BASE, payload: [1, 2, 3] }));
    expect(packet.payload).toBe(40);
    expect(packet.end).toBe(43);
    expect(setupLength(packet)).toBe(40);
  });

  it('emit: the MSS is lowered, never raised', () => {
    expect(copied([2, 4, 0x05, 0xb4])).toBe('02040578');
    expect(copied([2, 4, 0x02, 0x18])).toBe('02040218');
    expect(copied([1, 2, 4, 0x05, 0xb4, 0, 0, 0])).toBe('0102040578000000');
  });

  it('emit: Fast Open becomes no-operations in both forms, everything else stays', () => {
    expect(copied([34, 6, 1, 2, 3, 4, 4, 2])).toBe('0101010101010402');
    expect(copied([254, 6, 0xf9, 0x89, 3, 4, 4, 2])).toBe('0101010101010402');
    expect(copied([254, 6, 0xf9, 0x8a, 3, 4, 4, 2])).toBe('fe06f98a03040402');
    expect(copied([30, 4, 0x00, 0x81])).toBe('1e040081');
    expect(copied([0, 34, 2, 9])).toBe('0022' + '0209');
  });
});
