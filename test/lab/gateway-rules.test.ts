/** Our ip rules and routes among other people's: what they remove comes back, and what the main table knows better comes first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Annex, demilitarized } from '../../lab/annex.js';
import type { ConnectResult, EchoServer } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const FORWARDED = 8080;
const TABLE = 'forwards';

let made: GatewayLab;
let echo: EchoServer;
/** Behind an interface of the gateway that is no LAN, as a container's bridge is. */
let dmz: Annex;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 10 } },
        { name: 'c', link: { delayMs: 15 } },
      ],
    },
    { config: { rest: { route: 'b' } } },
  );
  const { gateway } = made.lab;
  echo = await made.lab.server().echo({ ports: [PORT] });
  dmz = await demilitarized(made.lab);
  await dmz.child('children/echo').ask('listen', { ports: [FORWARDED] });
  await gateway.must(['nft', '-f', '-'], {
    input: `
      table inet ${TABLE} {
        chain before {
          type nat hook prerouting priority dstnat;
          iifname "wan2" meta nfproto ipv4 tcp dport ${FORWARDED} dnat ip to 10.9.0.53
          iifname "wan2" meta nfproto ipv6 tcp dport ${FORWARDED} dnat ip6 to fd09::53
        }
      }`,
  });
});

afterAll(async () => {
  await made?.lab.gateway.run(['nft', 'delete', 'table', 'inet', TABLE]);
  await made?.lab.gateway.run(['ip', 'link', 'delete', 'dmz0']);
  await dmz?.stop();
  await made?.stop();
});

async function rules(): Promise<string> {
  const { gateway } = made.lab;
  return (await gateway.must(['ip', '-4', 'rule'])) + (await gateway.must(['ip', '-6', 'rule']));
}

async function ourRoutes(): Promise<string> {
  const { gateway } = made.lab;
  const show = ['route', 'show', 'table', 'all', 'proto', '82'];
  const lines = [await gateway.must(['ip', '-4', ...show]), await gateway.must(['ip', '-6', ...show])];
  return lines.join('').split('\n').sort().join('\n');
}

/** What `ip rule flush` takes along of the kernel's own. */
const KERNELS_OWN = `
  ip -4 rule add lookup main priority 32766; ip -4 rule add lookup default priority 32767
  ip -6 rule add lookup main priority 32766`;

function logged(event: string): string[] {
  return made.daemon
    .stderr()
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`));
}

/** Connections of both families, raced, and what left by the providers with a source that is not the provider's. */
async function connectAndListForeign(): Promise<string[]> {
  await made.lab.wire.reset();
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
  connectMs(await made.lab.client().connect({ targets, count: 20, concurrency: 5, bytes: 1000 }));
  const out = (await made.lab.wire.trace({ direction: 'out' })).filter(({ protocol }) => protocol === 'tcp');
  const own = (provider: string): string[] => {
    const number = 'abc'.indexOf(provider) + 1;
    return [`203.0.${number}.2`, `fd03:${number}::2`];
  };
  return out
    .filter(({ provider, source }) => !own(provider).includes(source))
    .map(({ provider, source, kind }) => `${kind} from ${source} by ${provider}`);
}

test.each([
  ['ip rule flush', `ip -4 rule flush; ip -6 rule flush; ${KERNELS_OWN}`],
  [
    'what systemd-networkd does with rules that are not its own',
    'for f in -4 -6; do ip $f rule | sed -n "s/:.*//p" | grep -E "^205" | while read p; do ip $f rule del priority $p; done; done',
  ],
  [
    'ip route flush table',
    'for t in 20501 20502 20503; do ip -4 route flush table $t; ip -6 route flush table $t; done',
  ],
])('%s: within a second everything is back, and the log says so', async (_, script) => {
  const { gateway } = made.lab;
  const before = [await rules(), await ourRoutes()];
  const told = logged('rules-lost').length;
  await gateway.must(['sh', '-c', script]);
  const began = performance.now();
  const after = await eventually(
    async () => [await rules(), await ourRoutes()],
    (now) => JSON.stringify(now) === JSON.stringify(before),
    1000,
  );
  expect(after).toEqual(before);
  expect(performance.now() - began).toBeLessThan(1500);
  expect(logged('rules-lost').length).toBeGreaterThan(told);
  expect(await connectAndListForeign()).toEqual([]);
});

test('a change of our own is not taken for somebody else’s', async () => {
  const told = logged('rules-lost').length;
  await made.command('disable', 'c');
  await made.command('enable', 'c');
  await sleep(300);
  expect(logged('rules-lost').length).toBe(told);
});

test('replies to a port forward towards a machine that is not in `lan` leave by the provider of the request', async () => {
  const { lab } = made;
  for (const address of ['203.0.2.2', 'fd03:2::2']) {
    await lab.wire.reset();
    const connector = lab.server().child('children/connector');
    const targets = [{ address, port: FORWARDED }];
    const plan = { targets, count: 20, concurrency: 10, bytes: 50_000, timeoutMs: 4000 };
    connectMs(await connector.ask<ConnectResult[]>('run', plan));
    await connector.stop();
    const trace = (await lab.wire.trace()).filter(({ protocol }) => protocol === 'tcp');
    expect(new Set(trace.map(({ provider }) => provider))).toEqual(new Set(['b']));
    const sources = trace.filter(({ direction }) => direction === 'out').map(({ source }) => source);
    expect(new Set(sources)).toEqual(new Set([address]));
  }
});

test('the way back to a client is found by whoever names the LAN’s interface, whatever the mark, as a flowtable does', async () => {
  const { gateway, client } = made.lab;
  const { ipv4, ipv6 } = client();
  const way = async (words: string): Promise<string> =>
    (await gateway.must(['ip', ...words.split(' ')])).match(/ dev (\S+)/)?.[1] ?? 'none';
  // Marks of flows, as packets have them (marks.ts: HELD).
  for (const mark of ['0x61000000', '0x62000001', '0x21000000']) {
    expect(await way(`-4 route get ${ipv4} oif lan0 mark ${mark}`)).toBe('lan0');
    expect(await way(`-6 route get ${ipv6} oif lan0 mark ${mark}`)).toBe('lan0');
  }
  expect(await way(`-4 route get ${NEAR} mark 0x62000000`)).toBe('wan2');
  expect(await way(`-6 route get ${NEAR6} mark 0x62000000`)).toBe('wan2');
  expect(await way(`-4 route get ${NEAR}`)).toBe('wan1');
});

test('a rule of the operator’s that looks for it by the packet’s mark, there before we are, as firewalld has it, drops nothing', async () => {
  const { gateway } = made.lab;
  await gateway.must(['nft', '-f', '-'], {
    input: `table inet checks { chain before { type filter hook prerouting priority filter + 10;
      icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
      meta nfproto ipv6 fib saddr . mark . iif oif missing drop; }; }`,
  });
  try {
    await made.restart({ rest: { route: 'b' } });
    const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
    const results = await made.lab.client().connect({ targets, count: 4, bytes: 10_000, timeoutMs: 5000 });
    expect(connectMs(results)).toHaveLength(4);
  } finally {
    await gateway.must(['nft', 'delete', 'table', 'inet', 'checks']);
  }
});

test('another LAN has such a rule from the reload on', async () => {
  const named = async (): Promise<string[]> =>
    [...(await rules()).matchAll(/20500:.*oif (\S+) lookup main/g)].map(([, name]) => name ?? '').sort();
  expect(await named()).toEqual(['lan0', 'lan0']);
  made.rewriteConfig({ rest: { route: 'b' }, lan: ['lan0', 'dmz0'] });
  await made.command('reload');
  expect(await named()).toEqual(['dmz0', 'dmz0', 'lan0', 'lan0']);
  made.rewriteConfig({ rest: { route: 'b' } });
  await made.command('reload');
  expect(await named()).toEqual(['lan0', 'lan0']);
});

test('who removes them again and again does not make the gateway spin, and is an alarm', async () => {
  const { gateway } = made.lab;
  const before = await rules();
  const told = logged('rules-lost').length;
  const pid = String((await made.status()).uptimeSeconds >= 0 ? made.daemon.pid : 0);
  const cpu = async (): Promise<number> => {
    const [, rest = ''] = (await gateway.must(['cat', `/proc/${pid}/stat`])).split(') ');
    const words = rest.split(' ');
    // utime, stime, and the same of children that it has waited for.
    return [11, 12, 13, 14].reduce((sum, at) => sum + Number(words[at]), 0) * 10;
  };
  const cpuBefore = await cpu();
  const remover = gateway.spawn([
    'sh',
    '-c',
    'while :; do for p in 20501 20502 20503; do ip rule del priority $p 2>/dev/null; done; sleep 0.05; done',
  ]);
  await sleep(5000);
  const { alarms } = await made.status();
  const cpuMs = (await cpu()) - cpuBefore;
  remover.signal('SIGKILL');
  expect(alarms.filter((alarm) => alarm.includes('removes our ip rules'))).toHaveLength(1);
  expect(logged('rules-lost').length - told).toBeLessThanOrEqual(8);
  expect(cpuMs).toBeLessThan(2500);
  expect(await eventually(rules, (now) => now === before, 7000)).toBe(before);
  expect(await connectAndListForeign()).toEqual([]);
  expect((await echo.count()).accepted).toBeGreaterThan(0);
}, 30_000);
