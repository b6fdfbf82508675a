/** What is gone for a moment costs no connection: a next hop, an address, one that becomes deprecated. What stays away is cut. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connector, EchoServer } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const BOTH = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];
const GRACE_MS = 5000;
const DEFAULT4 = ['default', 'via', '203.0.1.1', 'dev', 'wan1', 'metric', '101'];
const DEFAULT6 = ['default', 'via', 'fd03:1::1', 'dev', 'wan1', 'metric', '101'];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 15 } },
      ],
    },
    {
      topologyChanges: true,
      config: {
        routes: {
          a: { addresses: 'auto', gateway: 'auto', onDown: { flows: 'reset', after: `${GRACE_MS}ms` } },
        },
        services: [
          {
            name: 'order',
            match: { tcp: PORT },
            select: { criterion: 'priority', routes: ['a', 'b'] },
            affinity: 'none',
          },
        ],
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

function ip(...args: string[]): Promise<unknown> {
  return made.lab.gateway.must(['ip', ...args]);
}

/** Providers of new connections, by the sources that the server sees. */
async function newOnes(count = 2): Promise<Set<string>> {
  await echo.forget();
  connectMs(await made.lab.client().connect({ targets: BOTH, count, bytes: 10 }));
  const sources = (await echo.connections()).map(({ remoteAddress }) => String(remoteAddress));
  return new Set(sources.map((source) => (/^(203\.0\.1\.|fd03:1:)/.test(source) ? 'a' : 'b')));
}

/** Connections of both families over `a`. */
async function hold(): Promise<Connector> {
  await eventually(
    () => newOnes(8),
    (by) => by.has('a') && by.size === 1,
    15_000,
  );
  const holder = made.lab.client().connector();
  connectMs(await holder.run({ targets: BOTH, count: 10, hold: true, bytes: 100 }));
  return holder;
}

test('a next hop and an address that are gone for a moment, and one that becomes deprecated: connections live', async () => {
  const holder = await hold();
  await ip('route', 'del', ...DEFAULT4);
  await ip('-6', 'route', 'del', ...DEFAULT6);
  await sleep(10);
  await ip('route', 'add', ...DEFAULT4);
  await ip('-6', 'route', 'add', ...DEFAULT6);
  // As by a DHCP renewal.
  await ip('addr', 'del', '203.0.1.2/24', 'dev', 'wan1');
  await ip('addr', 'add', '203.0.1.2/24', 'dev', 'wan1');
  await ip('route', 'replace', ...DEFAULT4);
  await ip('-6', 'addr', 'change', 'fd03:1::2/64', 'dev', 'wan1', 'preferred_lft', '0', 'valid_lft', '3600');
  // Longer than the grace: nothing is cut afterwards either.
  await sleep(GRACE_MS + 1000);
  expect(await holder.check(100)).toEqual({ held: 10, ok: 10, errors: {} });
  // What is new comes back, but for what is deprecated.
  const by = await eventually(
    () => newOnes(4),
    (found) => found.has('a'),
    10_000,
  );
  expect(by).toEqual(new Set(['a', 'b']));
  await ip(
    '-6',
    'addr',
    'change',
    'fd03:1::2/64',
    'dev',
    'wan1',
    'preferred_lft',
    'forever',
    'valid_lft',
    'forever',
  );
  await holder.stop();
});

test('an address that stays away: new connections leave at once, the others are told after the grace', async () => {
  const holder = await hold();
  await ip('addr', 'del', '203.0.1.2/24', 'dev', 'wan1');
  expect(await newOnes()).toEqual(new Set(['a', 'b']));
  const open = (): Promise<number> => made.lab.client().sockets('established');
  expect(await eventually(open, (left) => left === 5, GRACE_MS + 3000)).toBe(5);
  expect((await holder.check(100)).errors).toEqual({ ECONNRESET: 5 });
  await holder.stop();
  await ip('addr', 'add', '203.0.1.2/24', 'dev', 'wan1');
  await ip('route', 'replace', ...DEFAULT4);
});
