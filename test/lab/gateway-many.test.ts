/**
 * Many at once. Connections of one client that begin at the same moment, to servers that are nearest by different providers: with
 * `affinity: client` all of them have one address, and none waits for it longer than its own answer takes. And a host that begins more
 * groups than all others together could: it does not get all there are.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boundIn } from '../../lab/bound-socket.js';
import type { EchoServer } from '../../lab/index.js';
import { GROUPS_PER_HOST } from '../../src/core/limit/hosts.js';
import { connectMs, GatewayLab } from './support/gateway-lab.js';
import { routeOf, routesTaken } from './support/taken.js';

const PORT = { client: 7001, none: 7002, groups: 7003 } as const;
const CLIENTS = 10;
const SERVERS = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
const near = (name: string): Record<string, number> => ({ a: 40, b: 40, c: 40, [name]: 1 });

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: CLIENTS },
      providers: ['a', 'b', 'c'].map((name) => ({ name })),
      servers: ['a', 'b', 'c'].map((name, i) => ({
        name: `by-${name}`,
        ipv4: [SERVERS[i]],
        distanceMs: near(name),
      })),
    },
    {
      config: {
        services: [
          { name: 'together', match: { tcp: PORT.client }, select: 'race', affinity: 'client' },
          {
            name: 'groups',
            match: { udp: PORT.groups },
            select: 'round-robin',
            affinity: 'client+destination',
          },
          { name: 'apart', match: { tcp: PORT.none }, select: 'race', affinity: 'none' },
        ],
      },
    },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORT) });
});

afterAll(async () => {
  await made?.stop();
});

/** The addresses that each client's connections came from, as its servers saw them; and the longest time to connect. */
async function addresses(port: number): Promise<{ perClient: Set<string>[]; worst: number }> {
  const perClient: Set<string>[] = [];
  let worst = 0;
  for (let index = 0; index < CLIENTS; index++) {
    await echo.forget();
    const targets = SERVERS.map((address) => ({ address, port }));
    const sources = [`10.0.0.${index + 2}`];
    const results = await made.lab.client().connect({ targets, sources, concurrency: 3, bytes: 100 });
    worst = Math.max(worst, ...connectMs(results));
    perClient.push(
      new Set((await echo.connections()).map(({ remoteAddress }) => routeOf(made.lab, remoteAddress))),
    );
  }
  return { perClient, worst };
}

test('without affinity each goes by the provider that is nearest to its server', async () => {
  const { perClient } = await addresses(PORT.none);
  expect(perClient.filter(({ size }) => size > 1).length).toBeGreaterThan(CLIENTS / 2);
});

test('with it all of a client’s connections have one address', async () => {
  const { perClient, worst } = await addresses(PORT.client);
  expect(perClient.map(({ size }) => size)).toEqual(perClient.map(() => 1));
  // The far way takes 80 ms; a SYN repeat would take a second.
  expect(worst).toBeLessThan(1000);
});

test('and so they stay', async () => {
  await echo.forget();
  const targets = SERVERS.map((address) => ({ address, port: PORT.client }));
  connectMs(await made.lab.client().connect({ targets, sources: ['10.0.0.2'], bytes: 100 }));
  expect(new Set(routesTaken(made.lab, await echo.connections())).size).toBe(1);
});

/** Beyond this the provider's line is not what is tested. */
const NOT_OUT = `table inet lab_end {
  chain end { type filter hook forward priority 250; udp dport ${PORT.groups} ip daddr 198.18.0.0/15 drop; }
}`;
const DATAGRAMS = 40_000;

test('one host’s datagrams to everybody take their share of the groups, and no more', async () => {
  const { gateway } = made.lab;
  await gateway.must(['nft', '-f', '-'], { input: NOT_OUT });
  const client = made.lab.client();
  const socket = await boundIn(client.namespace, client.ipv4, 0);
  for (let n = 0; n < DATAGRAMS; n++) {
    socket.send(Buffer.from('x'), PORT.groups, `198.18.${n >> 8}.${n & 255}`);
    if (n % 100 === 99) await sleep(2);
  }
  await sleep(500);
  socket.close();
  const listed = await gateway.must(['nft', 'list', 'map', 'inet', 'pathrace', 'affinity4_2_destination']);
  const groups = [...listed.matchAll(/10\.0\.0\.2 \. 198\.18\./g)].length;
  expect(groups).toBeGreaterThan(GROUPS_PER_HOST / 2);
  // What comes back meanwhile is some in a second.
  expect(groups).toBeLessThan(GROUPS_PER_HOST * 1.2);
  expect((await made.status()).packets.ignored['host-groups']).toBeGreaterThan(DATAGRAMS / 4);
  await gateway.must(['nft', 'delete', 'table', 'inet', 'lab_end']);
});
