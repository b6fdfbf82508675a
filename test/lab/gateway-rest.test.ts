/** What no service names goes out by one route and is left alone by the daemon; so is what is not for a provider. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { inNamespaceOf } from '../../lab/tap.js';
import { includes } from '../../src/model/ports.js';
import { boundIn, datagramSocket } from './support/datagram-socket.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

/** The ports that only attempts use. */
const RACE_PORTS = { from: 8192, to: 32_767 };
const RACED = 8000;
const REST = 9000;
const FIXED = 9100;
const UDP = 5353;
/** A game's source port, in the middle of the race ports. */
const FIXED_SOURCE = 27_005;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: 2, machines: 2 },
      providers: [
        { name: 'a', link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 15 } },
        { name: 'c', link: { delayMs: 25 } },
      ],
    },
    {
      config: {
        services: [
          { name: 'fixed', match: { tcp: FIXED }, select: 'c' },
          { name: 'raced', match: { tcp: '8000-8999' }, select: 'race' },
        ],
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: [RACED, REST, FIXED] });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
  await echo.forget();
});

async function daemonPackets(): Promise<number> {
  const { lan = 0, wan = 0 } = (await made.status()).packets.queue;
  return lan + wan;
}

test.each([
  ['the rest', REST, 'b', 2],
  ['a service with a fixed route', FIXED, 'c', 3],
] as const)('%s: one SYN by one route, and the clients keep their ports', async (_, port, route, number) => {
  const { lab } = made;
  const before = await daemonPackets();
  const ports = new Set<number>();
  for (const address of [NEAR, NEAR6]) {
    const results = await lab.client().connect({ targets: [{ address, port }], count: 20, bytes: 3000 });
    connectMs(results);
    for (const { source } of results) ports.add(source.port);
  }
  const out = (await lab.wire.trace()).filter(({ direction }) => direction === 'out');
  expect(new Set(out.map(({ provider }) => provider))).toEqual(new Set([route]));
  expect(out.filter(({ kind }) => kind === 'syn').length).toBe(40);
  expect(new Set(out.map(({ sourcePort }) => sourcePort))).toEqual(ports);
  expect(Math.min(...ports)).toBeGreaterThan(RACE_PORTS.to);
  const sources = new Set((await echo.connections()).map(({ remoteAddress }) => remoteAddress));
  expect(sources).toEqual(new Set([`203.0.${number}.2`, `fd03:${number}::2`]));
  expect(await daemonPackets()).toBe(before);
});

test('a raced service beside them is raced', async () => {
  const before = await daemonPackets();
  connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: RACED }], bytes: 10 }));
  const syns = await made.lab.wire.trace({ kind: 'syn' });
  expect(syns.map(({ provider }) => provider).sort()).toEqual(['a', 'b', 'c']);
  expect(syns.every(({ sourcePort }) => includes(RACE_PORTS, sourcePort))).toBe(true);
  // The losers' answers come to the daemon, too, and must not be counted by the next test.
  expect(await eventually(daemonPackets, (packets) => packets === before + 4, 1000)).toBe(before + 4);
});

test.each([
  ['udp4', NEAR, '203.0.2.2'],
  ['udp6', NEAR6, 'fd03:2::2'],
] as const)('%s goes there and back by the rest route', async (type, address, source) => {
  const { lab } = made;
  const before = await daemonPackets();
  const [server, client] = [datagramSocket(type), datagramSocket(type)];
  const seen: { address: string; port: number }[] = [];
  server.on('message', (message, from) => {
    seen.push(from);
    server.send(message, from.port, from.address);
  });
  // A socket belongs to the namespace in which it is made: at bind, which Node does at once for an address.
  await boundIn(lab.server().namespace, server, UDP, address);
  // What is not TCP keeps its port, wherever it is.
  await boundIn(
    lab.client().namespace,
    client,
    FIXED_SOURCE,
    type === 'udp4' ? lab.client().ipv4 : lab.client().ipv6,
  );
  const answers = new Promise<number>((resolve) => {
    let count = 0;
    client.on('message', () => {
      if (++count === 20) resolve(count);
    });
    setTimeout(() => resolve(count), 2000).unref();
  });
  for (let index = 0; index < 20; index++) client.send(Buffer.alloc(1000, index), UDP, address);
  expect(await answers).toBe(20);
  server.close();
  client.close();
  expect(new Set(seen.map((from) => from.address))).toEqual(new Set([source]));
  const trace = await lab.wire.trace({ kind: 'udp' });
  expect(new Set(trace.map(({ provider }) => provider))).toEqual(new Set(['b']));
  expect(
    new Set(trace.filter(({ direction }) => direction === 'out').map(({ sourcePort }) => sourcePort)),
  ).toEqual(new Set([FIXED_SOURCE]));
  expect(await daemonPackets()).toBe(before);
});

test('the gateway itself and the LAN among itself are not touched', async () => {
  const { lab } = made;
  const before = await daemonPackets();
  const listener = lab.gateway.spawn(['nc', '-lk', '10.0.0.1', '8080']);
  const neighbour = lab.client(1).spawn(['nc', '-lk', lab.client(1).ipv4, '8080']);
  const wanSide = lab.gateway.spawn(['nc', '-lk', '203.0.3.2', '8081']);
  for (const [host, port] of [
    [lab.gateway, 8080],
    [lab.gateway, 8081],
    [lab.client(1), 8080],
  ] as const) {
    const sockets = () => host.must(['ss', '-Hltn']);
    expect(await eventually(sockets, (text) => text.includes(`:${port} `), 3000)).toContain(`:${port} `);
  }
  const results = await lab.client().connect({
    targets: [
      { address: '10.0.0.1', port: 8080 },
      { address: lab.client(1).ipv4, port: 8080 },
      { address: '203.0.3.2', port: 8081 },
    ],
    close: 'reset',
  });
  connectMs(results);
  for (const program of [listener, neighbour, wanSide]) await program.stop();
  const out = (await lab.wire.trace()).filter(({ protocol }) => protocol === 'tcp');
  expect(out).toEqual([]);
  expect(await daemonPackets()).toBe(before);
});

test('echo requests and traceroute-like probes leave by the rest route and come back', async () => {
  const { lab } = made;
  for (const address of [NEAR, NEAR6]) {
    const ping = await lab.client().run(['ping', '-c', '3', '-i', '0.2', '-W', '1', address]);
    expect(ping.stdout).toContain('3 received');
    const expired = await lab.client().run(['ping', '-c', '1', '-t', '2', '-W', '1', address]);
    expect(expired.stdout).toMatch(/exceeded/i);
  }
  const trace = (await lab.wire.trace()).filter(({ protocol }) => protocol === 'icmp');
  expect(new Set(trace.map(({ provider }) => provider))).toEqual(new Set(['b']));
});

test('the gateway hears what it says to a group on the LAN itself', async () => {
  const { gateway } = made.lab;
  const socket = datagramSocket('udp4');
  await boundIn(gateway.namespace, socket, 5354, '0.0.0.0');
  inNamespaceOf(gateway.namespace, () => {
    socket.addMembership('224.0.0.251', '10.0.0.1');
    socket.setMulticastInterface('10.0.0.1');
  });
  const heard = new Promise<string>((resolve) => {
    socket.once('message', (text, from) => resolve(`${text} ${from.address}`));
    setTimeout(() => resolve('nothing'), 2000).unref();
  });
  socket.send('here', 5354, '224.0.0.251');
  expect(await heard).toBe('here 10.0.0.1');
  socket.close();
});
