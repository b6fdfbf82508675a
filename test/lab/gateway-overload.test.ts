/** More packets than the daemon can take: it steps aside, and the kernel goes on alone. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evenly } from '../../lab/evenly.js';
import type { EchoServer } from '../../lab/index.js';
import { ACK, MSS_1460, SYN, tcp } from '../../lab/packets.js';
import { macOf, providersNamespace, Tap } from '../../lab/tap.js';
import { connectMs, eventually, GatewayLab, NEAR, PATHRACE, percentile } from './support/gateway-lab.js';

const PORT = 7;
const SECONDS = 4;
/** Below the kernel's own limit of connections: beyond that plain NAT would lose some, too. */
const FLOOD = 180_000;
const STRAYS = 120_000;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start({
    lan: { clients: 2, machines: 2 },
    providers: [
      { name: 'a', link: { delayMs: 5 } },
      { name: 'b', link: { delayMs: 5 } },
    ],
  });
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await echo?.stop();
  await made?.stop();
});

test('SYNs of 200 sources, faster than they can be handled: others connect within one repeat', async () => {
  const { lab } = made;
  const target = { address: NEAR, port: PORT };
  const holder = lab.client(0).connector();
  await holder.run({ targets: [target], count: 20, bytes: 100, hold: true });
  const tap = new Tap(lab.client(1), 'eth0', { to: await macOf(lab.gateway, 'lan0'), keep: () => false });
  const load = lab
    .client(0)
    .connect({ targets: [target], count: 20 * (SECONDS + 2), rate: 20, concurrency: 200, bytes: 100 });
  // As an operator asks, with the patience that the command has (3 s), in a process of its own.
  const status = `${PATHRACE} status --json --control ${lab.controlSocket} >/dev/null; echo $?`;
  const asked = lab.gateway.run(['sh', '-c', `for i in 1 2 3 4 5; do ${status}; sleep 0.3; done`]);
  await evenly(FLOOD, SECONDS * 1000, (n) => tap.send(flood(n)));
  const results = await load;
  tap.close();
  expect((await asked).stdout.split('\n').filter(Boolean)).toEqual(Array(5).fill('0'));
  expect(results.filter((result) => !result.ok)).toEqual([]);
  // One repeat of the SYN comes after a second.
  expect(percentile(connectMs(results), 1)).toBeLessThan(1700);
  const check = await holder.check();
  expect(check).toMatchObject({ held: 20, ok: 20 });
  await holder.stop();

  // It comes back by itself: connections are raced again.
  const before = (await made.status()).races.decided;
  await eventually(
    async () => {
      await lab.client(0).connect({ targets: [target], count: 5, bytes: 100 });
      return (await made.status()).races.decided - before;
    },
    (decided) => decided > 0,
    5000,
  );
});

test('SYN+ACKs that nobody has asked for, by a server that is known and by others: the daemon sees few, and goes on racing', async () => {
  const { lab } = made;
  const wan = new Tap(providersNamespace(lab.gateway), 'p1', { to: '02:00:00:00:01:01', keep: () => false });
  const targets = [{ address: NEAR, port: PORT }];
  connectMs(await lab.client(0).connect({ targets, count: 3 }));
  // The figures of a status are up to a tenth of a second old.
  const startedAt = performance.now() - 100;
  const before = (await made.status()).packets;
  const load = lab.client(0).connect({ targets, count: 60, rate: 20, bytes: 100 });
  await evenly(STRAYS, 3000, (n) => wan.send(stray(n)));
  expect(Math.max(...connectMs(await load))).toBeLessThan(1000);
  wan.close();
  const { packets } = await made.status();
  const seconds = (performance.now() - startedAt) / 1000;
  // Of strays a bucket and so many a second, twice: before conntrack and behind it; and all answers to real copies.
  const most = 2 * 2000 * (seconds + 1) + 60 * 8;
  expect(Number(packets.queue.wan) - Number(before.queue.wan)).toBeLessThan(most);
  expect(packets.queue['overload-pauses']).toBe(before.queue['overload-pauses']);
  // However slowly this machine has sent them.
  expect(packets.dropped['stray-answers']).toBeGreaterThan(Math.min(1, STRAYS - most));
});

/** Half of them from where connections go, to a port that no race has at the moment, as far as chance goes. */
function stray(n: number): Buffer {
  return tcp({
    source: n % 2 === 0 ? NEAR : `198.18.${(n >> 8) & 255}.${n & 255}`,
    destination: '203.0.1.2',
    sourcePort: PORT,
    destinationPort: 8192 + ((n * 7919) % 24_000),
    flags: SYN | ACK,
    seq: n,
    ack: n * 31,
    options: MSS_1460,
  });
}

/** A SYN of one of 200 hosts of the LAN to somewhere dark. */
function flood(n: number): Buffer {
  return tcp({
    source: `10.0.0.${20 + (n % 200)}`,
    destination: `198.18.${(n >> 8) & 255}.${n & 255}`,
    sourcePort: 1024 + ((n * 7) % 60_000),
    destinationPort: 80 + (n >> 16),
    flags: SYN,
    seq: n,
    options: MSS_1460,
  });
}
