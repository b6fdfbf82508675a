/**
 * Resolvers of routes: a question to a name server leaves by each route for the route's own resolver, and what that answers is the asked
 * server's to the engine and to the client. Translated where packets leave and come in, so that the engine knows one destination of a race.
 */
import type { EngineService, Micros, RaceId, RouteNumber } from '../core/engine-types.js';
import { finishHash, mix, mixAddress } from '../core/hash.js';
import { dns } from '../core/protocols/dns.js';
import type { RaceTable } from '../core/race/table.js';
import type { Site } from '../core/site.js';
import { type AddressWords, copyAddress, type Family, familyOf, sameAddress } from '../model/address.js';
import type { PacketSpace } from '../wire/build.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import { DESTINATION, SOURCE, turnDatagram } from '../wire/udp.js';

const SETS = 2048;
const WAYS = 4;
/** As long as the rules know answers to copies (render-datagrams.ts). */
const LASTS: Micros = 30_000_000;

export class Redirects {
  /** By service, what its routes ask; null: no service has any, and nothing is looked at. */
  private services: readonly (readonly AddressOf[] | undefined)[] | null = null;
  /**
   * Who was asked by a copy, by its resolver, and the address and port that it left with. BOUNDED: 8192 in sets of four; the oldest gives
   * way, and its answer is nobody's.
   */
  private readonly asked = new Int32Array(SETS * WAYS * 4);
  private readonly resolver = new Int32Array(SETS * WAYS * 4);
  private readonly local = new Int32Array(SETS * WAYS * 4);
  private readonly port = new Uint16Array(SETS * WAYS);
  private readonly at = new Float64Array(SETS * WAYS).fill(Number.NEGATIVE_INFINITY);
  private readonly space: { -readonly [Key in keyof PacketSpace]: PacketSpace[Key] } = {
    bytes: new Uint8Array(0),
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
  };

  constructor(
    private readonly site: Site,
    private readonly races: RaceTable,
    private readonly clock: () => Micros,
  ) {}

  setServices(services: readonly EngineService[]): void {
    const some = services.filter(({ resolvers }) => resolvers.length > 0);
    if (some.length === 0) {
      this.services = null;
      return;
    }
    const byNumber: (readonly AddressOf[])[] = [];
    for (const { number, resolvers } of some)
      byNumber[number] = resolvers.map((one) => ({ ...one, family: familyOf(one.address) }));
    this.services = byNumber;
  }

  /** The resolver that a race asks by a route in place of its destination; null: its destination. */
  of(race: RaceId, route: RouteNumber): AddressWords | null {
    const { races, services } = this;
    const own = services?.[races.service[race]];
    if (own === undefined || this.site.protocols[races.protocol[race]] !== dns) return null;
    for (const one of own) if (one.route === route && one.family === races.family[race]) return one.address;
    return null;
  }

  /**
   * Turns a copy to the route's resolver. False: it must not leave, since another question has left for that with the same address and
   * port.
   */
  turn(race: RaceId, route: RouteNumber, space: PacketSpace, length: number): boolean {
    const resolver = this.of(race, route);
    if (resolver === null || length === 0) return true;
    const { races } = this;
    const attempt = races.attempt(race, route);
    const now = this.clock();
    const place = this.find(resolver, races.attemptAddress, attempt * 4, races.attemptPort[attempt]);
    const isSame = sameAddress(this.asked, place * 4, races.destination, race * 4);
    if (this.holds(place, resolver, races.attemptAddress, attempt * 4, races.attemptPort[attempt]) && !isSame)
      if (now - this.at[place] < LASTS) return false;
    copyAddress(races.destination, race * 4, this.asked, place * 4);
    copyAddress(resolver, 0, this.resolver, place * 4);
    copyAddress(races.attemptAddress, attempt * 4, this.local, place * 4);
    this.port[place] = races.attemptPort[attempt];
    this.at[place] = now;
    return turnDatagram(space, length, DESTINATION, resolver, 0);
  }

  /** An answer of a resolver, or an error about a question to it, as if the client's own server had been asked. */
  restore(packet: Packet, bytes: Uint8Array, view: DataView): void {
    if (this.services === null) return;
    const { quote } = packet;
    if (packet.protocol === PROTOCOL.UDP) {
      const place = this.find(packet.source, packet.destination, 0, packet.destinationPort);
      if (!this.isOf(place, packet.source, packet.destination, packet.destinationPort)) return;
      copyAddress(this.asked, place * 4, packet.source, 0);
      this.space.bytes = bytes;
      this.space.view = view;
      this.space.at = packet.start;
      turnDatagram(this.space, packet.end - packet.start, SOURCE, this.asked, place * 4);
    } else if (packet.protocol !== PROTOCOL.TCP && quote.protocol === PROTOCOL.UDP) {
      const place = this.find(quote.destination, quote.source, 0, quote.sourcePort);
      if (!this.isOf(place, quote.destination, quote.source, quote.sourcePort)) return;
      copyAddress(this.asked, place * 4, quote.destination, 0);
    }
  }

  private isOf(place: number, resolver: AddressWords, local: AddressWords, port: number): boolean {
    return this.clock() - this.at[place] < LASTS && this.holds(place, resolver, local, 0, port);
  }

  private holds(
    place: number,
    resolver: AddressWords,
    local: AddressWords,
    at: number,
    port: number,
  ): boolean {
    return (
      this.port[place] === port &&
      sameAddress(this.resolver, place * 4, resolver, 0) &&
      sameAddress(this.local, place * 4, local, at)
    );
  }

  /** Its place, or the one of its set that was used longest ago. */
  private find(resolver: AddressWords, local: AddressWords, at: number, port: number): number {
    const hash = finishHash(
      mixAddress(mix(mixAddress(this.site.settings.secret[1], resolver, 0), port), local, at),
    );
    const base = (hash & (SETS - 1)) * WAYS;
    let oldest = base;
    for (let place = base; place < base + WAYS; place++) {
      if (this.holds(place, resolver, local, at, port)) return place;
      if (this.at[place] < this.at[oldest]) oldest = place;
    }
    return oldest;
  }
}

interface AddressOf {
  readonly route: RouteNumber;
  readonly family: Family;
  readonly address: AddressWords;
}
