/**
 * The operator's own rules see every new connection, raced or not: each rule gives the same beside plain kernel NAT and beside the
 * gateway, for a service that races everything and for one that takes turns.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../lab/index.js';
import {
  type Beside,
  besideGateway,
  besidePlainNat,
  LOADS,
  RACE,
  TURNS,
  withRules,
} from './support/beside.js';
import { NEAR, NEAR6 } from './support/gateway-lab.js';

const WEB = 443;
const OTHER = 80;

const SUBJECTS: readonly (readonly [string, () => Promise<Beside>])[] = [
  ['plain NAT', besidePlainNat],
  ['race', () => besideGateway(RACE, { trust: '0s' })],
  ['race, with memory', () => besideGateway(RACE, { trust: '10m' })],
  ['turns', () => besideGateway(TURNS, {})],
  ['loads', () => besideGateway(LOADS, {})],
];

/** Of `count` connections to a port: how many were made, and the errors of the others. */
async function outcomes(lab: Lab, port: number, address = NEAR, count = 6): Promise<Record<string, number>> {
  const results = await lab.client().connect({
    targets: [{ address, port }],
    count,
    concurrency: count,
    bytes: 100,
    timeoutMs: 700,
  });
  const counts: Record<string, number> = {};
  for (const { ok, error } of results) {
    const word = ok ? 'ok' : (error ?? '?');
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

describe.each(SUBJECTS)('beside %s', (_, start) => {
  let beside: Beside;
  let lab: Lab;

  beforeAll(async () => {
    beside = await start();
    lab = beside.lab;
    // Both servers are one host with two addresses.
    await lab.server('near').echo({ ports: [WEB, OTHER, 8081] });
  });

  afterAll(async () => {
    await beside?.stop();
  });

  test('a forward chain that allows one port allows that one alone', async () => {
    const rules = `chain forward { type filter hook forward priority 0; policy drop;
      ct state established,related accept
      iifname "lan0" tcp dport ${WEB} accept; }`;
    await withRules(lab, rules, async () => {
      for (const address of [NEAR, NEAR6]) {
        // Twice: the second one is remembered.
        for (let i = 0; i < 2; i++) {
          expect(await outcomes(lab, WEB, address)).toEqual({ ok: 6 });
          expect(await outcomes(lab, OTHER, address)).toEqual({ TIMEOUT: 6 });
        }
      }
    });
  });

  test('a rule that rejects a port is what its clients hear', async () => {
    const rules = `chain forward { type filter hook forward priority filter; tcp dport ${OTHER} counter reject with tcp reset; }`;
    await withRules(lab, rules, async () => {
      expect(await outcomes(lab, OTHER)).toEqual({ ECONNREFUSED: 6 });
      expect(await outcomes(lab, WEB)).toEqual({ ok: 6 });
      const listed = await lab.gateway.must(['nft', 'list', 'table', 'inet', 'operator']);
      expect(Number(/packets (\d+)/.exec(listed)?.[1])).toBeGreaterThanOrEqual(6);
    });
  });

  test('a count of connections counts them', async () => {
    const rules = `set many { type ipv4_addr; flags dynamic; size 100; }
      chain forward { type filter hook forward priority filter; iifname "lan0" tcp flags & (syn|ack) == syn add @many { ip saddr ct count over 3 } drop; }`;
    await withRules(lab, rules, async () => {
      const holder = lab.client().connector();
      const plan = { targets: [{ address: NEAR, port: WEB }], bytes: 10, hold: true, timeoutMs: 700 };
      const made: boolean[] = [];
      for (let i = 0; i < 8; i++) made.push(...(await holder.run({ ...plan, count: 1 })).map(({ ok }) => ok));
      expect(made.filter(Boolean)).toHaveLength(3);
      await holder.stop();
    });
  });

  test('a redirect leads to the gateway’s own service', async () => {
    const own = lab.gateway.child('children/echo');
    await own.ask('listen', { ports: [8080] });
    const rules = `chain before { type nat hook prerouting priority dstnat; iifname "lan0" tcp dport ${OTHER} redirect to :8080; }`;
    await withRules(lab, rules, async () => {
      await lab.wire.reset();
      expect(await outcomes(lab, OTHER)).toEqual({ ok: 6 });
      const syns = await lab.wire.trace({ kind: ['syn'] });
      expect(syns.filter(({ destinationPort }) => destinationPort === OTHER)).toEqual([]);
    });
    await own.stop();
  });

  test('a destination that is translated is the one that is reached', async () => {
    const rules = `chain before { type nat hook prerouting priority dstnat; iifname "lan0" meta nfproto ipv4 tcp dport ${OTHER} dnat ip to 198.51.100.2:8081; }`;
    await withRules(lab, rules, async () => {
      await lab.wire.reset();
      expect(await outcomes(lab, OTHER)).toEqual({ ok: 6 });
      const syns = await lab.wire.trace({ kind: ['syn'] });
      expect(new Set(syns.map(({ destination }) => destination))).toEqual(new Set(['198.51.100.2']));
    });
  });

  test('what the gateway itself may not send does not end the LAN’s connections', async () => {
    const rules = 'chain out { type filter hook output priority filter; policy drop; oifname "lo" accept; }';
    await withRules(lab, rules, async () => {
      expect(await outcomes(lab, WEB, NEAR, 3)).toEqual({ ok: 3 });
    });
  });
});
