/**
 * Kernel settings: what they shall be, and what they were. The old values are kept in the kernel itself, as comments of
 * rules in a chain that no hook leads to, so that `cleanup` can restore them with nothing else to go by.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { GatewayConfig } from '../model/config.js';
import { kernelPorts } from '../model/ports.js';
import { runCommand } from './command.js';
import { CHAIN_BEFORE, TABLE } from './constants.js';
import { readRuleComments } from './nft-read.js';

/** A setting below /proc/sys, and the value it shall have given the one it has; null leaves it. */
export interface Setting {
  readonly path: string;
  readonly why: string;
  readonly want: (current: string, before: ReadonlyMap<string, string>) => string | null;
  /** Other settings that the kernel changes when this one is. */
  readonly disturbs?: () => Promise<string[]>;
}

/**
 * Everything that the gateway sets, in the order in which it must be. `others`: interfaces that are none of the configuration's, and
 * `default`.
 */
export function desiredSettings(config: GatewayConfig, others: readonly string[] = []): Setting[] {
  const wans = [...new Set(config.routes.map((route) => route.interface))];
  const { from, to } = config.limits.racePorts;
  const free = kernelPorts(config.limits.racePorts);
  return [
    // RA keeps the default routes of providers only with 2 once the host forwards (ip-sysctl: accept_ra).
    ...wans.map((name) =>
      exactly(`net/ipv6/conf/${name}/accept_ra`, 'keep router advertisements', (v) =>
        v === '1' ? '2' : null,
      ),
    ),
    ...(config.lan.length > 0 ? forwarding(config.lan, wans) : []),
    exactly(RP_FILTER, 'accept replies by every provider', () => '0'),
    // The effective value is the larger of all and the interface's: everybody else keeps the check that they had.
    ...[...config.lan, ...others].map((name) => ({
      path: `net/ipv4/conf/${name}/rp_filter`,
      why: 'keep the reverse-path check of what is no provider',
      want: (current: string, before: ReadonlyMap<string, string>) => {
        const all = Number(before.get(RP_FILTER) ?? '0');
        return all > Number(current) ? String(all) : null;
      },
      // The kernel gives the default to every interface that has never had a value of its own.
      ...(name === 'default' ? { disturbs: rpFilters } : {}),
    })),
    ...wans.map((name) =>
      exactly(`net/ipv4/conf/${name}/rp_filter`, 'accept replies by every provider', () => '0'),
    ),
    // Two look-ups less for each packet (fib_validate_source); our own rules drop what claims to come from us (render.ts).
    ...[...config.lan, ...wans].map((name) =>
      exactly(`net/ipv4/conf/${name}/accept_local`, 'save a look-up per forwarded packet', () => '1'),
    ),
    // Two providers on one switch: nobody may learn the address of one interface as another's.
    ...wans.flatMap((name) => [
      exactly(`net/ipv4/conf/${name}/arp_ignore`, 'answer for the addresses of this interface alone', (v) =>
        v === '0' ? '1' : null,
      ),
      exactly(`net/ipv4/conf/${name}/arp_announce`, 'ask with an address of this interface', () => '2'),
    ]),
    exactly('net/ipv4/ip_local_port_range', 'keep our own connections off the race ports', (value) => {
      const [low, high] = value.split(/\s+/).map(Number);
      return high < from || low > to ? null : `${Math.max(free.from, free.to - 16383)} ${free.to}`;
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

/** What makes a host a router; one without a LAN stays what it is. */
function forwarding(lan: readonly string[], wans: readonly string[]): Setting[] {
  return [
    {
      ...exactly('net/ipv4/ip_forward', 'forward packets', () => '1'),
      // Hosts accept redirects, routers do not: the kernel sets that, too (devinet.c, inet_forward_change).
      disturbs: async () => ['net/ipv4/conf/all/accept_redirects', ...(await forwardingOf('ipv4'))],
    },
    {
      ...exactly('net/ipv6/conf/all/forwarding', 'forward packets', () => '1'),
      disturbs: () => forwardingOf('ipv6'),
    },
    // An interface may be shut alone, and nothing of `ip_forward` tells.
    ...[...lan, ...wans].map((name) =>
      exactly(`net/ipv4/conf/${name}/forwarding`, 'forward packets', () => '1'),
    ),
    // A router looks for local sockets of forwarded packets in vain (ip-sysctl: ip_early_demux).
    exactly('net/ipv4/tcp_early_demux', 'save a look-up per forwarded packet', () => '0'),
    exactly('net/ipv4/udp_early_demux', 'save a look-up per forwarded packet', () => '0'),
  ];
}

/**
 * Lives of conntrack entries, seconds, that RFC 4787, 5382, 5508 and 7857 ask for and Linux does not default to; and whether their packets
 * are counted: what flows is proof of life (daemon/route-asker.ts).
 */
const AT_LEAST: readonly (readonly [string, number, string])[] = [
  ['net/netfilter/nf_conntrack_acct', 1, 'notice what flows'],
  ['net/netfilter/nf_conntrack_udp_timeout', 120, 'RFC 4787 REQ-5'],
  ['net/netfilter/nf_conntrack_udp_timeout_stream', 300, 'RFC 4787 REQ-5'],
  ['net/netfilter/nf_conntrack_icmp_timeout', 60, 'RFC 5508 REQ-2'],
  ['net/netfilter/nf_conntrack_icmpv6_timeout', 60, 'RFC 5508 REQ-2'],
  ['net/netfilter/nf_conntrack_tcp_timeout_fin_wait', 240, 'RFC 5382 REQ-5'],
  ['net/netfilter/nf_conntrack_tcp_timeout_close_wait', 240, 'RFC 5382 REQ-5'],
  ['net/netfilter/nf_conntrack_tcp_timeout_last_ack', 240, 'RFC 5382 REQ-5'],
  ['net/netfilter/nf_conntrack_tcp_timeout_time_wait', 240, 'RFC 5382 REQ-5'],
];

const RP_FILTER = 'net/ipv4/conf/all/rp_filter';

/** The setting that switches IPv6 off on an interface. */
export function ipv6OffPath(name: string): string {
  return `net/ipv6/conf/${name}/disable_ipv6`;
}

/** Interfaces that a configuration does not name; `default` last, since it reaches those that have no value of their own. */
export function otherInterfaces(config: GatewayConfig): string[] {
  const named = new Set([...config.lan, ...config.routes.map((route) => route.interface), 'all', 'default']);
  const found = readdirSync('/proc/sys/net/ipv4/conf').filter((name) => !named.has(name));
  return [...found, 'default'];
}

async function rpFilters(): Promise<string[]> {
  const names = await readdir('/proc/sys/net/ipv4/conf').catch(() => []);
  return names
    .filter((name) => name !== 'all' && name !== 'default')
    .map((name) => `net/ipv4/conf/${name}/rp_filter`);
}

/** What is not as it shall be. `before`: the values before us. */
export function differingSettings(
  settings: readonly Setting[],
  before: ReadonlyMap<string, string>,
): { path: string; current: string }[] {
  return settings.flatMap(({ path, want }) => {
    const current = settingNow(path);
    const value = current === null ? null : want(current, before);
    return current === null || value === null || value === current ? [] : [{ path, current }];
  });
}

/**
 * Sets what differs; returns what could not be set. Old values are recorded, in one step, before anything changes; not those of paths
 * that we have `seen` before: what is in them now is no value from before us. Twice, where one setting brings another along.
 */
export async function applySettings(
  settings: readonly Setting[],
  seen: ReadonlySet<string> = new Set(),
): Promise<{ path: string; why: string }[]> {
  const { failed, changed } = await applyOnce(settings, seen);
  return changed ? (await applyOnce(settings, seen)).failed : failed;
}

async function applyOnce(
  settings: readonly Setting[],
  seen: ReadonlySet<string>,
): Promise<{ failed: { path: string; why: string }[]; changed: boolean }> {
  const before = recordedSettings();
  const added = new Map<string, string>();
  const changes: { path: string; why: string; value: string }[] = [];
  const note = (path: string, value: string): void => {
    if (before.has(path)) return;
    before.set(path, value);
    added.set(path, value);
  };
  for (const { path, why, want, disturbs } of settings) {
    const current = await readSetting(path);
    if (current === null) continue;
    const value = want(current, before);
    if (value === null || value === current) continue;
    changes.push({ path, why, value });
    if (seen.has(path)) continue;
    // What the kernel changes along with it is recorded before it, so that it is restored after it.
    for (const other of (await disturbs?.()) ?? []) {
      const found = await readSetting(other);
      if (found !== null) note(other, found);
    }
    note(path, current);
  }
  await record(added);
  const failed: { path: string; why: string }[] = [];
  for (const { path, why, value } of changes)
    if (!(await writeSetting(path, value))) failed.push({ path, why });
  return { failed, changed: changes.length > failed.length };
}

/** The values before us, by path, in the order of recording; empty when nothing was recorded. */
export function recordedSettings(): Map<string, string> {
  const values = new Map<string, string>();
  for (const comment of readRuleComments(CHAIN_BEFORE)) {
    const at = comment.indexOf('=');
    if (at < 0) continue;
    // A long value is spread over several comments: `path=first part`, `path=next part`.
    const path = comment.slice(0, at);
    values.set(path, (values.get(path) ?? '') + comment.slice(at + 1));
  }
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

/** The same at once: a look at all of them costs less than to wait for each. */
export function settingNow(path: string): string | null {
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim().replace(/\s+/g, ' ');
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
  const present = recordedSettings();
  await record(new Map([...values].filter(([path]) => !present.has(path))));
}

/** nft takes comments of up to 128 characters. */
const COMMENT_LENGTH = 120;

async function record(values: ReadonlyMap<string, string>): Promise<void> {
  if (values.size === 0) return;
  const lines = [`add table inet ${TABLE}`, `add chain inet ${TABLE} ${CHAIN_BEFORE}`];
  for (const [path, value] of values) {
    const room = COMMENT_LENGTH - path.length - 1;
    for (let at = 0; at === 0 || at < value.length; at += room) {
      lines.push(
        `add rule inet ${TABLE} ${CHAIN_BEFORE} accept comment "${path}=${value.slice(at, at + room)}"`,
      );
    }
  }
  await runCommand('nft', ['-f', '-'], `${lines.join('\n')}\n`);
}

/** `forwarding` of every interface of a family: the kernel spreads a change of `all` to them. */
async function forwardingOf(family: 'ipv4' | 'ipv6'): Promise<string[]> {
  const names = await readdir(`/proc/sys/net/${family}/conf`).catch(() => []);
  return names.filter((name) => name !== 'all').map((name) => `net/${family}/conf/${name}/forwarding`);
}

function exactly(path: string, why: string, want: (current: string) => string | null): Setting {
  return { path, why, want };
}
