/** IPv6 switched off on one interface: that family of that route is down and said so, and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import type { RouteStatus } from '../../src/api/contract.js';
import { eventually, GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const NAMES = ['a', 'b', 'c'] as const;
const PORTS = { a: 11, b: 12, c: 13 } as const;
const OFF = 'net.ipv6.conf.wan2.disable_ipv6';
const SAID =
  'IPv6 is switched off on wan2 (net/ipv6/conf/wan2/disable_ipv6 is 1): its routes carry IPv4 alone';

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: NAMES.map((name) => ({ name })) },
    {
      topologyChanges: true,
      config: {
        services: NAMES.map((name) => ({ name: `only-${name}`, match: { tcp: PORTS[name] }, select: name })),
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORTS) });
});

afterAll(async () => {
  await made?.stop();
});

async function switchIpv6(value: 'on' | 'off'): Promise<void> {
  await made.lab.gateway.must(['sysctl', '-qw', `${OFF}=${value === 'off' ? 1 : 0}`]);
  if (value === 'off') return;
  await made.lab.gateway.must(['ip', '-6', 'address', 'replace', 'fd03:2::2/64', 'dev', 'wan2', 'nodad']);
}

async function used(name: keyof typeof PORTS, address: string): Promise<string[]> {
  await echo.forget();
  const targets = [{ address, port: PORTS[name] }];
  const results = await made.lab.client().connect({ targets, count: 3, bytes: 10, timeoutMs: 1500 });
  const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  return results.every(({ ok }) => ok) ? [...new Set(sources)] : ['fails'];
}

async function routeB(): Promise<RouteStatus> {
  return (await made.status()).routes.find(({ name }) => name === 'b')!;
}

/** That family of that route, and nothing else, is gone. */
async function expectOff(): Promise<void> {
  const reasons = async (): Promise<string> => (await routeB()).reasons.join();
  expect(await eventually(reasons, (text) => text.includes('switched-off'), 2500)).toContain(
    'ipv6-switched-off',
  );
  expect((await routeB()).addresses).toEqual(['203.0.2.2']);
  expect((await made.status()).alarms).toContain(SAID);
  expect((await made.status()).alarms.filter((alarm) => /route [ac]/.test(alarm))).toEqual([]);
  for (const [name, number] of [
    ['a', 1],
    ['c', 3],
  ] as const) {
    expect(await used(name, NEAR)).toEqual([`203.0.${number}.2`]);
    expect(await used(name, NEAR6)).toEqual([`fd03:${number}::2`]);
  }
  expect(await used('b', NEAR)).toEqual(['203.0.2.2']);
  expect(made.daemon.stderr()).not.toMatch(
    /RTNETLINK|nexthop device|Permission denied|change-failed|"broken"/,
  );
}

test('switched off while the gateway runs, and on again', async () => {
  await switchIpv6('off');
  await expectOff();
  await switchIpv6('on');
  const way = (): Promise<string[]> => used('b', NEAR6);
  expect(await eventually(way, (found) => found.join() === 'fd03:2::2', 6000)).toEqual(['fd03:2::2']);
  expect((await made.status()).alarms).not.toContain(SAID);
});

test('switched off before the start: it starts, `doctor` says the same, a reload works', async () => {
  await made.stopDaemon();
  await switchIpv6('off');
  const doctor = [PATHRACE, 'doctor', '--wide', '--config', made.configFile];
  const { stdout, code } = await made.lab.gateway.run(doctor);
  expect(stdout).toMatch(
    /warn +interface wan2 +exists, IPv6 is switched off on it: route b carries IPv4 alone/,
  );
  expect(stdout).toContain('sysctl -w net.ipv6.conf.wan2.disable_ipv6=0');
  expect(code).toBe(0);
  await made.startDaemon();
  await expectOff();
  await made.command('reload');
  await made.stopDaemon();
  await made.startDaemon();
  await expectOff();
  await switchIpv6('on');
  const way = (): Promise<string[]> => used('b', NEAR6);
  expect(await eventually(way, (found) => found.join() === 'fd03:2::2', 6000)).toEqual(['fd03:2::2']);
});

test('addresses that are not on the interface and a next hop off its subnet: said by check, doctor, start and status', async () => {
  const odd = { gateway: '203.0.113.1', addresses: '203.0.113.2-203.0.113.6' };
  const texts = [
    'route c: 203.0.113.2 and 4 more addresses are not on wan3: right only if the provider routes them to this machine',
    'route c: the next hop 203.0.113.1 is in no subnet of wan3, which has 203.0.3.2/24: right only if it answers there all the same',
  ];
  await made.restart({ rest: { route: 'b' }, routes: { c: odd } });
  expect((await made.status()).notes).toEqual(texts);
  const inNamespace = (...words: string[]): Promise<string> => made.lab.gateway.must([PATHRACE, ...words]);
  const check = await inNamespace('check', made.configFile);
  const page = await inNamespace('status', '--control', made.lab.controlSocket);
  const status = page.replace(/\n\s+/g, ' ');
  const doctor = await inNamespace('doctor', '--wide', '--config', made.configFile);
  for (const text of texts) {
    expect(check).toContain(`note: ${text}`);
    expect(status).toContain(`note: ${text}`);
    expect(doctor).toContain(text.replace('route c: ', ''));
    expect(made.daemon.stderr()).toContain(text);
  }
});
