/**
 * Checks against real servers behind two providers that could not be more alike: the same subnet, the same gateway, the same address for
 * us. Only the second one has the servers. Runs the compiled program: `npm run build` first.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runIn } from './support/namespace.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const GATEWAY = `prw-checks-${process.pid}`;
const PROVIDER = (n: number): string => `prw-checks-${process.pid}-${n}`;
const servers: ChildProcess[] = [];

const inside = (namespace: string, script: string): string => runIn(namespace, ['bash', '-euc', script]);

/** Ports: 8080 web, 9000 TCP that only accepts, 53 names; 9 is closed. Web says who asked it. */
const SERVER = `
  import http from 'node:http'; import net from 'node:net'; import dgram from 'node:dgram';
  const status = { '/bad': 503, '/missing': 404, '/': 200 };
  http.createServer((q, r) => {
    if (q.url === '/never') return;
    r.statusCode = status[q.url] ?? 200;
    r.end(q.socket.remoteAddress + ' ' + q.headers.host);
    console.log('http ' + q.url + ' ' + q.socket.remoteAddress + ' ' + q.headers.host);
  }).listen(8080, '::');
  net.createServer((s) => s.on('error', () => {})).listen(9000, '::');
  for (const [type, host] of [['udp4', '203.0.113.1'], ['udp6', '2001:db8:99::1']]) {
    const dns = dgram.createSocket({ type });
    dns.on('message', (m, from) => {
      const reply = Buffer.from(m);
      reply[2] |= 0x80;
      reply[3] = 3;
      // Not ours, not an answer, garbage; then the answer.
      const wrong = Buffer.from(reply);
      wrong[0] ^= 1;
      for (const one of [wrong, m, Buffer.from('garbage'), Buffer.alloc(0), reply]) dns.send(one, from.port, from.address);
    }).bind(53, host);
  }
  process.stdout.write('ready\\n');
`;

beforeAll(async () => {
  for (const name of [GATEWAY, PROVIDER(1), PROVIDER(2)]) spawnSync('ip', ['netns', 'add', name]);
  inside(
    GATEWAY,
    'ip link set lo up; sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0',
  );
  for (const n of [1, 2]) {
    inside(
      PROVIDER(n),
      `ip link set lo up
       sysctl -qw net.ipv6.conf.default.accept_dad=0
       ip link add cust type veth peer name wan${n} netns ${GATEWAY}
       ip link set cust up
       ip addr add 192.168.0.1/24 dev cust
       ip addr add fd00:a::1/64 dev cust nodad`,
    );
    inside(
      GATEWAY,
      `sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan${n}.rp_filter=0
       ip link set wan${n} up
       ip addr add 192.168.0.10/24 dev wan${n}
       ip addr add fd00:a::10/64 dev wan${n} nodad
       for f in -4 -6; do
         ip $f rule add fwmark 0x0${n}000000/0x1f000000 lookup 10${n}
         ip $f route add unreachable default table 10${n} metric 4278198272
       done
       ip -4 route add default via 192.168.0.1 dev wan${n} table 10${n} onlink
       ip -6 route add default via fd00:a::1 dev wan${n} table 10${n} onlink metric 1`,
    );
  }
  inside(PROVIDER(2), 'ip addr add 203.0.113.1/32 dev lo; ip addr add 2001:db8:99::1/128 dev lo nodad');
  const server = spawn('ip', [
    'netns',
    'exec',
    PROVIDER(2),
    process.execPath,
    '--input-type=module',
    '-e',
    SERVER,
  ]);
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    let text = '';
    server.stderr.on('data', (data: Buffer) => reject(new Error(String(data))));
    server.stdout.on('data', (data: Buffer) => {
      text += data;
      if (text.includes('ready')) resolve();
    });
  });
});

afterAll(() => {
  for (const server of servers) server.kill();
  for (const name of [GATEWAY, PROVIDER(1), PROVIDER(2)]) spawnSync('ip', ['netns', 'delete', name]);
});

interface Round {
  answered: boolean;
  rttMicros: number | null;
  target: string | null;
  atMs: number;
}

/** Runs a piece of the compiled program on the gateway. */
function run<T>(body: string, ms = 20_000): T {
  const script = `
    const { startCheck } = await import('${DIST}kernel/checks/check.js');
    const { readdirSync } = await import('node:fs');
    const { execFileSync } = await import('node:child_process');
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const family = { addresses: ['192.168.0.10'], gateway: '192.168.0.1' };
    const route = (number, more = {}) => ({ mark: 0x60000000 + number * 0x1000000, interface: 'wan' + number, ipv4: family,
      ipv6: { addresses: ['fd00:a::10'], gateway: 'fd00:a::1' }, ...more });
    const check = (targets, more = {}) => ({ targets, intervalMs: 100, timeoutMs: 400, fail: 3, recover: 3, ...more });
    /** The first rounds of a check. */
    const rounds = (count, ...check) => new Promise((resolve) => {
      const found = [];
      const begun = performance.now();
      const it = startCheck(...check, (round) => {
        found.push({ ...round, atMs: performance.now() - begun });
        if (found.length < count) return;
        it.close();
        resolve(found);
      });
    });
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const result = await (async () => { ${body} })();
    process.stdout.write('\\n' + JSON.stringify(result ?? null));
  `;
  const { status, stdout, stderr, signal } = spawnSync(
    'ip',
    ['netns', 'exec', GATEWAY, process.execPath, '--input-type=module', '-e', script],
    { encoding: 'utf8', timeout: ms },
  );
  if (status !== 0) throw new Error(`${body}: ${status ?? signal} ${stderr || stdout}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1)) as T;
}

const V4 = "'203.0.113.1'";
const V6 = "'2001:db8:99::1'";
const TARGETS: readonly (readonly [string, string])[] = [V4, V6].flatMap((address): [string, string][] => {
  const endpoint = (port: number): string =>
    address === V4 ? `203.0.113.1:${port}` : `[2001:db8:99::1]:${port}`;
  return [
    [`ping ${address.slice(1, -1)}`, `{ kind: 'ping', address: ${address} }`],
    [`tcp ${endpoint(9000)}`, `{ kind: 'tcp', address: ${address}, port: 9000 }`],
    [
      `http ${endpoint(8080)} example.com/`,
      `{ kind: 'http', address: ${address}, port: 8080, host: 'example.com', path: '/' }`,
    ],
    [`dns ${address.slice(1, -1)}`, `{ kind: 'dns', address: ${address}, port: 53, name: 'Example.com' }`],
  ];
});

describe('a check', () => {
  it.each(TARGETS)('%s is answered by the route that leads there, and by no other', (name, target) => {
    const [wrong, right] = run<[Round[], Round[]]>(
      `return Promise.all([rounds(2, route(1), check([${target}])), rounds(2, route(2), check([${target}]))]);`,
    );
    expect(right.map(({ answered, target }) => ({ answered, target }))).toEqual([
      { answered: true, target: name },
      { answered: true, target: name },
    ]);
    for (const { rttMicros } of right) {
      expect(rttMicros).toBeGreaterThan(10);
      expect(rttMicros).toBeLessThan(200_000);
    }
    expect(
      wrong.every(({ answered, rttMicros, target }) => !answered && rttMicros === null && target === null),
    ).toBe(true);
  });

  it('asks as the route, in its name', () => {
    const heard: string[] = [];
    servers[0].stdout!.on('data', (data: Buffer) => heard.push(...String(data).split('\n')));
    run(
      `return rounds(1, route(2), check([{ kind: 'http', address: ${V4}, port: 8080, host: 'probe.test', path: '/x?y' }]));`,
    );
    return expect.poll(() => heard, { timeout: 2000 }).toContain('http /x?y ::ffff:192.168.0.10 probe.test');
  });

  it.each([
    ['a closed port', `{ kind: 'tcp', address: ${V4}, port: 9 }`, false],
    ['a server error', `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/bad' }`, false],
    [
      'a page that is not there',
      `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/missing' }`,
      true,
    ],
    [
      'the page that is expected',
      `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/', expect: { status: 200, text: '192.168.0.10 a' } }`,
      true,
    ],
    [
      'another page, as of a portal',
      `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/', expect: { status: 200, text: 'welcome' } }`,
      false,
    ],
    [
      'another status',
      `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/missing', expect: { status: 204, text: null } }`,
      false,
    ],
    [
      'a server that only accepts',
      `{ kind: 'http', address: ${V4}, port: 9000, host: 'a', path: '/' }`,
      false,
    ],
    [
      'a page that never comes',
      `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/never' }`,
      false,
    ],
    ['a closed port for names', `{ kind: 'dns', address: ${V4}, port: 5353, name: 'a.b' }`, false],
    ['a name that is none', `{ kind: 'dns', address: ${V4}, port: 53, name: 'a..b' }`, false],
    ['a path that is none', `{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/a b' }`, false],
  ])('of %s is answered or not', (_, target, answered) => {
    const found = run<Round[]>(`return rounds(2, route(2), check([${target}]));`);
    expect(found.map((round) => round.answered)).toEqual([answered, answered]);
  });

  it('is answered when one target of many is', () => {
    const [round] = run<Round[]>(
      `return rounds(1, route(2), check([{ kind: 'tcp', address: ${V4}, port: 9 }, { kind: 'ping', address: '203.0.113.99' },
        { kind: 'ping', address: ${V4} }]));`,
    );
    expect(round).toMatchObject({ answered: true, target: 'ping 203.0.113.1' });
  });

  it('waits for its time-out and no longer, and keeps its interval', () => {
    inside(PROVIDER(2), 'ip route replace blackhole 203.0.113.99');
    const silent = run<Round[]>(
      `return rounds(3, route(2), check([{ kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/never' }], { intervalMs: 300, timeoutMs: 150 }));`,
    );
    for (const [i, { atMs }] of silent.entries()) {
      expect(atMs).toBeGreaterThanOrEqual(300 * i + 145);
      expect(atMs).toBeLessThan(300 * i + 250);
    }
    const quick = run<Round[]>(
      `return rounds(5, route(2), check([{ kind: 'ping', address: ${V4} }], { intervalMs: 100 }));`,
    );
    expect(quick[4].atMs).toBeGreaterThanOrEqual(390);
    expect(quick[4].atMs).toBeLessThan(600);
  });

  it('fails at once where the route carries no such family, or its address is gone', () => {
    const found = run<Round[][]>(
      `const ping = (address) => check([{ kind: 'ping', address }], { intervalMs: 10 });
       return Promise.all([
         rounds(2, route(2, { ipv4: null }), ping(${V4})),
         rounds(2, route(2, { ipv4: { addresses: [], gateway: null } }), ping(${V4})),
         rounds(2, route(2, { ipv4: { addresses: ['192.168.0.77'], gateway: null } }), ping(${V4})),
         rounds(2, route(2, { interface: 'none' }), ping(${V4})),
         rounds(2, route(2), ping('not an address')),
         rounds(2, route(2), check([], { intervalMs: 10, timeoutMs: 50 })),
       ]);`,
    );
    for (const check of found) {
      expect(check.map(({ answered }) => answered)).toEqual([false, false]);
      expect(check[1].atMs).toBeLessThan(300);
    }
  });

  it('outlives its interface', () => {
    const found = run<{ before: boolean; during: boolean; after: boolean }>(
      `let last = null;
       const it = startCheck(route(2), check([{ kind: 'ping', address: ${V4} }], { intervalMs: 20, timeoutMs: 100 }), (round) => { last = round.answered; });
       await sleep(300);
       const before = last;
       execFileSync('ip', ['link', 'set', 'wan2', 'down']);
       await sleep(300);
       const during = last;
       execFileSync('bash', ['-euc', 'ip link set wan2 up; ip addr add fd00:a::10/64 dev wan2 nodad 2>/dev/null || true; ip -4 route replace default via 192.168.0.1 dev wan2 table 102 onlink; ip -6 route replace default via fd00:a::1 dev wan2 table 102 onlink metric 1']);
       await sleep(1500);
       it.close();
       return { before, during, after: last };`,
    );
    expect(found).toEqual({ before: true, during: false, after: true });
  });

  it('leaves nothing open, whatever came of 200 rounds', () => {
    const { before, after, count } = run<{ before: number; after: number; count: number }>(
      `const all = [${TARGETS.map(([, target]) => target).join(', ')},
         { kind: 'tcp', address: ${V4}, port: 9 }, { kind: 'dns', address: ${V4}, port: 5353, name: 'a.b' },
         { kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/bad' }, { kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/a b' },
         { kind: 'http', address: ${V4}, port: 8080, host: 'a', path: '/never' }];
       await Promise.all(all.map((one) => rounds(2, route(2), check([one], { intervalMs: 1, timeoutMs: 20 }))));
       await sleep(200);
       const before = descriptors();
       let count = 0;
       await Promise.all([
         ...all.map((one) => rounds(200, route(2), check([one], { intervalMs: 1, timeoutMs: 10 })).then((r) => { count += r.length; })),
         ...[1, 2].map((number) => rounds(200, route(number), check(all, { intervalMs: 1, timeoutMs: 10 })).then((r) => { count += r.length; })),
       ]);
       await sleep(300);
       return { before, after: descriptors(), count };`,
      100_000,
    );
    expect(count).toBe(200 * (TARGETS.length + 7));
    expect(after).toBeLessThanOrEqual(before);
  });

  it('is silent once closed, and lets the program end', () => {
    const found = run<{ told: number; open: number }>(
      `const before = descriptors();
       let told = 0;
       const all = [${TARGETS.map(([, target]) => target).join(', ')}];
       for (let i = 0; i < 40; i++) {
         const it = startCheck(route(1 + (i % 2)), check(all, { timeoutMs: 5000 }), () => told++);
         if (i % 4 === 1) await new Promise((resolve) => setImmediate(resolve));
         if (i % 4 === 2) await sleep(1);
         it.close();
         it.close();
       }
       const soon = told;
       await sleep(200);
       return { told: told - soon, open: descriptors() - before };`,
    );
    expect(found.told).toBe(0);
    // koffi's and Node's own, opened at first use.
    expect(found.open).toBeLessThanOrEqual(3);
  });
});
