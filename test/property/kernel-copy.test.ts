import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KernelCopy, MAX_VIEWS } from '../../src/core/memory/kernel-copy.js';

/** What the kernel has been told, against maps that are plainly one for each set of routes. */

const SLOTS = 6;
const MASKS = [0b110, 0b1010, 0b1100, 0b1110, 0b10010, 0b11110];

const action = fc.oneof(
  fc.record({
    kind: fc.constant('masks' as const),
    masks: fc.uniqueArray(fc.constantFrom(...MASKS), { maxLength: MAX_VIEWS }),
  }),
  fc.record({
    kind: fc.constantFrom('set' as const, 'set' as const, 'clear' as const),
    slot: fc.nat(SLOTS - 1),
    view: fc.nat(MAX_VIEWS - 1),
    route: fc.integer({ min: 1, max: 4 }),
    life: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({
    kind: fc.constant('forget route' as const),
    route: fc.integer({ min: 1, max: 4 }),
    odd: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom('forget all' as const) }),
);

interface Entry {
  route: number;
  readonly until: number;
  readonly since: number;
}

it('stays with its set of routes, wherever that stands among the others', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 60 }), (actions) => {
      const told = new KernelCopy(SLOTS);
      let masks: readonly number[] = [];
      let model = new Map<number, Map<number, Entry>>();
      for (const [now, each] of actions.entries()) {
        if (each.kind === 'masks') {
          masks = each.masks;
          told.setMasks(masks);
          model = new Map(masks.map((mask) => [mask, model.get(mask) ?? new Map()]));
        } else if (each.kind === 'forget route') {
          const concerns = (slot: number): boolean => (slot % 2 === 1) === each.odd;
          told.forgetRoute(each.route, concerns);
          for (const entries of model.values())
            for (const [slot, entry] of entries)
              if (entry.route === each.route && concerns(slot)) entry.route = 0;
        } else if (each.kind === 'forget all') {
          told.forgetAll();
          for (const entries of model.values()) entries.clear();
        } else if (each.view < masks.length) {
          const entries = model.get(masks[each.view])!;
          const { slot, view, route, life } = each;
          const old = entries.get(slot);
          const goesOn = old !== undefined && old.route === route && old.until > now;
          if (each.kind === 'clear') {
            told.clear(slot, view);
            entries.delete(slot);
          } else {
            told.set(slot, view, route, now + life, now);
            entries.set(slot, { route, until: now + life, since: goesOn ? old.since : now });
          }
        }
        let living = 0;
        for (const [view, mask] of masks.entries()) {
          for (let slot = 0; slot < SLOTS; slot++) {
            const entry = model.get(mask)!.get(slot);
            const lives = entry !== undefined && entry.until > now;
            if (lives && entry.route !== 0) living++;
            expect(told.isHeld(slot, view, now)).toBe(lives);
            expect(told.routeOf(slot, view, now)).toBe(lives ? entry.route : 0);
            expect(told.sinceOf(slot, view)).toBe(
              entry === undefined || entry.route === 0 ? Number.POSITIVE_INFINITY : entry.since,
            );
          }
        }
        expect(told.living(0, 2, now) + told.living(2, 100, now)).toBe(living);
      }
    }),
    { numRuns: 400 },
  );
});
