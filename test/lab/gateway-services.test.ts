/** Which service a connection belongs to, by everything that `match` knows, and what a service may ask besides a route. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOverrides, EchoServer } from '../../lab/index.js';
import { ask, NameServer } from '../../lab/name-server.js';
import { macOf, Tap } from '../../lab/tap.js';
import { connectMs, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { countOf, INSIDE, routesTaken, UdpEcho, udpFlow } from './support/taken.js';

const OTHER4 = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'];
const OTHER6 = [
  '2001:db8:200::1',
  '2001:db8:200::2',
  '2001:db8:200::3',
  '2001:db8:200::4',
  '2001:db8:200::5',
];
/** A client on the second interface of the LAN. */
const SECOND = '10.1.0.2';
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const today = DAYS[new Date().getDay()];
const notNow = DAYS[(new Date().getDay() + 3) % 7];

const PORTS = [
  7001, 7002, 7003, 7004, 7005, 7006, 7010, 7011, 7015, 7016, 7020, 7030, 7040, 7041, 7042, 7050, 7060,
];

const SERVICES = [
  // Names first: they match whatever the port.
  { name: 'video', match: { domain: ['video.example', '*.film.example'] }, select: 'c' },
  { name: 'second', match: { interface: 'lan1', tcp: 7015 }, select: 'c' },
  { name: 'never', match: { tcp: 7001, time: notNow, domain: 'never.example' }, select: 'c' },
  { name: 'not-now', match: { tcp: 7001, time: notNow }, select: 'c' },
  { name: 'now', match: { tcp: 7002, time: `${today},${DAYS[(new Date().getDay() + 1) % 7]}` }, select: 'c' },
  { name: 'ports', match: { tcp: [7001, '7003-7004'], udp: 7003 }, select: 'b' },
  // Overlaps the one before: it has only what is left.
  { name: 'wider', match: { tcp: '7000-7009', udp: '7000-7009' }, select: 'a' },
  { name: 'guests', match: { tcp: 7010, source: '@guests' }, select: 'c' },
  {
    name: 'servers',
    match: { tcp: 7010, destination: ['192.0.2.1', '192.0.2.2/31', '2001:db8:200::/64'] },
    select: 'b',
  },
  { name: 'both', match: { tcp: 7011, source: '10.0.0.4', destination: '@others' }, select: 'b' },
  { name: 'expedited', match: { tcp: 7020, dscp: ['ef', 'cs3'] }, select: 'c' },
  { name: 'not-expedited', match: { tcp: 7020 }, select: 'b' },
  {
    name: 'echo',
    match: { protocol: ['icmp', 'icmpv6'], destination: ['192.0.2.0/24', '2001:db8:200::/48'] },
    select: 'c',
  },
  { name: 'tunnels', match: { protocol: ['gre', 'sctp'] }, select: 'least-connections', affinity: 'none' },
  {
    name: 'plain-echo',
    match: { protocol: ['icmp', 'icmpv6'] },
    select: 'least-connections',
    affinity: 'none',
  },
  { name: 'raced', match: { tcp: 7030 }, select: 'race', affinity: 'none' },
  { name: 'inside', match: { tcp: 7040, udp: 7040 }, select: 'd', translate: false },
  {
    name: 'inside-raced',
    match: { tcp: 7041 },
    select: { criterion: 'race', routes: ['d', 'a'] },
    translate: false,
  },
  { name: 'outside', match: { tcp: 7042 }, select: 'd' },
  { name: 'not-raced', match: { tcp: 7050 }, select: 'rest' },
  { name: 'never-raced', match: { tcp: 7060 }, select: 'hash', affinity: 'none' },
];

function config(services: readonly object[] = SERVICES): ConfigOverrides {
  return {
    lan: ['lan0', 'lan1'],
    routes: {
      // Inside addresses may leave by it, and come back: the services say whether they do.
      d: { translate: true, gateway: ['203.0.4.1', 'fd03:4::1'], addresses: ['203.0.4.2', 'fd03:4::2'] },
    },
    sets: { guests: ['10.0.0.3', '10.0.0.8/29', 'fd00::3'], others: ['192.0.2.0/24', '2001:db8:200::/64'] },
    services,
    rest: { route: 'a' },
    memory: { trust: '0s', store: 'none' },
  };
}

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: 12 },
      providers: [
        { name: 'a', link: { delayMs: 4 } },
        { name: 'b', link: { delayMs: 2 } },
        { name: 'c', link: { delayMs: 8 } },
        { name: 'd', translate: false },
      ],
      servers: [{ name: 'near' }, { name: 'other', ipv4: OTHER4, ipv6: OTHER6 }],
    },
    { topologyChanges: true },
  );
  await secondLan();
  await made.restart(config());
  echo = await made.lab.server().echo({ ports: PORTS });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
  await echo.forget();
});

/** Another cable from the client to the gateway. */
async function secondLan(): Promise<void> {
  const { gateway } = made.lab;
  const client = made.lab.client();
  const link = [
    'ip',
    'link',
    'add',
    'lan1',
    'type',
    'veth',
    'peer',
    'name',
    'eth1',
    'netns',
    client.namespace,
  ];
  await gateway.must(link);
  await gateway.must(['sh', '-c', 'ip addr add 10.1.0.1/24 dev lan1 && ip link set lan1 up']);
  const commands = [
    `ip addr add ${SECOND}/24 dev eth1 && ip link set eth1 up`,
    `ip rule add from ${SECOND} lookup 100`,
    'ip route add default via 10.1.0.1 dev eth1 table 100',
  ];
  await client.must(['sh', '-c', commands.join(' && ')]);
}

/** The route of one connection. `from`: the client's number, or its address. */
async function taken(address: string, port: number, from: number | string = 0): Promise<string> {
  const prefix = address.includes(':') ? 'fd00::' : '10.0.0.';
  const source =
    typeof from === 'string' ? from : `${prefix}${(from + 2).toString(address.includes(':') ? 16 : 10)}`;
  connectMs(await made.lab.client().connect({ targets: [{ address, port }], sources: [source], bytes: 10 }));
  return routesTaken(made.lab, await echo.connections(), port).at(-1)!;
}

describe('match', () => {
  test.each([
    ['TCP port', NEAR, 7001, 'b'],
    ['range of TCP ports', NEAR, 7004, 'b'],
    ['the first of two that match', NEAR, 7003, 'b'],
    ['the second where the first does not', NEAR, 7005, 'a'],
    ['at its time', NEAR, 7002, 'c'],
    ['IPv6', NEAR6, 7001, 'b'],
    ['IPv6, the first of two', NEAR6, 7003, 'b'],
  ])('%s', async (_, address, port, route) => {
    expect(await taken(address, port)).toBe(route);
  });

  test('UDP ports', async () => {
    const client = made.lab.client();
    for (const [port, route] of [
      [7003, 'b'],
      [7004, 'a'],
    ] as const) {
      const server = await UdpEcho.listen(made.lab.server(), NEAR, port);
      expect(await udpFlow(client, { from: client.ipv4, to: NEAR, port, texts: ['x'] })).toBe(1);
      expect(routesTaken(made.lab, [{ remoteAddress: server.received[0]?.source } as never])).toEqual([
        route,
      ]);
      server.close();
    }
  });

  test('source and destination: addresses, prefixes, sets, both together', async () => {
    // 10.0.0.3 and 10.0.0.8/29 are guests.
    expect(await taken(NEAR, 7010, 1)).toBe('c');
    expect(await taken(NEAR, 7010, 7)).toBe('c');
    expect(await taken(NEAR, 7010, 5)).toBe('a');
    expect(await taken(NEAR6, 7010, 1)).toBe('c');
    expect(await taken(NEAR6, 7010, 2)).toBe('a');
    expect(await taken('192.0.2.1', 7010)).toBe('b');
    expect(await taken('192.0.2.3', 7010)).toBe('b');
    expect(await taken('192.0.2.4', 7010)).toBe('a');
    expect(await taken('2001:db8:200::5', 7010)).toBe('b');
    // Guests come first.
    expect(await taken('192.0.2.1', 7010, 1)).toBe('c');
    // Only IPv4 is named, and both must match.
    expect(await taken('192.0.2.6', 7011, 2)).toBe('b');
    expect(await taken('192.0.2.6', 7011, 3)).toBe('a');
    expect(await taken(NEAR, 7011, 2)).toBe('a');
    expect(await taken('2001:db8:200::1', 7011, 2)).toBe('a');
  });

  test('interface', async () => {
    expect(await taken(NEAR, 7015, SECOND)).toBe('c');
    expect(await taken(NEAR, 7015)).toBe('a');
  });

  test('dscp', async () => {
    const rules = [
      'add table inet dscp',
      'add chain inet dscp out { type filter hook output priority 0; }',
      'add rule inet dscp out ip saddr 10.0.0.4 ip dscp set ef',
      'add rule inet dscp out ip saddr 10.0.0.5 ip dscp set cs3',
      'add rule inet dscp out ip saddr 10.0.0.6 ip dscp set af11',
      'add rule inet dscp out ip6 saddr fd00::4 ip6 dscp set ef',
    ];
    await made.lab.client().must(['nft', '-f', '-'], { input: rules.join('\n') });
    expect(await taken(NEAR, 7020, 2)).toBe('c');
    expect(await taken(NEAR, 7020, 3)).toBe('c');
    expect(await taken(NEAR, 7020, 4)).toBe('b');
    expect(await taken(NEAR, 7020, 5)).toBe('b');
    expect(await taken(NEAR6, 7020, 2)).toBe('c');
    expect(await taken(NEAR6, 7020, 3)).toBe('b');
    await made.lab.client().must(['nft', 'delete', 'table', 'inet', 'dscp']);
  });

  test('protocol: ICMP, by the kernel and by the daemon, there and back', async () => {
    for (const [address, route] of [
      ['192.0.2.1', 'c'],
      ['2001:db8:200::1', 'c'],
    ] as const) {
      await made.lab.wire.reset();
      const ping = await made.lab.client().run(['ping', '-c', '3', '-i', '0.1', '-W', '1', address]);
      expect(ping.stdout).toContain('3 received');
      expect(await providersOf('icmp')).toEqual({ [route]: 3 });
    }
    for (const address of [NEAR, NEAR6]) {
      await made.lab.wire.reset();
      const before = (await made.status()).packets.queue.lan ?? 0;
      const ping = await made.lab.client().run(['ping', '-c', '3', '-i', '0.1', '-W', '1', address]);
      expect(ping.stdout).toContain('3 received');
      // One flow, of which the daemon sees the first packet.
      expect(Object.values(await providersOf('icmp'))).toEqual([3]);
      expect((await made.status()).packets.queue.lan).toBe(before + 1);
    }
  });

  test('protocol: what has no ports at all, chosen by the daemon', async () => {
    const tap = new Tap(made.lab.client(), 'eth0', { to: await macOf(made.lab.gateway, 'lan0') });
    const before = (await made.status()).packets.queue.lan ?? 0;
    tap.send(gre('10.0.0.2', NEAR));
    await sleep(100);
    expect(Object.keys(await providersOf('other')).length).toBe(1);
    expect((await made.status()).packets.queue.lan).toBe(before + 1);
    expect(tap.refused).toBe(0);
    tap.close();
    await made.lab.gateway.run(['conntrack', '-D', '-p', 'gre']);
  });

  async function providersOf(protocol: 'icmp' | 'other'): Promise<Record<string, number>> {
    const trace = await made.lab.wire.trace({ direction: 'out' });
    return countOf(trace.filter((packet) => packet.protocol === protocol).map(({ provider }) => provider));
  }

  /** IPv4, a GRE header of nothing in particular, and some bytes: the kernel translates no less. */
  function gre(source: string, destination: string): Buffer {
    const bytes = Buffer.alloc(40);
    bytes.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 47]);
    bytes.set(source.split('.').map(Number), 12);
    bytes.set(destination.split('.').map(Number), 16);
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += bytes.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    bytes.writeUInt16BE(~sum & 0xffff, 10);
    return bytes;
  }
});

describe('domain', () => {
  const names = (addresses: readonly string[]): Record<string, readonly string[]> => ({
    'video.example': [addresses[0]!],
    'cdn.eu.video.example': [addresses[1]!, addresses[2]!],
    'a.film.example': [addresses[3]!],
    'notvideo.example': [addresses[4]!],
    'never.example': [addresses[4]!],
  });

  test.each([
    ['IPv4', NEAR, OTHER4, '10.0.0.2'],
    ['IPv6', NEAR6, OTHER6, 'fd00::2'],
  ] as const)(
    '%s: the very first connection after the answer is in the service',
    async (_, near, others, from) => {
      const server = await NameServer.listen(made.lab.server(), near, names(others));
      // Not asked for yet: as everybody else.
      expect(await taken(others[0]!, 7050)).toBe('a');
      for (const [name, route] of [
        ['video.example', 'c'],
        ['cdn.eu.video.example', 'c'],
        ['a.film.example', 'c'],
        ['notvideo.example', 'a'],
        ['never.example', 'a'],
      ] as const) {
        const addresses = await ask(made.lab.client(), from, near, name);
        expect(addresses.length).toBeGreaterThan(0);
        for (const address of addresses)
          expect({ name, taken: await taken(address, 7050) }).toEqual({ name, taken: route });
      }
      server.close();
    },
  );

  test('a name server on the gateway itself', async () => {
    const server = await NameServer.listen(made.lab.gateway, '10.0.0.1', {
      'local.video.example': ['192.0.2.6'],
    });
    expect(await taken('192.0.2.6', 7050)).toBe('a');
    await ask(made.lab.client(), '10.0.0.2', '10.0.0.1', 'local.video.example');
    expect(await taken('192.0.2.6', 7050)).toBe('c');
    server.close();
  });

  test('what is known is kept over a reload, and over a flush of the ruleset by somebody else', async () => {
    expect(await taken(OTHER4[0]!, 7050)).toBe('c');
    await reload([{ name: 'new', match: { tcp: 7099 }, select: 'b' }, ...SERVICES]);
    expect(await taken(OTHER4[0]!, 7050)).toBe('c');
    await made.lab.gateway.must(['nft', 'flush', 'ruleset']);
    await sleep(1000);
    expect(await taken(OTHER4[0]!, 7050)).toBe('c');
    expect(await taken(OTHER6[1]!, 7050)).toBe('c');
    await reload(SERVICES);
  });
});

describe('translate', () => {
  test('false: the client’s address stays, whatever the route says, and answers find it', async () => {
    expect(await taken(NEAR, 7040)).toBe(INSIDE);
    expect(await taken(NEAR6, 7040)).toBe(INSIDE);
    expect(await taken(NEAR, 7042)).toBe('d');
    const out = await made.lab.wire.trace({ direction: 'out', kind: 'syn', port: 7040 });
    expect(out.map(({ provider, source }) => `${provider} ${source}`)).toEqual(['d 10.0.0.2', 'd fd00::2']);
    const client = made.lab.client();
    const server = await UdpEcho.listen(made.lab.server(), NEAR, 7040);
    expect(await udpFlow(client, { from: client.ipv4, to: NEAR, port: 7040, texts: ['1', '2'] })).toBe(2);
    expect(server.received.map(({ source }) => source)).toEqual(['10.0.0.2', '10.0.0.2']);
    server.close();
  });

  test('false, raced: every copy has the client’s own address and port', async () => {
    for (const address of [NEAR, NEAR6]) expect(await taken(address, 7041)).toBe(INSIDE);
    const out = await made.lab.wire.trace({ direction: 'out', kind: 'syn', port: 7041 });
    expect(countOf(out.map(({ provider, source }) => `${provider} ${source}`))).toEqual({
      'a 10.0.0.2': 1,
      'd 10.0.0.2': 1,
      'a fd00::2': 1,
      'd fd00::2': 1,
    });
  });

  test('true: an address of the route, although the route keeps inside ones', async () => {
    const translated = [
      { name: 'outside', match: { tcp: 7042 }, select: 'd', translate: true },
      {
        name: 'raced-outside',
        match: { tcp: 7041 },
        select: { criterion: 'race', routes: ['d', 'c'] },
        translate: true,
      },
      { name: 'inside', match: { tcp: 7040 }, select: 'd' },
    ];
    const d = {
      translate: false,
      gateway: ['203.0.4.1', 'fd03:4::1'],
      addresses: ['203.0.4.2', 'fd03:4::2'],
    };
    await made.restart({ ...config(translated), routes: { d } });
    for (const address of [NEAR, NEAR6]) {
      expect(await taken(address, 7040)).toBe(INSIDE);
      expect(await taken(address, 7042)).toBe('d');
      expect(await taken(address, 7041)).toBe('d');
    }
    await made.restart(config());
  });
});

describe('exclusions', () => {
  test('select: rest, and hash: one SYN each, and the daemon never sees them', async () => {
    const before = (await made.status()).packets.queue.lan;
    for (const port of [7050, 7060]) {
      for (const address of [NEAR, NEAR6]) {
        connectMs(await made.lab.client().connect({ targets: [{ address, port }], count: 30, bytes: 100 }));
      }
    }
    const out = await made.lab.wire.trace({ direction: 'out', kind: 'syn' });
    expect(out.length).toBe(120);
    expect(
      out.filter(({ destinationPort }) => destinationPort === 7050).every(({ provider }) => provider === 'a'),
    ).toBe(true);
    expect((await made.status()).packets.queue.lan).toBe(before);
    // Beside them there are races, of which d is the nearest.
    expect(await taken(NEAR, 7030)).toBe('d');
    expect((await made.lab.wire.trace({ direction: 'out', kind: 'syn', port: 7030 })).length).toBe(4);
  });
});

describe('numbers', () => {
  test('a service keeps its number with its name: over a reload its groups and flows stay its own', async () => {
    const grouped = { name: 'grouped', match: { tcp: 7016 }, select: 'round-robin' };
    const first = { name: 'first', match: { tcp: 7006 }, select: 'round-robin' };
    await made.restart(config([grouped, first]));
    const holder = made.lab.client().connector();
    connectMs(
      await holder.run({ targets: [{ address: NEAR, port: 7016 }], count: 3, hold: true, bytes: 10 }),
    );
    const [route] = routesTaken(made.lab, await echo.connections(), 7016);
    // The other way round, one gone and another new.
    await reload([
      { name: 'new', match: { tcp: 7005 }, select: 'round-robin' },
      { ...grouped, sessionWeight: 2 },
    ]);
    for (let i = 0; i < 4; i++) expect(await taken(NEAR, 7016)).toBe(route);
    await reload([first, grouped]);
    for (let i = 0; i < 4; i++) expect(await taken(NEAR, 7016)).toBe(route);
    expect(await holder.check()).toEqual({ held: 3, ok: 3, errors: {} });
    await holder.stop();
    await made.restart(config());
  });
});

/** Other services in the running gateway's file. */
async function reload(services: readonly object[]): Promise<void> {
  made.rewriteConfig(config(services));
  await made.command('reload');
  await sleep(300);
}
