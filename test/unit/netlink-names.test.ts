/** The names of what is in a table: requests as bytes, and answers as Linux 6.18 gives them (lengths in host order, values in network order). */
import { describe, expect, it } from 'vitest';
import { createWriter } from '../../src/wire/netlink/message.js';
import { decodeChain, decodeSet, encodeGetChains, encodeGetSets } from '../../src/wire/netlink/nftables.js';

const hex = (text: string): number[] =>
  text
    .replace(/\s/g, '')
    .match(/../g)!
    .map((byte) => Number.parseInt(byte, 16));
const ascii = (text: string): string => Buffer.from(text, 'ascii').toString('hex');

function written(write: (w: ReturnType<typeof createWriter>) => void): number[] {
  const bytes = new Uint8Array(256);
  const w = createWriter(bytes, new DataView(bytes.buffer));
  write(w);
  return [...bytes.slice(0, w.length)];
}

/** The body of a message: family, version, resource; then attributes. */
function body(...attributes: readonly string[]): { view: DataView; end: number } {
  const bytes = Uint8Array.from(hex(`01 00 0000 ${attributes.join('')}`));
  return { view: new DataView(bytes.buffer), end: bytes.length };
}

const TABLE = `0d00 0100 ${ascii('pathrace')} 00 000000`;
const OTHER = `0d00 0100 ${ascii('pathrack')} 00 000000`;
const HANDLE = '0c00 0200 0000000000000007';

describe('requests', () => {
  it('for chains: of every table, since the kernel cannot be asked for those of one', () => {
    expect(written((w) => encodeGetChains(w, 7))).toEqual(
      hex('14000000 040a 0103 07000000 00000000 01 00 0000'),
    );
  });

  it('for sets: of one table', () => {
    expect(written((w) => encodeGetSets(w, 'pathrace', 7))).toEqual(
      hex(`24000000 0a0a 0103 07000000 00000000 01 00 0000 ${TABLE}`),
    );
  });
});

describe('answers', () => {
  const NAME = `0a00 0300 ${ascii('lan_n')} 00 0000`;

  it('name chains of our table', () => {
    const { view, end } = body(TABLE, HANDLE, NAME);
    expect(decodeChain(view, 0, end, 'pathrace')).toBe('lan_n');
  });

  it('of another table, and without a name, are none', () => {
    for (const attributes of [[OTHER, NAME], [TABLE, HANDLE], [NAME], []]) {
      const { view, end } = body(...attributes);
      expect(decodeChain(view, 0, end, 'pathrace')).toBeNull();
    }
  });

  it.each([
    ['set', '00000010'],
    ['map', '00000018'],
  ])('tell a set from a map: %s', (kind, flags) => {
    const { view, end } = body(TABLE, `0a00 0200 ${ascii('open4')} 00 0000`, `0800 0300 ${flags}`);
    expect(decodeSet(view, 0, end, 'pathrace')).toEqual({ kind, name: 'open4' });
  });

  it('of sets that a rule has for itself, of another table, cut or without a name are none', () => {
    const name = `0a00 0200 ${ascii('open4')} 00 0000`;
    for (const attributes of [
      [TABLE, name, '0800 0300 00000003'],
      [OTHER, name, '0800 0300 00000010'],
      [TABLE, '0800 0300 00000010'],
      [TABLE, 'ff00 0200 6f70'],
    ]) {
      const { view, end } = body(...attributes);
      expect(decodeSet(view, 0, end, 'pathrace')).toBeNull();
    }
  });
});
