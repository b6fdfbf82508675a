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
import { EVIDENCE } from './race/evidence.js';
import { ATTEMPT } from './race/life.js';
import type { RaceTable } from './race/table.js';

/** One decision, copied out of the ring. */
export interface DecisionRecord {
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

  /** The decisions that a filter lets pass; newest first, at most `limit`. */
  find(limit: number, filter: DecisionFilter = ANY): DecisionRecord[] {
    const found: DecisionRecord[] = [];
    const oldest = Math.max(0, this.written - this.size);
    for (let number = this.written - 1; number >= oldest && found.length < limit; number--) {
      const slot = number % this.size;
      if (this.passes(slot, filter)) found.push(this.read(slot));
    }
    return found;
  }

  private passes(slot: number, { destination, port, client, route, service }: DecisionFilter): boolean {
    if (port !== null && this.ports[slot * 2 + 1] !== port) return false;
    if (route !== 0 && this.route[slot] !== route) return false;
    if (service !== 0 && this.service[slot] !== service) return false;
    if (client !== null && !sameAddress(this.addresses, slot * 8, client, 0)) return false;
    return destination === null || sameAddress(this.addresses, slot * 8 + 4, destination, 0);
  }

  private begin(now: Micros, route: RouteNumber, reason: number, service: ServiceNumber): number {
    const slot = this.written++ % this.size;
    this.at[slot] = now;
    this.route[slot] = route;
    this.reason[slot] = reason;
    this.service[slot] = service;
    this.intercepted[slot] = 0;
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

  private read(slot: number): DecisionRecord {
    const reason = this.reason[slot];
    const raced = reason < OUTCOME_REASONS.length;
    const first = slot * this.routeCount;
    return {
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
