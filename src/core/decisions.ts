/** The last decisions, as columns: written once per connection, put into words only when somebody asks `why`. */
import { type AddressWords, sameAddress } from '../model/address.js';
import {
  ANSWER,
  OUTCOME_REASONS,
  type OutcomeReason,
  SINGLE_REASONS,
  type SingleReason,
} from '../model/reasons.js';
import type { Packet } from '../wire/packet.js';
import type { Micros, RaceId, RouteNumber, ServiceNumber } from './engine-types.js';
import { mix, mixAddress } from './hash.js';
import { EVIDENCE } from './race/evidence.js';
import { ATTEMPT } from './race/life.js';
import type { RaceTable } from './race/table.js';

/** What a route was when a connection was decided, as a number of the ring; the states of health come first. */
export const STANDING = { UP: 0, SUSPECT: 1, DOWN: 2, DRAINING: 3, DISABLED: 4, ABSENT: 5 } as const;

/** One decision, copied out of the ring. */
export interface DecisionRecord {
  /** Counts from the first of this shard. */
  readonly number: number;
  readonly at: Micros;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  /** 0: none. */
  readonly route: RouteNumber;
  readonly raced: boolean;
  /** 0: none. */
  readonly service: ServiceNumber;
  readonly reason: OutcomeReason | SingleReason;
  /** As `FlowEnds.protocol`. */
  readonly protocol: number;
  /** Bits of routes that were measured only. */
  readonly trials: number;
  /** How old the measurement was by which memory chose; -1: memory did not. */
  readonly memoryAge: Micros;
  /** Per route number from 1: one of STANDING. */
  readonly standings: readonly number[];
  /** Per route number from 1. */
  readonly answers: readonly AnswerRecord[];
}

export interface AnswerRecord {
  /** One of ANSWER. */
  readonly answer: number;
  /** From sending to the answer; -1: none, or unknown. */
  readonly rttMicros: number;
  /**
   * When its first copy left or, of one that has waited in vain, was to leave, from the begin of the race; before it, where the kernel had
   * given the connection to the route already. NO_TIME: none.
   */
  readonly sentAfter: Micros;
  /** When its yes came; NO_TIME: none did. */
  readonly answeredAfter: Micros;
  /** Copies that left. */
  readonly copies: number;
  /** It came from something on the way, in the place of the server. */
  readonly isIntercepted: boolean;
}

/** No time at all: what is before the race is negative. */
export const NO_TIME = -(2 ** 31);

/** Which decisions; null and 0: any. */
export interface DecisionFilter {
  readonly destination: AddressWords | null;
  readonly port: number | null;
  readonly client: AddressWords | null;
  readonly route: RouteNumber;
  readonly service: ServiceNumber;
  readonly clientPort?: number | null;
  /** As `FlowEnds.protocol`. */
  readonly protocol?: number | null;
  /** `won`: a race gave a route. `failed`: none did. `single`: without a race. */
  readonly outcome?: 'won' | 'failed' | 'single' | null;
}

/** A flow, and the route that carries it. */
export interface DecidedFlow {
  readonly protocol: number;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  readonly route: RouteNumber;
}

/** What of the newest decisions a reader has not seen. */
export interface RecentDecisions {
  /** The newest of those, the oldest first. */
  readonly decisions: readonly DecisionRecord[];
  /** How many there were. */
  readonly made: number;
  /** To go on from. */
  readonly next: number;
}

const ANY: DecisionFilter = { destination: null, port: null, client: null, route: 0, service: 0 };

/** Both lists: a decision's reason is one of either. */
const REASONS: readonly (OutcomeReason | SingleReason)[] = [...OUTCOME_REASONS, ...SINGLE_REASONS];

/** BOUNDED: `size` decisions; the oldest gives way. */
export class DecisionRing {
  private readonly at: Float64Array;
  private readonly addresses: Int32Array;
  private readonly ports: Uint16Array;
  private readonly route: Uint8Array;
  private readonly reason: Uint8Array;
  private readonly service: Uint8Array;
  private readonly answer: Uint16Array;
  private readonly rtt: Int32Array;
  private readonly protocol: Uint16Array;
  private readonly trials: Uint32Array;
  private readonly intercepted: Uint32Array;
  private readonly sent: Int32Array;
  private readonly answered: Int32Array;
  private readonly copies: Uint8Array;
  private readonly standing: Uint8Array;
  private readonly memoryAge: Float32Array;
  private written = 0;

  constructor(
    private readonly size: number,
    private readonly routeCount: number,
  ) {
    this.at = new Float64Array(size);
    this.addresses = new Int32Array(size * 8);
    this.ports = new Uint16Array(size * 2);
    this.route = new Uint8Array(size);
    this.reason = new Uint8Array(size);
    this.service = new Uint8Array(size);
    this.answer = new Uint16Array(size * routeCount);
    this.rtt = new Int32Array(size * routeCount);
    this.protocol = new Uint16Array(size);
    this.trials = new Uint32Array(size);
    this.intercepted = new Uint32Array(size);
    this.sent = new Int32Array(size * routeCount);
    this.answered = new Int32Array(size * routeCount);
    this.copies = new Uint8Array(size * routeCount);
    this.standing = new Uint8Array(size * routeCount);
    this.memoryAge = new Float32Array(size);
  }

  /** Notes a race's outcome; returns its number, with which `update` finds it again. */
  noteRace(
    races: RaceTable,
    race: RaceId,
    route: RouteNumber,
    reason: OutcomeReason | SingleReason,
    now: Micros,
  ): number {
    const slot = this.begin(now, route, REASONS.indexOf(reason), races.service[race]);
    for (let i = 0; i < 4; i++) {
      this.addresses[slot * 8 + i] = races.client[race * 4 + i];
      this.addresses[slot * 8 + 4 + i] = races.destination[race * 4 + i];
    }
    this.protocol[slot] = races.transport[race];
    this.trials[slot] = races.trials[race];
    this.ports[slot * 2] = races.clientPort[race];
    this.ports[slot * 2 + 1] = races.destinationPort[race];
    for (let route = 1; route <= this.routeCount; route++) this.copyAnswer(slot, races, race, route);
    return this.written - 1;
  }

  /** Notes a connection that went by one route without a race. */
  noteSingle(
    packet: Packet,
    route: RouteNumber,
    reason: SingleReason,
    service: ServiceNumber,
    now: Micros,
  ): void {
    const slot = this.begin(now, route, REASONS.indexOf(reason), service);
    for (let i = 0; i < 4; i++) {
      this.addresses[slot * 8 + i] = packet.source[i];
      this.addresses[slot * 8 + 4 + i] = packet.destination[i];
    }
    this.protocol[slot] = packet.protocol;
    this.trials[slot] = 0;
    this.ports[slot * 2] = packet.sourcePort;
    this.ports[slot * 2 + 1] = packet.destinationPort;
    this.answer.fill(ANSWER.NONE, slot * this.routeCount, (slot + 1) * this.routeCount);
  }

  /** A loser has answered after the decision. */
  update(number: number, races: RaceTable, race: RaceId, route: RouteNumber): void {
    if (number < 0 || number < this.written - this.size) return;
    this.copyAnswer(number % this.size, races, race, route);
  }

  /** A route's answer was not the server's. */
  noteIntercepted(number: number, route: RouteNumber): void {
    if (number < 0 || number < this.written - this.size) return;
    this.intercepted[number % this.size] |= 1 << route;
  }

  /** How the routes stood when the decision was made that has been noted last. `memoryAge`: -1 where memory did not choose. */
  noteStandings(of: (route: RouteNumber) => number, memoryAge: Micros): void {
    const slot = (this.written - 1) % this.size;
    for (let route = 1; route <= this.routeCount; route++)
      this.standing[slot * this.routeCount + route - 1] = of(route);
    this.memoryAge[slot] = memoryAge;
  }

  /** Of the decisions from number `from` on the newest, at most `most`. */
  since(from: number, most: number): RecentDecisions {
    const first = Math.max(from, this.written - this.size, 0);
    const decisions: DecisionRecord[] = [];
    for (let number = Math.max(first, this.written - most); number < this.written; number++)
      decisions.push(this.read(number % this.size, number));
    return { decisions, made: Math.max(0, this.written - from), next: this.written };
  }

  /** Number of the oldest that is remembered, and when it was made; null: there is none. */
  oldest(): { readonly number: number; readonly at: Micros } | null {
    if (this.written === 0) return null;
    const number = Math.max(0, this.written - this.size);
    return { number, at: this.at[number % this.size] };
  }

  /** The newest decision about each of these flows by its route, in one pass; null: none is remembered. */
  ofFlows(flows: readonly DecidedFlow[]): (DecisionRecord | null)[] {
    const found: (DecisionRecord | null)[] = flows.map(() => null);
    // BOUNDED: by the flows that are asked about.
    const wanted = new Map<number, number[]>();
    for (const [i, flow] of flows.entries()) {
      const hash = flowHash(
        flow.client,
        0,
        flow.destination,
        0,
        (flow.clientPort << 16) | flow.destinationPort,
      );
      wanted.set(hash, [...(wanted.get(hash) ?? []), i]);
    }
    let left = flows.length;
    for (
      let number = this.written - 1;
      left > 0 && number >= Math.max(0, this.written - this.size);
      number--
    ) {
      const slot = number % this.size;
      const ports = (this.ports[slot * 2] << 16) | this.ports[slot * 2 + 1];
      const hash = flowHash(this.addresses, slot * 8, this.addresses, slot * 8 + 4, ports);
      for (const i of wanted.get(hash) ?? []) {
        if (found[i] !== null || !this.isAbout(slot, flows[i])) continue;
        found[i] = this.read(slot, number);
        left--;
      }
    }
    return found;
  }

  /** The decisions that a filter lets pass, before number `before`; newest first, at most `limit`. */
  find(limit: number, filter: DecisionFilter = ANY, before: number = this.written): DecisionRecord[] {
    const found: DecisionRecord[] = [];
    const oldest = Math.max(0, this.written - this.size);
    for (
      let number = Math.min(before, this.written) - 1;
      number >= oldest && found.length < limit;
      number--
    ) {
      const slot = number % this.size;
      if (this.passes(slot, filter)) found.push(this.read(slot, number));
    }
    return found;
  }

  private isAbout(slot: number, flow: DecidedFlow): boolean {
    return (
      this.route[slot] === flow.route &&
      this.protocol[slot] === flow.protocol &&
      this.ports[slot * 2] === flow.clientPort &&
      this.ports[slot * 2 + 1] === flow.destinationPort &&
      sameAddress(this.addresses, slot * 8, flow.client, 0) &&
      sameAddress(this.addresses, slot * 8 + 4, flow.destination, 0)
    );
  }

  private passes(slot: number, filter: DecisionFilter): boolean {
    const { destination, port, client, route, service, clientPort, protocol, outcome } = filter;
    if (clientPort != null && this.ports[slot * 2] !== clientPort) return false;
    if (protocol != null && this.protocol[slot] !== protocol) return false;
    if (outcome != null && this.outcomeOf(slot) !== outcome) return false;
    if (port !== null && this.ports[slot * 2 + 1] !== port) return false;
    if (route !== 0 && this.route[slot] !== route) return false;
    if (service !== 0 && this.service[slot] !== service) return false;
    if (client !== null && !sameAddress(this.addresses, slot * 8, client, 0)) return false;
    return destination === null || sameAddress(this.addresses, slot * 8 + 4, destination, 0);
  }

  private outcomeOf(slot: number): 'won' | 'failed' | 'single' {
    if (this.reason[slot] >= OUTCOME_REASONS.length) return 'single';
    return this.route[slot] === 0 ? 'failed' : 'won';
  }

  private begin(now: Micros, route: RouteNumber, reason: number, service: ServiceNumber): number {
    const slot = this.written++ % this.size;
    this.at[slot] = now;
    this.route[slot] = route;
    this.reason[slot] = reason;
    this.service[slot] = service;
    this.intercepted[slot] = 0;
    this.memoryAge[slot] = -1;
    return slot;
  }

  private copyAnswer(slot: number, races: RaceTable, race: RaceId, route: RouteNumber): void {
    const to = slot * this.routeCount + route - 1;
    const from = races.attempt(race, route);
    const hasLeft = races.hasAttempt(race, route);
    const begin = races.startedAt[race];
    const isWaiting = !hasLeft && races.attemptDueAt[from] > begin;
    const sentAt = isWaiting ? races.attemptDueAt[from] : races.attemptFirstSentAt[from];
    this.answer[to] = hasLeft ? answerOf(races, from) : isWaiting ? ANSWER.WAITED : ANSWER.NONE;
    this.rtt[to] = races.attemptRtt[from];
    this.copies[to] = races.attemptSends[from];
    const hasTime = isWaiting || (hasLeft && this.answer[to] !== ANSWER.NOT_SENT);
    this.sent[to] = hasTime ? bounded(sentAt - begin) : NO_TIME;
    this.answered[to] =
      this.answer[to] === ANSWER.ANSWERED ? bounded(races.attemptAnsweredAt[from] - begin) : NO_TIME;
  }

  private read(slot: number, number: number): DecisionRecord {
    const reason = this.reason[slot];
    const raced = reason < OUTCOME_REASONS.length;
    const first = slot * this.routeCount;
    return {
      number,
      at: this.at[slot],
      client: this.addresses.slice(slot * 8, slot * 8 + 4),
      clientPort: this.ports[slot * 2],
      destination: this.addresses.slice(slot * 8 + 4, slot * 8 + 8),
      destinationPort: this.ports[slot * 2 + 1],
      route: this.route[slot],
      raced,
      service: this.service[slot],
      reason: REASONS[reason],
      protocol: this.protocol[slot],
      trials: this.trials[slot],
      memoryAge: this.memoryAge[slot],
      standings: Array.from(this.standing.subarray(first, first + this.routeCount)),
      answers: Array.from({ length: this.routeCount }, (_, i) => ({
        answer: this.answer[first + i],
        rttMicros: this.rtt[first + i],
        sentAfter: this.sent[first + i],
        answeredAfter: this.answered[first + i],
        copies: this.copies[first + i],
        isIntercepted: (this.intercepted[slot] & (2 << i)) !== 0,
      })),
    };
  }
}

function flowHash(
  client: AddressWords,
  at: number,
  destination: AddressWords,
  to: number,
  ports: number,
): number {
  return mix(mixAddress(mixAddress(0, client, at), destination, to), ports);
}

/** More than half an hour is no race. */
function bounded(micros: Micros): Micros {
  return Math.round(Math.max(NO_TIME + 1, Math.min(2 ** 31 - 1, micros)));
}

function answerOf(races: RaceTable, attempt: number): number {
  switch (races.attemptState[attempt]) {
    case ATTEMPT.ANSWERED:
      return ANSWER.ANSWERED;
    case ATTEMPT.NEGATIVE: {
      const evidence = races.attemptEvidence[attempt];
      if (evidence === EVIDENCE.REFUSED) return ANSWER.REFUSED;
      return evidence === EVIDENCE.FAILED ? ANSWER.FAILED : ANSWER.ICMP + evidence;
    }
    case ATTEMPT.NOT_SENT:
      return ANSWER.NOT_SENT;
    default:
      return ANSWER.SILENCE;
  }
}
