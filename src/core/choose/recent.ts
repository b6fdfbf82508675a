/**
 * What was chosen for a flow a moment ago. Several datagrams of a new flow can wait in the queue before the first of them is in
 * the connection table: all must get the same route, or the flow would change its address.
 */
import type { Micros, RouteNumber } from '../engine-types.js';
import { finishHash, mix, mixAddress } from '../hash.js';
import type { FlowEnds } from '../race/ends.js';

const ENTRIES = 4096;
const LIFE_MICROS = 2_000_000;
/** The longest between two set-ups of a client that was passed by: after 7 s the next one comes after 15 s. */
export const REPEATS_LAST_MICROS = 10_000_000;

/** BOUNDED: one entry per hash; a later flow overwrites. */
export class RecentChoices {
  private readonly tag = new Int32Array(ENTRIES * 2);
  private readonly route = new Uint8Array(ENTRIES);
  private readonly at = new Float64Array(ENTRIES).fill(Number.NEGATIVE_INFINITY);

  constructor(
    private readonly secret: number,
    private readonly lifeMicros: Micros = LIFE_MICROS,
  ) {}

  /** The route of a flow that was chosen within the last seconds; 0 when there is none. `proof`: what else must be the same. */
  find(packet: FlowEnds, now: Micros, proof = 0): RouteNumber {
    const { first, second } = this.hash(packet, proof);
    const at = first & (ENTRIES - 1);
    if (now - this.at[at] > this.lifeMicros) return 0;
    return this.tag[at * 2] === first && this.tag[at * 2 + 1] === second ? this.route[at] : 0;
  }

  set(packet: FlowEnds, route: RouteNumber, now: Micros, proof = 0): void {
    const { first, second } = this.hash(packet, proof);
    const at = first & (ENTRIES - 1);
    this.tag[at * 2] = first;
    this.tag[at * 2 + 1] = second;
    this.route[at] = route;
    this.at[at] = now;
  }

  /** 64 bits: two flows that share them would have to be sought for. */
  private hash(packet: FlowEnds, proof: number): { first: number; second: number } {
    const ports = (packet.sourcePort << 16) | packet.destinationPort;
    const hash = mix(mix(mix(mixAddress(this.secret, packet.source, 0), ports), packet.protocol), proof);
    result.first = finishHash(mixAddress(hash, packet.destination, 0));
    result.second = finishHash(mixAddress(mix(hash, result.first), packet.destination, 0));
    return result;
  }
}

const result = { first: 0, second: 0 };
