/**
 * What the engine would do with a set-up now: the same code as for a real one, on tables that are thrown away, beside what is known, which
 * it may read and cannot change. So it cannot say anything else than what would happen.
 */
import type { Packet } from '../wire/packet.js';
import type { Criterion } from './choose/criterion.js';
import { standingOf } from './choose/standing.js';
import type { FlowTable, Input, WireSink } from './contract.js';
import type { EngineSettings, Micros, RouteNumber } from './engine-types.js';
import { abandonRace } from './race/end.js';
import { NO_RACE } from './race/table.js';
import { handleSetup } from './setup.js';
import { createShard, type Shard } from './shard.js';
import type { Site } from './site.js';
import { beginTurn, createTurn, type Turn } from './turn.js';

/** What would become of a set-up. */
export interface Foreseen {
  /** `release`: it goes on by `route` (0: as the rest does). `race`: copies decide. */
  readonly kind: 'release' | 'race';
  readonly route: RouteNumber;
  /** One of SINGLE_REASONS; of a race `criterion`. */
  readonly reason: string;
  /** Every route that is configured. */
  readonly routes: readonly ForeseenRoute[];
}

export interface ForeseenRoute {
  readonly route: RouteNumber;
  /** One of STANDING. */
  readonly standing: number;
  /** `measured`: it is asked and cannot win. */
  readonly part: 'sent' | 'waits' | 'measured' | 'none';
  /** Of `waits`: from the begin of the race. */
  readonly after: Micros;
}

/** Tables of the races that never are: made once, for who asks. */
export class WhatIf {
  private readonly scratch: Shard;
  private readonly turn: Turn;

  constructor(
    private readonly site: Site,
    private readonly shard: Shard,
  ) {
    this.scratch = createShard(smallest(site.settings));
    const { memory, kernelCopy, ports } = shard;
    const own = this.scratch.ports;
    const readOnly = {
      ...this.scratch,
      ports: withoutChange(own, { pick: (flow, now) => (ports.hasPort(flow) ? own.pick(flow, now) : 0) }),
      memory: withoutChange(memory, {
        touch: NOTHING,
        note: NOTHING,
        noteRace: NOTHING,
        remove: NOTHING,
        take: (...asked: Parameters<typeof memory.take>) => memory.find(asked[0], asked[1], asked[3]),
      }),
      kernelCopy: withoutChange(kernelCopy, { set: NOTHING, clear: NOTHING }),
    };
    this.turn = createTurn(readOnlySite(site), readOnly, { wire: NO_WIRE, flows: NO_FLOWS });
  }

  /** `input.packet` is of a connection that has no flow yet. */
  of(input: Input & { kind: 'setup' }, now: Micros): Foreseen {
    const { site, turn } = this;
    follow(turn.site, site);
    const chooser = site.services[input.service]?.chooser ?? null;
    const restore = keep(chooser);
    const { races } = this.scratch;
    const isFull = this.shard.races.active >= this.shard.races.slots;
    // With none among them that only waits for its losers.
    if (isFull && this.shard.races.oldestLingering() === NO_RACE) races.active = races.slots;
    beginTurn(turn, now, input.packet);
    try {
      const { kind, route, reason, race } = handleSetup(turn, input);
      const raced = kind === 'release' ? NO_RACE : race;
      return {
        kind: raced === NO_RACE ? 'release' : 'race',
        route: raced === NO_RACE ? route : 0,
        reason: raced === NO_RACE ? reason : 'criterion',
        routes: site.routes
          .filter(({ configured }) => configured)
          .map(({ number }) => this.partOf(raced, number, input.packet)),
      };
    } finally {
      restore();
      abandonRace(turn, turn.race);
      races.active = 0;
    }
  }

  private partOf(race: number, route: RouteNumber, { family }: Packet): ForeseenRoute {
    const standing = standingOf(this.site, route, family);
    const { races } = this.scratch;
    const bit = 1 << route;
    const is = (part: ForeseenRoute['part'], after = 0): ForeseenRoute => ({ route, standing, part, after });
    if (race === NO_RACE) return is('none');
    if ((races.waiting[race] & bit) !== 0)
      return is('waits', races.attemptDueAt[races.attempt(race, route)] - races.startedAt[race]);
    if (!races.hasAttempt(race, route)) return is('none');
    return is((races.trials[race] & bit) !== 0 ? 'measured' : 'sent');
  }
}

const NOTHING = (): void => undefined;

const NO_WIRE: WireSink = {
  attempt: NOTHING,
  advance: NOTHING,
  cancel: NOTHING,
  refuse: NOTHING,
  reject: NOTHING,
};
const NO_FLOWS: FlowTable = { commit: NOTHING, endsOf: () => false, isTaken: () => false };

/** Room for one race. */
function smallest(settings: EngineSettings): EngineSettings {
  return { ...settings, races: 2, portMemory: 16, memorySize: 1, decisions: 1 };
}

/** The same object, but for these: what is read is what is. */
function withoutChange<T extends object>(real: T, instead: Partial<T>): T {
  return Object.create(real, Object.getOwnPropertyDescriptors(instead)) as T;
}

function readOnlySite(site: Site): Site {
  const { health, affinity, clients, hosts, hostGroups, destinations, facts } = site;
  const instead: Partial<Site> = {
    health: withoutChange(health, { takeTrial: (...asked) => health.isTrialDue(...asked) }),
    affinity: withoutChange(affinity, { set: NOTHING, renew: NOTHING, clear: NOTHING }),
    clients: withoutChange(clients, { admit: (...asked) => clients.wouldAdmit(...asked), done: NOTHING }),
    hosts: withoutChange(hosts, { admit: (...asked) => hosts.wouldAdmit(...asked), done: NOTHING }),
    hostGroups: withoutChange(hostGroups, { take: () => true }),
    destinations: withoutChange(destinations, {
      hasRoom: (...asked) => destinations.wouldAdmit(...asked),
      admit: (...asked) => destinations.wouldAdmit(...asked),
    }),
    facts: withoutChange(facts, { assigned: new Float64Array(facts.assigned.length) }),
  };
  return withoutChange(site, instead);
}

/** What is counted as it goes is as it is now. */
function follow(copy: Site, site: Site): void {
  copy.facts.assigned.set(site.facts.assigned);
  copy.countsSessions = false;
}

function keep(chooser: Criterion | null): () => void {
  return chooser?.keep?.() ?? NOTHING;
}
