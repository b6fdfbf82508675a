/** Active checks: each route asks by itself, and finds out what no traffic would say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { WebPage } from '../../lab/children/web.js';
import type { WirePacket } from '../../lab/index.js';
import {
  connectMs,
  eventually,
  FAR,
  type GatewayLab,
  NEAR,
  NEAR6,
  percentile,
  withGateway,
} from './support/gateway-lab.js';
import { answerNames, routeOf, untilState } from './support/routes.js';

const PORT = 7;
const SERVERS = [{ name: 'near' }, { name: 'far' }];
const PROVIDERS = [
  { name: 'a', link: { delayMs: 5 } },
  { name: 'b', link: { delayMs: 15 } },
  // HTTP takes two round trips, within the time-out below.
  { name: 'c', link: { delayMs: 12 } },
  { name: 'd', link: { delayMs: 20 } },
];
const SERVICES = [
  {
    name: 'all',
    match: { tcp: 'any' },
    select: { criterion: 'priority', routes: ['a', 'b'] },
    affinity: 'none',
  },
];
/** Where nothing is to be slow: a busy machine answers late, too. */
const EASY = { interval: '500ms', timeout: '450ms', fail: 3, recover: 3 };
const PACE = { interval: '200ms', timeout: '150ms', fail: 3, recover: 3 };

function withChecks<Value>(
  checks: Record<string, object>,
  action: (made: GatewayLab) => Promise<Value>,
): Promise<Value> {
  const routes = Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, { check }]));
  const config = { routes, services: SERVICES, memory: { trust: '10m', refresh: 0 }, rest: { route: 'd' } };
  return withGateway({ servers: SERVERS, providers: PROVIDERS }, { config }, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    return action(made);
  });
}

/** Everything that left by a provider, but for what the network itself says. */
async function asked({ lab }: GatewayLab, provider: string): Promise<WirePacket[]> {
  const packets = await lab.wire.trace({ provider, direction: 'out' });
  return packets.filter(({ protocol, source }) => protocol !== 'other' && !source.startsWith('fe80:'));
}

test('every kind of question leaves by its own route only, from its own address, and is answered', async () => {
  const checks = {
    a: { ...EASY, targets: [`ping ${NEAR}`, `ping ${NEAR6}`] },
    b: { ...EASY, targets: [`tcp ${NEAR}:${PORT}`, `tcp [${NEAR6}]:${PORT}`] },
    c: { ...EASY, targets: [`http://${NEAR}:80/`] },
    d: { ...EASY, targets: [`dns ${NEAR} www.example.com`, `dns ${NEAR6} www.example.com`] },
  };
  await withChecks(checks, async (made) => {
    await answerNames(made.lab.server());
    await made.lab.server().nginx({ ports: [80] });
    await sleep(300);
    for (const name of ['a', 'b', 'c', 'd']) await untilState(made, name, 'up', 5000);
    await made.lab.wire.reset();
    await sleep(2500);
    const kinds = { a: 'icmp', b: 'tcp', c: 'tcp', d: 'udp' } as const;
    const ports = { a: 0, b: PORT, c: 80, d: 53 } as const;
    for (const [index, name] of (['a', 'b', 'c', 'd'] as const).entries()) {
      const packets = await asked(made, name);
      expect(packets.length).toBeGreaterThan(5);
      expect(new Set(packets.map(({ protocol }) => protocol))).toEqual(new Set([kinds[name]]));
      if (ports[name] !== 0)
        expect(new Set(packets.map(({ destinationPort }) => destinationPort))).toEqual(
          new Set([ports[name]]),
        );
      const own = [`203.0.${index + 1}.2`, `fd03:${index + 1}::2`];
      expect(packets.filter(({ source }) => !own.includes(source))).toEqual([]);
      const route = await routeOf(made, name);
      expect(route).toMatchObject({ state: 'up', check: { ok: true, lastOk: expect.stringMatching(/Z$/) } });
      const rtt = 2 * PROVIDERS[index].link.delayMs * (name === 'c' ? 2 : 1);
      expect(route.check?.rttMicros).toBeGreaterThan(rtt * 1000 - 500);
      expect(route.check?.rttMicros).toBeLessThan(rtt * 1000 + 450_000);
    }
  });
});

test('a silent blackhole without any traffic: down after `fail` rounds, up again after `recover`', async () => {
  await withChecks({ a: { ...PACE, targets: [`ping ${NEAR}`, `ping ${NEAR6}`] } }, async (made) => {
    const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
    await sleep(500);
    expect(await routeOf(made, 'a')).toMatchObject({ state: 'up', check: { ok: true } });
    await made.lab.link('a').set({ blackhole: true });
    const startedAt = performance.now();
    await eventually(
      () => routeOf(made, 'a'),
      ({ state }) => state !== 'up',
      5000,
    );
    const tookMs = performance.now() - startedAt;
    process.stderr.write(`found dead by its checks after ${tookMs.toFixed(0)} ms\n`);
    // Nobody uses it from then on; it is down when it has been asked itself, which takes some seconds.
    const route = await untilState(made, 'a', 'down', 5000);
    expect(route).toMatchObject({ state: 'down', reasons: ['ipv4-checks-failed', 'ipv6-checks-failed'] });
    expect(route.check).toMatchObject({ ok: false });
    // Three rounds 200 ms apart, the last one 150 ms long, begun up to 200 ms late.
    expect(tookMs).toBeGreaterThan(400);
    expect(tookMs).toBeLessThan(1200);
    // The next hop answers pings all the while, and ARP: what is dead lies behind it.
    const pinged = await made.lab.gateway.run(['ping', '-c1', '-W1', '-I', 'wan1', '203.0.1.1']);
    expect(pinged.code).toBe(0);
    expect(Math.max(...connectMs(await made.lab.client().connect({ targets, count: 10 })))).toBeLessThan(200);
    await made.lab.link('a').set({ blackhole: false });
    const backAt = performance.now();
    expect((await untilState(made, 'a', 'up', 5000)).state).toBe('up');
    expect(performance.now() - backAt).toBeGreaterThan(1000);
    const times = connectMs(await made.lab.client().connect({ targets, count: 4 }));
    expect(percentile(times, 0.5)).toBeLessThan(60);
    // Nobody waits for a repeat.
    expect(Math.max(...times)).toBeLessThan(500);
    await made.lab.wire.reset();
    connectMs(await made.lab.client().connect({ targets, count: 4 }));
    const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
    expect(syns.map(({ provider }) => provider)).toEqual(['a', 'a', 'a', 'a']);
  });
});

test('one silent target of two is not death, both are; and a route whose interface answers alone is dead', async () => {
  const checks = { a: { ...PACE, targets: [`ping ${NEAR}`, `tcp ${FAR}:${PORT}`] } };
  await withChecks(checks, async (made) => {
    await made.lab.link('a').set({ reject: { [NEAR]: 'silent' } });
    await made.lab.link('a').dropNext('other', 100_000, { server: NEAR });
    await sleep(2000);
    expect(await routeOf(made, 'a')).toMatchObject({ state: 'up', check: { ok: true } });
    await made.lab.link('a').set({ reject: { [NEAR]: 'silent', [FAR]: 'silent' } });
    expect(await untilState(made, 'a', 'down', 3000)).toMatchObject({
      state: 'suspect',
      check: { ok: false },
    });
    expect((await routeOf(made, 'a')).reasons).toEqual(['ipv4-checks-failed']);
    await made.lab.link('a').set({ reject: {} });
    expect((await untilState(made, 'a', 'up', 5000)).state).toBe('up');
  });
});

test('recover: one round is enough where the configuration says so', async () => {
  const targets = [`ping ${NEAR}`, `ping ${NEAR6}`];
  const checks = { a: { ...PACE, recover: 1, targets }, b: { ...PACE, recover: 12, targets } };
  await withChecks(checks, async (made) => {
    for (const name of ['a', 'b']) await made.lab.link(name).set({ blackhole: true });
    for (const name of ['a', 'b']) await untilState(made, name, 'down', 5000);
    for (const name of ['a', 'b']) await made.lab.link(name).set({ blackhole: false });
    const startedAt = performance.now();
    expect((await untilState(made, 'a', 'up', 5000)).state).toBe('up');
    expect(performance.now() - startedAt).toBeLessThan(1900);
    expect((await routeOf(made, 'b')).state).toBe('suspect');
    expect((await untilState(made, 'b', 'up', 6000)).state).toBe('up');
    expect(performance.now() - startedAt).toBeGreaterThan(2100);
  });
});

test('a portal that answers for everybody and lets pings through: `expect` takes its route down, and back', async () => {
  const check = { ...PACE, interval: '500ms', timeout: '400ms', targets: [`http://${NEAR}/ expect 204`] };
  await withChecks({ a: check, b: check }, async (made) => {
    const server = made.lab.server();
    const pages = [server.child('children/web'), server.child('children/web')];
    await pages[0]!.ask('listen', { port: 80, status: 204 } satisfies WebPage);
    const portal = { port: 8080, status: 302, location: 'http://192.0.2.200/login' };
    await pages[1]!.ask('listen', portal satisfies WebPage);
    await untilState(made, 'a', 'up', 5000);
    await server.must(['nft', '-f', '-'], {
      input: `table ip portal { chain intercept { type nat hook prerouting priority dstnat; ip saddr 203.0.1.0/24 tcp dport 80 redirect to :8080; }; }`,
    });
    await untilState(made, 'a', 'down', 15_000);
    expect(await routeOf(made, 'b')).toMatchObject({ state: 'up' });
    const [result] = await made.lab.client().connect({ targets: [{ address: FAR, port: PORT }], bytes: 10 });
    expect(result).toMatchObject({ ok: true });
    await server.must(['nft', 'delete', 'table', 'ip', 'portal']);
    await untilState(made, 'a', 'up', 15_000);
    for (const page of pages) await page.stop();
  });
});
