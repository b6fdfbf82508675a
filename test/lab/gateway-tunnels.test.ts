/** Tunnels stay with what has agreed on them: ESP with IKE, GRE with PPTP’s connection, across services, and where no service names them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WirePacket } from '../../lab/index.js';
import { plain, udp } from '../../lab/packets.js';
import { macOf, Tap } from '../../lab/tap.js';
import { socketClient } from '../../src/api/client.js';
import type { WhatIf, WhatIfOutcome } from '../../src/api/contract.js';
import { connectMs, eventually, GatewayLab, NEAR } from './support/gateway-lab.js';

const GRE = 47;
const ESP = 50;
const AH = 51;
const SCTP = 132;
const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 40 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 20 } },
  ],
};
const TURNS = { criterion: 'round-robin' };

let made: GatewayLab;
let lan: Tap;

beforeAll(async () => {
  made = await GatewayLab.start(SCENARIO, { config: keysAndData(), topologyChanges: true });
  await made.lab.server().echo({ ports: [1723, 7] });
  lan = new Tap(made.lab.client(), 'eth0', { to: await macOf(made.lab.gateway, 'lan0'), keep: () => false });
});

afterAll(async () => {
  lan?.close();
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
});

/** What agrees on a tunnel and what it is carried by are of two services, and neither keeps anything together. */
function keysAndData(): never {
  const services = [
    { name: 'keys', match: { udp: [500, 4500] }, select: TURNS, affinity: 'none' },
    { name: 'control', match: { tcp: 1723 }, select: 'race', affinity: 'none' },
    { name: 'data', match: { protocol: ['gre', 'esp', 'ah'] }, select: TURNS, affinity: 'none' },
    { name: 'sctp', match: { protocol: 'sctp' }, select: 'race', affinity: 'none' },
  ];
  return { services, memory: { trust: '0s' } } as never;
}

/** By which providers it has left, once it has. */
async function waysOf(match: (packet: WirePacket) => boolean, count = 1): Promise<string[]> {
  const ask = async (): Promise<WirePacket[]> =>
    (await made.lab.wire.trace({ direction: 'out' })).filter(match);
  const found = await eventually(ask, (packets) => packets.length >= count, 3000);
  await sleep(60);
  return (await ask()).length === found.length ? found.map(({ provider }) => provider) : ['more than that'];
}

const to =
  (address: string, port = 0) =>
  ({ destination, destinationPort }: WirePacket): boolean =>
    destination === address && destinationPort === port;

/** Sends one packet of a client and says by which provider it leaves; it must leave once. */
async function send(protocol: number, destination: string, payload: number[] = []): Promise<string> {
  await made.lab.wire.reset();
  const { ipv4, ipv6 } = made.lab.client();
  const source = destination.includes(':') ? ipv6 : ipv4;
  lan.send(plain(protocol, source, destination, Buffer.from([...payload, ...new Array(60).fill(7)])));
  const ways = await waysOf(to(destination));
  expect(ways.length).toBe(1);
  return ways[0]!;
}

/** The same for IKE, from and to this port. */
async function ike(destination: string, port: number): Promise<string> {
  await made.lab.wire.reset();
  const { ipv4, ipv6 } = made.lab.client();
  const source = destination.includes(':') ? ipv6 : ipv4;
  lan.send(udp(source, port, destination, port, Buffer.alloc(200, 9)));
  const ways = await waysOf(to(destination, port));
  expect(ways.length).toBe(1);
  return ways[0]!;
}

const NAMES: Readonly<Record<number, WhatIf['protocol'] | undefined>> = {
  [GRE]: 'gre',
  [ESP]: 'esp',
  [AH]: 'ah',
};

/** What the gateway says would become of such a flow now. */
async function foreseen(
  protocol: WhatIf['protocol'],
  destination: string,
  port?: number,
): Promise<WhatIfOutcome> {
  const { ipv4, ipv6 } = made.lab.client();
  const client = destination.includes(':') ? ipv6 : ipv4;
  const query = { client, destination, protocol, ...(port === undefined ? {} : { port }) };
  const { outcomes } = await socketClient(made.lab.controlSocket)('GET /v1/what-if', { query });
  return outcomes[0]!;
}

/** It says the route of the tunnel, and then that is the one. */
async function follows(protocol: number, destination: string, payload: number[], way: string): Promise<void> {
  const said = await foreseen(NAMES[protocol]!, destination);
  const pin = { route: way, by: 'tunnel', until: expect.stringMatching(/^20/) };
  expect(said).toMatchObject({
    action: 'tunnel',
    by: 'kernel',
    route: way,
    reasons: ['tunnel'],
    pin,
    destination,
  });
  expect(said.text).toBe(`It goes by ${way}, with the tunnel of its client and server.`);
  expect(await send(protocol, destination, payload)).toBe(way);
}

let next = 20;
const server = (family: 4 | 6): string => (family === 4 ? `198.51.100.${next++}` : `2001:db8:100::${next++}`);
const SPI = [1, 2, 3, 4, 0, 0, 0, 1];
/** GRE of version 1 with a key, as PPTP has it. */
const CALL = [0x30, 0x01, 0x88, 0x0b, 0, 4, 0, 9];

describe.each([4, 6] as const)('IPv%i', (family) => {
  test('ESP goes where IKE went, IKE by another port as well, whoever’s turn it is', async () => {
    const ways = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const gateway = server(family);
      const before = await foreseen('udp', gateway, 500);
      expect(before).toMatchObject({ action: 'turns', service: 'keys', pin: null });
      expect(before.notes.join()).toContain('No tunnel of the two is known');
      const way = await ike(gateway, 500);
      ways.add(way);
      await follows(ESP, gateway, SPI, way);
      expect(await foreseen('udp', gateway, 4500)).toMatchObject({ action: 'tunnel', route: way });
      expect(await ike(gateway, 4500)).toBe(way);
      // With IPv6 it is a header before the protocol that conntrack sees.
      if (family === 4) expect(await send(AH, gateway, SPI)).toBe(way);
    }
    expect(ways.size).toBeGreaterThan(1);
  });

  test('IKE goes where ESP went', async () => {
    for (let i = 0; i < 3; i++) {
      const gateway = server(family);
      const way = await send(ESP, gateway, SPI);
      expect(await ike(gateway, 500)).toBe(way);
      expect(await ike(gateway, 4500)).toBe(way);
    }
  });

  test('another server’s tunnel has a route of its own', async () => {
    const ways = new Set<string>();
    for (let i = 0; i < 6; i++) ways.add(await send(GRE, server(family), CALL));
    expect([...ways].sort()).toEqual(['a', 'b', 'c']);
  });
});

test('GRE goes where PPTP’s connection went, which was raced', async () => {
  for (let i = 0; i < 3; i++) {
    const [from] = await made.lab.client().connect({ targets: [{ address: NEAR, port: 1723 }], bytes: 10 });
    connectMs([from!]);
    expect((await made.lab.wire.trace({ kind: 'syn' })).length).toBe(i === 0 ? 3 : 1);
    await follows(GRE, NEAR, CALL, 'b');
    expect(await foreseen('tcp', NEAR, 1723)).toMatchObject({
      action: 'tunnel',
      route: 'b',
      service: 'control',
    });
    await made.lab.gateway.run(['conntrack', '-D', '-p', 'gre']);
  }
});

test('a route that is down has none', async () => {
  const gateway = server(4);
  const way = await ike(gateway, 500);
  await made.lab.gateway.must(['ip', 'link', 'set', `wan${'abc'.indexOf(way) + 1}`, 'down']);
  try {
    const other = await eventually(
      () => send(ESP, gateway, SPI).catch(() => way),
      (one) => one !== way,
      5000,
    );
    expect(other).not.toBe(way);
    expect(await foreseen('udp', gateway, 4500)).toMatchObject({ action: 'tunnel', route: other });
    expect(await ike(gateway, 4500)).toBe(other);
  } finally {
    await made.lab.gateway.must(['ip', 'link', 'set', `wan${'abc'.indexOf(way) + 1}`, 'up']);
  }
});

test('SCTP is given one route, and never copied', async () => {
  const init = Buffer.from([
    0x30, 0x39, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 1, 2, 3, 4, 0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0,
    1,
  ]);
  init.writeUInt32LE(crc32c(init), 8);
  const { ipv4 } = made.lab.client();
  lan.send(plain(SCTP, ipv4, NEAR, init));
  expect(await waysOf(to(NEAR))).toHaveLength(1);
});

describe('where no service names it', () => {
  beforeAll(async () => {
    const services = [{ name: 'keys', match: { udp: 'any', tcp: 'any' }, select: TURNS, affinity: 'none' }];
    await made.restart({ services, rest: { route: 'a' }, memory: { trust: '0s' } } as never);
    lan.close();
    lan = new Tap(made.lab.client(), 'eth0', {
      to: await macOf(made.lab.gateway, 'lan0'),
      keep: () => false,
    });
  });

  test.each([4, 6] as const)(
    'IPv%i: ESP follows IKE, and what has no such goes with the rest',
    async (family) => {
      const alone = server(family);
      expect(await foreseen('esp', alone)).toMatchObject({ action: 'rest', route: 'a', pin: null });
      expect(await send(ESP, alone, SPI)).toBe('a');
      const ways = new Set<string>();
      for (let i = 0; i < 4; i++) {
        const gateway = server(family);
        const way = await ike(gateway, 500);
        ways.add(way);
        // By the rest's own route it goes as everything does.
        const action = way === 'a' ? 'rest' : 'tunnel';
        expect(await foreseen('esp', gateway)).toMatchObject({ action, route: way, service: null });
        expect(await send(ESP, gateway, SPI)).toBe(way);
      }
      expect(ways.size).toBeGreaterThan(1);
    },
  );

  test('IKE follows what the rest has carried', async () => {
    for (let i = 0; i < 3; i++) {
      const gateway = server(4);
      expect(await send(ESP, gateway, SPI)).toBe('a');
      expect(await ike(gateway, 500)).toBe('a');
    }
  });
});

test('failback reset after 1s: tunnels return with what is reset', async () => {
  const select = { criterion: 'priority', routes: ['a', 'b'] };
  const services = [{ name: 'all', match: 'any', select, affinity: 'none' }];
  await made.restart({
    services,
    routes: { a: { failback: 'reset after 1s' } },
    memory: { trust: '0s' },
  } as never);
  lan.close();
  lan = new Tap(made.lab.client(), 'eth0', { to: await macOf(made.lab.gateway, 'lan0'), keep: () => false });
  const [one, six] = [server(4), server(6)];
  await made.command('disable', 'a');
  expect([await ike(one, 500), await ike(six, 500)]).toEqual(['b', 'b']);
  await made.command('enable', 'a');
  expect([await send(ESP, one, SPI), await send(ESP, six, SPI)]).toEqual(['b', 'b']);
  await sleep(1500);
  expect([await ike(one, 500), await ike(six, 500)]).toEqual(['a', 'a']);
  expect([await send(ESP, one, SPI), await send(ESP, six, SPI)]).toEqual(['a', 'a']);
});

/** Castagnoli's, as SCTP has it (RFC 9260 appendix A). */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
