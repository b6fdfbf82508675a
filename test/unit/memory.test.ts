import { describe, expect, it } from 'vitest';
import { SEGMENT } from '../../src/core/memory/segments.js';
import { MAX_DESTINATIONS, type MemoryOptions, MemoryTable } from '../../src/core/memory/table.js';
import { lifeOf, lifeOfSilence, VERDICT, VERDICT_NAMES } from '../../src/core/memory/verdicts.js';
import { formatAddress, parseAddress } from '../../src/model/address.js';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const TRUST = 10 * MINUTE;
const FORGET = 24 * 60 * MINUTE;
const ALL = 0b1110;

function create(options: Partial<MemoryOptions> = {}): MemoryTable {
  return new MemoryTable({ size: 8, routes: 3, aggregate: { 4: 32, 6: 64 }, secret: 1, ...options });
}

function at(text: string): Int32Array {
  return parseAddress(text)!;
}

/** A destination by number, in 10.0.0.0/8. */
function host(n: number): Int32Array {
  return Int32Array.of(0, 0, 0xffff, (10 << 24) | n);
}

/** An entry that a race over all routes has made: 10, 20 and 30 ms. */
function raced(table: MemoryTable, now = 0): number {
  const slot = table.take(at('192.0.2.1'), 0, now);
  for (const route of [1, 2, 3]) table.note(slot, route, VERDICT.ANSWERED, route * 10_000, now);
  table.noteRace(slot, ALL, now);
  return slot;
}

function order(table: MemoryTable, slot: number, now: number, mask = ALL): number[] {
  const out = new Uint8Array(16);
  return [...out.subarray(0, table.order(slot, mask, now, FORGET, out))];
}

describe('a destination', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['2001:db8::1', '2001:db8::ffff:ffff:ffff:ffff', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    // The same last word.
    ['192.0.2.1', '::c000:201', false],
  ])('%s and %s by default: one %s', (one, other, same) => {
    const table = create();
    const slot = table.take(at(one), 0, 0);
    expect(table.find(at(other), 0)).toBe(same ? slot : -1);
  });

  it.each([
    [0, '192.0.2.1', '0.0.0.0'],
    [8, '10.255.0.1', '10.0.0.0'],
    [24, '192.0.2.255', '192.0.2.0'],
    [31, '192.0.2.255', '192.0.2.254'],
    [32, '192.0.2.255', '192.0.2.255'],
  ])('with a prefix length of %d, %s is %s', (length, text, wanted) => {
    const table = create({ aggregate: { 4: length, 6: 64 } });
    const slot = table.take(at(text), 0, 0);
    expect(formatAddress(table.address, slot * 4)).toBe(wanted);
    expect(table.familyOf(slot)).toBe(4);
  });

  it.each([
    [0, '::'],
    [33, '2001:db8:8000::'],
    [48, '2001:db8:ffff::'],
    [64, '2001:db8:ffff:ffff::'],
    [65, '2001:db8:ffff:ffff:8000::'],
    [128, '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('with a prefix length of %d, an IPv6 address is %s', (length, wanted) => {
    const table = create({ aggregate: { 4: 32, 6: length } });
    const slot = table.take(at('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'), 0, 0);
    expect(formatAddress(table.address, slot * 4)).toBe(wanted);
    expect(table.familyOf(slot)).toBe(6);
  });

  it('is found at any word of an array', () => {
    const table = create();
    const words = Int32Array.of(1, 2, ...at('192.0.2.9'));
    const slot = table.take(words, 2, 0);
    expect(table.find(at('192.0.2.9'), 0)).toBe(slot);
  });

  it('starts with nothing, also where another one was', () => {
    const table = create({ size: 1 });
    raced(table);
    const slot = table.take(host(1), 0, MINUTE);
    expect(slot).toBe(0);
    expect(table.best(slot, ALL, MINUTE, TRUST)).toBe(0);
    expect(table.racedRoutes(slot)).toBe(0);
    expect(table.rttOf(slot, 1)).toBe(-1);
    expect(table.segments.of[slot]).toBe(SEGMENT.UNANSWERED);
    expect([table.destinations, table.evicted]).toEqual([1, 1]);
  });

  it('is refused in impossible tables', () => {
    for (const bad of [{ size: 0 }, { size: MAX_DESTINATIONS + 1 }, { routes: 0 }, { routes: 17 }])
      expect(() => create(bad)).toThrow(/a memory of/);
  });
});

describe('a verdict', () => {
  it('has a name and a life', () => {
    expect(VERDICT_NAMES.length).toBe(Object.keys(VERDICT).length);
    expect(lifeOf(VERDICT.ANSWERED, TRUST)).toBe(10 * MINUTE);
    expect(lifeOf(VERDICT.RETRANSMITTED, TRUST)).toBe(MINUTE);
    expect(lifeOf(VERDICT.INTERCEPTED, TRUST)).toBe(2.5 * MINUTE);
    expect(lifeOf(VERDICT.FAILED, TRUST)).toBe(MINUTE);
    expect(lifeOf(VERDICT.SILENT, TRUST)).toBe(MINUTE);
    expect(lifeOf(VERDICT.SILENT, MINUTE)).toBe(6 * SECOND);
    expect(lifeOf(VERDICT.NONE, TRUST)).toBe(0);
  });

  it('of silence is asked again at once, then increasingly rarely', () => {
    const table = create();
    const slot = raced(table);
    const { verdicts } = table;
    const lives: number[] = [];
    let now = SECOND;
    for (let i = 0; i < 8; i++) {
      table.note(slot, 2, VERDICT.SILENT, 0, now);
      // Of copies that were out together.
      table.note(slot, 2, VERDICT.SILENT, 0, now + SECOND / 2);
      lives.push((verdicts.endOf(slot, 2, TRUST) - now) / SECOND);
      now += Math.max(SECOND, verdicts.endOf(slot, 2, TRUST) - now);
    }
    expect(lives).toEqual([0, 2, 4, 8, 16, 32, 60, 60]);
    expect(lifeOfSilence(9, MINUTE)).toBe(6 * SECOND);
    expect(table.isDue(slot, 2, now, TRUST)).toBe(true);
    expect(table.isDoubted(slot, 0b100)).toBe(true);
    table.note(slot, 2, VERDICT.ANSWERED, 7000, now);
    expect([table.isDue(slot, 2, now, TRUST), table.isDoubted(slot, ALL)]).toEqual([false, false]);
    table.note(slot, 2, VERDICT.SILENT, 0, now + SECOND);
    expect(verdicts.silencesOf(slot, 2)).toBe(1);
    // Of a route that was down since nothing is left.
    table.forgetRoute(2, now + 2 * SECOND);
    expect([verdicts.silencesOf(slot, 2), table.isDue(slot, 2, now, TRUST)]).toEqual([0, false]);
    table.note(slot, 2, VERDICT.SILENT, 0, now + 3 * SECOND);
    expect(verdicts.silencesOf(slot, 2)).toBe(1);
  });

  it('is replaced by the next one, whole', () => {
    const table = create();
    const slot = raced(table);
    expect(table.best(slot, ALL, 1, TRUST)).toBe(1);
    table.note(slot, 1, VERDICT.ANSWERED, 25_000, 1);
    expect(table.best(slot, ALL, 1, TRUST)).toBe(2);
    expect(table.rttOf(slot, 1)).toBe(25_000);
    table.note(slot, 3, VERDICT.ANSWERED, 20_000, 1);
    // The first of equals.
    expect(table.best(slot, ALL, 1, TRUST)).toBe(2);
    table.note(slot, 3, VERDICT.ANSWERED, 30_000, 1);
    table.note(slot, 2, VERDICT.SILENT, 0, 1);
    expect(table.best(slot, ALL, 1, TRUST)).toBe(1);
    // Also after its silence is forgiven: what it took before is not known to be so now.
    expect(table.best(slot, ALL, 1 + 2 * MINUTE, TRUST)).toBe(1);
    expect(table.rttOf(slot, 2)).toBe(-1);
  });

  it('of an answer whose time cannot be told is never the best', () => {
    const table = create();
    const slot = table.take(at('192.0.2.1'), 0, 0);
    table.note(slot, 1, VERDICT.ANSWERED, -1, 0);
    expect(table.verdicts.live(slot, 1, 0, TRUST)).toBe(VERDICT.RETRANSMITTED);
    table.note(slot, 2, VERDICT.INTERCEPTED, 5, 0);
    expect(table.best(slot, ALL, 0, TRUST)).toBe(0);
    expect(table.segments.of[slot]).toBe(SEGMENT.PROBATION);
  });

  it('of more than half an hour is half an hour', () => {
    const table = create();
    const slot = raced(table);
    table.note(slot, 1, VERDICT.ANSWERED, 1e12, 0);
    expect(table.rttOf(slot, 1)).toBe(0x7fffffff);
    expect(table.best(slot, ALL, 0, TRUST)).toBe(2);
  });

  it('orders a staggered race', () => {
    const table = create({ routes: 16 });
    const slot = table.take(at('192.0.2.1'), 0, 0);
    const all = 0x1fffe;
    expect(order(table, slot, 0, all)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    for (const ago of [2, 0]) table.note(slot, 1, VERDICT.SILENT, 0, -ago * SECOND);
    table.note(slot, 2, VERDICT.FAILED, 0, 0);
    table.note(slot, 3, VERDICT.INTERCEPTED, 0, 0);
    table.note(slot, 5, VERDICT.RETRANSMITTED, 0, 0);
    table.note(slot, 15, VERDICT.ANSWERED, 300, 0);
    table.note(slot, 16, VERDICT.ANSWERED, 200, 0);
    expect(order(table, slot, 0, all)).toEqual([16, 15, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 3, 1, 2]);
    expect(order(table, slot, 0, 0b1010)).toEqual([3, 1]);
    expect(order(table, slot, MINUTE, 0b11110)).toEqual([1, 2, 4, 3]);
    expect(order(table, slot, FORGET, all)[0]).toBe(1);
    expect(order(table, slot, 0, 0)).toEqual([]);
  });
});

describe('trust', () => {
  it('lasts as long as the best time', () => {
    const table = create();
    const slot = raced(table, 5);
    expect(table.expiry(slot, ALL, 5, TRUST)).toBe(5 + TRUST);
    expect(table.expiry(slot, ALL, 5 + TRUST, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(table.expiry(slot, ALL, 5, 0)).toBe(Number.NEGATIVE_INFINITY);
    table.note(slot, 1, VERDICT.ANSWERED, 11_000, MINUTE);
    expect(table.expiry(slot, ALL, MINUTE, TRUST)).toBe(MINUTE + TRUST);
  });

  it('needs a race, or a verdict of every route', () => {
    const table = create();
    const slot = table.take(at('192.0.2.1'), 0, 0);
    table.note(slot, 1, VERDICT.ANSWERED, 10, 0);
    expect(table.expiry(slot, ALL, 0, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(table.expiry(slot, 0b0010, 0, TRUST)).toBe(TRUST);
    table.note(slot, 2, VERDICT.ANSWERED, 20, 0);
    table.note(slot, 3, VERDICT.FAILED, 0, 0);
    expect(table.expiry(slot, ALL, 0, TRUST)).toBe(MINUTE);
    expect(table.expiry(slot, ALL, MINUTE, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    table.noteRace(slot, ALL, 0);
    // Who has failed is asked again.
    expect(table.expiry(slot, ALL, 1, TRUST)).toBe(MINUTE);
    expect(table.expiry(slot, ALL, MINUTE, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(table.expiry(slot, 0b0110, MINUTE, TRUST)).toBe(TRUST);
  });

  it('is not for a route that answers alone, while another was faster when it was last heard', () => {
    const table = create();
    const slot = raced(table);
    table.note(slot, 2, VERDICT.ANSWERED, 20_000, TRUST);
    expect(table.best(slot, ALL, TRUST, TRUST)).toBe(2);
    expect(table.expiry(slot, ALL, TRUST, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    table.note(slot, 2, VERDICT.ANSWERED, 10_400, TRUST);
    expect(table.expiry(slot, ALL, TRUST, TRUST)).toBe(2 * TRUST);
  });

  it('lasts a minute when a route has lost a packet: it may still be the fastest', () => {
    const table = create();
    const slot = raced(table);
    table.note(slot, 1, VERDICT.RETRANSMITTED, -1, SECOND);
    // What it has taken before stays.
    expect([table.best(slot, ALL, SECOND, TRUST), table.expiry(slot, ALL, SECOND, TRUST)]).toEqual([
      1,
      TRUST,
    ]);
    table.note(slot, 1, VERDICT.FAILED, 0, SECOND);
    table.note(slot, 1, VERDICT.RETRANSMITTED, -1, SECOND);
    expect(table.best(slot, ALL, SECOND, TRUST)).toBe(2);
    expect(table.expiry(slot, ALL, SECOND, TRUST)).toBe(SECOND + MINUTE);
    expect(table.isDue(slot, 1, SECOND, TRUST)).toBe(false);
    expect(table.isDue(slot, 1, SECOND + MINUTE, TRUST)).toBe(true);
  });

  it('does not last beyond the life of a silence, whoever was raced', () => {
    const table = create();
    const slot = raced(table);
    table.note(slot, 3, VERDICT.SILENT, 0, 0);
    expect(table.expiry(slot, ALL, 0, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(table.expiry(slot, 0b0110, 0, TRUST)).toBe(TRUST);
    table.note(slot, 3, VERDICT.SILENT, 0, 2 * SECOND);
    expect(table.expiry(slot, ALL, 2 * SECOND, TRUST)).toBe(4 * SECOND);
  });

  it('ends when a route has come up that was not in the race', () => {
    const table = create({ routes: 4 });
    const slot = raced(table);
    expect(table.expiry(slot, ALL, 1, TRUST)).toBe(TRUST);
    expect(table.expiry(slot, ALL | 0b10000, 1, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(table.isKnown(slot, ALL | 0b10000, 1, FORGET)).toBe(false);
    table.noteRace(slot, ALL | 0b10000, 2);
    table.note(slot, 4, VERDICT.ANSWERED, 90_000, 2);
    expect(table.expiry(slot, ALL | 0b10000, 2, TRUST)).toBe(TRUST);
  });

  it('waits two seconds for a route that was asked and has never said anything', () => {
    const table = create({ routes: 4 });
    const slot = raced(table);
    const four = ALL | 0b10000;
    table.noteRace(slot, four, 0);
    expect(table.expiry(slot, four, 2 * SECOND - 1, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(table.isKnown(slot, four, 2 * SECOND - 1, FORGET)).toBe(false);
    expect(table.expiry(slot, ALL, 1, TRUST)).toBe(TRUST);
    // Its race is over, whatever has become of it.
    expect(table.expiry(slot, four, 2 * SECOND, TRUST)).toBe(TRUST);
    expect(table.isKnown(slot, four, 2 * SECOND, FORGET)).toBe(true);
    table.forgetRoute(1, 3 * SECOND);
    table.noteRace(slot, four, 4 * SECOND);
    expect(table.expiry(slot, four, 4 * SECOND, TRUST)).toBe(Number.NEGATIVE_INFINITY);
  });

  it('waits for nobody when it is told that nothing more can come', () => {
    const table = create({ routes: 4 });
    const slot = raced(table);
    const four = ALL | 0b10000;
    table.noteRace(slot, four, 0);
    expect(table.expiry(slot, four, 1, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    table.awaitNobody(slot, 1);
    expect(table.expiry(slot, four, 1, TRUST)).toBe(TRUST);
  });

  it('ends when a route has been down since', () => {
    const table = create();
    const slot = raced(table);
    table.forgetRoute(1, 1);
    expect(table.best(slot, ALL, 2, TRUST)).toBe(2);
    expect(table.rttOf(slot, 1)).toBe(-1);
    expect(table.expiry(slot, ALL & ~0b10, 2, TRUST)).toBe(TRUST);
    expect(table.expiry(slot, ALL, 2, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    raced(table, 3);
    expect(table.best(slot, ALL, 3, TRUST)).toBe(1);
    expect(table.expiry(slot, ALL, 3, TRUST)).toBe(3 + TRUST);
  });

  it('ends for the family that has gone', () => {
    const table = create();
    const four = raced(table);
    const six = table.take(at('2001:db8::1'), 0, 0);
    table.note(six, 1, VERDICT.ANSWERED, 10, 0);
    table.forgetRoute(1, 1, 6);
    expect([table.best(four, ALL, 2, TRUST), table.best(six, ALL, 2, TRUST)]).toEqual([1, 0]);
    table.note(six, 1, VERDICT.ANSWERED, 10, 3);
    table.forgetRoute(1, 4, 4);
    expect([table.best(four, ALL, 5, TRUST), table.best(six, ALL, 5, TRUST)]).toEqual([2, 1]);
  });

  it('is renewed by a staggered race that the best route wins alone, until all should be asked again', () => {
    const table = create();
    const slot = raced(table);
    for (let now = 0; now < FORGET; now += TRUST) {
      expect(table.isKnown(slot, ALL, now, FORGET)).toBe(true);
      table.note(slot, 1, VERDICT.ANSWERED, 10_000, now);
      table.noteRace(slot, 0b10, now);
      expect(table.expiry(slot, ALL, now, TRUST)).toBe(now + TRUST);
    }
    expect(table.isKnown(slot, ALL, FORGET, FORGET)).toBe(false);
    table.noteRace(slot, ALL, FORGET);
    expect(table.isKnown(slot, ALL, FORGET, FORGET)).toBe(true);
  });
});

describe('a full table', () => {
  it('gives up what never answered, then what was used once, then the oldest', () => {
    const left: number[] = [];
    const table: MemoryTable = create({
      size: 4,
      leaves: (slot) => left.push(table.address[slot * 4 + 3] & 0xff),
    });
    for (const n of [1, 2, 3, 4]) {
      const slot = table.take(host(n), 0, n);
      if (n !== 3) table.note(slot, 1, VERDICT.ANSWERED, 1, n);
      if (n === 3) table.note(slot, 1, VERDICT.INTERCEPTED, 1, n);
    }
    table.touch(table.find(host(1), 0), MINUTE);
    table.touch(table.find(host(4), 0), MINUTE + 1);
    // Used again and again, and never answered.
    table.touch(table.find(host(3), 0), 2 * MINUTE);
    for (const n of [5, 6, 7, 8, 9]) {
      const slot = table.take(host(n), 0, 3 * MINUTE + n);
      if (n >= 6) table.note(slot, 1, VERDICT.ANSWERED, 1, 3 * MINUTE + n);
      if (n >= 6) table.touch(slot, 4 * MINUTE + n);
    }
    // Three may be protected: 6 pushes 1 back to probation, 7 is the fourth again, and so on.
    expect(left).toEqual([3, 5, 2, 1, 4]);
    expect(table.evicted).toBe(5);
    expect(table.destinations).toBe(4);
  });

  it('protects four fifths of its entries, those used last', () => {
    const table = create({ size: 10 });
    for (let n = 0; n < 10; n++) table.note(table.take(host(n), 0, 0), 1, VERDICT.ANSWERED, 1, 0);
    for (let n = 0; n < 10; n++) table.touch(table.find(host(n), 0), MINUTE + n);
    const segment = (): number[] =>
      Array.from({ length: 10 }, (_, n) => table.segments.of[table.find(host(n), 0)]);
    expect(segment()).toEqual([2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
    // The next one that is protected again costs the oldest its place, and only that.
    table.touch(table.find(host(2), 0), 2 * MINUTE);
    table.touch(table.find(host(0), 0), 2 * MINUTE + 1);
    expect(segment()).toEqual([3, 2, 3, 2, 3, 3, 3, 3, 3, 3]);
    table.remove(table.find(host(9), 0));
    table.touch(table.find(host(1), 0), 3 * MINUTE);
    expect(segment().slice(0, 9)).toEqual([3, 3, 3, 2, 3, 3, 3, 3, 3]);
    table.take(host(20), 0, 4 * MINUTE);
    table.note(table.take(host(21), 0, 4 * MINUTE), 1, VERDICT.ANSWERED, 1, 4 * MINUTE);
    table.take(host(22), 0, 4 * MINUTE);
    expect([3, 20, 21, 22].map((n) => table.find(host(n), 0) >= 0)).toEqual([false, false, true, true]);
  });

  it('counts uses within ten seconds as one', () => {
    const table = create();
    const slot = table.take(host(1), 0, 0);
    table.note(slot, 1, VERDICT.ANSWERED, 1, 0);
    for (let now = 0; now < 10 * SECOND; now += SECOND) table.take(host(1), 0, now);
    expect(table.segments.of[slot]).toBe(SEGMENT.PROBATION);
    table.take(host(1), 0, 10 * SECOND);
    expect(table.segments.of[slot]).toBe(SEGMENT.PROTECTED);
  });

  it('keeps what is used again and again through scans of the whole LAN', () => {
    const table = create({ size: 10_000 });
    let now = 0;
    const hot = Array.from({ length: 1000 }, (_, n) => host(1_000_000 + n));
    for (let round = 0; round < 2; round++) {
      now += MINUTE;
      for (const words of hot) table.note(table.take(words, 0, now), 1, VERDICT.ANSWERED, 100, now);
    }
    for (let n = 0; n < 100_000; n++) {
      now += 100;
      const slot = table.take(host(n), 0, now);
      // Some hosts exist; some are asked at several ports; something on the way answers for others.
      if (n % 3 === 0) table.note(slot, 1, VERDICT.ANSWERED, 100, now);
      if (n % 3 === 1) table.note(slot, 1, VERDICT.SILENT, 0, now);
      if (n % 5 === 0) table.take(host(n), 0, now + 50);
      expect(table.destinations).toBeLessThanOrEqual(10_000);
    }
    expect(hot.filter((words) => table.find(words, 0) < 0)).toEqual([]);
    expect(table.evicted).toBe(101_000 - 10_000);
    // And the other way round: what was hot yesterday gives way in the end.
    for (let n = 0; n < 20_000; n++) {
      const slot = table.take(host(2_000_000 + n), 0, now);
      table.note(slot, 1, VERDICT.ANSWERED, 100, now);
      now += 11 * SECOND;
      table.touch(slot, now);
    }
    expect(hot.filter((words) => table.find(words, 0) >= 0)).toEqual([]);
  });

  it('forgets what was not used for long', () => {
    const table = create();
    table.take(host(1), 0, 0);
    table.take(host(2), 0, SECOND);
    table.sweep(0, 100, FORGET, FORGET);
    expect([table.find(host(1), 0) >= 0, table.find(host(2), 0) >= 0]).toEqual([false, true]);
    expect([table.destinations, table.evicted]).toEqual([1, 0]);
  });

  it('finds all in chains of a table that is full, whatever was removed', () => {
    const table = create({ size: 64 });
    for (let n = 0; n < 64; n++) table.take(host(n), 0, n);
    for (let n = 0; n < 64; n += 3) table.remove(table.find(host(n), 0));
    for (let n = 0; n < 64; n++) expect(table.find(host(n), 0) >= 0).toBe(n % 3 !== 0);
    for (let n = 0; n < 64; n++) table.take(host(n), 0, 100 + n);
    expect([table.destinations, table.evicted]).toEqual([64, 0]);
  });
});

describe('the cost', () => {
  const bytes = (value: object): number =>
    Object.values(value).reduce((sum: number, field) => {
      if (ArrayBuffer.isView(field)) return sum + field.byteLength;
      return typeof field === 'object' && field !== null ? sum + bytes(field) : sum;
    }, 0);

  it('is below 100 bytes for a destination over three routes, below 300 over sixteen', () => {
    expect(bytes(create({ size: 100_000 })) / 100_000).toBeLessThan(100);
    expect(bytes(create({ size: 100_000, routes: 16 })) / 100_000).toBeLessThan(300);
  });
});
