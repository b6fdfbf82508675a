/** What the kernel says of its links, read as the gateway reads it. Runs the compiled program: `npm run build` first. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Link } from '../../src/kernel/links.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const NAMESPACE = `pr-links-${process.pid}`;

function inside(command: readonly string[]): string {
  const args = ['netns', 'exec', NAMESPACE, ...command];
  const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr || stdout}`);
  return stdout;
}

interface Read {
  readonly links: Readonly<Record<string, Link>>;
  readonly gateways: Readonly<Record<string, { ipv4?: string | null; ipv6?: string | null }>>;
}

function read(): Read {
  const script = `
    const { readLinks } = await import('${DIST}kernel/links.js');
    const { links, gateways } = await readLinks();
    console.log(JSON.stringify({ links: Object.fromEntries(links), gateways: Object.fromEntries(gateways) }));
  `;
  return JSON.parse(inside([process.execPath, '--input-type=module', '-e', script])) as Read;
}

beforeAll(() => {
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
  inside([
    'bash',
    '-euc',
    `
    ip link set lo up
    for n in wan1 wan2 wan3; do ip link add $n type veth peer name p$n; ip link set $n up; done
    ip link set pwan1 up; ip link set pwan2 up
    ip link set wan2 mtu 1400
    ip tuntap add dial0 mode tun; ip link set dial0 up
    ip addr add 203.0.1.2/24 dev wan1; ip addr add 203.0.1.3/24 dev wan1
    ip -6 addr add fd03:1::2/64 dev wan1 nodad
    ip -6 addr add fd03:1::3/64 dev wan1 nodad preferred_lft 0
    ip addr add 203.0.2.2/24 dev wan2
    ip addr add 10.64.64.1 peer 10.64.64.2 dev dial0
    ip route add default via 203.0.1.1 dev wan1 metric 50
    ip route add default via 203.0.1.254 dev wan1 metric 100
    ip route add default dev dial0 metric 200
    ip -6 route add default via fe80::1 dev wan1
  `,
  ]);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

describe('readLinks', () => {
  it('knows state, MTU and addresses that may be sources', () => {
    const { links } = read();
    expect(links.wan1).toMatchObject({ up: true, carrier: true, mtu: 1500, pointToPoint: false });
    expect(links.wan1.ipv4.map(({ address }) => address)).toEqual(['203.0.1.2', '203.0.1.3']);
    // No link-local ones; the kernel names the newest first.
    expect([...links.wan1.ipv6].sort((a, b) => a.address.localeCompare(b.address))).toEqual([
      { address: 'fd03:1::2', prefixLength: 64 },
      { address: 'fd03:1::3', prefixLength: 64, deprecated: true },
    ]);
    expect(links.wan2).toMatchObject({ mtu: 1400 });
    expect(links.wan3).toMatchObject({ up: true, carrier: false });
    expect(links.dial0).toMatchObject({ pointToPoint: true, ipv4: [{ address: '10.64.64.1' }] });
  });

  it('knows the best next hop of each interface', () => {
    expect(read().gateways).toMatchObject({
      wan1: { ipv4: '203.0.1.1', ipv6: 'fe80::1' },
      dial0: { ipv4: null },
    });
  });

  it('takes the best route of an interface also where that needs no next hop', () => {
    inside(['bash', '-euc', 'ip route add default via 10.64.64.2 dev dial0 metric 300']);
    expect(read().gateways).toMatchObject({ dial0: { ipv4: null } });
    inside(['bash', '-euc', 'ip route del default via 10.64.64.2 dev dial0 metric 300']);
  });

  it('knows the next hops of a default route over several interfaces', () => {
    inside([
      'bash',
      '-euc',
      `ip route flush default; ip route flush 0.0.0.0/0
       ip route add default metric 10 nexthop via 203.0.1.1 dev wan1 nexthop via 203.0.2.1 dev wan2`,
    ]);
    expect(read().gateways).toMatchObject({ wan1: { ipv4: '203.0.1.1' }, wan2: { ipv4: '203.0.2.1' } });
  });
});

/** What a watch says that was made before `command` and has begun after it; then what it tells of `later`. */
function watched(command: string, later: string): { isDue: boolean; told: string[] } {
  const script = `
    const { execSync } = await import('node:child_process');
    const { watchLinks } = await import('${DIST}kernel/links.js');
    const told = [];
    const tell = (what) => () => told.push(what);
    const watch = watchLinks({
      changed: tell('changed'), lost: ({ reason }) => told.push(reason), taken: tell('taken'), settings: tell('settings'),
      interest: () => ({ interfaces: ['wan1'], prefixesOf: [], tables: { from: 20500, to: 20520 } }),
    });
    execSync(${JSON.stringify(command)});
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (told.length > 0) throw new Error('told before it has begun: ' + told);
    const isDue = watch.begin();
    execSync(${JSON.stringify(later)});
    for (let i = 0; i < 200 && !told.includes('changed'); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    watch.close();
    console.log(JSON.stringify({ isDue, told }));
  `;
  return JSON.parse(inside([process.execPath, '--input-type=module', '-e', script])) as {
    isDue: boolean;
    told: string[];
  };
}

describe('watchLinks', () => {
  const ADD = 'ip addr add 203.0.1.9/24 dev wan1';
  const REMOVE = 'ip addr del 203.0.1.9/24 dev wan1';

  it('has missed nothing since it was made, and tells nothing before it begins', () => {
    expect(watched(ADD, 'true').isDue).toBe(true);
    expect(watched('true', REMOVE)).toEqual({ isDue: false, told: ['no-address', 'changed'] });
  });

  it('has nothing to say of others, nor of what the gateway itself has done', () => {
    const ours =
      'ip rule add priority 20400 lookup 20500 protocol 82; ip route add table 20500 default dev wan1 proto 82';
    expect(watched(`ip addr add 192.0.2.9/24 dev wan3; ${ours}`, ADD)).toEqual({
      isDue: false,
      told: ['changed'],
    });
    inside(['sh', '-c', `ip rule del priority 20400; ip route flush table 20500; ${REMOVE}`]);
  });

  it('after so many messages that some may be lost, all is read again', () => {
    const many =
      'i=0; while [ $i -lt 60 ]; do ip addr add 192.0.2.200/32 dev wan3; ip addr del 192.0.2.200/32 dev wan3; i=$((i+1)); done';
    expect(watched(many, 'true').isDue).toBe(true);
  });
});
