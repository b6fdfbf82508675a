/** What calls add to the load of routes, for `least-weighted-load`: classes of sessions (RFC 2391 section 5.1). */
import { CALL_KINDS, type CallKind } from '../../model/calls.js';
import type { RouteNumber } from '../engine-types.js';

export type CallWeights = Readonly<Record<CallKind, number>>;

export class CallLoad {
  private readonly counts: Readonly<Record<CallKind, Float64Array>>;
  private weights: CallWeights = { sip: 1, h323: 1, rtsp: 1 };

  constructor(private readonly routes: number) {
    const column = (): Float64Array => new Float64Array(routes + 1);
    this.counts = { sip: column(), h323: column(), rtsp: column() };
  }

  setWeights(weights: CallWeights): void {
    this.weights = weights;
  }

  /** A call has begun (1) or ended (-1) on a route; what that adds to its load. */
  change(kind: CallKind, route: RouteNumber, change: 1 | -1): number {
    if (route <= 0 || route > this.routes) return 0;
    this.counts[kind][route] += change;
    return change * this.weights[kind];
  }

  of(route: RouteNumber): number {
    let load = 0;
    for (const kind of CALL_KINDS) load += this.counts[kind][route] * this.weights[kind];
    return load;
  }
}
