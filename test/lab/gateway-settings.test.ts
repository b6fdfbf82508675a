/** Kernel settings that other programs change while the gateway runs: set again, or an alarm, and nothing left behind. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start({ providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
  await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

async function read(name: string): Promise<string> {
  return (await made.lab.gateway.must(['sysctl', '-n', name])).trim();
}

async function write(...settings: string[]): Promise<void> {
  await made.lab.gateway.must(['sysctl', '-qw', ...settings]);
}

function logged(event: string): string[] {
  return made.daemon
    .stderr()
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`));
}

async function connect(): Promise<void> {
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
  connectMs(await made.lab.client().connect({ targets, count: 20, concurrency: 5, bytes: 1000 }));
}

test.each([
  ['net.ipv4.conf.all.rp_filter', '1', '0'],
  ['net.ipv4.conf.wan2.rp_filter', '1', '0'],
  ['net.ipv4.ip_forward', '0', '1'],
  ['net.ipv4.conf.lan0.forwarding', '0', '1'],
  ['net.ipv6.conf.all.forwarding', '0', '1'],
  ['net.ipv4.conf.wan1.arp_ignore', '0', '1'],
])('%s = %s is set again within a second, and the log says so', async (name, bad, good) => {
  expect(await read(name)).toBe(good);
  const told = logged('settings-changed').length;
  await write(`${name}=${bad}`);
  const healed = await eventually(
    () => read(name),
    (value) => value === good,
    1200,
  );
  expect(healed).toBe(good);
  const lines = await eventually(
    async () => logged('settings-changed').slice(told),
    (all) => all.some((line) => line.includes(name.replaceAll('.', '/'))),
    500,
  );
  expect(lines.join()).toContain(name.replaceAll('.', '/'));
  await connect();
  expect((await made.status()).alarms).toEqual([]);
});

test('what the LAN of `ip_forward` had with it is there again, too', async () => {
  await write('net.ipv4.ip_forward=0');
  await eventually(
    () => read('net.ipv4.ip_forward'),
    (value) => value === '1',
    1200,
  );
  for (const name of ['lan0', 'wan1', 'wan3'])
    expect(await read(`net.ipv4.conf.${name}.forwarding`)).toBe('1');
});

test('a value that somebody sets again and again is left, and an alarm until it is right', async () => {
  const name = 'net.ipv4.conf.wan3.rp_filter';
  const told = logged('settings-changed').length;
  const other = made.lab.gateway.spawn(['sh', '-c', `while :; do sysctl -qw ${name}=2; sleep 0.1; done`]);
  const alarms = async (): Promise<readonly string[]> => (await made.status()).alarms;
  const raised = await eventually(alarms, (all) => all.length > 0, 4000);
  expect(raised).toHaveLength(1);
  expect(raised[0]).toContain('net/ipv4/conf/wan3/rp_filter');
  await sleep(1500);
  other.signal('SIGKILL');
  expect(logged('settings-changed').length - told).toBeLessThanOrEqual(5);
  expect(await read(name)).toBe('2');
  await write(`${name}=0`);
  expect(await eventually(alarms, (all) => all.length === 0, 2500)).toEqual([]);
  await connect();
});

test('IPv6 switched off on the LAN is an alarm', async () => {
  await write('net.ipv6.conf.lan0.disable_ipv6=1');
  const alarms = async (): Promise<readonly string[]> => (await made.status()).alarms;
  const raised = await eventually(alarms, (all) => all.length > 0, 2500);
  expect(raised.join()).toContain('IPv6 was switched off on lan0');
  await write('net.ipv6.conf.lan0.disable_ipv6=0');
  await made.lab.gateway.must(['ip', '-6', 'addr', 'replace', 'fd00::1/64', 'dev', 'lan0', 'nodad']);
  expect(await eventually(alarms, (all) => all.length === 0, 2500)).toEqual([]);
  await connect();
});

test('interfaces that are neither LAN nor provider keep their reverse-path check, also those that come later', async () => {
  const { gateway } = made.lab;
  await made.stopDaemon();
  await gateway.must(['ip', 'link', 'add', 'docker0', 'type', 'veth', 'peer', 'name', 'docker1']);
  const all = await read('net.ipv4.conf.all.rp_filter');
  const names = ['all', 'default', 'lo', 'docker0', 'docker1', 'lan0', 'wan1', 'wan2'];
  const values = (): Promise<string[]> =>
    Promise.all(names.map((name) => read(`net.ipv4.conf.${name}.rp_filter`)));
  await write('net.ipv4.conf.all.rp_filter=1');
  const before = await values();
  await made.startDaemon();
  expect(await values()).toEqual(['0', '1', '1', '1', '1', '1', '0', '0']);
  await gateway.must(['ip', 'link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'late1']);
  expect(await read('net.ipv4.conf.late0.rp_filter')).toBe('1');
  await connect();
  await gateway.must(['ip', 'link', 'delete', 'late0']);
  await made.stopDaemon();
  expect(await values()).toEqual(before);
  await gateway.must(['ip', 'link', 'delete', 'docker0']);
  await write(`net.ipv4.conf.all.rp_filter=${all}`);
  await made.startDaemon();
});

test('two providers on one switch: each interface answers for its own addresses alone', async () => {
  for (const name of ['wan1', 'wan2', 'wan3']) {
    expect(await read(`net.ipv4.conf.${name}.arp_ignore`)).toBe('1');
    expect(await read(`net.ipv4.conf.${name}.arp_announce`)).toBe('2');
  }
});
