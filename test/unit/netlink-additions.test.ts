/** What rules have put on a connection's entry, as Linux sends it with a queued packet (nf_conntrack_netlink.c, __ctnetlink_glue_build). */
import { describe, expect, it } from 'vitest';
import { readAdditions } from '../../src/wire/netlink/ctnetlink-additions.js';

/** What every entry has: tuples, id, status, time-out, state of TCP, mark. */
const PLAIN = [
  '3400 0180 1400 0180 0800 0100 c0a8010a 0800 0200 c6336407',
  '1c00 0280 0500 0100 06000000 0600 0200 9c400000 0600 0300 00150000',
  '3400 0280 1400 0180 0800 0100 c6336407 0800 0200 c0a8010a',
  '1c00 0280 0500 0100 06000000 0600 0200 00150000 0600 0300 9c400000',
  '0800 0c00 12345678',
  '0800 0300 00000088',
  '0800 0700 00000078',
  '3000 0480 2c00 0180 0500 0100 01000000 0500 0200 07000000 0500 0300 00000000 0600 0400 03000000 0600 0500 00000000',
  '0800 0800 01010000',
];
const HELPER = '0c00 0580 0800 0100 66747000';
/** With words of the helper's own behind its name. */
const HELPER_WITH_STATE = '1400 0580 0800 0100 66747000 0800 0280 00000000';
const LABELS = '1400 1600 01000000000000000000000000000080';

function read(...parts: readonly string[]) {
  const bytes = Uint8Array.from(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));
  const found = readAdditions(bytes, new DataView(bytes.buffer), 0, bytes.length);
  if (typeof found === 'string') return found;
  const { helper, labels } = found;
  return {
    helper: helper === null ? null : Buffer.from(helper).toString('latin1'),
    labels: labels === null ? null : Buffer.from(labels).toString('hex'),
  };
}

describe('readAdditions', () => {
  it('finds nothing on an entry like any other', () => {
    expect(read(...PLAIN)).toBe('none');
    expect(read()).toBe('none');
  });

  it('reads helper and labels', () => {
    const labels = '01000000000000000000000000000080';
    expect(read(...PLAIN, HELPER)).toEqual({ helper: 'ftp', labels: null });
    expect(read(HELPER_WITH_STATE, ...PLAIN)).toEqual({ helper: 'ftp', labels: null });
    expect(read(...PLAIN, LABELS)).toEqual({ helper: null, labels });
    expect(read(...PLAIN, HELPER, LABELS)).toEqual({ helper: 'ftp', labels });
  });

  it.each([
    ['a zone', '0600 1200 00050000'],
    ['a security context', '0c00 1380 0800 0100 61626300'],
    ['a connection that it belongs to', '0400 0e80'],
    ['adjusted sequence numbers', '0400 0f80'],
    ['a SYN proxy', '0400 1880'],
    ['what a later kernel may know', '0800 2100 00000000'],
    ['a helper without a name', '0400 0580'],
    ['a name that is too long', `1800 0580 1400 0100 ${'61'.repeat(16)}`],
    ['labels of another size', '0800 1600 00000001'],
  ])('lets an entry with %s stay', (_, attribute) => {
    expect(read(...PLAIN, attribute)).toBe('stays');
    expect(read(attribute, ...PLAIN, HELPER)).toBe('stays');
  });

  it('ends with what it has where the bytes end', () => {
    const bytes = Buffer.from([...PLAIN, HELPER].join('').replaceAll(' ', ''), 'hex');
    for (let length = 0; length < bytes.length; length++) {
      const part = Uint8Array.from(bytes.subarray(0, length));
      expect(() => readAdditions(part, new DataView(part.buffer), 0, length)).not.toThrow();
    }
  });
});
