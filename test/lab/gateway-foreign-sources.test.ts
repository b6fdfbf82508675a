/**
 * A LAN host that sends with an address that is not behind the LAN: nothing of it leaves, and no answer comes back out of a provider.
 * What is behind an inner router, or comes by another interface than the way back, works as through plain kernel NAT with rp_filter 2.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, plainNat, startLab } from '../../lab/index.js';
import { eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { UdpEcho, udpFlow } from './support/taken.js';

const PORT = { raced: 7, turns: 8, datagrams: 21 } as const;
const FOREIGN = ['192.0.2.77', '2001:db8:77::9'] as const;
const BEHIND = ['10.77.0.9', 'fd77::9'] as const;
const SCENARIO = { providers: [{ name: 'a' }, { name: 'b' }] };

const CONFIG = {
  services: [
    { name: 'raced', match: { tcp: PORT.raced }, select: 'race', affinity: 'none' },
    { name: 'turns', match: { tcp: PORT.turns, udp: PORT.datagrams }, select: 'round-robin' },
  ],
};

interface Beside {
  readonly lab: Lab;
  readonly made: GatewayLab | null;
  stop(): Promise<void>;
}

async function besidePlainNat(): Promise<Beside> {
  const lab = await startLab(SCENARIO);
  await plainNat(lab, 'a');
  return { lab, made: null, stop: () => lab.stop() };
}

async function besideGateway(): Promise<Beside> {
  const made = await GatewayLab.start(SCENARIO, {
    config: CONFIG,
    topologyChanges: true,
  });
  return { lab: made.lab, made, stop: () => made.stop() };
}

describe.each([
  ['plain NAT', besidePlainNat],
  ['the gateway', besideGateway],
] as const)('beside %s', (_, start) => {
  let beside: Beside;
  let lab: Lab;
  const datagrams: UdpEcho[] = [];

  beforeAll(async () => {
    beside = await start();
    lab = beside.lab;
    const { gateway } = lab;
    const client = lab.client();
    await lab.server().echo({ ports: [PORT.raced, PORT.turns] });
    for (const address of [NEAR, NEAR6])
      datagrams.push(await UdpEcho.listen(lab.server(), address, PORT.datagrams));
    // A second cable to the client; a network behind it; and addresses that are nowhere near.
    await client.must([
      ...['ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'lan1', 'netns', gateway.namespace],
    ]);
    await gateway.must([
      'sh',
      '-ec',
      `echo 2 > /proc/sys/net/ipv4/conf/lan0/rp_filter
       ip addr add 10.8.0.1/24 dev lan1; ip addr add fd08::1/64 dev lan1 nodad; ip link set lan1 up
       echo 2 > /proc/sys/net/ipv4/conf/lan1/rp_filter
       ip route add 10.77.0.0/16 via 10.0.0.2; ip route add fd77::/64 via fd00::2`,
    ]);
    await client.must([
      'sh',
      '-ec',
      `ip addr add 10.8.0.2/24 dev eth1; ip addr add fd08::2/64 dev eth1 nodad; ip link set eth1 up
       for a in ${FOREIGN[0]}/32 ${BEHIND[0]}/32; do ip addr add $a dev lo; done
       for a in ${FOREIGN[1]}/128 ${BEHIND[1]}/128; do ip addr add $a dev lo nodad; done`,
    ]);
    beside.made?.rewriteConfig({ ...CONFIG, lan: ['lan0', 'lan1'] });
    await beside.made?.command('reload');
    await sleep(1000);
  });

  afterAll(async () => {
    for (const one of datagrams) one.close();
    await lab?.client().run(['ip', 'link', 'delete', 'eth1']);
    await lab?.gateway.run(['sh', '-c', 'ip route del 10.77.0.0/16; ip route del fd77::/64']);
    await beside?.stop();
  });

  /** Connections and datagrams with a source of the client's: what came back, and what of them was on the wires of providers. */
  async function from(source: string): Promise<{ ok: number; datagrams: number; out: number; back: number }> {
    const address = source.includes(':') ? NEAR6 : NEAR;
    const client = lab.client();
    await lab.wire.reset();
    const plan = {
      sources: [source],
      targets: [PORT.raced, PORT.turns].map((port) => ({ address, port })),
      count: 4,
      bytes: 2000,
      timeoutMs: 800,
    };
    const flow = { from: source, to: address, port: PORT.datagrams, texts: ['1', '2'], waitMs: 500 };
    const [results, answers] = await Promise.all([client.connect(plan), udpFlow(client, flow)]);
    await sleep(200);
    const trace = await lab.wire.trace({ direction: 'out' });
    return {
      ok: results.filter(({ ok }) => ok).length,
      datagrams: answers,
      out: trace.filter(({ destination }) => destination === address).length,
      // The server's own address, on its way out of a provider.
      back: trace.filter(({ source: sender }) => sender === address).length,
    };
  }

  test.each(BEHIND)('%s, behind an inner router, works', async (source) => {
    expect(await from(source)).toMatchObject({ ok: 4, datagrams: 2, back: 0 });
  });

  test.each([
    ['10.0.0.2', NEAR, '10.8.0.1'],
    ['fd00::2', NEAR6, 'fd08::1'],
  ])('%s, coming by another interface than the way back, works', async (source, address, via) => {
    const route = `${address} via ${via} dev eth1`.split(' ');
    await lab.client().must(['ip', 'route', 'add', ...route]);
    try {
      expect(await from(source)).toMatchObject({ ok: 4, datagrams: 2, back: 0 });
    } finally {
      await lab.client().must(['ip', 'route', 'del', ...route]);
    }
  });

  test.each(FOREIGN)('%s, from nowhere near', async (source) => {
    const { made } = beside;
    const before = (await made?.status())?.packets.dropped['spoofed-source'] ?? 0;
    const seen = await from(source);
    if (made === null) {
      // It leaves, translated, and the answer finds no way but that of a provider.
      expect(seen.out).toBeGreaterThan(0);
      expect(seen.back).toBeGreaterThan(0);
      return;
    }
    expect(seen).toEqual({ ok: 0, datagrams: 0, out: 0, back: 0 });
    expect((await made.status()).packets.dropped['spoofed-source']).toBeGreaterThanOrEqual(before + 6);
    // The second line: with the first away it leaves, and still no answer leaves by a provider.
    const nft = (...words: string[]): Promise<string> => lab.gateway.must(['nft', ...words]);
    await nft('insert', 'rule', 'inet', 'pathrace', 'foreign', 'return');
    const second = await from(source);
    expect(second.out).toBeGreaterThan(0);
    expect(second.back).toBe(0);
    const { alarms } = await made.status();
    expect(alarms.join('\n')).toMatch(/kept from leaving by wan1/);
    await nft('insert', 'rule', 'inet', 'pathrace', 'guard', 'accept');
    expect((await from(source)).back).toBeGreaterThan(0);
    await nft('flush', 'chain', 'inet', 'pathrace', 'guard');
    // Declared anew as a whole.
    await nft('delete', 'table', 'inet', 'pathrace');
    const text = await eventually(
      () => nft('list', 'ruleset'),
      (rules) => rules.includes('chain guard_closer'),
      5000,
    );
    expect(text).toContain('chain guard_closer');
    await sleep(500);
  });
});
