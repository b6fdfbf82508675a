/**
 * A reload and the kernel's sets and maps: what goes is left before it goes, what stays keeps its elements, and only what is
 * named is emptied.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOverrides, ConnectResult, EchoServer } from '../../lab/index.js';
import { commandControl } from '../../src/api/client.js';
import type { ReloadReport } from '../../src/api/contract.js';
import { RELOAD_PATH } from '../../src/api/paths.js';
import { connectMs, eventually, GatewayLab } from './support/gateway-lab.js';
import { elementsOf, tableObjects, texts } from './support/table.js';

const PORT = { busy: 7001, kept: 7002, raced: 7003, pair: 7004 } as const;
const CLIENTS = 19;
/** Coprime to the clients: in turn they make all pairs. */
const ADDRESSES = Array.from({ length: 120 }, (_, i) => `192.0.2.${i + 1}`);

/** Each connection to a new destination is a question to the daemon, and a group that it writes. */
const BUSY = { name: 'busy', match: { tcp: PORT.busy }, select: 'least-connections' };
const KEPT = { name: 'kept', match: { tcp: PORT.kept }, select: 'round-robin' };
const RACED = { name: 'raced', match: { tcp: PORT.raced }, select: 'race', affinity: 'none' };
/** Over other routes: the kernel has a memory of its own for them. */
const PAIR = {
  name: 'pair',
  match: { tcp: PORT.pair },
  select: { criterion: 'race', routes: ['a', 'b'] },
  affinity: 'none',
};
const GROUPS = { busy: 'affinity4_1_destination', kept: 'affinity4_2_destination' } as const;
const MEMORY = { all: 'memory4_e', pair: 'memory4_6' } as const;

function config(services: readonly object[], memory: object = {}): ConfigOverrides {
  return {
    services,
    rest: { route: 'a' },
    memory: { trust: '10m', refresh: 0, store: 'none', stagger: 'never', ...memory },
  } as ConfigOverrides;
}

const ALL = [BUSY, KEPT, RACED, PAIR];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: CLIENTS },
      providers: [
        { name: 'a', link: { delayMs: 6 } },
        { name: 'b', link: { delayMs: 2 } },
        { name: 'c', link: { delayMs: 12 } },
      ],
      servers: [{ name: 'many', ipv4: ADDRESSES }],
    },
    { config: config(ALL) },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORT) });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  await made.restart(config(ALL));
  await echo.forget();
});

async function reload(services: readonly object[], memory: object = {}): Promise<ReloadReport> {
  made.rewriteConfig(config(services, memory));
  return (await commandControl(made.lab.controlSocket, RELOAD_PATH)) as ReloadReport;
}

function sources(): string[] {
  return Array.from({ length: CLIENTS }, (_, i) => `10.0.0.${i + 2}`);
}

/** In turn all pairs of client and server; `from`: the first of them. */
function connect(ports: readonly number[], count: number, rate?: number, from = 0): Promise<ConnectResult[]> {
  const targets = ADDRESSES.flatMap((address) => ports.map((port) => ({ address, port })));
  const turn = <T>(list: readonly T[]): T[] => [
    ...list.slice(from % list.length),
    ...list.slice(0, from % list.length),
  ];
  const plan = { targets: turn(targets), sources: turn(sources()), count, concurrency: 32, bytes: 10 };
  return made.lab.client().connect(rate === undefined ? plan : { ...plan, rate });
}

/** Connections to ports all the time until it is ended; they must all have worked. */
function load(ports: readonly number[]): { end(): Promise<number> } {
  let ended = false;
  const all = (async () => {
    let count = 0;
    while (!ended) count += connectMs(await connect(ports, 250, 250, count)).length;
    return count;
  })();
  return {
    end: () => {
      ended = true;
      return all;
    },
  };
}

/** How often somebody was believed to have removed our table since the daemon's start. */
function losses(): string[] {
  return made.daemon
    .stderr()
    .split('\n')
    .filter((line) => line.includes('state-lost'));
}

/** Waits until the kernel's memory is what the engine believes it to be. */
async function inKernel(): Promise<{ believed: number; found: number }> {
  const look = async (): Promise<{ believed: number; found: number }> => {
    const maps = await Promise.all(
      [4, 6].flatMap((f) => ['e', '6'].map((m) => `memory${f}_${m}`)).map((name) => elementsOf(made, name)),
    );
    const found = maps.reduce((sum, elements) => sum + (elements?.length ?? 0), 0);
    return { believed: (await made.status()).memory.inKernel, found };
  };
  return eventually(look, ({ believed, found }) => believed === found, 3000);
}

describe('while the daemon writes all the time', () => {
  test('a service that goes takes its own groups along and nothing else; nobody believes that the table is lost', async () => {
    const holder = made.lab.client().connector();
    const targets = [PORT.kept, PORT.raced, PORT.pair].map((port) => ({ address: ADDRESSES[0], port }));
    connectMs(await holder.run({ targets, count: 12, hold: true, bytes: 10 }));
    connectMs(await connect([PORT.kept], 100));
    connectMs(await connect([PORT.raced], 20));
    await sleep(200);
    const before = { kept: await elementsOf(made, GROUPS.kept), raced: await elementsOf(made, MEMORY.all) };
    expect(before.kept!.length).toBeGreaterThanOrEqual(100);
    expect(before.raced).toHaveLength(20);
    const under = load([PORT.busy]);
    for (let round = 0; round < 12; round++) {
      expect((await reload(round % 2 === 0 ? [KEPT, RACED, PAIR] : ALL)).applied).toBe(true);
      expect(texts(await elementsOf(made, GROUPS.kept))).toEqual(texts(before.kept));
      expect(texts(await elementsOf(made, MEMORY.all))).toEqual(texts(before.raced));
      expect((await elementsOf(made, GROUPS.busy)) === null).toBe(round % 2 === 0);
      await sleep(100);
    }
    expect(await under.end()).toBeGreaterThan(500);
    expect(losses()).toEqual([]);
    expect(await holder.check()).toEqual({ held: 12, ok: 12, errors: {} });
    await holder.stop();
  });

  test('twenty reloads there and back: nothing of what has gone is left', async () => {
    const objects = await tableObjects(made);
    const under = load(Object.values(PORT));
    const others = [
      [KEPT, RACED],
      [{ ...BUSY, affinity: 'client' }, PAIR],
      [
        RACED,
        { ...KEPT, match: { tcp: PORT.kept, domain: 'example.org' } },
        { ...BUSY, affinity: 'client+site' },
      ],
    ];
    for (let i = 0; i < 20; i++) await reload(i % 2 === 1 ? ALL : others[(i / 2) % others.length]!);
    expect(await under.end()).toBeGreaterThan(500);
    expect(await tableObjects(made)).toEqual(objects);
    expect(losses()).toEqual([]);
    const { believed, found } = await inKernel();
    expect(found).toBe(believed);
    // The last one works.
    const asked = (await made.status()).packets.queue.lan;
    connectMs(await connect([PORT.kept], 10));
    connectMs(await connect([PORT.raced], 10));
    expect((await made.status()).packets.queue.lan).toBe(asked);
  });
});

describe('what is emptied', () => {
  test('a shorter trust: memory, which is told anew; no groups', async () => {
    connectMs(await connect([PORT.busy, PORT.kept], 200));
    connectMs(await connect([PORT.raced], 20));
    await sleep(200);
    const before = {
      busy: texts(await elementsOf(made, GROUPS.busy)),
      kept: texts(await elementsOf(made, GROUPS.kept)),
      raced: texts(await elementsOf(made, MEMORY.all)),
    };
    expect([before.busy.length, before.kept.length, before.raced.length]).toEqual([100, 100, 20]);
    expect((await reload(ALL, { trust: '2m' })).applied).toBe(true);
    await sleep(200);
    expect(texts(await elementsOf(made, GROUPS.busy))).toEqual(before.busy);
    expect(texts(await elementsOf(made, GROUPS.kept))).toEqual(before.kept);
    const raced = (await elementsOf(made, MEMORY.all))!;
    expect(texts(raced)).toEqual(before.raced);
    expect(Math.max(...raced.map(({ expires }) => expires ?? Infinity))).toBeLessThanOrEqual(120);
    expect(losses()).toEqual([]);
  });

  test('another set of routes begins with an empty memory; that of the others goes on', async () => {
    await reload([KEPT, RACED]);
    connectMs(await connect([PORT.raced], 20));
    await sleep(200);
    const before = (await elementsOf(made, MEMORY.all))!;
    expect(before).toHaveLength(20);
    // Long enough for an element that is written again to be told from one that is not.
    await sleep(2500);
    await reload([PAIR, { ...PAIR, name: 'again', match: { tcp: PORT.busy } }, KEPT, RACED]);
    await sleep(200);
    const after = (await elementsOf(made, MEMORY.all))!;
    expect(texts(after)).toEqual(texts(before));
    for (const { key, expires } of before)
      expect(after.find((one) => one.key === key)?.expires).toBeLessThanOrEqual(expires! - 2);
    // What was measured over all routes tells of two of them, too.
    expect(await elementsOf(made, MEMORY.pair)).toHaveLength(20);
    expect(await inKernel()).toMatchObject({ believed: 40, found: 40 });
    await reload([KEPT, RACED]);
    expect(await elementsOf(made, MEMORY.pair)).toBeNull();
    expect(await inKernel()).toMatchObject({ believed: 20, found: 20 });
    expect(losses()).toEqual([]);
  });

  test('after kill -9: memory and groups, and what only services had that are gone', async () => {
    connectMs(await connect([PORT.busy, PORT.kept], 100));
    connectMs(await connect([PORT.pair], 10));
    await sleep(200);
    expect(await elementsOf(made, GROUPS.kept)).toHaveLength(50);
    made.daemon.signal('SIGKILL');
    await made.daemon.done;
    await made.startDaemon(config([RACED, KEPT]));
    await sleep(200);
    // By its name: it is the second as before.
    expect(await elementsOf(made, GROUPS.kept)).toEqual([]);
    expect(await elementsOf(made, MEMORY.all)).toEqual([]);
    const found = await tableObjects(made);
    expect(found.filter((name) => /affinity._1_|memory._6|(service|ask|take.)_[14]$/.test(name))).toEqual([]);
    expect(losses()).toEqual([]);
  });

  test('after kill -9: no addresses of domains, which stay with their service in another order of the file', async () => {
    const named = {
      name: 'named',
      match: { tcp: PORT.busy, domain: 'example.org' },
      select: 'c',
      affinity: 'none',
    };
    const other = {
      name: 'other',
      match: { tcp: PORT.busy, domain: 'example.net' },
      select: 'a',
      affinity: 'none',
    };
    const [first, second] = [ADDRESSES[0]!, ADDRESSES[1]!];
    const wanted = [`${first} null`, `${second} null`];
    await made.restart(config([named, other, KEPT]));
    await made.lab.gateway.must(['nft', '-f', '-'], {
      input: `add element inet pathrace domain4_1 { ${first} timeout 1h }
        add element inet pathrace domain4_2 { ${second} timeout 1h }\n`,
    });
    const routes = async (): Promise<string[]> => {
      await echo.forget();
      connectMs(await connect([PORT.busy], 2));
      const taken = await echo.connections();
      return taken.map(({ localAddress, remoteAddress }) => `${localAddress} by ${remoteAddress}`).sort();
    };
    const before = await routes();
    expect(before).toEqual([`${first} by 203.0.3.2`, `${second} by 203.0.1.2`]);
    made.daemon.signal('SIGKILL');
    await made.daemon.done;
    await made.startDaemon(config([KEPT, other, named]));
    await sleep(200);
    expect([
      ...texts(await elementsOf(made, 'domain4_1')),
      ...texts(await elementsOf(made, 'domain4_2')),
    ]).toEqual(wanted);
    expect(await routes()).toEqual(before);
    expect(losses()).toEqual([]);
  });
});
