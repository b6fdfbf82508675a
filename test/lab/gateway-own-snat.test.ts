/**
 * The operator's own rules for sources hold, as beside plain kernel NAT: a host that has an address of its own leaves with it, by the
 * provider of that address, raced service or not; all others are raced as ever.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EchoServer, Lab } from '../../lab/index.js';
import { socketClient } from '../../src/api/client.js';
import type { WhatIfOutcome } from '../../src/api/contract.js';
import { type Beside, besideGateway, besidePlainNat, RACE, TURNS, withRules } from './support/beside.js';
import { NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const PORT = 443;
const COUNT = 6;
/** Besides the client's usual ones. */
const HOST = '10.0.0.77';
const HOST6 = 'fd00::77';
/** One more of provider a's. */
const EXTRA = '203.0.1.9';
const EXTRA6 = 'fd03:1::9';

const SUBJECTS: readonly (readonly [string, () => Promise<Beside>])[] = [
  ['plain NAT', besidePlainNat],
  ['race', () => besideGateway(RACE, { trust: '0s' })],
  ['race, with memory', () => besideGateway(RACE, { trust: '10m' })],
  ['turns', () => besideGateway({ ...TURNS, affinity: 'none' }, {})],
];

const postrouting = (rules: string): string =>
  `chain after { type nat hook postrouting priority srcnat; ${rules}\n}`;

describe.each(SUBJECTS)('beside %s', (name, start) => {
  let beside: Beside;
  let lab: Lab;
  let echo: EchoServer;
  let lan: { ipv4: string; ipv6: string };

  beforeAll(async () => {
    beside = await start();
    lab = beside.lab;
    echo = await lab.server('near').echo({ ports: [PORT] });
    const { ipv4, ipv6 } = lab.client();
    lan = { ipv4, ipv6 };
    await lab.client().must(['ip', 'addr', 'add', `${HOST}/24`, 'dev', 'eth0']);
    await lab.client().must(['ip', 'addr', 'add', `${HOST6}/64`, 'dev', 'eth0', 'nodad']);
    await lab.gateway.must(['ip', 'addr', 'add', `${EXTRA}/24`, 'dev', 'wan1']);
    await lab.gateway.must(['ip', 'addr', 'add', `${EXTRA6}/64`, 'dev', 'wan1', 'nodad']);
  });

  afterAll(async () => {
    await lab?.gateway.run(['ip', 'addr', 'del', `${EXTRA}/24`, 'dev', 'wan1']);
    await lab?.gateway.run(['ip', 'addr', 'del', `${EXTRA6}/64`, 'dev', 'wan1']);
    await beside?.stop();
  });

  /** With which addresses connections of a source came to the server; those that did not are missing. */
  async function arrives(source: string, address = NEAR, sourcePorts?: number[]): Promise<string[]> {
    await echo.forget();
    const results = await lab.client().connect({
      targets: [{ address, port: PORT }],
      ...{ count: COUNT, concurrency: 2, bytes: 100, timeoutMs: 2500, sources: [source] },
      ...(sourcePorts === undefined ? {} : { sourcePorts }),
    });
    expect(results.map(({ ok, error }) => (ok ? 'ok' : error))).toEqual(new Array(COUNT).fill('ok'));
    return (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  }

  const raced = async (): Promise<number> => (await beside.gateway?.status())?.races.started ?? 0;

  /** Until a gateway has read the rules: what it keeps from being raced has this in it; null: it keeps nothing. */
  async function settled(match: string | null): Promise<void> {
    if (beside.gateway === null) return;
    await expect
      .poll(() => lab.gateway.must(['nft', 'list', 'chain', 'inet', 'pathrace', 'ask_copies']), {
        timeout: 20_000,
        interval: 100,
      })
      .toSatisfy((text: string) => (match === null ? !text.includes('goto race') : text.includes(match)));
  }

  test('a host with an address of its own leaves with it, others as ever', async () => {
    const rules = postrouting(`oifname "wan1" ip saddr ${HOST} snat ip to ${EXTRA}
      oifname "wan1" ip6 saddr ${HOST6} snat ip6 to ${EXTRA6}`);
    await withRules(lab, rules, async () => {
      await settled(HOST6);
      for (const [source, address, extra] of [
        [HOST, NEAR, EXTRA],
        [HOST6, NEAR6, EXTRA6],
      ] as const) {
        const before = await raced();
        const found = await arrives(source, address);
        expect(await raced()).toBe(before);
        if (name === 'turns') {
          // The rule is about provider a alone.
          expect(found).toContain(extra);
          expect(new Set(found).size).toBe(3);
        } else expect(found).toEqual(new Array(COUNT).fill(extra));
      }
      const before = await raced();
      expect(await arrives(lan.ipv4)).not.toContain(EXTRA);
      if (name === 'race') expect(await raced()).toBe(before + COUNT);
    });
  });

  test('and when the rule is gone it is as any other', async () => {
    await settled(null);
    const before = await raced();
    expect(await arrives(HOST)).not.toContain(EXTRA);
    if (name === 'race') expect(await raced()).toBe(before + COUNT);
  });

  test('a set of hosts that grows and shrinks', async () => {
    const rules = `set own { type ipv4_addr; flags interval; }
      ${postrouting(`oifname "wan1" ip saddr @own snat ip to ${EXTRA}`)}`;
    await withRules(lab, rules, async () => {
      const own = (what: 'add' | 'delete') =>
        lab.gateway.must(['nft', what, 'element', 'inet', 'operator', 'own', '{', `${HOST}/31`, '}']);
      expect(await arrives(HOST)).not.toContain(EXTRA);
      await own('add');
      await settled('10.0.0.76');
      expect(await arrives(HOST)).toContain(EXTRA);
      await own('delete');
      await settled(null);
      expect(await arrives(HOST)).not.toContain(EXTRA);
    });
  });

  test('a masquerade of an existing gateway changes nothing', async () => {
    await withRules(lab, postrouting('oifname { "wan1", "wan2", "wan3" } masquerade'), async () => {
      await settled(null);
      const before = await raced();
      const found = await arrives(lan.ipv4);
      expect(found).not.toContain(EXTRA);
      if (name === 'race') expect(await raced()).toBe(before + COUNT);
    });
  });

  test('a client’s port among those of attempts stays, where the operator’s rule keeps it', async () => {
    await withRules(lab, postrouting(`oifname "wan1" ip saddr ${HOST} snat ip to ${EXTRA}`), async () => {
      await settled(HOST);
      await arrives(HOST, NEAR, [12_001, 12_002, 12_003, 12_004, 12_005, 12_006]);
      const ports = (await echo.connections()).filter(({ remoteAddress }) => remoteAddress === EXTRA);
      for (const { remotePort } of ports) expect(remotePort).toBeGreaterThan(12_000);
      for (const { remotePort } of ports) expect(remotePort).toBeLessThan(12_007);
      expect(ports.length).toBeGreaterThan(0);
    });
  });

  test('rules of iptables are rules, too', async () => {
    const iptables = (what: '-A' | '-D') =>
      lab.gateway.must(
        `iptables-nft -t nat ${what} POSTROUTING -o wan1 -s ${HOST} -j SNAT --to-source ${EXTRA}`.split(' '),
      );
    await iptables('-A');
    await settled(HOST);
    expect(await arrives(HOST)).toContain(EXTRA);
    await iptables('-D');
    await lab.gateway.must(['nft', 'delete', 'table', 'ip', 'nat']);
  });

  if (name !== 'race') return;

  async function whatIf(client: string, destination: string): Promise<WhatIfOutcome> {
    const query = { client, destination, port: PORT };
    const { outcomes } = await socketClient(lab.controlSocket)('GET /v1/what-if', { query });
    return outcomes[0]!;
  }

  test('why, status and doctor say so', async () => {
    const gateway = beside.gateway!;
    await withRules(lab, postrouting(`oifname "wan1" snat ip to ${EXTRA}`), async () => {
      await settled('meta nfproto ipv4');
      const foreseen = await whatIf(lan.ipv4, NEAR);
      expect(foreseen).toMatchObject({
        by: 'daemon',
        action: 'single',
        route: 'a',
        reasons: ['operator-rule'],
      });
      expect(foreseen.mayMeasure).toBeUndefined();
      expect(foreseen.notes.join()).toMatch(/a rule of yours may give it .*inet operator after, handle \d+/);
      expect(await whatIf(lan.ipv6, NEAR6)).toMatchObject({ by: 'race', notes: [] });
      expect(await arrives(lan.ipv4)).toEqual(new Array(COUNT).fill(EXTRA));
      const [decision] = await gateway.why(`${NEAR}:${PORT}`);
      expect(decision.reasons).toEqual(['operator-rule']);
      const { alarms, races } = await gateway.status();
      expect(races.single['operator-rule']).toBeGreaterThanOrEqual(COUNT);
      expect(alarms.join('\n')).toMatch(/no connection of IPv4 is raced: .* inet operator after, handle \d+/);
      const doctor = await lab.gateway.run([PATHRACE, 'doctor', '--config', gateway.configFile, '--json']);
      const { probes } = JSON.parse(doctor.stdout) as {
        probes: { name: string; ok: boolean; found: string }[];
      };
      const probe = probes.find((one) => one.name === 'source-rules');
      expect(probe).toMatchObject({ ok: false });
      expect(probe!.found).toMatch(/inet operator after, handle \d+/);
    });
    await settled(null);
    expect((await gateway.status()).alarms).toEqual([]);
  });
});
