/** What the control socket shows: counters and decisions put into the words of the contract. */
import type { Decision, RouteStatus, Status } from '../api/contract.js';
import type { DecisionRecord } from '../core/decisions.js';
import { readCounters } from '../kernel/nft-read.js';
import { readQueueState } from '../kernel/queue-state.js';
import type { RaceSnapshot } from '../kernel/race-thread.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import { type Family, familyOf, formatEndpoint } from '../model/address.js';
import { ANSWER, DECODE_REASONS, IGNORED_REASONS, SINGLE_REASONS } from '../model/reasons.js';

export function routeStatus(
  routes: readonly ResolvedRoute[],
  snapshot: RaceSnapshot,
  connections: ReadonlyMap<number, number>,
): RouteStatus[] {
  return routes.map((route) => ({
    name: route.config.name,
    state: route.state,
    reasons: route.reasons,
    interface: route.config.interface,
    addresses: [...(route.ipv4?.addresses ?? []), ...(route.ipv6?.addresses ?? [])],
    gateways: [route.ipv4?.gateway, route.ipv6?.gateway].filter((g): g is string => typeof g === 'string'),
    attempts: snapshot.engine.attempts[route.number],
    wins: snapshot.engine.wins[route.number],
    losses: snapshot.engine.losses[route.number],
    connections: connections.get(route.number) ?? 0,
  }));
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
      'spoofed-source': counters.get('spoofed') ?? 0,
      unsolicited: counters.get('unsolicited') ?? 0,
    },
    ignored: {
      ...byName(IGNORED_REASONS, snapshot.engine.ignored),
      'stale-queue': snapshot.stale,
      'bad-netlink': snapshot.undecodable,
      'client-flood': counters.get('flood') ?? 0,
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
export function toDecision(
  record: DecisionRecord,
  routes: readonly ResolvedRoute[],
  originMs: number,
): Decision {
  const name = (number: number): string | null => routes[number - 1]?.config.name ?? null;
  return {
    time: new Date(originMs + record.at / 1000).toISOString(),
    client: formatEndpoint(record.client, 0, record.clientPort),
    destination: formatEndpoint(record.destination, 0, record.destinationPort),
    route: name(record.route),
    criterion: record.raced ? 'race' : 'single',
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
  };
}

function answerText(answer: number, family: Family): string {
  switch (answer) {
    case ANSWER.SILENCE:
      return 'silence';
    case ANSWER.SYN_ACK:
      return 'syn-ack';
    case ANSWER.RST:
      return 'rst';
    case ANSWER.NOT_SENT:
      return 'not-sent';
    default: {
      const evidence = answer - ANSWER.ICMP;
      return `${family === 4 ? 'icmp' : 'icmpv6'} ${evidence >>> 8}/${evidence & 255}`;
    }
  }
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
