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
