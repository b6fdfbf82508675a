/** The fuzzer of the protocols: a share of its long run, and that it sees what it is there for. */
import { describe, expect, it } from 'vitest';
import { type FuzzedProtocol, fuzzPayloads, REFUSED } from '../../bench/fuzz-payloads.js';
import { PROTOCOLS } from '../../bench/fuzz-protocols.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

describe('every protocol', () => {
  it.each(PROTOCOLS.map((protocol) => [protocol.name, protocol] as const))(
    '%s: 20 000 payloads',
    (_, protocol) => {
      const report = fuzzPayloads(protocol, 20_000, 7);
      expect(report.failure).toBeNull();
      expect(report.payloads).toBe(20_000);
      expect(report.taken).toBeGreaterThan(2000);
      expect(report.taken).toBeLessThan(20_000);
      expect(fuzzPayloads(protocol, 20_000, 7).taken).toBe(report.taken);
    },
  );

  it.each(PROTOCOLS.map((protocol) => [protocol.name, protocol] as const))(
    '%s: the corpus is right',
    (_, { corpus, run }) => {
      for (const payload of corpus) expect(run(viewed(payload), 0, payload.length)).not.toBe(REFUSED);
    },
  );
});

describe('a decoder', () => {
  const corpus = [Uint8Array.from([4, 1, 2, 3])];
  const failureOf = (run: FuzzedProtocol['run']): string | undefined =>
    fuzzPayloads({ name: 'bad', corpus, run }, 5000, 7).failure?.why;

  it('that is right has no failure', () => {
    expect(failureOf(({ bytes }, start, end) => (start < end ? 1 + bytes[start] : REFUSED))).toBeUndefined();
  });

  it('that reads behind the end with the view is found', () => {
    const run: FuzzedProtocol['run'] = ({ view }, start) => 1 + view.getUint8(start + 4);
    expect(failureOf(run)).toMatch(/outside the bounds|Offset/);
  });

  it('that reads behind the end, or before the start, without it is found', () => {
    for (const at of [4, -1]) {
      const run: FuzzedProtocol['run'] = ({ bytes }, start) => 1 + (bytes[start + at] ?? 0);
      expect(failureOf(run)).toMatch('depends on bytes around it');
    }
  });

  it('that keeps something of the last payload is found', () => {
    let last = 0;
    expect(failureOf(() => ++last)).toMatch('depends on bytes around it');
  });

  it('that throws is found, with the payload', () => {
    const run: FuzzedProtocol['run'] = ({ bytes }, start, end) => {
      if (start < end && bytes[start] === 0xff) throw new RangeError('found');
      return REFUSED;
    };
    const { failure, payloads } = fuzzPayloads({ name: 'bad', corpus, run }, 5000, 7);
    expect(failure?.why).toMatch('found');
    expect(failure?.payload).toMatch(/^ff/);
    expect(payloads).toBeLessThan(5000);
  });

  it('that takes time is found', () => {
    const run: FuzzedProtocol['run'] = () => {
      const until = performance.now() + 30;
      while (performance.now() < until);
      return REFUSED;
    };
    expect(failureOf(run)).toMatch(/it took \d+ us/);
  });
});
