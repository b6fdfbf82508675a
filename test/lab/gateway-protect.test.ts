/**
 * Whoever is on a provider's segment reaches nothing inside that the operator has not asked for. Plain kernel routing beside it, as it
 * is with forwarding switched on, shows that there is a way.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Annex, annex } from '../../lab/annex.js';
import { type Lab, startLab } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR, PATHRACE } from './support/gateway-lab.js';
import { UdpEcho, udpFlow } from './support/taken.js';

const SCENARIO = { plain: true, providers: [{ name: 'a' }, { name: 'b' }], lan: { clients: 2 } };
/** What listens inside, on the port of the forward, and on the gateway's own. */
const PORT = { inside: 8000, forwarded: 8080, own: 8022, out: 7, datagrams: 8053 } as const;
const FORWARDS = 'forwards';
const PLAIN = 'plain_nat';

interface Site {
  readonly lab: Lab;
  readonly intruder: Annex;
  readonly inside: UdpEcho;
  stop(): Promise<void>;
}

/** A host beside the first provider's next hop that routes to the LAN by the gateway; servers inside; a port forward. */
async function siteOf(lab: Lab, end: () => Promise<void>): Promise<Site> {
  const server = lab.server();
  await server.echo({ ports: [PORT.out] });
  const intruder = await annex(
    lab,
    'intruder',
    (there) =>
      `-n ${server.namespace} link add link p1 name eth0 netns ${there} type macvlan mode bridge`.split(' '),
    [
      ...['addr add 203.0.1.77/24 dev eth0', 'addr add fd03:1::77/64 dev eth0 nodad', 'link set eth0 up'],
      ...['route add 10.0.0.0/8 via 203.0.1.2', 'route add fd00::/16 via fd03:1::2'],
      ...['route add 203.0.2.0/24 via 203.0.1.2', 'route add 224.0.0.0/4 dev eth0'],
    ],
  );
  const client = lab.client();
  await client.child('children/echo').ask('listen', { ports: [PORT.inside] });
  await lab.gateway.child('children/echo').ask('listen', { ports: [PORT.own] });
  const inside = await UdpEcho.listen(client, client.ipv4, PORT.datagrams);
  await lab.gateway.must(['nft', '-f', '-'], {
    input: `table inet ${FORWARDS} {
      chain before {
        type nat hook prerouting priority dstnat;
        iifname "wan1" meta nfproto ipv4 tcp dport ${PORT.forwarded} dnat ip to ${client.ipv4}:${PORT.inside}
        iifname "wan1" meta nfproto ipv6 tcp dport ${PORT.forwarded} dnat ip6 to [${client.ipv6}]:${PORT.inside}
      }
    }`,
  });
  return {
    lab,
    intruder,
    inside,
    async stop() {
      inside.close();
      await lab.gateway.must(['nft', 'delete', 'table', 'inet', FORWARDS]);
      await intruder.stop();
      await end();
    },
  };
}

/** What became of three connections. */
async function tries(from: Annex, address: string, port: number): Promise<string[]> {
  const connector = from.child('children/connector');
  const results = await connector.ask<{ ok: boolean; error?: string }[]>('run', {
    targets: [{ address, port }],
    count: 3,
    bytes: 5000,
    timeoutMs: 900,
  });
  await connector.stop();
  return results.map(({ ok, error }) => (ok ? 'ok' : (error ?? '?')));
}

const OK = ['ok', 'ok', 'ok'];
const DROPPED = ['TIMEOUT', 'TIMEOUT', 'TIMEOUT'];

/** What holds with and without: what was asked for comes in, what is the gateway's own is its own rules' business. */
async function expectAskedFor({ intruder }: Site): Promise<void> {
  for (const address of ['203.0.1.2', 'fd03:1::2']) {
    expect(await tries(intruder, address, PORT.forwarded)).toEqual(OK);
    expect(await tries(intruder, address, PORT.own)).toEqual(OK);
  }
}

describe('beside plain kernel NAT', () => {
  let site: Site;

  beforeAll(async () => {
    const lab = await startLab(SCENARIO);
    await lab.gateway.must(['nft', '-f', '-'], {
      input: `table inet ${PLAIN} {
        chain out { type nat hook postrouting priority srcnat; oifname { "wan1", "wan2" } masquerade; }
      }`,
    });
    await lab.gateway.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    site = await siteOf(lab, () => lab.stop());
  });

  afterAll(async () => {
    await site?.stop();
  });

  test('a host of the provider’s segment reaches the LAN', async () => {
    for (const { ipv4, ipv6 } of [site.lab.client()])
      for (const address of [ipv4, ipv6])
        expect(await tries(site.intruder, address, PORT.inside)).toEqual(OK);
    await expectAskedFor(site);
  });
});

describe('beside the gateway', () => {
  let made: GatewayLab;
  let site: Site;

  beforeAll(async () => {
    made = await GatewayLab.start(SCENARIO, { topologyChanges: true });
    site = await siteOf(made.lab, () => made.stop());
  });

  afterAll(async () => {
    await site?.stop();
  });

  async function dropped(): Promise<number> {
    return (await made.status()).packets.dropped.protected ?? 0;
  }

  test('by default it does not, of either family, and status counts it; the start says so', async () => {
    expect(made.daemon.stdout()).toMatch(/^ready: .*LAN lan0 protected,/m);
    const { ipv4, ipv6 } = site.lab.client();
    for (const address of [ipv4, ipv6]) {
      const before = await dropped();
      expect(await tries(site.intruder, address, PORT.inside)).toEqual(DROPPED);
      expect(await dropped()).toBeGreaterThanOrEqual(before + 3);
    }
    const plan = { from: '203.0.1.77', to: ipv4, port: PORT.datagrams, texts: ['1', '2'], waitMs: 400 };
    expect(await udpFlow(site.intruder, plan)).toBe(0);
    expect(site.inside.received).toEqual([]);
  });

  test('nor does it go on to another provider', async () => {
    const before = await dropped();
    expect(await tries(site.intruder, '203.0.2.1', 80)).toEqual(DROPPED);
    expect(await dropped()).toBeGreaterThanOrEqual(before + 3);
  });

  test('port forwards and the gateway’s own services are reached', async () => {
    const before = await dropped();
    await expectAskedFor(site);
    expect(await dropped()).toBe(before);
  });

  test('answers and errors to what the LAN has begun come in', async () => {
    const { lab } = made;
    connectMs(await lab.client().connect({ targets: [{ address: NEAR, port: PORT.out }], bytes: 10_000 }));
    const [refused] = await lab.client().connect({ targets: [{ address: NEAR, port: 99 }], timeoutMs: 900 });
    expect(refused?.error).toBe('ECONNREFUSED');
    // A host of the segment that nobody listens on: an error of a host that was not asked itself.
    const ping = await lab.client().run(['ping', '-c', '1', '-W', '1', '-t', '2', NEAR]);
    expect(ping.stdout).toMatch(/exceeded|1 received/i);
  });

  test('a bridge that is no LAN is its owner’s', async () => {
    const { gateway } = made.lab;
    const dmz = await annex(
      made.lab,
      'dmz',
      (there) =>
        `link add dmz0 netns ${gateway.namespace} type veth peer name eth0 netns ${there}`.split(' '),
      ['addr add 10.9.0.53/24 dev eth0', 'link set eth0 up', 'route add default via 10.9.0.1'],
    );
    await gateway.must(['sh', '-ec', 'ip addr add 10.9.0.1/24 dev dmz0; ip link set dmz0 up']);
    await dmz.child('children/echo').ask('listen', { ports: [PORT.inside] });
    expect(await tries(site.intruder, '10.9.0.53', PORT.inside)).toEqual(OK);
    await gateway.must(['ip', 'link', 'delete', 'dmz0']);
    await dmz.stop();
  });

  test('`protect: false`, taken over while it runs, opens the LAN; and back', async () => {
    const { ipv4, ipv6 } = site.lab.client();
    made.rewriteConfig({ protect: false });
    expect(JSON.parse(await made.command('reload'))).toMatchObject({
      changes: [{ key: 'protect', before: 'true', after: 'false', apply: 'live' }],
    });
    for (const address of [ipv4, ipv6]) expect(await tries(site.intruder, address, PORT.inside)).toEqual(OK);
    await expectAskedFor(site);
    made.rewriteConfig({});
    await made.command('reload');
    const outcome = await eventually(
      () => tries(site.intruder, ipv4, PORT.inside),
      (words) => words.join() === DROPPED.join(),
      3000,
    );
    expect(outcome).toEqual(DROPPED);
  });

  test('the start with `protect: false` says so, and so does doctor', async () => {
    await made.restart({ protect: false });
    expect(made.daemon.stdout()).toMatch(/^ready: .*LAN lan0 open to the providers’ segments,/m);
    const doctor = await made.lab.gateway.run([
      ...[PATHRACE, 'doctor', '--config', made.configFile, '--json'],
    ]);
    const { probes } = JSON.parse(doctor.stdout) as {
      probes: { name: string; ok: boolean; found: string }[];
    };
    expect(probes.find(({ name }) => name === 'protect')).toMatchObject({
      ok: false,
      found: expect.stringMatching(/^off/),
    });
    await made.restart({});
  });
});
