/** What the gateway itself opens: remembered, chosen by services, by a gateway that fails and over routes that fail. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { boundIn } from '../../lab/bound-socket.js';
import { type Connector, connectorOn } from '../../lab/index.js';
import { connectMs, eventually, type GatewayLab, NEAR, NEAR6, percentile } from './support/gateway-lab.js';
import {
  BOUND,
  CONFIG,
  FAMILIES,
  type OwnLab,
  ownLab,
  PORT,
  PROVIDERS,
  providersOf,
  TARGETS,
} from './support/own-lab.js';

const NAME = 'www.example.test';

let own: OwnLab;
let made: GatewayLab;
let connector: Connector;
const open: OwnLab['open'] = (plan) => own.open(plan);
const queued: OwnLab['queued'] = () => own.queued();
ownLab((lab) => {
  own = lab;
  ({ made, connector } = lab);
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
  const holder = connectorOn(made.lab.gateway);
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
  const holder = connectorOn(made.lab.gateway);
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
      const held = connectorOn(made.lab.gateway);
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
