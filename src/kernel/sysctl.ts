/**
 * Kernel settings: what they shall be, and what they were. The old values are kept in the kernel itself, as comments of
 * rules in a chain that no hook leads to, so that `cleanup` can restore them with nothing else to go by.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { GatewayConfig } from '../model/config.js';
import { runCommand, tryCommand } from './command.js';
import { CHAIN_BEFORE, TABLE } from './constants.js';

/** A setting below /proc/sys, and the value it shall have given the one it has; null leaves it. */
export interface Setting {
  readonly path: string;
  readonly why: string;
  readonly want: (current: string, before: ReadonlyMap<string, string>) => string | null;
}

/** Everything that the gateway sets, in the order in which it must be. */
export function desiredSettings(config: GatewayConfig): Setting[] {
  const wans = [...new Set(config.routes.map((route) => route.interface))];
  const { from, to } = config.limits.racePorts;
  const localFrom = Math.max(1024, from - 16384);
  return [
    // RA keeps the default routes of providers only with 2 once the host forwards (ip-sysctl: accept_ra).
    ...wans.map((name) =>
      exactly(`net/ipv6/conf/${name}/accept_ra`, 'keep router advertisements', (v) =>
        v === '1' ? '2' : null,
      ),
    ),
    exactly('net/ipv4/ip_forward', 'forward packets', () => '1'),
    exactly('net/ipv6/conf/all/forwarding', 'forward packets', () => '1'),
    exactly('net/ipv4/conf/all/rp_filter', 'accept replies by every provider', () => '0'),
    // The effective value is the larger of all and the interface's: the LAN keeps the check that it had.
    ...config.lan.map((name) => ({
      path: `net/ipv4/conf/${name}/rp_filter`,
      why: 'keep the reverse-path check of the LAN',
      want: (current: string, before: ReadonlyMap<string, string>) => {
        const all = Number(before.get('net/ipv4/conf/all/rp_filter') ?? '0');
        return all > Number(current) ? String(all) : null;
      },
    })),
    ...wans.map((name) =>
      exactly(`net/ipv4/conf/${name}/rp_filter`, 'accept replies by every provider', () => '0'),
    ),
    exactly('net/ipv4/ip_local_port_range', 'keep our own connections off the race ports', (value) => {
      const [low, high] = value.split(/\s+/).map(Number);
      return high < from || low > to ? null : `${localFrom} ${from - 1}`;
    }),
    {
      path: 'net/ipv4/ip_local_reserved_ports',
      why: 'keep the race ports free',
      want: (current) => {
        const range = `${from}-${to}`;
        return current.split(',').includes(range) ? null : [current, range].filter((v) => v !== '').join(',');
      },
    },
    ...AT_LEAST.map(([path, least, why]) =>
      exactly(path, why, (v) => (Number(v) < least ? String(least) : null)),
    ),
  ];
}

/** Lives of conntrack entries, seconds, that RFC 4787, 5382, 5508 and 7857 ask for and Linux does not default to. */
const AT_LEAST: readonly (readonly [string, number, string])[] = [
  ['net/netfilter/nf_conntrack_udp_timeout', 120, 'RFC 4787 REQ-5'],
  ['net/netfilter/nf_conntrack_udp_timeout_stream', 300, 'RFC 4787 REQ-5'],
  ['net/netfilter/nf_conntrack_icmp_timeout', 60, 'RFC 5508 REQ-2'],
  ['net/netfilter/nf_conntrack_icmpv6_timeout', 60, 'RFC 5508 REQ-2'],
  ['net/netfilter/nf_conntrack_tcp_timeout_fin_wait', 240, 'RFC 5382 REQ-5'],
  ['net/netfilter/nf_conntrack_tcp_timeout_close_wait', 240, 'RFC 5382 REQ-5'],
  ['net/netfilter/nf_conntrack_tcp_timeout_last_ack', 240, 'RFC 5382 REQ-5'],
  ['net/netfilter/nf_conntrack_tcp_timeout_time_wait', 240, 'RFC 5382 REQ-5'],
];

/** Sets what differs; returns what could not be set. Old values are recorded before anything changes. */
export async function applySettings(settings: readonly Setting[]): Promise<{ path: string; why: string }[]> {
  const before = new Map(await recordedSettings());
  const failed: { path: string; why: string }[] = [];
  for (const { path, why, want } of settings) {
    const current = await readSetting(path);
    if (current === null) continue;
    const value = want(current, before);
    if (value === null || value === current) continue;
    if (!before.has(path)) {
      await record(path, current);
      before.set(path, current);
    }
    if (!(await writeSetting(path, value))) failed.push({ path, why });
  }
  return failed;
}

/** The values before us, by path; empty when nothing was recorded. */
export async function recordedSettings(): Promise<Map<string, string>> {
  const result = await tryCommand('nft', ['-j', 'list', 'chain', 'inet', TABLE, CHAIN_BEFORE]);
  const values = new Map<string, string>();
  if (result.code !== 0) return values;
  for (const match of result.stdout.matchAll(/"comment": "([^"=]+)=([^"]*)"/g))
    values.set(match[1], match[2]);
  return values;
}

/** Puts recorded values back; returns the paths. */
export async function restoreSettings(values: ReadonlyMap<string, string>): Promise<string[]> {
  const restored: string[] = [];
  for (const [path, value] of [...values].reverse()) if (await writeSetting(path, value)) restored.push(path);
  return restored;
}

/** The value of a setting with single spaces; null when the kernel does not have it. */
export async function readSetting(path: string): Promise<string | null> {
  try {
    return (await readFile(`/proc/sys/${path}`, 'utf8')).trim().replace(/\s+/g, ' ');
  } catch {
    return null;
  }
}

async function writeSetting(path: string, value: string): Promise<boolean> {
  try {
    await writeFile(`/proc/sys/${path}`, `${value}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Keeps old values in the kernel again, where somebody has removed them. */
export async function recordSettings(values: ReadonlyMap<string, string>): Promise<void> {
  const present = await recordedSettings();
  for (const [path, value] of values) if (!present.has(path)) await record(path, value);
}

async function record(path: string, value: string): Promise<void> {
  await runCommand(
    'nft',
    ['-f', '-'],
    `add table inet ${TABLE}\nadd chain inet ${TABLE} ${CHAIN_BEFORE}\n` +
      `add rule inet ${TABLE} ${CHAIN_BEFORE} accept comment "${path}=${value}"\n`,
  );
}

function exactly(path: string, why: string, want: (current: string) => string | null): Setting {
  return { path, why, want };
}
