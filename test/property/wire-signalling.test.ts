/** Whatever the bytes are: every decoder of signalling ends, keeps its promises, and depends on nothing outside of the message. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzSignalling } from '../../bench/fuzz-signalling.js';
import { numbered, type ProtocolFuzz, type Said, SIGNALLING } from '../../bench/signalling/table.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

/** What is said about bytes that lie somewhere, with other bytes around them. */
function said({ run }: ProtocolFuzz, bytes: Uint8Array, offset: number, around: number): Said {
  const buffer = new Uint8Array(offset + bytes.length + 40).fill(around);
  buffer.set(bytes, offset);
  return run(viewed(buffer), offset, offset + bytes.length);
}

/** A vector with some bytes of it changed, left out or said again. */
const hostile = ({ corpus }: ProtocolFuzz): fc.Arbitrary<Uint8Array> => {
  const change = fc.record({
    at: fc.nat(1000),
    less: fc.nat(3),
    more: fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc
        .constantFrom('\r\n', '\r\n ', '\n\n', ';', ',', '"', '<', '\0', '\u00ff')
        .map((text) => Uint8Array.from([...text].map((character) => character.charCodeAt(0)))),
    ),
  });
  return fc
    .tuple(
      fc.oneof(fc.constantFrom(...corpus), fc.uint8Array({ maxLength: 80 })),
      fc.array(change, { maxLength: 4 }),
    )
    .map(([bytes, changes]) =>
      changes.reduce((before, { at, less, more }) => {
        const from = before.length === 0 ? 0 : at % before.length;
        return Uint8Array.from([...before.slice(0, from), ...more, ...before.slice(from + less)]);
      }, bytes),
    );
};

describe.each(SIGNALLING.map((protocol) => [protocol.name, protocol] as const))('%s', (_name, protocol) => {
  it('keeps its promises, wherever the bytes lie', () => {
    fc.assert(
      fc.property(
        hostile(protocol),
        fc.nat(40),
        fc.constantFrom(0x00, 0x0a, 0x30, 0xff),
        (bytes, offset, around) => {
          expect(said(protocol, bytes, offset, around)).toEqual(said(protocol, bytes, 7, 0x55));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes every vector cut at every place', () => {
    for (const bytes of protocol.corpus)
      for (let end = 0; end <= bytes.length; end++) {
        const part = bytes.slice(0, end);
        expect(said(protocol, part, 0, 0x0a)).toEqual(said(protocol, part, 9, 0x20));
      }
  });

  it('says something of its own of every vector, as a number too', () => {
    const run = numbered(protocol);
    const numbers = protocol.corpus.map((bytes) => run(viewed(bytes), 0, bytes.length));
    expect(numbers).toEqual(protocol.corpus.map((bytes) => run(viewed(bytes), 0, bytes.length)));
    const taken = numbers.filter((number) => number !== 0);
    expect(taken.length).toBeGreaterThan(1);
    expect(new Set(taken).size).toBeGreaterThan(1);
    expect(run(viewed(new Uint8Array(0)), 0, 0)).toBe(0);
  });

  it('refuses places that are not there', () => {
    const bytes = protocol.corpus[0];
    const kind = (start: number, end: number): string => protocol.run(viewed(bytes), start, end).kind;
    const nothing = kind(-1, bytes.length);
    expect(nothing).toBe('not');
    expect(kind(0, bytes.length + 1)).toBe(nothing);
  });

  it('is fuzzed', () => {
    const { failure, inputs, kinds } = fuzzSignalling(protocol, 3000, 11);
    expect(failure).toBeNull();
    expect(inputs).toBe(3000);
    expect(Object.keys(kinds).length).toBeGreaterThan(1);
  });
});

describe('the fuzzer', () => {
  const broken = (run: ProtocolFuzz['run']): string | undefined =>
    fuzzSignalling({ name: 'broken', corpus: SIGNALLING[0].corpus, run }, 2000, 1).failure?.why;

  it('notices what throws, looks around, and takes long', () => {
    const throwing: ProtocolFuzz['run'] = ({ bytes }, start) => {
      if (bytes[start] === 0x7f) throw new TypeError('broken');
      return { kind: 'fine' };
    };
    expect(broken(throwing)).toContain('broken');
    expect(broken(({ bytes }, _start, end) => ({ kind: 'fine', seen: bytes[end] }))).toContain('around');
    const slow: ProtocolFuzz['run'] = () => {
      const until = performance.now() + 30;
      while (performance.now() < until);
      return { kind: 'fine' };
    };
    expect(broken(slow)).toContain('takes');
    expect(broken(() => ({ kind: 'fine' }))).toBeUndefined();
  });
});
