/** Elements of sets as bytes, above each what nft would be told; lengths and types in host order, marks too. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ElementQueue, OPERATION } from '../../src/kernel/element-queue.js';
import {
  addAddress,
  addMark,
  createKey,
  createTarget,
  decodeElement,
  encodeAdd,
  encodeBatchBegin,
  encodeBatchEnd,
  encodeDelete,
  encodeFlush,
  encodeGet,
  keyOf,
  MAX_ELEMENT_MESSAGE,
  MAX_KEY,
} from '../../src/wire/netlink/nft-elements.js';
import { encoded, hex, words } from '../arbitrary/wire-tools.js';

/** NFTA_SET_ELEM_LIST_TABLE "pathrace", _SET "aff". */
const NAMES = hex('0d00 0100 7061746872616365 00 000000', '0800 0200 61666600');
const AFF = createTarget('pathrace', 'aff');
const CLIENT = { ...addMark(keyOf(createKey(), 4, words('1.2.3.4')), 0x01000000), at: 0 };

describe('nft elements', () => {
  // nft add element inet pathrace aff '{ 1.2.3.4 . 0x01000000 timeout 5s : 0x02000000 }'
  it('encodeAdd', () => {
    const expected = hex(
      '5c000000 0c0a 0104 07000000 00000000  01 00 0000',
      NAMES,
      '3000 0380  2c00 0180',
      '1000 0180  0c00 0100 01020304 00000001',
      '0c00 0280  0800 0100 00000002',
      '0c00 0400 0000000000001388',
    );
    expect(
      encoded((w) =>
        encodeAdd(w, AFF, { ...CLIENT, hasValue: true, value: 0x02000000, timeoutMs: 5000 }, false, 7),
      ),
    ).toBe(expected);
  });

  // nft create element inet pathrace aff '{ 1.2.3.4 . 0x01000000 }'   (a set: no value, no time-out)
  it('encodeAdd to a set, exclusively', () => {
    const expected = hex(
      '44000000 0c0a 0106 07000000 00000000  01 00 0000',
      NAMES,
      '1800 0380  1400 0180',
      '1000 0180  0c00 0100 01020304 00000001',
    );
    expect(
      encoded((w) => encodeAdd(w, AFF, { ...CLIENT, hasValue: false, value: 0, timeoutMs: 0 }, true, 7)),
    ).toBe(expected);
  });

  // nft destroy element inet pathrace aff '{ 1.2.3.4 . 0x01000000 }', nft delete element ...
  it.each([
    [true, '1e0a'],
    [false, '0e0a'],
  ])('encodeDelete, destroy %s', (destroy, type) => {
    const expected = hex(
      `44000000 ${type} 0100 07000000 00000000  01 00 0000`,
      NAMES,
      '1800 0380  1400 0180',
      '1000 0180  0c00 0100 01020304 00000001',
    );
    expect(encoded((w) => encodeDelete(w, AFF, CLIENT, destroy, 7))).toBe(expected);
  });

  // nft get element inet pathrace aff '{ 1.2.3.4 . 0x01000000 }'
  it('encodeGet', () => {
    const expected = hex(
      '44000000 0d0a 0100 07000000 00000000  01 00 0000',
      NAMES,
      '1800 0380  1400 0180',
      '1000 0180  0c00 0100 01020304 00000001',
    );
    expect(encoded((w) => encodeGet(w, AFF, CLIENT, 7))).toBe(expected);
  });

  it.each([
    ['with a value and an end', '0c00 0280 0800 0100 00000002  0c00 0500 0000000000001388', 0x02000000, 5000],
    ['that stays', '0c00 0280 0800 0100 00000002', 0x02000000, null],
    ['of a set', '0c00 0500 0000000000001388', null, 5000],
    ['with a value that is no mark', '0800 0280 0400 0100', null, null],
  ])('decodeElement: one %s', (_, more, value, leftMs) => {
    const key = '1000 0180  0c00 0100 01020304 00000001';
    const length = (text: string): string => {
      const bytes = hex(text).length / 2 + 4;
      return `${(bytes & 255).toString(16).padStart(2, '0')}00`;
    };
    const element = `${key} ${more}`;
    const list = `${length(element)} 0180 ${element}`;
    const bytes = Buffer.from(hex('01 00 0000', NAMES, `${length(list)} 0380 ${list}`), 'hex');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(decodeElement(view, 0, bytes.length)).toEqual({ value, leftMs });
    // What is cut off is none, or says less: it never throws.
    for (let end = 0; end < bytes.length; end++) decodeElement(view, 0, end);
  });

  it('decodeElement: none', () => {
    const bytes = Buffer.from(hex('01 00 0000', NAMES), 'hex');
    expect(decodeElement(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)).toBe(
      null,
    );
  });

  // nft flush set inet pathrace aff
  it('encodeFlush', () => {
    const expected = hex('2c000000 0e0a 0100 07000000 00000000  01 00 0000', NAMES);
    expect(encoded((w) => encodeFlush(w, AFF, 7))).toBe(expected);
  });

  it('the frame of a batch', () => {
    const expected = hex(
      '14000000 1000 0100 01000000 00000000 00 00 000a',
      '14000000 1100 0100 02000000 00000000 00 00 000a',
    );
    expect(
      encoded((w) => {
        encodeBatchBegin(w, 1);
        encodeBatchEnd(w, 2);
      }),
    ).toBe(expected);
  });

  it('keys are padded field by field', () => {
    const key = addMark(keyOf(createKey(), 6, words('2001:db8::1')), 0x02000000);
    addAddress(key, 4, words('192.0.2.1'));
    expect(Buffer.from(key.bytes.slice(0, key.length)).toString('hex')).toBe(
      hex('20010db8000000000000000000000001 00000002 c0000201'),
    );
    expect(keyOf(key, 4, words('192.0.2.1')).length).toBe(4);
  });

  it('the longest message is within its bound', () => {
    const target = createTarget('pathrace', 'x'.repeat(31));
    const key = { bytes: new Uint8Array(MAX_KEY), at: 0, length: MAX_KEY };
    const longest = { ...key, hasValue: true, value: 1, timeoutMs: 1 };
    const length = encoded((w) => encodeAdd(w, target, longest, true, 1)).length / 2;
    expect(length).toBeLessThanOrEqual(MAX_ELEMENT_MESSAGE);
  });
});

describe('element queue', () => {
  const key = createKey();
  const numbered = (n: number) => addMark(Object.assign(key, { length: 0 }), n);

  it('holds as many as it says, and takes them in order', () => {
    const queue = new ElementQueue('t', 8);
    for (let i = 0; i < 8; i++) expect(queue.add(OPERATION.PUT, 's', numbered(i), i, 0)).toBe(true);
    expect(queue.add(OPERATION.PUT, 's', numbered(99), 1, 0)).toBe(false);
    expect(queue.add(OPERATION.PUT, 's', numbered(3), 33, 0)).toBe(true);
    const slots = new Int32Array(5);
    expect(queue.take(slots)).toBe(5);
    expect([...slots].map((slot) => queue.value[slot])).toEqual([0, 1, 2, 33, 4]);
    expect(queue.add(OPERATION.PUT, 's', numbered(99), 1, 0)).toBe(false);
    queue.release();
    expect(queue.add(OPERATION.PUT, 's', numbered(3), 34, 0)).toBe(true);
    expect(queue.waiting).toBe(4);
  });

  it('ends as a plain map would, whatever the order', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constantFrom('put', 'remove'),
          set: fc.integer({ min: 0, max: 1 }),
          key: fc.integer({ min: 0, max: 5 }),
          value: fc.nat(9),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom('flush'), set: fc.integer({ min: 0, max: 1 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('take') }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ElementQueue('t', 16);
        const model = new Map<string, number>();
        const kernel = new Map<string, number>();
        const slots = new Int32Array(3);
        const drain = (): number => {
          const count = queue.take(slots);
          const seen = new Set<string>();
          for (const slot of slots.subarray(0, count)) {
            const { set } = queue.targetOf(slot);
            const id = `${set}/${queue.keyOf(slot).join('.')}`;
            if (queue.kind[slot] === OPERATION.FLUSH) {
              for (const other of [...kernel.keys()]) if (other.startsWith(`${set}/`)) kernel.delete(other);
              continue;
            }
            expect(seen.has(id)).toBe(false);
            seen.add(id);
            if (queue.kind[slot] === OPERATION.PUT) kernel.set(id, queue.value[slot]);
            else kernel.delete(id);
          }
          queue.release();
          return count;
        };
        for (const s of steps) {
          if (s.kind === 'take') {
            drain();
            continue;
          }
          if (!('set' in s)) continue;
          const set = `s${s.set}`;
          if (!('key' in s)) {
            if (!queue.flush(set)) continue;
            for (const other of [...model.keys()]) if (other.startsWith(`${set}/`)) model.delete(other);
            continue;
          }
          const kind = s.kind === 'put' ? OPERATION.PUT : OPERATION.REMOVE;
          if (!queue.add(kind, set, numbered(s.key), s.value, 0)) continue;
          const id = `${set}/${key.bytes.slice(0, key.length).join('.')}`;
          if (s.kind === 'put') model.set(id, s.value);
          else model.delete(id);
        }
        while (drain() > 0);
        expect(queue.waiting).toBe(0);
        expect(queue.settled).toBe(queue.noted);
        expect(kernel).toEqual(model);
      }),
    );
  });
});
