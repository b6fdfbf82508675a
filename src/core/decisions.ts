/** The last decisions, as columns: written once per connection, put into words only when somebody asks `why`. */
import { type AddressWords, sameAddress } from '../model/address.js';
import { ANSWER, OUTCOME_REASONS, type OutcomeReason, type SingleReason } from '../model/reasons.js';
import type { Packet } from '../wire/packet.js';
import {
  copyColumns,
  createColumns,
  DECISION_REASONS,
  type DecisionColumns,
  type DecisionRecord,
  NO_TIME,
  readDecision,
} from './decision-columns.js';
import type { Micros, RaceId, RouteNumber, ServiceNumber } from './engine-types.js';
import { mix, mixAddress } from './hash.js';
import { EVIDENCE } from './race/evidence.js';
import { ATTEMPT } from './race/life.js';
import type { RaceTable } from './race/table.js';

/** What a route was when a connection was decided, as a number of the ring; the states of health come first. */
export const STANDING = { UP: 0, SUSPECT: 1, DOWN: 2, DRAINING: 3, DISABLED: 4, ABSENT: 5 } as const;

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

/** A part of the ring, oldest first. */
export interface DecisionPart {
  readonly columns: DecisionColumns;
  readonly count: number;
  readonly routes: number;
  /** Decisions that had given way to others before they were asked for. */
  readonly missed: number;
  /** What to ask for next. */
  readonly next: number;
}

/** BOUNDED: `size` decisions; the oldest gives way. */
export class DecisionRing {
  private readonly columns: DecisionColumns;
  private written = 0;

  constructor(
    private readonly size: number,
    private readonly routeCount: number,
  ) {
    this.columns = createColumns(size, routeCount);
  }

  /** Notes a race's outcome; returns its number, with which `update` finds it again. */
  noteRace(
    races: RaceTable,
    race: RaceId,
    route: RouteNumber,
    reason: OutcomeReason | SingleReason,
    now: Micros,
  ): number {
    const { columns } = this;
    const slot = this.begin(now, route, DECISION_REASONS.indexOf(reason), races.service[race]);
    for (let i = 0; i < 4; i++) {
      columns.addresses[slot * 8 + i] = races.client[race * 4 + i];
      columns.addresses[slot * 8 + 4 + i] = races.destination[race * 4 + i];
    }
    columns.protocol[slot] = races.transport[race];
    columns.trials[slot] = races.trials[race];
    columns.ports[slot * 2] = races.clientPort[race];
    columns.ports[slot * 2 + 1] = races.destinationPort[race];
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
    const { columns } = this;
    const slot = this.begin(now, route, DECISION_REASONS.indexOf(reason), service);
    for (let i = 0; i < 4; i++) {
      columns.addresses[slot * 8 + i] = packet.source[i];
      columns.addresses[slot * 8 + 4 + i] = packet.destination[i];
    }
    columns.protocol[slot] = packet.protocol;
    columns.trials[slot] = 0;
    columns.ports[slot * 2] = packet.sourcePort;
    columns.ports[slot * 2 + 1] = packet.destinationPort;
    columns.answer.fill(ANSWER.NONE, slot * this.routeCount, (slot + 1) * this.routeCount);
  }

  /** A loser has answered after the decision. */
  update(number: number, races: RaceTable, race: RaceId, route: RouteNumber): void {
    if (number < 0 || number < this.written - this.size) return;
    this.copyAnswer(number % this.size, races, race, route);
  }

  /** A route's answer was not the server's. */
  noteIntercepted(number: number, route: RouteNumber): void {
    if (number < 0 || number < this.written - this.size) return;
    this.columns.intercepted[number % this.size] |= 1 << route;
  }

  /** How the routes stood when the decision was made that has been noted last. `memoryAge`: -1 where memory did not choose. */
  noteStandings(of: (route: RouteNumber) => number, memoryAge: Micros): void {
    const slot = (this.written - 1) % this.size;
    for (let route = 1; route <= this.routeCount; route++)
      this.columns.standing[slot * this.routeCount + route - 1] = of(route);
    this.columns.memoryAge[slot] = memoryAge;
  }

  /** Of the decisions from number `from` on the newest, at most `most`. */
  since(from: number, most: number): RecentDecisions {
    const first = Math.max(from, this.written - this.size, 0);
    const decisions: DecisionRecord[] = [];
    for (let number = Math.max(first, this.written - most); number < this.written; number++)
      decisions.push(readDecision(this.columns, number % this.size, this.routeCount, number));
    return { decisions, made: Math.max(0, this.written - from), next: this.written };
  }

  /** Number of the oldest that is remembered, and when it was made; null: there is none. */
  oldest(): { readonly number: number; readonly at: Micros } | null {
    if (this.written === 0) return null;
    const number = Math.max(0, this.written - this.size);
    return { number, at: this.columns.at[number % this.size] };
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
      const ports = (this.columns.ports[slot * 2] << 16) | this.columns.ports[slot * 2 + 1];
      const hash = flowHash(this.columns.addresses, slot * 8, this.columns.addresses, slot * 8 + 4, ports);
      for (const i of wanted.get(hash) ?? []) {
        if (found[i] !== null || !this.isAbout(slot, flows[i])) continue;
        found[i] = readDecision(this.columns, slot, this.routeCount, number);
        left--;
      }
    }
    return found;
  }

  /**
   * At most `limit` decisions from number `from` on (below 0: those to come), to be handed to another thread. Only what nothing is added to
   * any more: older than `settledBefore`, or so old that it is about to give way.
   */
  part(from: number, limit: number, settledBefore: Micros): DecisionPart {
    const { written, size, columns, routeCount: routes } = this;
    // A number that is not there yet is of a ring before this one.
    const asked = from < 0 ? written : from > written ? 0 : from;
    const first = Math.max(asked, written - size);
    const slot = first % size;
    // Up to the end of the arrays: the next part begins at theirs.
    const most = Math.min(limit, written - first, size - slot);
    let count = 0;
    while (count < most && this.isSettled(first + count, settledBefore)) count++;
    return {
      columns: copyColumns(columns, slot, slot + count, routes),
      count,
      routes,
      missed: first - asked,
      next: first + count,
    };
  }

  private isSettled(number: number, before: Micros): boolean {
    return number < this.written - this.size / 2 || this.columns.at[number % this.size] < before;
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
      if (this.passes(slot, filter)) found.push(readDecision(this.columns, slot, this.routeCount, number));
    }
    return found;
  }

  private isAbout(slot: number, flow: DecidedFlow): boolean {
    return (
      this.columns.route[slot] === flow.route &&
      this.columns.protocol[slot] === flow.protocol &&
      this.columns.ports[slot * 2] === flow.clientPort &&
      this.columns.ports[slot * 2 + 1] === flow.destinationPort &&
      sameAddress(this.columns.addresses, slot * 8, flow.client, 0) &&
      sameAddress(this.columns.addresses, slot * 8 + 4, flow.destination, 0)
    );
  }

  private passes(slot: number, filter: DecisionFilter): boolean {
    const { destination, port, client, route, service, clientPort, protocol, outcome } = filter;
    if (clientPort != null && this.columns.ports[slot * 2] !== clientPort) return false;
    if (protocol != null && this.columns.protocol[slot] !== protocol) return false;
    if (outcome != null && this.outcomeOf(slot) !== outcome) return false;
    if (port !== null && this.columns.ports[slot * 2 + 1] !== port) return false;
    if (route !== 0 && this.columns.route[slot] !== route) return false;
    if (service !== 0 && this.columns.service[slot] !== service) return false;
    if (client !== null && !sameAddress(this.columns.addresses, slot * 8, client, 0)) return false;
    return destination === null || sameAddress(this.columns.addresses, slot * 8 + 4, destination, 0);
  }

  private outcomeOf(slot: number): 'won' | 'failed' | 'single' {
    if (this.columns.reason[slot] >= OUTCOME_REASONS.length) return 'single';
    return this.columns.route[slot] === 0 ? 'failed' : 'won';
  }

  private begin(now: Micros, route: RouteNumber, reason: number, service: ServiceNumber): number {
    const slot = this.written++ % this.size;
    const { columns } = this;
    columns.at[slot] = now;
    columns.route[slot] = route;
    columns.reason[slot] = reason;
    columns.service[slot] = service;
    columns.intercepted[slot] = 0;
    columns.memoryAge[slot] = -1;
    return slot;
  }

  private copyAnswer(slot: number, races: RaceTable, race: RaceId, route: RouteNumber): void {
    const { columns } = this;
    const to = slot * this.routeCount + route - 1;
    const from = races.attempt(race, route);
    const hasLeft = races.hasAttempt(race, route);
    const begin = races.startedAt[race];
    const isWaiting = !hasLeft && races.attemptDueAt[from] > begin;
    const sentAt = isWaiting ? races.attemptDueAt[from] : races.attemptFirstSentAt[from];
    columns.answer[to] = hasLeft ? answerOf(races, from) : isWaiting ? ANSWER.WAITED : ANSWER.NONE;
    columns.rtt[to] = races.attemptRtt[from];
    columns.copies[to] = races.attemptSends[from];
    const hasTime = isWaiting || (hasLeft && columns.answer[to] !== ANSWER.NOT_SENT);
    columns.sent[to] = hasTime ? bounded(sentAt - begin) : NO_TIME;
    columns.answered[to] =
      columns.answer[to] === ANSWER.ANSWERED ? bounded(races.attemptAnsweredAt[from] - begin) : NO_TIME;
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
