/**
 * Front end 3: the engine between a model of the kernel and simulated wires. One batch of packets makes one batch of each;
 * the order within a batch is that of the real front end:
 *
 *   copies and resets  ->  conntrack entries, each followed by its `committed`  ->  verdicts  ->  what that brought
 */
import { masksOf } from '../core/choose/services.js';
import { Engine } from '../core/engine.js';
import type {
  AffinityGroup,
  EffectSink,
  EngineRoute,
  EngineService,
  MemorySettings,
  Micros,
  RaceId,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import type { AddressWords, Family } from '../model/address.js';
import { DECODE_REASONS, type HealthReason, type SingleReason } from '../model/reasons.js';
import { createPacket, DECODE, decode } from '../wire/packet.js';
import type { ConntrackModel } from './conntrack.js';
import { cancelPacket, copyPacket, endpointsOf, refusalPacket, rejectPacket } from './effect-packets.js';
import { type GatewayPorts, type KernelOptions, SimKernel } from './kernel.js';
import { readPacket } from './packets.js';
import type { Schedule } from './schedule.js';

export interface GatewayOptions extends KernelOptions {
  /** Packets are taken in batches this long after the first of them; 0: each at once. */
  readonly batchMicros: Micros;
  /** How long the kernel's maps take to hold what the engine says. */
  readonly mapLagMicros: Micros;
}

/** A packet in one of the two queues. */
interface Queued {
  readonly bytes: Uint8Array;
  /** 0: from the LAN. */
  readonly provider: number;
  readonly known: boolean;
  /** Of packets from the LAN. */
  readonly service: ServiceNumber;
  readonly tried: RouteNumber;
}

/** Interface index of a route in the simulation. */
export function interfaceOf(route: RouteNumber): number {
  return 10 + route;
}

export class SimGateway implements EffectSink {
  readonly engine: Engine;
  readonly kernel: SimKernel;
  /** Packets that could not be decoded, by DECODE_REASONS. */
  readonly dropped = new Float64Array(DECODE_REASONS.length);
  /** Setups that went by one route, in order. BOUNDED: connections of one run. */
  readonly released: { readonly route: RouteNumber; readonly reason: SingleReason }[] = [];
  /** Changes of routes that the engine has told of, in order. BOUNDED: changes of one run. */
  readonly changes: { readonly at: Micros; readonly route: RouteNumber; readonly reason: HealthReason }[] =
    [];
  /** Packets that the engine was shown. */
  queued = 0;
  /** Called after each batch: tests look for broken promises here. */
  afterBatch: (() => void) | undefined;
  /** Called with each verdict and effect, as a word. */
  onEffect: ((effect: string, race: RaceId, route: RouteNumber) => void) | undefined;

  /** Interfaces that are down: copies over them do not leave. BOUNDED: routes. */
  private readonly down = new Set<RouteNumber>();
  // BOUNDED: packets that come within one batch.
  private lan: Queued[] = [];
  private wan: Queued[] = [];
  private planned = false;
  private timer: Micros = Number.POSITIVE_INFINITY;
  private readonly packet = createPacket();
  private hand: Queued | null = null;
  // BOUNDED: effects of one batch.
  private copies: { bytes: Uint8Array; race: RaceId; route: RouteNumber }[] = [];
  private commits: { race: RaceId; route: RouteNumber; queued: Queued }[] = [];
  private verdicts: (() => void)[] = [];

  constructor(
    private readonly options: GatewayOptions,
    private readonly schedule: Schedule,
    private readonly ports: GatewayPorts,
  ) {
    this.engine = new Engine(options.settings);
    this.kernel = new SimKernel(options, this.engine, schedule, ports, {
      ask: (bytes, service, tried) =>
        this.enqueue(this.lan, { bytes, provider: 0, known: false, service, tried }),
      hear: (bytes, provider, known) =>
        this.enqueue(this.wan, { bytes, provider, known, service: 0, tried: 0 }),
    });
    this.conntrack.onSession = ({ route, service, counted }, begins) => {
      if (!this.engine.countsSessions) return;
      this.engine.handle({ kind: 'session', begins, route, service, counted }, schedule.now, this);
    };
  }

  get conntrack(): ConntrackModel {
    return this.kernel.conntrack;
  }

  setRoutes(routes: readonly EngineRoute[]): void {
    this.engine.setRoutes(routes, this.schedule.now, this);
    this.flush();
  }

  setServices(services: readonly EngineService[], memory: MemorySettings): void {
    const lowered = memory.trustMicros < this.engine.memorySettings.trustMicros;
    this.engine.setServices(services, memory, masksOf(services, memory));
    this.kernel.setServices(services, memory);
    if (lowered) {
      this.engine.memoryEmptied();
      this.kernel.maps.emptyMemory();
    }
    this.engine.refill(0, this.engine.memory.size, this.schedule.now, this);
  }

  setInterface(route: RouteNumber, up: boolean): void {
    if (up) this.down.delete(route);
    else this.down.add(route);
  }

  fromClient(bytes: Uint8Array): void {
    this.kernel.fromClient(bytes);
  }

  fromProvider(bytes: Uint8Array, provider: number): void {
    this.kernel.fromProvider(bytes, provider);
  }

  // ---- the front end: batches ----

  private enqueue(queue: Queued[], queued: Queued): void {
    this.queued++;
    queue.push(queued);
    if (this.planned) return;
    this.planned = true;
    this.schedule.after(this.options.batchMicros, () => this.run());
  }

  private run(): void {
    this.planned = false;
    const answers = this.wan;
    const setups = this.lan;
    this.wan = [];
    this.lan = [];
    for (const queued of answers) this.handle(queued);
    for (const queued of setups) this.handle(queued);
    this.flush();
  }

  private handle(queued: Queued): void {
    const { bytes, provider, known, service, tried } = queued;
    this.hand = queued;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const result = decode(this.packet, bytes, view, 0, bytes.length);
    const { packet } = this;
    const now = this.schedule.now;
    if (result !== DECODE.OK) this.dropped[result]++;
    else if (provider === 0) this.engine.handle({ kind: 'setup', packet, service, tried }, now, this);
    else
      this.engine.handle({ kind: 'answer', packet, interfaceIndex: interfaceOf(provider), known }, now, this);
    this.hand = null;
  }

  private flush(): void {
    this.sendCopies();
    const { commits } = this;
    this.commits = [];
    for (const { race, route, queued } of commits) {
      const ok = this.write(race, route);
      if (ok)
        this.verdicts.push(() =>
          this.kernel.afterEarly(queued.bytes, readPacket(queued.bytes), queued.provider),
        );
      this.engine.handle({ kind: 'committed', race, ok }, this.schedule.now, this);
    }
    const { verdicts } = this;
    this.verdicts = [];
    for (const verdict of verdicts) verdict();
    this.sendCopies();
    this.afterBatch?.();
    this.setTimer();
  }

  private write(race: RaceId, route: RouteNumber): boolean {
    const ends = endpointsOf(this.engine, race, route);
    const flow = {
      ...ends,
      route,
      since: this.schedule.now,
      raced: true,
      service: this.engine.races.service[race],
      counted: this.engine.countsSessions,
      rescuable: false,
      answered: true,
      finished: false,
    };
    return this.conntrack.write(flow) === 'ok';
  }

  /** A copy that cannot leave is reported once; what the engine makes of it goes out, too. */
  private sendCopies(): void {
    while (this.copies.length > 0) {
      const batch = this.copies;
      this.copies = [];
      for (const { bytes, race, route } of batch) {
        if (!this.down.has(route)) this.ports.toProvider(route, bytes);
        else if (race >= 0) this.engine.handle({ kind: 'not-sent', race, route }, this.schedule.now, this);
      }
    }
  }

  private setTimer(): void {
    const due = this.engine.nextDeadline();
    if (due === Number.POSITIVE_INFINITY || due >= this.timer) return;
    this.timer = Math.max(due, this.schedule.now);
    this.schedule.at(this.timer, () => {
      this.timer = Number.POSITIVE_INFINITY;
      if (this.engine.nextDeadline() <= this.schedule.now) {
        this.engine.handle({ kind: 'tick' }, this.schedule.now, this);
      }
      this.flush();
    });
  }

  // ---- effects out ----

  release(route: RouteNumber, reason: SingleReason, service: ServiceNumber, counted: boolean): void {
    this.onEffect?.('release', -1, route);
    this.released.push({ route, reason });
    const { bytes } = this.hand!;
    this.verdicts.push(() => this.kernel.carryAlone(bytes, route, service, counted));
  }

  resume(): void {
    this.onEffect?.('resume', -1, this.hand!.tried);
    const { bytes } = this.hand!;
    this.verdicts.push(() => this.kernel.resume(bytes));
  }

  unbind(): void {
    this.onEffect?.('unbind', -1, this.hand!.tried);
    this.kernel.unbind(this.packet);
  }

  remember(
    mask: number,
    family: Family,
    words: AddressWords,
    at: number,
    route: RouteNumber,
    ttl: Micros,
  ): void {
    this.changeMaps(this.kernel.maps.remember(mask, family, words, at, route, ttl));
  }

  unremember(mask: number, family: Family, words: AddressWords, at: number): void {
    this.changeMaps(this.kernel.maps.unremember(mask, family, words, at));
  }

  pin(service: ServiceNumber, group: AffinityGroup, route: RouteNumber, ttl: Micros): void {
    this.changeMaps(this.kernel.maps.pin(service, group, route, ttl));
  }

  routeChanged(route: RouteNumber, reason: HealthReason): void {
    this.changes.push({ at: this.schedule.now, route, reason });
  }

  /** The maps are written behind the packets. */
  private changeMaps(change: (now: Micros) => void): void {
    const { mapLagMicros } = this.options;
    if (mapLagMicros === 0) change(this.schedule.now);
    else this.schedule.after(mapLagMicros, () => change(this.schedule.now));
  }

  accept(): void {
    this.onEffect?.('accept', -1, 0);
    const { bytes, provider, known } = this.hand!;
    this.verdicts.push(() => {
      if (known) this.kernel.afterEarly(bytes, readPacket(bytes), provider);
      else this.kernel.strays++;
    });
  }

  drop(): void {
    this.onEffect?.('drop', -1, 0);
  }

  attempt(race: RaceId, route: RouteNumber): void {
    this.onEffect?.('attempt', race, route);
    this.copies.push({ bytes: copyPacket(this.engine, race, route), race, route });
  }

  cancel(race: RaceId, route: RouteNumber, sequence: number): void {
    this.onEffect?.('cancel', race, route);
    this.copies.push({ bytes: cancelPacket(this.engine, race, route, sequence), race: -1, route });
  }

  refuse(): void {
    this.onEffect?.('refuse', -1, this.hand!.provider);
    this.copies.push({ bytes: refusalPacket(this.packet), race: -1, route: this.hand!.provider });
  }

  commit(race: RaceId, route: RouteNumber): void {
    this.onEffect?.('commit', race, route);
    this.commits.push({ race, route, queued: this.hand! });
  }

  isTaken(race: RaceId, route: RouteNumber): boolean {
    const { races } = this.engine;
    const destination = {
      address: races.destination.slice(race * 4, race * 4 + 4),
      port: races.destinationPort[race],
    };
    const at = races.attempt(race, route) * 4;
    const source = { address: races.attemptAddress.slice(at, at + 4), port: races.natPort[race] };
    return this.conntrack.hasLivingSource(destination, source);
  }

  reject(race: RaceId, route: RouteNumber): void {
    this.onEffect?.('reject', race, route);
    const bytes = rejectPacket(this.engine, race, route);
    this.schedule.after(0, () => this.ports.toClient(bytes, 0));
  }
}
