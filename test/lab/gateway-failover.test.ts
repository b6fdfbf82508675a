/** Routes that fall and return: nothing new goes to a dead one, what it carried is cut or kept as its configuration says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { all, config, goesBy, PORTS, prove, providerOf, withRoutes } from './support/failover-lab.js';
import { connectMs, eventually, NEAR, NEAR6 } from './support/gateway-lab.js';
import { answerDatagrams, datagramFlows, routeOf, setCarrier, untilState } from './support/routes.js';

describe('a route that falls', () => {
  test.each(['carrier', 'address'])(
    'takes no new connection from then on, whatever chooses: %s',
    async (what) => {
      await withRoutes(config(), async (made, echo) => {
        const { lab } = made;
        await answerDatagrams(lab.server(), [PORTS.udp]);
        const flow = await datagramFlows(lab.client())({ address: NEAR, port: PORTS.udp });
        for (const address of [NEAR, NEAR6]) {
          for (const port of [PORTS.fixed, PORTS.priority, PORTS.pinned, PORTS.raced])
            expect(await goesBy(made, echo, port, 4, address)).toEqual(all('a'));
          expect(
            (await goesBy(made, echo, PORTS.turns, 6, address)).filter((name) => name === 'a'),
          ).toHaveLength(2);
        }
        expect(providerOf(await flow.ask())).toBe('a');

        if (what === 'carrier') await setCarrier(made, 1, false);
        else await lab.gateway.must(['ip', 'addr', 'flush', 'dev', 'wan1', 'scope', 'global']);
        expect((await untilState(made, 'a', 'down', 1000)).state).toBe('down');
        await lab.wire.reset();
        for (const address of [NEAR, NEAR6]) {
          expect(await goesBy(made, echo, PORTS.priority, 4, address)).toEqual(all('b'));
          expect(await goesBy(made, echo, PORTS.pinned, 4, address)).toEqual(all('b'));
          expect(await goesBy(made, echo, PORTS.raced, 4, address)).toEqual(all('b'));
          expect(new Set(await goesBy(made, echo, PORTS.turns, 6, address))).toEqual(new Set(['b', 'c']));
          // Its only route is gone: as what no service names.
          expect(await goesBy(made, echo, PORTS.fixed, 4, address)).toEqual(all('c'));
        }
        // The same socket, the same ports: the flow has left the dead route.
        expect(providerOf(await flow.ask())).toBe('b');
        expect(
          await lab.wire.trace({ provider: 'a', direction: 'out', kind: ['syn', 'udp', 'data', 'ack'] }),
        ).toEqual([]);
      });
    },
  );

  test('`onDown: reset` tells its clients at once, who reconnect elsewhere; other flows are left alone', async () => {
    await withRoutes(config(), async (made, echo) => {
      const { lab } = made;
      const [onA, onB] = [lab.client().connector(), lab.client().connector()];
      connectMs(
        await onA.run({
          targets: [
            { address: NEAR, port: PORTS.fixed },
            { address: NEAR6, port: PORTS.fixed },
          ],
          count: 20,
          hold: true,
          bytes: 100,
        }),
      );
      await lab.link('b').set({ delayMs: 0 });
      connectMs(
        await onB.run({ targets: [{ address: NEAR, port: PORTS.raced }], count: 10, hold: true, bytes: 100 }),
      );
      expect(new Set((await echo.connections()).slice(-10).map((c) => providerOf(c.remoteAddress)))).toEqual(
        new Set(['b']),
      );
      const startedAt = performance.now();
      await setCarrier(made, 1, false);
      // Idle: they have not said a word since.
      const left = await eventually(
        () => lab.client().sockets('established'),
        (open) => open === 10,
        1500,
      );
      process.stderr.write(
        `clients of a fallen route were reset within ${(performance.now() - startedAt).toFixed(0)} ms\n`,
      );
      expect(left).toBe(10);
      expect(await onA.check()).toEqual({ held: 20, ok: 0, errors: { ECONNRESET: 20 } });
      expect(await onB.check()).toEqual({ held: 10, ok: 10, errors: {} });
      expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('b'));
      await Promise.all([onA.stop(), onB.stop()]);
    });
  });

  test('echo requests of one ping leave the dead route, too', async () => {
    await withRoutes(config(), async (made) => {
      const ping = made.lab.client().spawn(['ping', '-i', '0.2', '-c', '20', '-W', '1', NEAR]);
      await ping.waitForLine(/icmp_seq=4 /);
      await setCarrier(made, 3, false);
      await ping.done;
      const answered = [...ping.stdout().matchAll(/icmp_seq=(\d+) /g)].map(([, number]) => Number(number));
      expect(answered).toEqual(expect.arrayContaining([1, 2, 3, 4, 15, 16, 17, 18, 19, 20]));
      expect(answered.length).toBeGreaterThanOrEqual(16);
    });
  });

  test('`onDown: keep` cuts nothing: it works again when the link is back', async () => {
    await withRoutes(config({ a: { onDown: 'keep' } }), async (made, echo) => {
      const holder = made.lab.client().connector();
      const targets = [
        { address: NEAR, port: PORTS.fixed },
        { address: NEAR6, port: PORTS.fixed },
      ];
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      await setCarrier(made, 1, false);
      expect((await untilState(made, 'a', 'down', 1000)).state).toBe('down');
      expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('b'));
      await sleep(700);
      expect(await made.lab.client().sockets('established')).toBe(10);
      await setCarrier(made, 1, true);
      expect((await untilState(made, 'a', 'suspect', 1000)).state).toBe('suspect');
      expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
      await holder.stop();
    });
  });

  test('`onDown: keep`, but it comes back with another address: what has the old one is cut and leaks nothing', async () => {
    await withRoutes(config({ a: { onDown: 'keep', addresses: 'auto', gateway: 'auto' } }), async (made) => {
      const { lab } = made;
      const holder = lab.client().connector();
      const targets = [
        { address: NEAR, port: PORTS.fixed },
        { address: NEAR6, port: PORTS.fixed },
      ];
      connectMs(await holder.run({ targets, count: 10, hold: true, bytes: 100 }));
      await setCarrier(made, 1, false);
      expect((await untilState(made, 'a', 'down', 1000)).state).toBe('down');
      await lab.gateway.must(['sh'], {
        input:
          'ip addr del 203.0.1.2/24 dev wan1\nip addr add 203.0.1.77/24 dev wan1\nip route replace default via 203.0.1.1 dev wan1 metric 101',
      });
      await setCarrier(made, 1, true);
      const route = await untilState(made, 'a', 'suspect', 1000);
      expect(route.addresses).toContain('203.0.1.77');
      await sleep(200);
      await lab.wire.reset();
      expect(await holder.check()).toEqual({ held: 10, ok: 5, errors: { ECONNRESET: 5 } });
      const leaked = await lab.wire.trace({ address: '203.0.1.2', direction: 'out' });
      expect(leaked).toEqual([]);
      await holder.stop();
    });
  });

  test('nothing is cut while no other route could take it; then it is', async () => {
    await withRoutes(config(), async (made) => {
      const { lab } = made;
      const holder = lab.client().connector();
      connectMs(
        await holder.run({
          targets: [{ address: NEAR, port: PORTS.fixed }],
          count: 10,
          hold: true,
          bytes: 100,
        }),
      );
      await setCarrier(made, 2, false);
      await setCarrier(made, 3, false);
      await untilState(made, 'b', 'down', 1000);
      await untilState(made, 'c', 'down', 1000);
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      await sleep(500);
      expect(await lab.client().sockets('established')).toBe(10);
      await setCarrier(made, 1, true);
      await untilState(made, 'a', 'suspect', 1000);
      expect(await holder.check()).toEqual({ held: 10, ok: 10, errors: {} });
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      expect(await lab.client().sockets('established')).toBe(10);
      await setCarrier(made, 2, true);
      const left = await eventually(
        () => lab.client().sockets('established'),
        (open) => open === 0,
        1500,
      );
      expect(left).toBe(0);
      await holder.stop();
    });
  });
});

describe('a route that returns', () => {
  test('is suspect until three answers and a second have proved it; then memory and criteria use it again', async () => {
    await withRoutes(config(), async (made, echo) => {
      expect(await goesBy(made, echo, PORTS.raced, 4)).toEqual(all('a'));
      await setCarrier(made, 1, false);
      await untilState(made, 'a', 'down', 1000);
      expect(await goesBy(made, echo, PORTS.raced, 2)).toEqual(all('b', 2));
      await setCarrier(made, 1, true);
      const returnedAt = performance.now();
      expect(await untilState(made, 'a', 'suspect', 1000)).toMatchObject({ state: 'suspect' });
      // Without traffic nothing proves it.
      expect(await goesBy(made, echo, PORTS.priority, 1)).toEqual(['b']);
      await sleep(1500);
      expect((await routeOf(made, 'a')).state).toBe('suspect');
      expect(await goesBy(made, echo, PORTS.turns, 1)).not.toEqual(['a']);
      expect(await prove(made, 'a', 10_000)).toBe('up');
      expect(performance.now() - returnedAt).toBeGreaterThan(1000);
      expect(await goesBy(made, echo, PORTS.priority)).toEqual(all('a'));
      expect(await goesBy(made, echo, PORTS.raced)).toEqual(all('a'));
    });
  });
});
