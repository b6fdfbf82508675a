/** Routes that are renamed, change places or order: said before and after, and no connection is cut that need not be. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Connector, EchoServer } from '../../lab/index.js';
import type { ReloadReport } from '../../src/api/contract.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const NAMES = ['a', 'b', 'c'] as const;
const PORTS = { a: 11, b: 12, c: 13 } as const;
const PER_ROUTE = 4;

interface File {
  routes: Record<string, Record<string, unknown>>;
  services: { name: string; select: string }[];
  rest: { route: string };
}

let made: GatewayLab;
let echo: EchoServer;
let original: string;

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: NAMES.map((name) => ({ name })) },
    {
      config: {
        services: NAMES.map((name) => ({ name: `only-${name}`, match: { tcp: PORTS[name] }, select: name })),
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORTS) });
  original = readFileSync(made.configFile, 'utf8');
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  writeFileSync(made.configFile, original);
  await made.command('reload');
});

/** Connections of both families, some by each route. */
async function hold(): Promise<Connector> {
  const holder = made.lab.client().connector();
  const targets = NAMES.flatMap((name) => [NEAR, NEAR6].map((address) => ({ address, port: PORTS[name] })));
  connectMs(await holder.run({ targets, count: targets.length * (PER_ROUTE / 2), hold: true, bytes: 10 }));
  return holder;
}

async function usedBy(port: number): Promise<string[]> {
  await echo.forget();
  const targets = [NEAR, NEAR6].map((address) => ({ address, port }));
  connectMs(await made.lab.client().connect({ targets, count: 4, bytes: 10 }));
  const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  return [...new Set(sources.map((one) => /^(?:203\.0\.|fd03:)(\d)/.exec(one)?.[1] ?? one))];
}

/** Changes the file, asks what that would do, does it, and asks again: both say the same. */
async function change(edit: (file: File) => void): Promise<string[]> {
  const file = parse(original) as File;
  edit(file);
  writeFileSync(made.configFile, stringify(file));
  const words = [PATHRACE, 'check', '--diff', '--control', made.lab.controlSocket, made.configFile];
  const before = await made.lab.gateway.must(words);
  const report = JSON.parse(await made.command('reload')) as ReloadReport;
  expect(report.applied).toBe(true);
  for (const { text } of report.effects) expect(before).toContain(text);
  for (const { key, apply } of report.changes) {
    expect(before).toContain(key);
    expect(apply).toBe('live');
  }
  expect(await made.lab.gateway.must(words)).toContain('The gateway runs with the same configuration.');
  return report.effects.map(({ connections, text }) => `${connections}: ${text}`);
}

const ALL = { held: 3 * PER_ROUTE, ok: 3 * PER_ROUTE, errors: {} };

test('two routes that change places', async () => {
  const holder = await hold();
  const said = await change(({ routes }) => {
    [routes.a, routes.b] = [routes.b, routes.a];
  });
  expect(said).toEqual([
    `${PER_ROUTE}: the connections of a (wan1) go on as those of b`,
    `${PER_ROUTE}: the connections of b (wan2) go on as those of a`,
  ]);
  expect(await holder.check()).toEqual(ALL);
  expect(await usedBy(PORTS.a)).toEqual(['2']);
  expect(await usedBy(PORTS.b)).toEqual(['1']);
  const counts = (await made.status()).routes.map(({ name, interface: link, connections }) => [
    name,
    link,
    connections >= PER_ROUTE,
  ]);
  expect(counts).toEqual([
    ['a', 'wan2', true],
    ['b', 'wan1', true],
    ['c', 'wan3', true],
  ]);
  await holder.stop();
});

test('a route and its service with other names', async () => {
  const holder = await hold();
  await made.command('drain', 'a');
  const said = await change((file) => {
    const { a, ...others } = file.routes;
    file.routes = { fiber: a, ...others };
    Object.assign(file.services[0], { name: 'only-fiber', select: 'fiber' });
  });
  expect(said).toEqual([
    `${PER_ROUTE}: the connections of a (wan1) go on as those of fiber`,
    'null: service only-a goes on as only-fiber, with its groups',
  ]);
  expect(await holder.check()).toEqual(ALL);
  // What was commanded of it holds under its new name.
  expect((await made.status()).routes.map(({ name, state }) => `${name} ${state}`)[0]).toBe('fiber draining');
  await made.command('undrain', 'fiber');
  const back = (): Promise<string[]> => usedBy(PORTS.a);
  expect(await eventually(back, (links) => links.join() === '1', 3000)).toEqual(['1']);
  await holder.stop();
});

test('another order', async () => {
  const holder = await hold();
  const said = await change((file) => {
    const { a, b, c } = file.routes;
    file.routes = { c, a, b };
  });
  expect(said).toEqual(['null: the order of the routes counts for new connections alone']);
  expect(await holder.check()).toEqual(ALL);
  for (const name of NAMES) expect(await usedBy(PORTS[name])).toEqual([String(NAMES.indexOf(name) + 1)]);
  await holder.stop();
});

test('a route that goes: its connections are cut, and no other', async () => {
  const holder = await hold();
  const said = await change((file) => {
    delete file.routes.c;
    file.services = file.services.filter(({ select }) => select !== 'c');
  });
  expect(said).toEqual([`${PER_ROUTE}: the connections of c (wan3) are cut: no route goes on for it`]);
  const { ok, errors } = await holder.check();
  expect({ ok, errors }).toEqual({ ok: 2 * PER_ROUTE, errors: { ECONNRESET: PER_ROUTE } });
  await holder.stop();
});

test('a round of names: none is cut, and a new one gets the number that is free', async () => {
  const holder = await hold();
  await change(({ routes }) => {
    [routes.a, routes.b, routes.c] = [routes.b, routes.c, routes.a];
  });
  expect(await holder.check()).toEqual(ALL);
  expect([await usedBy(PORTS.a), await usedBy(PORTS.b), await usedBy(PORTS.c)]).toEqual([
    ['2'],
    ['3'],
    ['1'],
  ]);
  await holder.stop();
});
