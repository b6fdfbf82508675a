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
  /** Per route number from 1: what it answered (ANSWER), and after how many microseconds (-1 unknown). */
  readonly answers: readonly { readonly answer: number; readonly rttMicros: number }[];
}

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
    this.ports[slot * 2] = packet.sourcePort;
    this.ports[slot * 2 + 1] = packet.destinationPort;
    this.answer.fill(ANSWER.NONE, slot * this.routeCount, (slot + 1) * this.routeCount);
  }

  /** A loser has answered after the decision. */
  update(number: number, races: RaceTable, race: RaceId, route: RouteNumber): void {
    if (number < 0 || number < this.written - this.size) return;
    this.copyAnswer(number % this.size, races, race, route);
  }

  /** The decisions for an address, or an address and port; newest first, at most `limit`. */
  find(address: AddressWords, port: number | null, limit: number): DecisionRecord[] {
    const found: DecisionRecord[] = [];
    const oldest = Math.max(0, this.written - this.size);
    for (let number = this.written - 1; number >= oldest && found.length < limit; number--) {
      const slot = number % this.size;
      if (port !== null && this.ports[slot * 2 + 1] !== port) continue;
      if (sameAddress(this.addresses, slot * 8 + 4, address, 0)) found.push(this.read(slot));
    }
    return found;
  }

  /** The newest decisions. */
  latest(limit: number): DecisionRecord[] {
    const found: DecisionRecord[] = [];
    const oldest = Math.max(0, this.written - this.size, this.written - limit);
    for (let number = this.written - 1; number >= oldest; number--) found.push(this.read(number % this.size));
    return found;
  }

  private begin(now: Micros, route: RouteNumber, reason: number, service: ServiceNumber): number {
    const slot = this.written++ % this.size;
    this.at[slot] = now;
    this.route[slot] = route;
    this.reason[slot] = reason;
    this.service[slot] = service;
    return slot;
  }

  private copyAnswer(slot: number, races: RaceTable, race: RaceId, route: RouteNumber): void {
    const to = slot * this.routeCount + route - 1;
    const from = races.attempt(race, route);
    this.answer[to] = races.hasAttempt(race, route) ? answerOf(races, from) : ANSWER.NONE;
    this.rtt[to] = races.attemptRtt[from];
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
      answers: Array.from({ length: this.routeCount }, (_, i) => ({
        answer: this.answer[first + i],
        rttMicros: this.rtt[first + i],
      })),
    };
  }
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
