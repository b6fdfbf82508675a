/** Kernel settings that differ from what the gateway wants. Most are no failures: it sets them while it runs. */
import type { GatewayConfig } from '../model/config.js';
import type { Probe } from '../model/probe.js';
import { desiredSettings, readSetting, type Setting } from './sysctl.js';

/** One line per setting that the gateway would look at with this configuration. */
export async function probeSysctls(config: GatewayConfig): Promise<readonly Probe[]> {
  const probes = await Promise.all(desiredSettings(config).map(probeSetting));
  return [...probes.filter((probe) => probe !== null), await probeTableSize()];
}

/** Nothing before us: as if the gateway had never run. */
const UNTOUCHED: ReadonlyMap<string, string> = new Map();

async function probeSetting({ path, why, want }: Setting): Promise<Probe | null> {
  const name = `sysctl ${path}`;
  const current = await readSetting(path);
  // Interfaces that do not exist have a line of their own.
  if (current === null && path.includes('/conf/')) return null;
  const remedy = 'Nothing to do: the gateway sets it while it runs, and sets it back.';
  if (current === null) {
    const found = 'not there yet (its module is not loaded)';
    return { name, ok: false, severity: 'info', found, expected: why, remedy };
  }
  const wanted = want(current, UNTOUCHED) ?? current;
  const found = current === '' ? 'empty' : current;
  return {
    name,
    ok: wanted === current,
    severity: 'info',
    found,
    expected: `${wanted} (${why})`,
    remedy,
  };
}

/** A smaller table of connections is soon full; then the kernel drops packets of new ones. */
const MIN_CONNTRACK_MAX = 65536;

/** The size of the table belongs to the machine, so that the gateway leaves it alone. */
async function probeTableSize(): Promise<Probe> {
  const current = await readSetting('net/netfilter/nf_conntrack_max');
  return {
    name: 'sysctl net/netfilter/nf_conntrack_max',
    ok: current === null || Number(current) >= MIN_CONNTRACK_MAX,
    severity: 'recommended',
    found: current ?? 'not there yet (its module is not loaded)',
    expected: `at least ${MIN_CONNTRACK_MAX}`,
    remedy: `sysctl -w net.netfilter.nf_conntrack_max=${4 * MIN_CONNTRACK_MAX}`,
  };
}
