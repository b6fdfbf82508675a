import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Parsed } from '../../src/config/parsed.js';
import { formatTarget, parseTargets } from '../../src/config/values/check-targets.js';
import {
  formatDscp,
  formatProtocol,
  parseDscp,
  parseProtocols,
} from '../../src/config/values/header-fields.js';
import { parsePrefixes, withoutCovered } from '../../src/config/values/prefixes.js';
import {
  durationBetween,
  formatCapacity,
  formatCost,
  formatDuration,
  formatShare,
  formatVolume,
  parseCapacity,
  parseCost,
  parseQuota,
  shareBetween,
} from '../../src/config/values/quantities.js';
import { formatSpan, parseTimes } from '../../src/config/values/times.js';

function got<T>(parsed: Parsed<T>): T | undefined {
  return 'value' in parsed ? parsed.value : undefined;
}

describe('what is written can be read again', () => {
  const cases: readonly (readonly [
    string,
    number,
    (value: number) => string,
    (text: string) => Parsed<number>,
    number,
  ])[] = [
    ['durations', 0, formatDuration, durationBetween(0, 1e12), 999_999_999],
    ['capacities', 1000, formatCapacity, parseCapacity, 1e12],
    ['volumes', 1000, formatVolume, parseQuota, 1e15],
  ];
  it.each(cases)('%s', (_, min, format, parse, max) => {
    fc.assert(
      fc.property(fc.integer({ min, max }), (value) => {
        // A volume of no even number of units has more digits than a person would write, and than is read.
        const digits = Math.max(...[...format(value).matchAll(/\d+/g)].map(([run]) => run.length));
        if (digits <= 9) expect(got(parse(format(value)))).toBe(value);
      }),
    );
  });

  it.each([
    [formatDuration(0), '0s'],
    [formatDuration(600_000), '10m'],
    [formatDuration(90_000), '90s'],
    [formatDuration(1500), '1500ms'],
    [formatDuration(86_400_000), '1d'],
    [formatCapacity(500e6), '500mbit'],
    [formatCapacity(2.5e9), '2.5gbit'],
    [formatCapacity(20_000), '20kbit'],
    [formatVolume(50e9), '50GB'],
    [formatVolume(50 * 2 ** 30), '50GiB'],
    [formatVolume(500e6), '500MB'],
    [formatCost(0), '0'],
    [formatCost(0.5), '0.5/GB'],
    [formatShare(0.07), '7%'],
    [formatShare(1 / 3), String(1 / 3)],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  it('costs and shares', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (value) => {
        expect(got(parseCost(formatCost(value / 1000)))).toBe(value / 1000);
        const share = value / 1e9;
        const text = formatShare(share);
        expect(got(shareBetween(0, 1)(text.endsWith('%') ? text : Number(text)))).toBe(share);
      }),
    );
  });

  it('spans of time', () => {
    const days = fc.uniqueArray(fc.nat(6), { minLength: 1 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(days, fc.nat(1439), fc.nat(1440), (list, from, to) => {
        const span = { days: list, from, to: to === from ? from + 1 : to };
        expect(got(parseTimes(formatSpan(span)))).toEqual([span]);
      }),
    );
  });

  it('numbers in headers', () => {
    for (let number = 0; number < 256; number++) {
      const named = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);
      expect(got(parseProtocols(named(formatProtocol(number))))).toEqual([number]);
      if (number < 64) expect(got(parseDscp(named(formatDscp(number))))).toEqual([number]);
    }
  });

  it('targets', () => {
    const address = fc.oneof(
      fc.nat(255).map((n) => `192.0.2.${n}`),
      fc.nat(0xfffe).map((n) => `2001:db8::${(n + 1).toString(16)}`),
    );
    const port = fc.integer({ min: 1, max: 65535 });
    const target = fc.oneof(
      address.map((a) => `ping ${a}`),
      fc.tuple(address, port).map(([a, p]) => `tcp ${a.includes(':') ? `[${a}]` : a}:${p}`),
      fc.tuple(address, port).map(([a, p]) => `dns ${a.includes(':') ? `[${a}]` : a}:${p} a.b`),
      fc
        .tuple(
          address,
          port,
          fc.constantFrom('', '/', '/a?b', '?c'),
          fc.constantFrom('', ' host a.b', ' host a.b:8080'),
        )
        .map(([a, p, path, host]) => `http://${a.includes(':') ? `[${a}]` : a}:${p}${path}${host}`),
    );
    fc.assert(
      fc.property(target, (text) => {
        const [parsed] = got(parseTargets(text)) ?? [];
        expect(parsed).toBeDefined();
        expect(got(parseTargets(formatTarget(parsed!)))).toEqual([parsed]);
      }),
    );
  });
});

describe('withoutCovered', () => {
  const prefix = fc
    .tuple(fc.boolean(), fc.nat(255), fc.nat(3), fc.nat(16))
    .map(([six, high, low, length]) =>
      six
        ? [`fd${high.toString(16).padStart(2, '0')}:${low}::`, length + 8]
        : [`10.${high}.${low}.0`, length + 8],
    )
    .map(([address, length]) => `${address}/${length}`)
    .chain((text) => {
      const parsed = parsePrefixes(text);
      const meant =
        'problems' in parsed ? /did you mean (.*)\?/.exec(parsed.problems[0].message)?.[1] : undefined;
      return fc.constant(meant ?? got(parsed)?.[0] ?? '10.0.0.0/8');
    });

  function bits(text: string): string {
    const [address, length] = text.split('/');
    const groups = address.includes(':')
      ? (() => {
          const [head, tail = ''] = address.split('::');
          const left = head.split(':').filter((one) => one !== '');
          const right = tail.split(':').filter((one) => one !== '');
          return [...left, ...Array(8 - left.length - right.length).fill('0'), ...right].map((group) =>
            Number.parseInt(group, 16).toString(2).padStart(16, '0'),
          );
        })()
      : address.split('.').map((byte) => Number(byte).toString(2).padStart(8, '0'));
    return `${address.includes(':') ? 6 : 4}${groups.join('').slice(0, Number(length))}`;
  }

  it('keeps exactly those that none of the others contains', () => {
    fc.assert(
      fc.property(fc.uniqueArray(prefix, { maxLength: 30 }), (list) => {
        const expected = list.filter(
          (one) => !list.some((other) => other !== one && bits(one).startsWith(bits(other))),
        );
        expect(withoutCovered(list)).toEqual(expected);
      }),
    );
  });
});
