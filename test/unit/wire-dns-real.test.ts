/** A resolver that people use (c-ares, which is Node's) asks, and takes what we say it takes. */
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { be16, be32 } from '../../bench/fuzz-packets.js';
import {
  createDnsMessage,
  DNS_ANSWER,
  DNS_QUERY,
  type DnsMessage,
  decodeDnsMessage,
  dnsAnswerKind,
  dnsQueryKind,
} from '../../src/wire/dns-message.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

const ADDRESS = [0xc0, 12, ...be16(1), ...be16(1), ...be32(60), ...be16(4), 192, 0, 2, 7];

const decode = (payload: Uint8Array): DnsMessage => {
  const out = createDnsMessage();
  expect(decodeDnsMessage(out, viewed(payload), 0, payload.length)).toBe(true);
  return out;
};

/** The answer to a question: its header with other flags and counts, the question itself, and records. */
function answerTo(query: Uint8Array, rcode: number, records: readonly number[]): Uint8Array {
  let end = 12;
  while (query[end] !== 0) end += 1 + query[end];
  const question = query.slice(12, end + 5);
  const counts = [0, 1, 0, records.length > 0 ? 1 : 0, 0, 0, 0, 0];
  return Uint8Array.from([query[0], query[1], 0x81, 0x80 | rcode, ...counts, ...question, ...records]);
}

describe('c-ares', () => {
  const server = createSocket('udp4');
  const resolver = new Resolver({ timeout: 500, tries: 2 });
  const asked: DnsMessage[] = [];
  const judged: number[] = [];
  /** What is answered, each as a datagram. */
  let answers: (query: Uint8Array) => readonly Uint8Array[] = () => [];

  beforeEach(async () => {
    await new Promise<void>((resolve) => void server.bind(0, '127.0.0.1', resolve));
    resolver.setServers([`127.0.0.1:${server.address().port}`]);
    server.on('message', (query, from) => {
      const out = decode(query);
      asked.push(out);
      for (const answer of answers(query)) {
        judged.push(dnsAnswerKind(decode(answer), out.id, out.exactHash));
        server.send(answer, from.port, from.address);
      }
    });
  });
  afterEach(() => void server.close());

  it('asks what may be copied, and passes over what we call a mismatch', async () => {
    answers = (query) => {
      const good = answerTo(query, 0, ADDRESS);
      const other = good.slice();
      other[0] ^= 0x55;
      const name = good.slice();
      name[14] ^= 1;
      return [other, name, good];
    };
    expect(await resolver.resolve4('www.Example.com')).toEqual(['192.0.2.7']);
    expect(asked.map(dnsQueryKind)).toEqual([DNS_QUERY.COPY]);
    expect(judged).toEqual([DNS_ANSWER.MISMATCH, DNS_ANSWER.MISMATCH, DNS_ANSWER.POSITIVE]);
    answers = (query) => [answerTo(query, 3, [])];
    await expect(resolver.resolve6('no.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(judged.at(-1)).toBe(DNS_ANSWER.POSITIVE);
    answers = (query) => [answerTo(query, 0, [])];
    await expect(resolver.resolveTxt('empty.example')).rejects.toMatchObject({ code: 'ENODATA' });
    expect(judged.at(-1)).toBe(DNS_ANSWER.NEGATIVE);
    expect(asked.map(dnsQueryKind)).toEqual([DNS_QUERY.COPY, DNS_QUERY.COPY, DNS_QUERY.COPY]);
  });
});
