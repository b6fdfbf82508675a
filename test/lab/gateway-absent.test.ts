/** What is not there when the gateway starts, or goes while it runs, is down, said so, and taken in when it appears. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConfigOverrides, EchoServer } from '../../lab/index.js';
import type { ReloadReport, RouteStatus } from '../../src/api/contract.js';
import { Absentee } from './support/absent.js';
import { eventually, GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const NAMES = ['a', 'b', 'c'] as const;
const PORTS = { a: 11, b: 12, c: 13 } as const;
const CONFIG: ConfigOverrides = {
  services: NAMES.map((name) => ({ name: `only-${name}`, match: { tcp: PORTS[name] }, select: name })),
  rest: { route: 'b' },
};

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: NAMES.map((name) => ({ name })) },
    { topologyChanges: true, config: CONFIG },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORTS) });
});

afterAll(async () => {
  await made?.stop();
});

/** Providers that new connections of both families to a route's own port go by; null: some did not work. */
async function usedBy(name: keyof typeof PORTS): Promise<string[] | null> {
  await echo.forget();
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORTS[name] }));
  const results = await made.lab.client().connect({ targets, count: 4, bytes: 10, timeoutMs: 1500 });
  if (results.some(({ ok }) => !ok)) return null;
  const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  const providers = sources.map((one) => NAMES[Number(/^(?:203\.0\.|fd03:)(\d)/.exec(one)?.[1]) - 1] ?? one);
  return [...new Set(providers)].sort();
}

/** A route is used again, by its own interface. */
async function expectUsed(name: keyof typeof PORTS): Promise<void> {
  const used = await eventually(
    () => usedBy(name),
    (found) => found?.join() === name,
    6000,
  );
  expect(used, made.daemon.stderr().slice(-2000)).toEqual([name]);
}

async function routeOf(name: string): Promise<RouteStatus> {
  return (await made.status()).routes.find((route) => route.name === name)!;
}

async function alarms(): Promise<string[]> {
  return [...(await made.status()).alarms];
}

/** Alarms, once what is back has been believed; of a family without traffic that takes longer. */
async function settle(): Promise<string[]> {
  const left = async (): Promise<string[]> =>
    (await alarms()).filter((alarm) => !alarm.includes('-returned'));
  return eventually(left, (found) => found.length === 0, 8000);
}

describe.each(NAMES.map((name, i) => [name, `wan${i + 1}`] as const))('%s without %s', (name, link) => {
  test('starts, is down with an alarm, and is used when the interface appears; also after it went', async () => {
    const absentee = new Absentee(made.lab, link);
    await made.stopDaemon();
    await absentee.leave();
    await made.startDaemon();
    const route = await routeOf(name);
    expect([route.state, route.reasons]).toEqual(['down', ['interface-missing']]);
    expect(await alarms()).toEqual([
      `route ${name} is down (interface-missing): there is no interface ${link}; it is taken in when it appears`,
    ]);
    const others = NAMES.filter((one) => one !== name);
    for (const other of others) expect(await usedBy(other)).toEqual([other]);
    await absentee.comeBack();
    await expectUsed(name);
    expect(await settle()).toEqual([]);

    await absentee.leave();
    expect(
      await eventually(
        async () => (await routeOf(name)).reasons,
        (reasons) => reasons.includes('interface-missing'),
        2000,
      ),
    ).toEqual(['interface-missing']);
    for (const other of others) expect(await usedBy(other)).toEqual([other]);
    // And a reload meanwhile, in which other things change.
    made.rewriteConfig({ ...CONFIG, routes: { [others[0]]: { weight: 7 } } });
    const report = JSON.parse(await made.command('reload')) as ReloadReport;
    expect(report.applied).toBe(true);
    await absentee.comeBack();
    await expectUsed(name);
    made.rewriteConfig(CONFIG);
    await made.command('reload');
    expect(await settle()).toEqual([]);
    expect(made.daemon.stderr()).not.toMatch(/settings-changed|rules-lost|change-failed|"broken"/);
  });
});

describe('the LAN without its interface', () => {
  test('starts, says so, and serves it when it appears; also after it went', async () => {
    const absentee = new Absentee(made.lab, 'lan0');
    await made.stopDaemon();
    await absentee.leave();
    await made.startDaemon();
    const missing = "the LAN's interface lan0 does not exist: nobody behind it is served until it appears";
    expect(await alarms()).toEqual([missing]);
    expect(made.daemon.stdout()).toContain('LAN lan0 (missing)');
    await absentee.comeBack();
    for (const name of NAMES) await expectUsed(name);
    expect(await settle()).toEqual([]);
    const settings = ['accept_local', 'forwarding'].map((key) => `net.ipv4.conf.lan0.${key}`);
    const read = async (): Promise<string> => made.lab.gateway.must(['sysctl', '-n', ...settings]);
    expect(await eventually(read, (text) => text === '1\n1\n', 1500)).toBe('1\n1\n');

    await absentee.leave();
    expect(await eventually(alarms, (found) => found.includes(missing), 2000)).toContain(missing);
    await made.command('reload');
    await absentee.comeBack();
    for (const name of NAMES) await expectUsed(name);
    expect(await settle()).toEqual([]);
    expect(made.daemon.stderr()).not.toMatch(/settings-changed|rules-lost|change-failed|"broken"/);
  });
});

test('`optional` silences the alarm alone', async () => {
  const absentee = new Absentee(made.lab, 'wan3');
  await absentee.leave();
  made.rewriteConfig({ ...CONFIG, routes: { c: { optional: true } } });
  await made.command('reload');
  expect((await routeOf('c')).state).toBe('down');
  expect((await alarms()).filter((alarm) => alarm.includes(' c '))).toEqual([]);
  const { stdout, code } = await made.lab.gateway.run([PATHRACE, 'doctor', '--config', made.configFile]);
  expect(stdout).toMatch(/ok\s+interface wan3\s+does not exist/);
  expect([stdout.split('\n').at(-2), code]).toEqual(['A gateway can run here.', 0]);
  await absentee.comeBack();
});

test('everything is missing: it runs, and takes in one after the other', async () => {
  await made.stopDaemon();
  const absent = ['wan1', 'wan2', 'wan3', 'lan0'].map((name) => new Absentee(made.lab, name));
  for (const one of absent) await one.leave();
  await made.startDaemon(CONFIG);
  expect(await alarms()).toContain('no route is up');
  expect((await made.status()).routes.map(({ reasons }) => reasons)).toEqual(
    NAMES.map(() => ['interface-missing']),
  );
  for (const one of absent.toReversed()) await one.comeBack();
  for (const name of NAMES) await expectUsed(name);
  expect(await settle()).toEqual([]);
});
