/** One gateway at a time; ended, it leaves nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer, Provider } from '../../lab/index.js';
import { GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const PORT = 7;
const TARGETS = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];
const PROVIDERS: Provider[] = [
  { name: 'a', link: { delayMs: 20 } },
  { name: 'b', link: { delayMs: 10 } },
  { name: 'c', link: { delayMs: 30 } },
];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start({ providers: PROVIDERS, lan: { clients: 2 } });
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

/** How many SYN copies a new connection makes now. */
async function copiesOfOne(): Promise<number> {
  await made.lab.wire.reset();
  const [result] = await made.lab.client().connect({ targets: TARGETS.slice(0, 1), bytes: 10 });
  expect(result?.ok).toBe(true);
  return (await made.lab.wire.trace({ kind: 'syn' })).length;
}

test('a second gateway in the namespace is refused and disturbs nothing', async () => {
  const { lab } = made;
  const rules = await lab.gateway.must(['nft', '-s', 'list', 'ruleset']);
  const ipRules = await lab.gateway.must(['ip', 'rule']);
  for (const control of [lab.controlSocket, `${lab.directory}/other.sock`]) {
    const config = lab.configYaml({ control, rest: { route: 'c' } });
    const second = await lab.gateway.run([PATHRACE, 'gateway', '--config', config]);
    expect(second.code).not.toBe(0);
    expect(second.timedOut).toBe(false);
    expect(`${second.stdout}${second.stderr}`).toContain('E_ALREADY_RUNNING');
    expect(withoutSet(await lab.gateway.must(['nft', '-s', 'list', 'ruleset']))).toBe(withoutSet(rules));
    expect(await lab.gateway.must(['ip', 'rule'])).toBe(ipRules);
    expect(await copiesOfOne()).toBe(3);
  }
});

test('cleanup refuses while it runs; after kill -9 it restores everything', async () => {
  const { lab } = made;
  expect((await lab.gateway.run([PATHRACE, 'cleanup'])).code).not.toBe(0);
  expect(await copiesOfOne()).toBe(3);
  made.daemon.signal('SIGKILL');
  await made.daemon.done;
  await lab.gateway.must([PATHRACE, 'cleanup']);
  await made.expectCleanState();
  expect((await lab.gateway.run([PATHRACE, 'cleanup'])).code).toBe(0);
  await made.startDaemon();
  expect(await copiesOfOne()).toBe(3);
});

test('SIGTERM and SIGINT end it with 0, also under load, and nothing is left', async () => {
  const { lab } = made;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const load = lab.client().connect({ targets: TARGETS, count: 60, rate: 100, timeoutMs: 500 });
    await sleep(200);
    const startedAt = performance.now();
    made.daemon.signal(signal);
    const { code, stderr } = await made.daemon.done;
    expect(code, stderr).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    await made.expectCleanState();
    await load;
    await made.startDaemon();
  }
  await echo.forget();
  expect(await copiesOfOne()).toBe(3);
  // By their port, which all copies have: what is left of the load may complete a handshake of its own meanwhile.
  const [syn] = await lab.wire.trace({ kind: 'syn' });
  const accepted = (await echo.connections()).filter(({ remotePort }) => remotePort === syn?.sourcePort);
  expect(accepted).toHaveLength(1);
});

/** The ruleset without the elements of its sets, which come and go with time. */
function withoutSet(ruleset: string): string {
  return ruleset.replace(/^\s*elements = \{[^}]*\}\n|^\s*\n/gm, '');
}
