/** Whatever clients and servers say until the first payload has decided, in whatever order: promises that hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG } from '../../src/wire/packet.js';
import { ISN } from '../sim/engine-harness.js';
import { OpeningHarness, offer, REQUEST } from '../sim/opening-harness.js';

const { ACK, FIN, PSH, RST, SYN } = FLAG;
const route = fc.integer({ min: 1, max: 3 });

/** What may happen; garbage has any numbers and flags. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('accepts' as const),
      route,
      scale: fc.integer({ min: 0, max: 14 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ what: fc.constant('client' as const), from: fc.nat(40), length: fc.nat(60) }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('says' as const), route, at: fc.nat(3000) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('acknowledges' as const), route }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('ends' as const), route }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('resets' as const), route }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('leaves' as const),
      flags: fc.constantFrom(FIN | ACK, RST, RST | ACK, SYN),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('repeats' as const), anew: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 5000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('commits' as const), ok: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('garbage' as const),
      route,
      sequence: fc.integer(),
      acknowledgement: fc.integer(),
      flags: fc.integer({ min: 0, max: 255 }).filter((f) => (f & SYN) === 0 || (f & (FIN | RST)) === 0),
      data: fc.nat(50),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(h: OpeningHarness, one: Step): void {
  switch (one.what) {
    case 'accepts':
      return void h.accepts(one.route, offer(one.scale));
    case 'client':
      return void h.client(`${REQUEST}more`.slice(one.from, one.from + one.length), one.from, ACK | PSH);
    case 'says':
      return void h.says(one.route, 'words', one.at);
    case 'acknowledges':
      return void h.acknowledges(one.route);
    case 'ends':
      return void h.ends(one.route);
    case 'resets':
      return void h.resets(one.route);
    case 'leaves':
      return void h.client('', 0, one.flags);
    case 'repeats':
      return void h.setup({ service: 1, options: offer(7), isn: one.anew ? ISN + 50_000 : ISN });
    case 'time':
      return void h.pass(one.ms);
    case 'commits':
      h.commitResult = one.ok;
      return;
    case 'garbage':
      return void h.answer(one.route, { ...one, to: { address: h.sourceAddress(one.route), port: 40_000 } });
  }
}

describe('an opening', () => {
  it('ends, in every order of what may happen, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const h = new OpeningHarness();
        h.begins();
        for (const one of steps) {
          take(h, one);
          const { openings, races } = h.engine.shard;
          for (let race = 0; race < races.slots; race++)
            if (races.isFree(race)) expect(openings.has(race)).toBe(false);
          // One decision per race, and one flow at a time.
          expect(h.engine.counters.decided + h.engine.counters.failed).toBeLessThanOrEqual(
            h.engine.counters.started,
          );
        }
        h.commitResult = true;
        h.pass(120_000);
        expect(h.engine.races.active).toBe(0);
        expect(h.engine.counters.decided + h.engine.counters.failed).toBe(h.engine.counters.started);
      }),
      { numRuns: 500 },
    );
  });
});
