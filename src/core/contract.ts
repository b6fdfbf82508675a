/** What the engine and its front ends say to each other: what goes in, what comes out, and in which order. */
import type { AddressWords, Family } from '../model/address.js';
import type { HealthReason, SingleReason } from '../model/reasons.js';
import type { Packet } from '../wire/packet.js';
import type { AffinityGroup, Micros, RaceId, RouteNumber, ServiceNumber } from './engine-types.js';
import type { FlowEnds, LocalEnds } from './race/ends.js';
import { NO_RACE } from './race/table.js';

/** What `Engine.handle` gives a verdict on. `packet` is a reused view, valid during the call. */
export type Input =
  /**
   * A packet of a new connection from the LAN, and the service that the kernel has put it into (0: none, raced over all
   * routes). `tried`: it repeats the set-up of a flow that this route was given and has not answered; 0: it does not. `pinned`:
   * the route that the kernel knows its group to have; 0 or absent: none. `routed`: the route whose way
   * the packet has been given already, so that it can go on by that one alone; 0 or absent: it can still go by any. `mayCopy` false: the
   * operator's rules have not seen it, so that it must not be copied. `stays`: its flow has something in the connection table that a flow
   * bound by a race would not have, so that it goes on as it is. `host`: who has sent it, as the front end knows it (limit/hosts.ts); 0 or
   * absent: by its address. `isLocal`: the gateway's own programs open it; `hasWay`: by one way alone, that of its socket or of the main table.
   */
  | {
      kind: 'setup';
      packet: Packet;
      service: ServiceNumber;
      tried: RouteNumber;
      pinned?: RouteNumber;
      routed?: RouteNumber;
      mayCopy?: boolean;
      stays?: boolean;
      host?: number;
      isLocal?: boolean;
      hasWay?: boolean;
    }
  /**
   * A packet or an ICMP error from a provider. `known`: the connection table may still know it (it has not been asked yet);
   * otherwise it has been asked and does not.
   */
  | { kind: 'answer'; packet: Packet; interfaceIndex: number; known: boolean }
  /** A further packet from the LAN, of a flow that was bound while its race may still bind it to another route. */
  | { kind: 'client'; packet: Packet }
  /**
   * The words of a front end that sees connections instead of packets: an attempt of this race was answered, was refused by
   * the server itself, or has failed on its way, at this time (not later than now).
   */
  | { kind: 'outcome'; race: RaceId; route: RouteNumber; outcome: AttemptOutcome; at: Micros };

export type AttemptOutcome = 'answered' | 'refused' | 'failed';

/** What `Engine.note` takes notice of: everything else that can happen. */
export type Event =
  /** What became of a commit: the flow is bound, or its tuple belongs to a living flow. */
  | { kind: 'committed'; race: RaceId; ok: boolean }
  /** A round of a route's own checks has ended. */
  | { kind: 'checked'; route: RouteNumber; family: Family; answered: boolean }
  /** A route was asked itself (`askRoute`): whether anything beyond its next hop answers by it; null: nobody can tell. */
  | { kind: 'asked'; route: RouteNumber; family: Family; alive: boolean | null }
  /** The next hop of a route has answered: all that can be known of one that nobody uses. */
  | { kind: 'probed'; route: RouteNumber; family: Family }
  /** A session has begun or ended in the connection table; `counted`: the engine has counted it when it chose. */
  | { kind: 'session'; begins: boolean; route: RouteNumber; service: ServiceNumber; counted: boolean }
  /**
   * The client of a flow has said something, or its server has (`isServer`), at this time of a clock of the front end's: only of flows that
   * are samples (`FlowTable.tellsPayloads`). `flow`: as the client has opened it.
   */
  | { kind: 'words'; flow: FlowEnds; isServer: boolean; at: Micros }
  /** Time has come to `nextDeadline()`. */
  | { kind: 'tick' };

/**
 * What becomes of the input in hand. One value per engine, reused: valid until the next input.
 *
 *   release  goes on by the kernel alone, over `route` (0: the rest route); `service` is kept with the flow, and `counted`:
 *            that its session has been counted already
 *   pass     goes on as it came, over the route that its flow has; of a set-up that may be besides its race's copies
 *   drop     ends here: what there is to do is done by attempts, resets or the error
 *   commit   waits until `race` is bound to `route`; passes then, or ends here when it cannot be
 */
export interface Verdict {
  kind: 'release' | 'pass' | 'drop' | 'commit';
  /** Of `release` and `commit`. */
  route: RouteNumber;
  /** Of `release`. */
  reason: SingleReason;
  service: ServiceNumber;
  counted: boolean;
  /** Of `pass`: nobody needs to see the next packets of its flow. */
  isLast: boolean;
  /**
   * Of `commit`, and of the `drop` or `pass` of a set-up whose copies are to leave; of the `pass` of an answer: behind the one that waits
   * until this race is bound. NO_RACE otherwise.
   */
  race: RaceId;
}

/** One that ends a packet here, and belongs to no race. */
export function createVerdict(): Verdict {
  const said = { route: 0, reason: 'criterion', service: 0 } as const;
  return { kind: 'drop', ...said, counted: false, isLast: false, race: NO_RACE };
}

/** What goes on the wire, at the end of the batch. A front end in user space needs no other sink. */
export interface WireSink {
  /** Sends one copy of the race's set-up over a route; of a flight of datagrams all from the given one on, in their order. */
  attempt(race: RaceId, route: RouteNumber, from?: number): void;
  /**
   * Goes on with the handshake of an attempt in the client's name: with what its server has not acknowledged of the client's first words, if
   * all may have them. A front end without it has no races that the first payload decides.
   */
  advance?(race: RaceId, route: RouteNumber): void;
  /** Tells the other end of an attempt that nobody will use it. `proof`: what makes it believe that (TCP: the SEQ of a reset). */
  cancel(race: RaceId, route: RouteNumber, proof: number): void;
  /** The same for the sender of the packet in hand, which belongs to no race. */
  refuse(): void;
  /** Sends the client the error that a route answered, translated to the client's own tuple; of a flow of several questions that to one. */
  reject(race: RaceId, route: RouteNumber, question?: number): void;
}

/** What the kernel decides by itself from now on; written behind the packets. */
export interface NoteSink {
  /** New connections that the entry is about go by its route. Replaces what was said before. */
  remember(entry: MemoryEntry): void;
  /** Takes it back; `route` and `ttl` say nothing. */
  unremember(entry: MemoryEntry): void;
  /**
   * A group's new connections go by `route`, until `ttl` after the last of them; `isInterim`: not beyond the moment at which a route
   * that is away is back.
   */
  pin(
    service: ServiceNumber,
    group: AffinityGroup,
    route: RouteNumber,
    isInterim: boolean,
    ttl: Micros,
  ): void;
  /** For so long each new connection of a group is to be asked about. Replaces its route. */
  ask(service: ServiceNumber, group: AffinityGroup, ttl: Micros): void;
  /**
   * A route shall be asked itself whether it is down, since that would end what it carries; answered by an `asked` event. A front end
   * that cannot do so has none of it, and silence alone decides.
   */
  askRoute?(route: RouteNumber, family: Family): void;
  /** The health of a route has changed; what the kernel may do by itself with it is in `Engine.openMask`. */
  routeChanged(route: RouteNumber, reason: HealthReason): void;
}

/** An entry of the kernel's memory. One value, reused: valid during the call. */
export interface MemoryEntry {
  /** Bits of the routes that its services choose among: each such set has a memory of its own. */
  mask: number;
  family: Family;
  /** The destination, or its prefix: four words at `at`. */
  words: AddressWords;
  at: number;
  route: RouteNumber;
  /** It holds only until a route that is away is back. */
  isInterim: boolean;
  ttl: Micros;
}

/** The table in which the flows of a front end live. */
export interface FlowTable {
  /**
   * Binds the flow of a race to the route; answered by exactly one `committed` event, before the packet whose verdict is
   * `commit` goes on. Other packets of the same batch may come before it. A flow that the table has already with these very ends
   * (ENDS.FLOW) stays as it is. One that is bound already, since the client was shown the answer of another route, is bound anew, and the
   * numbers of its server are translated to those that the client was shown.
   */
  commit(race: RaceId, route: RouteNumber): void;
  /** It tells when client and server of a flow speak for the first time, where the engine's `samples` have its race. */
  readonly tellsPayloads?: boolean;
  /** The flow of a race stays as it is bound: nobody needs to see its packets, or to be told of them, any more. */
  release?(race: RaceId): void;
  /** It is over: the client has been told so. At once. */
  remove?(race: RaceId): void;
  /** Whether the packet in hand, of a provider, belongs to a flow. Asked only of what no race knows and was to be seen. */
  knowsAnswer?(): boolean;
  /**
   * What the flow of the packet in hand leaves with, as its route shows it: four words and a port, into `out`. False: the table does not
   * have it. A question, asked only when a client repeats the set-up of a flow that was given to one route.
   */
  endsOf(out: LocalEnds): boolean;
  /**
   * Whether the tuple of an attempt belongs to another, living flow: its server takes the copy for a stray packet of that
   * flow and never answers. A question, asked only when a client repeats its set-up.
   */
  isTaken(race: RaceId, route: RouteNumber): boolean;
}

/** Where an engine's effects go. Without `flows`, what has won is bound at once: the front end owns its connections. */
export interface Effects {
  readonly wire: WireSink;
  readonly notes?: NoteSink;
  readonly flows?: FlowTable;
}
