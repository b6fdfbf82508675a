/** The sinks of an engine, which look at each effect as it comes: is this promised now? */
import type { FlowTable, Input, MemoryEntry, NoteSink, Verdict, WireSink } from '../../src/core/contract.js';
import type { Engine } from '../../src/core/engine.js';
import type {
  AffinityGroup,
  Micros,
  RaceId,
  RouteNumber,
  ServiceNumber,
} from '../../src/core/engine-types.js';
import { isInPool } from '../../src/core/pool.js';
import { SOCKET } from '../../src/core/protocols/socket.js';
import { ENDS, type LocalEnds } from '../../src/core/race/ends.js';
import { rankOf } from '../../src/core/race/evidence.js';
import { ATTEMPT, RACE } from '../../src/core/race/life.js';
import { mapOut } from '../../src/core/race/prefix.js';
import { type AddressWords, sameAddress } from '../../src/model/address.js';
import { type HealthReason, SINGLE_REASONS } from '../../src/model/reasons.js';
import { FLAG, type Packet, PROTOCOL } from '../../src/wire/packet.js';
import { AttemptLog } from './attempt-log.js';
import { Constants } from './constants.js';
import { type Coverage, count } from './coverage.js';
import type { Expected } from './expected.js';
import type { Faults } from './faults.js';
import { holds, same } from './invariants.js';
import { KernelShadow } from './kernel-shadow.js';
import { WireCheck } from './wire-check.js';

/** What the engine is busy with. */
type Hand = Input['kind'] | 'committed' | 'event' | 'none';

/** Above those of the fuzz's clients and races. */
const KERNEL_PORTS = 62_000;

export class Watch implements WireSink, NoteSink, FlowTable {
  /** Attempts that have left lately: of packets, and of a front end that opens connections. */
  readonly packets = new AttemptLog();
  readonly sockets = new AttemptLog();
  readonly kernel = new KernelShadow();
  /** Races whose commits have no answer yet, in their order. BOUNDED: one per race. */
  readonly waiting: RaceId[] = [];
  /** Whether the engine was given this for flows and notes, too. */
  hasFlows = true;
  hasNotes = true;
  readonly tellsPayloads = true;
  /** Bits of the routes on which the tuples of attempts belong to living flows. */
  taken = 0;

  private engine!: Engine;
  private wire!: WireCheck;
  private constants!: Constants;
  private now: Micros = 0;
  private hand: Hand = 'none';
  private packet: Packet | null = null;
  private commits = 0;
  private resets = 0;
  private refusals = 0;
  private asked = 0;
  private tried = 0;
  private readonly rejected: RaceId[] = [];
  /** Of clients' ends. BOUNDED: those of the program. */
  private readonly kernelPorts = new Map<string, number>();
  private readonly mapped = new Int32Array(4);

  constructor(
    private readonly coverage: Coverage,
    private readonly faults: Faults,
  ) {}

  attach(engine: Engine): void {
    this.engine = engine;
    this.wire = new WireCheck(engine);
    this.constants = new Constants(engine);
    this.coverage.attach(engine);
  }

  /** Only what is decided has a flow. */
  release(race: RaceId): void {
    same(this.engine.races.state[race], RACE.DECIDED, 'a flow that is let go');
  }

  /** `tried`: of a set-up. */
  begin(hand: Hand, packet: Packet | null, now: Micros, tried: RouteNumber = 0): void {
    this.hand = hand;
    this.tried = tried;
    this.packet = packet;
    this.now = now;
    this.commits = 0;
    this.resets = 0;
    this.refusals = 0;
    this.asked = 0;
    this.rejected.length = 0;
  }

  /** The effects of an input are complete. */
  end(): void {
    const { races } = this.engine;
    for (const race of this.rejected) holds(races.isFree(race), 'a race goes on after its error');
    this.constants.check();
    if (this.hasNotes) this.kernel.check(this.engine, this.now);
    this.hand = 'none';
  }

  /** `isPlain`: the handling broke, and the input got what it gets without us. */
  verdict(input: Input, verdict: Verdict, isPlain: boolean): void {
    const { kind } = verdict;
    count(this.coverage.verdicts, `${input.kind} ${kind}`);
    if (isPlain) return this.plainVerdict(input, verdict);
    switch (input.kind) {
      case 'setup':
        this.setupVerdict(input, verdict);
        break;
      case 'answer':
      case 'outcome':
        holds(kind !== 'release', 'an answer is released');
        holds(kind !== 'commit' || this.isBound(verdict), 'a commit that is none');
        break;
    }
    if (this.hasFlows) same(this.commits, kind === 'commit' ? 1 : 0, 'commits');
    if (this.refusals > 0) same(kind, 'drop', 'the verdict on what is refused');
    holds(this.refusals <= 1, 'refused twice');
  }

  /** An answer is judged as the rules say. */
  isAsExpected({ kind }: Verdict, { verdict, tells, race, route, state, held }: Expected): void {
    const { races } = this.engine;
    same(kind, verdict, 'the verdict on an answer');
    if (verdict === 'pass' || verdict === 'commit' || tells === 'refuse') same(this.resets, held, 'resets');
    if (tells === 'cancel') same(this.resets, 1, 'resets');
    same(this.refusals, tells === 'refuse' ? 1 : 0, 'refusals');
    if (state !== null && !races.isFree(race))
      same(races.stateOf(race, route), state, 'the state of an attempt');
  }

  private isBound({ race, route }: Verdict): boolean {
    const { races } = this.engine;
    if (!this.hasFlows && races.isFree(race)) return true;
    return (
      races.carrier[race] === route && races.state[race] === (this.hasFlows ? RACE.COMMITTING : RACE.DECIDED)
    );
  }

  private setupVerdict(input: Input & { kind: 'setup' }, verdict: Verdict): void {
    const { engine } = this;
    const { kind, route, reason, counted } = verdict;
    const { tried, service: number, pinned = 0, packet } = input;
    const { routed = 0, mayCopy = true } = input;
    const stays = input.stays === true || input.hasWay === true;
    if (kind === 'pass') {
      if (verdict.race >= 0) this.goesOnBeside(verdict.race, tried);
      return holds(tried !== 0, 'a new connection goes on without a route');
    }
    if (kind === 'drop') {
      const isTaken = engine.races.findFlow(packet) >= 0;
      holds(!stays, 'what stays has been replaced');
      return holds(isTaken || this.constants.hasFailed, 'a set-up is lost');
    }
    same(kind, 'release', 'the verdict on a set-up');
    holds(SINGLE_REASONS.includes(reason) && reason !== 'internal-error', `released for ${reason}`);
    holds(!counted || (route !== 0 && engine.countsSessions), 'counted what is not');
    if (reason === 'same-flow') return;
    if (tried !== 0) same(route, 0, 'the route of a flow that has one');
    if (stays) same(route, 0, 'the route of what stays');
    // On the way of one route it can go on by that one alone.
    if (routed !== 0 && route !== 0 && packet.protocol !== PROTOCOL.UDP)
      same(route, routed, 'the route of what has a way');
    if (reason === 'operator-rule') holds(!mayCopy, 'not raced although it may be');
    if (route === 0 || route === pinned) return;
    const { usable, admin } = engine.routes[route - 1];
    holds(usable[packet.family] && admin === 'enabled', 'released over a route that cannot be used');
    const { routes } = engine.site.services[number] ?? engine.site.everything;
    holds(routes.includes(route), 'released over a route of another service');
  }

  /** A set-up that goes by its own flow, beside copies: an answer to it is one to the race, where that has the flow as an attempt. */
  private goesOnBeside(race: RaceId, tried: RouteNumber): void {
    const { races } = this.engine;
    same(races.state[race], RACE.RACING, 'the state of a race beside which a set-up goes on');
    if (races.isFlow(race, tried)) this.packets.note(races, race, tried);
  }

  private plainVerdict(input: Input, { kind, route, reason }: Verdict): void {
    if (input.kind === 'outcome') return same(kind, 'drop', 'the plain verdict on an outcome');
    if (input.kind === 'answer')
      return same(kind, input.known ? 'pass' : 'drop', 'the plain verdict on an answer');
    if (input.kind === 'client') return same(kind, 'pass', 'the plain verdict on what a client says further');
    same(kind, input.tried !== 0 ? 'pass' : 'release', 'the plain verdict on a set-up');
    if (kind === 'release') holds(route === 0 && reason === 'internal-error', 'the plain route of a set-up');
  }

  private rank(race: RaceId, route: RouteNumber): number {
    const { races } = this.engine;
    return rankOf(races.attemptEvidence[races.attempt(race, route)], races.family[race] === 4);
  }

  private shareEnds(race: RaceId, one: RouteNumber, other: RouteNumber): boolean {
    const { races } = this.engine;
    const { attemptAddress, attemptPort } = races;
    const a = races.attempt(race, one);
    const b = races.attempt(race, other);
    return attemptPort[a] === attemptPort[b] && sameAddress(attemptAddress, a * 4, attemptAddress, b * 4);
  }

  // ---- sinks ----

  attempt(race: RaceId, route: RouteNumber): void {
    count(this.coverage.effects, 'attempt');
    const { races, routes } = this.engine;
    const to = routes[route - 1];
    const family = races.family[race] as 4 | 6;
    const at = races.attempt(race, route);
    same(races.state[race], RACE.RACING, 'the state of a race whose copy leaves');
    same(races.attemptState[at], ATTEMPT.SENT, 'the state of an attempt whose copy leaves');
    same(races.attemptSentAt[at], this.now, 'when a copy leaves');
    holds(to.usable[family], 'a copy leaves by a route that is not usable');
    same(to.admin, 'enabled', 'a copy leaves by a route that takes none');
    const port = races.attemptPort[at];
    switch (races.attemptEnds[at]) {
      case ENDS.OWN:
        holds(
          sameAddress(races.attemptAddress, at * 4, races.client, race * 4),
          'an address is not the client’s',
        );
        same(port, races.clientPort[race], 'the port of a copy');
        break;
      case ENDS.PREFIX:
        holds(
          mapOut(to.prefixes, races.client, race * 4, this.mapped, 0),
          'a prefix that is not the route’s',
        );
        holds(sameAddress(races.attemptAddress, at * 4, this.mapped, 0), 'an address that is not by prefix');
        same(port, races.clientPort[race], 'the port of a copy');
        break;
      case ENDS.FLOW:
        same(port, this.kernelPort(races.client, race * 4, races.clientPort[race]), 'the port of a flow');
        break;
      default:
        holds(
          isInPool(to.addresses[family], races.attemptAddress, at * 4),
          'an address that is not the route’s',
        );
        same(port, races.natPort[race], 'the port of a copy');
    }
    this.constants.sent(at);
    if (races.transport[race] === SOCKET) this.sockets.note(races, race, route);
    else {
      this.packets.note(races, race, route);
      this.wire.copy(race, route);
    }
    this.faults.call('wire');
  }

  cancel(race: RaceId, route: RouteNumber, proof: number): void {
    count(this.coverage.effects, 'cancel');
    this.resets++;
    const { packet } = this;
    const { races } = this.engine;
    const at = races.attempt(race, route);
    holds(!races.isFree(race), 'a reset for a race that is over');
    holds(
      races.attemptState[at] > ATTEMPT.WAITING && races.attemptPort[at] !== 0,
      'a reset for what never left',
    );
    const carrier = races.carrier[race];
    const isSocket = races.transport[race] === SOCKET;
    const exact = isSocket ? 0 : (races.token[race] + 1) | 0;
    if (proof !== exact) {
      const isAnswer = this.hand === 'answer' && packet?.protocol === PROTOCOL.TCP;
      same(isAnswer, true, 'a reset with a number from nowhere');
      same(proof, packet?.acknowledgement, 'the number of a reset');
    } else if (carrier !== 0 && this.hand !== 'setup' && this.hand !== 'committed') {
      // The other end of the flow that is carried must not be told that nobody uses it.
      const hits = isSocket ? route === carrier : this.shareEnds(race, route, carrier);
      holds(!hits, 'the reset of a loser ends the flow');
    }
    if (!isSocket) this.wire.cancel(race, route, proof);
    this.faults.call('wire');
  }

  refuse(): void {
    count(this.coverage.effects, 'refuse');
    const { packet } = this;
    this.refusals++;
    same(this.hand, 'answer', 'what is refused');
    same(packet?.protocol, PROTOCOL.TCP, 'the protocol of what is refused');
    same(packet!.flags & (FLAG.SYN | FLAG.ACK), FLAG.SYN | FLAG.ACK, 'the flags of what is refused');
    this.faults.call('wire');
  }

  reject(race: RaceId, route: RouteNumber): void {
    count(this.coverage.effects, 'reject');
    const { races } = this.engine;
    same(races.state[race], RACE.RACING, 'the state of a race whose client gets an error');
    same(races.stateOf(race, route), ATTEMPT.NEGATIVE, 'the state of an attempt whose error the client gets');
    holds(!this.rejected.includes(race), 'two errors for one race');
    for (let other = 1; other <= races.routeCount; other++)
      if (races.stateOf(race, other) === ATTEMPT.NEGATIVE)
        holds(this.rank(race, route) <= this.rank(race, other), 'another error says more');
    this.rejected.push(race);
    if (races.transport[race] !== SOCKET) this.wire.reject(race, route);
    this.faults.call('wire');
  }

  remember(entry: MemoryEntry): void {
    count(this.coverage.effects, 'remember');
    this.kernel.remember(this.engine, entry, this.now);
    this.faults.call('notes');
  }

  unremember(entry: MemoryEntry): void {
    count(this.coverage.effects, 'unremember');
    this.kernel.unremember(entry);
    this.faults.call('notes');
  }

  pin(
    number: ServiceNumber,
    group: AffinityGroup,
    route: RouteNumber,
    isInterim: boolean,
    ttl: Micros,
  ): void {
    count(this.coverage.effects, `pin ${isInterim ? 'interim ' : ''}${group.kind}`);
    const service = this.engine.site.services[number];
    holds(service !== undefined && service.affinity !== 'none', 'pinned for a service without affinity');
    holds(service!.routes.includes(route), 'pinned to a route of another service');
    same(ttl, service!.affinityMicros, 'for how long a group is pinned');
    this.faults.call('notes');
  }

  ask(number: ServiceNumber, group: AffinityGroup, ttl: Micros): void {
    count(this.coverage.effects, `ask ${group.kind}`);
    const service = this.engine.site.services[number];
    holds(service !== undefined && service.affinity !== 'none', 'a group of a service without affinity');
    holds(ttl > 0 && ttl <= service!.affinityMicros, 'for how long a group is asked about');
    this.faults.call('notes');
  }

  routeChanged(route: RouteNumber, reason: HealthReason): void {
    count(this.coverage.health, reason);
    const { health, routes } = this.engine;
    holds(route >= 1 && route <= routes.length, 'a route has changed that does not exist');
    holds(
      reason === 'by-command' || health.reasonOf(route, 4) === reason || health.reasonOf(route, 6) === reason,
      'why a route has changed',
    );
    this.faults.call('notes');
  }

  commit(race: RaceId, route: RouteNumber): void {
    count(this.coverage.effects, 'commit');
    const { races } = this.engine;
    same(races.state[race], RACE.COMMITTING, 'the state of a race that is to be bound');
    same(races.carrier[race], route, 'the route of a race that is to be bound');
    same(races.stateOf(race, route), ATTEMPT.ANSWERED, 'the state of an attempt that has won');
    this.commits++;
    this.waiting.push(race);
    this.faults.call('flows');
  }

  private kernelPort(words: AddressWords, at: number, port: number): number {
    const name = `${words.subarray(at, at + 4)} ${port}`;
    const known = this.kernelPorts.get(name) ?? KERNEL_PORTS + this.kernelPorts.size;
    this.kernelPorts.set(name, known);
    return known;
  }

  /** The kernel's flow has the first address of the route that was tried, and a port of its own. */
  endsOf(out: LocalEnds): boolean {
    count(this.coverage.effects, 'ends-of');
    same(this.hand, 'setup', 'whose ends are asked for');
    holds(++this.asked <= 1, 'asked for ends twice');
    this.faults.call('flows');
    const { family, source, sourcePort } = this.packet!;
    const pool = this.engine.routes[this.tried - 1]?.addresses[family] ?? [];
    if (pool.length === 0) return false;
    for (let i = 0; i < 4; i++) out.local[i] = pool[i];
    out.localPort = this.kernelPort(source, 0, sourcePort);
    return true;
  }

  isTaken(race: RaceId, route: RouteNumber): boolean {
    count(this.coverage.effects, 'is-taken');
    same(this.engine.races.stateOf(race, route), ATTEMPT.SENT, 'whose tuple may be taken');
    this.faults.call('flows');
    return (this.taken & (1 << route)) !== 0;
  }
}
