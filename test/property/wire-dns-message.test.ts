/** What is written as a message of the domain name system is read as such; and anything else is read without harm. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DnsFields, type DnsRecord, dnsMessage, edns } from '../../bench/fuzz-datagrams.js';
import {
  createDnsMessage,
  DNS_ANSWER,
  DNS_QUERY,
  type DnsMessage,
  decodeDnsMessage,
  dnsAnswerKind,
  dnsQueryKind,
} from '../../src/wire/dns-message.js';
import { decodedBy } from '../arbitrary/datagrams.js';

const octet = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const label = fc.array(octet, { minLength: 1, maxLength: 30 }).map((bytes) => [bytes.length, ...bytes]);
const name = fc.array(label, { maxLength: 6 }).map((labels) => [...labels.flat(), 0]);
const question = fc.record({ name, type: u16, class: u16 });
const PLAIN_TYPES = [1, 2, 5, 6, 16, 28, 43, 46, 65];
const record: fc.Arbitrary<DnsRecord> = fc.record({
  name: fc.oneof(name, fc.constant([0xc0, 12])),
  type: fc.constantFrom(...PLAIN_TYPES),
  class: u16,
  ttl: fc.nat(),
  data: fc.array(octet, { maxLength: 60 }),
});
const options = fc.array(
  fc.tuple(
    u16.filter((code) => code !== 10),
    fc.array(octet, { maxLength: 20 }),
  ),
  { maxLength: 4 },
);
const fields = fc.record({
  id: u16,
  flags: u16,
  questions: fc.array(question, { minLength: 1, maxLength: 1 }),
  answers: fc.array(record, { maxLength: 4 }),
  authority: fc.array(record, { maxLength: 3 }),
  additional: fc.array(record, { maxLength: 3 }),
  edns: fc.option(fc.record({ options, size: u16, upper: octet })),
});
type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never;

const written = ({ edns: more, additional, ...rest }: Fields): number[] => {
  const last = more === null ? [] : [edns(more.options, more.size, more.upper * 0x1000000)];
  return dnsMessage({ ...rest, additional: [...additional, ...last] } satisfies DnsFields);
};
const decode = (payload: readonly number[] | Uint8Array): DnsMessage | null =>
  decodedBy(decodeDnsMessage, createDnsMessage, payload);

describe('decodeDnsMessage', () => {
  it('reads what is written', () => {
    fc.assert(
      fc.property(fields, (all) => {
        const { id, flags, questions, answers, authority, additional, edns: more } = all;
        expect(decode(written(all))).toMatchObject({
          id,
          isResponse: flags >= 0x8000,
          opcode: Math.floor(flags / 2048) % 16,
          isAuthoritative: Math.floor(flags / 1024) % 2 === 1,
          isTruncated: Math.floor(flags / 512) % 2 === 1,
          isRecursionDesired: Math.floor(flags / 256) % 2 === 1,
          isAuthentic: Math.floor(flags / 32) % 2 === 1,
          rcode: (flags % 16) + 16 * (more?.upper ?? 0),
          questions: 1,
          answers: answers.length,
          authority: authority.length,
          additional: additional.length + (more === null ? 0 : 1),
          type: questions[0].type,
          class: questions[0].class,
          payloadSize: Math.max(512, more?.size ?? 0),
          hasCookie: false,
          isSigned: false,
          isSound: true,
          hasMore: false,
        });
      }),
    );
  });

  it('an answer that repeats the question fits, and one with a changed bit of it does not', () => {
    fc.assert(
      fc.property(fields, fc.nat(), fc.nat(7), (all, at, bit) => {
        const query = { ...all, flags: 0x0100, answers: [], authority: [], additional: [] };
        const asked = decode(written(query))!;
        fc.pre(dnsQueryKind(asked) === DNS_QUERY.COPY);
        const reply = written({ ...all, flags: 0x8180, edns: null });
        const judge = (payload: readonly number[]): number => {
          const out = decode(payload);
          return out === null ? DNS_ANSWER.MISMATCH : dnsAnswerKind(out, asked.id, asked.exactHash);
        };
        expect(judge(reply)).toBe(all.answers.length > 0 ? DNS_ANSWER.POSITIVE : DNS_ANSWER.NEGATIVE);
        const length = all.questions[0].name.length + 4;
        const changed = [...reply];
        // The id, or the question; a changed length of a label may leave none.
        const place = at % (length + 2);
        changed[place < 2 ? place : 10 + place] ^= 1 << bit;
        expect(judge(changed)).toBe(DNS_ANSWER.MISMATCH);
      }),
    );
  });

  it('cut anywhere it is not sound', () => {
    fc.assert(
      fc.property(fields, fc.nat(), (all, cut) => {
        const payload = written(all);
        const out = decode(payload.slice(0, cut % payload.length));
        if (out !== null) expect(out.isSound).toBe(false);
      }),
    );
  });

  it('anything, and messages with some bytes changed: nothing outside matters', () => {
    const changed = fc
      .tuple(fields, fc.array(fc.tuple(fc.nat(), octet), { maxLength: 6 }))
      .map(([all, changes]) => {
        const bytes = Uint8Array.from(written(all));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), changed), (payload) => {
        const out = decode(payload);
        if (out === null) return;
        expect([out.isSound && out.hasMore, out.payloadSize >= 512]).toEqual([out.hasMore, true]);
        expect(dnsQueryKind(out)).toBeLessThanOrEqual(DNS_QUERY.QUESTIONS);
      }),
      { numRuns: 2000 },
    );
  });
});
