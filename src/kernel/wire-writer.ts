/** What the engine wants on the wire, as packets in the batches of the raw sockets. */
import type { WireSink } from '../core/contract.js';
import type { RaceId, RouteNumber } from '../core/engine-types.js';
import { PacketBuilder } from '../core/packets/builder.js';
import type { Shard } from '../core/shard.js';
import type { Site } from '../core/site.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import { type Marks, routeMark } from './marks.js';
import { LONG, RawSocket } from './raw-socket.js';
import type { Redirects } from './redirects.js';

/** The packet in hand, the route that it came in by (what is refused goes back there), and where questions are turned to. */
export interface InHand {
  readonly packet: Packet;
  route(): RouteNumber;
  readonly redirects: Redirects;
}

export class WireWriter implements WireSink {
  private readonly builder: PacketBuilder;
  private readonly raw4: RawSocket;
  private readonly raw6: RawSocket | null;
  private readonly long4: RawSocket;
  private readonly long6: RawSocket | null;
  // BOUNDED: one entry per copy of a batch.
  private readonly unsent: number[] = [];

  constructor(
    site: Site,
    private readonly shard: Shard,
    private readonly marks: Marks,
    hasIpv6: boolean,
    private readonly hand: InHand,
  ) {
    this.builder = new PacketBuilder(site, shard);
    const notSent = (tag: number): void => {
      if (tag !== NO_TAG) this.unsent.push(tag);
    };
    this.raw4 = new RawSocket(4, notSent);
    this.raw6 = hasIpv6 ? new RawSocket(6, notSent) : null;
    this.long4 = new RawSocket(4, notSent, LONG);
    this.long6 = hasIpv6 ? new RawSocket(6, notSent, LONG) : null;
  }

  attempt(race: RaceId, route: RouteNumber, from = 0): void {
    const raw = this.socketOf(race);
    if (raw === null) return;
    const count = this.builder.countOf(race);
    for (let number = from; number < count; number++) {
      const space = raw.begin();
      const length = this.builder.copy(race, route, space, number);
      if (this.hand.redirects.turn(race, route, space, length))
        raw.commit(length, this.copyMark(race, route), race * 32 + route);
      else this.unsent.push(race * 32 + route);
    }
  }

  advance(race: RaceId, route: RouteNumber): void {
    const raw = this.shard.races.family[race] === 4 ? this.long4 : this.long6;
    if (raw === null) return;
    for (let number = 0, length = 1; length > 0; number++) {
      length = this.builder.advance(race, route, raw.begin(), number);
      raw.commit(length, this.ownMark(route), NO_TAG);
    }
  }

  cancel(race: RaceId, route: RouteNumber, proof: number): void {
    const raw = this.socketOf(race);
    if (raw === null) return;
    raw.commit(this.builder.cancel(race, route, proof, raw.begin()), this.ownMark(route), NO_TAG);
  }

  refuse(): void {
    const { packet } = this.hand;
    const raw = packet.family === 4 ? this.raw4 : this.raw6;
    if (raw === null) return;
    raw.commit(this.builder.refuse(packet, raw.begin()), this.ownMark(this.hand.route()), NO_TAG);
  }

  reject(race: RaceId, route: RouteNumber, question = 0): void {
    const raw = this.socketOf(race);
    if (raw === null) return;
    raw.commit(this.builder.reject(race, route, raw.begin(), question), this.marks.own, NO_TAG);
  }

  /** Sends everything; false when there was nothing. */
  flush(): boolean {
    const four = this.raw4.flush();
    const six = this.raw6?.flush() ?? false;
    const longFour = this.long4.flush();
    const longSix = this.long6?.flush() ?? false;
    return four || six || longFour || longSix;
  }

  /** Calls back for each copy that the kernel has refused since the last time. */
  takeUnsent(each: (race: RaceId, route: RouteNumber) => void): void {
    for (let tag = this.unsent.pop(); tag !== undefined; tag = this.unsent.pop())
      each(Math.floor(tag / 32), tag % 32);
  }

  close(): void {
    this.raw4.close();
    this.raw6?.close();
    this.long4.close();
    this.long6?.close();
  }

  /** Conntrack, NAT and our own rules leave it alone. */
  private ownMark(route: RouteNumber): number {
    return (this.marks.own | routeMark(this.marks, route)) >>> 0;
  }

  /** What its server says goes by the daemon until the first payload has decided. */
  private copyMark(race: RaceId, route: RouteNumber): number {
    const opened = this.shard.openings.has(race) ? this.marks.counted : 0;
    return (this.ownMark(route) | opened) >>> 0;
  }

  private socketOf(race: RaceId): RawSocket | null {
    const { races } = this.shard;
    const isFour = races.family[race] === 4;
    if (races.transport[race] === PROTOCOL.UDP) return isFour ? this.long4 : this.long6;
    return isFour ? this.raw4 : this.raw6;
  }
}

const NO_TAG = -1;
