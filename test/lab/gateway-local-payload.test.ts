/** `win: first-payload` for what the gateway itself opens: the cases of `gateway-payload` that its other hooks have a part in. */
import { expect, test } from 'vitest';
import { eventually, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';
import {
  CASES,
  delays,
  first,
  MANY,
  OPENING_CONFIG,
  SCALES,
  scaleSettings,
  seen,
  WEB,
  withLinks,
} from './support/opening-lab.js';

const CONFIG = { lan: ['lan0', 'local'], ...OPENING_CONFIG };
const BY = { config: CONFIG, by: 'gateway' } as const;
const PROXY = { delayMs: 1, answersSyn: true };
/** Of the gateway at the third provider. */
const BOUND: Readonly<Record<string, string>> = { [NEAR]: '203.0.3.2', [NEAR6]: 'fd03:3::2' };

test.each([
  [NEAR, false],
  [NEAR6, false],
  [NEAR, true],
  [NEAR6, true],
])(
  'a page of %s behind a proxy that only accepts; bound to another address: %s',
  async (address, isBound) => {
    const action = async ({ made, listen, say, heard }: Parameters<Parameters<typeof withLinks>[1]>[0]) => {
      await listen({});
      const from = isBound ? { from: BOUND[address] } : {};
      expect(await say({ address, down: 3_000_000, ...from })).toMatchObject({ ok: true, down: 3_000_000 });
      const decision = await first(made, address);
      expect(decision).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
      expect(decision.routes.find(({ route }) => route === 'p1')).toMatchObject({ intercepted: true });
      expect(await made.lab.wire.trace({ kind: 'syn', direction: 'out' })).toHaveLength(3);
      const out = (await made.lab.wire.trace({ direction: 'out' })).filter(
        ({ protocol }) => protocol === 'tcp',
      );
      const own = address === NEAR ? /^203\.0\.(\d)\.2$/ : /^fd03:(\d)::2$/;
      for (const packet of out) expect(`p${own.exec(packet.source)?.[1]}`).toBe(packet.provider);
      // One that is reset before its program has heard of it has no address any more.
      const told = async () => (await heard()).flatMap(({ error }) => error ?? []);
      expect(await eventually(told, (list) => list.length === 1, 2000)).toEqual(['ECONNRESET']);
      expect(
        await eventually(
          () => halfOpen(made.lab),
          (n) => n === 0,
          2000,
        ),
      ).toBe(0);
    };
    await withLinks([PROXY, ...delays(20, 30)], action, BY);
  },
);

// The proxy agrees on no scale; the program was shown that.
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
    BY,
  );
});

test('bytes are all there, both ways, where packets are lost and out of order', async () => {
  const rough = { loss: 0.003, reorder: 0.01, reorderMs: 5 };
  await withLinks(
    [PROXY, { delayMs: 4, ...rough }, { delayMs: 40, ...rough }],
    async ({ made, listen, say }) => {
      await listen({});
      const result = await say({ down: MANY, up: MANY, withinMs: 120_000 });
      expect(result).toMatchObject({ ok: true, down: MANY });
      expect((await first(made)).reasons).toEqual(['first-payload']);
    },
    BY,
  );
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
    BY,
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
    BY,
  );
});

test('what is remembered is not raced again: the kernel goes by it', async () => {
  await withLinks(
    [PROXY, ...delays(10, 30)],
    async ({ made, listen, say }) => {
      await listen({});
      expect(await say({ down: 1000 })).toMatchObject({ ok: true });
      const inKernel = async () => (await made.status()).memory.inKernel;
      await eventually(inKernel, (count) => count > 0, 3000);
      await made.lab.wire.reset();
      expect(await say({ down: 1000 })).toMatchObject({ ok: true });
      const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
      expect(syns.map(({ provider }) => provider)).toEqual(['p2']);
    },
    { ...BY, config: { ...CONFIG, memory: { trust: '10m' } } },
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
    { config: CONFIG },
  );
});
