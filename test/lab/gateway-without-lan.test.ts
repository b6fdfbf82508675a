/** A host with one Ethernet and one Wi-Fi uplink and no LAN: five lines, and what DHCP brings, changes and takes away. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConnectResult, type Lab, startLab, type Task, type WirePacket } from '../../lab/index.js';
import { connectMs, eventually, halfOpen, PATHRACE } from './support/gateway-lab.js';

const PORT = 7;
const FIVE_LINES = `lan: local
routes:
  ethernet: { interface: eth1 }
  wifi: { interface: wlan1 }
services: [{ name: all, match: any, select: race }]
`;
const FORWARDING = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.ipv4.conf.eth1.forwarding'];

/** Nobody has connected to the next of them yet, so nothing is remembered of it. */
const COUNT = 60;
const SERVERS = Array.from(
  { length: COUNT },
  (_, i) => [`198.51.100.${i + 1}`, `2001:db8:${100 + i}::1`] as const,
);
let used = 0;
const next = (): readonly [string, string] => SERVERS[used++]!;

let lab: Lab;
let daemon: Task;

beforeAll(async () => {
  lab = await startLab({
    providers: [
      { name: 'ethernet', interface: 'eth1', link: { delayMs: 30 } },
      { name: 'wifi', interface: 'wlan1', link: { delayMs: 10 } },
    ],
    servers: [{ name: 'all', ipv4: SERVERS.map(([four]) => four), ipv6: SERVERS.map(([, six]) => six) }],
  });
  // A host, and no router; nothing on Wi-Fi yet.
  await lab.gateway.must([
    'sh',
    '-ec',
    `ip link del lan0
    ip addr flush dev wlan1
    sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0`,
  ]);
  await lab.server().echo({ ports: [PORT] });
  const file = join(lab.directory, 'host.yaml');
  writeFileSync(file, `${FIVE_LINES}control: ${lab.controlSocket}\n`);
  daemon = lab.gateway.spawn([PATHRACE, 'gateway', '--config', file]);
  await daemon.waitForLine(/^ready/, 30_000);
});

afterAll(async () => {
  await daemon?.stop(8000);
  await lab?.stop();
});

/** A connection of each family to servers that are new; what left of it by which provider with which source. */
async function opened(): Promise<{ results: ConnectResult[]; syns: WirePacket[]; data: WirePacket[] }> {
  await lab.wire.reset();
  const child = lab.gateway.child('children/connector');
  const results = await child.ask<ConnectResult[]>('run', {
    targets: next().map((address) => ({ address, port: PORT })),
    bytes: 5000,
  });
  await child.stop();
  expect(await halfOpen(lab)).toBe(0);
  return {
    results,
    syns: await lab.wire.trace({ kind: 'syn' }),
    data: await lab.wire.trace({ kind: 'data', direction: 'out' }),
  };
}

const ways = (packets: readonly WirePacket[]): string[] =>
  [...new Set(packets.map(({ provider, source }) => `${provider} ${source}`))].sort();

/** A lease: an address, and a default route with the metric that its kind of interface gets. */
function lease(host: number): Promise<string> {
  return lab.gateway.must([
    'sh',
    '-ec',
    `ip addr add 203.0.2.${host}/24 dev wlan1
    ip addr add fd03:2::${host}/64 dev wlan1 nodad
    ip route replace default via 203.0.2.1 dev wlan1 proto dhcp metric 600
    ip -6 route replace ::/0 via fd03:2::1 dev wlan1 metric 600`,
  ]);
}

/** Copies leave by these providers with these sources, within a moment; gives the connections that did. */
async function untilWays(...expected: readonly string[]): Promise<Awaited<ReturnType<typeof opened>>> {
  const last = await eventually(opened, ({ syns }) => ways(syns).join() === expected.join(), 8000);
  expect(ways(last.syns)).toEqual(expected);
  connectMs(last.results);
  return last;
}

test('with Ethernet alone everything goes by that', async () => {
  const { results, syns } = await opened();
  connectMs(results);
  expect(ways(syns)).toEqual(['ethernet 203.0.1.2', 'ethernet fd03:1::2']);
});

test('Wi-Fi takes part as soon as it has an address, and carries what it is nearer to', async () => {
  await lease(2);
  const { data } = await untilWays(
    ...['ethernet 203.0.1.2', 'ethernet fd03:1::2', 'wifi 203.0.2.2', 'wifi fd03:2::2'],
  );
  expect(ways(data)).toEqual(['wifi 203.0.2.2', 'wifi fd03:2::2']);
});

test('another lease: copies have its address', async () => {
  await lab.gateway.must(['sh', '-ec', 'ip addr flush dev wlan1']);
  await lease(9);
  await untilWays(...['ethernet 203.0.1.2', 'ethernet fd03:1::2', 'wifi 203.0.2.9', 'wifi fd03:2::9']);
});

test('without the cable, by Wi-Fi alone, at once; and by both when it is back', async () => {
  await lab.gateway.must(['ip', 'link', 'set', 'eth1', 'down']);
  const { results, syns } = await untilWays('wifi 203.0.2.9', 'wifi fd03:2::9');
  expect(Math.max(...connectMs(results))).toBeLessThan(500);
  expect(syns.length).toBe(2);
  await lab.gateway.must([
    'sh',
    '-ec',
    `ip link set eth1 up
    ip addr replace fd03:1::2/64 dev eth1 nodad
    ip route replace default via 203.0.1.1 dev eth1 proto dhcp metric 100
    ip -6 route replace ::/0 via fd03:1::1 dev eth1 metric 100`,
  ]);
  await untilWays(...['ethernet 203.0.1.2', 'ethernet fd03:1::2', 'wifi 203.0.2.9', 'wifi fd03:2::9']);
});

test('a server that is silent by one of them keeps nobody waiting', async () => {
  for (const name of ['wifi', 'ethernet']) {
    await lab.link(name).set({ blackhole: true });
    const { results } = await opened();
    await lab.link(name).set({ blackhole: false });
    expect(Math.max(...connectMs(results))).toBeLessThan(500);
  }
});

test('it is no router', async () => {
  for (const name of FORWARDING)
    expect([name, (await lab.gateway.must(['sysctl', '-n', name])).trim()]).toEqual([name, '0']);
});
