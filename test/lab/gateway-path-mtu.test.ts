/** A path that loses large packets without a word: noticed by connections that hang, proved by echo requests, and its MSS lowered (`mtu: auto`). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EchoServer, plainNat, startLab } from '../../lab/index.js';
import { eventually, GatewayLab, PATHRACE } from './support/gateway-lab.js';
import {
  ADDRESSES,
  arrived,
  BYTES,
  came,
  downloads,
  PORT,
  routeOf,
  SCENARIO,
  SERVICES,
  targets,
  upload,
  WEB,
} from './support/path-lab.js';

const PATH = 1400;
const SILENT = { pathMtu: PATH, pathMtuSilent: true };
const directory = mkdtempSync(join(tmpdir(), 'path-mtu-'));
const CONFIG = { services: SERVICES, memory: { trust: '0s', store: join(directory, 'store') } };
const ALL = ADDRESSES.map(() => true);

describe('plain NAT', () => {
  test('every download hangs', async () => {
    const lab = await startLab(SCENARIO);
    try {
      await plainNat(lab, 'b');
      await lab.server('s1').nginx({ ports: [PORT.b], bodyBytes: BYTES });
      await lab.link('b').set(SILENT);
      const results = await downloads(lab, PORT.b);
      expect(results.every(({ connectMs }) => connectMs > 0)).toBe(true);
      expect(came(results)).toEqual(ADDRESSES.map(() => false));
    } finally {
      await lab.stop();
    }
  });
});

describe('the gateway', () => {
  let made: GatewayLab;
  let sink: EchoServer;

  beforeAll(async () => {
    made = await GatewayLab.start(SCENARIO, { config: CONFIG, expectedEvents: ['path-mtu'] });
    const server = made.lab.server('s1');
    await server.nginx({ ports: WEB, bodyBytes: BYTES });
    await server.echo({ ports: [PORT.quiet], mode: 'silent' });
    sink = await server.echo({ ports: [PORT.up], mode: 'discard', closeAfterBytes: BYTES });
  });

  afterAll(async () => {
    await made?.stop();
    rmSync(directory, { recursive: true });
  });

  /** How many echo requests the gateway has sent by a provider. */
  const echoRequests = async (provider: string): Promise<number> => {
    const sent = await made.lab.wire.trace({ provider, direction: 'out' });
    return sent.filter(({ icmp }) => icmp?.type === 8 || icmp?.type === 128).length;
  };

  test('servers that are silent for long on healthy routes: the routes are asked, and nothing is lowered or said', async () => {
    const { lab } = made;
    await lab.wire.reset();
    const waiting = lab
      .client()
      .connect({ targets: [...targets(PORT.quiet), ...targets(PORT.quiet)], bytes: 100, timeoutMs: 14_000 });
    const asked = await eventually(
      () => echoRequests('b'),
      (count) => count > 0,
      13_000,
    );
    expect(asked).toBeGreaterThan(0);
    await waiting;
    for (const name of ['a', 'b']) expect(await routeOf(made, name)).not.toHaveProperty('pathMtu');
    expect(made.daemon.stderr()).not.toContain('"event":"path-mtu"');
    // Once asked, the same connections are no reason to ask again.
    expect(await echoRequests('b')).toBeLessThan(100);
  });

  test('it is found and said within seconds; uploads that hang go on', async () => {
    const { lab } = made;
    await lab.link('b').set(SILENT);
    await sink.forget();
    const begun = performance.now();
    const first = downloads(lab, PORT.race, 6);
    const up = upload(lab, 45_000);
    await eventually(
      () => routeOf(made, 'b'),
      (one) => one?.pathMtu?.ipv4 !== undefined && one.pathMtu.ipv6 !== undefined,
      30_000,
    );
    const seconds = (performance.now() - begun) / 1000;
    // The last of them may have begun to move when it was found.
    expect(came(await first).filter((isWhole) => !isWhole).length).toBeGreaterThanOrEqual(2);
    expect((await routeOf(made, 'b'))?.pathMtu).toEqual({ ipv4: PATH, ipv6: PATH });
    expect(await routeOf(made, 'a')).not.toHaveProperty('pathMtu');
    expect(seconds).toBeLessThan(20);
    expect(
      await eventually(
        () => arrived(sink),
        (count) => count === ADDRESSES.length,
        30_000,
      ),
    ).toBe(ADDRESSES.length);
    await up;
  });

  test.each(WEB)('what is new works, whoever chooses: port %i', async (port) => {
    expect(came(await downloads(made.lab, port))).toEqual(ALL);
  });

  test('uploads that begin now arrive, in packets of that size', async () => {
    const { lab } = made;
    await sink.forget();
    await lab.wire.reset();
    await upload(lab, 3000);
    expect(await arrived(sink)).toBe(ADDRESSES.length);
    for (const address of ADDRESSES) {
      const sent = await lab.wire.trace({ provider: 'b', direction: 'out', address, port: PORT.up });
      // With the option that carries times.
      const headers = address.includes(':') ? 72 : 52;
      expect(Math.max(...sent.map(({ length }) => length)) + headers).toBe(PATH);
    }
  });

  test('status, routes and doctor say so, and so does the log', async () => {
    const text = await made.lab.gateway.must([PATHRACE, 'status', '--control', made.lab.controlSocket]);
    expect(text).toMatch(/^b .*\n(?: .*\n)*? +larger packets vanish: IPv4 1400, IPv6 1400 bytes pass/m);
    const routes = JSON.parse(await made.command('routes')) as { name: string }[];
    expect(routes.find(({ name }) => name === 'b')).toMatchObject({ pathMtu: { ipv4: PATH, ipv6: PATH } });
    const doctor = await made.lab.gateway.run([PATHRACE, 'doctor', '--config', made.configFile]);
    expect(doctor.stdout).toMatch(/path of route b .*larger packets vanish/);
    expect(made.daemon.stderr()).toContain(
      'route b: IPv4 packets above 1400 bytes vanish; MSS lowered to 1360',
    );
    expect(made.daemon.stderr()).toContain(
      'route b: IPv6 packets above 1400 bytes vanish; MSS lowered to 1340',
    );
  });

  test('a reload and a restart keep it', async () => {
    made.rewriteConfig({ ...CONFIG, routes: { a: { weight: 2 } } });
    await made.command('reload');
    expect((await routeOf(made, 'b'))?.pathMtu).toEqual({ ipv4: PATH, ipv6: PATH });
    expect(came(await downloads(made.lab, PORT.b))).toEqual(ALL);
    await made.stopDaemon();
    await made.startDaemon();
    expect((await routeOf(made, 'b'))?.pathMtu).toEqual({ ipv4: PATH, ipv6: PATH });
    expect(came(await downloads(made.lab, PORT.b))).toEqual(ALL);
  });

  test('a number is not looked at again', async () => {
    made.rewriteConfig({ ...CONFIG, routes: { b: { mtu: 1500 } } });
    await made.command('reload');
    await eventually(
      () => routeOf(made, 'b'),
      (one) => one?.pathMtu === undefined,
      5000,
    );
    // The client has heard of the path when its uploads hung.
    for (const family of ['-4', '-6']) await made.lab.client().run(['ip', family, 'route', 'flush', 'cache']);
    expect(came(await downloads(made.lab, PORT.b, 2))).toEqual(ADDRESSES.map(() => false));
    await sleep(12_000);
    expect(await routeOf(made, 'b')).not.toHaveProperty('pathMtu');
  });
});
