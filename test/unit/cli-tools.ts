/** Runs commands in this process, and gateways' answers as bad as they can be. */
import type { Decision, MemoryEntry, RouteStatus, ServiceStatus, Status } from '../../src/api/contract.js';
import type { CommandIo } from '../../src/cli/io.js';
import { main } from '../../src/cli/main.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command and collects what it prints. */
export async function runCommand(
  args: readonly string[],
  env: Record<string, string> = {},
  more: Partial<CommandIo> & { isTTY?: boolean; rows?: number } = {},
): Promise<Ran> {
  const written = { out: '', err: '' };
  const { isTTY = false, rows = 24, ...io } = more;
  const code = await main(args, {
    stdout: {
      isTTY,
      rows,
      write: (text) => {
        written.out += text;
      },
    },
    stderr: {
      write: (text) => {
        written.err += text;
      },
    },
    env,
    ...io,
  });
  return { code, ...written };
}

export const plain = (_: string, text: string): string => text;

/** As long as names may be (`isName`), and different in their last letters only. */
export function longName(number: number): string {
  return `${'uplink-with-the-longest-name-of-all-'.slice(0, 30)}${String(number).padStart(2, '0')}`;
}

const HUGE = 987_654_321_012;
const ADDRESS = '2001:db8:ffff:ffff:ffff:ffff:ffff:fff1';

/** Every figure and every word as long as it gets. */
export function worstRoute(number: number): RouteStatus {
  return {
    name: longName(number),
    state: 'disabled',
    reasons: ['ipv4-checks-failed', 'ipv6-no-address', 'by-command', 'ipv6-address-deprecated'],
    since: '2020-01-01T00:00:00.000Z',
    interface: 'fifteen-letters',
    addresses: Array.from({ length: 8 }, () => ADDRESS),
    gateways: [ADDRESS],
    attempts: HUGE,
    wins: HUGE,
    losses: HUGE,
    connections: 1_234_567,
    traffic: { in: 123_456_789_012, out: 99_912_345_678 },
    quota: { used: 123.4e12, bytes: 99.9e12 },
    rescues: HUGE,
    check: { ok: false, rttMicros: 123_456_789, lastOk: '2020-01-01T00:00:00.000Z' },
    pathMtu: { ipv4: 1400, ipv6: 1280 },
    portUse: 1.234,
  };
}

const ROUTES = Array.from({ length: 16 }, (_, at) => worstRoute(at + 1));

export const WORST_STATUS: Status = {
  version: '10.20.30-beta.40',
  configuration: {
    file: `/etc/${'a-long-folder/'.repeat(8)}pathrace.yaml`,
    readAt: '2024-03-01T02:59:07.123Z',
    state: 'waiting',
    differences: 12,
  },
  cutting: { cut: HUGE, left: HUGE },
  notes: [
    'route a: 192.0.2.7 is not on wan1: right only if the provider routes it to this machine',
    'y'.repeat(200),
  ],
  alarms: [
    `route ${longName(1)} is down (no-carrier, ipv6-no-address), and this alarm goes on and on over the end of every line`,
    'x'.repeat(300),
  ],
  memory: {
    destinations: 1_234_567,
    trusted: 1_234_567,
    inKernel: 1_234_567,
    size: 10_000_000,
    evicted: HUGE,
    rescues: HUGE,
  },
  uptimeSeconds: 123_456_789,
  routes: ROUTES,
  races: { started: HUGE, decided: HUGE, failed: HUGE, active: 1234, single: { 'client-race-limit': HUGE } },
  calls: {
    sip: { started: HUGE, ended: HUGE, active: 12 },
    h323: { started: 0, ended: 0, active: 0 },
    rtsp: { started: 3, ended: 2, active: 1 },
  },
  fastPath: {
    wanted: 'auto',
    state: 'unavailable',
    why: 'Error: Could not process rule: No such file or directory, and the whole line that it was about',
  },
  packets: {
    dropped: { 'ip-header-checksum': HUGE },
    ignored: { 'syn-repeat-after-decision': HUGE },
    queue: { 'lan-kernel-total': HUGE },
  },
};

export const WORST_SERVICE: ServiceStatus = {
  name: longName(1),
  match: `tcp: [${'1000-2000, '.repeat(30)}9], domain: ${'x'.repeat(60)}.example, time: Mon-Sun 8:00-18:00`,
  select: `criterion: least-weighted-load, routes: [${ROUTES.map(({ name }) => name).join(', ')}]`,
  affinity: 'client+destination',
  active: false,
  plan: {
    ipv4: { kind: 'turns', routes: Object.fromEntries(ROUTES.map(({ name }) => [name, 0.0625])) },
    ipv6: { kind: 'memory', routes: {} },
  },
  hits: HUGE,
};

export const WORST_MEMORY: MemoryEntry = {
  destination: '2001:db8:ffff:ffff:ffff:ffff:ffff:fff0/124',
  of: 'connections',
  routes: Object.fromEntries(
    ROUTES.map(({ name }, at) => [
      name,
      { rttMicros: at === 5 ? null : 12_345_678 - at, ageSeconds: 123_456_789, answer: 'retransmitted' },
    ]),
  ),
  best: longName(16),
  trusted: false,
};

export const WORST_DECISION: Decision = {
  time: '2024-03-01T02:59:07.123Z',
  client: '[2001:db8:ffff:ffff:ffff:ffff:ffff:fff1]:65535',
  destination: '[2001:db8:ffff:ffff:ffff:ffff:ffff:fff2]:65535',
  route: longName(1),
  criterion: 'least-weighted-load',
  reasons: ['operator-rule', 'rescued'],
  by: 'race',
  protocol: 'icmpv6',
  service: longName(1),
  open: true,
  routes: ROUTES.map(({ name }, at) => ({
    route: name,
    rttMicros: 123_456_789,
    answer: 'icmpv6 1/3',
    sentMicros: at === 0 ? -1_234_567 : at * 1_234_567,
    answeredMicros: 123_456_789,
    copies: 12,
    trial: true as const,
    intercepted: true as const,
  })),
  fastPath: true,
  id: 123_456_789,
  states: Object.fromEntries(ROUTES.map(({ name }) => [name, 'suspect' as const])),
  memory: { route: longName(1), ageSeconds: 123_456.7 },
  lead: { over: longName(2), micros: 123_456_789 },
  pin: { route: longName(1), until: '2024-03-01T02:59:07.123Z', by: 'group', group: 'client+destination' },
  passed: [
    {
      service: longName(2),
      why: `the destination is not in ${'2001:db8:ffff:ffff::/64, '.repeat(3)}and 200 more`,
    },
  ],
};
