/** What would happen is what then happens: each kind of service is asked about, and then used. The server says by which route. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import type { Call } from '../../src/api/client/request.js';
import { socketClient } from '../../src/api/client.js';
import type { Decision, WhatIfOutcome } from '../../src/api/contract.js';
import { connectMs, eventually, type GatewayLab, NEAR, NEAR6, withGateway } from './support/gateway-lab.js';

const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 4 } },
    { name: 'b', link: { delayMs: 12 } },
    { name: 'c', link: { delayMs: 25 } },
  ],
};
const PORTS = {
  raced: 21,
  grouped: 22,
  turns: 23,
  weighted: 24,
  hash: 25,
  priority: 26,
  fixed: 27,
  rest: 28,
  least: 29,
  best: 30,
  cheapest: 31,
  none: 32,
  marked: 33,
} as const;
type Kind = keyof typeof PORTS;
const none = { affinity: 'none' };
const CONFIG = {
  services: [
    { name: 'night', match: { tcp: PORTS.raced, source: '192.0.2.0/24' }, select: 'a' },
    { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', ...none },
    { name: 'grouped', match: { tcp: PORTS.grouped }, select: 'race', affinity: 'client' },
    { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', ...none },
    { name: 'weighted', match: { tcp: PORTS.weighted }, select: 'weighted', ...none },
    {
      name: 'hash',
      match: { tcp: PORTS.hash },
      select: { criterion: 'hash', by: 'client+destination' },
      ...none,
    },
    {
      name: 'priority',
      match: { tcp: PORTS.priority },
      select: { criterion: 'priority', routes: ['b', 'a', 'c'] },
      ...none,
    },
    { name: 'fixed', match: { tcp: PORTS.fixed }, select: 'c', ...none },
    { name: 'to-rest', match: { tcp: PORTS.rest }, select: 'rest' },
    { name: 'least', match: { tcp: PORTS.least }, select: 'least-connections', ...none },
    { name: 'best', match: { tcp: PORTS.best }, select: { criterion: 'race', atMost: 2 }, ...none },
    { name: 'cheapest', match: { tcp: PORTS.cheapest }, select: 'cheapest', ...none },
    { name: 'expedited', match: { tcp: PORTS.marked, dscp: 'ef' }, select: 'c', ...none },
    { name: 'usual', match: { tcp: PORTS.marked }, select: 'a', ...none },
  ],
  routes: { a: { cost: 3 }, b: { cost: 1 }, c: { weight: 3, cost: 2 } },
  memory: { trust: '10m', refresh: 0 },
  rest: { route: 'b' },
};

interface Asked {
  readonly made: GatewayLab;
  readonly echo: EchoServer;
}

function withServices(config: object, action: (lab: Asked) => Promise<void>): Promise<void> {
  return withGateway(SCENARIO, { config: { ...CONFIG, ...config } }, async (made) =>
    action({ made, echo: await made.lab.server().echo({ ports: Object.values(PORTS) }) }),
  );
}

let client: Record<string, string> = {};

/** Opens one connection; which provider the server saw. */
async function connect(
  { made, echo }: Asked,
  kind: Kind,
  address: string,
  ...sources: string[]
): Promise<string> {
  await echo.forget();
  const [result] = await made.lab.client().connect({
    targets: [{ address, port: PORTS[kind] }],
    ...{ count: 1, bytes: 10 },
    ...(sources.length === 0 ? {} : { sources }),
  });
  connectMs([result]);
  client = { ...client, [address]: result.source.address };
  const [seen] = await echo.connections();
  const number = Number(/^(?:203\.0\.|fd03:)(\d+)/.exec(seen.remoteAddress)?.[1] ?? 0);
  return SCENARIO.providers[number - 1]?.name ?? seen.remoteAddress;
}

function callOf({ lab }: GatewayLab): Call {
  return socketClient(lab.controlSocket);
}

async function foresee(
  { made }: Asked,
  kind: Kind,
  address: string,
  more: { dscp?: number } = {},
): Promise<WhatIfOutcome> {
  const query = { client: client[address], destination: address, port: PORTS[kind], ...more };
  const { outcomes } = await callOf(made)('GET /v1/what-if', { query });
  expect(outcomes).toHaveLength(1);
  return outcomes[0];
}

/** What may carry it, by what was foreseen. */
function possible({ route, routes }: WhatIfOutcome): string[] {
  if (route !== null) return [route];
  return routes.filter(({ part }) => part === 'races' || part === 'may-carry').map((one) => one.route);
}

async function whyOf({ made }: Asked, kind: Kind, address: string): Promise<Decision> {
  const query = { address, port: PORTS[kind], limit: 1 };
  const [decision] = await callOf(made)('GET /v1/why', { query });
  return decision;
}

async function agree(all: Asked, kind: Kind, address: string): Promise<WhatIfOutcome> {
  const outcome = await foresee(all, kind, address);
  const said = `${kind} ${JSON.stringify(outcome)}`;
  expect(possible(outcome), said).toContain(await connect(all, kind, address));
  return outcome;
}

describe('what-if', () => {
  beforeAll(() => {
    client = {};
  });

  test('says for every kind of service, in both families, what then happens', async () => {
    await withServices({}, async (all) => {
      for (const address of [NEAR, NEAR6]) {
        // Who the client is.
        await connect(all, 'rest', address);
        const first = await agree(all, 'raced', address);
        expect(first).toMatchObject({
          service: 'raced',
          by: 'race',
          action: 'race',
          route: null,
          memory: null,
        });
        expect(first.passed).toEqual([
          { service: 'night', why: expect.stringMatching(/client is not in|IPv4 alone/) },
        ]);
        expect(first.routes.map(({ route, part }) => [route, part])).toEqual([
          ['a', 'races'],
          ['b', 'races'],
          ['c', 'races'],
        ]);
        const remembered = await eventually(
          () => foresee(all, 'raced', address),
          ({ by }) => by === 'kernel',
          5000,
        );
        expect(remembered).toMatchObject({
          action: 'memory',
          by: 'kernel',
          route: 'a',
          reasons: ['remembered'],
        });
        expect(remembered.memory).toMatchObject({ best: 'a', trusted: true });
        expect(await agree(all, 'raced', address)).toMatchObject({ route: 'a' });
        expect(await agree(all, 'fixed', address)).toMatchObject({ route: 'c', action: 'one', by: 'kernel' });
        expect(await agree(all, 'rest', address)).toMatchObject({
          route: 'b',
          action: 'rest',
          service: 'to-rest',
        });
        expect(await agree(all, 'none', address)).toMatchObject({
          route: 'b',
          action: 'rest',
          service: null,
        });
        expect(await agree(all, 'priority', address)).toMatchObject({ route: 'b', action: 'one' });
        expect(await agree(all, 'cheapest', address)).toMatchObject({ route: 'b', action: 'one' });
        expect(await agree(all, 'hash', address)).toMatchObject({ action: 'hash', by: 'kernel' });
        const turns = await agree(all, 'turns', address);
        expect(turns).toMatchObject({ action: 'turns', route: null });
        expect(turns.routes.map(({ share }) => share)).toEqual([0.333, 0.333, 0.333]);
        expect((await agree(all, 'weighted', address)).routes.map(({ share }) => share)).toEqual([
          0.2, 0.2, 0.6,
        ]);
        for (let i = 0; i < 3; i++)
          expect(await agree(all, 'least', address)).toMatchObject({ by: 'daemon', action: 'criterion' });
      }
    });
  });

  test('knows groups, routes that are down, `atMost`, and tells what the decision then says', async () => {
    await withServices({}, async (all) => {
      const { made } = all;
      for (const address of [NEAR, NEAR6]) await connect(all, 'rest', address);
      expect(await foresee(all, 'grouped', NEAR)).toMatchObject({ by: 'race' });
      const route = await connect(all, 'grouped', NEAR);
      const grouped = await eventually(
        () => foresee(all, 'grouped', NEAR),
        ({ action }) => action === 'group',
        5000,
      );
      const pin = { route, by: 'group', group: 'client' };
      expect(grouped).toMatchObject({ route, by: 'kernel', pin });
      expect(Date.parse(grouped.pin?.until ?? '')).toBeGreaterThan(Date.now());
      await agree(all, 'grouped', NEAR);
      // Of what nobody knows two are asked.
      const best = await foresee(all, 'best', NEAR6);
      expect(best.routes.filter(({ part }) => part === 'races')).toHaveLength(2);
      await callOf(made)('POST /v1/routes/{name}/{command}', { params: { name: 'b', command: 'drain' } });
      const priority = await agree(all, 'priority', NEAR);
      expect(priority).toMatchObject({ route: 'a' });
      const why = 'it is draining by command';
      expect(priority.routes[0]).toMatchObject({ route: 'b', state: 'draining', part: 'left-out', why });
      expect(await agree(all, 'best', NEAR6)).toMatchObject({ by: 'race' });
      const decision = await eventually(
        () => whyOf(all, 'best', NEAR6),
        (found) => found !== undefined,
        5000,
      );
      expect(decision).toMatchObject({
        by: 'race',
        service: 'best',
        states: { a: 'up', b: 'draining', c: 'up' },
      });
      expect(decision.passed?.map(({ service }) => service)).toContain('raced');
    });
  });

  test('tells the route of a hash for each client', async () => {
    await withServices({}, async (all) => {
      const host = all.made.lab.client();
      const ways = new Set<string>();
      for (let i = 0; i < 8; i++) {
        await host.must(['ip', 'addr', 'add', `10.0.0.${60 + i}/24`, 'dev', 'eth0']);
        client = { ...client, [NEAR]: `10.0.0.${60 + i}` };
        const { action, route } = await foresee(all, 'hash', NEAR);
        expect([action, route]).toEqual(['hash', await connect(all, 'hash', NEAR, client[NEAR])]);
        ways.add(route ?? '');
      }
      expect(ways.size).toBeGreaterThan(1);
    });
  });

  test('asks the services that match a DSCP, and says so where none was said', async () => {
    await withServices({}, async (all) => {
      const { made } = all;
      for (const address of [NEAR, NEAR6]) {
        await connect(all, 'rest', address);
        const plain = await agree(all, 'marked', address);
        expect(plain).toMatchObject({ service: 'usual', route: 'a' });
        expect(plain.passed).toContainEqual({ service: 'expedited', why: 'its DSCP is cs0, not ef' });
        expect(plain.notes.join()).toContain('with another one expedited may take it');
        expect((await foresee(all, 'marked', address, { dscp: 0 })).notes).toEqual([]);
        const marked = await foresee(all, 'marked', address, { dscp: 46 });
        expect(marked).toMatchObject({ service: 'expedited', route: 'c', notes: [] });
      }
      await made.lab.client().must(['nft', '-f', '-'], {
        input: `table inet dscp {
          chain out {
            type filter hook output priority 0;
            tcp dport ${PORTS.marked} ip dscp set ef
            tcp dport ${PORTS.marked} ip6 dscp set ef
          }
        }\n`,
      });
      for (const address of [NEAR, NEAR6]) expect(await connect(all, 'marked', address)).toBe('c');
    });
  });

  test('why: until when its group stays, as long as it does', async () => {
    const short = {
      name: 'grouped',
      match: { tcp: PORTS.grouped },
      select: 'race',
      affinity: { by: 'client', for: '3s' },
    };
    await withServices({ services: [short] }, async (all) => {
      for (const address of [NEAR, NEAR6]) {
        const route = await connect(all, 'grouped', address);
        const first = await eventually(
          () => whyOf(all, 'grouped', address),
          (decision) => decision?.pin !== undefined,
          2000,
        );
        expect(first.pin).toMatchObject({ route, by: 'group', group: 'client' });
        const until = Date.parse(first.pin?.until ?? '');
        expect(until - Date.now()).toBeGreaterThan(0);
        expect(until - Date.now()).toBeLessThan(3100);
        // The next one renews it, by the kernel alone; nothing does after that.
        await connect(all, 'grouped', address);
        const renewed = await whyOf(all, 'grouped', address);
        expect(Date.parse(renewed.pin?.until ?? '')).toBeGreaterThan(until);
        const over = await eventually(
          () => whyOf(all, 'grouped', address),
          (decision) => decision.pin === undefined,
          5000,
        );
        expect(Date.now()).toBeGreaterThan(Date.parse(renewed.pin?.until ?? '') - 200);
        expect(over.service).toBe('grouped');
      }
    });
  });

  test('holds a destination on a route by command, before groups and memory, until it is let go', async () => {
    await withServices({}, async (all) => {
      const { made } = all;
      const call = callOf(made);
      for (const address of [NEAR, NEAR6]) {
        await connect(all, 'grouped', address);
        await connect(all, 'raced', address);
        await eventually(
          () => foresee(all, 'raced', address),
          ({ action }) => action === 'memory',
          5000,
        );
        await call('POST /v1/memory/pins', { body: { destination: address, route: 'c', seconds: 600 } });
        for (const kind of ['raced', 'grouped'] as const) {
          const held = await agree(all, kind, address);
          expect(held).toMatchObject({
            action: 'pin',
            route: 'c',
            by: 'kernel',
            pin: { route: 'c', by: 'command' },
          });
        }
        // Another criterion is left alone.
        expect(await agree(all, 'fixed', address)).toMatchObject({ action: 'one' });
      }
      const usual = (await foresee(all, 'raced', NEAR)).memory?.best ?? '';
      expect(await call('GET /v1/memory/pins')).toHaveLength(2);
      // While the route is away, it is chosen as any other.
      await call('POST /v1/routes/{name}/{command}', { params: { name: 'c', command: 'disable' } });
      expect(await agree(all, 'raced', NEAR)).toMatchObject({ route: usual, action: 'memory' });
      await call('POST /v1/routes/{name}/{command}', { params: { name: 'c', command: 'enable' } });
      await eventually(
        () => foresee(all, 'raced', NEAR),
        ({ action }) => action === 'pin',
        10_000,
      );
      expect(await agree(all, 'raced', NEAR)).toMatchObject({ route: 'c' });
      expect(await call('DELETE /v1/memory/pins', { query: { all: true } })).toEqual({ unpinned: 2 });
      expect(await agree(all, 'raced', NEAR)).toMatchObject({ route: usual, action: 'memory' });
      // A short one ends by itself.
      await call('POST /v1/memory/pins', { body: { destination: NEAR, route: 'b', seconds: 1 } });
      await eventually(
        () => call('GET /v1/memory/pins'),
        (pins) => pins.length === 0,
        5000,
      );
      expect(await agree(all, 'raced', NEAR)).toMatchObject({ route: usual });
    });
  });

  test('holds it after kill -9, until it was to end', async () => {
    await withServices({}, async (all) => {
      const { made } = all;
      for (const address of [NEAR, NEAR6]) {
        await connect(all, 'rest', address);
        const body = { destination: address, route: 'c', seconds: 600 };
        await callOf(made)('POST /v1/memory/pins', { body });
      }
      const before = await callOf(made)('GET /v1/memory/pins');
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      await made.startDaemon(CONFIG);
      const after = await callOf(made)('GET /v1/memory/pins');
      expect(after.map(({ destination, route }) => [destination, route])).toEqual([
        [NEAR, 'c'],
        [NEAR6, 'c'],
      ]);
      for (const [i, { until }] of after.entries())
        expect(Math.abs(Date.parse(until) - Date.parse(before[i].until))).toBeLessThan(100);
      for (const address of [NEAR, NEAR6])
        expect(await agree(all, 'raced', address)).toMatchObject({ action: 'pin', route: 'c', by: 'kernel' });
      await callOf(made)('DELETE /v1/memory/pins', { query: { all: true } });
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      await made.startDaemon(CONFIG);
      expect(await callOf(made)('GET /v1/memory/pins')).toEqual([]);
      expect(await agree(all, 'raced', NEAR)).not.toMatchObject({ action: 'pin' });
    });
  });

  test('forgets destinations, in the engine and in the kernel', async () => {
    await withServices({}, async (all) => {
      const { made } = all;
      const call = callOf(made);
      for (const [query, count] of [
        [{ prefix: NEAR }, 1],
        [{ all: true }, 2],
      ] as const) {
        for (const address of [NEAR, NEAR6]) {
          await connect(all, 'raced', address);
          await eventually(
            () => foresee(all, 'raced', address),
            ({ by }) => by === 'kernel',
            5000,
          );
        }
        expect(await call('DELETE /v1/memory', { query })).toEqual({ forgotten: count });
        expect(await foresee(all, 'raced', NEAR)).toMatchObject({ by: 'race', memory: null });
        const left = await call('GET /v1/memory');
        expect(left).toHaveLength(2 - count);
        expect(await agree(all, 'raced', NEAR)).toMatchObject({ by: 'race' });
      }
    });
  });
});
