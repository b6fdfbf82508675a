/** A host that floods hurts itself and nobody else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectResult, EchoServer } from '../../lab/index.js';
import { MSS_1460, SYN, tcp } from '../../lab/packets.js';
import { macOf, Tap } from '../../lab/tap.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6, percentile } from './support/gateway-lab.js';

const PORT = 7;
const SCANNED = 100_000;
const PROVIDERS = [
  { name: 'a', link: { delayMs: 20 } },
  { name: 'b', link: { delayMs: 10 } },
  { name: 'c', link: { delayMs: 30 } },
];

describe('a LAN host that scans', () => {
  let made: GatewayLab;
  let echo: EchoServer;

  beforeAll(async () => {
    made = await GatewayLab.start({ lan: { clients: 2, machines: 2 }, providers: PROVIDERS });
    echo = await made.lab.server().echo({ ports: [PORT] });
  });

  afterAll(async () => {
    await made?.stop();
  });

  /** 100 connections a second of the client that does nothing wrong. */
  async function quietClient(count: number): Promise<ConnectResult[]> {
    return made.lab.client(0).connect({
      targets: [
        { address: NEAR, port: PORT },
        { address: NEAR6, port: PORT },
      ],
      count,
      rate: 100,
      concurrency: 100,
      bytes: 100,
      timeoutMs: 5000,
    });
  }

  test('100 000 addresses leave the others undisturbed', async () => {
    const { lab } = made;
    await quietClient(50);
    const before = percentile(connectMs(await quietClient(150)), 0.95);
    const tap = new Tap(lab.client(1), 'eth0', { to: await macOf(lab.gateway, 'lan0'), keep: () => false });
    const load = quietClient(700);
    const startedAt = performance.now();
    for (let sent = 0; sent < SCANNED; ) {
      const due = Math.min(SCANNED, Math.ceil(((performance.now() - startedAt) / 6000) * SCANNED));
      for (; sent < due; sent++) tap.send(probe(lab.client(1).ipv4, sent));
      await sleep(2);
    }
    const results = await load;
    expect(tap.refused).toBe(0);
    tap.close();
    expect(percentile(connectMs(results), 0.9)).toBeLessThan(2 * before + 5);
    // One in twenty began before the kernel's meter had said that it is a flood: 4000 SYNs in a quarter of a second, which all are looked at.
    expect(percentile(connectMs(results), 0.95)).toBeLessThan(4 * before + 5);
    const { races, packets } = await made.status();
    // The policy when full: one route, and counted.
    const single = Object.values(races.single).reduce((sum, each) => sum + each, 0);
    expect(single + (packets.ignored['client-flood'] ?? 0)).toBeGreaterThan(SCANNED / 4);
    expect(races.active).toBeLessThan(8192);
    const left = await eventually(
      async () => (await made.status()).races.active,
      (active) => active === 0,
      8000,
    );
    expect(left).toBe(0);
    expect(await echo.count()).toMatchObject({ accepted: 900 });
  });
});

/** A SYN to the n-th address of 198.18.0.0/15, which is routed and dark. */
function probe(source: string, n: number): Buffer {
  return tcp({
    source,
    destination: `198.18.${(n >> 8) & 255}.${n & 255}`,
    sourcePort: 1024 + (n % 60_000),
    destinationPort: 80 + (n >> 16),
    flags: SYN,
    seq: n,
    options: MSS_1460,
  });
}
