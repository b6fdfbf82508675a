/** What proves that a route works where its traffic or its checks say nothing: its next hop, flows that are answered, other routes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Connector } from '../../lab/index.js';
import { connectMs, eventually, FAR, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';
import { routeOf } from './support/routes.js';

const PORT = 7;
/** Checked, and nobody’s server. */
const MONITORED = FAR;
const PACE = { interval: '500ms', timeout: '400ms', fail: 3, recover: 3 };
const CONFIG = {
  services: [{ name: 'order', match: { tcp: PORT }, select: 'priority', affinity: 'none' }],
  memory: { refresh: 0 },
  rest: { route: 'b' },
};

function withSite(check: object | null, action: (made: GatewayLab) => Promise<void>): Promise<void> {
  const routes = check === null ? {} : { routes: { a: { check }, b: { check } } };
  const providers = [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 15 } },
  ];
  const servers = [{ name: 'near' }, { name: 'far' }];
  return withGateway({ servers, providers }, { config: { ...CONFIG, ...routes } }, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    await action(made);
  });
}

/** Connections by `a` that stay open. */
async function hold(made: GatewayLab): Promise<Connector> {
  const holder = made.lab.client().connector();
  const targets = [{ address: NEAR, port: PORT }];
  await made.lab.wire.reset();
  connectMs(await holder.run({ targets, count: 5, hold: true, bytes: 100 }));
  const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out', address: NEAR });
  expect(new Set(syns.map(({ provider }) => provider))).toEqual(new Set(['a']));
  return holder;
}

/** A few bytes of each every 0.2 s; the states that `a` has had meanwhile, the last one at the end. */
async function speak(made: GatewayLab, holder: Connector, forMs: number): Promise<string[]> {
  const states: string[] = [];
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    expect(await holder.check(10)).toEqual({ held: 5, ok: 5, errors: {} });
    states.push((await routeOf(made, 'a')).state);
    await sleep(200);
  }
  return states;
}

async function silence(made: GatewayLab, providers: readonly string[]): Promise<void> {
  for (const provider of providers) {
    await made.lab.link(provider).set({ reject: { [MONITORED]: 'silent' } });
    await made.lab.link(provider).dropNext('other', 100_000, { server: MONITORED });
  }
}

test('a monitored host that dies says nothing of routes, with connections on them or without', async () => {
  await withSite({ ...PACE, targets: [`ping ${MONITORED}`] }, async (made) => {
    const holder = await hold(made);
    await silence(made, ['a', 'b']);
    const states = await speak(made, holder, 12_000);
    expect(states).not.toContain('down');
    expect(states.at(-1)).toBe('up');
    await holder.stop();
    // Its checks have failed all the while: this is what they looked like to a route that would believe them.
    expect((await routeOf(made, 'a')).check).toMatchObject({ ok: false });
    await sleep(8000);
    expect((await routeOf(made, 'a')).state).toBe('up');
  });
});

test('a monitored host that one provider does not reach any more: what flows by it proves it', async () => {
  await withSite({ ...PACE, targets: [`ping ${MONITORED}`] }, async (made) => {
    const holder = await hold(made);
    await silence(made, ['a']);
    const states = await speak(made, holder, 12_000);
    expect(states).not.toContain('down');
    expect((await routeOf(made, 'a')).check).toMatchObject({ ok: false });
    await holder.stop();
  });
});

test('a family without traffic is up again by its next hop, and not without one', async () => {
  await withSite(null, async (made) => {
    const { lab } = made;
    const lose = async (): Promise<void> => {
      await lab.gateway.must(['ip', '-6', 'addr', 'del', 'fd03:1::2/64', 'dev', 'wan1']);
      await eventually(
        () => routeOf(made, 'a'),
        ({ reasons }) => reasons.some((reason) => reason.startsWith('ipv6-')),
        3000,
      );
      await lab.gateway.must(['sh'], {
        input:
          'ip addr replace fd03:1::2/64 dev wan1 nodad\nip -6 route replace default via fd03:1::1 dev wan1 metric 101',
      });
    };
    const clients = async (): Promise<void> => {
      connectMs(await lab.client().connect({ targets: [{ address: NEAR, port: PORT }], count: 2 }));
    };
    await lose();
    const startedAt = performance.now();
    const back = await eventually(
      async () => {
        await clients();
        return routeOf(made, 'a');
      },
      ({ state }) => state === 'up',
      40_000,
    );
    process.stderr.write(
      `up again after ${((performance.now() - startedAt) / 1000).toFixed(1)} s without traffic\n`,
    );
    expect(back).toMatchObject({ state: 'up', reasons: [] });
    // A next hop that is silent proves nothing.
    await lab.link('a').set({ silent: true });
    await lose();
    for (let i = 0; i < 30; i++) {
      await sleep(1000);
      expect((await routeOf(made, 'a')).state).not.toBe('up');
    }
    await lab.link('a').set({ silent: false });
  });
});
