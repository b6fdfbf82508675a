/** The gateway as its own client: what programs on it open is raced, and what is none of ours is left alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boundIn } from '../../lab/bound-socket.js';
import type { Connector, ConnectResult, WirePacket } from '../../lab/index.js';
import { NameServer } from '../../lab/name-server.js';
import { macOf } from '../../lab/plan.js';
import {
  connectMs,
  conversation,
  eventually,
  expectLosersReset,
  type GatewayLab,
  halfOpen,
  NEAR,
  NEAR6,
  percentile,
} from './support/gateway-lab.js';
import {
  BOUND,
  CONFIG,
  FAMILIES,
  type OwnLab,
  ownLab,
  PORT,
  PROVIDERS,
  providersOf,
  RACE,
  TARGETS,
} from './support/own-lab.js';

const NAME = 'www.example.test';
const ADDRESS = { 4: '198.51.100.80', 6: '2001:db8:80::1' } as const;
/** Hosts in the subnets of a and b, beside the next hops. */
const BESIDE = ['203.0.1.77', '203.0.2.77'];

let own: OwnLab;
let made: GatewayLab;
let connector: Connector;
const open: OwnLab['open'] = (plan) => own.open(plan);
const queued: OwnLab['queued'] = () => own.queued();
ownLab((lab) => {
  own = lab;
  ({ made, connector } = lab);
});

describe.each(FAMILIES)('TCP over IPv%i', (family) => {
  test.each([
    ['bound to no address', undefined],
    ['bound to an address of another provider', BOUND[family]],
  ])('%s: raced over all routes, carried by the nearest with its address', async (_, source) => {
    const { lab } = made;
    const results = await open({
      targets: [TARGETS[family]],
      count: 4,
      bytes: 20_000,
      ...(source === undefined ? {} : { sources: [source] }),
    });
    const times = connectMs(results);
    expect(Math.min(...times)).toBeGreaterThan(18);
    // The main table's own would have taken 80.
    expect(percentile(times, 0.5)).toBeLessThan(78);
    expect(await halfOpen(lab)).toBe(0);
    const trace = await lab.wire.trace();
    const syns = trace.filter(({ kind }) => kind === 'syn');
    expect(syns.length).toBe(12);
    for (const syn of syns.filter(({ provider }) => provider === 'b')) {
      const copies = syns.filter(({ sourcePort }) => sourcePort === syn.sourcePort);
      expect(providersOf(copies)).toEqual(['a', 'b', 'c']);
      const after = conversation(trace, syn).map(({ kind }) => kind);
      expect(after).toEqual(expect.arrayContaining(['syn', 'synack', 'ack', 'data', 'fin']));
    }
    // As if its own kernel had sent them.
    expect(new Set(syns.map(({ ttl }) => ttl))).toEqual(new Set([64]));
    expectLosersReset(trace, 'b');
    const out = trace.filter(({ direction, protocol }) => direction === 'out' && protocol === 'tcp');
    const own = { 4: /^203\.0\.(\d)\.2$/, 6: /^fd03:(\d)::2$/ }[family];
    for (const packet of out) expect('abc'[Number(own.exec(packet.source)?.[1]) - 1]).toBe(packet.provider);
    const data = trace.filter(({ kind }) => kind === 'data');
    expect(new Set(providersOf(data))).toEqual(new Set(['b']));
  });

  test('a silent route costs nothing', async () => {
    await made.lab.link('b').set({ blackhole: true });
    const results = await open({ targets: [TARGETS[family]], count: 3, bytes: 1000 });
    await made.lab.link('b').set({ blackhole: false });
    expect(percentile(connectMs(results), 0.5)).toBeLessThan(500);
  });

  test('a no of all routes is told as the server says it', async () => {
    const [result] = await open({ targets: [{ ...TARGETS[family], port: 81 }] });
    expect(result).toMatchObject({ ok: false, error: 'ECONNREFUSED' });
    expect((await made.lab.wire.trace({ kind: 'syn' })).length).toBe(3);
    for (const { name } of PROVIDERS) await made.lab.link(name).set({ reject: { '*': 'host-unreachable' } });
    const [unreachable] = await open({ targets: [TARGETS[family]] });
    for (const { name } of PROVIDERS) await made.lab.link(name).set({ reject: {} });
    expect(unreachable).toMatchObject({ ok: false, error: 'EHOSTUNREACH' });
  });
});

test('curl: several megabytes there, byte by byte, by the nearest', async () => {
  const { lab } = made;
  const nginx = await lab.server().nginx({ ports: [80], bodyBytes: 3_000_000 });
  for (const host of [NEAR, `[${NEAR6}]`]) {
    const got = await lab.gateway.must([
      ...['curl', '-sS', '-o', '/dev/null', '--max-time', '20'],
      ...['-w', '%{http_code} %{size_download}', `http://${host}/`],
    ]);
    expect(got).toBe('200 3000000');
  }
  await nginx.stop();
});

describe.each(FAMILIES)('UDP over IPv%i', (family) => {
  const server = { 4: NEAR, 6: NEAR6 }[family];
  const dig = async (args: readonly string[] = []) => {
    await made.lab.wire.reset();
    const type = { 4: 'A', 6: 'AAAA' }[family];
    const { stdout } = await made.lab.gateway.run([
      ...['dig', `@${server}`, NAME, type, '+tries=1', '+time=3', ...args],
    ]);
    return { stdout, ms: Number(/Query time: (\d+)/.exec(stdout)?.[1] ?? Number.NaN) };
  };
  let names: NameServer;
  beforeAll(async () => {
    names = await NameServer.listen(made.lab.server(), server, { [NAME]: [ADDRESS[family]] });
  });
  afterAll(() => names.close());

  test.each([
    ['bound to no address', []],
    ['bound to an address of another provider', ['-b', BOUND[family]]],
  ])('%s: a question leaves by all routes, and is answered by the nearest', async (_, args) => {
    const { stdout, ms } = await dig(args);
    expect(stdout).toContain(ADDRESS[family]);
    // Two times 40 by the next.
    expect(ms).toBeLessThan(78);
    const out = await made.lab.wire.trace({ kind: 'udp', direction: 'out' });
    expect(providersOf(out)).toEqual(['a', 'b', 'c']);
    const all = await eventually(
      () => made.lab.wire.trace({ kind: 'udp', direction: 'in' }),
      (seen) => seen.length === 3,
      1000,
    );
    expect(providersOf(all)).toEqual(['a', 'b', 'c']);
    expect(await made.lab.wire.trace({ kind: 'icmp-error', direction: 'out' })).toEqual([]);
  });

  test('a silent route costs nothing', async () => {
    await made.lab.link('b').set({ blackhole: true });
    const { stdout, ms } = await dig();
    await made.lab.link('b').set({ blackhole: false });
    expect(stdout).toContain(ADDRESS[family]);
    expect(ms).toBeLessThan(900);
  });

  test('what nobody knows goes by one route, all of it', async () => {
    const listener = await boundIn(made.lab.server().namespace, server, 7777);
    await made.lab.wire.reset();
    const sent = `for i in 1 2 3 4 5; do printf hello; sleep 0.05; done | nc -u -w1 ${server} 7777`;
    await made.lab.gateway.run(['sh', '-c', sent]);
    const out = await made.lab.wire.trace({ kind: 'udp', direction: 'out' });
    listener.close();
    expect(out.length).toBe(5);
    expect(new Set(providersOf(out)).size).toBe(1);
  });
});

test('HTTP/3: the first flight leaves by all routes, the page comes by the nearest alone', async () => {
  const { lab } = made;
  const home = mkdtempSync(join(tmpdir(), 'pathrace-quic-'));
  mkdirSync(join(home, 'got'));
  writeFileSync(join(home, 'page'), 'x'.repeat(300_000));
  await lab
    .server()
    .must([
      ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${NAME}`],
      ...['-keyout', join(home, 'key'), '-out', join(home, 'cert')],
    ]);
  const server = lab
    .server()
    .spawn(['gtlsserver', '-q', '-d', home, NEAR, '4433', join(home, 'key'), join(home, 'cert')]);
  await sleep(500);
  await lab.wire.reset();
  const { stdout, stderr } = await lab.gateway.run(
    [
      ...['gtlsclient', '-q', '--exit-on-all-streams-close', '--download', join(home, 'got')],
      ...[NEAR, '4433', `https://${NAME}:4433/page`],
    ],
    { timeoutMs: 20_000 } as never,
  );
  const trace = await lab.wire.trace({ kind: 'udp' });
  await server.stop();
  rmSync(home, { recursive: true, force: true });
  expect(stdout + stderr).not.toMatch(/ERR_|timeout/i);
  const out = trace.filter(({ direction }) => direction === 'out');
  expect(providersOf(out.slice(0, 3))).toEqual(['a', 'b', 'c']);
  const decidedAt = trace.find(({ direction, provider }) => direction === 'in' && provider === 'b')!.at;
  const later = out.filter(({ at }) => at > decidedAt + 1000);
  expect(new Set(providersOf(later))).toEqual(new Set(['b']));
});

describe('what is left alone', () => {
  /** Everything that `action` sends leaves without the daemon's being asked; gives it. */
  async function unasked(action: () => Promise<unknown>): Promise<WirePacket[]> {
    const before = await queued();
    await made.lab.wire.reset();
    await action();
    expect((await queued()) - before).toBe(0);
    const trace = await made.lab.wire.trace({ direction: 'out' });
    return trace.filter(({ protocol }) => protocol === 'tcp' || protocol === 'udp');
  }
  const curl = (...args: readonly string[]) =>
    made.lab.gateway.run(['curl', '-sS', '-o', '/dev/null', '--max-time', '4', ...args]);

  test('the LAN, this machine itself, and the providers’ own subnets', async () => {
    const { lab } = made;
    await lab
      .client()
      .child('children/echo')
      .ask('listen', { ports: [PORT] });
    await lab.gateway.child('children/echo').ask('listen', { ports: [PORT] });
    const { ipv4, ipv6 } = lab.client();
    for (const [index, host] of BESIDE.entries())
      await lab.gateway.must([
        ...['ip', 'neigh', 'replace', host, 'lladdr', macOf('provider', index + 1)],
        ...['dev', `wan${index + 1}`, 'nud', 'permanent'],
      ]);
    const near = [ipv4, ipv6, '127.0.0.1', '::1', '10.0.0.1', BOUND[4], BOUND[6]];
    const out = await unasked(async () => {
      const results = await connector.run({
        targets: near.map((address) => ({ address, port: PORT })),
        bytes: 1000,
      });
      connectMs(results);
      for (const host of BESIDE) await curl('-m', '1', `http://${host}:81/`);
    });
    expect(
      new Set(out.map(({ provider, destination, source }) => `${provider} ${source} ${destination}`)),
    ).toEqual(new Set(BESIDE.map((host, index) => `${'ab'[index]} 203.0.${index + 1}.2 ${host}`)));
  });

  test('who asks from outside is answered by the way that it has come, and nobody is asked', async () => {
    const { lab } = made;
    const outside = lab.server().child('children/connector');
    const out = await unasked(async () => {
      const targets = FAMILIES.map((family) => ({ address: BOUND[family], port: PORT }));
      connectMs(await outside.ask<ConnectResult[]>('run', { targets, count: 4, bytes: 5000 }));
    });
    await outside.stop();
    expect(new Set(providersOf(out))).toEqual(new Set(['c']));
  });

  test('a program that somebody has marked: a tunnel’s', async () => {
    const { gateway } = made.lab;
    const rule = 'meta skuid 0 tcp dport 7 meta mark set 0x0000ca6c';
    await gateway.must(['nft', '-f', '-'], {
      input: `table inet others { chain out { type route hook output priority -150; ${rule}; }; }`,
    });
    const out = await unasked(async () =>
      connectMs(await connector.run({ targets: [TARGETS[4]], bytes: 100 })),
    );
    await gateway.must(['nft', 'delete', 'table', 'inet', 'others']);
    expect(new Set(out.map(({ provider, source }) => `${provider} ${source}`))).toEqual(
      new Set(['a 203.0.1.2']),
    );
  });

  test('the renewal of a lease: to whoever has given it', async () => {
    const out = await unasked(() =>
      made.lab.gateway.run(['sh', '-c', `printf hello | nc -u -w1 ${NEAR} 67`]),
    );
    expect(out.map(({ provider, source }) => `${provider} ${source}`)).toEqual(['a 203.0.1.2']);
  });

  test.each([
    ['what would be raced', [RACE]],
    ['what the kernel itself would choose another route for', []],
  ])('a socket that is bound to an interface, of %s: by that, and no copy leaves', async (_, services) => {
    await made.restart({ ...CONFIG, services } as never);
    const { lab } = made;
    const nginx = await lab.server().nginx({ ports: [80], bodyBytes: 50_000 });
    // By the way that would be chosen, and by others.
    for (const [name, provider] of [
      ['wan1', 'a'],
      ['wan2', 'b'],
      ['wan3', 'c'],
    ])
      for (const host of [NEAR, `[${NEAR6}]`]) {
        await lab.wire.reset();
        const got = await curl('--interface', name!, '-w', '%{http_code}', `http://${host}/`);
        expect([name, host, got.stdout]).toEqual([name, host, '200']);
        // The connection before may still be saying goodbye.
        const out = await lab.wire.trace({ direction: 'out', kind: ['syn', 'data'] });
        expect(new Set(providersOf(out))).toEqual(new Set([provider]));
      }
    await nginx.stop();
  });

  test('a way of the main table’s own, be it by the same next hop', async () => {
    const { lab } = made;
    await made.restart(CONFIG as never);
    const routes = FAMILIES.map((family) => {
      const [destination, hop] = family === 4 ? [NEAR, '203.0.1.1'] : [NEAR6, 'fd03:1::1'];
      return `ip -${family} route %s ${destination} via ${hop} dev wan1`;
    });
    await lab.gateway.must(['sh', '-ec', routes.map((line) => line.replace('%s', 'add')).join('; ')]);
    const results = await open({ targets: [TARGETS[4], TARGETS[6]], count: 4, bytes: 1000 });
    await lab.gateway.must(['sh', '-ec', routes.map((line) => line.replace('%s', 'del')).join('; ')]);
    connectMs(results);
    const out = (await lab.wire.trace({ direction: 'out' })).filter(({ protocol }) => protocol === 'tcp');
    expect(new Set(providersOf(out))).toEqual(new Set(['a']));
    expect(out.filter(({ kind }) => kind === 'syn').length).toBe(4);
    const [said] = await made.why(`${NEAR}:${PORT}`);
    expect(said).toMatchObject({ reasons: ['way-given'] });
  });

  test('what a rule of the operator’s forbids is not copied', async () => {
    const { gateway } = made.lab;
    await gateway.must(['nft', '-f', '-'], {
      input: 'table inet others { chain out { type filter hook output priority 0; tcp dport 7 reject; }; }',
    });
    const results: ConnectResult[] = [];
    const out = await unasked(async () => {
      results.push(...(await connector.run({ targets: [TARGETS[4]] })));
    });
    await gateway.must(['nft', 'delete', 'table', 'inet', 'others']);
    expect(results[0]).toMatchObject({ ok: false, error: 'ECONNREFUSED' });
    expect(out).toEqual([]);
  });
});

test('ping leaves by one route and is answered, its errors too', async () => {
  const { gateway } = made.lab;
  for (const host of [NEAR, NEAR6]) {
    const { stdout } = await gateway.run(['ping', '-n', '-c', '3', '-i', '0.2', '-W', '2', host]);
    expect(stdout).toContain('3 received');
  }
});

test('`why` and `status` know them', async () => {
  const before = (await made.status()).races.started;
  const [result] = await open({ targets: [TARGETS[4]], bytes: 100 });
  expect((await made.status()).races.started).toBe(before + 1);
  const [said] = await made.why(`${NEAR}:${PORT}`);
  const { address, port } = result!.source;
  expect(said).toMatchObject({
    client: `${address}:${port}`,
    service: 'all',
    route: 'b',
    reasons: ['first-reply'],
  });
});
