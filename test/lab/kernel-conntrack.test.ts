/**
 * Entries of won flows in a real connection table, in a namespace of its own: what is written, refused and replaced, whoever asks
 * meanwhile. `conntrack` says what is there. Runs the compiled program: `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runIn } from './support/namespace.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const NAMESPACE = `prw-conntrack-${process.pid}`;

/** Of enum tcp_conntrack. */
const SYN_SENT = 1;
const ESTABLISHED = 3;
const TIME_WAIT = 7;
const CLOSE = 8;
/** As many as the front end holds back at most. */
const LARGEST = 128;

const inside = (command: readonly string[], input = ''): string => runIn(NAMESPACE, command, input);

interface Outcome<T> {
  replaced: number;
  taken: number;
  result: T;
}

/** Runs a piece of the compiled program in the namespace. Flows differ in the client's port and in that of the route's address. */
function write<T = readonly number[]>(family: 4 | 6, body: string): Outcome<T> {
  const [client, server, route] =
    family === 4 ? ['10.0.0.1', '198.51.100.7', '203.0.113.2'] : ['fd00::1', '2001:db8::7', '2001:db8:1::2'];
  const script = `
    const load = (path) => import('${DIST}' + path);
    const { ConntrackTable } = await load('kernel/conntrack-table.js');
    const { ConntrackWriter } = await load('kernel/conntrack-writer.js');
    const { NetlinkSocket, NETLINK_NETFILTER } = await load('kernel/netlink-socket.js');
    const { encodeNew } = await load('wire/netlink/ctnetlink.js');
    const { createPacket } = await load('wire/packet.js');
    const { parseAddress } = await load('model/address.js');
    const [client, server, route] = ${JSON.stringify([client, server, route])}.map(parseAddress);
    /** The same object for all, as the front end has it. */
    const shared = { protocol: 6, family: ${family}, client, clientAt: 0, clientPort: 0, destination: server, destinationAt: 0, destinationPort: 443,
      translated: true, source: route, sourceAt: 0, sourcePort: 0, mark: 0, additions: null };
    const flow = (clientPort, sourcePort = clientPort, mark = 0x01000000) => Object.assign(shared, { clientPort, sourcePort, mark });
    const hand = new NetlinkSocket(NETLINK_NETFILTER);
    /** A flow of somebody else's that is in the table already, in a state. */
    const there = (flow, state, mark = 0x02000000) => {
      const w = hand.writer;
      encodeNew(w, { ...flow, mark }, 60, hand.nextSequence());
      // struct nlattr of one byte, CTA_PROTOINFO_TCP_STATE, as encodeNew has it.
      for (let at = 0; at < w.length; at += 4)
        if (w.view.getUint32(at, true) === 0x00010005 && w.view.getUint32(at + 4, true) === 1) { w.bytes[at + 4] = state; break; }
      const error = hand.request();
      if (error !== 0) throw new Error('by hand: ' + error);
    };
    const packet = (from, fromPort, to, toPort) =>
      Object.assign(createPacket(), { protocol: 6, family: ${family}, source: from, sourcePort: fromPort, destination: to, destinationPort: toPort });
    const ends = { local: new Int32Array(4), localPort: 0 };
    const { marksOf } = await load('kernel/marks.js');
    const table = new ConntrackTable(marksOf(0xff0000ff));
    const writer = new ConntrackWriter(table);
    const result = await (async () => { ${body} })();
    process.stdout.write('\\n' + JSON.stringify({ replaced: writer.replaced, taken: writer.taken, result: result ?? null }));
    writer.close();
    table.close();
  `;
  const out = inside([process.execPath, '--input-type=module', '-e', script]);
  return JSON.parse(out.slice(out.lastIndexOf('\n') + 1)) as Outcome<T>;
}

interface Found {
  clientPort: number;
  /** Where the replies arrive. */
  sourcePort: number;
  mark: string;
  state: string;
}

/** What the kernel has, in the order of the clients' ports. */
function entries(family: 4 | 6): Found[] {
  return inside(['conntrack', '-L', '-f', `ipv${family}`, '-p', 'tcp'])
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({
      clientPort: Number(/sport=(\d+)/.exec(line)?.[1]),
      sourcePort: Number(/dport=(\d+).*dport=(\d+)/.exec(line)?.[2]),
      mark: Number(/mark=(\d+)/.exec(line)?.[1]).toString(16),
      state: line.split(/\s+/)[3],
    }))
    .sort((a, b) => a.clientPort - b.clientPort);
}

const won = (clientPort: number, sourcePort = clientPort): Found => ({
  clientPort,
  sourcePort,
  mark: '1000000',
  state: 'SYN_SENT',
});
const old = (clientPort: number, sourcePort = clientPort, state = 'ESTABLISHED'): Found => ({
  clientPort,
  sourcePort,
  mark: '2000000',
  state,
});

beforeAll(() => {
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

beforeEach(() => {
  spawnSync('ip', ['netns', 'exec', NAMESPACE, 'conntrack', '-F']);
});

describe.each([4, 6] as const)('won flows, IPv%i,', (family) => {
  it.each([
    ['whether a tuple is taken', 'table.isTaken(flow(7000))', false],
    ['for the flow of an answer', 'table.markOfAnswer(packet(server, 443, route, 6000))', 0x02000000],
    ['what a flow leaves with', 'table.endsOf(packet(client, 7000, server, 443), ends)', false],
    ['to make way', 'table.makeWay(flow(7000))', true],
    ['for all flows', 'table.eachLiving(true, () => {})', null],
  ])('are refused at their index though somebody asks meanwhile %s', (_, question, answer) => {
    const { result, taken } = write<[number[], unknown]>(
      family,
      `there(flow(5001, 6000), ${ESTABLISHED});
       writer.add(flow(5000));
       writer.add(flow(5002, 6000));
       const answer = ${question};
       writer.add(flow(5003));
       return [writer.flush(), answer ?? null];`,
    );
    expect(result).toEqual([[1], answer]);
    expect(taken).toBe(1);
    expect(entries(family)).toEqual([won(5000), old(5001, 6000), won(5003)]);
  });

  it('may stay where an entry with these very ends is there, whatever has become of it; with others it gives way, or not', () => {
    const { result } = write<[number[], boolean, number]>(
      family,
      `there(flow(5000, 6000), ${ESTABLISHED});
       there(flow(5001, 6001), ${SYN_SENT});
       there(flow(5002, 6002), ${SYN_SENT});
       there(flow(5003, 6003), ${ESTABLISHED});
       const found = table.endsOf(packet(client, 5000, server, 443), ends);
       writer.add(flow(5000, 6000), true);
       writer.add(flow(5001, 6001), true);
       writer.add(flow(5002, 7002));
       writer.add(flow(5003, 7003), true);
       writer.add(flow(5004, 6004), true);
       return [writer.flush(), found, ends.localPort];`,
    );
    expect(result).toEqual([[3], true, 6000]);
    expect(entries(family)).toEqual([
      old(5000, 6000),
      old(5001, 6001, 'SYN_SENT'),
      won(5002, 7002),
      old(5003, 6003),
      won(5004, 6004),
    ]);
  });

  it.each([
    ['the tuple of the replies', 'flow(5001, 6000)', 'flow(4000, 6000)', old(4000, 6000)],
    ['the tuple of the client', 'flow(5001, 6000)', 'flow(5001, 4000)', old(5001, 4000)],
  ])('are refused alone where a living flow holds %s', (_, mine, theirs, left) => {
    const { result, taken, replaced } = write(
      family,
      `there(${theirs}, ${ESTABLISHED});
       writer.add(flow(5000));
       writer.add(${mine});
       writer.add(flow(5002));
       return writer.flush();`,
    );
    expect(result).toEqual([1]);
    expect([taken, replaced]).toEqual([1, 0]);
    const all = [won(5000), left, won(5002)];
    expect(entries(family)).toEqual(all.sort((a, b) => a.clientPort - b.clientPort));
  });

  it.each([
    ['the replies', ['flow(4000, 6000)'], TIME_WAIT],
    ['the client', ['flow(5001, 4000)'], CLOSE],
    ['either', ['flow(4000, 6000)', 'flow(5001, 4000)'], TIME_WAIT],
    ['both', ['flow(5001, 6000)'], TIME_WAIT],
  ])('take the place of what is over and holds the tuple of %s', (_, theirs, state) => {
    const { result, taken, replaced } = write(
      family,
      `for (const make of [${theirs.map((text) => `() => ${text}`)}]) there(make(), ${state});
       writer.add(flow(5000));
       writer.add(flow(5001, 6000));
       writer.add(flow(5002));
       return writer.flush();`,
    );
    expect(result).toEqual([]);
    expect([taken, replaced]).toEqual([0, 1]);
    expect(entries(family)).toEqual([won(5000), won(5001, 6000), won(5002)]);
  });

  it('have indexes of their own in every batch', () => {
    const { result, taken, replaced } = write<number[][]>(
      family,
      `there(flow(4000, 6000), ${ESTABLISHED});
       const batches = [];
       for (const ports of [[5000, 6000], [6000], [], [5001], [6000, 5002, 6000]]) {
         for (const [i, port] of ports.entries()) writer.add(flow(5100 + 10 * batches.length + i, port));
         batches.push(writer.flush());
       }
       return batches;`,
    );
    expect(result).toEqual([[1], [0], [], [], [0, 2]]);
    expect([taken, replaced]).toEqual([4, 0]);
  });

  it('are sorted out in the largest batch: new, in place of finished ones, refused', () => {
    const { result, taken, replaced } = write<{ refused: number[]; all: number[] }>(
      family,
      `for (let i = 0; i < ${LARGEST}; i++) {
         if (i % 3 === 1) there(flow(20000 + i, 10000 + i), ${TIME_WAIT});
         if (i % 3 === 2) there(flow(20000 + i, 10000 + i), ${ESTABLISHED});
       }
       for (let i = 0; i < ${LARGEST}; i++) writer.add(flow(10000 + i));
       const refused = writer.flush();
       // Once more, now that what they would replace is alive.
       for (let i = 0; i < ${LARGEST}; i++) writer.add(flow(30000 + i, 40000));
       there(flow(4000, 40000), ${ESTABLISHED});
       return { refused, all: writer.flush() };`,
    );
    const indexes = Array.from({ length: LARGEST }, (_, i) => i);
    expect(result.refused).toEqual(indexes.filter((i) => i % 3 === 2));
    expect(result.all).toEqual(indexes);
    expect([taken, replaced]).toEqual([result.refused.length + LARGEST, 43]);
    expect(entries(family)).toEqual([
      old(4000, 40000),
      ...indexes.filter((i) => i % 3 !== 2).map((i) => won(10000 + i)),
      ...indexes.filter((i) => i % 3 === 2).map((i) => old(20000 + i, 10000 + i)),
    ]);
  });
});
