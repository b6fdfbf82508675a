/** Messages of nfnetlink_log, as the kernel writes and takes them. */
import { describe, expect, it } from 'vitest';
import { createWriter } from '../../src/wire/netlink/message.js';
import {
  createLoggedPacket,
  decodeLogged,
  encodeBindLog,
  encodeLogRange,
} from '../../src/wire/netlink/nflog.js';

const BYTES = new Uint8Array(256);

function written(write: (w: ReturnType<typeof createWriter>) => void): string {
  const w = createWriter(BYTES.fill(0), new DataView(BYTES.buffer));
  write(w);
  return Buffer.from(BYTES.subarray(0, w.length)).toString('hex');
}

/** A body: its header, and attributes as type and value. */
function body(...attributes: (readonly [number, string])[]): DataView {
  const parts = attributes.map(([type, hex]) => {
    const value = Buffer.from(hex, 'hex');
    const head = Buffer.alloc(4);
    head.writeUInt16LE(4 + value.length, 0);
    head.writeUInt16LE(type, 2);
    return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
  });
  const all = Buffer.concat([Buffer.from('000013ba', 'hex'), ...parts]);
  return new DataView(all.buffer, all.byteOffset, all.length);
}

const SENT = '00000000692aabcd' + '00000000000f4241';
const TIME = 0x692aabcd * 1e6 + 0xf4241;

describe('requests', () => {
  it('bind a group, and say how much of a packet is wanted', () => {
    expect(written((w) => encodeBindLog(w, 5050, 7))).toBe(
      '1c000000' + '0104' + '0500' + '07000000' + '00000000' + '000013ba' + '0500010001000000',
    );
    expect(written((w) => encodeLogRange(w, 5050, 8, 128))).toBe(
      '20000000' +
        '0104' +
        '0500' +
        '08000000' +
        '00000000' +
        '000013ba' +
        '0a000200' +
        '000000800200' +
        '0000',
    );
  });
});

describe('a logged packet', () => {
  const out = createLoggedPacket();
  const decode = (view: DataView, end = view.byteLength) => decodeLogged(out, view, 0, end);

  it('has a time and bytes', () => {
    const view = body([1, '08000000'], [3, SENT], [9, '45000014'], [10, '00']);
    expect(decode(view)).toBe(true);
    expect(out).toEqual({ at: TIME, payload: 36, payloadLength: 4 });
  });

  it('has no time where the kernel does not say one, and none of the packet before', () => {
    expect(decode(body([9, '4500']))).toBe(true);
    expect(out.at).toBe(-1);
    expect(decode(body([3, '0000'], [9, '4500']))).toBe(true);
    expect(out.at).toBe(-1);
  });

  it('is none without bytes, or cut off', () => {
    const view = body([3, SENT], [9, '45000014']);
    expect(decode(body([3, SENT]))).toBe(false);
    for (let end = 0; end < view.byteLength; end++) expect(decode(view, end)).toBe(false);
  });
});
