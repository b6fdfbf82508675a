/**
 * A configuration of mwan3, converted by the command as an operator would, drives a real gateway: who gets which connections is what
 * the rules and policies of the file say. The oracle is the address that the server sees.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR, PATHRACE } from './support/gateway-lab.js';
import { countOf, routesTaken } from './support/taken.js';

const CLIENTS = 12;
const MANY = Array.from({ length: 8 }, (_, i) => `192.0.2.${i + 1}`);
const PORT = { sticky: 443, shared: 8443, failover: 25, single: 5222, none: 7777, outside: 53 } as const;
const CHECK =
  "\tlist track_ip '198.51.100.1'\n\toption interval '1'\n\toption timeout '1'\n\toption down '2'\n\toption up '2'\n";

const MWAN3 = `
config globals 'globals'
	option mmx_mask '0x3F00'
${['wan', 'wanb', 'lte'].map((name) => `config interface '${name}'\n\toption enabled '1'\n${CHECK}`).join('')}
config member 'wan_m1_w3'
	option interface 'wan'
	option metric '1'
	option weight '3'
config member 'wanb_m1_w2'
	option interface 'wanb'
	option metric '1'
	option weight '2'
config member 'wanb_m2'
	option interface 'wanb'
	option metric '2'
config member 'lte_m2'
	option interface 'lte'
	option metric '3'
config policy 'balanced'
	list use_member 'wan_m1_w3'
	list use_member 'wanb_m1_w2'
	list use_member 'lte_m2'
config policy 'wan_wanb'
	list use_member 'wanb_m2'
	list use_member 'wan_m1_w3'
config policy 'lte_only'
	list use_member 'lte_m2'

config rule 'https'
	option proto 'tcp'
	option dest_port '${PORT.sticky}'
	option sticky '1'
	option use_policy 'balanced'
	option family 'ipv4'
config rule 'mail'
	option proto 'tcp'
	option dest_port '${PORT.failover}'
	option use_policy 'wan_wanb'
	option family 'ipv4'
config rule 'chat'
	option proto 'tcp'
	option dest_port '5000:5999'
	option use_policy 'lte_only'
	option family 'ipv4'
config rule 'main'
	option proto 'tcp'
	option dest_port '${PORT.none}'
	option use_policy 'default'
config rule 'all'
	option dest_ip '0.0.0.0/0'
	option use_policy 'balanced'
	option family 'ipv4'
`;
const NETWORK = `
config interface 'lan'
	option device 'lan0'
	option proto 'static'
${['wan', 'wanb', 'lte'].map((name, at) => `config interface '${name}'\n\toption device 'wan${at + 1}'\n\toption proto 'dhcp'\n\toption metric '${at === 1 ? 5 : 10 + at}'\n`).join('')}`;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: CLIENTS },
      providers: ['wan', 'wanb', 'lte'].map((name) => ({
        name,
        families: ['ipv4'] as const,
        link: { delayMs: 5 },
      })),
      servers: [{ name: 'near' }, { name: 'many', ipv4: MANY, ipv6: [] }],
    },
    { topologyChanges: true },
  );
  await made.stopDaemon();
  const { directory, controlSocket, gateway } = made.lab;
  const [mwan3, network] = ['mwan3', 'network'].map((name) => join(directory, name)) as [string, string];
  writeFileSync(mwan3, MWAN3);
  writeFileSync(network, NETWORK);
  const { code, stdout, stderr } = await gateway.run([
    PATHRACE,
    'convert',
    'mwan3',
    mwan3,
    '--network',
    network,
  ]);
  expect([code, stderr.split('\n').at(-2)]).toEqual([
    0,
    '0 lost, 0 done in another way, 1 that needed nothing',
  ]);
  expect(stdout).toContain('lan: [lan0, local]');
  // Nothing else is added but where it lives in the lab.
  writeFileSync(made.configFile, `${stdout}control: ${controlSocket}\nmemory: { store: none }\n`);
  await made.startDaemon();
  echo = await made.lab.server('near').echo({ ports: Object.values(PORT) });
});

afterAll(async () => {
  await made?.stop();
});

/** Routes of so many connections of one client, as the server saw them. */
async function taken(port: number, count: number, addresses = [NEAR], client = 0): Promise<string[]> {
  await echo.forget();
  const targets = addresses.map((address) => ({ address, port }));
  const sources = [`10.0.0.${client + 2}`];
  connectMs(await made.lab.client(client).connect({ targets, count, sources, bytes: 10, timeoutMs: 9000 }));
  return routesTaken(made.lab, await echo.connections(), port);
}

async function untilStates(states: Readonly<Record<string, string>>): Promise<void> {
  const found = await eventually(
    async () => Object.fromEntries((await made.status()).routes.map(({ name, state }) => [name, state])),
    (all) => Object.entries(states).every(([name, state]) => all[name] === state),
    20_000,
  );
  expect(found).toMatchObject(states);
  // The kernel's rules follow within a moment.
  await sleep(500);
}

test('members of one metric share by their weights, and the one of a higher metric gets nothing', async () => {
  expect(countOf(await taken(PORT.shared, 100))).toEqual({ wan: 60, wanb: 40 });
});

test('a policy of one member, and metrics: all by the first', async () => {
  expect(countOf(await taken(PORT.single, 20))).toEqual({ lte: 20 });
  expect(countOf(await taken(PORT.failover, 20))).toEqual({ wan: 20 });
});

test('use_policy default: by the main table’s first, which the file of networks says', async () => {
  expect(countOf(await taken(PORT.none, 20))).toEqual({ wanb: 20 });
});

test('sticky: a client keeps its route to all destinations; the clients are shared by weight', async () => {
  const routes: string[] = [];
  for (let client = 0; client < CLIENTS; client++) {
    const own = new Set(await taken(PORT.sticky, 16, MANY, client));
    expect(own.size).toBe(1);
    routes.push(...own);
  }
  expect(new Set(routes)).toEqual(new Set(['wan', 'wanb']));
  // Not so without it: one client alone uses both.
  expect(new Set(await taken(PORT.shared, 16, MANY))).toEqual(new Set(['wan', 'wanb']));
});

test('a member that its checks find dead is left, the next metric takes over, and it comes back', async () => {
  await made.lab.link('wan').set({ blackhole: true });
  await untilStates({ wan: 'down' });
  expect(countOf(await taken(PORT.failover, 20))).toEqual({ wanb: 20 });
  expect(countOf(await taken(PORT.shared, 20))).toEqual({ wanb: 20 });
  await made.lab.link('wanb').set({ blackhole: true });
  await untilStates({ wan: 'down', wanb: 'down' });
  expect(countOf(await taken(PORT.shared, 20))).toEqual({ lte: 20 });
  expect(countOf(await taken(PORT.sticky, 20))).toEqual({ lte: 20 });
  await made.lab.link('wan').set({ blackhole: false });
  await made.lab.link('wanb').set({ blackhole: false });
  await untilStates({ wan: 'up', wanb: 'up' });
  expect(countOf(await taken(PORT.failover, 20))).toEqual({ wan: 20 });
  expect(countOf(await taken(PORT.shared, 50))).toEqual({ wan: 30, wanb: 20 });
});
