/**
 * All races, as columns of typed arrays: nothing is allocated per connection, and the size is known from the start.
 * Two hash indexes find a race: by the client's flow, and by what the answers of its attempts carry.
 */
import { type AddressWords, type Family, sameAddress } from '../../model/address.js';
import { MAX_SETUP_LENGTH } from '../../wire/build.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { finishHash, mix, mixAddress, powerOfTwo } from '../hash.js';
import { ATTEMPT, ATTEMPT_EDGES, RACE, RACE_EDGES, to } from './states.js';

/** Evidence kind of an attempt that answered with RST; ICMP errors are type * 256 + code. */
export const EVIDENCE_RST = 0xffff;

/** BOUNDED: `slots` races; the caller decides what happens when `take` finds none. */
export class RaceTable {
  readonly state: Uint8Array;
  readonly family: Uint8Array;
  readonly client: AddressWords;
  readonly destination: AddressWords;
  readonly clientPort: Uint16Array;
  readonly destinationPort: Uint16Array;
  /** Source port of the copies on routes that translate. */
  readonly natPort: Uint16Array;
  /** Initial sequence number of the client. */
  readonly isn: Int32Array;
  readonly winner: Uint8Array;
  /** 1: the winning answer was the server's own SYN. */
  readonly simultaneous: Uint8Array;
  readonly service: Uint8Array;
  /** Whether the copies keep the client's address and port, as the service says: TRANSLATE. */
  readonly translate: Uint8Array;
  /** The route that the client's first SYN went by alone, without an answer; 0: none. */
  readonly tried: Uint8Array;
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
  readonly lastSynAt: Float64Array;
  /** Entry in the decision ring, -1 before the decision. */
  readonly decision: Float64Array;
  readonly setup: Uint8Array;
  readonly setupLength: Uint8Array;

  readonly attemptState: Uint8Array;
  /** Copies that left on this route; a time is measured only when it is 1 (Karn). */
  readonly attemptSends: Uint8Array;
  /** Challenge ACKs that were answered: one per copy. */
  readonly attemptChallenges: Uint8Array;
  readonly attemptAddress: AddressWords;
  readonly attemptSentAt: Float64Array;
  /** When a waiting copy leaves. */
  readonly attemptDueAt: Float64Array;
  /** What the answer looked like, apart from what differs from one connection to the next. */
  readonly attemptShape: Int32Array;
  /** Microseconds from sending to the answer; -1 when there is none or it cannot be told. */
  readonly attemptRtt: Int32Array;
  readonly attemptEvidence: Uint16Array;
  /** RST: its sequence and acknowledgement numbers. ICMP: address of the router that sent it. */
  readonly attemptEvidenceWords: Int32Array;

  active = 0;

  private readonly flowBuckets: Int32Array;
  private readonly flowNext: Int32Array;
  private readonly answerBuckets: Int32Array;
  private readonly answerNext: Int32Array;
  private readonly mask: number;
  private readonly free: Int32Array;
  private freeCount: number;
  /** Decided races in the order of their decisions: the first is the one to give up when the table is full. */
  private readonly lingerNext: Int32Array;
  private readonly lingerPrevious: Int32Array;

  constructor(
    readonly slots: number,
    readonly routeCount: number,
    private readonly secret: number,
  ) {
    const attempts = slots * routeCount;
    const buckets = powerOfTwo(slots);
    this.mask = buckets - 1;
    this.state = new Uint8Array(slots);
    this.family = new Uint8Array(slots);
    this.client = new Int32Array(slots * 4);
    this.destination = new Int32Array(slots * 4);
    this.clientPort = new Uint16Array(slots);
    this.destinationPort = new Uint16Array(slots);
    this.natPort = new Uint16Array(slots);
    this.isn = new Int32Array(slots);
    this.winner = new Uint8Array(slots);
    this.simultaneous = new Uint8Array(slots);
    this.service = new Uint8Array(slots);
    this.translate = new Uint8Array(slots);
    this.tried = new Uint8Array(slots);
    this.trials = new Uint32Array(slots);
    this.waiting = new Uint32Array(slots);
    this.nextStart = new Float64Array(slots);
    this.dueAt = new Float64Array(slots);
    this.routes = new Uint32Array(slots);
    this.startedAt = new Float64Array(slots);
    this.lastSynAt = new Float64Array(slots);
    this.decision = new Float64Array(slots);
    this.setup = new Uint8Array(slots * MAX_SETUP_LENGTH);
    this.setupLength = new Uint8Array(slots);
    this.attemptState = new Uint8Array(attempts);
    this.attemptSends = new Uint8Array(attempts);
    this.attemptChallenges = new Uint8Array(attempts);
    this.attemptAddress = new Int32Array(attempts * 4);
    this.attemptSentAt = new Float64Array(attempts);
    this.attemptDueAt = new Float64Array(attempts);
    this.attemptShape = new Int32Array(attempts);
    this.attemptRtt = new Int32Array(attempts);
    this.attemptEvidence = new Uint16Array(attempts);
    this.attemptEvidenceWords = new Int32Array(attempts * 4);
    this.flowBuckets = new Int32Array(buckets).fill(-1);
    this.flowNext = new Int32Array(slots);
    this.answerBuckets = new Int32Array(buckets).fill(-1);
    this.answerNext = new Int32Array(slots);
    this.free = new Int32Array(slots);
    for (let i = 0; i < slots; i++) this.free[i] = slots - 1 - i;
    this.freeCount = slots;
    // The extra entry at the end is the head of the ring.
    this.lingerNext = new Int32Array(slots + 1).fill(slots, slots);
    this.lingerPrevious = new Int32Array(slots + 1).fill(slots, slots);
  }

  /** Index of the attempt of a race on a route in the attempt columns. */
  attempt(race: RaceId, route: RouteNumber): number {
    return race * this.routeCount + route - 1;
  }

  hasAttempt(race: RaceId, route: RouteNumber): boolean {
    return (this.routes[race] & (1 << route)) !== 0;
  }

  /** The race of a client's flow; -1 when there is none. */
  findFlow(
    client: AddressWords,
    clientPort: number,
    destination: AddressWords,
    destinationPort: number,
  ): RaceId {
    let race = this.flowBuckets[this.flowHash(client, 0, clientPort, destination, 0, destinationPort)];
    while (race >= 0) {
      if (
        this.clientPort[race] === clientPort &&
        this.destinationPort[race] === destinationPort &&
        sameAddress(this.client, race * 4, client, 0) &&
        sameAddress(this.destination, race * 4, destination, 0)
      ) {
        return race;
      }
      race = this.flowNext[race];
    }
    return -1;
  }

  /** The race that uses `port` as source port of its copies to a destination; -1 when none does. */
  findAnswer(destination: AddressWords, destinationPort: number, port: number): RaceId {
    let race = this.answerBuckets[this.answerHash(destination, 0, destinationPort, port)];
    while (race >= 0) {
      if (
        this.natPort[race] === port &&
        this.destinationPort[race] === destinationPort &&
        sameAddress(this.destination, race * 4, destination, 0)
      ) {
        return race;
      }
      race = this.answerNext[race];
    }
    return -1;
  }

  /** Takes a free slot, enters it under its flow and its answers, state RACING; -1 when the table is full. */
  take(
    family: Family,
    client: AddressWords,
    clientPort: number,
    destination: AddressWords,
    destinationPort: number,
    natPort: number,
  ): RaceId {
    if (this.freeCount === 0) return -1;
    const race = this.free[--this.freeCount];
    to(this.state, race, RACE.RACING, RACE_EDGES);
    this.family[race] = family;
    for (let i = 0; i < 4; i++) {
      this.client[race * 4 + i] = client[i];
      this.destination[race * 4 + i] = destination[i];
    }
    this.clientPort[race] = clientPort;
    this.destinationPort[race] = destinationPort;
    this.natPort[race] = natPort;
    this.winner[race] = 0;
    this.routes[race] = 0;
    this.decision[race] = -1;
    const base = race * this.routeCount;
    // A loop beats `fill` for so few.
    for (let at = base; at < base + this.routeCount; at++) {
      this.attemptState[at] = ATTEMPT.NONE;
      this.attemptSends[at] = 0;
      this.attemptChallenges[at] = 0;
      this.attemptRtt[at] = -1;
      this.attemptEvidence[at] = 0;
    }
    this.simultaneous[race] = 0;
    this.service[race] = 0;
    this.translate[race] = 0;
    this.tried[race] = 0;
    this.trials[race] = 0;
    this.waiting[race] = 0;
    this.nextStart[race] = Number.POSITIVE_INFINITY;
    this.dueAt[race] = Number.POSITIVE_INFINITY;
    const flow = this.flowHash(client, 0, clientPort, destination, 0, destinationPort);
    this.flowNext[race] = this.flowBuckets[flow];
    this.flowBuckets[flow] = race;
    const answer = this.answerHash(destination, 0, destinationPort, natPort);
    this.answerNext[race] = this.answerBuckets[answer];
    this.answerBuckets[answer] = race;
    this.active++;
    return race;
  }

  /** Moves an attempt along an edge. */
  setAttempt(at: number, next: number): void {
    to(this.attemptState, at, next, ATTEMPT_EDGES);
  }

  /** Gives a race another source port for its copies; answers to the old one no longer find it. */
  movePort(race: RaceId, natPort: number): void {
    const { destination } = this;
    const port = this.destinationPort[race];
    unlink(
      this.answerBuckets,
      this.answerNext,
      this.answerHash(destination, race * 4, port, this.natPort[race]),
      race,
    );
    this.natPort[race] = natPort;
    const answer = this.answerHash(destination, race * 4, port, natPort);
    this.answerNext[race] = this.answerBuckets[answer];
    this.answerBuckets[answer] = race;
  }

  /** Marks a race decided and puts it at the end of those that may be given up. */
  linger(race: RaceId): void {
    to(this.state, race, RACE.DECIDED, RACE_EDGES);
    const head = this.slots;
    const last = this.lingerPrevious[head];
    this.lingerNext[last] = race;
    this.lingerPrevious[race] = last;
    this.lingerNext[race] = head;
    this.lingerPrevious[head] = race;
  }

  /** The decided race that has waited longest for its losers; -1 when there is none. */
  oldestLingering(): RaceId {
    const first = this.lingerNext[this.slots];
    return first === this.slots ? -1 : first;
  }

  /** Frees a slot. */
  release(race: RaceId): void {
    if (this.state[race] === RACE.DECIDED) {
      this.lingerNext[this.lingerPrevious[race]] = this.lingerNext[race];
      this.lingerPrevious[this.lingerNext[race]] = this.lingerPrevious[race];
    }
    to(this.state, race, RACE.FREE, RACE_EDGES);
    const { client, destination } = this;
    const at = race * 4;
    const port = this.destinationPort[race];
    unlink(
      this.flowBuckets,
      this.flowNext,
      this.flowHash(client, at, this.clientPort[race], destination, at, port),
      race,
    );
    unlink(
      this.answerBuckets,
      this.answerNext,
      this.answerHash(destination, at, port, this.natPort[race]),
      race,
    );
    this.free[this.freeCount++] = race;
    this.active--;
  }

  /** Every race that is not free; for counters and changes of routes, not for packets. */
  each(visit: (race: RaceId) => void): void {
    for (let race = 0; race < this.slots; race++) if (this.state[race] !== RACE.FREE) visit(race);
  }

  private flowHash(
    client: AddressWords,
    clientAt: number,
    clientPort: number,
    destination: AddressWords,
    destinationAt: number,
    destinationPort: number,
  ): number {
    const hash = mix(mixAddress(this.secret, client, clientAt), (clientPort << 16) | destinationPort);
    return finishHash(mixAddress(hash, destination, destinationAt)) & this.mask;
  }

  private answerHash(destination: AddressWords, at: number, destinationPort: number, port: number): number {
    const hash = mix(this.secret, (port << 16) | destinationPort);
    return finishHash(mixAddress(hash, destination, at)) & this.mask;
  }
}

function unlink(buckets: Int32Array, next: Int32Array, bucket: number, race: RaceId): void {
  if (buckets[bucket] === race) {
    buckets[bucket] = next[race];
    return;
  }
  let at = buckets[bucket];
  while (next[at] !== race) at = next[at];
  next[at] = next[race];
}
