/** What was measured decides the next connections: in the kernel, without the daemon, as long as it is true. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { MemoryEntry } from '../../src/api/contract.js';
import {
  connectMs,
  eventually,
  FAR,
  type GatewayLab,
  NEAR,
  NEAR6,
  withGateway,
} from './support/gateway-lab.js';

const PORT = 7;
const THREE = {
  servers: [{ name: 'near' }, { name: 'far' }],
  providers: [
    { name: 'a', link: { delayMs: 20 } },
    { name: 'b', link: { delayMs: 5 } },
    { name: 'c', link: { delayMs: 40 } },
  ],
};
const RACED = [{ name: 'everything', match: { tcp: 'any' }, select: 'race', affinity: 'none' }];

function config(memory: object = {}): { memory: object; services: object[] } {
  return { memory: { trust: '10m', refresh: 0, store: 'none', ...memory }, services: RACED };
}

async function memory(made: GatewayLab): Promise<MemoryEntry[]> {
  return JSON.parse(await made.command('memory')) as MemoryEntry[];
}

/** Until the kernel knows as many destinations. */
async function inKernel(made: GatewayLab, count: number): Promise<void> {
  const status = await eventually(
    () => made.status(),
    ({ memory }) => memory.inKernel >= count,
    2000,
  );
  expect(status.memory.inKernel).toBeGreaterThanOrEqual(count);
  // The kernel's own transaction takes a moment more.
  await sleep(60);
}

describe('memory', () => {
  test('a remembered destination never reaches the daemon, and goes by the route that was nearest', async () => {
    await withGateway(THREE, { config: config() }, async (made) => {
      const { lab } = made;
      await lab.server().echo({ ports: [PORT] });
      for (const address of [NEAR, NEAR6]) {
        const targets = [{ address, port: PORT }];
        connectMs(await lab.client().connect({ targets }));
        await inKernel(made, address === NEAR ? 1 : 2);
        await sleep(200);
        const before = await made.status();
        await lab.wire.reset();
        const times = connectMs(await lab.client().connect({ targets, count: 50, bytes: 2000 }));
        expect(Math.max(...times)).toBeLessThan(60);
        const after = await made.status();
        expect(after.packets.queue.lan).toBe(before.packets.queue.lan);
        expect(after.packets.queue.wan).toBe(before.packets.queue.wan);
        expect(after.races.started).toBe(before.races.started);
        const syns = await lab.wire.trace({ kind: 'syn', direction: 'out' });
        expect(syns.map(({ provider }) => provider)).toEqual(Array(50).fill('b'));
      }
      const entries = await memory(made);
      expect(entries.map(({ best, trusted }) => ({ best, trusted }))).toEqual([
        { best: 'b', trusted: true },
        { best: 'b', trusted: true },
      ]);
      const entry = entries.find(({ destination }) => destination === NEAR)!;
      expect(Object.keys(entry.routes).sort()).toEqual(['a', 'b', 'c']);
      expect(entry.routes.b.rttMicros).toBeGreaterThan(9_000);
      expect(entry.routes.b.rttMicros).toBeLessThan(40_000);
      expect(entry.routes.a.rttMicros).toBeGreaterThan(39_000);
      expect(entry.routes.c.rttMicros).toBeGreaterThan(79_000);
    });
  });

  test('a silent remembered route costs one SYN repeat, then all routes are asked for the destination', async () => {
    await withGateway(THREE, { config: config() }, async (made) => {
      const { lab } = made;
      await lab.server().echo({ ports: [PORT] });
      const targets = [{ address: NEAR, port: PORT }];
      connectMs(await lab.client().connect({ targets }));
      await inKernel(made, 1);
      await lab.link('b').set({ blackhole: true });
      const [waited] = connectMs(await lab.client().connect({ targets, bytes: 1000 }));
      expect(waited).toBeGreaterThan(1000);
      expect(waited).toBeLessThan(1200);
      const [decision] = await made.why(`${NEAR}:${PORT}`);
      expect(decision).toMatchObject({ route: 'a', reasons: ['rescued'] });
      // One silence may be one lost packet: the route is asked again, and nobody waits for it.
      const times = connectMs(await lab.client().connect({ targets, count: 10 }));
      expect(Math.max(...times)).toBeLessThan(120);
      expect((await made.status()).memory.rescues).toBe(1);
      const [entry] = await memory(made);
      expect(entry.best).toBe('a');
      expect(entry.routes.b.answer).toBe('silent');
    });
  });

  test('enough rescues make the route suspect: from then on nobody waits for it', async () => {
    await withGateway(THREE, { config: config() }, async (made) => {
      const { lab } = made;
      await lab.server().echo({ ports: [PORT] });
      const far = { address: FAR, port: PORT };
      const near = { address: NEAR, port: PORT };
      connectMs(await lab.client().connect({ targets: [near, far] }));
      await inKernel(made, 2);
      await lab.link('b').set({ blackhole: true });
      const first = await lab.client().connect({ targets: [near], count: 5, concurrency: 5 });
      expect(Math.max(...connectMs(first))).toBeLessThan(1200);
      const status = await eventually(
        () => made.status(),
        ({ routes }) => routes.find(({ name }) => name === 'b')?.state === 'suspect',
        3000,
      );
      const b = status.routes.find(({ name }) => name === 'b')!;
      expect(b).toMatchObject({ state: 'suspect' });
      expect(b.rescues).toBeGreaterThanOrEqual(3);
      // Remembered by the silent route until now, and not asked since.
      const times = connectMs(await lab.client().connect({ targets: [far], count: 3 }));
      expect(Math.max(...times)).toBeLessThan(150);
      // It proves itself, and memory is believed again.
      await lab.link('b').set({ blackhole: false });
      const back = await eventually(
        async () => {
          connectMs(await lab.client().connect({ targets: [near, far] }));
          return made.status();
        },
        ({ routes }) => routes.find(({ name }) => name === 'b')?.state === 'up',
        8000,
      );
      expect(back.routes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
    });
  });
});
