/** Later connections of a group use the route of the first: what makes a group, how long it lasts, and when it moves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { ask, NameServer } from '../../lab/name-server.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { routesTaken, UdpEcho, udpFlow } from './support/taken.js';

const PORT = {
  raced: 7001,
  destination: 7002,
  client: 7003,
  prefix: 7004,
  site: 7005,
  none: 7006,
  short: 7007,
  asked: 7008,
} as const;
type Service = keyof typeof PORT;

/** Two in the prefix of `near` (/24, /48), two in another; names below. */
const SERVERS = {
  4: [NEAR, '198.51.100.200', '192.0.2.1', '192.0.2.2'],
  6: [NEAR6, '2001:db8:100:ffff::1', '2001:db8:200::1', '2001:db8:200:ffff::2'],
} as const;
type Family = 4 | 6;
const FAMILIES = [4, 6] as const;

function service(name: Service, select: string, affinity?: unknown): object {
  return {
    name,
    match: { tcp: PORT[name], udp: PORT[name] },
    select,
    ...(affinity === undefined ? {} : { affinity }),
  };
}

const CONFIG = {
  services: [
    service('raced', 'race'),
    service('destination', 'round-robin'),
    service('client', 'round-robin', 'client'),
    service('prefix', 'round-robin', 'client+prefix'),
    service('site', 'round-robin', 'client+site'),
    service('none', 'round-robin', 'none'),
    service('short', 'round-robin', { by: 'client+destination', for: '2s' }),
    service('asked', 'least-connections'),
  ],
  rest: { route: 'a' },
  memory: { trust: '1s', refresh: 0, store: 'none', stagger: 'never' },
};
/** As the services are numbered. */
const NUMBER = Object.fromEntries(Object.keys(PORT).map((name, i) => [name, i + 1])) as Record<
  Service,
  number
>;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: 12 },
      providers: [
        // Far apart: on a busy machine an answer is late by some hundredths of a second.
        { name: 'a', link: { delayMs: 70 } },
        { name: 'b', link: { delayMs: 30 } },
        { name: 'c', link: { delayMs: 80 } },
      ],
      servers: [{ name: 'near', ipv4: SERVERS[4], ipv6: SERVERS[6] }],
    },
    { config: CONFIG, topologyChanges: true },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORT) });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.link('c').set({ delayMs: 80 });
  await made.lab.wire.reset();
  await echo.forget();
});

function client(family: Family, index: number): string {
  return family === 4 ? `10.0.0.${index + 2}` : `fd00::${(index + 2).toString(16)}`;
}

/** One connection of a client; the route it took, by the server's record. */
async function connect(name: Service, family: Family, from: number, to: number): Promise<string> {
  const targets = [{ address: SERVERS[family][to]!, port: PORT[name] }];
  connectMs(await made.lab.client().connect({ targets, sources: [client(family, from)], bytes: 10 }));
  return routesTaken(made.lab, await echo.connections(), PORT[name]).at(-1)!;
}

async function connectAll(
  name: Service,
  family: Family,
  pairs: readonly (readonly [number, number])[],
): Promise<string[]> {
  const taken: string[] = [];
  for (const [from, to] of pairs) taken.push(await connect(name, family, from, to));
  return taken;
}

interface Element {
  readonly key: string;
  readonly route: string;
  readonly expires: number;
}

/** nft's own list of a service's groups. */
async function groups(name: Service, family: Family, kind: string): Promise<Element[]> {
  const map = `affinity${family}_${NUMBER[name]}_${kind}`;
  const text = await made.lab.gateway.must(['nft', '-j', 'list', 'map', 'inet', 'pathrace', map]);
  const { nftables } = JSON.parse(text) as {
    nftables: { map?: { elem?: [{ elem: { val: unknown; expires: number } }, number][] } }[];
  };
  return nftables
    .flatMap(({ map: found }) => found?.elem ?? [])
    .map(([{ elem }, mark]) => ({
      key: keyText(elem.val),
      route: ' abc'[(mark >>> 24) & 31] ?? '',
      expires: elem.expires,
    }));
}

function keyText(value: unknown): string {
  return typeof value === 'object' ? (value as { concat: unknown[] }).concat.join(' . ') : String(value);
}

describe.each(FAMILIES)('IPv%i', (family) => {
  test('client+destination, raced: it keeps the first route although a nearer one appears', async () => {
    expect(await connect('raced', family, 0, 0)).toBe('b');
    await made.lab.link('c').set({ delayMs: 1 });
    // Memory is trusted for one second only: what is kept from now on is the group's.
    await sleep(1300);
    await made.lab.wire.reset();
    expect(await connectAll('raced', family, Array(5).fill([0, 0]))).toEqual(Array(5).fill('b'));
    const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
    expect(syns.map(({ provider }) => provider)).toEqual(Array(5).fill('b'));
    // Another client, and another destination of the same, are raced.
    expect(await connect('raced', family, 1, 0)).toBe('c');
    expect(await connect('raced', family, 0, 2)).toBe('c');
    await sleep(100);
    const noted = await groups('raced', family, 'destination');
    expect(noted.map(({ route }) => route).sort()).toEqual(['b', 'c', 'c']);
    if (family === 4)
      expect(noted).toContainEqual({
        key: `10.0.0.2 . ${NEAR}`,
        route: 'b',
        expires: expect.closeTo(1800, -1),
      });
  });

  test.each([
    // Pairs of client and server, and the group that each belongs to.
    ['destination', 'destination', ['00', '00', '01', '01', '10', '00', '10', '01'], 'xxyyzxzy'],
    ['client', 'client', ['00', '01', '02', '10', '13', '21', '00', '12', '20'], 'xxxyyzxyz'],
    ['prefix', 'prefix', ['00', '01', '02', '03', '10', '01', '03', '11'], 'xxyyzxyz'],
  ] as const)('%s: one route for a group, the next one for the next', async (name, kind, pairs, letters) => {
    const numbers = pairs.map((pair): [number, number] => [Number(pair[0]), Number(pair[1])]);
    const taken = await connectAll(name, family, numbers);
    const routes = new Map([...letters].map((letter, i) => [letter, taken[i]]));
    expect(taken).toEqual([...letters].map((letter) => routes.get(letter)));
    // Round-robin has given each new group the next route.
    expect([...routes.values()].sort()).toEqual(['a', 'b', 'c']);
    const noted = await groups(name, family, kind);
    expect(noted.map(({ route }) => route).sort()).toEqual(['a', 'b', 'c']);
  });

  test('none: the next route each time', async () => {
    const taken = await connectAll('none', family, Array(6).fill([0, 0]));
    expect(new Set(taken.slice(0, 3)).size).toBe(3);
    expect(taken.slice(3)).toEqual(taken.slice(0, 3));
  });

  test('client+site: the names below one registrable domain, as the DNS answers say', async () => {
    const [near, sameNet, one, two] = SERVERS[family];
    const server = await NameServer.listen(made.lab.server(), near!, {
      'www.example.co.uk': [one!],
      'img.example.co.uk': [sameNet!],
      'www.another.co.uk': [two!],
    });
    for (const name of ['www.example.co.uk', 'img.example.co.uk', 'www.another.co.uk'])
      await ask(made.lab.client(), client(family, 0), near!, name);
    // example.co.uk at 2 and 1, another.co.uk at 3, no name at 0; then another client.
    const taken = await connectAll('site', family, [
      [0, 2],
      [0, 1],
      [0, 3],
      [0, 0],
      [0, 1],
      [0, 3],
      [0, 0],
    ]);
    const [x, , y, z] = taken;
    expect(taken).toEqual([x, x, y, z, x, y, z]);
    expect(new Set([x, y, z]).size).toBe(3);
    expect((await groups('site', family, 'site')).length).toBe(3);
    expect(await connect('site', family, 1, 2)).toBe(await connect('site', family, 1, 1));
    server.close();
  });

  test('a group lasts as long as it is used, and not much longer', async () => {
    const first = await connect('short', family, 0, 0);
    for (let i = 0; i < 3; i++) {
      await sleep(1300);
      expect(await connect('short', family, 0, 0)).toBe(first);
    }
    const [group] = await groups('short', family, 'destination');
    expect(group).toMatchObject({ route: first });
    await sleep(2400);
    expect(await groups('short', family, 'destination')).toEqual([]);
    expect(await connect('short', family, 0, 0)).not.toBe(first);
  });

  test('chosen by the daemon: it pins too, ten connections at once as well', async () => {
    const targets = [{ address: SERVERS[family][0]!, port: PORT.asked }];
    for (const from of [3, 4, 5]) {
      await echo.forget();
      const sources = [client(family, from)];
      const plan = { targets, sources, count: 10, concurrency: 10 };
      connectMs(await made.lab.client().connect(plan));
      const taken = routesTaken(made.lab, await echo.connections());
      expect(taken.length).toBe(10);
      expect(new Set(taken).size).toBe(1);
      await sleep(50);
      const before = (await made.status()).packets.queue.lan;
      connectMs(await made.lab.client().connect(plan));
      // The kernel has it: nobody is asked.
      expect((await made.status()).packets.queue.lan).toBe(before);
      expect(new Set(routesTaken(made.lab, await echo.connections()))).toEqual(new Set(taken));
    }
    expect((await groups('asked', family, 'destination')).length).toBe(3);
  });

  test('UDP: a client’s flows to one server, whatever their ports', async () => {
    const server = await UdpEcho.listen(made.lab.server(), SERVERS[family][0]!, PORT.destination);
    const routes: Set<string>[] = [];
    for (const from of [6, 7, 8]) {
      server.received.length = 0;
      for (let flow = 0; flow < 4; flow++) {
        const plan = { from: client(family, from), to: SERVERS[family][0]!, port: PORT.destination };
        expect(await udpFlow(made.lab.client(), { ...plan, texts: ['1', '2', '3'] })).toBe(3);
      }
      const records = server.received.map(({ source }) => ({ remoteAddress: source }) as never);
      routes.push(new Set(routesTaken(made.lab, records)));
    }
    server.close();
    expect(routes.map((set) => set.size)).toEqual([1, 1, 1]);
    expect(new Set(routes.flatMap((set) => [...set])).size).toBe(3);
  });
});

describe('when the route of a group goes', () => {
  async function setLink(route: string, state: 'up' | 'down'): Promise<void> {
    const { gateway } = made.lab;
    const number = ' abc'.indexOf(route);
    const device = `wan${number}`;
    await gateway.must(['ip', 'link', 'set', device, state]);
    if (state === 'down') return;
    // The kernel took these away with the link.
    await gateway.must(['ip', 'addr', 'add', `fd03:${number}::2/64`, 'dev', device, 'nodad']);
    const metric = `${100 + number}`;
    await gateway.run([
      'ip',
      'route',
      'add',
      'default',
      'via',
      `203.0.${number}.1`,
      'dev',
      device,
      'metric',
      metric,
    ]);
    await gateway.run([
      'ip',
      '-6',
      'route',
      'add',
      'default',
      'via',
      `fd03:${number}::1`,
      'dev',
      device,
      'metric',
      metric,
    ]);
  }

  let broken = '';
  afterEach(async () => {
    if (broken !== '') await setLink(broken, 'up');
    broken = '';
  });

  test('down: the group moves at once, is pinned anew, and stays there when the route returns', async () => {
    const first = await connect('destination', 4, 9, 0);
    broken = first;
    await setLink(first, 'down');
    await sleep(200);
    const second = await connect('destination', 4, 9, 0);
    expect(second).not.toBe(first);
    expect(await connectAll('destination', 4, Array(5).fill([9, 0]))).toEqual(Array(5).fill(second));
    await setLink(first, 'up');
    broken = '';
    // Others make it prove itself.
    const state = await eventually(
      async () => {
        connectMs(
          await made.lab.client().connect({
            targets: [NEAR, NEAR6].map((address) => ({ address, port: PORT.none })),
            count: 6,
          }),
        );
        return (await made.status()).routes.find(({ name }) => name === first)?.state;
      },
      (now) => now === 'up',
      10_000,
    );
    expect(state).toBe('up');
    expect(await connectAll('destination', 4, Array(5).fill([9, 0]))).toEqual(Array(5).fill(second));
    const noted = (await groups('destination', 4, 'destination')).filter(({ key }) =>
      key.startsWith('10.0.0.11 '),
    );
    expect(noted.map(({ route }) => route)).toEqual([second]);
  });

  test('silent: each waits for one SYN repeat until the silence is believed, three at most; then the group moves', async () => {
    const first = await connect('destination', 4, 10, 0);
    await made.lab.link(first).set({ blackhole: true });
    const targets = [{ address: NEAR, port: PORT.destination }];
    const plan = { targets, sources: [client(4, 10)], count: 1 };
    // One after the other: the next begins when the one before is made.
    const took: number[] = [];
    for (let i = 0; i < 8; i++) took.push(...connectMs(await made.lab.client().connect(plan)));
    const waited = took.filter((ms) => ms > 200);
    expect(waited.length).toBeGreaterThan(0);
    expect(waited.length).toBeLessThan(4);
    expect(Math.min(...waited)).toBeGreaterThan(900);
    expect(Math.max(...waited)).toBeLessThan(1300);
    expect(took.indexOf(waited.at(-1)!)).toBe(waited.length - 1);
    const taken = routesTaken(made.lab, await echo.connections(), PORT.destination);
    expect(taken.slice(-8)).not.toContain(first);
    expect(new Set(taken.slice(-5)).size).toBe(1);
    await made.lab.link(first).set({ blackhole: false });
  });

  test('drained: the group moves; what it has open stays', async () => {
    const holder = made.lab.client().connector();
    const targets = [{ address: NEAR, port: PORT.destination }];
    connectMs(await holder.run({ targets, sources: [client(4, 11)], bytes: 10, hold: true }));
    const first = routesTaken(made.lab, await echo.connections(), PORT.destination).at(-1)!;
    await made.command('drain', first);
    const second = await connect('destination', 4, 11, 0);
    expect(second).not.toBe(first);
    expect(await connectAll('destination', 4, Array(3).fill([11, 0]))).toEqual(Array(3).fill(second));
    expect(await holder.check()).toEqual({ held: 1, ok: 1, errors: {} });
    await made.command('undrain', first);
    await holder.stop();
  });
});

test('a route that leaves the service takes none of its groups along', async () => {
  const pairs = [6, 7, 8].map((from): [number, number] => [from, 1]);
  for (const family of FAMILIES) {
    const before = await connectAll('destination', family, pairs);
    expect([...before].sort()).toEqual(['a', 'b', 'c']);
    const services = CONFIG.services.map((one) =>
      'name' in one && one.name === 'destination'
        ? { ...one, select: { criterion: 'round-robin', routes: ['a', 'b'] } }
        : one,
    );
    made.rewriteConfig({ ...CONFIG, services });
    await made.command('reload');
    const after = await connectAll('destination', family, [...pairs, ...pairs]);
    const expected = before.map((route, i) => (route === 'c' ? after[i] : route));
    expect(after).toEqual([...expected, ...expected]);
    expect(after).not.toContain('c');
    made.rewriteConfig(CONFIG);
    await made.command('reload');
  }
});

describe('with memory', () => {
  test('what the kernel decides by memory is pinned too', async () => {
    // Far apart: the kernel decides by the measured times, whoever was first.
    for (const name of ['a', 'c']) await made.lab.link(name).set({ delayMs: 80 });
    await made.restart({ ...CONFIG, memory: { trust: '10m', refresh: 0, store: 'none' } });
    for (const family of FAMILIES) {
      expect(await connect('raced', family, 0, 0)).toBe('b');
      const status = await eventually(
        () => made.status(),
        ({ memory }) => memory.inKernel >= (family === 4 ? 1 : 2),
        2000,
      );
      expect(status.memory.inKernel).toBe(family === 4 ? 1 : 2);
      await sleep(100);
      const before = (await made.status()).packets.queue.lan;
      expect(await connect('raced', family, 1, 0)).toBe('b');
      expect((await made.status()).packets.queue.lan).toBe(before);
      const noted = await groups('raced', family, 'destination');
      expect(noted.map(({ route }) => route)).toEqual(['b', 'b']);
      if (family === 4)
        expect(noted.map(({ key }) => key).sort()).toEqual([`10.0.0.2 . ${NEAR}`, `10.0.0.3 . ${NEAR}`]);
    }
  });
});
