/**
 * Flows that are cut in the background and counted from events, in a namespace of its own. Runs the compiled program: `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runIn } from './support/namespace.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const NAMESPACE = `prl-flows-${process.pid}`;

const inside = (command: readonly string[], input = ''): string => runIn(NAMESPACE, command, input);

const SET = 'inet_service . ipv4_addr . inet_service; flags timeout; timeout 2m; size 262144;';
const TABLE = `
table inet pathrace {
  set reset4 { type ipv4_addr . ${SET} }
  set reset6 { type ipv6_addr . ${SET.replaceAll('ipv4', 'ipv6')} }
  chain untracked { type filter hook output priority -300; meta mark & 0x6000007f == 0x4000007f notrack; }
}
`;

/** Runs a piece of the compiled program in the namespace. Entries are made by hand: `entry(port, mark, protocol)`. */
function run<T>(body: string): T {
  const script = `
    const load = (path) => import('${DIST}' + path);
    const { FlowCutter } = await load('kernel/flow-cutter.js');
    const { FlowCounts } = await load('kernel/flow-counts.js');
    const { FlowList } = await load('kernel/flow-list.js');
    const { eachEntryInSlices } = await load('kernel/entry-slices.js');
    const { marksOf, routeMark } = await load('kernel/marks.js');
    const { NetlinkSocket, NETLINK_NETFILTER } = await load('kernel/netlink-socket.js');
    const ct = await load('wire/netlink/ctnetlink.js');
    const { parseAddress } = await load('model/address.js');
    const { monitorEventLoopDelay } = await import('node:perf_hooks');
    const marks = marksOf(0xff0000ff);
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 1 << 20 });
    socket.setReceiveBuffer(1 << 20);
    /** Flows of a client by a route, of one port each towards 200 servers. */
    const flow = (n, route) => ({ protocol: 6, family: 4, client: parseAddress('10.0.0.2'), clientAt: 0, clientPort: 20000 + Math.floor(n / 200),
      destination: Int32Array.from([0, 0, 0xffff, 0xc6120000 + n % 200]), destinationAt: 0, destinationPort: 443, translated: true,
      source: parseAddress('203.0.1.2'), sourceAt: 0, sourcePort: 20000 + Math.floor(n / 200), mark: routeMark(marks, route) | marks.chosen,
      additions: null });
    const fill = (from, count, route) => {
      for (let n = from; n < from + count; n++) {
        ct.encodeNew(socket.writer, flow(n, route), 600, 16);
        if (n % 100 === 99 || n === from + count - 1) {
          const error = socket.request();
          if (error !== 0) throw new Error('by hand: ' + error);
        }
      }
    };
    const remove = (n) => { ct.encodeDeleteByOriginal(socket.writer, flow(n, 1), 16); socket.request(); };
    const failures = [];
    const cutter = () => new FlowCutter({ families: [4, 6], own: marks.own, fastPath: { without: (work) => work() },
      failed: (error) => failures.push(String(error)), worked() {} });
    const counts = (most) => new FlowCounts(marks, [4, 6], { caught: (what, error) => failures.push(what + error) }, most);
    const ofRoute = (route) => (entry) => (entry.mark & marks.routeMask) >>> 0 === routeMark(marks, route);
    const count = async (route) => { let n = 0; await eachEntryInSlices([4], (entry) => { if (ofRoute(route)(entry)) n++; }); return n; };
    const result = await (async () => { ${body} })();
    process.stdout.write('\\n' + JSON.stringify({ result, failures }), () => process.exit(0));
  `;
  const out = inside([process.execPath, '--input-type=module', '-e', script]);
  const { result, failures } = JSON.parse(out.slice(out.lastIndexOf('\n') + 1)) as {
    result: T;
    failures: string[];
  };
  expect(failures).toEqual([]);
  return result;
}

beforeAll(() => {
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
  inside(['ip', 'link', 'set', 'lo', 'up']);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

beforeEach(() => {
  inside(['conntrack', '-F']);
  inside(['nft', '-f', '-'], `table inet pathrace {}\ndelete table inet pathrace\n${TABLE}`);
});

describe('flows that are cut', () => {
  it('are those of their route, all of them, with a word about each; the event loop is free meanwhile', () => {
    const { counted, done, seen, left, rest, others, worst } = run<
      Record<string, number> & { seen: number[] }
    >(`
      fill(0, 30000, 1);
      fill(30000, 500, 2);
      const delay = monitorEventLoopDelay({ resolution: 1 });
      const all = cutter();
      const cut = all.start(ofRoute(1));
      delay.enable();
      const counted = await cut.counted;
      const seen = [];
      const timer = setInterval(() => seen.push(all.left), 20);
      const done = await cut.done;
      clearInterval(timer);
      delay.disable();
      return { counted, done, seen, left: all.left, rest: await count(1), others: await count(2), worst: delay.percentile(99) / 1e6 };
    `);
    expect({ counted, done, left, rest, others }).toEqual({
      counted: 30_000,
      done: 30_000,
      left: 0,
      rest: 0,
      others: 500,
    });
    expect(seen.length).toBeGreaterThan(5);
    expect(seen).toEqual([...seen].sort((a, b) => b - a));
    // Of a shared machine; alone it is 5.
    expect(worst).toBeLessThan(150);
    const elements = inside(['nft', 'list', 'set', 'inet', 'pathrace', 'reset4']);
    expect(elements.match(/expires/g)).toHaveLength(30_000);
    expect(elements).toContain('10.0.0.2 . 20000 . 198.18.0.0 . 443');
  });

  it('are not those that have taken their place', () => {
    expect(
      run(`
        fill(0, 2, 1);
        const list = new FlowList();
        await eachEntryInSlices([4], (entry) => list.add(entry));
        remove(0);
        // The kernel takes the memory of the last one for the next: it would have the same id.
        fill(5000, 1, 2);
        fill(0, 1, 1);
        const all = cutter();
        return [await all.remove(list), await count(1)];
      `),
    ).toEqual([2, 1]);
  });

  it('of several routes at one time do not wait for each other', () => {
    const { small, large } = run<{ small: number; large: number }>(`
      fill(0, 20000, 1);
      fill(20000, 50, 2);
      const all = cutter();
      const startedAt = performance.now();
      const took = async (cut) => { await cut.done; return performance.now() - startedAt; };
      const [large, small] = await Promise.all([took(all.start(ofRoute(1))), took(all.start(ofRoute(2)))]);
      return { small, large };
    `);
    expect(small).toBeLessThan(large / 2);
  });

  it('are cut to the last one when the gateway ends meanwhile', () => {
    const [left, rest, ms] = run<[number, number, number]>(`
      fill(0, 40000, 1);
      const all = cutter();
      await all.start(ofRoute(1)).counted;
      await sleep(50);
      const startedAt = performance.now();
      const left = await all.close();
      return [left, await count(1), performance.now() - startedAt];
    `);
    expect([left, rest]).toEqual([0, 0]);
    expect(ms).toBeLessThan(3500);
  });

  it('go also where nobody can be told: the set is full, or there is no table', () => {
    inside(['nft', '-f', '-'], `delete table inet pathrace\n${TABLE.replaceAll('262144', '100')}`);
    expect(run(`fill(0, 3000, 1); await cutter().start(ofRoute(1)).done; return count(1);`)).toBe(0);
    inside(['nft', 'delete', 'table', 'inet', 'pathrace']);
    expect(run(`fill(0, 3000, 1); await cutter().start(ofRoute(1)).done; return count(1);`)).toBe(0);
  });
});

describe('the counts of routes', () => {
  it('are right at once, with what was there before and what comes and goes', () => {
    const result = run<unknown>(`
      fill(0, 1000, 1);
      const all = counts();
      await all.refresh();
      const before = [...all.perRoute()];
      fill(1000, 300, 2);
      // What began before anybody listened may end without an event.
      for (let n = 1000; n < 1010; n++) remove(n);
      await all.refresh();
      const after = [...all.perRoute()].sort();
      const busiest = all.busiestPair();
      fill(2000, 400, 1);
      await all.refresh();
      const more = all.busiestPair();
      all.close();
      return { before, after, busiest, begun: all.begun, more };
    `);
    // 1300 flows to 200 servers: seven each at most; 400 more are two each.
    expect(result).toMatchObject({
      before: [[1, 1000]],
      after: [
        [1, 1000],
        [2, 290],
      ],
      busiest: 7,
      begun: 700,
      more: 9,
    });
  });

  it('come from the table where too many begin, and from events again when that is over', () => {
    const result = run<Record<string, unknown>>(`
      const all = counts(100);
      await all.refresh();
      fill(0, 2000, 1);
      await all.refresh();
      await sleep(50);
      const muted = !all.listens;
      fill(2000, 500, 1);
      await sleep(2600);
      await all.refresh();
      const found = [...all.perRoute()];
      await sleep(11000);
      const listens = all.listens;
      await sleep(1500);
      fill(3000, 50, 1);
      await all.refresh();
      const then = [...all.perRoute()];
      all.close();
      return { muted, found, listens, again: then };
    `);
    expect(result).toEqual({ muted: true, found: [[1, 2500]], listens: true, again: [[1, 2550]] });
  });
});
