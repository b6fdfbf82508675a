/**
 * `win: first-payload` at length, for clients of the LAN and for what the gateway itself opens: window scales, lost and reordered packets, ports
 * that come round, resets that are lost.
 */
import { describe, expect, test } from 'vitest';
import { eventually, NEAR, NEAR6 } from './support/gateway-lab.js';
import {
  CASES,
  delays,
  divert,
  first,
  MANY,
  OPENING_CONFIG,
  SCALES,
  scaleSettings,
  seen,
  WEB,
  withLinks,
} from './support/opening-lab.js';

const OWN_CONFIG = { lan: ['lan0', 'local'], ...OPENING_CONFIG };
const BY = { config: OWN_CONFIG, by: 'gateway' } as const;
/** It agrees on no window scale, no SACK and nothing else, and the client was shown that. */
const PROXY = { delayMs: 1, answersSyn: true };

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

  test('a daemon that dies meanwhile: the connection goes on by what was shown', async () => {
    await withLinks(
      delays(5, 15, 25),
      async ({ made, listen, say }) => {
        await listen({ thinkMs: 3000 });
        const going = say({ down: 100_000, up: 100_000, withinMs: 20_000 });
        await new Promise((done) => setTimeout(done, 800));
        made.daemon.signal('SIGKILL');
        await made.daemon.done;
        await made.startDaemon();
        expect(await going).toMatchObject({ ok: true, down: 100_000 });
      },
      options,
    );
  });

  test('what is remembered is not raced again: the kernel goes by it', async () => {
    await withLinks(
      [PROXY, ...delays(10, 30)],
      async ({ made, listen, say }) => {
        await listen({});
        expect(await say({ down: 1000 })).toMatchObject({ ok: true });
        const inKernel = async () => (await made.status()).memory.inKernel;
        expect(await eventually(inKernel, (count) => count > 0, 10_000)).toBeGreaterThan(0);
        await made.lab.wire.reset();
        expect(await say({ down: 1000 })).toMatchObject({ ok: true });
        const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
        expect(syns.map(({ provider }) => provider)).toEqual(['p2']);
      },
      { ...options, config: { ...options.config, memory: { trust: '10m' } } },
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

test('a program sees the same as without us', async () => {
  await withLinks(
    delays(5, 15, 25),
    async ({ made, listen, say }) => {
      const all = async () => {
        const results = [];
        for (const [index, [name, , plan]] of CASES.entries())
          results.push({ name, ...seen(await say({ ...plan, port: 8000 + index, withinMs: 10_000 })) });
        return results;
      };
      for (const [index, [, server]] of CASES.entries()) await listen({ ...server, port: 8000 + index });
      const ours = await all();
      const reasons = (await made.why(NEAR)).map(({ destination, reasons: [reason] }) => {
        const [name] = CASES[Number(destination.split(':')[1]) - 8000];
        return [name, reason] as const;
      });
      await made.stopDaemon();
      const theirs = await all();
      await made.startDaemon();
      expect(ours).toEqual(theirs);
      expect(Object.fromEntries(reasons)).toEqual(
        Object.fromEntries(CASES.map(([name, , , reason]) => [name, reason])),
      );
    },
    BY,
  );
});

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
