/**
 * Source ports of the copies. A client's port stays or is moved by a constant into the race ports, where it can: one inner
 * endpoint then has one outer port on every route and to every destination (RFC 4787 REQ-1, RFC 5382 REQ-1), parity and
 * randomness are the client's.
 * Where another client has used the same port to the same destination, another port is taken, so that a server's
 * half-open and TIME_WAIT entries rest: the least recently used one of a few that the secret chooses.
 */
import type { EngineSettings, LivingFlow, Micros, RaceId } from '../engine-types.js';
import { finishHash, mix, mixAddress, powerOfTwo } from '../hash.js';
import type { FlowEnds } from '../race/ends.js';
import type { RaceTable } from '../race/table.js';

const WAYS = 4;
/** Ports looked at for one race. */
const CANDIDATES = 8;

/** BOUNDED: `portMemory` pairs of destination and port in sets of four; the least recently used one gives way. */
export class PortMemory {
  private readonly tag: Int32Array;
  private readonly owner: Int32Array;
  private readonly usedAt: Float64Array;
  private readonly setMask: number;
  private readonly from: number;
  private readonly count: number;

  constructor(
    settings: EngineSettings,
    private readonly races: RaceTable,
    private readonly secret: number,
  ) {
    const sets = powerOfTwo(Math.ceil(settings.portMemory / WAYS));
    this.setMask = sets - 1;
    this.tag = new Int32Array(sets * WAYS);
    this.owner = new Int32Array(sets * WAYS);
    this.usedAt = new Float64Array(sets * WAYS).fill(Number.NEGATIVE_INFINITY);
    this.from = settings.racePorts.from;
    this.count = settings.racePorts.to - settings.racePorts.from + 1;
  }

  /** Whether `pick` would find one. */
  hasPort(flow: FlowEnds): boolean {
    const owner = finishHash(mix(mixAddress(this.secret, flow.source, 0), flow.sourcePort));
    for (let n = 0; n < CANDIDATES; n++)
      if (!this.races.isPortInRace(flow, this.candidate(owner, flow.sourcePort, n))) return true;
    return false;
  }

  /** A port for a flow to a destination; 0 when all that were looked at are in races now. */
  pick(flow: FlowEnds, now: Micros): number {
    const { source, sourcePort, destination, destinationPort } = flow;
    const owner = finishHash(mix(mixAddress(this.secret, source, 0), sourcePort));
    const target = mix(mixAddress(this.secret, destination, 0), destinationPort);
    let oldest = 0;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (let n = 0; n < CANDIDATES; n++) {
      const port = this.candidate(owner, sourcePort, n);
      if (this.races.isPortInRace(flow, port)) continue;
      const at = this.lookUp(finishHash(mix(target, port)));
      if (at < 0 || this.owner[at] === owner) {
        this.remember(target, port, owner, now);
        return port;
      }
      if (this.usedAt[at] < oldestAt) {
        oldestAt = this.usedAt[at];
        oldest = port;
      }
    }
    if (oldest !== 0) this.remember(target, oldest, owner, now);
    return oldest;
  }

  /** A flow that lives already, from before this engine: its client is the one that may use the port again. */
  adopt({ client, clientPort, destination, destinationPort, port }: LivingFlow, now: Micros): void {
    const owner = finishHash(mix(mixAddress(this.secret, client, 0), clientPort));
    this.remember(mix(mixAddress(this.secret, destination, 0), destinationPort), port, owner, now);
  }

  /** A living flow owns the port of a race towards its destination: nobody takes it before it is forgotten. */
  taken(race: RaceId, now: Micros): void {
    const { destination, destinationPort, natPort } = this.races;
    const target = mix(mixAddress(this.secret, destination, race * 4), destinationPort[race]);
    this.remember(target, natPort[race], 0, now);
  }

  /** The client's own port or its image first; then ports of the same parity, spread by the secret. */
  private candidate(owner: number, clientPort: number, n: number): number {
    const end = this.from + this.count;
    if (n === 0 && clientPort >= this.from && clientPort < end) return clientPort;
    const place = n === 0 && clientPort >= end ? clientPort - end : finishHash(mix(owner, n)) >>> 0;
    const port = this.from + (place % this.count);
    if ((port & 1) === (clientPort & 1)) return port;
    return port + 1 < end ? port + 1 : port - 1;
  }

  private lookUp(tag: number): number {
    const base = (tag & this.setMask) * WAYS;
    for (let at = base; at < base + WAYS; at++) {
      if (this.tag[at] === tag && this.usedAt[at] !== Number.NEGATIVE_INFINITY) return at;
    }
    return -1;
  }

  private remember(target: number, port: number, owner: number, now: Micros): void {
    const tag = finishHash(mix(target, port));
    const base = (tag & this.setMask) * WAYS;
    let place = base;
    for (let at = base; at < base + WAYS; at++) {
      if (this.tag[at] === tag && this.usedAt[at] !== Number.NEGATIVE_INFINITY) {
        place = at;
        break;
      }
      if (this.usedAt[at] < this.usedAt[place]) place = at;
    }
    this.tag[place] = tag;
    this.owner[place] = owner;
    this.usedAt[place] = now;
  }
}
