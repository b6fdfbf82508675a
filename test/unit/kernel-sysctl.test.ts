import { describe, expect, it } from 'vitest';
import { desiredSettings } from '../../src/kernel/sysctl.js';
import { config, TWO_ROUTES } from '../golden/states.js';

const settings = desiredSettings(config(TWO_ROUTES));
const NOTHING: ReadonlyMap<string, string> = new Map();

function want(path: string, current: string, before = NOTHING): string | null {
  const found = settings.filter((setting) => setting.path === path);
  expect(found).toHaveLength(1);
  return found[0].want(current, before);
}

/** Applies all settings to a kernel with these values, as `applySettings` does. */
function applied(values: Record<string, string>): Record<string, string> {
  const kernel = new Map(Object.entries(values));
  const before = new Map<string, string>();
  for (const { path, want: wanted } of settings) {
    const current = kernel.get(path);
    if (current === undefined) continue;
    const value = wanted(current, before);
    if (value === null || value === current) continue;
    if (!before.has(path)) before.set(path, current);
    kernel.set(path, value);
  }
  return Object.fromEntries(kernel);
}

describe('kernel settings', () => {
  it('forward packets of both families', () => {
    expect(want('net/ipv4/ip_forward', '0')).toBe('1');
    expect(want('net/ipv6/conf/all/forwarding', '0')).toBe('1');
  });

  it('keep router advertisements where they are wanted, before forwarding turns them off', () => {
    expect(want('net/ipv6/conf/wan1/accept_ra', '1')).toBe('2');
    expect(want('net/ipv6/conf/wan1/accept_ra', '0')).toBeNull();
    expect(want('net/ipv6/conf/wan1/accept_ra', '2')).toBeNull();
    const paths = settings.map((setting) => setting.path);
    expect(paths.indexOf('net/ipv6/conf/wan2/accept_ra')).toBeLessThan(
      paths.indexOf('net/ipv6/conf/all/forwarding'),
    );
  });

  it('keep our own connections off the race ports', () => {
    expect(want('net/ipv4/ip_local_port_range', '32768 60999')).toBeNull();
    expect(want('net/ipv4/ip_local_port_range', '1024 8191')).toBeNull();
    expect(want('net/ipv4/ip_local_port_range', '16384 60999')).toBe('49152 65535');
  });

  it('reserve the race ports beside what is reserved', () => {
    expect(want('net/ipv4/ip_local_reserved_ports', '')).toBe('8192-32767');
    expect(want('net/ipv4/ip_local_reserved_ports', '8080,9000-9010')).toBe('8080,9000-9010,8192-32767');
    expect(want('net/ipv4/ip_local_reserved_ports', '8080,8192-32767')).toBeNull();
  });

  it('only ever lengthen the lives of entries', () => {
    expect(want('net/netfilter/nf_conntrack_udp_timeout', '30')).toBe('120');
    expect(want('net/netfilter/nf_conntrack_udp_timeout', '600')).toBeNull();
  });

  it('are the same when applied again', () => {
    const once = applied(
      Object.fromEntries(settings.map(({ path }) => [path, path.endsWith('range') ? '32768 60999' : '1'])),
    );
    expect(applied(once)).toEqual(once);
  });

  it('take the reverse-path check off the providers, and leave the LAN the one it had', () => {
    const path = (name: string): string => `net/ipv4/conf/${name}/rp_filter`;
    const values = { [path('all')]: '1', [path('lan0')]: '0', [path('wan1')]: '1', [path('wan2')]: '0' };
    expect(applied(values)).toEqual({
      [path('all')]: '0',
      [path('lan0')]: '1',
      [path('wan1')]: '0',
      [path('wan2')]: '0',
    });
  });

  it('leave everybody else the reverse-path check that `all` had given them', () => {
    const others = desiredSettings(config(TWO_ROUTES), ['docker0', 'default']);
    const of = (name: string): (typeof others)[number] | undefined =>
      others.find(({ path }) => path === `net/ipv4/conf/${name}/rp_filter`);
    const before = new Map([['net/ipv4/conf/all/rp_filter', '1']]);
    for (const name of ['docker0', 'default', 'lan0']) {
      expect(of(name)?.want('0', before)).toBe('1');
      expect(of(name)?.want('2', before)).toBeNull();
      expect(of(name)?.want('0', NOTHING)).toBeNull();
    }
    // The default reaches interfaces without a value of their own, the providers among them.
    const paths = others.map(({ path }) => path);
    expect(paths.indexOf('net/ipv4/conf/default/rp_filter')).toBeLessThan(
      paths.indexOf('net/ipv4/conf/wan1/rp_filter'),
    );
  });

  it('let a provider’s interface answer for its own addresses alone', () => {
    expect(want('net/ipv4/conf/wan1/arp_ignore', '0')).toBe('1');
    expect(want('net/ipv4/conf/wan1/arp_ignore', '2')).toBeNull();
    expect(want('net/ipv4/conf/wan1/arp_announce', '0')).toBe('2');
  });
});
