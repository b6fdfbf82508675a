/**
 * What the gateway itself may not send: copies are refused where an operator's output chain drops, and the LAN's connections go on by
 * one route, which log, status and doctor say with the line to add; with that line they are raced.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { marksOf } from '../../src/kernel/marks.js';
import { acceptOurs } from '../../src/kernel/operator/output.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import { besideGateway, RACE, withRules } from './support/beside.js';
import { type GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const PORT = 443;
const ACCEPT_OURS = acceptOurs(marksOf(DEFAULT_MARK_MASK));
/** Without ICMPv6 no neighbour is found. */
const NEEDED = 'oifname "lo" accept; meta l4proto icmpv6 accept';
const DROPS = `policy drop; ${NEEDED}`;
const REJECTS = `policy accept; ${NEEDED}; counter reject`;

interface Probe {
  name: string;
  ok: boolean;
  found: string;
  remedy: string;
}

let gateway: GatewayLab;

beforeAll(async () => {
  gateway = (await besideGateway(RACE, { trust: '0s' })).gateway!;
  await gateway.lab.server('near').echo({ ports: [PORT] });
});

afterAll(async () => {
  await gateway?.stop();
});

async function connect(address: string): Promise<{ ok: number; raced: number; refused: number }> {
  const counts = async () => {
    const { races } = await gateway.status();
    return { decided: races.decided, refused: races.single['copies-refused'] ?? 0 };
  };
  const before = await counts();
  const results = await gateway.lab
    .client()
    .connect({ targets: [{ address, port: PORT }], count: 4, bytes: 100, timeoutMs: 900 });
  const after = await counts();
  return {
    ok: results.filter(({ ok }) => ok).length,
    raced: after.decided - before.decided,
    refused: after.refused - before.refused,
  };
}

async function outputProbe(): Promise<Probe> {
  const { stdout } = await gateway.lab.gateway.run([PATHRACE, 'doctor', '--json']);
  const { probes } = JSON.parse(stdout) as { probes: Probe[] };
  return probes.find(({ name }) => name === 'output-rules')!;
}

describe.each([
  ['drops', DROPS],
  ['rejects', REJECTS],
])('an output chain that %s', (_, rules) => {
  const chain = (line: string) =>
    `chain out { type filter hook output priority filter; ${rules.replace(NEEDED, NEEDED + line)}\n}`;

  test('ends no connection, and is named with the line to add', async () => {
    await withRules(gateway.lab, chain(''), async () => {
      for (const address of [NEAR, NEAR6])
        expect(await connect(address)).toEqual({ ok: 4, raced: 0, refused: 4 });
      await expect
        .poll(async () => (await gateway.status()).alarms.join('\n'), { timeout: 20_000 })
        .toContain(`add "${ACCEPT_OURS}" to the chain inet operator out`);
      expect(await outputProbe()).toMatchObject({ ok: false, found: 'may drop: inet operator out' });
      expect((await outputProbe()).remedy).toContain(ACCEPT_OURS);
    });
  });

  test('with that line they are raced, and their losers are reset', async () => {
    await withRules(gateway.lab, chain(`; ${ACCEPT_OURS}`), async () => {
      for (const address of [NEAR, NEAR6])
        expect(await connect(address)).toEqual({ ok: 4, raced: 4, refused: 0 });
      expect(await gateway.lab.server('near').halfOpen()).toBe(0);
      expect(await outputProbe()).toMatchObject({ ok: true });
    });
  });
});

test('the log has said it once, and not for each connection', () => {
  const lines = gateway.daemon.stderr().split('\n');
  expect(lines.filter((line) => line.includes('"event":"copies-refused"'))).toHaveLength(1);
});
