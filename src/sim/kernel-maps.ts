/**
 * What the kernel decides by itself, as `src/kernel/render-services.ts` has it: maps that the daemon fills, which route a new
 * connection gets from them, and which connections it asks about. Plans of criteria are not modelled: each of theirs is
 * asked about. Neither are sites and domains.
 */
import { createGroup, fillGroup } from '../core/affinity/group.js';
import { isAvailable } from '../core/choose/candidates.js';
import { viewOf } from '../core/choose/services.js';
import type { MemoryEntry } from '../core/contract.js';
import type {
  AffinityGroup,
  EngineRoute,
  EngineService,
  EngineSettings,
  Micros,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import { TRIALS_PER_SECOND } from '../core/health/health.js';
import { type AddressWords, type Family, maskAddress } from '../model/address.js';
import type { Packet } from '../wire/packet.js';
import { addressKey } from './packets.js';
import type { Random } from './random.js';

/** What the maps need to know of the engine. */
export interface MapOwner {
  readonly routes: readonly EngineRoute[];
  /** The sets of routes that the kernel has a memory for. */
  readonly masks: readonly number[];
  readonly health: {
    generationOf(route: RouteNumber, family: Family): number;
    interimOf(route: RouteNumber, family: Family): number;
  };
  openGeneration(route: RouteNumber, family: Family): number;
  openInterim(route: RouteNumber, family: Family): number;
}

/** A route, and the generation that it had when the value was written: the value is void unless that is open. */
interface Value {
  readonly route: RouteNumber;
  readonly generation: number;
}

/** Connections of a service, in a second, that its closed routes may be tried with; nft's default burst. */
const TRIALS = { perSecond: TRIALS_PER_SECOND, burst: 5 } as const;

const NEVER_OPEN: Value = { route: 0, generation: 0 };

export class KernelMaps {
  /** Connections that got their route here, by affinity and by memory; and those drawn to the daemon all the same. */
  pinned = 0;
  remembered = 0;
  drawn = 0;
  /** The route of the group of the connection that is being asked about, to try others with it; 0: none. */
  pinnedRoute: RouteNumber = 0;
  /** Elements for a map that there is not: nobody may write to one. */
  missing = 0;

  // BOUNDED: services, and sets of routes that they choose among.
  private services: readonly EngineService[] = [];
  private memories = new Map<number, TimedMap>();
  private affinities = new Map<ServiceNumber, TimedMap>();
  private readonly trials = new Map<ServiceNumber, { tokens: number; at: Micros }>();
  private refresh = 0;
  private readonly group = createGroup();

  constructor(
    private readonly owner: MapOwner,
    private readonly aggregate: EngineSettings['aggregate'],
    private readonly random: Random,
  ) {}

  /**
   * New rules: memories over sets of routes that nobody chooses among any more are gone, with what was on its way to them, and so
   * are groups of services that are; new ones begin empty. The others stay as they are.
   */
  setServices(services: readonly EngineService[], refresh: number): void {
    const before = new Map(this.services.map(({ number, affinity }) => [number, affinity]));
    this.services = services;
    this.refresh = refresh;
    this.memories = new Map(
      this.owner.masks.map((mask) => [mask, this.memories.get(mask) ?? new TimedMap()]),
    );
    this.affinities = new Map(
      services
        .filter(({ affinity }) => affinity !== 'none')
        .map(({ number, affinity }) => {
          const kept = before.get(number) === affinity ? this.affinities.get(number) : undefined;
          return [number, kept ?? new TimedMap()];
        }),
    );
  }

  /** Empties the memories, and drops what is on its way to them. */
  emptyMemory(): void {
    for (const mask of this.memories.keys()) this.memories.set(mask, new TimedMap());
  }

  service(number: ServiceNumber): EngineService | undefined {
    return this.services.find((service) => service.number === number);
  }

  /** The route of a new connection; 0: the daemon is asked, and told of `pinnedRoute`. */
  routeOf(packet: Packet, number: ServiceNumber, now: Micros): RouteNumber {
    this.pinnedRoute = 0;
    const service = this.service(number);
    if (service === undefined) return 0;
    const key = service.affinity === 'none' ? '' : groupKey(this.groupOf(packet, service));
    const pinned = key === '' ? undefined : this.affinities.get(number)?.find(key, now);
    if (pinned !== undefined) {
      const isOpen = this.isOpen(pinned, packet.family);
      if (isOpen && this.isTried(service, packet.family, now)) {
        this.pinnedRoute = pinned.route;
        return 0;
      }
      const route = this.take(service, packet, key, pinned, now);
      if (route !== 0) this.pinned++;
      return route;
    }
    if (service.criterion !== 'race') return 0;
    if (this.isTried(service, packet.family, now)) return 0;
    if (this.refresh > 0 && this.random() < this.refresh) {
      this.drawn++;
      return 0;
    }
    const memory = this.memories.get(viewOf(service));
    const value = memory?.find(this.prefixKey(packet.family, packet.destination, 0), now);
    if (value === undefined) return 0;
    const route = this.take(service, packet, key, value, now);
    if (route !== 0) this.remembered++;
    return route;
  }

  /** The engine's effect, as something to be done now or a little later. */
  remember({ mask, family, words, at, route, isInterim, ttl }: MemoryEntry): (now: Micros) => void {
    const key = this.prefixKey(family, words, at);
    const value = this.valueOf(route, family, isInterim);
    const memory = this.there(this.memories.get(mask));
    return (now) => memory?.put(key, value, now + ttl);
  }

  unremember({ mask, family, words, at }: MemoryEntry): (now: Micros) => void {
    const key = this.prefixKey(family, words, at);
    const memory = this.there(this.memories.get(mask));
    return () => memory?.delete(key);
  }

  pin(
    service: ServiceNumber,
    group: AffinityGroup,
    route: RouteNumber,
    isInterim: boolean,
    ttl: Micros,
  ): (now: Micros) => void {
    return this.note(service, group, this.valueOf(route, group.family, isInterim), ttl);
  }

  ask(service: ServiceNumber, group: AffinityGroup, ttl: Micros): (now: Micros) => void {
    return this.note(service, group, NEVER_OPEN, ttl);
  }

  /** Elements that have not timed out: of the memory over the routes of `mask`, and of a service's groups. */
  countRemembered(mask: number, now: Micros): number {
    return this.memories.get(mask)?.living(now) ?? 0;
  }

  countPinned(service: ServiceNumber, now: Micros): number {
    return this.affinities.get(service)?.living(now) ?? 0;
  }

  /** What the memory over the routes of `mask` says of a destination: a route, believed or not; 0: nothing. */
  rememberedRoute(mask: number, family: Family, words: AddressWords, at: number, now: Micros): RouteNumber {
    return this.memories.get(mask)?.find(this.prefixKey(family, words, at), now)?.route ?? 0;
  }

  /** A value was found: when its route is open the connection takes it, and its group with it. */
  private take(service: EngineService, packet: Packet, key: string, value: Value, now: Micros): RouteNumber {
    if (!this.isOpen(value, packet.family)) return 0;
    if (key !== '') this.affinities.get(service.number)?.put(key, value, now + service.affinityMicros);
    return value.route;
  }

  private isOpen({ route, generation }: Value, family: Family): boolean {
    if (route === 0) return false;
    const { owner } = this;
    return (
      owner.openGeneration(route, family) === generation || owner.openInterim(route, family) === generation
    );
  }

  private note(
    service: ServiceNumber,
    group: AffinityGroup,
    value: Value,
    ttl: Micros,
  ): (now: Micros) => void {
    const key = groupKey(group);
    const affinity = this.there(this.affinities.get(service));
    return (now) => affinity?.put(key, value, now + ttl);
  }

  private valueOf(route: RouteNumber, family: Family, isInterim: boolean): Value {
    const { health } = this.owner;
    return {
      route,
      generation: isInterim ? health.interimOf(route, family) : health.generationOf(route, family),
    };
  }

  private there(map: TimedMap | undefined): TimedMap | undefined {
    if (map === undefined) this.missing++;
    return map;
  }

  /** While a route of the service waits to prove itself, some connections are asked about. */
  private isTried(service: EngineService, family: Family, now: Micros): boolean {
    const { routes } = this.owner;
    const waits = service.routes.some((number) => {
      return isAvailable(routes[number - 1], family) && this.owner.openGeneration(number, family) === 0;
    });
    if (!waits) return false;
    const bucket = this.trials.get(service.number) ?? { tokens: TRIALS.burst, at: now };
    this.trials.set(service.number, bucket);
    const earned = ((now - bucket.at) / 1e6) * TRIALS.perSecond;
    bucket.tokens = Math.min(TRIALS.burst, bucket.tokens + earned);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  private groupOf({ family, source, destination }: Packet, { affinity }: EngineService): AffinityGroup {
    fillGroup(this.group, affinity, { family, client: source, destination, at: 0 }, 0);
    return this.group;
  }

  private prefixKey(family: Family, words: AddressWords, at: number): string {
    const address = words.slice(at, at + 4);
    maskAddress(address, 0, family, this.aggregate[family]);
    return addressKey(address);
  }
}

/** Elements with time-outs. BOUNDED: by what the daemon puts in; tests look at how much that is. */
class TimedMap {
  private readonly entries = new Map<string, { readonly value: Value; readonly expiresAt: Micros }>();

  find(key: string, now: Micros): Value | undefined {
    const entry = this.entries.get(key);
    if (entry !== undefined && entry.expiresAt > now) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  put(key: string, value: Value, expiresAt: Micros): void {
    this.entries.set(key, { value, expiresAt });
  }

  delete(key: string): void {
    this.entries.delete(key);
  }

  living(now: Micros): number {
    for (const key of [...this.entries.keys()]) this.find(key, now);
    return this.entries.size;
  }
}

function groupKey({ client, kind, destination, number }: AffinityGroup): string {
  const last = kind === 'address' ? addressKey(destination) : kind === 'number' ? String(number) : '';
  return `${addressKey(client)} ${last}`;
}
