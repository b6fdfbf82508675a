/**
 * Elements written by the daemon, read back by nft from a real kernel in a namespace of its own. Runs the compiled
 * program: `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runIn } from './support/namespace.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const NAMESPACE = `prw-elements-${process.pid}`;

const inside = (command: readonly string[], input = ''): string => runIn(NAMESPACE, command, input);

const TABLE = `
table inet pathrace {
  map memory4 { type ipv4_addr : mark; flags timeout; }
  map memory6 { type ipv6_addr : mark; flags timeout; }
  map pairs4 { type ipv4_addr . ipv4_addr : mark; flags dynamic,timeout; }
  map pairs6 { type ipv6_addr . ipv6_addr : mark; flags dynamic,timeout; }
  map clients4 { type ipv4_addr . mark : mark; flags dynamic,timeout; }
  map clients6 { type ipv6_addr . mark : mark; flags dynamic,timeout; }
  set open4 { type mark; }
  set seen4 { type ipv4_addr; flags timeout; }
  map small4 { type ipv4_addr : mark; size 10; flags timeout; }
}
`;

/** Runs a piece of the compiled program in the namespace; `events` of the writer and what the piece returns come back. */
function write<T = null>(
  body: string,
  options = '{}',
): { events: unknown[][]; stats: Record<string, number>; result: T } {
  const script = `
    const load = (path) => import('${DIST}' + path);
    const { ElementWriter } = await load('kernel/element-writer.js');
    const { createKey, keyOf, addAddress, addMark } = await load('wire/netlink/nft-elements.js');
    const { parseAddress } = await load('model/address.js');
    const { execFileSync } = await import('node:child_process');
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const events = [];
    const writer = new ElementWriter({
      onRefused: (set, key, error) => events.push(['refused', set, key.join('.'), error]),
      onMissing: (set) => events.push(['missing', set]),
      ...${options},
    });
    const k = createKey();
    const ip = (text) => keyOf(k, text.includes(':') ? 6 : 4, parseAddress(text));
    const number = (i) => { k.length = 4; k.view.setUint32(0, i); return k; };
    const result = await (async () => { ${body} })();
    await writer.close();
    process.stdout.write('\\n' + JSON.stringify({ events, stats: writer.stats, result: result ?? null }));
  `;
  const out = inside([process.execPath, '--input-type=module', '-e', script]);
  return JSON.parse(out.slice(out.lastIndexOf('\n') + 1));
}

type Json = Record<string, never>;

/** Elements of a set as nft sees them: key, value, whole seconds until it expires. */
function elements(
  set: string,
  kind = 'map',
): { key: string; value: number | null; expires: number | null }[] {
  const { nftables } = JSON.parse(inside(['nft', '-j', 'list', kind, 'inet', 'pathrace', set])) as {
    nftables: Record<string, { elem?: unknown[] }>[];
  };
  const found = nftables.find((item) => item[kind] !== undefined)?.[kind].elem ?? [];
  return found.map((item) => {
    const [left, value] = (kind === 'map' ? item : [item, null]) as [Json, number | null];
    const { val, expires } = (left.elem ?? { val: left, expires: null }) as unknown as {
      val: string | number | { concat: unknown[] };
      expires: number | null;
    };
    return { key: typeof val === 'object' ? val.concat.join(' . ') : String(val), value, expires };
  });
}

const keys = (set: string, kind?: string): string[] =>
  elements(set, kind)
    .map(({ key }) => key)
    .sort();

beforeAll(() => {
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

beforeEach(() => {
  inside(['nft', '-f', '-'], `add table inet pathrace\ndelete table inet pathrace\n${TABLE}`);
});

describe.each([
  ['as this kernel can', '{}'],
  ['as kernels before 6.3', '{ destroy: false }'],
])('elements, %s', (_, options) => {
  it('of every type of key are what nft reads', () => {
    const { events } = write(
      `writer.put('memory4', ip('198.51.100.7'), 0x01000000, 600000);
       writer.put('memory6', ip('2001:db8::7'), 0x02000000, 600000);
       writer.put('pairs4', addAddress(ip('10.0.0.1'), 4, parseAddress('198.51.100.7')), 0x03000000, 600000);
       writer.put('pairs6', addAddress(ip('fd00::1'), 6, parseAddress('2001:db8::7')), 0x03000000, 600000);
       writer.put('clients4', addMark(ip('10.0.0.1'), 0x20), 0x04000000, 600000);
       writer.put('clients6', addMark(ip('fd00::1'), 0x21), 0x9f000000, 600000);
       k.length = 0;
       writer.put('open4', addMark(k, 0x05000000), null, 0);
       writer.put('seen4', ip('10.0.0.9'), null, 600000);`,
      options,
    );
    expect(events).toEqual([]);
    expect(elements('memory4')).toEqual([{ key: '198.51.100.7', value: 0x01000000, expires: 599 }]);
    expect(elements('memory6')).toEqual([{ key: '2001:db8::7', value: 0x02000000, expires: 599 }]);
    expect(elements('pairs4')).toEqual([{ key: '10.0.0.1 . 198.51.100.7', value: 0x03000000, expires: 599 }]);
    expect(elements('pairs6')).toEqual([{ key: 'fd00::1 . 2001:db8::7', value: 0x03000000, expires: 599 }]);
    expect(elements('clients4')).toEqual([{ key: '10.0.0.1 . 32', value: 0x04000000, expires: 599 }]);
    expect(elements('clients6')).toEqual([{ key: 'fd00::1 . 33', value: 0x9f000000, expires: 599 }]);
    expect(elements('open4', 'set')).toEqual([{ key: String(0x05000000), value: null, expires: null }]);
    expect(elements('seen4', 'set')).toEqual([{ key: '10.0.0.9', value: null, expires: 599 }]);
  });

  it('get another value and another time-out, whether they are there or not', () => {
    inside(['nft', 'add element inet pathrace memory4 { 1.0.0.1 timeout 5s : 1, 1.0.0.2 timeout 5s : 2 }']);
    write(
      `for (const last of [1, 2, 3]) writer.put('memory4', ip('1.0.0.' + last), 2, 100000);
       await writer.idle();
       writer.put('memory4', ip('1.0.0.3'), 3, 200000);`,
      options,
    );
    const found = elements('memory4').sort((a, b) => a.key.localeCompare(b.key));
    expect(found).toEqual([
      { key: '1.0.0.1', value: 2, expires: 99 },
      { key: '1.0.0.2', value: 2, expires: 99 },
      { key: '1.0.0.3', value: 3, expires: 199 },
    ]);
  });

  it('live as long as they are renewed, then expire', () => {
    const { result } = write<number[]>(
      `const count = () => (execFileSync('nft', ['list', 'map', 'inet', 'pathrace', 'memory4']).toString().match(/expires/g) ?? []).length;
       const counts = [];
       for (let i = 0; i < 8; i++) {
         writer.put('memory4', ip('1.0.0.1'), 7, 1000);
         await writer.idle();
         await sleep(300);
       }
       counts.push(count());
       await sleep(1300);
       counts.push(count());
       writer.put('memory4', ip('1.0.0.1'), 8, 1000);
       await writer.idle();
       counts.push(count());
       return counts;`,
      options,
    );
    expect(result).toEqual([1, 0, 1]);
  });

  it('are removed, missing or not', () => {
    inside(['nft', 'add element inet pathrace memory4 { 1.0.0.1 timeout 5s : 1, 1.0.0.2 timeout 5s : 2 }']);
    const { events } = write(
      `writer.remove('memory4', ip('1.0.0.1'));
       writer.remove('memory4', ip('1.0.0.77'));
       writer.put('memory4', ip('1.0.0.3'), 3, 5000);`,
      options,
    );
    expect(events).toEqual([]);
    expect(keys('memory4')).toEqual(['1.0.0.2', '1.0.0.3']);
  });

  it('are flushed before what is put later', () => {
    inside(['nft', 'add element inet pathrace memory4 { 1.0.0.1 timeout 5s : 1, 1.0.0.2 timeout 5s : 2 }']);
    write(
      `writer.put('memory4', ip('1.0.0.3'), 3, 5000);
       writer.put('memory6', ip('2001:db8::1'), 3, 5000);
       writer.flush('memory4');
       writer.put('memory4', ip('1.0.0.2'), 4, 5000);`,
      options,
    );
    expect(elements('memory4')).toEqual([{ key: '1.0.0.2', value: 4, expires: 4 }]);
    expect(keys('memory6')).toHaveLength(1);
  });

  it('fill a set to its last place; each refused one is named, and replacing still works', () => {
    const { events } = write(
      `for (let i = 0; i < 6; i++) writer.put('small4', number(i), 1, 100000);
       await writer.idle();
       for (let i = 3; i < 20; i++) writer.put('small4', number(i), 2, 100000);
       writer.put('memory4', number(1), 2, 100000);
       await writer.idle();
       writer.remove('small4', number(0));
       writer.put('small4', number(30), 3, 100000);`,
      options,
    );
    const refused = Array.from({ length: 10 }, (_, i) => ['refused', 'small4', `0.0.0.${i + 10}`, 23]);
    expect(events).toEqual(refused);
    expect(keys('small4')).toEqual([1, 2, 3, 30, 4, 5, 6, 7, 8, 9].map((i) => `0.0.0.${i}`).sort());
    expect(elements('small4').find(({ key }) => key === '0.0.0.4')?.value).toBe(2);
    expect(keys('memory4')).toHaveLength(1);
  });

  it('of a set or table that is gone are reported, others written', () => {
    inside(['nft', 'delete map inet pathrace memory6']);
    const { events } = write(
      `writer.put('memory6', ip('2001:db8::1'), 3, 5000);
       writer.put('memory6', ip('2001:db8::2'), 3, 5000);
       writer.put('memory4', ip('1.0.0.1'), 3, 5000);
       await writer.idle();
       const before = execFileSync('nft', ['list', 'map', 'inet', 'pathrace', 'memory4']).toString();
       events.push(before.includes('1.0.0.1'));
       execFileSync('nft', ['delete', 'table', 'inet', 'pathrace']);
       writer.put('memory4', ip('1.0.0.2'), 3, 5000);
       await writer.idle();
       writer.flush('seen4');`,
      options,
    );
    expect(events).toEqual([['missing', 'memory6'], true, ['missing', 'memory4'], ['missing', 'seen4']]);
  });

  it('that wait for a set that is about to go are dropped, a flush among them; others are written', () => {
    const { events, stats } = write(
      `for (let i = 0; i < 300; i++) writer.put('memory4', number(i), 3, 5000);
       await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
       writer.flush('pairs4');
       writer.remove('memory4', number(900));
       writer.put('memory6', ip('2001:db8::1'), 3, 5000);
       for (let i = 300; i < 600; i++) writer.put('memory4', number(i), 3, 5000);
       writer.drop('memory4');
       writer.drop('pairs4');
       await writer.idle();
       execFileSync('nft', ['delete map inet pathrace memory4; delete map inet pathrace pairs4']);
       await sleep(50);`,
      options,
    );
    expect(events).toEqual([]);
    expect(stats.elements).toBe(251);
    expect(keys('memory6')).toHaveLength(1);
  });

  it('ten thousand, written, replaced and counted', () => {
    const { events, stats } = write(
      `for (let round = 1; round <= 2; round++) {
         for (let i = 0; i < 10000; i++) {
           while (!writer.put('memory4', number(0x0a000000 + i), round, 600000)) await sleep(1);
         }
       }
       await writer.idle();
       process.stderr.write('us per element: ' + writer.stats.micros / writer.stats.elements);`,
      options,
    );
    expect(events).toEqual([]);
    expect(stats.refused).toBe(0);
    const found = elements('memory4');
    expect(found).toHaveLength(10_000);
    expect(found.every(({ value }) => value === 2)).toBe(true);
  });
});

describe('the writer', () => {
  it('asks the kernel what it can', () => {
    const { result } = write<boolean>('return writer.destroys;');
    const before63 = /^([0-5]\.|6\.[0-2]\.)/.test(inside(['uname', '-r']));
    expect(result).toBe(!before63);
  });

  it('waits no longer than five milliseconds for company, and writes together what came together', () => {
    const { result, stats } = write<number>(
      `const from = performance.now();
       for (let i = 0; i < 100; i++) writer.put('memory4', number(i), 1, 60000);
       while (writer.stats.batches === 0) await sleep(1);
       return performance.now() - from;`,
    );
    expect(result).toBeLessThan(60);
    expect(stats).toMatchObject({ batches: 1, transactions: 1, elements: 100 });
  });

  it('refuses what it has no room for, and says so', () => {
    const { result, stats } = write<boolean[]>(
      `const taken = [];
       for (let i = 0; i < 20; i++) taken.push(writer.put('memory4', number(i), 1, 60000));
       taken.push(writer.put('memory4', number(3), 2, 60000));
       return taken;`,
      '{ capacity: 16 }',
    );
    expect(result.filter((taken) => taken)).toHaveLength(17);
    expect(stats.overflowed).toBe(4);
    expect(keys('memory4')).toHaveLength(16);
  });

  it('leaves nft time to read the ruleset while it writes all the time', () => {
    const { result } = write<boolean>(
      `let n = 0;
       const timer = setInterval(() => { for (let i = 0; i < 20; i++) writer.put('memory4', number(n++ % 5000), 1, 60000); }, 1);
       await sleep(500);
       const { execFile } = await import('node:child_process');
       const done = await new Promise((resolve) => execFile('nft', ['list', 'ruleset'], { timeout: 20000, maxBuffer: 1e8 }, (error) => resolve(error === null)));
       clearInterval(timer);
       return done;`,
    );
    expect(result).toBe(true);
  });

  // The kernel keeps what is over until it collects it, a second later; sixteen of one key are a chain too long for it.
  it.each(['{}', '{ destroy: false }'])('waits while the kernel rebuilds a set, %s', (options) => {
    const { events } = write(
      `const until = performance.now() + 4000;
       for (let round = 1; performance.now() < until; round++) {
         for (let i = 0; i < 3; i++) writer.put('memory4', number(i), round, 1);
         await writer.idle();
         await sleep(2);
       }`,
      options,
    );
    expect(events).toEqual([]);
  });

  it.each(['{}', '{ destroy: false }'])('does not mind who else changes the same elements, %s', (options) => {
    const { events } = write(
      `const { spawn } = await import('node:child_process');
       for (let round = 0; round < 40; round++) {
         const nft = spawn('nft', ['add', 'element', 'inet', 'pathrace', 'memory4', '{ 0.0.0.' + (round % 8) + ' timeout 100ms : 5 }']);
         const closed = new Promise((resolve) => nft.on('close', resolve));
         for (let i = 0; i < 50; i++) {
           writer.put('memory4', number(i % 8), round, 3);
           if (i % 10 === 0) await sleep(1);
         }
         await closed;
       }`,
      options,
    );
    expect(events).toEqual([]);
  });
});
