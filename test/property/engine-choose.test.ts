import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf as kindOfLane } from '../../src/core/choose/candidates.js';
import { CRITERION_KINDS } from '../../src/core/choose/criteria/index.js';
import type { EngineRoute, EngineService } from '../../src/core/engine-types.js';
import type { AddressWords } from '../../src/model/address.js';
import type { Affinity } from '../../src/model/config.js';
import { serviceOver } from '../../src/sim/world.js';
import { type Effect, Harness, only, routes, words } from '../sim/engine-harness.js';

/** Whatever the routes and the facts are: nobody chooses a route that cannot be used while there is one that can. */

const ROUTES = 5;

type Health = 'up' | 'suspect' | 'down';
interface RouteState {
  readonly usable4: boolean;
  readonly usable6: boolean;
  readonly admin: EngineRoute['admin'];
  readonly lastResort: boolean;
  readonly health4: Health;
  readonly health6: Health;
}

const health = fc.constantFrom<Health>('up', 'up', 'suspect', 'down');
const state: fc.Arbitrary<RouteState> = fc.record({
  usable4: fc.constantFrom(true, true, true, false),
  usable6: fc.constantFrom(true, true, false),
  admin: fc.constantFrom<EngineRoute['admin']>('enabled', 'enabled', 'enabled', 'draining', 'disabled'),
  lastResort: fc.constantFrom(false, false, true),
  health4: health,
  health6: health,
});

const number = fc.oneof(
  fc.constantFrom(0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12),
  fc.double({ min: 0, max: 1e9, noNaN: true }),
);
const column = fc
  .array(number, { minLength: ROUTES + 1, maxLength: ROUTES + 1 })
  .map((values) => Float64Array.from(values));
/** What the configuration says is finite and not below 0; what is measured may be anything. */
const prices = fc
  .array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: ROUTES + 1, maxLength: ROUTES + 1 })
  .map((values) => Float64Array.from(values));
const facts = fc.record({
  weight: column,
  cost: prices,
  capacity: column,
  traffic: column,
  used: column,
  quota: column,
  probe: column,
  history: column,
});

const service: fc.Arbitrary<EngineService> = fc
  .record({
    criterion: fc.constantFrom<EngineService['criterion']>(
      'race',
      'fixed',
      ...(Object.keys(CRITERION_KINDS) as (keyof typeof CRITERION_KINDS)[]),
    ),
    routes: fc.uniqueArray(fc.integer({ min: 1, max: ROUTES }), { minLength: 1, maxLength: ROUTES }),
    affinity: fc.constantFrom<Affinity>('none', 'none', 'client', 'client+prefix'),
    threshold: fc.constantFrom(0, 0.5, 1),
    by: fc.constantFrom<EngineService['by']>('client', 'destination', 'client+destination'),
    costDelayMicros: fc.constantFrom(0, 0, 1000),
    atMost: fc.constantFrom(0, 0, 2, 3),
  })
  .map(({ routes: all, ...rest }) => serviceOver(rest.criterion === 'fixed' ? [all[0]] : all, rest));

const connection = fc.record({
  ipv6: fc.boolean(),
  datagram: fc.boolean(),
  host: fc.integer({ min: 1, max: 4 }),
  tried: fc.constantFrom(0, 0, 0, 1, 2, 3),
  answeredBy: fc.integer({ min: 0, max: ROUTES }),
  passMs: fc.constantFrom(0, 1, 300, 1100),
  repeats: fc.boolean(),
});

function build(states: readonly RouteState[]): Harness {
  const table = (usable: (each: RouteState, family: 4 | 6) => boolean): EngineRoute[] =>
    routes(ROUTES, (route) => {
      const each = states[route.number - 1];
      return {
        usable: { 4: usable(each, 4), 6: usable(each, 6) },
        admin: each.admin,
        lastResort: each.lastResort,
        checkFails: 1,
      };
    });
  const h = new Harness(
    ROUTES,
    {},
    table(() => true),
  );
  const isUsable = (each: RouteState, family: 4 | 6): boolean => (family === 4 ? each.usable4 : each.usable6);
  const healthOf = (each: RouteState, family: 4 | 6): Health => (family === 4 ? each.health4 : each.health6);
  // A link that comes back leaves a suspect; a failed check, a route that is down.
  h.setRoutes(table((each, family) => isUsable(each, family) && healthOf(each, family) !== 'suspect'));
  h.setRoutes(table(isUsable));
  for (const [i, each] of states.entries()) {
    for (const family of [4, 6] as const)
      if (healthOf(each, family) === 'down') h.checked(i + 1, false, family);
  }
  return h;
}

/** Kinds of routes, the best first; a choice is of the best kind that there is. */
function kindOf(h: Harness, { number, lastResort }: EngineRoute, family: 4 | 6): number {
  const { health } = h.engine;
  return kindOfLane(health.of(number, family), lastResort, health.isMomentary(number, family, h.now));
}

/** What was silent for a destination more than once is not chosen for it for a while. */
function isSilent(h: Harness, { number }: EngineRoute, destination: AddressWords): boolean {
  const { memory, memorySettings } = h.engine;
  const slot = memory.find(destination, 0);
  return slot >= 0 && memory.silentUntil(slot, number, h.now, memorySettings.trustMicros) > h.now;
}

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 1000);

describe('every criterion, whatever the routes and the facts are', () => {
  it('chooses a route that can be used, of the best kind there is; and asks only such', () => {
    fc.assert(
      fc.property(
        fc.array(state, { minLength: ROUTES, maxLength: ROUTES }),
        facts,
        fc.array(service, { minLength: 1, maxLength: 3 }),
        fc.array(connection, { minLength: 1, maxLength: 12 }),
        (states, measured, services, connections) => {
          const h = build(states);
          const numbered = services.map((each, i) => ({ ...each, number: i + 1 }));
          h.setServices(numbered);
          h.engine.setFacts(measured, null);
          for (const [i, each] of connections.entries()) {
            const { number: of, routes: order, criterion } = numbered[i % numbered.length];
            const family = each.ipv6 ? 6 : 4;
            const usable = order
              .map((wanted) => h.engine.routes[wanted - 1])
              .filter(({ usable: can, admin }) => can[family] && admin === 'enabled');
            const client = {
              address: words(each.ipv6 ? `fd00::${i + 2}` : `10.0.0.${i + 2}`),
              port: 40_000 + i,
            };
            const host = each.ipv6 ? `2001:db8:100::${each.host}` : `198.51.100.${each.host}`;
            const destination = { address: words(host), port: 443 };
            const heard = usable.filter((route) => !isSilent(h, route, destination.address));
            const fit = heard.length > 0 ? heard : usable;
            const anyUp = fit.some((route) => kindOf(h, route, family) === 0);
            const best = Math.min(...fit.map((route) => kindOf(h, route, family)));
            const fields = { client, destination, service: of, tried: each.datagram ? 0 : each.tried };
            const first = each.datagram ? h.datagram(fields) : h.setup(fields);
            let again: readonly Effect[] = [];
            if (each.repeats && !each.datagram) {
              h.pass(1000);
              again = h.setup({ ...fields, tried: 0 });
            }
            for (const { route, reason } of only(first, 'release')) {
              if (route === 0) {
                expect([reason, usable]).toEqual(['no-route', []]);
                continue;
              }
              const chosen = usable.find(({ number: its }) => its === route)!;
              expect(chosen).toBeDefined();
              expect(kindOf(h, chosen, family)).toBe(best);
            }
            const attempts = only([...first, ...again], 'attempt');
            const repeats = only(again, 'attempt');
            for (const { route } of attempts) {
              const asked = usable.find(({ number: its }) => its === route)!;
              expect(asked).toBeDefined();
              // A last resort may be on trial, or help one who has waited; it is never a racer beside a route that is up.
              const isTrial = (h.engine.races.trials[attempts[0].race!] & (1 << route!)) !== 0;
              const waited = each.tried !== 0 || repeats.some((one) => one.route === route);
              if (anyUp && !isTrial && !waited) expect(asked.lastResort).toBe(false);
            }
            if (criterion === 'race' && attempts.length === 0) {
              const reasons = only(first, 'release').map(({ reason }) => reason);
              const known = ['only-route', 'remembered', 'affinity', 'no-route'];
              if (each.tried === 0 && !each.datagram) expect(known).toContain(reasons[0]);
            }
            h.all.length = 0;
            const race = h.raceOf(client, destination);
            if (race >= 0 && each.answeredBy > 0 && h.engine.races.hasAttempt(race, each.answeredBy)) {
              const pool = h.engine.routes[each.answeredBy - 1].addresses[family];
              const to = { address: pool.slice(0, 4), port: h.engine.races.natPort[race] };
              h.answer(each.answeredBy, { from: destination, to });
            }
            h.pass(each.passMs);
            h.all.length = 0;
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});
