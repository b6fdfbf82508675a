/** Questions and answers as a race sees them, made by hand and badly, and real ones. */
import { describe, expect, it } from 'vitest';
import {
  type DnsFields,
  type DnsRecord,
  dnsMessage,
  dnsName,
  edns,
  fromHex,
  zeros,
} from '../../bench/fuzz-datagrams.js';
import {
  createDnsMessage,
  DNS_ANSWER,
  DNS_QUERY,
  DNS_RCODE,
  type DnsMessage,
  decodeDnsMessage,
  dnsAnswerKind,
  dnsQueryKind,
} from '../../src/wire/dns-message.js';
import {
  datagramsOf,
  decodedBy,
  expectEveryCut,
  expectRefusesOutside,
  hasCapture,
} from '../arbitrary/datagrams.js';
import { processorMs } from './processor-time.js';

const decode = (payload: readonly number[] | Uint8Array): DnsMessage | null =>
  decodedBy(decodeDnsMessage, createDnsMessage, payload);
const kindOf = (payload: readonly number[]): number => dnsQueryKind(decode(payload)!);
const wordOf = (values: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(values).find((key) => values[key] === value) ?? `${value}`;

const QUESTION = { name: dnsName('www.Example.com') };
const query = (more: DnsFields = {}): number[] => dnsMessage({ questions: [QUESTION], ...more });
const A: DnsRecord = { name: [0xc0, 12], type: 1, data: [192, 0, 2, 1] };
const SOA: DnsRecord = { name: [0xc0, 16], type: 6, data: [0, 0, ...zeros(20)] };
const NS: DnsRecord = { name: [0xc0, 16], type: 2, data: dnsName('ns.example.com') };
const TSIG: DnsRecord = { name: dnsName('key'), type: 250, class: 255, ttl: 0, data: zeros(40) };
const SIG0: DnsRecord = { name: [0], type: 24, class: 255, ttl: 0, data: zeros(40) };
const COOKIE = 10;

/** RFC 9018 appendix A.1: a question with a client's cookie, as dig sends it. */
const WITH_COOKIE = query({ additional: [edns([[COOKIE, fromHex('2464c4abcf10c957')]], 4096)] });

/** Four labels: 252 bytes, and three more fit with the root. */
const LONGEST = `${'a'.repeat(62)}.`.repeat(4);

describe('questions', () => {
  it('a plain one', () => {
    expect(decode(query())).toMatchObject({
      id: 0x1234,
      isResponse: false,
      opcode: 0,
      rcode: 0,
      isRecursionDesired: true,
      isTruncated: false,
      isAuthoritative: false,
      isAuthentic: false,
      questions: 1,
      answers: 0,
      authority: 0,
      additional: 0,
      type: 1,
      class: 1,
      payloadSize: 512,
      hasCookie: false,
      isSigned: false,
      isSound: true,
      hasMore: false,
    });
    expect(decode(query({ flags: 0x0620 }))).toMatchObject({
      isAuthoritative: true,
      isTruncated: true,
      isRecursionDesired: false,
      isAuthentic: true,
    });
  });

  it('two hashes: of the bytes as they are, and of the name whatever the case', () => {
    const asked = (name: string, type = 1, more = {}): DnsMessage =>
      decode(dnsMessage({ questions: [{ name: dnsName(name), type, ...more }] }))!;
    const one = asked('wWw.eXample.com');
    expect(asked('wWw.eXample.com').exactHash).toBe(one.exactHash);
    for (const other of [
      asked('www.example.com'),
      asked('wWw.eXample.com', 28),
      asked('wWw.eXample.com', 1, { class: 3 }),
    ]) {
      expect(other.exactHash).not.toBe(one.exactHash);
      expect(other.nameHash).toBe(one.nameHash);
    }
    expect(asked('wwwexample.com').nameHash).not.toBe(one.nameHash);
  });

  it('EDNS: size, cookies, upper bits of the code', () => {
    expect(decode(WITH_COOKIE)).toMatchObject({ payloadSize: 4096, hasCookie: true, hasServerCookie: false });
    const both = query({
      additional: [
        edns(
          [
            [3, []],
            [COOKIE, zeros(24)],
            [12, zeros(9)],
          ],
          100,
        ),
      ],
    });
    expect(decode(both)).toMatchObject({
      payloadSize: 512,
      hasCookie: true,
      hasServerCookie: true,
      isSound: true,
    });
    const bad = query({ flags: 0x8187, additional: [edns([], 1232, 0x01008000)] });
    expect(decode(bad)?.rcode).toBe(DNS_RCODE.BADCOOKIE);
    expect(decode(query({ flags: 0x8180, answers: [edns([], 1232, 0x01000000)] }))?.rcode).toBe(0);
  });

  it.each<[keyof typeof DNS_QUERY, string, number[]]>([
    ['COPY', 'a question', query()],
    ['COPY', 'a question for the root', dnsMessage({ questions: [{ name: [0], type: 2 }] })],
    ['COPY', 'a question of another class', dnsMessage({ questions: [{ ...QUESTION, class: 3, type: 16 }] })],
    ['COPY', 'EDNS and a cookie', WITH_COOKIE],
    ['COPY', 'a server’s cookie', query({ additional: [edns([[COOKIE, zeros(24)]])] })],
    ['COPY', 'TSIG', query({ additional: [edns(), TSIG] })],
    ['COPY', 'SIG(0)', query({ additional: [SIG0] })],
    ['NOT_A_QUERY', 'an answer', query({ flags: 0x8180 })],
    ['UPDATE', 'UPDATE', query({ flags: 0x2800, authority: [A] })],
    ['NOTIFY', 'NOTIFY', query({ flags: 0x2400, answers: [SOA] })],
    ['OTHER_OPCODE', 'IQUERY', query({ flags: 0x0800 })],
    ['OTHER_OPCODE', 'STATUS', query({ flags: 0x1000 })],
    ['OTHER_OPCODE', 'DSO', dnsMessage({ flags: 0x3000 })],
    ['TRANSFER', 'AXFR', dnsMessage({ questions: [{ ...QUESTION, type: 252 }] })],
    ['TRANSFER', 'IXFR', dnsMessage({ questions: [{ ...QUESTION, type: 251 }], authority: [SOA] })],
    ['KEYS', 'TKEY', dnsMessage({ questions: [{ ...QUESTION, type: 249 }] })],
    ['QUESTIONS', 'no question', dnsMessage({ additional: [edns([[COOKIE, zeros(8)]])] })],
    ['QUESTIONS', 'two questions', dnsMessage({ questions: [QUESTION, QUESTION] })],
    ['MALFORMED', 'bytes behind it', [...query(), 0]],
    ['MALFORMED', 'answers', query({ answers: [A] })],
    ['MALFORMED', 'authority', query({ authority: [NS] })],
    ['MALFORMED', 'TC', query({ flags: 0x0300 })],
    ['MALFORMED', 'EDNS twice', query({ additional: [edns(), edns()] })],
    ['MALFORMED', 'EDNS with a name', query({ additional: [{ ...edns(), name: dnsName('a') }] })],
    ['MALFORMED', 'a cookie of 9 bytes', query({ additional: [edns([[COOKIE, zeros(9)]])] })],
    ['MALFORMED', 'a cookie of 41 bytes', query({ additional: [edns([[COOKIE, zeros(41)]])] })],
    ['MALFORMED', 'an option cut short', query({ additional: [{ ...edns(), data: [0, 3, 0] }] })],
    ['MALFORMED', 'an option too long', query({ additional: [{ ...edns(), data: [0, 3, 0, 1] }] })],
    ['MALFORMED', 'a record cut short', query({ additional: [edns([[3, [1]]])] }).slice(0, -1)],
  ])('%s: %s', (kind, _, payload) => {
    expect(wordOf(DNS_QUERY, kindOf(payload))).toBe(kind);
  });

  it('a name of 255 bytes', () => {
    expect(kindOf(dnsMessage({ questions: [{ name: dnsName(`${LONGEST}b`) }] }))).toBe(DNS_QUERY.COPY);
  });

  it('cookies of every length', () => {
    const lengths = Array.from({ length: 50 }, (_, length) => length);
    const isRead = (length: number): boolean =>
      decode(query({ additional: [edns([[COOKIE, zeros(length)]])] }))!.isSound;
    expect(lengths.filter(isRead)).toEqual([8, ...lengths.filter((length) => length >= 16 && length <= 40)]);
  });

  it('two questions are read, or cut short', () => {
    const two = dnsMessage({ questions: [QUESTION, QUESTION] });
    expect(decode(two)).toMatchObject({ questions: 2, isSound: true, hasMore: false });
    expect(decode(two.slice(0, -1))).toMatchObject({ questions: 2, isSound: false });
  });

  it('says which are signed', () => {
    const isSigned = (additional: readonly DnsRecord[]): boolean => decode(query({ additional }))!.isSigned;
    expect([isSigned([TSIG]), isSigned([SIG0]), isSigned([edns()])]).toEqual([true, true, false]);
    // A SIG record of some type's, and one that is too short to say.
    expect(isSigned([{ ...SIG0, data: [0, 1, ...zeros(38)] }])).toBe(false);
    expect(isSigned([{ ...SIG0, data: [0, 0] }])).toBe(false);
  });

  it.each<[string, number[]]>([
    ['11 bytes', query().slice(0, 11)],
    ['a question cut short', query().slice(0, -1)],
    ['a pointer to itself', dnsMessage({ questions: [{ name: [0xc0, 12] }] })],
    ['a pointer ahead', dnsMessage({ questions: [{ name: [1, 97, 0xc0, 40] }] })],
    ['a name of 256 bytes', dnsMessage({ questions: [{ name: dnsName(`${LONGEST}bc`) }] })],
    ['a label of an unknown kind', dnsMessage({ questions: [{ name: [0x41, 97, 0] }] })],
  ])('%s is no message', (_, payload) => {
    expect(decode(payload)).toBeNull();
  });

  it('cut anywhere it is no query', () => {
    for (const payload of [query(), WITH_COOKIE, query({ additional: [edns(), TSIG] })]) {
      const isNone = (out: DnsMessage): boolean => dnsQueryKind(out) !== DNS_QUERY.COPY;
      expectEveryCut(decodeDnsMessage, createDnsMessage, payload, isNone);
      expectRefusesOutside(decodeDnsMessage, createDnsMessage, payload);
    }
  });
});

const asked = decode(query())!;
const answerWord = (payload: readonly number[]): string => {
  const out = decode(payload);
  return out === null ? 'MISMATCH' : wordOf(DNS_ANSWER, dnsAnswerKind(out, 0x1234, asked.exactHash));
};
const reply = (more: DnsFields = {}): number[] => query({ flags: 0x8180, ...more });

describe('answers', () => {
  it.each<[keyof typeof DNS_ANSWER, string, number[]]>([
    ['POSITIVE', 'an address', reply({ answers: [A] })],
    ['POSITIVE', 'an alias', reply({ answers: [{ ...A, type: 5, data: dnsName('a.b') }], authority: [SOA] })],
    ['POSITIVE', 'more than an answer', reply({ answers: [A], authority: [NS], additional: [edns()] })],
    ['POSITIVE', 'bytes behind it', [...reply({ answers: [A] }), 0, 0]],
    ['POSITIVE', 'NXDOMAIN', reply({ flags: 0x8183, authority: [SOA] })],
    ['POSITIVE', 'TC without answers', reply({ flags: 0x8380 })],
    ['POSITIVE', 'TC, cut within a record', reply({ flags: 0x8380, answers: [A] }).slice(0, -3)],
    ['POSITIVE', 'a referral', reply({ flags: 0x8000, authority: [NS, NS], additional: [A] })],
    ['NEGATIVE', 'a referral for who wanted recursion', reply({ authority: [NS] })],
    ['NEGATIVE', 'FORMERR', reply({ flags: 0x8181 })],
    ['NEGATIVE', 'SERVFAIL', reply({ flags: 0x8182 })],
    ['NEGATIVE', 'SERVFAIL with answers', reply({ flags: 0x8182, answers: [A] })],
    ['NEGATIVE', 'NOTIMP', reply({ flags: 0x8184 })],
    ['NEGATIVE', 'REFUSED', reply({ flags: 0x8185 })],
    ['NEGATIVE', 'REFUSED and TC', reply({ flags: 0x8385 })],
    ['NEGATIVE', 'BADCOOKIE', reply({ flags: 0x8187, additional: [edns([], 1232, 0x01000000)] })],
    ['NEGATIVE', 'an error without the question', dnsMessage({ flags: 0x8181 })],
    ['NEGATIVE', 'empty', reply()],
    ['NEGATIVE', 'empty, from who knows the zone', reply({ flags: 0x8580, authority: [SOA] })],
    ['NEGATIVE', 'a zone’s end and its servers', reply({ flags: 0x8400, authority: [NS, SOA] })],
    ['MISMATCH', 'the question itself', query()],
    ['MISMATCH', 'another id', reply({ id: 0x1235, answers: [A] })],
    ['MISMATCH', 'another operation', reply({ flags: 0xa980, answers: [A] })],
    ['MISMATCH', 'no question and no error', dnsMessage({ flags: 0x8180, answers: [{ ...A, name: [0] }] })],
    ['MISMATCH', 'an answer cut short', reply({ answers: [A] }).slice(0, -1)],
    ['MISMATCH', 'more questions', reply({ questions: [QUESTION, QUESTION], answers: [A] })],
    ['MISMATCH', 'another name', reply({ questions: [{ name: dnsName('www.Example.net') }], answers: [A] })],
    ['MISMATCH', 'another case', reply({ questions: [{ name: dnsName('www.example.com') }], answers: [A] })],
    ['MISMATCH', 'another type', reply({ questions: [{ ...QUESTION, type: 28 }], answers: [A] })],
    ['MISMATCH', 'another class', reply({ questions: [{ ...QUESTION, class: 3 }], answers: [A] })],
  ])('%s: %s', (kind, _, payload) => {
    expect(answerWord(payload)).toBe(kind);
  });

  it('cut anywhere it is no positive one', () => {
    const payload = reply({ answers: [A, A], authority: [NS], additional: [edns(), TSIG] });
    const isNone = (out: DnsMessage): boolean =>
      dnsAnswerKind(out, 0x1234, asked.exactHash) === DNS_ANSWER.MISMATCH;
    expectEveryCut(decodeDnsMessage, createDnsMessage, payload, isNone);
  });

  it('is quick about messages that were made to be slow', () => {
    const chain = new Array<number[]>(6000).fill([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]).flat();
    const long = [...new Array<number>(125).fill(0).flatMap(() => [1, 97]), 0];
    const slow = [
      [
        ...dnsMessage({ questions: [QUESTION] }).slice(0, 6),
        255,
        255,
        255,
        255,
        255,
        255,
        ...QUESTION.name,
        0,
        1,
        0,
        1,
        ...chain,
      ],
      [
        ...dnsMessage({}).slice(0, 4),
        255,
        255,
        0,
        0,
        0,
        0,
        0,
        0,
        ...new Array<number[]>(250).fill([...long, 0, 1, 0, 1]).flat(),
      ],
    ];
    for (const payload of slow) {
      const took = processorMs(() => {
        for (let i = 0; i < 20; i++) decode(payload);
      });
      expect(took).toBeLessThan(1000);
    }
  });
});

describe('captures', () => {
  it.skipIf(!hasCapture('dns.pcap'))('questions, and answers that are theirs', () => {
    let last = createDnsMessage();
    const seen = datagramsOf('dns.pcap').map(({ sourcePort, payload }) => {
      const out = decode(payload)!;
      expectEveryCut(decodeDnsMessage, createDnsMessage, [...payload], ({ isSound }) => !isSound);
      if (sourcePort !== 53) {
        last = out;
        return wordOf(DNS_QUERY, dnsQueryKind(out));
      }
      return wordOf(DNS_ANSWER, dnsAnswerKind(out, last.id, last.exactHash));
    });
    // The first answer's question is not in the file; the second answer is empty. The others are in a tunnel.
    expect(seen).toEqual(['MISMATCH', 'COPY', 'NEGATIVE']);
  });
});
