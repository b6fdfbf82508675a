/** `win: first-payload`: the handshake is completed by all routes, and the first bytes of a server decide. */
import { describe, expect, test } from 'vitest';
import { plainNat } from '../../lab/index.js';
import { eventually, halfOpen, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';
import { goesByMemory, outlivesTheDaemon, PROXY, seesTheSame } from './support/opening-cases.js';
import { delays, first, withLinks } from './support/opening-lab.js';

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
    await withLinks([PROXY, ...delays(20, 40)], async ({ made, listen, say, heard }) => {
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
    });
  });
});

describe('beside plain NAT', () => {
  test('a client sees the same', () =>
    seesTheSame({}, async ({ lab, daemon }) => {
      daemon.signal('SIGTERM');
      await daemon.done;
      const nat = await plainNat(lab, 'p1');
      return () => nat.remove();
    }));
});

describe('TLS', () => {
  test('a ClientHello of several segments is given to all, and the first answer carries it', async () => {
    await withLinks([PROXY, ...delays(10, 30)], async ({ made, listen, say }) => {
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

test('a daemon that dies meanwhile: the connection goes on by what was shown', () => outlivesTheDaemon({}));

test('what is remembered is not raced again: the kernel goes by it', () => goesByMemory({}));
