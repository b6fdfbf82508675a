/** Answers made by hand, answers made badly, and anything at all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/model/address.js';
import {
  createDnsAnswer,
  DNS_TYPE,
  type DnsAnswer,
  decodeDnsAnswer,
  encodeDnsQuery,
} from '../../src/wire/dns.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { processorMs } from './processor-time.js';

type Part = string | number[];

/** Bytes of parts: text is a name with its length bytes and the root, numbers are bytes. */
const bytesOf = (...parts: readonly Part[]): number[] =>
  parts.flatMap((part) => (typeof part === 'string' ? name(part) : part));
const name = (text: string): number[] => [
  ...text
    .split('.')
    .flatMap((label) => (label === '' ? [] : [label.length, ...Buffer.from(label, 'latin1')])),
  0,
];
const pointer = (at: number): number[] => [0xc0 | (at >> 8), at & 255];
const u16 = (value: number): number[] => [value >> 8, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const record = (owner: Part, type: number, ttl: number, data: Part, dnsClass = 1): number[] => {
  const rdata = bytesOf(data);
  return bytesOf(owner, u16(type), u16(dnsClass), u32(ttl), u16(rdata.length), rdata);
};
const message = (
  question: Part,
  answers: readonly number[][],
  options: { flags?: number; type?: number; count?: number } = {},
): number[] =>
  bytesOf(
    u16(0x1234),
    u16(options.flags ?? 0x8180),
    u16(1),
    u16(options.count ?? answers.length),
    u16(0),
    u16(0),
    question,
    u16(options.type ?? DNS_TYPE.A),
    u16(1),
    ...answers,
  );

const Q = 12;
const A = (owner: Part, ttl: number, last: number): number[] =>
  record(owner, DNS_TYPE.A, ttl, [192, 0, 2, last]);

/** Decoded behind other bytes, before others. */
function decoded(payload: readonly number[]): (DnsAnswer & { list: string[] }) | null {
  const bytes = Uint8Array.from([
    ...new Array<number>(7).fill(0xc0),
    ...payload,
    ...new Array<number>(5).fill(0xc0),
  ]);
  const out = createDnsAnswer();
  if (!decodeDnsAnswer(out, viewed(bytes), 7, bytes.length - 5)) return null;
  const list = Array.from(
    { length: out.count },
    (_, i) => `${formatAddress(out.addresses, 4 * i)} ${out.ttls[i]}`,
  );
  for (let i = 0; i < out.count; i++) expect(out.families[i]).toBe(list[i].includes(':') ? 6 : 4);
  return { ...out, list };
}

describe('decodeDnsAnswer', () => {
  it('reads a plain answer', () => {
    const found = decoded(message('Example.COM', [A(pointer(Q), 300, 1), A('eXample.com', 60, 2)]))!;
    expect(found).toMatchObject({
      id: 0x1234,
      flags: 0x8180,
      rcode: 0,
      question: 'example.com',
      type: 1,
      complete: true,
    });
    expect(found.list).toEqual(['192.0.2.1 300', '192.0.2.2 60']);
  });

  it('reads AAAA', () => {
    const data = [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1];
    const found = decoded(
      message('example.com', [record(pointer(Q), DNS_TYPE.AAAA, 5, data)], { type: DNS_TYPE.AAAA }),
    )!;
    expect(found.list).toEqual(['2001:db8::1 5']);
  });

  it('follows aliases in any order, with the least time to live', () => {
    const found = decoded(
      message('www.example.com', [
        A('edge.cdn.net', 300, 9),
        record('mid.example.org', DNS_TYPE.CNAME, 20, 'EDGE.cdn.net'),
        record(pointer(Q), DNS_TYPE.CNAME, 3600, 'mid.example.org'),
        A('other.example.com', 300, 66),
        A('mid.example.org', 300, 67),
      ]),
    )!;
    expect(found.list).toEqual(['192.0.2.9 20']);
  });

  it('is not led in circles by aliases', () => {
    const found = decoded(
      message('a.b', [
        record('a.b', DNS_TYPE.CNAME, 1, 'c.d'),
        record('c.d', DNS_TYPE.CNAME, 1, pointer(Q)),
        A('c.d', 1, 1),
      ]),
    )!;
    expect(found).toMatchObject({ complete: false, count: 0 });
  });

  it('ignores other classes, types and lengths, and sections behind the answers', () => {
    const found = decoded([
      ...message('a.b', [
        record('a.b', DNS_TYPE.A, 1, [1, 2, 3]),
        record('a.b', DNS_TYPE.A, 1, [1, 2, 3, 4], 3),
        record('a.b', 16, 1, [3, 65, 66, 67]),
        A('a.b', 0x80000001, 7),
      ]),
      ...A('a.b', 1, 8),
    ])!;
    expect(found.list).toEqual(['192.0.2.7 0']);
    expect(found.complete).toBe(true);
  });

  it('keeps 64 addresses', () => {
    const found = decoded(
      message(
        'a.b',
        Array.from({ length: 70 }, (_, i) => A(pointer(Q), 1, i)),
      ),
    )!;
    expect(found.count).toBe(64);
    expect(found.complete).toBe(false);
  });

  it('keeps what came before the cut', () => {
    const whole = message('a.b', [A(pointer(Q), 1, 1), A(pointer(Q), 1, 2)]);
    expect(decoded(whole.slice(0, -1))).toMatchObject({ complete: false, count: 1 });
    expect(decoded(message('a.b', [A(pointer(Q), 1, 1)], { count: 9 }))).toMatchObject({
      complete: false,
      count: 1,
    });
  });

  it('tells errors, with and without the question', () => {
    expect(decoded(message('no.such', [], { flags: 0x8183 }))).toMatchObject({
      rcode: 3,
      question: 'no.such',
      complete: true,
    });
    expect(decoded([...u16(7), ...u16(0x8001), ...new Array<number>(8).fill(0)])).toMatchObject({
      id: 7,
      rcode: 1,
      question: '',
    });
  });

  it.each<[string, number[]]>([
    ['a query', message('a.b', [], { flags: 0x0100 })],
    ['another operation', message('a.b', [], { flags: 0xa800 })],
    ['two questions', [...u16(1), ...u16(0x8000), ...u16(2), 0, 0, 0, 0, 0, 0, ...name('a.b'), 0, 1, 0, 1]],
    ['a header cut short', message('a.b', []).slice(0, 11)],
    ['a question cut short', message('a.b', []).slice(0, -1)],
    ['a pointer to itself', message(pointer(Q), [])],
    ['a pointer ahead', message([1, 97, ...pointer(40)], [])],
    ['a pointer into the header', message([1, 97, ...pointer(4)], [])],
    ['labels that lead in circles', message([1, 97, ...pointer(Q)], [])],
    ['a label of an unknown kind', message([0x41, 97, 0], [])],
    ['a name of 256 bytes', message([...'x'.repeat(4)].map(() => 'y'.repeat(63)).join('.'), [])],
  ])('refuses %s', (_, payload) => {
    expect(decoded(payload)).toBe(null);
  });

  it('takes a name of 255 bytes, and writes strange bytes as numbers', () => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    expect(decoded(message(longest, []))?.question).toBe(longest);
    expect(decoded(message([5, 0x61, 0x2e, 0x5c, 0x00, 0xff, 0], []))?.question).toBe('a\\.\\\\\\000\\255');
    expect(decoded(message([0], []))?.question).toBe('');
  });

  it('is quick about pointers that were made to be slow', () => {
    const chain = Array.from({ length: 8000 }, (_, i) => pointer(Q + 7 + 10 + 2 * Math.max(0, i - 1))).flat();
    const records = Array.from({ length: 128 }, () =>
      record(pointer(16000), DNS_TYPE.CNAME, 1, pointer(16000)),
    );
    const payload = message('a.b', [record('', 16, 1, chain), ...records]);
    const took = processorMs(() => {
      for (let i = 0; i < 20; i++) decoded(payload);
    });
    expect(took).toBeLessThan(1000);
  });
});

describe('any bytes', () => {
  const out = createDnsAnswer();
  const decode = (bytes: Uint8Array, start = 0, end = bytes.length): boolean =>
    decodeDnsAnswer(out, viewed(bytes), start, end);
  const sound = (): void => {
    expect(out.count).toBeLessThanOrEqual(64);
    expect(out.question.length).toBeLessThanOrEqual(4 * 255);
    expect(out.question).not.toMatch(/[A-Z\s]/);
  };

  it('random', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: -2, max: 310 }),
        fc.integer({ min: -2, max: 310 }),
        (bytes, a, b) => {
          if (decode(bytes, a, b)) sound();
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('random behind a good header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, answers) => {
        const whole = Uint8Array.from([1, 2, 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0, ...bytes]);
        if (decode(whole)) sound();
      }),
      { numRuns: 3000 },
    );
  });

  it('a good answer with some bytes changed', () => {
    const good = message('www.example.com', [
      record(pointer(Q), DNS_TYPE.CNAME, 3600, [4, 101, 100, 103, 101, ...pointer(16)]),
      A([4, 101, 100, 103, 101, ...pointer(16)], 60, 1),
      A(pointer(Q + 21 + 12), 60, 2),
    ]);
    expect(decoded(good)?.list).toEqual(['192.0.2.1 60', '192.0.2.2 60']);
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.nat(good.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0xc0, 0xff, 0, 63, 64))),
          { maxLength: 6 },
        ),
        fc.nat(good.length),
        (changes, cut) => {
          const bytes = Uint8Array.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          if (decode(bytes)) sound();
          if (decode(bytes, 0, cut)) sound();
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('encodeDnsQuery', () => {
  const encode = (text: string): number[] | null => {
    // Header, the longest name, type and class: one byte more would throw.
    const bytes = new Uint8Array(3 + 12 + 255 + 4).fill(0xa5);
    const length = encodeDnsQuery(viewed(bytes), 3, { id: 0x4321, name: text, type: DNS_TYPE.AAAA });
    return length === 0 ? null : [...bytes.slice(3, 3 + length)];
  };

  it('writes what decoders read', () => {
    expect(encode('Example.com.')).toEqual([
      0x43,
      0x21,
      1,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      ...name('Example.com'),
      0,
      28,
      0,
      1,
    ]);
    expect(encode('')).toEqual([0x43, 0x21, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 1]);
    const reply = encode('a-b_c.example')!;
    reply[2] = 0x81;
    expect(decoded(reply)).toMatchObject({ id: 0x4321, question: 'a-b_c.example', type: 28 });
  });

  it.each(['a..b', '.a', 'x'.repeat(64), `${'a'.repeat(63)}.`.repeat(4), 'ä.de', 'a b', 'a\\.b'])(
    'refuses %s',
    (text) => {
      expect(encode(text)).toBe(null);
    },
  );
});
