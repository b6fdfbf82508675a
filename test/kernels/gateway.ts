/** A gateway's life on a kernel: one site, one test after the other. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectorOn, type Host } from '../../lab/index.js';
import { ask, NameServer } from '../../lab/name-server.js';
import { fastPath } from './fast-path.js';
import { FAMILIES, NEAR, OTHER_PORT, PATHRACE, PORT, Site } from './site.js';

const RACE = { services: [{ name: 'all', match: { tcp: 'any' }, select: 'race' }] };
const TURNS = {
  services: [{ name: 'all', match: { tcp: 'any' }, select: 'round-robin', affinity: 'none' }],
  kernel: { fastPath: 'auto' },
};
/** Who hides a module from the kernel. */
const HIDING = '/etc/modprobe.d/pathrace-test.conf';

/** A server that accepts, with a buffer of 4 KiB. */
const SILENT = `
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind(('::', 9999))
s.listen(64)
print('listens', flush=True)
held = []
while True: held.append(s.accept())
`;
const DIVERT = `table inet divert {
  chain in {
    type nat hook prerouting priority dstnat;
    ip saddr 203.0.2.0/24 tcp dport 80 redirect to :9999
    ip6 saddr fd03:2::/64 tcp dport 80 redirect to :9999
  }
}
`;

let site: Site;

async function withRules(rules: string, action: () => Promise<void>): Promise<void> {
  const { gateway } = site.lab;
  await gateway.must(['nft', '-f', '-'], { input: `table inet operator {\n${rules}\n}\n` });
  try {
    await action();
  } finally {
    await gateway.must(['nft', 'delete', 'table', 'inet', 'operator']);
  }
}

describe('a gateway', () => {
  before(async () => {
    // The module of nft's queue statement is hidden until the gateway starts.
    mkdirSync(dirname(HIDING), { recursive: true });
    writeFileSync(HIDING, 'blacklist nft_queue\n');
    site = await Site.start();
  });

  test('doctor finds the target of iptables, which nobody has loaded, where nft has no queue statement', () => {
    assert.equal(isLoaded('xt_NFQUEUE'), false);
    const { stdout, status } = spawnSync(PATHRACE, ['doctor', '--json'], { encoding: 'utf8' });
    const { probes } = JSON.parse(stdout) as { probes: { name: string; ok: boolean; found: string }[] };
    const found = (wanted: string) => probes.find(({ name }) => name === wanted)?.found ?? '';
    assert.match(found('queueing'), /NFQUEUE target/);
    assert.match(found('fast path'), /^not used; a flowtable works/);
    assert.equal(status, 0, stdout);
    rmSync(HIDING);
  });

  test('races both families, and remembers', async () => {
    await site.gateway({ ...RACE, memory: { trust: '0s' } });
    assert.match(site.daemon?.stdout() ?? '', /, nft queue /);
    for (const family of FAMILIES) await site.comeBy(family, ['b'], [1, 1, 1]);
    await site.gateway({ ...RACE, memory: { trust: '10m', refresh: 0 } });
    for (const family of FAMILIES) await site.connect(family, 1);
    await site.until(async () => (await site.status()).memory.inKernel >= 2, 'the memory in the kernel');
    for (const family of FAMILIES) await site.comeBy(family, ['b', 'b', 'b'], [0, 3, 0]);
  });

  test('races a question to a name server, both families', async () => {
    const dns = { name: 'dns', match: { udp: 53 }, select: 'race' };
    await site.gateway({ services: [dns], memory: { trust: '0s' } } as never);
    for (const family of FAMILIES) {
      const askers = new Set<string>();
      const address = family === 'ipv4' ? '192.0.2.7' : '2001:db8::7';
      const names = await NameServer.listen(
        site.lab.server(),
        NEAR[family],
        { 'x.test': [address] },
        (from) => {
          askers.add(from);
          return 0;
        },
      );
      const from = family === 'ipv4' ? '0.0.0.0' : '::';
      assert.deepEqual(await ask(site.lab.client(), from, NEAR[family], 'x.test'), [address]);
      await site.until(async () => askers.size === 3, 'the question by each route');
      names.close();
    }
    await site.gateway({ ...RACE, memory: { trust: '10m', refresh: 0 } });
  });

  test('lets the first payload decide where a proxy answers, and translates numbers and windows', () =>
    firstPayload('lan0', site.lab.client()));

  test('races what the gateway itself opens, and remembers it', async () => {
    const own = connectorOn(site.lab.gateway);
    await site.gateway({ ...RACE, lan: ['lan0', 'local'], memory: { trust: '0s' } });
    for (const family of FAMILIES) await site.comeBy(family, ['b'], [1, 1, 1], own);
    await site.gateway({ ...RACE, lan: ['lan0', 'local'], memory: { trust: '10m', refresh: 0 } });
    for (const family of FAMILIES) await site.connect(family, 1, own);
    await site.until(async () => (await site.status()).memory.inKernel >= 2, 'the memory in the kernel');
    for (const family of FAMILIES) await site.comeBy(family, ['b', 'b', 'b'], [0, 3, 0], own);
    await own.stop();
  });

  test('lets the first payload decide for itself, too', () =>
    firstPayload(['lan0', 'local'], site.lab.gateway));

  test('carries 20 MB unchanged, both families', async () => {
    for (const family of FAMILIES) assert.equal(await site.bulk(family), true, family);
  });

  test('keeps an operator’s forward policy: one port open, the other closed, raced and remembered', async () => {
    const rules = `chain forward { type filter hook forward priority 0; policy drop;
      ct state established,related accept
      iifname "lan0" tcp dport ${PORT} accept; }`;
    await withRules(rules, async () => {
      for (const trust of ['0s', '10m']) {
        await site.gateway({ ...RACE, memory: { trust, refresh: 0 } });
        for (const family of FAMILIES) {
          assert.equal(await site.outcome(family, PORT), 'ok');
          assert.equal(await site.outcome(family, OTHER_PORT), 'TIMEOUT');
        }
      }
    });
  });

  test('lets the main table’s own routes come before marks', async () => {
    const { gateway } = site.lab;
    await gateway.must(['ip', 'route', 'add', '198.51.100.1/32', 'via', '203.0.3.1', 'dev', 'wan3']);
    await gateway.must([
      'ip',
      '-6',
      'route',
      'add',
      '2001:db8:100::1/128',
      'via',
      'fd03:3::1',
      'dev',
      'wan3',
    ]);
    for (const family of FAMILIES) assert.deepEqual(await site.connect(family), ['c', 'c', 'c']);
    await gateway.must(['ip', 'route', 'del', '198.51.100.1/32']);
    await gateway.must(['ip', '-6', 'route', 'del', '2001:db8:100::1/128']);
  });

  test('puts back its rules after ip rule flush', async () => {
    const { gateway } = site.lab;
    const rules = async () =>
      (await gateway.must(['ip', '-4', 'rule'])) + (await gateway.must(['ip', '-6', 'rule']));
    const wanted = await rules();
    const flush = ['-4', '-6'].map(
      (flag) => `ip ${flag} rule flush; ip ${flag} rule add lookup main priority 32766`,
    );
    await gateway.must(['sh', '-ec', `${flush.join('; ')}; ip -4 rule add lookup default priority 32767`]);
    await site.until(async () => (await rules()) === wanted, 'every rule');
    for (const family of FAMILIES)
      for (const provider of await site.connect(family))
        assert.ok(['a', 'b', 'c'].includes(provider), provider);
  });

  test('beside an operator’s flowtable both families carry 20 MB unchanged, offloaded', async () => {
    const rules = `flowtable ft { hook ingress priority 0; devices = { lan0, wan1, wan2, wan3 }; }
      chain forward { type filter hook forward priority 0; policy drop;
        ct state established flow add @ft
        ct state established,related accept
        iifname "lan0" accept; }`;
    await withRules(rules, async () => {
      await site.hold();
      assert.equal(await site.countFast(), 2);
      for (const family of FAMILIES) assert.equal(await site.bulk(family), true, family);
      await site.release();
    });
  });

  test('is reloaded to take turns, killed, and followed by another: its connections notice nothing', async () => {
    await site.gateway(TURNS);
    const takeTurns = async (): Promise<void> => {
      for (const family of FAMILIES) await site.comeBy(family, ['a', 'a', 'b', 'b', 'c', 'c'], [2, 2, 2]);
    };
    await takeTurns();
    await site.hold();
    // The kernel goes on with its plan, and with its flowtable.
    await site.kill();
    await takeTurns();
    await site.speak();
    assert.equal(await site.countFast(), 2);
    await site.startDaemon();
    await site.speak();
    assert.equal(await site.countFast(), 2);
    await site.release();
  });

  describe('with a fast path', () => fastPath(() => site));

  test('killed while it races, it leaves new connections to the rest route', async () => {
    await site.gateway({ ...RACE, memory: { trust: '0s' } });
    await site.kill();
    for (const family of FAMILIES) assert.deepEqual(await site.connect(family), ['a', 'a', 'a']);
  });

  test('cleanup leaves nothing of one that was killed, on a machine that has loaded its modules meanwhile', async () => {
    await site.lab.gateway.must([PATHRACE, 'cleanup'], { timeoutMs: 90_000 });
    await site.expectNothingLeft();
  });

  after(() => site?.stop());
});

/** A page of a server whose nearest way has a program in its place that accepts, says nothing, and has agreed on another window scale. */
async function firstPayload(lan: string | readonly string[], by: Host): Promise<void> {
  const web = { name: 'web', match: { tcp: 'any' }, select: 'race', win: 'first-payload', affinity: 'none' };
  await site.gateway({ lan, services: [web], memory: { trust: '0s' } } as never);
  const server = site.lab.server().child('children/opening');
  const client = by.child('children/opening');
  const silent = site.lab.server().spawn(['python3', '-c', SILENT]);
  try {
    await server.ask('listen', { port: 80 });
    await silent.waitForLine(/listens/, 60_000);
    await site.lab.server().must(['nft', '-f', '-'], { input: DIVERT });
    for (const family of FAMILIES) {
      const plan = { address: NEAR[family], port: 80, down: 2_000_000, up: 2_000_000 };
      const say = () => client.ask<{ ok: boolean; error?: string; down: number }>('say', plan);
      let result = await say();
      let [decision] = await site.why(NEAR[family]);
      // As in `comeBy`: a machine that stands still lets the kernel go on without the daemon.
      for (let again = 0; again < 3 && decision?.criterion === 'rest'; again++) {
        result = await say();
        [decision] = await site.why(NEAR[family]);
      }
      const why = JSON.stringify(decision);
      const because = `${JSON.stringify(result)} ${why} ${site.daemon?.stderr().slice(-3000)}`;
      assert.equal(result.error, undefined, because);
      assert.equal(result.down, 2_000_000, because);
    }
    const { races } = await site.status();
    assert.equal(races.failed, 0);
  } finally {
    await site.lab.server().run(['nft', 'delete', 'table', 'inet', 'divert']);
    await silent.stop();
    await client.stop();
    await server.stop();
  }
  await site.gateway({ ...RACE, memory: { trust: '10m', refresh: 0 } });
}

function isLoaded(module: string): boolean {
  return spawnSync('lsmod', { encoding: 'utf8' }).stdout.includes(module);
}
