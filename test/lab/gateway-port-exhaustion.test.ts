/** When a route has no port left towards a server: an alarm before, a clear refusal then, and nobody else is concerned. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainMasquerade } from '../../lab/index.js';
import { connectMs, eventually, FAR, GatewayLab, NEAR } from './support/gateway-lab.js';

const PORT = 7;
/** The larger part that race ports leave free here: 1024 to 2047. */
const PORTS = 1024;

const CONFIG = {
  limits: { racePorts: '2048-65000' },
  services: [{ name: 'all', match: { tcp: 'any' }, select: 'a' }],
};
const SCENARIO = {
  servers: [{ name: 'near' }, { name: 'far' }],
  providers: [{ name: 'a' }, { name: 'b' }],
  lan: { clients: 4 },
};

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(SCENARIO, { config: CONFIG });
  await made.lab.server().echo({ ports: [PORT] });
  await made.stopDaemon();
});

afterAll(async () => {
  await made?.stop();
});

/** Short connections of four hosts to one server, for longer than it takes to notice: those that failed, by their errors. */
async function shortOnes(): Promise<Record<string, number>> {
  const failed: Record<string, number> = {};
  const sources = made.lab.clients.map(({ ipv4 }) => ipv4);
  const plan = { count: 6 * PORTS, rate: PORTS, concurrency: 64, sources };
  const results = await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], ...plan });
  for (const { ok, error = '' } of results) if (!ok) failed[error] = (failed[error] ?? 0) + 1;
  return failed;
}

test('plain NAT gives the ports of connections that are over to new ones', async () => {
  const nat = await plainMasquerade(made.lab, '1024-2047');
  expect(await shortOnes()).toEqual({});
  await nat.remove();
});

test('so does the gateway: six times as many short connections as there are ports', async () => {
  await made.startDaemon(CONFIG);
  expect(await shortOnes()).toEqual({});
  const { alarms, packets, routes } = await made.status();
  expect(alarms).toEqual([]);
  expect(packets.dropped['ports-exhausted']).toBe(0);
  expect(routes[0].portUse).toBeLessThan(0.8);
});

test('80 % of the ports is an alarm, 100 % a counted refusal, other servers are not concerned', async () => {
  const { lab } = made;
  const connector = lab.client().connector();
  const targets = [{ address: NEAR, port: PORT }];
  const held = await connector.run({ targets, count: Math.ceil(PORTS * 0.9), concurrency: 64, hold: true });
  connectMs(held);
  const alarmed = await eventually(
    () => made.status(),
    ({ alarms }) => alarms.length > 0,
    4000,
  );
  expect(alarmed.alarms.join()).toMatch(
    /route a uses [89]\d % of its ports towards 198\.51\.100\.1:7 \(10\.0\.0\.2 has 9\d\d\)/,
  );
  expect(alarmed.routes[0].portUse).toBeGreaterThan(0.88);

  // The kernel looks for the last ports by chance: what it does not find it drops, and the client tries again.
  let open = held.length;
  let refused = held[0];
  for (let tries = 0; tries < 12 && refused.ok; tries++) {
    const more = await connector.run({ targets, count: 120, concurrency: 16, hold: true, timeoutMs: 2500 });
    open += more.filter(({ ok }) => ok).length;
    refused = more.find(({ error }) => error === 'EHOSTUNREACH') ?? refused;
  }
  expect(open).toBeGreaterThan(0.99 * PORTS);
  expect(open).toBeLessThanOrEqual(PORTS);
  expect(refused).toMatchObject({ ok: false, error: 'EHOSTUNREACH' });
  // Known to be full it is refused at once; the kernel sends a host one such error in a second (icmp_ratelimit).
  await sleep(1500);
  const [next] = await lab.client().connect({ targets, timeoutMs: 2000 });
  expect(next).toMatchObject({ ok: false, error: 'EHOSTUNREACH' });
  expect(next.connectMicros).toBeLessThan(500_000);
  const status = await made.status();
  expect(status.packets.dropped['ports-exhausted']).toBeGreaterThan(0);
  expect(status.alarms.join()).toMatch(/no port left/);
  connectMs(await lab.client().connect({ targets: [{ address: FAR, port: PORT }] }));
  expect(await connector.check()).toMatchObject({ held: open, ok: open });
  await connector.release('reset');
  const free = await eventually(
    () => lab.client().connect({ targets, timeoutMs: 1000 }),
    ([one]) => one.ok,
    20_000,
  );
  expect(free[0].ok).toBe(true);
});
