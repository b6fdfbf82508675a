/**
 * The luck of every packet as a function of what it is, not of when it is sent: the n-th packet of a kind of one connection by one route
 * is lost or late for the gateway exactly when it is for a plain router. So both can be compared, whatever they send.
 */
import { finishHash, mix } from '../../src/core/hash.js';
import type { Direction, PacketKind } from '../../src/sim/scenario.js';

/** What a route does to packets when nothing is wrong with it. */
export interface Weather {
  /** Probability of a loss, each direction, while the site has its troubles; nothing is lost when all is well. */
  readonly loss: number;
  /** Adds 0 to so many milliseconds, each direction. */
  readonly jitterMs: number;
}

/** The kinds that have luck of their own; everything else is an `ack`. */
const KINDS = ['syn', 'synack', 'data', 'rst', 'ack'] as const;
export type LuckKind = (typeof KINDS)[number];

export function luckKind(kind: PacketKind): LuckKind {
  return kind === 'syn' || kind === 'synack' || kind === 'data' || kind === 'rst' ? kind : 'ack';
}

/** The packets of one kind of a connection by a route. */
export interface LuckLane {
  readonly connection: number;
  readonly route: number;
  readonly direction: Direction;
  readonly kind: LuckKind;
}

/** Of how many packets of a kind and connection the place is told apart; later ones have the luck of the last. */
const MOST_PLACES = 255;

export class Luck {
  /** Packets of a kind seen so far. */
  private readonly seen: Uint8Array;
  /** Losses by this luck of each connection. */
  readonly losses: Uint16Array;

  constructor(
    private readonly seed: number,
    /** By route number. */
    private readonly weather: readonly (Weather | undefined)[],
    connections: number,
  ) {
    this.seen = new Uint8Array(connections * weather.length * 2 * KINDS.length);
    this.losses = new Uint16Array(connections);
  }

  /** The place of the packet in hand among its like, from 0; counts it. */
  next(lane: LuckLane): number {
    const at = this.at(lane);
    const place = this.seen[at]!;
    if (place < MOST_PLACES) this.seen[at]!++;
    return place;
  }

  isLost(lane: LuckLane, place: number): boolean {
    const { loss } = this.weather[lane.route]!;
    return loss > 0 && this.draw(this.at(lane), 2 * place) < loss;
  }

  /** Extra microseconds on the way. */
  delay(lane: LuckLane, place: number): number {
    const { jitterMs } = this.weather[lane.route]!;
    return jitterMs === 0 ? 0 : this.draw(this.at(lane), 2 * place + 1) * jitterMs * 1000;
  }

  private at({ connection, route, direction, kind }: LuckLane): number {
    const lane = (connection * this.weather.length + route) * 2 + (direction === 'in' ? 1 : 0);
    return lane * KINDS.length + KINDS.indexOf(kind);
  }

  private draw(at: number, place: number): number {
    return (finishHash(mix(mix(this.seed, at), place)) >>> 0) / 4294967296;
  }
}
