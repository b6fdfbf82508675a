import { AssertionError } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addRows, copyChunk, createChunk, createRows, restore } from '../../src/core/memory/rows.js';
import { MemoryTable, ONE_USE_MICROS } from '../../src/core/memory/table.js';
import { VERDICT, type Verdict } from '../../src/core/memory/verdicts.js';
import { parseAddress } from '../../src/model/address.js';

/** Few of everything, so that things meet. Two addresses each make one destination. */
const ROUTES = 3;
const SIZE = 6;
const AGGREGATE = { 4: 31, 6: 64 } as const;
const ADDRESSES = Array.from({ length: 10 }, (_, n) =>
  n < 6
    ? [`192.0.2.${2 * n}`, `192.0.2.${2 * n + 1}`]
    : [`2001:db8:0:${n}::1`, `2001:db8:0:${n}:ffff:ffff:ffff:ffff`],
).map((pair) => pair.map((text) => parseAddress(text)!));
const SECOND = 1_000_000;

interface Entry {
  readonly destination: number;
  usedAt: number;
  racedAt: number;
  raced: Set<number>;
  readonly said: Map<number, { verdict: number; rtt: number; at: number; silences: number }>;
}

/** The same by plain means: lists of objects, oldest first, searched from end to end. */
class Model {
  segments: [Entry[], Entry[], Entry[]] = [[], [], []];
  readonly left: number[] = [];
  private readonly forgottenAt = new Map<string, number>();
  readonly backAt = new Map<string, number>();

  all(): Entry[] {
    return this.segments.flat();
  }

  find(destination: number): Entry | undefined {
    return this.all().find((entry) => entry.destination === destination);
  }

  take(destination: number, now: number): Entry {
    const found = this.find(destination);
    if (found !== undefined) {
      this.touch(found, now);
      return found;
    }
    if (this.all().length === SIZE) this.remove(this.all()[0]);
    const entry = { destination, usedAt: now, racedAt: -Infinity, raced: new Set<number>(), said: new Map() };
    this.segments[0].push(entry);
    return entry;
  }

  touch(entry: Entry, now: number): void {
    if (now - entry.usedAt < ONE_USE_MICROS) return;
    entry.usedAt = now;
    this.move(entry, this.segments[0].includes(entry) ? 0 : 2);
  }

  note(entry: Entry, route: number, verdict: number, rtt: number, now: number): void {
    const timed = verdict === VERDICT.ANSWERED && rtt >= 0;
    const own = verdict === VERDICT.ANSWERED && !timed ? VERDICT.RETRANSMITTED : verdict;
    const said = entry.said.get(route);
    const hasTime = said?.verdict === VERDICT.ANSWERED && said.at > this.voidUntil(entry, route);
    if (own === VERDICT.RETRANSMITTED && hasTime) return;
    const last = this.silenceOf(entry, route);
    const before = last !== undefined && last.silences > 0 ? last : undefined;
    if (own === VERDICT.SILENT && before !== undefined && now < before.at + SECOND) return;
    const isOne = before !== undefined && now < before.at + lifeOf(before.silences, Infinity);
    if (own === VERDICT.SILENT && isOne) return;
    const silences = own === VERDICT.SILENT ? Math.min(255, (before?.silences ?? 0) + 1) : 0;
    entry.said.set(route, { verdict: own, rtt: timed ? rtt : -1, at: now, silences });
    if ((own === VERDICT.ANSWERED || own === VERDICT.RETRANSMITTED) && this.segments[0].includes(entry)) {
      entry.usedAt = now;
      this.move(entry, 1);
    }
  }

  noteRace(entry: Entry, mask: number, now: number): void {
    const before = this.raced(entry);
    const all = routesOf(mask);
    if (before.every((route) => all.includes(route))) entry.racedAt = now;
    entry.raced = new Set([...before, ...all]);
  }

  forget(route: number, family: 4 | 6, now: number): void {
    this.forgottenAt.set(`${route}/${family}`, now);
  }

  raced(entry: Entry): number[] {
    return [...entry.raced].filter((route) => entry.racedAt > this.voidUntil(entry, route));
  }

  /** The last word of a route, if that was silence. */
  silenceOf(entry: Entry, route: number) {
    const said = entry.said.get(route);
    if (said?.verdict !== VERDICT.SILENT || said.at <= this.voidUntil(entry, route)) return undefined;
    const backAt = this.backAt.get(`${route}/${familyOf(entry.destination)}`) ?? -Infinity;
    return said.at <= backAt ? { ...said, silences: 0 } : said;
  }

  /** The verdict that counts, if one does. */
  live(entry: Entry, route: number, now: number, period: number) {
    const said = entry.said.get(route);
    if (said === undefined || said.at <= this.voidUntil(entry, route)) return undefined;
    const short = Math.min(60 * SECOND, period / 10);
    const silent = lifeOf(this.silenceOf(entry, route)?.silences ?? 0, period);
    const life = [0, period, short, period / 4, short, silent][said.verdict];
    return now < said.at + life ? { ...said, end: said.at + life } : undefined;
  }

  order(entry: Entry, mask: number, now: number, period: number): number[] {
    const key = (route: number): [number, number, number] => {
      const said = this.live(entry, route, now, period);
      const group = [2, 0, 1, 3, 4, 4][said?.verdict ?? 0];
      return [group, group === 0 ? said!.rtt : 0, route];
    };
    return routesOf(mask).sort((a, b) => {
      const [one, other] = [key(a), key(b)];
      return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
    });
  }

  best(entry: Entry, mask: number, now: number, period: number): number {
    const first = this.order(entry, mask, now, period)[0] ?? 0;
    return this.live(entry, first, now, period)?.verdict === VERDICT.ANSWERED ? first : 0;
  }

  expiry(entry: Entry, mask: number, now: number, period: number): number {
    const best = this.best(entry, mask, now, period);
    if (best === 0 || this.isFaster(entry, mask, best)) return -Infinity;
    if (routesOf(mask).every((route) => this.raced(entry).includes(route))) {
      if (this.isAwaiting(entry, mask, now)) return -Infinity;
      const ends = routesOf(mask).flatMap((route) => this.askedAgainAt(entry, route, period) ?? []);
      return Math.min(this.live(entry, best, now, period)!.end, ...ends);
    }
    return Math.min(...routesOf(mask).map((route) => this.live(entry, route, now, period)?.end ?? -Infinity));
  }

  /** Somebody was asked less than two seconds ago who has never said anything. */
  isAwaiting(entry: Entry, mask: number, now: number): boolean {
    const isUnheard = (route: number): boolean => {
      const said = entry.said.get(route);
      return said === undefined || said.at <= this.voidUntil(entry, route);
    };
    return now < entry.racedAt + 2 * SECOND && routesOf(mask).some(isUnheard);
  }

  /** Some other route took clearly less when it last said a time. */
  private isFaster(entry: Entry, mask: number, best: number): boolean {
    const limit = entry.said.get(best)!.rtt;
    return routesOf(mask).some((route) => {
      const said = entry.said.get(route);
      if (said?.verdict !== VERDICT.ANSWERED || said.at <= this.voidUntil(entry, route)) return false;
      return limit > said.rtt * 1.1 + 500;
    });
  }

  /** When a route whose last word tells nothing of its time is due. */
  private askedAgainAt(entry: Entry, route: number, period: number): number | undefined {
    const said = entry.said.get(route);
    if (said === undefined || said.at <= this.voidUntil(entry, route)) return undefined;
    if (said.verdict === VERDICT.SILENT)
      return said.at + lifeOf(this.silenceOf(entry, route)!.silences, period);
    const isOpen = said.verdict === VERDICT.RETRANSMITTED || said.verdict === VERDICT.FAILED;
    return isOpen ? said.at + Math.min(60 * SECOND, period / 10) : undefined;
  }

  remove(entry: Entry): void {
    this.left.push(entry.destination);
    for (const list of this.segments) if (list.includes(entry)) list.splice(list.indexOf(entry), 1);
  }

  private move(entry: Entry, segment: number): void {
    for (const list of this.segments) if (list.includes(entry)) list.splice(list.indexOf(entry), 1);
    this.segments[segment].push(entry);
    if (this.segments[2].length > SIZE * 0.8) this.segments[1].push(this.segments[2].shift()!);
  }

  private voidUntil(entry: Entry, route: number): number {
    return this.forgottenAt.get(`${route}/${familyOf(entry.destination)}`) ?? -Infinity;
  }
}

/** Silences in a row: the first says nothing, each further one is believed for twice as long as the one before. */
function lifeOf(silences: number, period: number): number {
  return silences < 2 ? 0 : Math.min(60 * SECOND, period / 10, SECOND * 2 ** (silences - 1));
}

function familyOf(destination: number): 4 | 6 {
  return destination < 6 ? 4 : 6;
}

function routesOf(mask: number): number[] {
  return [1, 2, 3].filter((route) => (mask & (1 << route)) !== 0);
}

const destination = fc.integer({ min: 0, max: ADDRESSES.length - 1 });
const route = fc.integer({ min: 1, max: ROUTES });
const mask = fc.integer({ min: 0, max: 7 }).map((bits) => bits << 1);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const), destination }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('note' as const),
      destination,
      route,
      verdict: fc.constantFrom<Verdict>(1, 1, 1, 1, 2, 3, 4, 5),
      rtt: fc.constantFrom(-1, 0, 10, 10, 20, 900, 2 ** 31 - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('race' as const), destination, mask }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('touch' as const), destination }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      micros: fc.constantFrom(1, 1000, SECOND, 9 * SECOND, 10 * SECOND, 61 * SECOND, 600 * SECOND),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('forget' as const),
      route,
      family: fc.constantFrom(4 as const, 6 as const, undefined),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('back' as const),
      route,
      family: fc.constantFrom(4 as const, 6 as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), destination }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const FORGET = 1200 * SECOND;
const PERIODS = [0, 4 * SECOND, 100 * SECOND, 600 * SECOND, FORGET];

function address(destination: number, which = 0): Int32Array {
  return ADDRESSES[destination][which];
}

class Pair {
  readonly model = new Model();
  readonly left: number[] = [];
  readonly table: MemoryTable = new MemoryTable({
    size: SIZE,
    routes: ROUTES,
    aggregate: AGGREGATE,
    secret: 7,
    leaves: (slot) => {
      const words = this.table.address.slice(slot * 4, slot * 4 + 4);
      this.left.push(ADDRESSES.findIndex(([first]) => masked(first).join() === words.join()));
    },
  });
  now = 1_000_000;

  apply(todo: Step, which: number): void {
    const { model, table } = this;
    if (todo.kind === 'pass') {
      this.now += todo.micros;
      return;
    }
    if (todo.kind === 'forget') {
      for (const family of [4, 6] as const)
        if (todo.family === undefined || todo.family === family) model.forget(todo.route, family, this.now);
      table.forgetRoute(todo.route, this.now, todo.family);
      return;
    }
    if (todo.kind === 'back') {
      model.backAt.set(`${todo.route}/${todo.family}`, this.now);
      table.verdicts.forgive(todo.route, todo.family, this.now);
      return;
    }
    if (todo.kind === 'sweep') {
      const old = model.all().filter(({ usedAt }) => usedAt + FORGET <= this.now);
      for (const entry of old) model.remove(entry);
      // In the order of the slots, which the model does not have.
      const before = this.left.length;
      table.sweep(0, 4, this.now, FORGET);
      table.sweep(4, 4, this.now, FORGET);
      expect(this.left.splice(before).sort()).toEqual(model.left.splice(before).sort());
      return;
    }
    if (todo.kind === 'take') {
      const slot = table.take(address(todo.destination, which), 0, this.now);
      model.take(todo.destination, this.now);
      expect(table.find(address(todo.destination, 1 - which), 0)).toBe(slot);
      return;
    }
    const slot = table.find(address(todo.destination, which), 0);
    const entry = model.find(todo.destination);
    expect(slot >= 0).toBe(entry !== undefined);
    if (entry === undefined) return;
    if (todo.kind === 'note') {
      table.note(slot, todo.route, todo.verdict, todo.rtt, this.now);
      model.note(entry, todo.route, todo.verdict, todo.rtt, this.now);
    } else if (todo.kind === 'race') {
      table.noteRace(slot, todo.mask, this.now);
      model.noteRace(entry, todo.mask, this.now);
    } else if (todo.kind === 'touch') {
      table.touch(slot, this.now);
      model.touch(entry, this.now);
    } else {
      table.remove(slot);
      model.remove(entry);
    }
  }

  check(): void {
    const { model, table } = this;
    same(table.destinations, model.all().length);
    same(table.destinations <= SIZE, true);
    same(this.left.join(), model.left.join());
    for (const [destination] of ADDRESSES.entries()) {
      same(table.find(address(destination), 0) >= 0, model.find(destination) !== undefined);
    }
    for (const [segment, list] of model.segments.entries())
      for (const entry of list) {
        const slot = table.find(address(entry.destination), 0);
        same(table.segments.of[slot], segment + 1);
        this.checkChoices(table, slot, entry);
      }
  }

  checkChoices(table: MemoryTable, slot: number, entry: Entry, now = this.now): void {
    const out = new Uint8Array(16);
    for (const period of PERIODS) {
      for (let bits = 0; bits <= 14; bits += 2) {
        same(table.best(slot, bits, now, period), this.model.best(entry, bits, now, period));
        const until = this.model.expiry(entry, bits, now, period);
        same(table.expiry(slot, bits, now, period), until > now ? until : -Infinity);
        const count = table.order(slot, bits, now, period, out);
        same(out.subarray(0, count).join(), this.model.order(entry, bits, now, period).join());
      }
    }
  }
}

/** `expect` is too slow for what runs a million times. */
function same(found: unknown, wanted: unknown): void {
  if (!Object.is(found, wanted))
    throw new AssertionError({ actual: found, expected: wanted, operator: 'is' });
}

/** The words of the destination that an address belongs to, as a table keeps them. */
function masked(words: Int32Array): Int32Array {
  const table = new MemoryTable({ size: 1, routes: 1, aggregate: AGGREGATE, secret: 1 });
  table.take(words, 0, 0);
  return table.address;
}

const steps = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 1 })), { maxLength: 120, size: 'max' });

describe('the memory', () => {
  it('does what lists of objects would do', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const pair = new Pair();
        for (const [todo, which] of list) pair.apply(todo, which);
        pair.check();
      }),
      { numRuns: 1000 },
    );
  });

  it('does so after every step', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.constant(0)), { maxLength: 40, size: 'max' }), (list) => {
        const pair = new Pair();
        for (const [todo, which] of list) {
          pair.apply(todo, which);
          pair.check();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the same after a restart, when the clock starts anew', () => {
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 100_000 }),
        (list, chunk, elapsed) => {
          const pair = new Pair();
          for (const [todo, which] of list) {
            // Ages are kept in milliseconds.
            if (todo.kind === 'pass' && todo.micros < 1000) continue;
            pair.apply(todo, which);
          }
          const part = createChunk(chunk, ROUTES);
          const rows = createRows(SIZE, ROUTES);
          for (let from = 0; from < SIZE; from += chunk) {
            copyChunk(pair.table, from, pair.now, part);
            addRows(part, Number.POSITIVE_INFINITY, rows);
          }
          const later = new MemoryTable({ size: SIZE, routes: ROUTES, aggregate: AGGREGATE, secret: 8 });
          const start = -5_000_000;
          restore(later, rows, [0, 1, 2, 3], start, elapsed);
          expect(later.destinations).toBe(pair.table.destinations);
          // Only what routes have said is kept, not how often in a row.
          for (const entry of pair.model.all())
            for (const [route, said] of entry.said) entry.said.set(route, { ...said, silences: 1 });
          const shift = start - (pair.now + elapsed * 1000);
          for (const [segment, entries] of pair.model.segments.entries())
            for (const entry of entries) {
              const slot = later.find(address(entry.destination), 0);
              expect(later.segments.of[slot]).toBe(segment + 1);
              expect(later.usedAt[slot]).toBe(entry.usedAt + shift);
              expect(routesOf(later.racedRoutes(slot))).toEqual(pair.model.raced(entry).sort());
              for (const route of [1, 2, 3])
                for (const period of PERIODS) {
                  const said = pair.model.live(entry, route, start - shift, period);
                  expect(later.verdicts.live(slot, route, start, period)).toBe(said?.verdict ?? VERDICT.NONE);
                  if (said?.verdict === VERDICT.ANSWERED) expect(later.rttOf(slot, route)).toBe(said.rtt);
                }
              const out = new Uint8Array(16);
              const count = later.order(slot, 14, start, FORGET, out);
              expect([...out.subarray(0, count)]).toEqual(pair.model.order(entry, 14, start - shift, FORGET));
            }
        },
      ),
      { numRuns: 300 },
    );
  });
});
