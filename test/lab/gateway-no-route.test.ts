/**
 * A family that no route can carry: the client hears at once what a router without a route says, and nothing leaves by another
 * provider, whatever the main table knows. The oracle is the kernel without a default route, and the wire.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectResult, WirePacket } from '../../lab/index.js';
import { eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { restoreUplink, untilState } from './support/routes.js';

const PORT = { raced: 7, turns: 8, fixed: 9, nobodys: 10 } as const;
const FAMILIES = [
  { name: 'IPv6', target: NEAR6, kept: { addresses: ['203.0.1.2'], gateway: ['203.0.1.1'] } },
  { name: 'IPv4', target: NEAR, kept: { addresses: ['fd03:1::2'], gateway: ['fd03:1::1'] } },
] as const;

let made: GatewayLab;

/** The first provider carries one family, the second both. */
const config = (kept: (typeof FAMILIES)[number]['kept']) => ({
  routes: { a: kept },
  services: [
    { name: 'raced', match: { tcp: PORT.raced }, select: 'race' },
    { name: 'turns', match: { tcp: PORT.turns, udp: PORT.turns }, select: 'round-robin' },
    { name: 'fixed', match: { tcp: PORT.fixed }, select: 'b' },
  ],
});

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: [{ name: 'a' }, { name: 'b' }] },
    { config: config(FAMILIES[0].kept), topologyChanges: true },
  );
  await made.lab.server().echo({ ports: Object.values(PORT) });
  await made.stopDaemon();
  // Errors to one host are rare in a kernel as it comes.
  await made.lab.gateway.sysctl({ 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 });
});

afterAll(async () => {
  await made?.stop();
});

const tried = (target: string): Promise<ConnectResult[]> =>
  made.lab.client().connect({
    targets: Object.values(PORT).map((port) => ({ address: target, port })),
    concurrency: 1,
    timeoutMs: 3000,
  });

/** What went out to the servers. */
async function left(target: string): Promise<WirePacket[]> {
  const trace = await made.lab.wire.trace({ direction: 'out' });
  return trace.filter(({ destination }) => destination === target);
}

async function pinged(target: string): Promise<string> {
  const { stdout } = await made.lab.client().run(['ping', '-n', '-c', '1', '-W', '2', target]);
  return stdout;
}

const ip = (lines: readonly string[]): Promise<string> =>
  made.lab.gateway.must(['sh', '-e'], { input: lines.map((line) => `ip ${line}`).join('\n') });

describe.each(FAMILIES)('no route for $name', ({ target, kept, name }) => {
  const flag = name === 'IPv6' ? '-6' : '-4';
  let plain: ConnectResult[];

  test('a router without a default route says so', async () => {
    const before = await made.lab.gateway.must(['ip', flag, 'route', 'show', 'default']);
    const lines = before
      .trim()
      .split('\n')
      .map((line) => line.trim());
    await ip(lines.map((line) => `${flag} route del ${line}`));
    plain = await tried(target);
    await ip(lines.map((line) => `${flag} route add ${line}`));
    expect(plain.map(({ error }) => error)).toEqual(plain.map(() => 'ENETUNREACH'));
  });

  test('the gateway says the same, and nothing leaves by the other provider', async () => {
    await made.startDaemon(config(kept));
    await made.lab.gateway.must(['ip', 'link', 'set', 'wan2', 'down']);
    await untilState(made, 'b', 'down', 5000);
    await made.lab.wire.reset();
    const results = await eventually(
      () => tried(target),
      (all) => all.every(({ error }) => error === 'ENETUNREACH'),
      5000,
    );
    expect(results.map(({ error }) => error)).toEqual(plain.map(({ error }) => error));
    // An error that is there before the client's call has let go of its socket is heard by the first repeat of the SYN.
    for (const { connectMicros } of results) expect(connectMicros).toBeLessThan(2_500_000);
    expect(await pinged(target)).toMatch(/Net(work)? ?unreachable|No route/i);
    expect(await left(target)).toEqual([]);
    expect((await made.status()).packets.dropped['no-route']).toBeGreaterThan(0);
  });

  afterAll(async () => {
    await made.stopDaemon();
    await restoreUplink(made, 2);
  });
});

test('a family that no route has had yet: nothing leaves with a unique local address', async () => {
  await made.lab.gateway.must(['ip', 'link', 'set', 'wan2', 'down']);
  const [{ kept }] = FAMILIES;
  await made.startDaemon({ ...config(kept), routes: { a: kept, b: { addresses: 'auto', gateway: 'auto' } } });
  await made.lab.wire.reset();
  await made.lab.client().connect({ targets: [{ address: NEAR6, port: PORT.nobodys }], timeoutMs: 500 });
  await pinged(NEAR6);
  expect(await left(NEAR6)).toEqual([]);
  await made.stopDaemon();
  await restoreUplink(made, 2);
});
