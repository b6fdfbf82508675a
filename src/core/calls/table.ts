/** The calls that are known, counted from their start to their end. */
import { CALL_KINDS, type CallCounts, type CallKind } from '../../model/calls.js';
import type { SdpMedia } from '../../wire/sdp.js';
import type { Micros, RouteNumber } from '../engine-types.js';

/** BOUNDED: the one that nothing was heard of for longest is taken for over. */
export const MOST_CALLS = 16_384;
/** Without a word since: one that rings, and one that has been answered. Endpoints that vanish say nothing. */
const RINGS_MICROS = 300e6;
const TALKS_MICROS = 12 * 3600e6;

export interface Call {
  readonly kind: CallKind;
  readonly key: string;
  route: RouteNumber;
  isAnswered: boolean;
  heardAt: Micros;
  /** What each side has said last of its media, where the protocol describes them as a whole. */
  readonly media: { client: readonly SdpMedia[] | null; server: readonly SdpMedia[] | null };
}

/** Told of calls that a route carries, as they begin and end on it. */
export type OnRoute = (kind: CallKind, route: RouteNumber, change: 1 | -1) => void;

export class CallTable {
  private readonly calls = new Map<string, Call>();
  private readonly counted: Readonly<Record<CallKind, { started: number; ended: number }>>;

  constructor(
    private readonly onRoute: OnRoute,
    private readonly most = MOST_CALLS,
  ) {
    const none = () => ({ started: 0, ended: 0 });
    this.counted = { sip: none(), h323: none(), rtsp: none() };
  }

  /** `key` is one among those of its kind. A call that is known already goes on. */
  begin(kind: CallKind, key: string, now: Micros): Call {
    const known = this.find(kind, key, now);
    if (known !== null) return known;
    if (this.calls.size >= this.most) {
      for (const oldest of this.calls.values()) {
        this.end(oldest);
        break;
      }
    }
    const media = { client: null, server: null };
    const call: Call = { kind, key, route: 0, isAnswered: false, heardAt: now, media };
    this.calls.set(nameOf(kind, key), call);
    this.counted[kind].started++;
    return call;
  }

  /** Something is said about it: it comes last in the order of those that are given up. */
  find(kind: CallKind, key: string, now: Micros): Call | null {
    const name = nameOf(kind, key);
    const call = this.calls.get(name);
    if (call === undefined) return null;
    this.calls.delete(name);
    this.calls.set(name, call);
    call.heardAt = now;
    return call;
  }

  /** By which route it goes, as soon as that is known. */
  carry(call: Call, route: RouteNumber): void {
    if (call.route === route || !this.isKnown(call)) return;
    if (call.route !== 0) this.onRoute(call.kind, call.route, -1);
    call.route = route;
    if (route !== 0) this.onRoute(call.kind, route, 1);
  }

  /** It is over; once. */
  end(call: Call): void {
    if (!this.isKnown(call)) return;
    this.carry(call, 0);
    this.calls.delete(nameOf(call.kind, call.key));
    this.counted[call.kind].ended++;
  }

  /** Ends what nobody has said anything of for longer than a call lasts. The first ones were heard of longest ago. */
  sweep(now: Micros): void {
    for (const call of this.calls.values()) {
      const age = now - call.heardAt;
      if (age < RINGS_MICROS) return;
      if (!call.isAnswered || age >= TALKS_MICROS) this.end(call);
    }
  }

  /** Calls of a kind on each route: for who counts anew. */
  eachCarried(visit: OnRoute): void {
    for (const { kind, route } of this.calls.values()) if (route !== 0) visit(kind, route, 1);
  }

  counts(): Record<CallKind, CallCounts> {
    const each = CALL_KINDS.map((kind) => {
      const { started, ended } = this.counted[kind];
      return [kind, { started, ended, active: started - ended }] as const;
    });
    return Object.fromEntries(each) as Record<CallKind, CallCounts>;
  }

  private isKnown(call: Call): boolean {
    return this.calls.get(nameOf(call.kind, call.key)) === call;
  }
}

function nameOf(kind: CallKind, key: string): string {
  return `${kind} ${key}`;
}
