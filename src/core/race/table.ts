/**
 * All races, as columns of typed arrays: nothing is allocated per connection, and the size is known from the start.
 * Hash indexes find a race: by the client's flow, and by the local ends that its attempts left with.
 */
import { type AddressWords, sameAddress } from '../../model/address.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { Chains } from './chains.js';
import { type AttemptEnds, ENDS, type FlowEnds, type LocalEnds } from './ends.js';
import { answerHash, flowHash, pair } from './ends-hash.js';
import { ATTEMPT, ATTEMPT_LIFE, IGNORED, RACE, RACE_EVENT, RACE_LIFE } from './life.js';
import { Ring } from './ring.js';

/** In place of a race: there is none. */
export const NO_RACE = -1;

/** BOUNDED: `slots` races; the caller decides what happens when `take` finds none. */
export class RaceTable {
  readonly state: Uint8Array;
  readonly family: Uint8Array;
  /** As `FlowEnds.protocol`. */
  readonly transport: Uint16Array;
  /** Place of its protocol in the list of protocols. */
  readonly protocol: Uint8Array;
  readonly client: AddressWords;
  readonly destination: AddressWords;
  /** Who the client is (limit/hosts.ts). */
  readonly host: Int32Array;
  readonly clientPort: Uint16Array;
  readonly destinationPort: Uint16Array;
  /** Source port of the copies on routes that translate to an address of their own. */
  readonly natPort: Uint16Array;
  /** What tells this set-up from others of the same flow; its protocol's own (TCP: the ISN). */
  readonly token: Int32Array;
  /** Which times of memory it measures. */
  readonly times: Uint8Array;
  /** The route whose answer the client has seen; 0: none. */
  readonly shown: Uint8Array;
  /** The route that carries the flow; 0: none. */
  readonly carrier: Uint8Array;
  /** How the carrier has answered, as an index of OUTCOME_REASONS; and whether that proves that the server has seen the set-up. */
  readonly outcome: Uint8Array;
  readonly proven: Uint8Array;
  /** Why it has one racer alone: one more than an index of SINGLE_REASONS; 0: it has more. */
  readonly chosen: Uint8Array;
  readonly service: Uint8Array;
  /** Whether the copies keep the client's address and port, as the service says: TRANSLATE. */
  readonly translate: Uint8Array;
  /** The route that the client's first set-up went by alone, without an answer; 0: none. */
  readonly tried: Uint8Array;
  /** `Health.returnsOf` when it began. */
  readonly returns: Uint16Array;
  /** 1: what it says decides whether its group keeps its route. */
  readonly settles: Uint8Array;
  /** Whether more than one copy may leave: COPIES. */
  readonly copies: Uint8Array;
  /** Bits of routes that are only measured: they are down until they have proved themselves. */
  readonly trials: Uint32Array;
  /** Bits of routes whose copy leaves later, and when the next of them is due. */
  readonly waiting: Uint32Array;
  readonly nextStart: Float64Array;
  /** When the race is due for anything else. */
  readonly dueAt: Float64Array;
  /** Bits of routes that have an attempt. */
  readonly routes: Uint32Array;
  readonly startedAt: Float64Array;
  readonly lastSetupAt: Float64Array;
  /** Entry in the decision ring, -1 before the decision. */
  readonly decision: Float64Array;

  readonly attemptState: Uint8Array;
  /** Copies that left on this route; a time is measured only when it is 1 (Karn). */
  readonly attemptSends: Uint8Array;
  /** Challenges that were answered: one per copy. */
  readonly attemptChallenges: Uint8Array;
  /** What the copies left with; see `leave`. `attemptEnds` is one of ENDS. */
  readonly attemptAddress: AddressWords;
  readonly attemptPort: Uint16Array;
  readonly attemptEnds: Uint8Array;
  readonly attemptSentAt: Float64Array;
  /** When the first copy left; of a flow that was given to the route before the race, about when. */
  readonly attemptFirstSentAt: Float64Array;
  /** Microseconds between the first copy and the second; 0: there is one alone. */
  readonly attemptGap: Float64Array;
  readonly attemptAnsweredAt: Float64Array;
  /** When a waiting copy leaves. */
  readonly attemptDueAt: Float64Array;
  /** What the answer looked like, apart from what differs from one connection to the next. */
  readonly attemptShape: Int32Array;
  /** Microseconds from sending to the answer; -1 when there is none or it cannot be told. */
  readonly attemptRtt: Int32Array;
  /** Of a negative answer: EVIDENCE; and the words of the refusal, or the address of the router that sent the error. */
  readonly attemptEvidence: Uint16Array;
  readonly attemptEvidenceWords: Int32Array;

  active = 0;

  private readonly flows: Chains;
  /** By the race's port; by the client's where an attempt has kept it; by that of the flow that lives on. */
  private readonly raced: Chains;
  private readonly kept: Chains;
  private readonly keepsPort: Uint8Array;
  private readonly begun: Chains;
  /** 0: the race has no such flow. */
  private readonly begunPort: Uint16Array;
  private readonly free: Int32Array;
  private freeCount: number;
  /** Decided races in the order of their decisions: the first is the one to give up when the table is full. */
  private readonly lingering: Ring;

  constructor(
    readonly slots: number,
    readonly routeCount: number,
    private readonly secret: number,
  ) {
    const attempts = slots * routeCount;
    this.state = new Uint8Array(slots);
    this.family = new Uint8Array(slots);
    this.transport = new Uint16Array(slots);
    this.protocol = new Uint8Array(slots);
    this.client = new Int32Array(slots * 4);
    this.destination = new Int32Array(slots * 4);
    this.host = new Int32Array(slots);
    this.clientPort = new Uint16Array(slots);
    this.destinationPort = new Uint16Array(slots);
    this.natPort = new Uint16Array(slots);
    this.token = new Int32Array(slots);
    this.times = new Uint8Array(slots);
    this.shown = new Uint8Array(slots);
    this.carrier = new Uint8Array(slots);
    this.outcome = new Uint8Array(slots);
    this.proven = new Uint8Array(slots);
    this.chosen = new Uint8Array(slots);
    this.copies = new Uint8Array(slots);
    this.service = new Uint8Array(slots);
    this.translate = new Uint8Array(slots);
    this.tried = new Uint8Array(slots);
    this.returns = new Uint16Array(slots);
    this.settles = new Uint8Array(slots);
    this.trials = new Uint32Array(slots);
    this.waiting = new Uint32Array(slots);
    this.nextStart = new Float64Array(slots);
    this.dueAt = new Float64Array(slots);
    this.routes = new Uint32Array(slots);
    this.startedAt = new Float64Array(slots);
    this.lastSetupAt = new Float64Array(slots);
    this.decision = new Float64Array(slots);
    this.attemptState = new Uint8Array(attempts);
    this.attemptSends = new Uint8Array(attempts);
    this.attemptChallenges = new Uint8Array(attempts);
    this.attemptAddress = new Int32Array(attempts * 4);
    this.attemptPort = new Uint16Array(attempts);
    this.attemptEnds = new Uint8Array(attempts);
    this.attemptSentAt = new Float64Array(attempts);
    this.attemptFirstSentAt = new Float64Array(attempts);
    this.attemptGap = new Float64Array(attempts);
    this.attemptAnsweredAt = new Float64Array(attempts);
    this.attemptDueAt = new Float64Array(attempts);
    this.attemptShape = new Int32Array(attempts);
    this.attemptRtt = new Int32Array(attempts);
    this.attemptEvidence = new Uint16Array(attempts);
    this.attemptEvidenceWords = new Int32Array(attempts * 4);
    this.flows = new Chains(slots);
    this.raced = new Chains(slots);
    this.kept = new Chains(slots);
    this.keepsPort = new Uint8Array(slots);
    this.begun = new Chains(slots);
    this.begunPort = new Uint16Array(slots);
    this.free = new Int32Array(slots);
    for (let i = 0; i < slots; i++) this.free[i] = slots - 1 - i;
    this.freeCount = slots;
    this.lingering = new Ring(slots);
  }

  /** Index of the attempt of a race on a route in the attempt columns. */
  attempt(race: RaceId, route: RouteNumber): number {
    return race * this.routeCount + route - 1;
  }

  /** Whether a route takes part, with a copy or without one that could leave. */
  hasAttempt(race: RaceId, route: RouteNumber): boolean {
    return (this.routes[race] & (1 << route)) !== 0;
  }

  stateOf(race: RaceId, route: RouteNumber): number {
    return this.attemptState[this.attempt(race, route)];
  }

  /** The race of a client's flow; -1 when there is none. */
  findFlow(flow: FlowEnds): RaceId {
    const { protocol, source, sourcePort, destination, destinationPort } = flow;
    const hash = flowHash(this.secret ^ protocol, pair(sourcePort, destinationPort), source, destination, 0);
    for (let race = this.flows.first(hash); race >= 0; race = this.flows.next[race]) {
      if (
        this.clientPort[race] === sourcePort &&
        this.destinationPort[race] === destinationPort &&
        this.transport[race] === protocol &&
        sameAddress(this.client, race * 4, source, 0) &&
        sameAddress(this.destination, race * 4, destination, 0)
      )
        return race;
    }
    return NO_RACE;
  }

  /** The race whose copies left on a route with these ends; -1 when there is none. */
  findAttempt(route: RouteNumber, ends: AttemptEnds): RaceId {
    const hash = answerHash(
      this.secret ^ ends.protocol,
      pair(ends.localPort, ends.remotePort),
      ends.remote,
      0,
    );
    const race = this.searchAttempt(this.raced, hash, route, ends);
    if (race >= 0) return race;
    const keeper = this.searchAttempt(this.kept, hash, route, ends);
    return keeper >= 0 ? keeper : this.searchAttempt(this.begun, hash, route, ends);
  }

  /** Whether a race uses `port` as source port of its copies to the destination of a flow. */
  isPortInRace(flow: FlowEnds, port: number): boolean {
    const { protocol, destination, destinationPort } = flow;
    const hash = answerHash(this.secret ^ protocol, pair(port, destinationPort), destination, 0);
    for (let race = this.raced.first(hash); race >= 0; race = this.raced.next[race]) {
      if (
        this.natPort[race] === port &&
        this.destinationPort[race] === destinationPort &&
        this.transport[race] === protocol &&
        sameAddress(this.destination, race * 4, destination, 0)
      )
        return true;
    }
    return false;
  }

  /** Takes a free slot and enters it under its flow and its port, state RACING; -1 when the table is full. */
  take(flow: FlowEnds, natPort: number): RaceId {
    if (this.freeCount === 0) return NO_RACE;
    const race = this.free[--this.freeCount];
    this.stepRace(race, RACE_EVENT.START);
    const { protocol, source, sourcePort, destination, destinationPort } = flow;
    this.family[race] = flow.family;
    this.transport[race] = protocol;
    for (let i = 0; i < 4; i++) {
      this.client[race * 4 + i] = source[i];
      this.destination[race * 4 + i] = destination[i];
    }
    this.clientPort[race] = sourcePort;
    this.destinationPort[race] = destinationPort;
    this.natPort[race] = natPort;
    this.shown[race] = 0;
    this.carrier[race] = 0;
    this.outcome[race] = 0;
    this.routes[race] = 0;
    this.waiting[race] = 0;
    this.trials[race] = 0;
    this.keepsPort[race] = 0;
    this.begunPort[race] = 0;
    this.decision[race] = -1;
    this.nextStart[race] = Number.POSITIVE_INFINITY;
    this.dueAt[race] = Number.POSITIVE_INFINITY;
    const base = race * this.routeCount;
    // A loop beats `fill` for so few.
    for (let at = base; at < base + this.routeCount; at++) {
      this.attemptState[at] = ATTEMPT.NONE;
      this.attemptSends[at] = 0;
      this.attemptChallenges[at] = 0;
      // No packet has this port: an attempt that left with nothing is not found.
      this.attemptPort[at] = 0;
      this.attemptEnds[at] = ENDS.OWN;
      this.attemptRtt[at] = -1;
      this.attemptGap[at] = this.attemptDueAt[at] = 0;
      this.attemptEvidence[at] = 0;
    }
    this.flows.put(this.flowHashOf(race), race);
    this.raced.put(this.answerHashOf(race, natPort), race);
    this.active++;
    return race;
  }

  /** Takes a race along its life (life.ts); false: the event says nothing to its state. */
  stepRace(race: RaceId, event: number): boolean {
    const next = RACE_LIFE[event][this.state[race]];
    if (next === IGNORED) return false;
    this.state[race] = next;
    return true;
  }

  /** The same for an attempt; the bits of `routes` and `waiting` follow. */
  stepAttempt(race: RaceId, route: RouteNumber, event: number): boolean {
    const at = this.attempt(race, route);
    const next = ATTEMPT_LIFE[event][this.attemptState[at]];
    if (next === IGNORED) return false;
    this.attemptState[at] = next;
    const bit = 1 << route;
    if (next === ATTEMPT.WAITING) this.waiting[race] |= bit;
    else this.waiting[race] &= ~bit;
    if (next > ATTEMPT.WAITING) this.routes[race] |= bit;
    return true;
  }

  /**
   * Writes down what the copies on a route leave with: the address at word `from` of `words` and, by `ends`, the port. Answers
   * are found and resets are made by this alone, whatever becomes of the route meanwhile.
   */
  leave(race: RaceId, route: RouteNumber, ends: number, words: AddressWords, from: number): void {
    const at = this.attempt(race, route);
    for (let i = 0; i < 4; i++) this.attemptAddress[at * 4 + i] = words[from + i];
    this.attemptEnds[at] = ends;
    this.attemptPort[at] = ends === ENDS.POOL ? this.natPort[race] : this.clientPort[race];
    if (ends === ENDS.POOL || this.keepsPort[race] === 1) return;
    this.keepsPort[race] = 1;
    this.kept.put(this.answerHashOf(race, this.clientPort[race]), race);
  }

  /** The same for a flow that the connection table has: it keeps its port, whichever that is. A race has one such flow at most. */
  adopt(race: RaceId, route: RouteNumber, { local, localPort }: LocalEnds): void {
    const at = this.attempt(race, route);
    for (let i = 0; i < 4; i++) this.attemptAddress[at * 4 + i] = local[i];
    this.attemptEnds[at] = ENDS.FLOW;
    this.attemptPort[at] = localPort;
    this.begunPort[race] = localPort;
    this.begun.put(this.answerHashOf(race, localPort), race);
  }

  /** Whether the attempt on a route is a flow that the connection table has had before the race. */
  isFlow(race: RaceId, route: RouteNumber): boolean {
    return this.hasAttempt(race, route) && this.attemptEnds[this.attempt(race, route)] === ENDS.FLOW;
  }

  /** Gives a race another source port; answers to copies with the old one no longer find it. */
  movePort(race: RaceId, natPort: number): void {
    this.raced.remove(this.answerHashOf(race, this.natPort[race]), race);
    this.natPort[race] = natPort;
    this.raced.put(this.answerHashOf(race, natPort), race);
  }

  /** Marks a race decided and puts it at the end of those that may be given up; false when it is not to be decided. */
  linger(race: RaceId): boolean {
    if (!this.stepRace(race, RACE_EVENT.BIND)) return false;
    this.lingering.push(race);
    return true;
  }

  /** The decided race that has waited longest for its losers; -1 when there is none. */
  oldestLingering(): RaceId {
    return this.lingering.first();
  }

  /** Frees a slot; nothing happens when it is free. */
  release(race: RaceId): void {
    if (!this.stepRace(race, RACE_EVENT.END)) return;
    this.lingering.remove(race);
    this.flows.remove(this.flowHashOf(race), race);
    this.raced.remove(this.answerHashOf(race, this.natPort[race]), race);
    if (this.keepsPort[race] === 1) this.kept.remove(this.answerHashOf(race, this.clientPort[race]), race);
    if (this.begunPort[race] !== 0) this.begun.remove(this.answerHashOf(race, this.begunPort[race]), race);
    this.free[this.freeCount++] = race;
    this.active--;
  }

  isFree(race: RaceId): boolean {
    return this.state[race] === RACE.FREE;
  }

  private searchAttempt(chains: Chains, hash: number, route: RouteNumber, ends: AttemptEnds): RaceId {
    for (let race = chains.first(hash); race >= 0; race = chains.next[race]) {
      if (!this.hasAttempt(race, route)) continue;
      const at = this.attempt(race, route);
      if (
        this.attemptPort[at] === ends.localPort &&
        this.destinationPort[race] === ends.remotePort &&
        this.transport[race] === ends.protocol &&
        sameAddress(this.attemptAddress, at * 4, ends.local, 0) &&
        sameAddress(this.destination, race * 4, ends.remote, 0)
      )
        return race;
    }
    return NO_RACE;
  }

  private flowHashOf(race: RaceId): number {
    const ports = pair(this.clientPort[race], this.destinationPort[race]);
    return flowHash(this.secret ^ this.transport[race], ports, this.client, this.destination, race * 4);
  }

  private answerHashOf(race: RaceId, port: number): number {
    const ports = pair(port, this.destinationPort[race]);
    return answerHash(this.secret ^ this.transport[race], ports, this.destination, race * 4);
  }
}
