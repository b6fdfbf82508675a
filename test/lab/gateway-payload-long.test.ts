/**
 * `win: first-payload` at length, for clients of the LAN and for what the gateway itself opens: window scales, lost and reordered packets, ports
 * that come round, resets that are lost.
 */
import { describe, expect, test } from 'vitest';
import { eventually, NEAR, NEAR6 } from './support/gateway-lab.js';
import { goesByMemory, outlivesTheDaemon, PROXY, seesTheSame } from './support/opening-cases.js';
import {
  delays,
  divert,
  first,
  MANY,
  OPENING_CONFIG,
  SCALES,
  scaleSettings,
  WEB,
  withLinks,
} from './support/opening-lab.js';

const OWN_CONFIG = { lan: ['lan0', 'local'], ...OPENING_CONFIG };
const BY = { config: OWN_CONFIG, by: 'gateway' } as const;

describe.each([
  ['a client of the LAN', { config: OPENING_CONFIG }],
  ['the gateway itself', BY],
] as const)('for %s', (_, options) => {
  test.each(SCALES)('windows are translated on the way out and in: scale %s', async (scale) => {
    await withLinks(
      [PROXY, ...delays(10, 30)],
      async ({ made, listen, say }) => {
        await made.lab.server().must(['sysctl', '-qw', ...scaleSettings(scale)]);
        await listen({});
        for (const address of [NEAR, NEAR6]) {
          const result = await say({ address, down: 2_000_000, up: 2_000_000 });
          expect(result).toMatchObject({ ok: true, down: 2_000_000 });
          expect(result.totalMs).toBeLessThan(15_000);
          expect(await first(made, address)).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
        }
      },
      options,
    );
  });

  test('bytes are all there, both ways, where packets are lost and out of order', async () => {
    const rough = { loss: 0.003, reorder: 0.01, reorderMs: 5 };
    await withLinks(
      [PROXY, { delayMs: 4, ...rough }, { delayMs: 40, ...rough }],
      async ({ made, listen, say }) => {
        await listen({});
        for (const address of [NEAR, NEAR6]) {
          const result = await say({ address, down: MANY, up: MANY, withinMs: 120_000 });
          expect(result).toMatchObject({ ok: true, down: MANY });
          expect((await first(made, address)).reasons).toEqual(['first-payload']);
        }
      },
      options,
    );
  });

  test('what has been decided needs nobody: no further packet of it passes the daemon', async () => {
    await withLinks(
      [PROXY, ...delays(10, 30)],
      async ({ made, listen, say }) => {
        await listen({});
        const queued = async () => {
          const { queue } = (await made.status()).packets;
          return Object.values(queue).reduce((sum, count) => sum + count, 0);
        };
        const before = await queued();
        expect(await say({ down: 3_000_000, up: 3_000_000 })).toMatchObject({ ok: true });
        expect((await queued()) - before).toBeLessThan(60);
      },
      options,
    );
  });
});

test.each([0, 1])('SACK %i at the server, and the other at the client', async (sack) => {
  await withLinks(delays(1, 10, 30), async ({ made, listen, say }) => {
    await made.lab.server().must(['sysctl', '-qw', `net.ipv4.tcp_sack=${sack}`]);
    await made.lab.client().must(['sysctl', '-qw', `net.ipv4.tcp_sack=${1 - sack}`]);
    await divert(made, 1, 9999);
    await listen({});
    await made.lab.server().echo({ ports: [9999], mode: 'discard' });
    expect(await say({ down: 2_000_000, up: 2_000_000 })).toMatchObject({ ok: true });
    expect(await first(made)).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
  });
});

test('ports come round: what an earlier connection has left there is in nobody’s way', async () => {
  const options = { config: { ...OPENING_CONFIG, limits: { racePorts: '8192-9215' } } };
  await withLinks(
    [{ answersSyn: true }, { delayMs: 1 }, { delayMs: 2 }],
    async ({ made }) => {
      await made.lab.server().nginx({ ports: [WEB] });
      const asking = made.lab.client().child('children/questions');
      const plan = { kind: 'page', address: NEAR, port: WEB, count: 1500 };
      const times = await asking.ask<number[]>('series', plan);
      expect(times.filter((micros) => micros < 0)).toEqual([]);
      await asking.stop();
      const { races } = await made.status();
      expect(races).toMatchObject({ started: 1500, decided: 1500, failed: 0 });
    },
    options,
  );
});

test('a reset that is lost: the server is told again when it says something', async () => {
  const links = [{ delayMs: 1, answersSyn: true }, { delayMs: 10 }, { delayMs: 60 }];
  await withLinks(links, async ({ made, listen, say, heard }) => {
    // All have the words by then.
    await listen({ thinkMs: 400 });
    // Resets to the third provider do not leave at first.
    const drop =
      'table inet lose { chain out { type filter hook postrouting priority 300; oifname "wan3" tcp flags & rst == rst drop; }; }';
    await made.lab.gateway.must(['nft', '-f', '-'], { input: `${drop}\n` });
    const going = say({ down: 100, up: 10_000, withinMs: 20_000 });
    await new Promise((done) => setTimeout(done, 900));
    await made.lab.gateway.must(['nft', 'delete', 'table', 'inet', 'lose']);
    expect(await going).toMatchObject({ ok: true });
    const lost = async () => (await heard()).filter(({ remoteAddress }) => remoteAddress === '203.0.3.2');
    const isTold = (list: readonly { error?: string }[]) => list.some(({ error }) => error !== undefined);
    const told = await eventually(lost, isTold, 10_000);
    expect(told.map(({ error }) => error)).toEqual(['ECONNRESET']);
  });
});

test('a program sees the same as without us', () =>
  seesTheSame(BY, async (made) => {
    await made.stopDaemon();
    return async () => undefined;
  }));

test('a daemon that dies meanwhile: what a program has opened goes on by what was shown', () =>
  outlivesTheDaemon(BY));

test('what is remembered of what a program has opened is not raced again', () => goesByMemory(BY));

test('a client of the LAN beside it: windows are translated once', async () => {
  await withLinks(
    [PROXY, ...delays(10, 30)],
    async ({ made, listen, say }) => {
      await made.lab.server().must(['sysctl', '-qw', ...scaleSettings(7)]);
      await listen({});
      expect(await say({ down: 2_000_000, up: 2_000_000, port: WEB })).toMatchObject({ ok: true });
      expect(await first(made)).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
    },
    { config: OWN_CONFIG },
  );
});
