/** The gateway as its own client: what programs on it open is raced, remembered and chosen, and what is none of ours is left alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boundIn } from '../../lab/bound-socket.js';
import {
  type Connector,
  type ConnectPlan,
  type ConnectResult,
  connectorOn,
  type WirePacket,
} from '../../lab/index.js';
import { NameServer } from '../../lab/name-server.js';
import { macOf } from '../../lab/plan.js';
import {
  connectMs,
  conversation,
  eventually,
  expectLosersReset,
  GatewayLab,
  halfOpen,
  NEAR,
  NEAR6,
  percentile,
} from './support/gateway-lab.js';

const PORT = 7;
const NAME = 'www.example.test';
const ADDRESS = { 4: '198.51.100.80', 6: '2001:db8:80::1' } as const;
/** The main table's default is by a, the nearest is b. */
const PROVIDERS = [
  { name: 'a', link: { delayMs: 40 } },
  { name: 'b', link: { delayMs: 10 } },
  { name: 'c', link: { delayMs: 80 } },
];
const RACE = { name: 'all', match: 'any', select: 'race', affinity: 'none' };
const CONFIG = { lan: ['lan0', 'local'], services: [RACE] };
const TARGETS = {
  4: { address: NEAR, port: PORT },
  6: { address: NEAR6, port: PORT },
} as const;
/** Of the gateway, at provider c. */
const BOUND = { 4: '203.0.3.2', 6: 'fd03:3::2' } as const;
/** Hosts in the subnets of a and b, beside the next hops. */
const BESIDE = ['203.0.1.77', '203.0.2.77'];
const FAMILIES = [4, 6] as const;

let made: GatewayLab;
let connector: Connector;

const onGateway = (): Connector => connectorOn(made.lab.gateway);

async function open(plan: ConnectPlan): Promise<ConnectResult[]> {
  await made.lab.wire.reset();
  return connector.run(plan);
}

const providersOf = (packets: readonly WirePacket[]): string[] =>
  packets.map(({ provider }) => provider).sort();

async function queued(): Promise<number> {
  return Number((await made.status()).packets.queue.lan);
}

beforeAll(async () => {
  made = await GatewayLab.start({ providers: PROVIDERS }, { config: CONFIG as never, topologyChanges: true });
  connector = onGateway();
  await made.lab.server().echo({ ports: [PORT, 8, 9] });
});

afterAll(async () => {
  await connector?.stop();
  await made?.stop();
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

describe('what is remembered', () => {
  beforeAll(async () => {
    await made.restart({ ...CONFIG, memory: { trust: '10m', refresh: 0 } } as never);
    // Its first connection is raced; all routes have answered a moment later.
    connectMs(await connector.run({ targets: [TARGETS[4], TARGETS[6]], bytes: 100 }));
    await sleep(2500);
  });

  test.each(FAMILIES)(
    'IPv%i: the kernel alone sends the next one by it, also one that is bound',
    async (family) => {
      const before = await queued();
      for (const sources of [[], [BOUND[family]]]) {
        const results = await open({ targets: [TARGETS[family]], count: 5, bytes: 5000, sources });
        connectMs(results);
        const syns = await made.lab.wire.trace({ kind: 'syn' });
        expect(providersOf(syns)).toEqual(['b', 'b', 'b', 'b', 'b']);
        expect(new Set(syns.map(({ source }) => source))).toEqual(
          new Set([{ 4: '203.0.2.2', 6: 'fd03:2::2' }[family]]),
        );
      }
      expect(await queued()).toBe(before);
    },
  );

  test('when that is silent the others are asked with the first repeat', async () => {
    await made.lab.link('b').set({ blackhole: true });
    const results = await open({ targets: [TARGETS[4]], bytes: 1000 });
    await made.lab.link('b').set({ blackhole: false });
    const [ms] = connectMs(results);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(1500);
    const data = await made.lab.wire.trace({ kind: 'data' });
    expect(new Set(providersOf(data))).toEqual(new Set(['a']));
  });
});

test('with the daemon killed: what lives goes on, what is new goes by the rest route, and is raced again later', async () => {
  await made.restart(CONFIG as never);
  const holder = onGateway();
  const held = await holder.run({ targets: [TARGETS[4], TARGETS[6]], count: 10, hold: true, bytes: 100 });
  connectMs(held);
  made.daemon.signal('SIGKILL');
  await made.daemon.done;
  await sleep(700);
  expect(await holder.check(20_000)).toEqual({ held: 10, ok: 10, errors: {} });
  for (const family of FAMILIES) {
    const results = await open({
      targets: [TARGETS[family]],
      count: 4,
      bytes: 5000,
      sources: family === 4 ? ['0.0.0.0', BOUND[4]] : ['::', BOUND[6]],
    });
    connectMs(results);
    const syns = await made.lab.wire.trace({ kind: 'syn' });
    expect(providersOf(syns)).toEqual(['a', 'a', 'a', 'a']);
  }
  await made.startDaemon();
  connectMs(await open({ targets: [TARGETS[4]], bytes: 100 }));
  expect((await made.lab.wire.trace({ kind: 'syn' })).length).toBe(3);
  expect(await holder.check(20_000)).toEqual({ held: 10, ok: 10, errors: {} });
  await holder.stop();
});

test('while the daemon hangs everything goes on by the kernel alone', async () => {
  await made.restart(CONFIG as never);
  made.daemon.signal('SIGSTOP');
  // Its sign of life has gone.
  await sleep(800);
  const results = await open({ targets: [TARGETS[4], TARGETS[6]], count: 6, bytes: 5000 });
  const syns = await made.lab.wire.trace({ kind: 'syn' });
  made.daemon.signal('SIGCONT');
  expect(percentile(connectMs(results), 0.5)).toBeLessThan(500);
  expect(new Set(providersOf(syns))).toEqual(new Set(['a']));
});

test('a route that is narrower than its interface: no segment is too long for it, either way', async () => {
  const { lab } = made;
  const nginx = await lab.server().nginx({ ports: [80], bodyBytes: 200_000 });
  for (const memory of [{ trust: '0s' }, { trust: '10m', refresh: 0 }]) {
    await made.restart({ ...CONFIG, memory, routes: { b: { mtu: 1400 } } } as never);
    await lab.link('b').set({ pathMtu: 1400, pathMtuSilent: true });
    for (const family of FAMILIES)
      for (const isRemembered of memory.trust === '0s' ? [false] : [false, true]) {
        await lab.wire.reset();
        const [result] = await connector.run({ targets: [TARGETS[family]], bytes: 100_000 });
        connectMs([result!]);
        const [syn] = await lab.wire.trace({ kind: 'syn', provider: 'b' });
        expect(syn?.mss).toBe(1400 - (family === 4 ? 40 : 60));
        const host = family === 4 ? NEAR : `[${NEAR6}]`;
        const got = await lab.gateway.run([
          'curl',
          '-sS',
          '-o',
          '/dev/null',
          '-m',
          '5',
          '-w',
          '%{size_download}',
          `http://${host}/`,
        ]);
        expect(got.stdout).toBe('200000');
        if (memory.trust !== '0s' && !isRemembered) await sleep(2500);
      }
    await lab.link('b').set({ pathMtu: 0, pathMtuSilent: false });
  }
  await nginx.stop();
});

test('the daemon’s own checks leave by their own routes, and are not raced', async () => {
  const check = {
    interval: '200ms',
    timeout: '190ms',
    targets: [`ping ${NEAR}`, `tcp ${NEAR6}:${PORT}`.replace(NEAR6, `[${NEAR6}]`), `dns ${NEAR} ${NAME}`],
  };
  const routes = Object.fromEntries(PROVIDERS.map(({ name }) => [name, { check }]));
  await made.restart({ ...CONFIG, routes } as never);
  const before = await made.status();
  await made.lab.wire.reset();
  await sleep(1500);
  const out = (await made.lab.wire.trace({ direction: 'out' })).filter(
    ({ source }) => !source.startsWith('fe80:'),
  );
  const after = await made.status();
  expect(out.filter(({ protocol }) => protocol !== 'other').length).toBeGreaterThan(30);
  for (const { provider, source } of out)
    expect(source).toMatch(new RegExp(`^(203\\.0\\.|fd03:)${'abc'.indexOf(provider) + 1}[.:]`));
  expect(after.races.started).toBe(before.races.started);
  expect(after.packets.queue.lan).toBe(before.packets.queue.lan);
});

test('a route that fails: what it carried is told at its next word, and comes back by another', async () => {
  const { gateway } = made.lab;
  const onDown = { flows: 'reset', after: '0s' };
  await made.restart({ ...CONFIG, routes: { b: { onDown } } } as never);
  const holder = onGateway();
  connectMs(await holder.run({ targets: [TARGETS[4], TARGETS[6]], count: 4, hold: true, bytes: 100 }));
  // What is on its way has come.
  await sleep(300);
  await made.lab.wire.reset();
  await gateway.must(['ip', 'link', 'set', 'wan2', 'down']);
  try {
    await eventually(
      () => made.status(),
      ({ routes }) => routes.some(({ name, state }) => name === 'b' && state === 'down'),
      3000,
    );
    expect(await holder.check(100)).toEqual({ held: 4, ok: 0, errors: { ECONNRESET: 4 } });
    // By the kernel itself: no server hears of a connection that it does not know.
    expect(await made.lab.wire.trace({ direction: 'out', kind: ['ack', 'data', 'rst'] })).toEqual([]);
    const syns = await eventually(
      async () => {
        connectMs(await open({ targets: [TARGETS[4]], bytes: 100 }));
        return made.lab.wire.trace({ kind: 'syn' });
      },
      (seen) => seen.length === 2,
      3000,
    );
    expect(providersOf(syns)).toEqual(['a', 'c']);
  } finally {
    await gateway.must([
      'sh',
      '-ec',
      `ip link set wan2 up
      ip addr replace fd03:2::2/64 dev wan2 nodad
      ip route replace default via 203.0.2.1 dev wan2 metric 102
      ip -6 route replace ::/0 via fd03:2::1 dev wan2 metric 102`,
    ]);
    await holder.stop();
  }
});

describe('services', () => {
  test('a criterion without copies chooses for what is opened here, and only what is meant', async () => {
    const services = [
      {
        name: 'here',
        match: { interface: 'local', tcp: PORT },
        select: { criterion: 'priority', routes: ['c', 'a'] },
      },
      { name: 'there', match: { interface: 'lan0', tcp: PORT }, select: 'b' },
      {
        name: 'turns',
        match: { tcp: 8 },
        select: { criterion: 'round-robin', routes: ['b', 'c'] },
        affinity: 'none',
      },
    ];
    await made.restart({ ...CONFIG, services } as never);
    for (const family of FAMILIES) {
      connectMs(await open({ targets: [TARGETS[family]], count: 3, bytes: 2000 }));
      expect(providersOf(await made.lab.wire.trace({ kind: 'syn' }))).toEqual(['c', 'c', 'c']);
      connectMs(await open({ targets: [{ ...TARGETS[family], port: 8 }], count: 4, bytes: 2000 }));
      expect(providersOf(await made.lab.wire.trace({ kind: 'syn' }))).toEqual(['b', 'b', 'c', 'c']);
    }
    await made.lab.wire.reset();
    connectMs(await made.lab.client().connect({ targets: [TARGETS[4]], bytes: 100 }));
    expect(providersOf(await made.lab.wire.trace({ kind: 'syn' }))).toEqual(['b']);
  });

  test('what the daemon chooses without copies goes by that, by whatever the main table would have sent it', async () => {
    const { lab } = made;
    const select = { criterion: 'least-connections', routes: ['b', 'c'] };
    await made.restart({
      ...CONFIG,
      services: [{ name: 'few', match: 'any', select, affinity: 'none' }],
    } as never);
    for (const family of FAMILIES) {
      const server = TARGETS[family].address;
      const before = await queued();
      const held = onGateway();
      await lab.wire.reset();
      connectMs(
        await held.run({ targets: [TARGETS[family]], count: 4, concurrency: 1, hold: true, bytes: 2000 }),
      );
      expect(providersOf(await lab.wire.trace({ kind: 'syn' }))).toEqual(['b', 'b', 'c', 'c']);
      expect((await queued()) - before).toBe(4);
      await held.stop();
      const listener = await boundIn(lab.server().namespace, server, 7778);
      await lab.wire.reset();
      await lab.gateway.run([
        'sh',
        '-c',
        `for i in 1 2 3; do printf hello; sleep 0.05; done | nc -u -w1 ${server} 7778`,
      ]);
      const sent = await lab.wire.trace({ kind: 'udp', direction: 'out' });
      listener.close();
      expect([sent.length, new Set(providersOf(sent)).size]).toEqual([3, 1]);
      expect('bc').toContain(sent[0]!.provider);
      await lab.wire.reset();
      const { stdout } = await lab.gateway.run(['ping', '-n', '-c', '2', '-i', '0.2', '-W', '2', server]);
      expect(stdout).toContain('2 received');
      const echo = (await lab.wire.trace({ direction: 'out' })).filter(({ protocol }) => protocol === 'icmp');
      expect(echo.map(({ provider }) => provider).filter((provider) => provider === 'a')).toEqual([]);
    }
  });

  test('its address is translated by whatever route it goes, also where the LAN’s are kept', async () => {
    const services = [
      { name: 'kept', match: { tcp: PORT }, select: 'b', translate: false },
      { name: 'raced', match: { tcp: 8 }, select: 'race', affinity: 'none' },
    ];
    const rest = { route: 'a', translate: false };
    await made.restart({ ...CONFIG, services, rest, routes: { c: { translate: false } } } as never);
    for (const family of FAMILIES) {
      const sources = [BOUND[family]];
      const address = TARGETS[family].address;
      const own = (provider: string): string => {
        const number = 'abc'.indexOf(provider) + 1;
        return `${provider} ${family === 4 ? `203.0.${number}.2` : `fd03:${number}::2`}`;
      };
      for (const [port, providers] of [
        [PORT, ['b']],
        [8, ['a', 'b', 'c']],
        [9, ['a']],
      ] as const) {
        connectMs(await open({ targets: [{ address, port }], bytes: 2000, sources }));
        const out = await made.lab.wire.trace({ direction: 'out', port, kind: ['syn', 'data'] });
        expect([...new Set(out.map(({ provider, source }) => `${provider} ${source}`))].sort()).toEqual(
          providers.map(own),
        );
      }
    }
  });

  test('beside a rule that looks for the way back by the packet’s mark, as firewalld has it', async () => {
    const { gateway } = made.lab;
    await gateway.must(['nft', '-f', '-'], {
      input: `table inet others { chain before { type filter hook prerouting priority -90;
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop; }; }`,
    });
    await made.restart(CONFIG as never);
    const results = await open({ targets: [TARGETS[4], TARGETS[6]], count: 4, bytes: 2000 });
    await gateway.must(['nft', 'delete', 'table', 'inet', 'others']);
    connectMs(results);
    const data = await made.lab.wire.trace({ kind: 'data' });
    expect(new Set(providersOf(data))).toEqual(new Set(['b']));
  });

  test('with all routes closed by command nothing new leaves, and its program is told so', async () => {
    await made.restart(CONFIG as never);
    for (const { name } of PROVIDERS) await made.command('disable', name);
    const results = await open({ targets: [TARGETS[4], TARGETS[6]] });
    const out = await made.lab.wire.trace({ kind: 'syn' });
    for (const { name } of PROVIDERS) await made.command('enable', name);
    expect(out).toEqual([]);
    expect(results.map(({ error }) => error)).toEqual(['EHOSTUNREACH', 'EACCES']);
    // Of IPv6 its kernel believes the second one.
    expect(Math.max(...results.map(({ connectMicros }) => connectMicros))).toBeLessThan(1_500_000);
  });

  test('taken out of `lan` by a reload, nothing is distributed any more', async () => {
    await made.restart(CONFIG as never);
    made.rewriteConfig({ ...CONFIG, lan: ['lan0'] } as never);
    await made.command('reload');
    connectMs(await open({ targets: [TARGETS[4]], count: 2, bytes: 100 }));
    expect(providersOf(await made.lab.wire.trace({ kind: 'syn' }))).toEqual(['a', 'a']);
  });
});
