/** What the control socket shows: counters and decisions put into the words of the contract. */
import type { Decision, RouteState, RouteStatus, Status } from '../api/contract.js';
import type { DecisionRecord } from '../core/decisions.js';
import { readCounters } from '../kernel/nft-read.js';
import { readQueueState } from '../kernel/queue-state.js';
import type { LaneHealth, RaceSnapshot } from '../kernel/race-messages.js';
import { GUARD_COUNTERS } from '../kernel/render-guard.js';
import { type Family, familyOf, formatEndpoint } from '../model/address.js';
import type { GatewayConfig } from '../model/config.js';
import { ANSWER, DECODE_REASONS, IGNORED_REASONS, SINGLE_REASONS } from '../model/reasons.js';
import type { GatewayState } from './gateway-state.js';

/** Every route as it is now. */
export function routeStatus(gateway: GatewayState, snapshot: RaceSnapshot): RouteStatus[] {
  const { engine } = snapshot;
  const connections = gateway.flows?.count() ?? new Map<number, number>();
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
      quota: { used: gateway.meters.quotaOf(name).bytes, bytes: route.config.quotaBytes },
      rescues: engine.rescues[route.number],
      ...(check === null
        ? {}
        : {
            check: {
              ok: check.ok,
              rttMicros: check.rttMicros,
              lastOk: lastOk === null ? null : new Date(lastOk).toISOString(),
            },
          }),
      ...(pathMtu === null ? {} : { pathMtu }),
      portUse: Math.round((gateway.ports?.of(route.number) ?? 0) * 1000) / 1000,
    };
  });
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
    ...([4, 6] as const).map((family) => Math.floor(health?.[family].sinceMs ?? 0)),
  );
  const since = new Date(sinceMs).toISOString();
  const admin = gateway.adminOf(name);
  if (route?.state !== 'up') return { state: 'down', reasons: [...(route?.reasons ?? [])], since };
  if (admin !== 'enabled') {
    const commanded = new Date(gateway.commands.since(name)).toISOString();
    return { state: admin, reasons: ['by-command'], since: commanded };
  }
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
    reasons: [...route.reasons, ...reasons],
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
    if (quota.bytes !== null && quota.used >= quota.bytes)
      alarms.push(`route ${name} has used up its quota of this month`);
  }
  if (broken + caught > 0)
    alarms.push(
      `a bug inside Pathrace was caught ${broken + caught} times, the log says where: please report it`,
    );
  if (routes.every(({ state }) => state === 'down')) alarms.unshift('no route is up');
  return alarms;
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

export function packetStatus(snapshot: RaceSnapshot, queue: number): Status['packets'] {
  const counters = readCounters();
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
    },
    ignored: {
      ...byName(IGNORED_REASONS, snapshot.engine.ignored),
      'host-groups':
        (counters.get('host_groups') ?? 0) + snapshot.engine.ignored[IGNORED_REASONS.indexOf('host-groups')],
      'stale-queue': snapshot.stale,
      'bad-netlink': snapshot.undecodable,
      'client-flood': counters.get('flood') ?? 0,
      'entry-kept': counters.get('kept') ?? 0,
    },
    queue: {
      lan: snapshot.received.lan,
      wan: snapshot.received.wan,
      'overload-pauses': snapshot.overloads,
      ...kernelQueue('lan', queue),
      ...kernelQueue('wan', queue + 1),
    },
  };
}

/** A decision in words. `originMs` is the wall time at which the engine's clock was 0. */
export function toDecision(record: DecisionRecord, gateway: GatewayState, originMs: number): Decision {
  const { routes, services } = gateway.numbers;
  const name = (number: number): string | null => (number === 0 ? null : routes.nameOf(number));
  const service = gateway.config.services.find((one) => one.name === services.nameOf(record.service));
  const { client, clientPort, destination, destinationPort } = record;
  const isFast =
    gateway.fastPath.state === 'on' &&
    gateway.flows?.isOffloaded(client, clientPort, destination, destinationPort) === true;
  return {
    time: new Date(originMs + record.at / 1000).toISOString(),
    client: formatEndpoint(client, 0, clientPort),
    destination: formatEndpoint(destination, 0, destinationPort),
    route: name(record.route),
    criterion: criterionOf(record, service?.select.criterion),
    reasons: [record.reason],
    routes: record.answers.flatMap(({ answer, rttMicros }, index) =>
      answer === ANSWER.NONE
        ? []
        : [
            {
              route: name(index + 1) ?? String(index + 1),
              ...(rttMicros >= 0 ? { rttMicros: Math.round(rttMicros) } : {}),
              answer: answerText(answer, familyOf(record.client)),
            },
          ],
    ),
    ...(isFast ? { fastPath: true } : {}),
  };
}

/** The service's criterion; a connection of a raced service that could not be raced was chosen by none. */
function criterionOf(record: DecisionRecord, criterion: string | undefined): string {
  if (record.raced) return criterion ?? 'race';
  const chosen: readonly string[] = ['criterion', 'remembered', 'affinity', 'same-flow'];
  return chosen.includes(record.reason) && criterion !== undefined ? criterion : 'single';
}

function answerText(answer: number, family: Family): string {
  switch (answer) {
    case ANSWER.SILENCE:
      return 'silence';
    case ANSWER.ANSWERED:
      return 'syn-ack';
    case ANSWER.REFUSED:
      return 'rst';
    case ANSWER.NOT_SENT:
      return 'not-sent';
    case ANSWER.FAILED:
      return 'failed';
    default: {
      const evidence = answer - ANSWER.ICMP;
      return `${family === 4 ? 'icmp' : 'icmpv6'} ${evidence >>> 8}/${evidence & 255}`;
    }
  }
}

function sumOf(counters: ReadonlyMap<string, number>, prefix: string): number {
  let sum = 0;
  for (const [name, packets] of counters) if (name.startsWith(prefix)) sum += packets;
  return sum;
}

/** Non-zero counters by name; `ok` is no reason. */
function byName(names: readonly string[], values: ArrayLike<number>): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [i, name] of names.entries()) if (values[i] > 0 && name !== 'ok') result[name] = values[i];
  return result;
}

function kernelQueue(name: string, queue: number): Record<string, number> {
  const { waiting, overflow, total } = readQueueState(queue);
  return { [`${name}-waiting`]: waiting, [`${name}-overflow`]: overflow, [`${name}-kernel-total`]: total };
}
