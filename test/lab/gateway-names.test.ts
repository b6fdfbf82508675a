/**
 * Whose word counts for which addresses a name has: what a host has asked a name server of its own says nothing to others, and moves none
 * of their connections. The oracle is the address that the server saw.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigOverrides, EchoServer } from '../../lab/index.js';
import { ask, NameServer } from '../../lab/name-server.js';
import { commandControl } from '../../src/api/client.js';
import { RELOAD_PATH } from '../../src/api/paths.js';
import { connectMs, GatewayLab } from './support/gateway-lab.js';
import { routesTaken } from './support/taken.js';

const PORT = 7001;
const RESOLVER = { 4: '198.51.100.2', 6: '2001:db8:100::2' } as const;
/** Of the victim's bank, and one that is not in any zone at first. */
const BANK = { 4: '198.51.100.1', 6: '2001:db8:100::1' } as const;
const SITE = { 4: '192.0.2.1', 6: '2001:db8:200::1' } as const;
const FAMILIES = [4, 6] as const;

const config = (more: object = {}): ConfigOverrides => ({
  services: [
    { name: 'bank', match: { tcp: PORT, domain: 'bank.example' }, select: 'b' },
    { name: 'site', match: { tcp: PORT + 1 }, select: 'round-robin', affinity: 'client+site' },
  ],
  rest: { route: 'a' },
  ...more,
});

let made: GatewayLab;
let echo: EchoServer;
const servers: NameServer[] = [];

/** Clients 0 and 2 are addresses of one host, 1 of another. */
beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: 3, machines: 2 },
      providers: ['a', 'b', 'c'].map((name) => ({ name })),
      servers: [
        { name: 'bank', ipv4: [BANK[4], RESOLVER[4], SITE[4]], ipv6: [BANK[6], RESOLVER[6], SITE[6]] },
      ],
    },
    { config: config() },
  );
  echo = await made.lab.server().echo({ ports: [PORT, PORT + 1] });
  const zone = {
    'x.bank.example': [BANK[4], BANK[6]],
    'www.example.org': [BANK[4], SITE[4]],
  };
  for (const family of FAMILIES)
    servers.push(await NameServer.listen(made.lab.server(), RESOLVER[family], zone));
});

afterAll(async () => {
  for (const server of servers) server.close();
  await made?.stop();
});

const addressOf = (client: number, family: 4 | 6): string =>
  made.lab.clients[client]![family === 4 ? 'ipv4' : 'ipv6'];

async function taken(client: number, address: string, port = PORT): Promise<string> {
  await echo.forget();
  const sources = [addressOf(client, address.includes(':') ? 6 : 4)];
  connectMs(await made.lab.client(client).connect({ targets: [{ address, port }], sources, bytes: 10 }));
  return routesTaken(made.lab, await echo.connections())[0]!;
}

const asks = (client: number, family: 4 | 6, name: string): Promise<string[]> =>
  ask(made.lab.client(client), addressOf(client, family), RESOLVER[family], name);

test.each(FAMILIES)(
  'IPv%i: a name counts for the host that has asked, with all of its addresses',
  async (family) => {
    expect(await taken(0, BANK[family])).toBe('a');
    expect(await asks(0, family, 'x.bank.example')).toEqual([BANK[family]]);
    expect(await taken(0, BANK[family])).toBe('b');
    expect(await taken(2, BANK[family])).toBe('b');
    expect(await taken(1, BANK[family])).toBe('a');
  },
);

test('a site of names is one for who has asked: the connections of others are no group by it', async () => {
  await asks(0, 4, 'www.example.org');
  const one = await taken(0, BANK[4], PORT + 1);
  expect(await taken(0, SITE[4], PORT + 1)).toBe(one);
  const other = await taken(1, BANK[4], PORT + 1);
  expect(await taken(1, SITE[4], PORT + 1)).not.toBe(other);
});

test('what a name server says that the configuration names counts for all', async () => {
  made.rewriteConfig(config({ resolvers: [`${RESOLVER[4]}/32`, RESOLVER[6]] }));
  await commandControl(made.lab.controlSocket, RELOAD_PATH);
  for (const family of FAMILIES) {
    expect(await taken(1, BANK[family])).toBe('a');
    await asks(0, family, 'x.bank.example');
    expect(await taken(1, BANK[family])).toBe('b');
  }
});

test('the gateway’s own name server is one of them', async () => {
  made.rewriteConfig(config());
  await commandControl(made.lab.controlSocket, RELOAD_PATH);
  const own = await NameServer.listen(made.lab.gateway, '10.0.0.1', { 'y.bank.example': [SITE[4]] });
  expect(await taken(1, SITE[4])).toBe('a');
  await ask(made.lab.client(0), addressOf(0, 4), '10.0.0.1', 'y.bank.example');
  expect(await taken(1, SITE[4])).toBe('b');
  own.close();
});
