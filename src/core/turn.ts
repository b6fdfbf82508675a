/**
 * A turn: what is the same for everything that one input brings about. Set once per input, reused for the next; so the
 * stages say in their signatures only what differs.
 */
import { createPacket, type Packet } from '../wire/packet.js';
import {
  createVerdict,
  type Effects,
  type FlowTable,
  type MemoryEntry,
  type NoteSink,
  type Verdict,
  type WireSink,
} from './contract.js';
import type { Micros, RaceId, RouteNumber } from './engine-types.js';
import { NO_HOST } from './limit/hosts.js';
import { TIMES, type Times } from './memory/times.js';
import { createJudgement, type Judgement } from './protocols/judgement.js';
import type { AttemptEnds } from './race/ends.js';
import { NO_RACE } from './race/table.js';
import type { Shard } from './shard.js';
import type { Site } from './site.js';

export interface Turn {
  readonly site: Site;
  readonly shard: Shard;
  readonly wire: WireSink;
  readonly notes: NoteSink;
  /** null: what has won is bound at once. */
  readonly flows: FlowTable | null;
  now: Micros;
  /** When what is in hand came about: `now`, or before it where a front end tells later what it has seen. */
  seenAt: Micros;
  /** The packet in hand; an empty one when there is none. */
  packet: Packet;
  /** The route whose way the set-up in hand has been given already; 0: none. */
  routed: RouteNumber;
  /** Who has sent the set-up in hand (limit/hosts.ts). */
  host: number;
  /** The kernel knows the group of the set-up in hand. */
  hasGroup: boolean;
  /** The set-up in hand leaves with the client's own address. */
  keepsSource: boolean;
  /** The set-up in hand is of the gateway itself: its address is no route's but one's. */
  isLocal: boolean;
  /** The set-up in hand goes by one route, though its protocol is one that is raced. */
  isSingle: boolean;
  /** The set-up in hand belongs to no group, whatever its service says. */
  isGroupless: boolean;
  /** Which times of memory the packet in hand is about. */
  times: Times;
  /** The set-up in hand goes on by the flow that it has, whatever else becomes of it. */
  goesOn: boolean;
  /** The race in hand, which a broken promise takes with it; NO_RACE when there is none. */
  race: RaceId;
  /** Reused by whoever has something to say: what becomes of the input, what an answer is, what the kernel shall remember. */
  readonly verdict: Verdict;
  readonly judgement: Judgement;
  readonly ends: AttemptEnds;
  readonly entry: MemoryEntry;
}

export function createTurn(site: Site, shard: Shard, effects: Effects): Turn {
  const words = new Int32Array(4);
  return {
    site,
    shard,
    wire: effects.wire,
    notes: effects.notes ?? NO_NOTES,
    flows: effects.flows ?? null,
    now: 0,
    seenAt: 0,
    packet: NO_PACKET,
    routed: 0,
    host: NO_HOST,
    hasGroup: false,
    keepsSource: false,
    isLocal: false,
    isSingle: false,
    isGroupless: false,
    times: TIMES.CONNECT,
    goesOn: false,
    race: NO_RACE,
    verdict: createVerdict(),
    judgement: createJudgement(),
    ends: { protocol: 0, local: words, localPort: 0, remote: words, remotePort: 0 },
    entry: { mask: 0, family: 4, words, at: 0, route: 0, isInterim: false, ttl: 0 },
  };
}

/** A new input. */
export function beginTurn(turn: Turn, now: Micros, packet: Packet = NO_PACKET): void {
  turn.now = now;
  turn.seenAt = now;
  turn.packet = packet;
  turn.routed = 0;
  turn.host = NO_HOST;
  turn.hasGroup = false;
  turn.keepsSource = false;
  turn.isLocal = false;
  turn.isSingle = false;
  turn.isGroupless = false;
  turn.times = TIMES.CONNECT;
  turn.goesOn = false;
  turn.race = NO_RACE;
}

const NO_PACKET = createPacket();

/** A front end without a kernel that decides by itself. */
const NO_NOTES: NoteSink = {
  remember: () => {},
  unremember: () => {},
  pin: () => {},
  ask: () => {},
  routeChanged: () => {},
};
