/**
 * What the main table knows a way for goes there, whoever translated its destination: networks inside, hosts in a provider's own subnet,
 * networks behind such a host. Plain kernel NAT does the same in the same place, and is the oracle.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Annex, annex, demilitarized } from '../../lab/annex.js';
import { type EchoServer, type PlainNat, plainMasquerade } from '../../lab/index.js';
import { boundIn, datagramSocket } from './support/datagram-socket.js';
import { connectMs, GatewayLab, NEAR } from './support/gateway-lab.js';

const PORT = 7;
const TABLE = 'operator';
/** A modem beside the provider's next hop, its page's address in the subnet and behind it. */
const MODEM = ['203.0.2.77', 'fd03:2::77', '192.168.100.1', 'fd07::1'] as const;

let made: GatewayLab;
let dmz: Annex;
let modem: Annex;
let plain: PlainNat;
const echoes: EchoServer['connections'][] = [];

beforeAll(async () => {
  made = await GatewayLab.start(
    { plain: true, providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] },
    { config: { rest: { route: 'c' } }, topologyChanges: true },
  );
  const { gateway } = made.lab;
  const server = made.lab.server();
  await server.echo({ ports: [PORT] });
  dmz = await demilitarized(made.lab);
  modem = await annex(
    made.lab,
    'modem',
    (there) =>
      `-n ${server.namespace} link add link p2 name eth0 netns ${there} type macvlan mode bridge`.split(' '),
    [
      ...['addr add 203.0.2.77/24 dev eth0', 'addr add fd03:2::77/64 dev eth0 nodad', 'link set eth0 up'],
      ...['addr add 192.168.100.1/32 dev lo', 'addr add fd07::1/128 dev lo nodad'],
    ],
  );
  for (const host of [dmz, modem]) {
    const child = host.child('children/echo');
    await child.ask('listen', { ports: [PORT] });
    echoes.push(() => child.ask('connections'));
  }
  await gateway.must([
    'sh',
    '-ec',
    `ip route add 192.168.100.0/24 via 203.0.2.77 dev wan2; ip route add fd07::/64 via fd03:2::77 dev wan2`,
  ]);
  await gateway.must(['nft', '-f', '-'], {
    input: `
      table inet ${TABLE} {
        chain before {
          type nat hook prerouting priority dstnat;
          iifname "lan0" meta nfproto ipv4 udp dport 53 dnat ip to 10.9.0.53
          iifname "lan0" meta nfproto ipv6 udp dport 53 dnat ip6 to fd09::53
          iifname "lan0" meta nfproto ipv4 udp dport 54 dnat ip to 203.0.2.77
        }
      }`,
  });
});

afterAll(async () => {
  const run = made?.lab.gateway.run.bind(made.lab.gateway);
  await run?.(['nft', 'delete', 'table', 'inet', TABLE]);
  await run?.(['ip', 'link', 'delete', 'dmz0']);
  await run?.(['sh', '-c', 'ip route del 192.168.100.0/24; ip route del fd07::/64']);
  await dmz?.stop();
  await modem?.stop();
  await made?.stop();
});

/** Sends datagrams from the client and gives what the echoing socket of another machine saw of them, and what came back. */
async function datagrams(there: Annex, to: string, port: number): Promise<{ seen: string[]; back: number }> {
  const type = to.includes(':') ? 'udp6' : 'udp4';
  const { client } = made.lab;
  const [server, own] = [datagramSocket(type), datagramSocket(type)];
  const seen = new Set<string>();
  server.on('message', (message, from) => {
    seen.add(from.address);
    server.send(message, from.port, from.address);
  });
  await boundIn(there.namespace, server, port, type === 'udp4' ? '0.0.0.0' : '::');
  await boundIn(client().namespace, own, 0, type === 'udp4' ? client().ipv4 : client().ipv6);
  const back = await new Promise<number>((resolve) => {
    let count = 0;
    own.on('message', () => {
      count++;
      if (count === 20) resolve(count);
      else own.send('again', port, to);
    });
    own.send('first', port, to);
    setTimeout(() => resolve(count), 2000).unref();
  });
  server.close();
  own.close();
  return { seen: [...seen], back };
}

describe.each([
  [
    'plain kernel NAT',
    async () => {
      await made.stopDaemon();
      plain = await plainMasquerade(made.lab);
    },
  ],
  [
    'the gateway',
    async () => {
      await plain.remove();
      await made.startDaemon();
    },
  ],
])('%s', (name, begin) => {
  beforeAll(begin);

  test.each([
    ['1.1.1.1', '10.0.0.2'],
    ['2001:db8:100::99', 'fd00::2'],
  ])(
    'a question to %s that is translated to a resolver inside gets there, as it came',
    async (to, source) => {
      expect(await datagrams(dmz, to, 53)).toEqual({ seen: [source], back: 20 });
    },
  );

  test('one that is translated to a host in a provider’s subnet leaves by that provider’s interface and is translated', async () => {
    expect(await datagrams(modem, '1.1.1.1', 54)).toEqual({ seen: ['203.0.2.2'], back: 20 });
  });

  test.each(MODEM)(
    '%s, a host of a provider’s own subnet or behind one, is reached with the address there',
    async (address) => {
      const targets = [{ address, port: PORT }];
      connectMs(await made.lab.client().connect({ targets, count: 10, bytes: 50_000 }));
      const mine = (await echoes[1]!()).filter(
        ({ localAddress }) => localAddress.replace('::ffff:', '') === address,
      );
      expect(mine.length).toBeGreaterThanOrEqual(10);
      const sources = mine.map(({ remoteAddress }) => remoteAddress.replace('::ffff:', ''));
      expect(new Set(sources)).toEqual(new Set([address.includes(':') ? 'fd03:2::2' : '203.0.2.2']));
    },
  );

  test.each(['10.9.0.53', 'fd09::53'])('%s, a host inside, sees the client itself', async (address) => {
    connectMs(
      await made.lab.client().connect({ targets: [{ address, port: PORT }], count: 5, bytes: 50_000 }),
    );
    const sources = (await echoes[0]!()).map(({ remoteAddress }) => remoteAddress.replace('::ffff:', ''));
    expect(new Set(sources)).toContain(address.includes(':') ? 'fd00::2' : '10.0.0.2');
  });

  test('all else goes by a provider, the main table’s default or not', async () => {
    const before = name === 'the gateway' ? (await made.status()).races.started : 0;
    connectMs(
      await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], count: 10, bytes: 1000 }),
    );
    if (name === 'the gateway') expect((await made.status()).races.started).toBe(before + 10);
  });
});
