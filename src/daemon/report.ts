/** What the control socket shows: counters and decisions put into the words of the contract. */
import type { QuotaStatus, RouteState, RouteStatus, Status } from '../api/contract.js';
import type { DroppedReason, IgnoredWord, QueueWord } from '../api/counters.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import { readCounters } from '../kernel/nft-read.js';
import { readQueueState } from '../kernel/queue-state.js';
import type { LaneHealth, RaceSnapshot } from '../kernel/race-messages.js';
import { GUARD_COUNTERS } from '../kernel/render-guard.js';
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import { DECODE_REASONS, IGNORED_REASONS, SINGLE_REASONS } from '../model/reasons.js';
import type { GatewayState } from './gateway-state.js';
import { localTime } from './local-time.js';
import { SPENT_WORDS } from './spent.js';

/** Every route as it is now. */
export function routeStatus(gateway: GatewayState, snapshot: RaceSnapshot): RouteStatus[] {
  const { engine } = snapshot;
  const connections = gateway.flows?.counts.perRoute() ?? new Map<number, number>();
  return gateway.routes.map((route) => {
    const { name } = route.config;
    const check = gateway.checker.stateOf(name);
    const lastOk = check?.lastOkMs ?? null;
    const pathMtu = gateway.paths.applied(name);
    return {
      name,
      ...stateOf(gateway, name),
      interface: route.config.interface,
      addresses: [...(route.ipv4?.addresses ?? []), ...(route.ipv6?.addresses ?? [])],
      gateways: [route.ipv4?.gateway, route.ipv6?.gateway].filter((g): g is string => typeof g === 'string'),
      attempts: engine.attempts[route.number],
      wins: engine.wins[route.number],
      losses: engine.losses[route.number],
      connections: connections.get(route.number) ?? 0,
      traffic: rounded(gateway.meters.rateOf(route.config)),
      quota: quotaStatus(gateway, route.config),
      rescues: engine.rescues[route.number],
      ...(check === null
        ? {}
        : {
            check: {
              ok: check.ok,
              rttMicros: check.rttMicros,
              lastOk: lastOk === null ? null : dateText(lastOk),
            },
          }),
      ...(pathMtu === null ? {} : { pathMtu }),
      portUse: Math.round((gateway.ports?.of(route.number) ?? 0) * 1000) / 1000,
    };
  });
}

function quotaStatus({ books }: GatewayState, { name, quota }: RouteConfig): RouteStatus['quota'] {
  const { accounts, spent } = books;
  const { used, period } = accounts.of(name);
  const date = (day: string): string => new Date(accounts.startOf(day)).toISOString();
  return {
    used,
    bytes: quota?.bytes ?? null,
    ...(quota === null ? {} : { action: quota.action, day: quota.day }),
    ...(period === null ? {} : { since: date(period.from), until: date(period.until) }),
    zone: accounts.zone,
    spent: spent.of(name) !== null,
  };
}

/** State of a route in one word: an operator's command, its link, or what its traffic shows; mixed families are `suspect`. */
export function stateOf(
  gateway: GatewayState,
  name: string,
): { state: RouteState; reasons: string[]; since: string } {
  const route = gateway.routes.find(({ config }) => config.name === name);
  const health = gateway.health.find((one) => one.route === route?.number);
  const lanes = ([4, 6] as const)
    .filter((family) => (family === 4 ? route?.ipv4 : route?.ipv6) != null)
    .map((family) => ({ family, lane: health?.[family] }))
    .filter((one): one is { family: 4 | 6; lane: LaneHealth } => one.lane !== undefined);
  const sinceMs = Math.max(
    gateway.startedAt,
    route?.state === 'up' ? gateway.commands.since(name) : 0,
    ...([4, 6] as const).map((family) => health?.[family].sinceMs ?? 0),
  );
  const since = dateText(sinceMs);
  const admin = gateway.commands.of(name);
  if (route?.state !== 'up') return { state: 'down', reasons: [...(route?.reasons ?? [])], since };
  if (admin !== 'enabled') {
    return { state: admin, reasons: ['by-command'], since: dateText(gateway.commands.since(name)) };
  }
  if (gateway.adminOf(name) !== 'enabled') return { state: 'down', reasons: ['quota'], since };
  const [first] = lanes;
  // A family that it had and has lost counts as down.
  const isWhole = route.reasons.length === 0 || first?.lane.state === 'down';
  const same = isWhole && lanes.every(({ lane }) => lane.state === first?.lane.state);
  const bad = lanes.filter(({ lane }) => lane.state !== 'up');
  // One family that is not well is worth a word also while the other carries everything.
  const reasons = bad.map(({ family, lane }) =>
    lanes.length > 1 ? `ipv${family}-${lane.reason}` : lane.reason,
  );
  return {
    state: same ? (first?.lane.state ?? 'up') : 'suspect',
    reasons: [...route.reasons, ...reasons, ...(gateway.isSpent(name) ? ['quota'] : [])],
    since,
  };
}

/** What an operator should look at. `caught`: errors of ours that the main thread has caught. */
export function alarmsOf(
  routes: readonly RouteStatus[],
  { routes: configured }: Pick<GatewayConfig, 'routes'>,
  { broken }: Pick<RaceSnapshot, 'broken'>,
  caught: number,
): string[] {
  const alarms: string[] = [];
  for (const { name, state, reasons, quota, interface: link } of routes) {
    const isAbsent = reasons.includes('interface-missing');
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    const words = isAbsent ? `: there is no interface ${link}; it is taken in when it appears` : '';
    const isExpected = isAbsent && configured.some((one) => one.name === name && one.optional);
    if ((state === 'down' || state === 'suspect') && !isExpected)
      alarms.push(`route ${name} is ${state}${why}${words}`);
    if (quota.spent && quota.action !== undefined)
      alarms.push(`route ${name} ${SPENT_WORDS[quota.action]}, ${untilText(quota)}`);
  }
  if (broken + caught > 0)
    alarms.push(
      `a bug inside Pathrace was caught ${broken + caught} times, the log says where: please report it`,
    );
  if (routes.every(({ state }) => state === 'down')) alarms.unshift('no route is up');
  return alarms;
}

/** All of it: of routes, ports, the kernel, and what does not work. */
export function allAlarms(
  gateway: GatewayState,
  routes: readonly RouteStatus[],
  snapshot: Pick<RaceSnapshot, 'broken'>,
): string[] {
  return [
    ...alarmsOf(routes, gateway.config, snapshot, gateway.boundary.count),
    ...(gateway.ports?.alarms() ?? []),
    ...gateway.upkeep.alarms(),
    ...gateway.guard.alarms(monotonicMs()),
    ...gateway.troubles(),
  ];
}

function untilText({ until, zone }: QuotaStatus): string {
  if (until === undefined) return 'the date is not known';
  return `until ${localTime(zone).dayOf(Date.parse(until))} 00:00 ${zone}`;
}

function rounded(rate: { in: number; out: number }): { in: number; out: number } {
  return { in: Math.round(rate.in), out: Math.round(rate.out) };
}

export function raceStatus(snapshot: RaceSnapshot): Status['races'] {
  const { started, decided, failed, single } = snapshot.engine;
  return {
    started,
    decided,
    failed,
    active: started - decided - failed,
    single: byName(SINGLE_REASONS, single),
  };
}

/** `counters`: packets by the names of the kernel's counters. */
export function packetStatus(
  snapshot: RaceSnapshot,
  queue: number,
  counters: ReadonlyMap<string, number> = readCounters(),
): Status['packets'] {
  return {
    dropped: {
      ...byName(DECODE_REASONS, snapshot.dropped),
      'conntrack-invalid': counters.get('invalid') ?? 0,
      'ports-exhausted': counters.get('ports_exhausted') ?? 0,
      'spoofed-source': counters.get('spoofed') ?? 0,
      unsolicited: counters.get('unsolicited') ?? 0,
      'stray-answers': counters.get('stray_answers') ?? 0,
      misrouted: counters.get('misrouted') ?? 0,
      protected: counters.get('protected') ?? 0,
      'outside-prefix': counters.get('outside_prefix') ?? 0,
      'no-route': counters.get('no_route') ?? 0,
      'guarded-way': sumOf(counters, GUARD_COUNTERS.way),
      'guarded-source': sumOf(counters, GUARD_COUNTERS.source),
    } satisfies Partial<Record<DroppedReason, number>>,
    ignored: {
      ...byName(IGNORED_REASONS, snapshot.engine.ignored),
      'host-groups':
        (counters.get('host_groups') ?? 0) + snapshot.engine.ignored[IGNORED_REASONS.indexOf('host-groups')],
      'stale-queue': snapshot.stale,
      'bad-netlink': snapshot.undecodable,
      'client-flood': counters.get('flood') ?? 0,
      'entry-kept': counters.get('kept') ?? 0,
    } satisfies Partial<Record<IgnoredWord, number>>,
    queue: {
      lan: snapshot.received.lan,
      wan: snapshot.received.wan,
      calls: snapshot.calls.received,
      'overload-pauses': snapshot.overloads,
      ...kernelQueue('lan', queue),
      ...kernelQueue('wan', queue + 1),
    } satisfies Partial<Record<QueueWord, number>>,
  };
}

function sumOf(counters: ReadonlyMap<string, number>, prefix: string): number {
  let sum = 0;
  for (const [name, packets] of counters) if (name.startsWith(prefix)) sum += packets;
  return sum;
}

/** Non-zero counters by name; `ok` is no reason. */
function byName<Name extends string>(
  names: readonly Name[],
  values: ArrayLike<number>,
): { [name in Exclude<Name, 'ok'>]?: number } {
  const counted = [...names.entries()].filter(([i, name]) => values[i] > 0 && name !== 'ok');
  return Object.fromEntries(counted.map(([i, name]) => [name, values[i]])) as {
    [name in Exclude<Name, 'ok'>]?: number;
  };
}

function kernelQueue<Name extends 'lan' | 'wan'>(
  name: Name,
  queue: number,
): Record<`${Name}-${'waiting' | 'overflow' | 'kernel-total'}`, number> {
  const { waiting, overflow, total } = readQueueState(queue);
  const words = {
    [`${name}-waiting`]: waiting,
    [`${name}-overflow`]: overflow,
    [`${name}-kernel-total`]: total,
  };
  return words as Record<`${Name}-${'waiting' | 'overflow' | 'kernel-total'}`, number>;
}
