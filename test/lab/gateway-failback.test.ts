/** Routes that have returned: how long they are not trusted, and what comes back to them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { all, config, goesBy, PORTS, prove, withRoutes } from './support/failover-lab.js';
import { connectMs, eventually, NEAR } from './support/gateway-lab.js';
import { routeOf, setCarrier, untilState } from './support/routes.js';

describe('a route that has returned', () => {
  test('waits longer each time when it falls again and again', async () => {
    await withRoutes(config(), async (made) => {
      const held: number[] = [];
      for (let round = 0; round < 3; round++) {
        await setCarrier(made, 1, false);
        await untilState(made, 'a', 'down', 1000);
        const startedAt = performance.now();
        await setCarrier(made, 1, true);
        await untilState(made, 'a', 'suspect', 1000);
        expect(await prove(made, 'a', 10_000)).toBe('up');
        held.push(performance.now() - startedAt);
      }
      process.stderr.write(
        `suspect after one, two, three falls: ${held.map((t) => t.toFixed(0)).join(', ')} ms\n`,
      );
      expect(held[0]).toBeGreaterThan(1000);
      expect(held[1]).toBeGreaterThan(2000);
      expect(held[2]).toBeGreaterThan(4000);
      // Not by the clock: a busy machine adds to each.
      expect(held[0]).toBeLessThan(held[2] as number);
    });
  });

  test.each([
    ['stay', 'b', 10],
    ['move-new', 'a', 10],
    ['reset after 1s', 'a', 0],
  ] as const)(
    'failback %s: a pinned group goes by %s, %d of 10 moved connections live',
    async (failback, by, living) => {
      await withRoutes(config({ a: { failback } }), async (made, echo) => {
        const { lab } = made;
        expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('a', 2));
        await setCarrier(made, 1, false);
        await untilState(made, 'a', 'down', 1000);
        expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('b', 2));
        const holder = lab.client().connector();
        const other = lab.client().connector();
        const plan = { count: 10, hold: true, bytes: 100 };
        connectMs(await holder.run({ targets: [{ address: NEAR, port: PORTS.priority }], ...plan }));
        connectMs(await other.run({ targets: [{ address: NEAR, port: PORTS.raced }], ...plan }));
        await setCarrier(made, 1, true);
        expect(await prove(made, 'a', 10_000)).toBe('up');
        await sleep(300);
        expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
        expect(await goesBy(made, echo, PORTS.pinned)).toEqual(all(by));
        expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('a'));
        await sleep(1300);
        expect(await holder.check()).toMatchObject({ held: 10, ok: living });
        // A race has no order of preference: nothing to come back for.
        expect(await other.check()).toEqual({ held: 10, ok: 10, errors: {} });
        await Promise.all([holder.stop(), other.stop()]);
      });
    },
  );

  test('proves itself also where all that is new belongs to one pinned group, whose route stays meanwhile', async () => {
    await withRoutes(config(), async (made, echo) => {
      expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('a', 2));
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      expect(await goesBy(made, echo, PORTS.pinned, 2)).toEqual(all('b', 2));
      await setCarrier(made, 1, true);
      await untilState(made, 'a', 'suspect', 1000);
      const used = await eventually(
        () => goesBy(made, echo, PORTS.pinned, 1),
        ([name]) => name !== 'b',
        8000,
      );
      // By the proofs of IPv4 alone.
      expect(used).toEqual(['a']);
      expect((await routeOf(made, 'a')).reasons).toEqual(['ipv6-returned']);
    });
  });

  test('a last resort carries only while nothing else does, and is left again', async () => {
    const settings = config({
      c: { use: 'last-resort' },
      a: { failback: 'reset after 1s' },
      b: { failback: 'stay' },
    });
    await withRoutes(settings, async (made, echo) => {
      const { lab } = made;
      expect(new Set(await goesBy(made, echo, PORTS.turns, 6))).toEqual(new Set(['a', 'b']));
      await setCarrier(made, 1, false);
      await setCarrier(made, 2, false);
      await untilState(made, 'a', 'down', 1000);
      await untilState(made, 'b', 'down', 1000);
      for (const port of [PORTS.turns, PORTS.raced, PORTS.pinned])
        expect(await goesBy(made, echo, port)).toEqual(all('c'));
      const holder = lab.client().connector();
      const targets = [PORTS.turns, PORTS.raced].map((port) => ({ address: NEAR, port }));
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      await setCarrier(made, 1, true);
      await untilState(made, 'a', 'suspect', 1000);
      expect(await prove(made, 'a', 10_000)).toBe('up');
      for (const port of [PORTS.turns, PORTS.raced]) expect(await goesBy(made, echo, port)).toEqual(all('a'));
      await sleep(1500);
      expect((await holder.check()).ok).toBe(0);
      expect(await goesBy(made, echo, PORTS.pinned)).toEqual(all('a'));
      await holder.stop();
    });
  });
});
