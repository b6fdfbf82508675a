/** Datagrams that are raced, with the programs that send them: DNS, QUIC, STUN and NTP over three routes. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WirePacket } from '../../lab/index.js';
import { NameServer } from '../../lab/name-server.js';
import { eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const NAME = 'www.example.test';
const ADDRESS = { 4: '198.51.100.80', 6: '2001:db8:80::1' } as const;
const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 40 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 80 } },
  ],
};
const OPTIONS = {
  config: { services: [{ name: 'all', match: 'any', select: 'race', affinity: 'none' }] },
} as never;
const SERVFAIL = 2;
const REFUSED = 5;

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(SCENARIO, OPTIONS);
});

afterAll(async () => {
  await made?.stop();
});

interface Dug {
  readonly status: string;
  readonly addresses: readonly string[];
  /** As dig says, ms; NaN: no answer. */
  readonly ms: number;
}

async function dig(
  server: string,
  type: string,
  args: readonly string[] = ['+tries=1', '+time=3'],
): Promise<Dug> {
  const { stdout } = await made.lab.client().run(['dig', `@${server}`, NAME, type, ...args]);
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? 'none',
    addresses: [...stdout.matchAll(/^www.*\s(?:A|AAAA)\s+(\S+)$/gm)].map(([, address]) => address ?? ''),
    ms: Number(/Query time: (\d+)/.exec(stdout)?.[1] ?? Number.NaN),
  };
}

async function datagrams(direction: 'in' | 'out'): Promise<WirePacket[]> {
  return made.lab.wire.trace({ kind: 'udp', direction });
}

const providersOf = (packets: readonly WirePacket[]): string[] =>
  packets.map(({ provider }) => provider).sort();

describe('DNS', () => {
  test.each([
    [4, NEAR, 'A'],
    [6, NEAR6, 'AAAA'],
  ] as const)(
    'IPv%i: the query leaves by all routes, the nearest one’s answer comes back, the others’ end here',
    async (family, server, type) => {
      const names = await NameServer.listen(made.lab.server(), server, { [NAME]: [ADDRESS[family]] });
      await made.lab.wire.reset();
      const found = await dig(server, type);
      expect(found).toMatchObject({ status: 'NOERROR', addresses: [ADDRESS[family]] });
      const out = await datagrams('out');
      expect(providersOf(out)).toEqual(['a', 'b', 'c']);
      expect(new Set(out.map(({ sourcePort }) => sourcePort)).size).toBe(1);
      const all = await eventually(
        () => datagrams('in'),
        (seen) => seen.length === 3,
        1000,
      );
      expect(providersOf(all)).toEqual(['a', 'b', 'c']);
      // Nobody is told that a port is closed.
      expect(await made.lab.wire.trace({ kind: 'icmp-error' })).toEqual([]);
      names.close();
    },
  );

  test.each([
    ['SERVFAIL', SERVFAIL],
    ['REFUSED', REFUSED],
  ])('a nearer %s waits for an answer', async (_, code) => {
    const names = await NameServer.listen(made.lab.server(), NEAR, { [NAME]: [ADDRESS[4]] }, (from) =>
      from === '203.0.2.2' ? code : 0,
    );
    const found = await dig(NEAR, 'A');
    names.close();
    expect(found).toMatchObject({ status: 'NOERROR', addresses: [ADDRESS[4]] });
  });

  test('when all say no, the client gets the answer that says most, as it was', async () => {
    const names = await NameServer.listen(made.lab.server(), NEAR, {}, (from) =>
      from === '203.0.3.2' ? 0 : from === '203.0.2.2' ? REFUSED : SERVFAIL,
    );
    const found = await dig(NEAR, 'A');
    names.close();
    expect(found).toMatchObject({ status: 'NOERROR', addresses: [] });
  });

  test('a silent route costs nothing', async () => {
    const names = await NameServer.listen(made.lab.server(), NEAR, { [NAME]: [ADDRESS[4]] });
    await made.lab.link('b').set({ blackhole: true });
    const found = await dig(NEAR, 'A');
    await made.lab.link('b').set({ blackhole: false });
    names.close();
    expect(found).toMatchObject({ status: 'NOERROR', addresses: [ADDRESS[4]] });
    // Two times 40 ms, and not a retry.
    expect(found.ms).toBeLessThan(900);
  });

  test('UPDATE goes by one route', async () => {
    await made.lab.wire.reset();
    await made.lab.client().run(['nsupdate', '-t', '1', '-r', '0', '-u', '1'], {
      input: `server ${NEAR}\nzone example.test\nupdate add x.example.test 60 A 192.0.2.1\nsend\n`,
    } as never);
    const out = (await datagrams('out')).filter(({ destinationPort }) => destinationPort === 53);
    expect(out.length).toBeGreaterThan(0);
    expect(new Set(providersOf(out)).size).toBe(1);
  });
});

describe('QUIC', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'pathrace-quic-'));
    mkdirSync(join(home, 'got'));
    writeFileSync(join(home, 'page'), 'x'.repeat(300_000));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test('a page by HTTP/3: the first flight leaves by all routes, all that follows by the winner alone', async () => {
    const { lab } = made;
    await lab
      .server()
      .must([
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=www.example.test',
        '-keyout',
        join(home, 'key'),
        '-out',
        join(home, 'cert'),
      ]);
    const server = lab
      .server()
      .spawn(['gtlsserver', '-q', '-d', home, NEAR, '4433', join(home, 'key'), join(home, 'cert')]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = (await made.status()).packets.queue;
    await lab.wire.reset();
    const got = await lab
      .client()
      .run(
        [
          'gtlsclient',
          '-q',
          '--exit-on-all-streams-close',
          '--download',
          join(home, 'got'),
          NEAR,
          '4433',
          'https://www.example.test:4433/page',
        ],
        { timeoutMs: 20_000 } as never,
      );
    const trace = await lab.wire.trace({ kind: 'udp' });
    const after = (await made.status()).packets.queue;
    await server.stop();
    expect(got.stderr + got.stdout).not.toMatch(/ERR_|timeout/i);
    const out = trace.filter(({ direction }) => direction === 'out');
    const first = out.slice(0, 3);
    expect(providersOf(first)).toEqual(['a', 'b', 'c']);
    const bytes = trace
      .filter(({ direction }) => direction === 'in')
      .reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(300_000);
    // What is not of the first flight.
    const decidedAt = trace.find(({ direction, provider }) => direction === 'in' && provider === 'b')!.at;
    const later = out.filter(({ at }) => at > decidedAt + 1000);
    expect(new Set(providersOf(later))).toEqual(new Set(['b']));
    // Of the whole page, the queues have seen the first flight and what it was answered.
    expect(Number(after.lan) - Number(before.lan)).toBeLessThanOrEqual(3);
    expect(Number(after.wan) - Number(before.wan)).toBeLessThanOrEqual(9);
  });
});

test('STUN: coturn’s client hears by the nearest route which address it has', async () => {
  const { lab } = made;
  const server = lab
    .server()
    .spawn([
      'turnserver',
      '-n',
      '-S',
      '--no-cli',
      '-L',
      NEAR,
      '-p',
      '3478',
      '--log-file',
      'stdout',
      '--pidfile',
      '/dev/null',
    ]);
  await new Promise((resolve) => setTimeout(resolve, 700));
  await lab.wire.reset();
  const { stdout } = await lab
    .client()
    .run(['turnutils_stunclient', '-p', '3478', NEAR], { timeoutMs: 10_000 } as never);
  await server.stop();
  expect(stdout).toMatch(/UDP reflexive addr: 203\.0\.2\.2:/);
  const first = (await datagrams('out')).slice(0, 3);
  expect(providersOf(first)).toEqual(['a', 'b', 'c']);
});

// Its package takes the place of the machine's own time service, so nobody is made to install it.
test.skipIf(!existsSync('/usr/bin/chromium'))(
  'a page by HTTP/3 in Chromium, whose connection has no id of its own',
  async () => {
    const { lab } = made;
    const home = mkdtempSync(join(tmpdir(), 'pathrace-chromium-'));
    const [key, cert] = [join(home, 'key'), join(home, 'cert')];
    const asked = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${NAME}`];
    await lab.server().must(['openssl', 'req', ...asked, '-keyout', key, '-out', cert]);
    const digest = `openssl x509 -in ${cert} -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`;
    const spki = (await lab.server().must(['sh', '-c', digest])).trim();
    writeFileSync(join(home, 'page'), 'page '.repeat(30_000));
    const server = lab.server().spawn(['gtlsserver', '-q', '-d', home, NEAR, '4434', key, cert]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await lab.wire.reset();
    const got = await lab
      .client()
      .run(
        [
          'chromium',
          ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync'],
          ...['--disable-background-networking', '--disable-component-update'],
          `--user-data-dir=${join(home, 'profile')}`,
          `--origin-to-force-quic-on=${NAME}:4434`,
          `--host-resolver-rules=MAP ${NAME} ${NEAR}`,
          `--ignore-certificate-errors-spki-list=${spki}`,
          '--dump-dom',
          `https://${NAME}:4434/page`,
        ],
        { timeoutMs: 40_000 },
      );
    await server.stop();
    rmSync(home, { recursive: true, force: true });
    expect(got.stdout.match(/page /g)?.length).toBe(30_000);
    const trace = (await lab.wire.trace({ kind: 'udp' })).filter(
      ({ sourcePort, destinationPort }) => sourcePort === 4434 || destinationPort === 4434,
    );
    expect(new Set(providersOf(trace.filter(({ direction }) => direction === 'out').slice(0, 3)))).toEqual(
      new Set(['a', 'b', 'c']),
    );
    // All of the page came by the nearest.
    const bytes = (provider: string) =>
      trace
        .filter((one) => one.direction === 'in' && one.provider === provider)
        .reduce((sum, { length }) => sum + length, 0);
    expect(bytes('b')).toBeGreaterThan(150_000);
    expect(bytes('a') + bytes('c')).toBeLessThan(20_000);
    const [decision] = (await made.why(NEAR)).filter(({ destination }) => destination.endsWith(':4434'));
    expect(decision).toMatchObject({ route: 'b', reasons: ['first-reply'] });
    expect(decision!.routes.find(({ route }) => route === 'b')!.answeredMicros).toBeGreaterThan(0);
  },
  60_000,
);

test.skipIf(!existsSync('/usr/sbin/chronyd'))(
  'NTP: chrony sets its clock by the nearest route’s answer',
  async () => {
    const { lab } = made;
    const home = mkdtempSync(join(tmpdir(), 'pathrace-ntp-'));
    writeFileSync(
      join(home, 'server'),
      `local stratum 3\nallow\nbindaddress ${NEAR}\ncmdport 0\npidfile ${home}/server.pid\n`,
    );
    const server = lab.server().spawn(['chronyd', '-x', '-d', '-u', 'root', '-f', join(home, 'server')]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await lab.wire.reset();
    const got = await lab
      .client()
      .run(
        [
          'chronyd',
          '-Q',
          '-t',
          '8',
          '-u',
          'root',
          `server ${NEAR} iburst maxsamples 1`,
          'cmdport 0',
          `pidfile ${home}/client.pid`,
        ],
        {
          timeoutMs: 15_000,
        } as never,
      );
    await server.stop();
    rmSync(home, { recursive: true, force: true });
    expect(got.stdout + got.stderr).toMatch(/System clock wrong by/);
    const first = (await datagrams('out')).slice(0, 3);
    expect(providersOf(first)).toEqual(['a', 'b', 'c']);
  },
);

test('what nobody knows goes by one route, also to a port of DNS', async () => {
  const { lab } = made;
  for (const port of [53, 7777]) {
    await lab.wire.reset();
    await lab.client().run(['sh', '-c', `printf hello | nc -u -w1 ${NEAR} ${port}`]);
    const out = await datagrams('out');
    expect(out.length).toBe(1);
  }
});

test('a remembered route is asked first, and alone while it answers; when it is silent the others are asked in time', async () => {
  const { lab } = made;
  await made.restart({
    services: [{ name: 'all', match: 'any', select: 'race', affinity: 'client+destination' }],
    memory: { trust: '10m', refresh: 0 },
  } as never);
  const names = await NameServer.listen(lab.server(), NEAR, { [NAME]: [ADDRESS[4]] });
  expect((await dig(NEAR, 'A')).addresses).toEqual([ADDRESS[4]]);
  // All have answered.
  await new Promise((resolve) => setTimeout(resolve, 400));
  const listed = JSON.parse(await made.command('memory', NEAR)) as unknown[];
  expect(listed).toMatchObject([{ destination: NEAR, of: 'dns', best: 'b', trusted: true }]);
  expect((await made.status()).memory.destinations).toBe(1);
  await lab.wire.reset();
  const pinned = await dig(NEAR, 'A');
  expect(providersOf(await datagrams('out'))).toEqual(['b']);
  await lab.link('b').set({ blackhole: true });
  const rescued = await dig(NEAR, 'A', ['+tries=1', '+time=1']);
  await lab.link('b').set({ blackhole: false });
  names.close();
  expect(pinned.ms).toBeLessThan(200);
  expect(rescued.addresses).toEqual([ADDRESS[4]]);
  expect(rescued.ms).toBeLessThan(500);
});
