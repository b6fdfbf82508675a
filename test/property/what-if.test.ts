/** What the engine says would happen is what then happens, whatever has happened before; and asking changes nothing. */
import { describe, expect, it } from 'vitest';
import { Coverage } from '../../bench/engine/coverage.js';
import { Program } from '../../bench/engine/program.js';
import { programOf } from '../../bench/engine/run.js';
import type { Input, Verdict } from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import { NO_RACE } from '../../src/core/race/table.js';

const PROGRAMS = 12;
/** Of so many questions one is looked at in whole. */
const LOOKED_AT = 25;

interface Seen {
  asked: number;
  raced: number;
  readonly reasons: Map<string, number>;
}

describe('what-if', () => {
  it('agrees with what is done a moment later, and leaves every table as it was', () => {
    const seen: Seen = { asked: 0, raced: 0, reasons: new Map() };
    const { handle } = Engine.prototype;
    Engine.prototype.handle = function (this: Engine, input: Input, now: number): Verdict {
      // A set-up of a flow that the engine knows is a repeat: there is nothing to foresee.
      const isNew =
        input.kind === 'setup' && input.tried === 0 && this.races.findFlow(input.packet) === NO_RACE;
      if (!isNew || seen.asked % 7 === 6) {
        seen.asked++;
        return handle.call(this, input, now);
      }
      seen.asked++;
      const before = seen.asked % LOOKED_AT === 0 ? stateOf(this) : new Map<string, unknown>();
      const foreseen = structuredClone(this.whatIf(input, now));
      if (before.size > 0) expect(differing(before, stateOf(this))).toEqual([]);
      const verdict = handle.call(this, input, now);
      // As the copy of one route, where it has been given another one's way already.
      if (verdict.kind === 'release' && PLACES.includes(verdict.reason)) return verdict;
      if (foreseen.kind === 'race') {
        seen.raced++;
        expect([verdict.kind, verdict.reason]).not.toEqual(['release', expect.anything()]);
        for (const { route, part } of foreseen.routes) {
          const waits = (this.races.waiting[verdict.race] & (1 << route)) !== 0;
          const has = this.races.hasAttempt(verdict.race, route);
          const isTrial = (this.races.trials[verdict.race] & (1 << route)) !== 0;
          const real = waits ? 'waits' : !has ? 'none' : isTrial ? 'measured' : 'sent';
          expect([route, part]).toEqual([route, real]);
        }
      } else if (verdict.kind === 'release')
        expect([verdict.route, verdict.reason]).toEqual([foreseen.route, foreseen.reason]);
      seen.reasons.set(foreseen.reason, (seen.reasons.get(foreseen.reason) ?? 0) + 1);
      return verdict;
    };
    try {
      for (let number = 0; number < PROGRAMS; number++) {
        const { start, steps } = programOf(5, number);
        const program = new Program(start, new Coverage());
        for (const step of steps) program.apply(step);
      }
    } finally {
      Engine.prototype.handle = handle;
    }
    expect(seen.asked).toBeGreaterThan(500);
    expect(seen.raced).toBeGreaterThan(100);
    for (const reason of ['criterion', 'remembered', 'affinity'])
      expect([...seen.reasons.keys()]).toContain(reason);
  });
});

/** The tables that are thrown away have room for what is kept of a set-up, and have seen no flow before this one. */
const PLACES: readonly string[] = ['set-ups-full', 'same-flow'];

/** Every typed array and number that the engine has, by where it is. */
function stateOf(engine: Engine): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const walk = (value: unknown, path: string, depth: number): void => {
    if (ArrayBuffer.isView(value)) found.set(path, (value as Uint8Array).slice());
    else if (typeof value === 'number' || typeof value === 'boolean') found.set(path, value);
    else if (typeof value === 'object' && value !== null && depth < 8)
      for (const [key, inner] of Object.entries(value))
        if (!SKIPPED.has(key)) walk(inner, `${path}.${key}`, depth + 1);
  };
  walk(engine.site, 'site', 0);
  walk(engine.shard, 'shard', 0);
  return found;
}

/** Reused by whoever needs room, and the shard again. */
const SKIPPED = new Set([
  'wanted',
  'masked',
  'candidates',
  'group',
  'otherGroup',
  'plan',
  'words',
  'space',
  'shards',
  'protocols',
  'stored',
  'asked',
]);

function differing(before: Map<string, unknown>, after: Map<string, unknown>): string[] {
  return [...before].filter(([key, value]) => !same(value, after.get(key))).map(([key]) => key);
}

function same(a: unknown, b: unknown): boolean {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return Object.is(a, b);
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
