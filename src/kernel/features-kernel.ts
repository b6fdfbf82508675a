/** Probes of kernel features: runs `features-child.js` in a new network namespace and explains its answers. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { KernelConfig } from '../model/config.js';
import type { Probe } from '../model/probe.js';
import { whyNoFastPath } from './fast-path.js';

/** Names of what the child tries. */
export type Trial =
  | 'nf_tables'
  | 'nft-nat'
  | 'queue-bind'
  | 'queue-entries'
  | 'queue-nft'
  | 'queue-compat'
  | 'flowtable'
  | 'conntrack'
  | 'rules-ipv4'
  | 'rules-ipv6';

/** What the child says of one trial. */
export interface TrialResult {
  readonly name: Trial;
  readonly ok: boolean;
  readonly found: string;
}

/** How packets get from nftables to the daemon: its own statement, or the iptables target through nft_compat. */
export type Queueing = 'nft' | 'compat' | 'none' | 'unknown';

/** `fastPath`: whether the configuration wants one. */
export function probeKernel(fastPath: KernelConfig['fastPath']): readonly Probe[] {
  const answer = runChild();
  if (typeof answer === 'string') return explainWithout(answer);
  const result = (name: Trial) => answer.find((one) => one.name === name);
  const plain = SIMPLE.map(({ name, severity, expected, remedy }) => {
    const one = result(name);
    return { name, severity, expected, remedy, ok: one?.ok === true, found: one?.found ?? 'not tried' };
  });
  const queueing = result('queue-nft')?.ok ? 'nft' : result('queue-compat')?.ok ? 'compat' : 'none';
  return [...plain, explainQueueing(queueing), explainFastPath(fastPath, result('flowtable'))];
}

type Simple = Pick<Probe, 'severity' | 'expected' | 'remedy'> & { readonly name: Trial };

const SIMPLE: readonly Simple[] = [
  {
    name: 'nf_tables',
    severity: 'required',
    expected: 'tables with marks, connection state and timeouts',
    remedy: 'Use a kernel with CONFIG_NF_TABLES, NF_TABLES_INET and NFT_CT; `modprobe nf_tables nft_ct`.',
  },
  {
    name: 'nft-nat',
    severity: 'required',
    expected: 'source translation of both families in an inet table',
    remedy: 'Use a kernel from 5.2 on with CONFIG_NFT_NAT; `modprobe nft_nat nft_chain_nat`.',
  },
  {
    name: 'queue-bind',
    severity: 'required',
    expected: 'a queue that a process can bind',
    remedy: 'Use a kernel with CONFIG_NETFILTER_NETLINK_QUEUE; `modprobe nfnetlink_queue`.',
  },
  {
    name: 'queue-entries',
    severity: 'recommended',
    expected:
      'queued packets with their conntrack entries; without, connections with a helper, labels or a zone are not raced',
    remedy: 'Use a kernel with CONFIG_NETFILTER_NETLINK_GLUE_CT, if rules here give connections such.',
  },
  {
    name: 'conntrack',
    severity: 'required',
    expected: 'an entry with translation, written and deleted by netlink',
    remedy: 'Use a kernel with CONFIG_NF_CT_NETLINK; `modprobe nf_conntrack_netlink`.',
  },
  {
    name: 'rules-ipv4',
    severity: 'required',
    expected: 'an ip rule by mark',
    remedy: 'Use a kernel with CONFIG_IP_MULTIPLE_TABLES.',
  },
  {
    name: 'rules-ipv6',
    severity: 'recommended',
    expected: 'IPv6, and an ip rule by mark in it',
    remedy: 'Use a kernel with CONFIG_IPV6 and IPV6_MULTIPLE_TABLES, not started with ipv6.disable=1.',
  },
];

function explainQueueing(queueing: Queueing): Probe {
  const found = {
    nft: 'the queue statement of nft',
    compat: 'the NFQUEUE target through nft_compat (the kernel lacks the queue statement of nft)',
    none: 'neither way works',
    unknown: 'not tried',
  }[queueing];
  return {
    name: 'queueing',
    ok: queueing === 'nft' || queueing === 'compat',
    severity: 'required',
    found,
    expected: 'a rule that queues packets to a process',
    remedy:
      'Use a kernel with CONFIG_NFT_QUEUE (`modprobe nft_queue`), or NFT_COMPAT and NETFILTER_XT_TARGET_NFQUEUE.',
  };
}

function explainFastPath(wanted: KernelConfig['fastPath'], trial: TrialResult | undefined): Probe {
  const able = trial?.ok === true ? whyNoFastPath() : (trial?.found ?? 'not tried');
  const words = able ?? 'a flowtable works';
  const unused = able === null ? 'not used; a flowtable works' : 'not used; a flowtable does not work here';
  return {
    name: 'fast path',
    ok: able === null || wanted === 'off',
    severity: 'recommended',
    found: wanted === 'off' ? `${unused} (kernel.fastPath is off)` : words,
    expected: 'a flowtable for established connections',
    remedy: 'Use a kernel from 6.1 on with CONFIG_NFT_FLOW_OFFLOAD, or set kernel.fastPath to off.',
  };
}

/** Also on a machine that is slow, as an emulated one is. */
const CHILD_TIMEOUT_MS = 60_000;

/** What the child says, or why it could not run. */
function runChild(): readonly TrialResult[] | string {
  const script = fileURLToPath(new URL('./features-child.js', import.meta.url));
  if (!existsSync(script)) return 'the compiled probe is missing; run `npm run build`';
  // A user namespace gives the privileges inside that the process lacks outside; many systems allow that.
  const answer = tryChild(['-n'], script);
  if (typeof answer !== 'string') return answer;
  const inside = tryChild(['-r', '-n'], script);
  return typeof inside === 'string' ? answer : inside;
}

function tryChild(isolate: readonly string[], script: string): readonly TrialResult[] | string {
  const { stdout, stderr, error, status } = spawnSync('unshare', [...isolate, process.execPath, script], {
    encoding: 'utf8',
    timeout: CHILD_TIMEOUT_MS,
  });
  if (error !== undefined) return `unshare cannot run: ${error.message}`;
  try {
    return JSON.parse(stdout) as readonly TrialResult[];
  } catch {
    return stderr.trim().split('\n')[0] || `the probe ended with ${status}`;
  }
}

/** Without the child only what the kernel says of itself can be told; what was not tried is not called missing. */
function explainWithout(why: string): readonly Probe[] {
  const untried = { ok: false, severity: 'recommended', found: `not tried: ${why}` } as const;
  const plain = SIMPLE.map((probe) => ({ ...probe, ...untried }));
  return [...plain, { ...explainQueueing('unknown'), ...untried, found: `${untried.found}; ${byConfig()}` }];
}

function byConfig(): string {
  const queueing = queueingByConfig();
  return queueing === 'unknown'
    ? 'the kernel does not show its configuration'
    : `its configuration says: ${explainQueueing(queueing).found}`;
}

function queueingByConfig(): Queueing {
  try {
    const options = gunzipSync(readFileSync('/proc/config.gz')).toString('latin1');
    const has = (option: string) => new RegExp(`^CONFIG_${option}=[ym]$`, 'm').test(options);
    if (has('NFT_QUEUE')) return 'nft';
    return has('NFT_COMPAT') && has('NETFILTER_XT_TARGET_NFQUEUE') ? 'compat' : 'none';
  } catch {
    return 'unknown';
  }
}
