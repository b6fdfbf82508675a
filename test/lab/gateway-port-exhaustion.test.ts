/** When a route has no port left towards a server: an alarm before, a clear refusal then, and nobody else is concerned. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connectMs, eventually, FAR, NEAR, withGateway } from './support/gateway-lab.js';

const PORT = 7;
/** The larger part that race ports leave free here: 1024 to 2047. */
const PORTS = 1024;

test('80 % of the ports is an alarm, 100 % a counted refusal, other servers are not concerned', async () => {
  const config = {
    limits: { racePorts: '2048-65000' },
    services: [{ name: 'all', match: { tcp: 'any' }, select: 'a' }],
  };
  const scenario = {
    servers: [{ name: 'near' }, { name: 'far' }],
    providers: [{ name: 'a' }, { name: 'b' }],
  };
  await withGateway(scenario, { config }, async (made) => {
    const { lab } = made;
    await lab.server().echo({ ports: [PORT] });
    const connector = lab.client().connector();
    const targets = [{ address: NEAR, port: PORT }];
    const held = await connector.run({ targets, count: Math.ceil(PORTS * 0.9), concurrency: 64, hold: true });
    connectMs(held);
    const alarmed = await eventually(
      () => made.status(),
      ({ alarms }) => alarms.length > 0,
      4000,
    );
    expect(alarmed.alarms.join()).toMatch(/route a uses 9\d % of its ports/);
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
});
