/**
 * Sessions counted from the announcements of a real connection table, in a namespace of its own, over its loopback. Runs the
 * compiled program: `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runIn } from './support/namespace.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const NAMESPACE = `prw-sessions-${process.pid}`;

const inside = (command: readonly string[], input = ''): string => runIn(NAMESPACE, command, input);

interface Outcome {
  /** What was told: `+` begin, `-` end, with mark and protocol; `lost`. */
  events: string[];
  count: number;
  messages: number;
  result: unknown;
}

/** Listens in the namespace while a piece of code acts. */
function listen(body: string): Outcome {
  const script = `
    const load = (path) => import('${DIST}' + path);
    const { SessionEvents } = await load('kernel/session-events.js');
    const { marksOf } = await load('kernel/marks.js');
    const MARKS = marksOf(0xff0000ff);
    const { NetlinkSocket, NETLINK_NETFILTER } = await load('kernel/netlink-socket.js');
    const ct = await load('wire/netlink/ctnetlink.js');
    const { parseAddress } = await load('model/address.js');
    const net = await import('node:net');
    const dgram = await import('node:dgram');
    const { execFileSync } = await import('node:child_process');
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const events = [];
    const note = (sign) => (mark, protocol) => events.push(sign + mark.toString(16) + '/' + protocol);
    const sessions = new SessionEvents(MARKS, {
      begin: note('+'),
      end: note('-'),
      lost: () => events.push('lost'),
      broken: (error) => {
        throw error;
      },
    });
    /** As if everything that a recount has found began now. */
    const anew = (found) => {
      events.length = 0;
      for (const [mark, count] of found) for (let i = 0; i < count; i++) note('+')(mark, 6);
    };
    const table = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 1 << 20 });
    /** An entry, by hand; with a state, changes that of the one that is there. */
    const entry = (port, mark, state = null) => {
      const client = parseAddress('10.0.0.1');
      const flow = { protocol: 6, family: 4, client, clientAt: 0, clientPort: port, destination: parseAddress('198.51.100.7'), destinationAt: 0,
        destinationPort: 443, translated: false, source: client, sourceAt: 0, sourcePort: port, mark, additions: null };
      const w = table.writer;
      const at = w.length;
      ct.encodeNew(w, flow, 60, 16);
      if (state === null) return flow;
      w.view.setUint16(at + 6, 1, true);
      for (let o = at; o < w.length; o++) {
        if (w.view.getUint32(o, true) !== 0x00010005 || w.view.getUint32(o + 4, true) !== 1) continue;
        w.bytes[o + 4] = state;
        break;
      }
      return flow;
    };
    const server = (host, port) => new Promise((resolve) => {
      const it = net.createServer((socket) => socket.on('error', () => {}).on('data', () => socket.end('bye'))).listen(port, host, () => resolve(it));
    });
    const talk = (host, port) => new Promise((resolve) => {
      const socket = net.connect(port, host, () => socket.write('hello'));
      socket.on('error', () => {}).resume().on('close', resolve);
    });
    const result = await (async () => { ${body} })();
    await sleep(100);
    const { count } = sessions;
    sessions.close();
    process.stdout.write('\\n' + JSON.stringify({ events, count, messages: sessions.messagesRead, result: result ?? null }), () => process.exit(0));
  `;
  const out = inside([process.execPath, '--input-type=module', '-e', script]);
  return JSON.parse(out.slice(out.lastIndexOf('\n') + 1)) as Outcome;
}

const ROUTE_1 = '1000000';
/** Of 50 000 entries 0.3 pairs have the same 32-bit id, on average. */
const SAME_IDS = 4;

/** Port 1000: route 1; 1001: no route but another mark; others: none. */
const RULES = `
table inet marks {
  chain marking {
    type filter hook output priority -150;
    ct state new tcp dport 1000 ct mark set 0x01000000
    ct state new udp dport 1000 ct mark set 0x21000000
    ct state new tcp dport 1001 ct mark set 0x80000001
  }
}
`;

beforeAll(() => {
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
  inside(['ip', 'link', 'set', 'lo', 'up']);
  inside(['nft', '-f', '-'], RULES);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

beforeEach(() => {
  spawnSync('ip', ['netns', 'exec', NAMESPACE, 'conntrack', '-F']);
});

describe('sessions', () => {
  it.each(['127.0.0.1', '::1'])('of TCP begin and end once each (%s)', (host) => {
    const { events, count, messages } = listen(`
      const it = await server('${host}', 1000);
      for (let i = 0; i < 20; i++) await talk('${host}', 1000);
      it.close();
    `);
    expect(events).toEqual(Array.from({ length: 20 }, () => [`+${ROUTE_1}/6`, `-${ROUTE_1}/6`]).flat());
    expect(count).toBe(0);
    // The filter in the kernel lets only NEW and the one UPDATE through; the entries still wait in TIME_WAIT.
    expect(messages).toBe(40);
  });

  it('that are refused end as well', () => {
    const { events } = listen(`for (let i = 0; i < 3; i++) await talk('127.0.0.1', 1000);`);
    expect(events).toEqual(Array.from({ length: 3 }, () => [`+${ROUTE_1}/6`, `-${ROUTE_1}/6`]).flat());
  });

  it('that are reset end once', () => {
    const { events, count } = listen(`
      const it = await server('127.0.0.1', 1000);
      await new Promise((resolve) => {
        const socket = net.connect(1000, '127.0.0.1', () => socket.resetAndDestroy());
        socket.on('close', resolve);
      });
      await sleep(50);
      it.close();
    `);
    expect(events).toEqual([`+${ROUTE_1}/6`, `-${ROUTE_1}/6`]);
    expect(count).toBe(0);
  });

  it('end once and with the mark that they began with: TIME_WAIT, CLOSE, gone', () => {
    const { events, messages } = listen(`
      entry(5000, 0x01000000); table.request();
      entry(5000, 0x02000000, 7); table.request();
      entry(5000, 0x02000000, 8); table.request();
      const flow = entry(5000, 0x01000000); table.writer.length = 0;
      ct.encodeDeleteByOriginal(table.writer, flow, 18); table.request();
    `);
    expect(events).toEqual([`+${ROUTE_1}/6`, `-${ROUTE_1}/6`]);
    expect(messages).toBe(4);
  });

  it('of a tuple that is used again are others', () => {
    const { events } = listen(`
      for (let i = 0; i < 2; i++) {
        const flow = entry(5000, 0x01000000); table.request();
        entry(5000, 0x01000000, 7); table.request();
        ct.encodeDeleteByOriginal(table.writer, flow, 18); table.request();
      }
    `);
    expect(events).toEqual([`+${ROUTE_1}/6`, `-${ROUTE_1}/6`, `+${ROUTE_1}/6`, `-${ROUTE_1}/6`]);
  });

  it('of UDP end with their entry', () => {
    const { events } = listen(`
      const socket = dgram.createSocket('udp4');
      await new Promise((resolve) => socket.send('x', 1000, '127.0.0.1', resolve));
      await sleep(50);
      execFileSync('conntrack', ['-D', '-p', 'udp', '--dport', '1000'], { stdio: 'ignore' });
      socket.close();
    `);
    expect(events).toEqual(['+21000000/17', '-21000000/17']);
  });

  it('of nobody’s route do not reach us', () => {
    const { messages } = listen(`
      const others = [await server('127.0.0.1', 1001), await server('127.0.0.1', 1002)];
      for (let i = 0; i < 5; i++) { await talk('127.0.0.1', 1001); await talk('127.0.0.1', 1002); }
      for (const it of others) it.close();
    `);
    expect(messages).toBe(0);
  });

  it('are counted anew from the table, also those from before', () => {
    // From before any listener: no events of these, ever.
    listen(`
      sessions.close();
      for (let i = 0; i < 100; i++) entry(2000 + i, 0x02000000);
      for (let i = 0; i < 10; i++) entry(3000 + i, 0x02000000, 7);
      table.request();
      for (let i = 0; i < 10; i++) entry(3000 + i, 0);
      table.request();
    `);
    const { events, count, result } = listen(`
      for (let i = 0; i < 50; i++) entry(4000 + i, 0x03000000);
      table.request();
      await sleep(100);
      const told = events.length;
      const good = await sessions.recount(anew);
      for (let i = 0; i < 20; i++) entry(4000 + i, 0x03000000, 7);
      table.request();
      return { told, good };
    `);
    expect(result).toEqual({ told: 50, good: true });
    expect(events.filter((event) => event === '+2000000/6')).toHaveLength(100);
    expect(events.filter((event) => event === '+3000000/6')).toHaveLength(50);
    expect(events.filter((event) => event === '-3000000/6')).toHaveLength(20);
    expect(count).toBe(130);
  });

  it('are right after a recount while thousands come and go', () => {
    const { events, count, result } = listen(`
      for (let i = 0; i < 20000; i++) {
        entry(1024 + i, 0x02000000);
        if (i % 100 === 99) table.request();
      }
      await sleep(200);
      let n = 0;
      const timer = setInterval(() => {
        for (let i = 0; i < 50; i++, n++) {
          const flow = entry(1024 + n, 0x02000000);
          table.writer.length = 0;
          ct.encodeDeleteByOriginal(table.writer, flow, 18);
          table.request();
          entry(30000 + n, 0x02000000);
          table.request();
        }
      }, 1);
      for (let i = 0; i < 5; i++) await sessions.recount(anew);
      clearInterval(timer);
      await sleep(200);
      return execFileSync('conntrack', ['-C']).toString().trim();
    `);
    const begun = events.filter((event) => event.startsWith('+')).length;
    const ended = events.filter((event) => event.startsWith('-')).length;
    expect(begun - ended).toBe(count);
    expect(Math.abs(count - Number(result))).toBeLessThanOrEqual(SAME_IDS);
  });

  it('that the kernel had no room to tell of are told to be lost, and counted again', () => {
    const { events, count, result } = listen(`
      for (let i = 0; i < 50000; i++) {
        entry(1024 + i, 0x02000000);
        if (i % 100 === 99) table.request();
      }
      await sleep(300);
      const lost = events.includes('lost');
      const good = await sessions.recount(anew);
      return { lost, good };
    `);
    expect(result).toEqual({ lost: true, good: true });
    expect(events).toHaveLength(count);
    expect(Math.abs(count - 50_000)).toBeLessThanOrEqual(SAME_IDS);
  });

  it('that were counted when they were chosen count once, however many recounts run', () => {
    const { result } = listen(`
      const { SessionCounter } = await load('kernel/session-counter.js');
      let now = 0;
      const engine = {
        countsSessions: true,
        count: ({ begins, counted }) => { if (!(begins && counted)) now += begins ? 1 : -1; },
        recount: (found) => { now = found.reduce((sum, { count }) => sum + count, 0); },
      };
      const counter = new SessionCounter(engine, MARKS, { caught(what, error) { throw error; } }, 1);
      counter.follow();
      const wrong = [];
      let living = 0;
      for (let i = 0; i < 3000; i++) {
        // Chosen and counted, and then in the table, as a verdict does both at once; every third one ends.
        now++;
        living++;
        entry(5000 + i, 0x81000000); table.request();
        if (i % 3 === 0) {
          living--;
          entry(5000 + i, 0x81000000, 7); table.request();
        }
        await new Promise((resolve) => setImmediate(resolve));
        if (i % 500 === 499) {
          await sleep(50);
          if (now !== living) wrong.push([i, now, living]);
        }
      }
      counter.close();
      return wrong;
    `);
    expect(result).toEqual([]);
  });
});
