/** The lab is the oracle of the other tests, so it is tested itself: what a scenario says is what real programs see. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Connector,
  type ConnectPlan,
  type ConnectResult,
  cleanLeftovers,
  type EchoServer,
  type Lab,
  type PlainNat,
  plainNat,
  plainNatRoundRobin,
  startLab,
  type WirePacket,
} from '../../lab/index.js';

const NEAR = '198.51.100.1';
const FAR = '198.51.100.2';
const NEAR6 = '2001:db8:100::1';

let lab: Lab;
let echo: EchoServer;
let connector: Connector | undefined;

beforeAll(async () => {
  lab = await startLab({
    seed: 7,
    lan: { clients: 3 },
    providers: [
      { name: 'a', link: { delayMs: 10 } },
      { name: 'b', link: { delayMs: 20 }, addresses: 2 },
      { name: 'c', families: ['ipv4'] },
    ],
    servers: [{ name: 'near' }, { name: 'far', distanceMs: { a: 40, b: 5 } }],
    faults: [
      { atMs: 0, provider: 'c', set: { delayMs: 1 } },
      { atMs: 100, provider: 'c', set: { delayMs: 15 } },
    ],
  });
  echo = await lab.server().echo({ ports: [7] });
});

afterAll(async () => {
  await lab?.stop();
  expect(await namespacesOf(process.pid)).toEqual([]);
});

/** Runs with all LAN traffic on one provider, whose link is ideal but for `link`; afterwards the link is as before. */
async function via<Value>(provider: string, link: object, action: () => Promise<Value>): Promise<Value> {
  const before = lab.scenario.providers.find(({ name }) => name === provider)?.link ?? {};
  const nat: PlainNat = await plainNat(lab, provider);
  await lab.link(provider).set({ delayMs: 0, ...link });
  await lab.wire.reset();
  try {
    return await action();
  } finally {
    await lab.link(provider).set(before);
    await lab.link(provider).clearDrops();
    await nat.remove();
  }
}

function connectTo(address: string, plan: Partial<ConnectPlan> = {}): Promise<ConnectResult[]> {
  // One process for all: starting one takes longer than most plans.
  connector ??= lab.client().connector();
  return connector.run({ targets: [{ address, port: 7 }], timeoutMs: 800, ...plan });
}

function fastestMs(results: readonly ConnectResult[]): number {
  expect(results.map(({ error }) => error).filter(Boolean)).toEqual([]);
  return Math.min(...results.map(({ connectMicros }) => connectMicros)) / 1000;
}

describe('distance', () => {
  test.each([
    ['a', NEAR, 20],
    ['a', FAR, 100],
    ['b', NEAR, 40],
    ['b', FAR, 50],
    ['a', NEAR6, 20],
  ])('over %s to %s a round trip takes %i ms', async (provider, address, milliseconds) => {
    await via(provider, { delayMs: provider === 'a' ? 10 : 20 }, async () => {
      const measured = fastestMs(await connectTo(address, { count: 4, bytes: 2000 }));
      expect(measured).toBeGreaterThan(milliseconds);
      expect(measured).toBeLessThan(milliseconds + 9);
    });
  });

  test('an ideal link adds less than a millisecond', async () => {
    await via('c', {}, async () => {
      expect(fastestMs(await connectTo(NEAR, { count: 20, concurrency: 1 }))).toBeLessThan(1);
    });
  });

  test('changes take effect on a running link, also by the script', async () => {
    await via('a', {}, async () => {
      await lab.link('a').set({ delayMs: 25 });
      expect(fastestMs(await connectTo(NEAR))).toBeGreaterThan(50);
      await lab.link('a').set({ delayMs: 0 });
      await lab.link('a').setDistance({ near: 7 });
      const measured = fastestMs(await connectTo(NEAR, { count: 3 }));
      await lab.link('a').setDistance({ near: 0 });
      expect(measured).toBeGreaterThan(14);
      expect(measured).toBeLessThan(40);
    });
    await via('c', {}, async () => {
      await lab.play();
      expect(fastestMs(await connectTo(NEAR, { count: 3 }))).toBeGreaterThan(30);
    });
  });

  test('jitter spreads, a rate limits', async () => {
    await via('a', { jitterMs: 20 }, async () => {
      const times = (await connectTo(NEAR, { count: 30 })).map(({ connectMicros }) => connectMicros / 1000);
      expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(8);
      expect(Math.max(...times)).toBeLessThan(80);
    });
    await via('a', { rateMbit: 20 }, async () => {
      const iperf3 = await lab.server().iperf3();
      const { bitsPerSecond } = await lab.client().iperf3(NEAR, { seconds: 1 });
      await iperf3.stop();
      expect(bitsPerSecond / 1e6).toBeGreaterThan(10);
      expect(bitsPerSecond / 1e6).toBeLessThan(20);
    });
  });
});

describe('what is on the wire', () => {
  test('counts and trace show one connection packet by packet', async () => {
    await via('b', {}, async () => {
      await connectTo(NEAR, { bytes: 10 });
      const { out, in: back } = await lab.wire.of('b');
      expect(out.kinds).toMatchObject({ syn: 1, data: 1, fin: 1, rst: 0 });
      expect(back.kinds).toMatchObject({ synack: 1, data: 1, fin: 1, rst: 0 });
      const [syn, synack] = await lab.wire.trace({ provider: 'b', kind: ['syn', 'synack'] });
      expect(syn).toMatchObject({
        direction: 'out',
        flags: 'S',
        source: '203.0.2.2',
        destination: NEAR,
        ttl: 63,
      });
      expect(syn).toMatchObject({ mss: 1460, destinationPort: 7, fate: 'passed' });
      expect(synack).toMatchObject({ direction: 'in', flags: 'SA', ack: ((syn?.seq ?? 0) + 1) >>> 0 });
      const [seen] = (await echo.connections()).slice(-1);
      expect(seen).toMatchObject({ remoteAddress: '203.0.2.2', received: 10, remotePort: syn?.sourcePort });
      expect((await lab.wire.counts()).overruns).toBe(0);
    });
  });

  test('random losses come as often as they should', async () => {
    await via('c', { loss: 0.2 }, async () => {
      await lab.client().must(['bash', '-c', `for i in $(seq 500); do echo x >/dev/udp/${FAR}/9; done`]);
      await sleep(50);
      const { out } = await lab.wire.of('c');
      expect(out.kinds.udp).toBe(500);
      expect(out.dropped.loss).toBeGreaterThan(60);
      expect(out.dropped.loss).toBeLessThan(140);
    });
  });

  test.each(['syn', 'synack', 'ack'] as const)('exactly one %s is lost', async (packet) => {
    await via('c', {}, async () => {
      await lab.link('c').dropNext(packet, 1, { server: NEAR, nth: 2 });
      const results = await connectTo(NEAR, { count: 3, concurrency: 1, timeoutMs: 3000, bytes: 5 });
      expect(results.every(({ ok }) => ok)).toBe(true);
      const lost = await lab.wire.trace({ fate: 'fault' });
      expect(lost.map(({ kind }) => kind)).toEqual([packet]);
      const slow = results.filter(({ connectMicros }) => connectMicros > 900_000).length;
      expect(slow).toBe(packet === 'ack' ? 0 : 1);
    });
  });
});

describe('behaviours', () => {
  test('a blackhole is past the next hop, and can be one-way', async () => {
    await via('a', { blackhole: true }, async () => {
      expect((await connectTo(NEAR))[0]?.error).toBe('TIMEOUT');
      await expect(nextHopAnswers('wan1', '203.0.1.1', 'fd03:1::1')).resolves.toBe(true);
      expect((await lab.wire.of('a')).in.kinds.synack).toBe(0);
      await lab.link('a').set({ blackhole: 'in' });
      await echo.forget();
      expect((await connectTo(NEAR))[0]?.error).toBe('TIMEOUT');
      expect((await lab.wire.of('a')).in.dropped.blackhole).toBeGreaterThan(0);
      expect(await lab.server().halfOpen()).toBeGreaterThan(0);
    });
  });

  test('a dead next hop does not even answer ARP', async () => {
    await via('a', { silent: true }, async () => {
      await expect(nextHopAnswers('wan1', '203.0.1.1', 'fd03:1::1')).resolves.toBe(false);
    });
  });

  test('a provider that answers SYNs itself has nothing behind', async () => {
    await via('a', { answersSyn: true, delayMs: 200 }, async () => {
      for (const address of [NEAR, NEAR6]) {
        const [result] = await connectTo(address, { bytes: 10 });
        expect(result).toMatchObject({ connected: true, ok: false, error: 'TIMEOUT' });
        expect(result?.connectMicros).toBeLessThan(150_000);
      }
    });
  });

  test('options are stripped in both directions', async () => {
    await via('a', { stripOptions: [3, 4, 8] }, async () => {
      const answers: WirePacket[] = [];
      for (const address of [NEAR, NEAR6]) {
        const [result] = await connectTo(address, { bytes: 5000 });
        expect(result?.ok).toBe(true);
        const [syn] = await lab.wire.trace({ kind: 'syn', address });
        answers.push(...(await lab.wire.trace({ kind: 'synack', address, port: syn?.sourcePort ?? 0 })));
      }
      expect(answers.length).toBe(2);
      // The server saw only an MSS, and offers no more than it saw.
      for (const { options } of answers) expect(options.filter((kind) => kind !== 1)).toEqual([2]);
    });
  });

  test('a small path MTU is reported, or is not', async () => {
    await via('a', { pathMtu: 1300 }, async () => {
      for (const address of [NEAR, NEAR6]) {
        const [result] = await connectTo(address, { bytes: 20_000, timeoutMs: 3000 });
        expect(result).toMatchObject({ ok: true, bytes: 20_000 });
      }
      const reports = await lab.wire.trace({ direction: 'in', kind: 'icmp-error' });
      expect(reports.map(({ icmp }) => `${icmp?.type}/${icmp?.code} ${icmp?.mtu}`)).toEqual(
        expect.arrayContaining(['3/4 1300', '2/0 1300']),
      );
      await lab.link('a').set({ pathMtu: 1200, pathMtuSilent: true });
      expect((await connectTo(FAR, { bytes: 20_000 }))[0]?.error).toBe('TIMEOUT');
    });
  });

  test.each([
    ['rst', 'ECONNREFUSED', undefined, undefined],
    ['host-unreachable', 'EHOSTUNREACH', '3/1', '1/3'],
    ['port-unreachable', 'ECONNREFUSED', '3/3', '1/4'],
    ['prohibited', 'EHOSTUNREACH', '3/13', '1/1'],
    ['ttl-exceeded', 'EHOSTUNREACH', '11/0', '3/0'],
    ['silent', 'TIMEOUT', undefined, undefined],
  ] as const)('a destination answers %s', async (answer, error, icmp4, icmp6) => {
    await via('b', { reject: { [NEAR]: answer, [NEAR6]: answer }, delayMs: 5 }, async () => {
      const [four, six, other] = await Promise.all([connectTo(NEAR), connectTo(NEAR6), connectTo(FAR)]);
      expect(other[0]?.ok).toBe(true);
      expect(four[0]?.error).toBe(error);
      expect(['TIMEOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'EACCES']).toContain(six[0]?.error);
      if (answer !== 'silent') expect(four[0]?.connectMicros).toBeGreaterThan(10_000);
      const seen = (await lab.wire.trace({ direction: 'in', kind: ['icmp-error', 'rst'] })).filter(
        ({ source, icmp }) => icmp?.quoted?.destination !== FAR && source !== FAR,
      );
      const codes = seen.map(({ icmp }) => (icmp === undefined ? 'rst' : `${icmp.type}/${icmp.code}`));
      if (answer === 'silent') expect(codes).toEqual([]);
      else expect(new Set(codes)).toEqual(new Set(answer === 'rst' ? ['rst'] : [icmp4, icmp6]));
    });
  });
});

describe('programs', () => {
  test('nginx, curl, wrk and nc talk through a provider', async () => {
    await via('c', {}, async () => {
      const nginx = await lab.server().nginx({ ports: [8080], bodyBytes: 5000 });
      const page = await lab.client().curl(`http://${FAR}:8080/`);
      expect(page).toMatchObject({ ok: true, status: 200, bytes: 5000 });
      const load = await lab.client().wrk(`http://${FAR}:8080/`, { seconds: 1, connections: 4 });
      expect(load.requests).toBeGreaterThan(100);
      expect(load.socketErrors).toBe(0);
      await nginx.stop();
      expect((await lab.client().nc(NEAR, 7, 'hello\n')).stdout).toBe('hello\n');
    });
  });

  test('round robin uses all providers in turn, with both families', async () => {
    const nat = await plainNatRoundRobin(lab, ['a', 'b']);
    await lab.wire.reset();
    const results = await connectTo(NEAR, { count: 6, concurrency: 1 });
    const six = await connectTo(NEAR6, { count: 2, concurrency: 1 });
    await nat.remove();
    expect([...results, ...six].every(({ ok }) => ok)).toBe(true);
    const { providers } = await lab.wire.counts();
    expect([providers.a?.out.kinds.syn, providers.b?.out.kinds.syn]).toEqual([4, 4]);
  });

  test('held connections are checked, source addresses and ports are kept', async () => {
    await via('c', {}, async () => {
      const connector = lab.client().connector();
      const sources = lab.clients.map(({ ipv4 }) => ipv4);
      const targets = [{ address: NEAR, port: 7 }];
      const held = await connector.run({ targets, count: 30, sources, hold: true, bytes: 3 });
      expect(new Set(held.map(({ source }) => source.address))).toEqual(new Set(sources));
      expect(await connector.check(1000)).toEqual({ held: 30, ok: 30, errors: {} });
      await lab.link('c').set({ blackhole: true });
      const broken = connector.check(10);
      await sleep(100);
      await lab.link('c').set({ blackhole: false });
      expect((await broken).ok).toBe(30);
      await connector.release();
      const again = await connector.run({
        targets,
        count: 5,
        concurrency: 1,
        sourcePorts: [4444],
        close: 'reset',
      });
      expect(again.map(({ ok, source }) => ok && source.port)).toEqual(Array(5).fill(4444));
      await connector.stop();
    });
  });

  test('a gateway configuration fits the topology', async () => {
    const path = lab.configYaml({ routes: { c: null }, memory: { trust: '5m' } });
    const text = execFileSync('cat', [path], { encoding: 'utf8' });
    for (const part of ['203.0.2.3', 'fd03:2::3', 'interface: wan1', 'trust: 5m'])
      expect(text).toContain(part);
    expect(text).not.toContain('wan3');
  });
});

describe('other labs', () => {
  test('a plain lab has several client machines and no emulator', async () => {
    const plain = await startLab({
      plain: true,
      lan: { clients: 4, machines: 2 },
      providers: [{ name: 'a' }, { name: 'b' }],
    });
    try {
      await plain.server().echo();
      await plainNat(plain, 'b');
      for (const { connect, ipv4 } of plain.clients) {
        const targets = [
          { address: NEAR, port: 7 },
          { address: NEAR6, port: 7 },
        ];
        expect((await connect({ targets: targets.slice(0, 1), sources: [ipv4], bytes: 10 }))[0]?.ok).toBe(
          true,
        );
      }
      await expect(plain.wire.counts()).rejects.toThrow('no emulator');
    } finally {
      await plain.stop();
    }
  });

  test('a killed process leaves nothing behind', async () => {
    const script = `
      import { startLab } from '${new URL('../../dist/lab/index.js', import.meta.url)}';
      const lab = await startLab({ providers: [{ name: 'a' }] });
      lab.gateway.spawn(['sleep', '1000']);
      console.log('up');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const pid = child.pid as number;
    expect((await namespacesOf(pid)).length).toBe(4);
    child.kill('SIGKILL');
    for (let wait = 0; wait < 100 && (await namespacesOf(pid)).length > 0; wait++) await sleep(20);
    expect(await namespacesOf(pid)).toEqual([]);
  });

  test('namespaces of dead processes are removed at the next start', async () => {
    const dead = spawn('true');
    await new Promise((resolve) => dead.on('exit', resolve));
    const name = `pr${dead.pid}-gw`;
    execFileSync('ip', ['netns', 'add', name]);
    expect(await cleanLeftovers()).toContain(name);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
  });
});

async function nextHopAnswers(device: string, ipv4: string, ipv6: string): Promise<boolean> {
  const reachable = async (address: string): Promise<boolean> => {
    await lab.gateway.run(['ip', 'neigh', 'flush', 'dev', device]);
    await lab.gateway.run(['bash', '-c', `echo x >/dev/udp/${address}/9`]);
    await sleep(100);
    return (await lab.gateway.must(['ip', 'neigh', 'show', address, 'dev', device])).includes('lladdr');
  };
  const answers = [await reachable(ipv4), await reachable(ipv6)];
  expect(answers[0]).toBe(answers[1]);
  return answers[0] as boolean;
}

async function namespacesOf(pid: number): Promise<string[]> {
  return readdirSync('/run/netns').filter((name) => new RegExp(`^pr${pid}(x\\d+)?-`).test(name));
}
