/** `win: first-payload`: the handshake is completed by all routes, and the first bytes of a server decide. */
import { describe, expect, test } from 'vitest';
import { plainNat } from '../../lab/index.js';
import { eventually, halfOpen, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';
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

describe('a page', () => {
  test.each([NEAR, NEAR6])('of %s comes by the nearest route, by each that is it', async (address) => {
    await withLinks(delays(10, 30, 50), async ({ made, listen, say }) => {
      await listen({});
      for (let turn = 0; turn < 3; turn++) {
        const order = [10, 30, 50].map((_, index) => [10, 30, 50][(index + turn) % 3]);
        for (const [at, delayMs] of order.entries()) await made.lab.link(`p${at + 1}`).set({ delayMs });
        await made.lab.wire.reset();
        expect(await say({ address, down: 300_000 })).toMatchObject({ ok: true, down: 300_000 });
        const route = `p${order.indexOf(10) + 1}`;
        expect(await first(made, address)).toMatchObject({ route, reasons: ['first-payload'] });
        expect(await made.lab.wire.trace({ kind: 'syn', direction: 'out' })).toHaveLength(3);
        const data = await made.lab.wire.trace({ kind: 'data', direction: 'in' });
        expect(data.filter(({ provider }) => provider === route).length).toBeGreaterThan(150);
        expect(
          await eventually(
            () => halfOpen(made.lab),
            (n) => n === 0,
            2000,
          ),
        ).toBe(0);
      }
    });
  });

  test.each([NEAR, NEAR6])('of %s whose nearest route has a proxy that only accepts', async (address) => {
    await withLinks(
      [{ delayMs: 1, answersSyn: true }, ...delays(20, 40)],
      async ({ made, listen, say, heard }) => {
        await listen({});
        const result = await say({ address, down: 3_000_000 });
        expect(result).toMatchObject({ ok: true, down: 3_000_000 });
        const decision = await first(made, address);
        expect(decision).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
        expect(decision.routes.find(({ route }) => route === 'p1')).toMatchObject({ intercepted: true });
        const line = [PATHRACE, 'why', address, '--control', made.lab.controlSocket];
        expect(await made.lab.gateway.must(line)).toContain('intercepted');
        // Who was given the words besides knows that they were not meant.
        const own = address === NEAR ? '203.0.2.2' : 'fd03:2::2';
        const others = async () => (await heard()).filter(({ remoteAddress }) => remoteAddress !== own);
        const told = await eventually(others, (list) => list.every(({ error }) => error !== undefined), 2000);
        expect(told.filter(({ error }) => error !== 'ECONNRESET')).toEqual([]);
      },
    );
  });
});

describe('what is shown to the client', () => {
  // The proxy agrees on no scale, no SACK and nothing else; the client was shown that.
  test.each(SCALES)('and what the carrier has agreed on: scale %s, both ways', async (scale) => {
    await withLinks([{ delayMs: 1, answersSyn: true }, ...delays(10, 30)], async ({ made, listen, say }) => {
      await made.lab.server().must(['sysctl', '-qw', ...scaleSettings(scale)]);
      await listen({});
      for (const address of [NEAR, NEAR6]) {
        const result = await say({ address, down: 2_000_000, up: 2_000_000 });
        expect(result).toMatchObject({ ok: true, down: 2_000_000 });
        expect(result.totalMs).toBeLessThan(15_000);
        expect(await first(made, address)).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
      }
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
});

describe('bytes of a connection that another route carries than the one that was shown', () => {
  test('are all there, both ways, where packets are lost and out of order', async () => {
    const rough = { loss: 0.003, reorder: 0.01, reorderMs: 5 };
    const links = [
      { delayMs: 1, answersSyn: true },
      { delayMs: 4, ...rough },
      { delayMs: 40, ...rough },
    ];
    await withLinks(links, async ({ made, listen, say }) => {
      await listen({});
      for (const address of [NEAR, NEAR6]) {
        const result = await say({ address, down: MANY, up: MANY, withinMs: 120_000 });
        expect(result).toMatchObject({ ok: true, down: MANY });
        expect((await first(made, address)).reasons).toEqual(['first-payload']);
      }
    });
  });
});

describe('beside plain NAT', () => {
  test('a client sees the same', async () => {
    await withLinks(delays(5, 15, 25), async ({ made, listen, say }) => {
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
      made.daemon.signal('SIGTERM');
      await made.daemon.done;
      const nat = await plainNat(made.lab, 'p1');
      const theirs = await all();
      await nat.remove();
      await made.startDaemon();
      expect(ours).toEqual(theirs);
      expect(Object.fromEntries(reasons)).toEqual(
        Object.fromEntries(CASES.map(([name, , , reason]) => [name, reason])),
      );
    });
  });
});

describe('TLS', () => {
  test('a ClientHello of several segments is given to all, and the first answer carries it', async () => {
    await withLinks([{ delayMs: 1, answersSyn: true }, ...delays(10, 30)], async ({ made, listen, say }) => {
      const [key, cert] = ['key', 'cert'].map((name) => `${made.lab.directory}/${name}.pem`);
      const subject = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=lab'];
      await made.lab.server().must(['openssl', 'req', ...subject, '-keyout', key, '-out', cert]);
      await listen({ port: 443, tls: { key, cert } });
      const protocols = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(200, 'x'));
      expect(await say({ port: 443, down: 200_000, up: 100_000, tls: { protocols } })).toMatchObject({
        ok: true,
      });
      expect(await first(made)).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
    });
  });
});

test('what has been decided needs nobody: no further packet of it passes the daemon', async () => {
  await withLinks([{ delayMs: 1, answersSyn: true }, ...delays(10, 30)], async ({ made, listen, say }) => {
    await listen({});
    const queued = async () => {
      const { queue } = (await made.status()).packets;
      return Object.values(queue).reduce((sum, count) => sum + count, 0);
    };
    const before = await queued();
    await say({ down: 3_000_000, up: 3_000_000 });
    const after = await queued();
    expect(after - before).toBeLessThan(60);
  });
});

test('a daemon that dies meanwhile: the connection goes on by what was shown', async () => {
  await withLinks(delays(5, 15, 25), async ({ made, listen, say }) => {
    await listen({ thinkMs: 3000 });
    const going = say({ down: 100_000, up: 100_000, withinMs: 20_000 });
    await new Promise((done) => setTimeout(done, 800));
    made.daemon.signal('SIGKILL');
    await made.daemon.done;
    await made.startDaemon();
    expect(await going).toMatchObject({ ok: true, down: 100_000 });
  });
});

test('what is remembered is not raced again: the kernel goes by it', async () => {
  const options = { config: { ...OPENING_CONFIG, memory: { trust: '10m' } } };
  await withLinks(
    [{ delayMs: 1, answersSyn: true }, ...delays(10, 30)],
    async ({ made, listen, say }) => {
      await listen({});
      expect(await say({ down: 1000 })).toMatchObject({ ok: true });
      await eventually(
        async () => (await made.status()).memory.inKernel,
        (count) => count > 0,
        3000,
      );
      await made.lab.wire.reset();
      expect(await say({ down: 1000 })).toMatchObject({ ok: true });
      const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
      expect(syns.map(({ provider }) => provider)).toEqual(['p2']);
    },
    options,
  );
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
