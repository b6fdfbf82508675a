/**
 * What the gateway needs of the machine, as data: each probe says what it found, what it wants and what to do.
 * `doctor` prints them. Kernel features are really tried, in a network namespace made for that and thrown away.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { GatewayConfig } from '../model/config.js';
import type { Probe, ProbeTarget } from '../model/probe.js';
import { probeHelpers } from './features-helpers.js';
import { probeInterfaces } from './features-interfaces.js';
import { probeKernel } from './features-kernel.js';
import { probeMarks } from './features-marks.js';
import { probeOperatorRules } from './features-operator.js';
import { probeSysctls } from './features-sysctl.js';

/** Runs all probes, as far as the privileges go; those that could not run are not ok and say why. Throws nothing. */
export async function probeFeatures(target: ProbeTarget): Promise<readonly Probe[]> {
  return [
    probePrivileges(),
    probeNode(),
    probeTool('nft', ['--version'], 'nftables'),
    probeTool('ip', ['-V'], 'iproute2'),
    await probeFfi(),
    ...probeKernel(target.config.kernel.fastPath),
    ...(await probeInterfaces(target.config, target.interfaces)),
    ...(await probeMarks(target.config)),
    ...(await probeSysctls(target.config)),
    probeProtect(target.config),
    ...(await probeHelpers(target.config)),
    ...(await probeOperatorRules(target)),
  ];
}

/** Bits of include/uapi/linux/capability.h. */
const CAPABILITIES = [
  ['CAP_NET_ADMIN', 12n],
  ['CAP_NET_RAW', 13n],
] as const;

function probePrivileges(): Probe {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '')?.[1];
  const effective = BigInt(`0x${hex ?? '0'}`);
  const missing = CAPABILITIES.filter(([, bit]) => ((effective >> bit) & 1n) === 0n).map(([name]) => name);
  return {
    name: 'privileges',
    ok: missing.length === 0,
    severity: 'required',
    found: missing.length === 0 ? 'both' : `without ${missing.join(' and ')}`,
    expected: 'CAP_NET_ADMIN and CAP_NET_RAW',
    remedy: 'Run as root, or give the process these capabilities.',
  };
}

/** package.json says the same. */
const MIN_NODE = [20, 19] as const;

function probeNode(): Probe {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const recent = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  // Netlink is in host order; the codecs are written for the common one.
  const machine = process.platform === 'linux' && endianness() === 'LE';
  return {
    name: 'node',
    ok: recent && machine,
    severity: 'required',
    found: `${process.versions.node} on ${process.platform} ${process.arch}`,
    expected: `at least ${MIN_NODE.join('.')} on Linux, little-endian`,
    remedy: 'Install a newer Node.js.',
  };
}

function probeTool(command: string, args: readonly string[], debianPackage: string): Probe {
  const { stdout, error } = spawnSync(command, args, { encoding: 'utf8', timeout: TOOL_TIMEOUT_MS });
  const found = error === undefined ? stdout.trim().split('\n')[0] : 'not found';
  return {
    name: command,
    ok: error === undefined,
    severity: 'required',
    found,
    expected: `the command ${command}`,
    remedy: `apt-get install ${debianPackage}`,
  };
}

const TOOL_TIMEOUT_MS = 20_000;

async function probeFfi(): Promise<Probe> {
  const probe = {
    name: 'koffi',
    severity: 'required',
    expected: 'calls of the C library',
    remedy: 'Run `npm ci` again on this machine; koffi carries a binary for each platform.',
  } as const;
  try {
    const { sys } = await import('./ffi.js');
    const works = sys.ifIndex('lo') > 0;
    return { ...probe, ok: works, found: works ? 'works' : 'loads, but finds no interface lo' };
  } catch (error) {
    return {
      ...probe,
      ok: false,
      found: error instanceof Error ? error.message.split('\n')[0] : 'does not load',
    };
  }
}

/** Whether it is meant so is for the operator to say; that it is so must be said. */
function probeProtect({ protect }: GatewayConfig): Probe {
  return {
    name: 'protect',
    ok: protect,
    severity: 'recommended',
    found: protect
      ? 'new connections from providers into the LAN are dropped, unless a rule of yours forwards a port'
      : 'off: whoever is on a provider’s segment reaches the LAN, as far as your own rules let them',
    expected: 'protect: true',
    remedy: 'Remove `protect: false`, or see to it that your own `forward` chain drops what you do not want.',
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
