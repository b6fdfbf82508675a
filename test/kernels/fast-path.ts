/** Established flows pass by the rules where the kernel has a flowtable, and are ours all the same: counted, cut, kept. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { callControl, commandControl } from '../../src/api/client.js';
import type { Decision, RouteCommandReport } from '../../src/api/contract.js';
import { routePath, whyPath } from '../../src/api/paths.js';
import { ANSWER_MS, FAMILIES, NEAR, PORT, type Site } from './site.js';

const FAST = {
  services: [{ name: 'all', match: { tcp: 'any' }, select: 'race' }],
  // Raced, so that the daemon knows each of them.
  memory: { trust: '0s' },
  kernel: { fastPath: 'auto' },
};
const OFF = { ...FAST, kernel: { fastPath: 'off' } };
/** RFC 5382 REQ-5; conntrack's own is five days, and a day on kernels that have had the flow in a flowtable. */
const LEAST_SECONDS = 7440;
/** Below this many packets of 20 MB pass the rules: those before a flow is in the flowtable, and its end. */
const FEW = 100;

/** The tests, on a site whose gateway runs without it; they leave it on. */
export function fastPath(siteOf: () => Site): void {
  let site: Site;

  /** Linux 6.12 keeps what has ended in a flowtable as established for five minutes: those count as well. */
  const connectionsOfB = async (): Promise<number> => {
    const { routes } = await site.status();
    return routes.find(({ name }) => name === 'b')?.connections ?? 0;
  };
  const flowtables = () => site.lab.gateway.must(['nft', 'list', 'flowtables']);

  before(async () => {
    site = siteOf();
    await site.gateway(FAST);
    await site.until(async () => (await site.status()).fastPath.state === 'on', 'the fast path');
  });

  test('is on, and says so', async () => {
    assert.deepEqual((await site.status()).fastPath, { wanted: 'auto', state: 'on', why: null });
    const listed = await flowtables();
    for (const name of ['lan0', 'wan1', 'wan2', 'wan3']) assert.ok(listed.includes(name), listed);
  });

  test('carries 20 MB of both families unchanged, past the rules', async () => {
    const rules =
      'counter seen { }\nchain watch { type filter hook forward priority 300; counter name seen; }';
    await site.lab.gateway.must(['nft', '-f', '-'], { input: `table inet operator {\n${rules}\n}\n` });
    for (const family of FAMILIES) assert.equal(await site.bulk(family), true, family);
    const listed = await site.lab.gateway.must(['nft', 'list', 'counters', 'table', 'inet', 'operator']);
    const packets = Number(/packets (\d+)/.exec(listed)?.[1]);
    assert.ok(packets > 0 && packets < FEW, `${packets} packets have passed the rules`);
    await site.lab.gateway.must(['nft', 'delete', 'table', 'inet', 'operator']);
  });

  test('why names the flows that are in it, and status counts them', async () => {
    const before = await connectionsOfB();
    await site.hold();
    assert.equal(await site.countFast(), 2);
    for (const family of FAMILIES) {
      const decisions = (await callControl(
        site.lab.controlSocket,
        whyPath(NEAR[family], PORT),
        ANSWER_MS,
      )) as Decision[];
      // Linux 6.12 shows what has ended in a flowtable as open for a while.
      const held = decisions.filter(({ client }) =>
        site.heldPorts.some((port) => client?.endsWith(`:${port}`)),
      );
      assert.deepEqual(
        held.map((one) => one.fastPath),
        [true],
        JSON.stringify(decisions),
      );
    }
    assert.equal(await connectionsOfB(), before + 2);
  });

  test('a flow that is silent leaves it with the kernel’s own time-outs, and comes back', async () => {
    const setting = '/proc/sys/net/netfilter/nf_flowtable_tcp_timeout';
    await site.lab.gateway.must(['sh', '-c', `echo 1 >${setting}`]);
    await site.speak();
    await site.until(async () => (await site.countFast()) === 0, 'the end of the silent flows');
    for (const line of await site.entries())
      assert.ok(Number(/tcp +6 (\d+)/.exec(line)?.[1]) > LEAST_SECONDS, line);
    await site.lab.gateway.must(['sh', '-c', `echo 30 >${setting}`]);
    await site.speak();
    assert.equal(await site.countFast(), 2);
  });

  test('a reload switches it off and on, and flows notice nothing', async () => {
    await site.gateway(OFF);
    await site.until(
      async () => !(await flowtables()).includes('flowtable fast'),
      'the end of the flowtable',
    );
    assert.equal((await site.status()).fastPath.state, 'off');
    await site.speak();
    assert.equal(await site.countFast(), 0);
    await site.gateway(FAST);
    await site.until(async () => (await flowtables()).includes('wan3'), 'the flowtable');
    await site.speak();
    assert.equal(await site.countFast(), 2);
  });

  test('a ruleset that was flushed comes back with it', async () => {
    await site.lab.gateway.must(['nft', 'flush', 'ruleset']);
    await site.until(async () => (await flowtables()).includes('wan3'), 'the flowtable');
    await site.speak();
    assert.equal(await site.countFast(), 2);
  });

  test('an interface that goes and comes back costs the flows of others nothing', async () => {
    const { gateway } = site.lab;
    await gateway.must(['ip', 'link', 'delete', 'wan3']);
    await site.speak();
    await site.until(async () => !(await flowtables()).includes('wan3'), 'a flowtable without it');
    await site.speak();
    assert.equal(await site.countFast(), 2);
    const there = site.lab.server().namespace;
    await gateway.must(['ip', 'link', 'add', 'wan3', 'type', 'veth', 'peer', 'name', 'p3', 'netns', there]);
    await site.lab.server().must(['sh', '-ec', ends('p3', 1)]);
    await site.lab.server().must('tc qdisc add dev p3 root netem delay 120ms'.split(' '));
    await gateway.must(['sh', '-ec', ends('wan3', 2)]);
    await site.until(async () => (await flowtables()).includes('wan3'), 'a flowtable with it');
    await site.speak();
    assert.equal(await site.countFast(), 2);
  });

  test('kill cuts what is in it at once: clients hear of it, nothing more leaves', async () => {
    const before = await connectionsOfB();
    const report = (await commandControl(
      site.lab.controlSocket,
      routePath('b', 'kill'),
      ANSWER_MS,
    )) as RouteCommandReport;
    assert.equal(report.cut + (report.left ?? 0), before);
    await site.until(async () => (await site.entries()).length === 0, 'the end of its flows');
    const { ok, errors } = await site.check();
    assert.deepEqual([ok, errors], [0, { ECONNRESET: 2 }]);
    await site.release();
  });

  test('a route that loses its link: its flows are cut, new ones go fast by another', async () => {
    await site.hold();
    assert.equal(await site.countFast(), 2);
    await site.lab.gateway.must(['ip', 'link', 'set', 'wan2', 'down']);
    await site.until(async () => (await site.entries()).length === 0, 'the end of its flows');
    assert.equal((await site.check()).ok, 0);
    await site.release();
    await site.hold();
    // From the next packet on when the flowtable has been made anew without the interface.
    await site.until(async () => {
      await site.speak();
      return (await site.countFast()) === 2;
    }, 'the new flows in the flowtable');
    await site.release();
  });
}

/** Both addresses of an end of provider 3's link, and up. */
function ends(name: string, host: number): string {
  return `ip addr add 203.0.3.${host}/24 dev ${name}; ip addr add fd03:3::${host}/64 dev ${name} nodad; ip link set ${name} up`;
}
