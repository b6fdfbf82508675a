/** What the kernel decides by alone: memory, groups, and the routes that are open. Written behind the packets, in batches. */
import type { SignalFlow } from '../core/calls/reader.js';
import type { MemoryEntry } from '../core/contract.js';
import type { Engine } from '../core/engine.js';
import type { AffinityGroup, Micros, RouteNumber, ServiceNumber } from '../core/engine-types.js';
import { type AddressWords, type Family, maskAddress } from '../model/address.js';
import type { Affinity } from '../model/config.js';
import type { NamedEnd } from '../wire/named-end.js';
import {
  addAddress,
  addMark,
  addPort,
  addProtocol,
  createKey,
  type ElementKey,
  keyOf,
  keyOfHardware,
} from '../wire/netlink/nft-elements.js';
import {
  affinityMap,
  askedSet,
  domainSet,
  MAP_FOLLOW,
  MAP_SITE,
  MAP_SITE_ASKED,
  memoryMap,
  SET_CALLER,
  SET_CONTROL,
  SET_OPEN,
  SET_QUIET,
} from './constants.js';
import { ElementWriter } from './element-writer.js';
import { groupKey } from './group-key.js';
import { type Marks, routeValue } from './marks.js';
import { partOf } from './owners.js';
import type { KernelPart } from './race-messages.js';

/** What of a service the kernel has maps for. */
export interface ServiceMaps {
  readonly number: ServiceNumber;
  readonly affinity: Affinity;
}

/** An address that has a name for so long: four words at `at`. */
export interface NamedAddress {
  readonly family: Family;
  readonly words: AddressWords;
  readonly at: number;
  readonly ttlMs: number;
}

/** Which new flows follow another: of this client, from any port. */
export interface FollowedEnd {
  readonly family: Family;
  readonly protocol: number;
  readonly client: AddressWords;
  readonly server: AddressWords;
  readonly port: number;
}

/** Who has asked for a name. */
export interface Asker {
  /** Its Ethernet address, as a queued packet has it. */
  readonly high: number;
  readonly low: number;
}

/** The least that races over the routes of `mask` write to. */
export function mapsOfRaces(mask: number): string[] {
  return FAMILIES.flatMap((family) => [memoryMap(family, mask), SET_OPEN[family]]);
}

export class KernelMemory {
  /** Elements that the kernel did not take: a full map. What they would have said is asked of the daemon. */
  refused = 0;
  /** Elements for sets and maps that were left (`setServices`), before or while they went. */
  left = 0;

  private readonly writer: ElementWriter;
  private readonly key: ElementKey = createKey();
  private readonly prefix = new Int32Array(4);
  private affinities: (Affinity | undefined)[] = [];
  /** The sets and maps that there are for us; nothing is written to any other. */
  private maps: ReadonlySet<string> = new Set();
  /** Values in the sets of open routes, per family. */
  private readonly open: Record<Family, Set<number>> = { 4: new Set(), 6: new Set() };

  constructor(
    private readonly engine: Engine,
    private readonly aggregate: { readonly 4: number; readonly 6: number },
    private readonly marks: Marks,
    onStateLost: () => void,
  ) {
    this.writer = new ElementWriter({
      onRefused: () => {
        this.refused++;
      },
      onMissing: (set) => {
        if (this.maps.has(set)) onStateLost();
        else this.left++;
      },
    });
  }

  /**
   * `maps`: names of the sets and maps that the kernel has for us now. Those that are no longer among them are left: what waits for
   * them is dropped, and once `idle` resolves nothing is on its way to them. A memory that was not among them begins empty.
   */
  setServices(services: readonly ServiceMaps[], maps: readonly string[]): void {
    this.affinities = [];
    for (const { number, affinity } of services) this.affinities[number] = affinity;
    const before = this.maps;
    this.maps = new Set(maps);
    for (const name of before) if (!this.maps.has(name)) this.writer.drop(name);
    // It was left and may not have gone, or its new elements are from before us: nobody knows what it holds.
    for (const name of maps) if (!before.has(name) && partOf(name) === 'memory') this.writer.flush(name);
  }

  remember({ mask, family, words, at, route, isInterim, ttl }: MemoryEntry): void {
    const value = this.valueOf(route, family, isInterim);
    const key = this.destinationKey(family, words, at);
    this.put(memoryMap(family, mask), key, value, Math.max(1, Math.floor(ttl / 1000)));
  }

  unremember({ mask, family, words, at }: MemoryEntry): void {
    const map = memoryMap(family, mask);
    if (this.has(map)) this.writer.remove(map, this.destinationKey(family, words, at));
  }

  pin(
    service: ServiceNumber,
    group: AffinityGroup,
    route: RouteNumber,
    isInterim: boolean,
    ttl: Micros,
  ): void {
    this.note(service, group, this.valueOf(route, group.family, isInterim), ttl);
  }

  /** What is never open is asked about, and a rule that asks renews no element. */
  ask(service: ServiceNumber, group: AffinityGroup, ttl: Micros): void {
    this.note(service, group, NEVER_OPEN, ttl);
  }

  /** An address of a service's domain has been seen; by whom, null: it is so for all. */
  learnDomain(service: ServiceNumber, named: NamedAddress, asker: Asker | null): void {
    const { family, ttlMs } = named;
    if (asker === null) this.put(domainSet(family, service), this.addressKey(named), null, ttlMs);
    else this.put(askedSet(family, service), this.askedKey(named, asker), null, ttlMs);
  }

  learnSite(site: number, named: NamedAddress, asker: Asker | null): void {
    const { family, ttlMs } = named;
    if (asker === null) this.put(MAP_SITE[family], this.addressKey(named), site >>> 0, ttlMs);
    else this.put(MAP_SITE_ASKED[family], this.askedKey(named, asker), site >>> 0, ttlMs);
  }

  /** New flows of a client to a server's port go by a route for so long; null: no longer. */
  follow(
    { family, protocol, client, server, port }: FollowedEnd,
    route: RouteNumber | null,
    ttlMs: number,
  ): void {
    const key = addAddress(keyOf(this.key, family, client), family, server);
    addPort(addProtocol(key, protocol), port);
    const map = MAP_FOLLOW[family];
    if (route !== null) this.put(map, key, this.valueOf(route, family, false), ttlMs);
    else if (this.has(map)) this.writer.remove(map, key);
  }

  /** Connections of the LAN to this end are signalling. */
  control(family: Family, { address, port }: NamedEnd, ttlMs: number): void {
    this.put(SET_CONTROL[family], addPort(keyOf(this.key, family, address), port), null, ttlMs);
  }

  /** A connection of this server to this end is one that a client waits for. */
  awaitCaller(family: Family, server: AddressWords, { address, port }: NamedEnd, ttlMs: number): void {
    const key = addAddress(keyOf(this.key, family, server), family, address);
    this.put(SET_CALLER[family], addPort(key, port), null, ttlMs);
  }

  /** Nothing more is wanted of a flow but its end. */
  leaveAlone({ family, client, server }: SignalFlow, ttlMs: number): void {
    const key = addPort(keyOf(this.key, family, client.address), client.port);
    addPort(addAddress(key, family, server.address), server.port);
    this.put(SET_QUIET[family], key, null, ttlMs);
  }

  /** Brings the sets of open routes to what the engine says; at once. */
  syncOpen(): void {
    for (const family of FAMILIES) {
      const want = new Set<number>();
      for (const { number } of this.engine.routes) {
        const generation = this.engine.openGeneration(number, family);
        if (generation === 0) continue;
        want.add(routeValue(this.marks, number, generation));
        want.add(routeValue(this.marks, number, this.engine.openInterim(number, family)));
      }
      const have = this.open[family];
      for (const value of have) if (!want.has(value)) this.setOpen(family, value, false);
      for (const value of want) if (!have.has(value)) this.setOpen(family, value, true);
      this.open[family] = want;
    }
    this.writer.flushSoon();
  }

  /** Empties the sets and maps of these parts; the open routes are said again at once, all else is the caller's to say. */
  empty(parts: readonly KernelPart[]): void {
    for (const name of this.maps) {
      const part = partOf(name);
      if (part !== null && parts.includes(part)) this.writer.flush(name);
    }
    if (!parts.includes('open')) return;
    for (const family of FAMILIES) this.open[family] = new Set();
    this.syncOpen();
  }

  /** What became of elements since start, and how many wait. */
  get elements(): { written: number; refused: number; overflowed: number; waiting: number } {
    const { elements, refused, overflowed } = this.writer.stats;
    return { written: elements, refused, overflowed, waiting: this.writer.pending };
  }

  /** Room for more; a refill waits while there is none. */
  get hasRoom(): boolean {
    return this.writer.pending < 4096;
  }

  /** Resolves when all that was said is in the kernel. */
  idle(): Promise<void> {
    return this.writer.idle();
  }

  /** Writes what waits, then closes. */
  close(): Promise<void> {
    return this.writer.close();
  }

  private valueOf(route: RouteNumber, family: Family, isInterim: boolean): number {
    const { health } = this.engine;
    const generation = isInterim ? health.interimOf(route, family) : health.generationOf(route, family);
    return routeValue(this.marks, route, generation);
  }

  private note(service: ServiceNumber, group: AffinityGroup, value: number, ttl: Micros): void {
    const affinity = this.affinities[service];
    if (affinity === undefined || affinity === 'none') return;
    const map = affinityMap(group.family, service, affinity);
    this.put(map, groupKey(this.key, group), value, Math.max(1, Math.floor(ttl / 1000)));
  }

  private put(map: string, key: ElementKey, value: number | null, timeoutMs: number): void {
    if (this.has(map)) this.writer.put(map, key, value, timeoutMs);
  }

  private has(map: string): boolean {
    if (this.maps.has(map)) return true;
    this.left++;
    return false;
  }

  private addressKey({ family, words, at }: NamedAddress): ElementKey {
    return keyOf(this.key, family, words, at);
  }

  private askedKey({ family, words, at }: NamedAddress, { high, low }: Asker): ElementKey {
    return addAddress(keyOfHardware(this.key, high, low), family, words, at);
  }

  private setOpen(family: Family, value: number, isOpen: boolean): void {
    this.key.length = 0;
    addMark(this.key, value);
    if (isOpen) this.put(SET_OPEN[family], this.key, null, 0);
    else this.writer.remove(SET_OPEN[family], this.key);
  }

  /** The destination as the rules look it up: without the bits behind its prefix. */
  private destinationKey(family: Family, words: AddressWords, at: number): ElementKey {
    for (let i = 0; i < 4; i++) this.prefix[i] = words[at + i];
    maskAddress(this.prefix, 0, family, this.aggregate[family]);
    return keyOf(this.key, family, this.prefix);
  }
}

const FAMILIES = [4, 6] as const;
/** The number of no route. */
const NEVER_OPEN = 0;
