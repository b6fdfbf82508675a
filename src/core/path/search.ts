/**
 * What is known of the largest packet that passes by one route and family, and when to ask for it (in the spirit of RFC 4821 and 8899).
 * Connections that hang make it ask; what is found narrow is asked again ever more rarely. Pure.
 */
import type { Finding } from './judge.js';

/** What has become of the size that passes: `null` is full size. */
export interface Change {
  readonly kind: 'lowered' | 'raised';
  readonly from: number | null;
  readonly to: number | null;
}

/** How long hanging connections and full segments count, milliseconds. */
const WINDOW_MS = 60_000;
const PASSED_MS = 30_000;
/** Between two questions that have found nothing: twice as long each time. */
const PAUSE_MS = { first: 10_000, most: 120_000 } as const;
/** After it was found narrow larger packets are tried after so long, twice as long each time, up to what RFC 4821 section 7.7 and 8899 section 5.1.1 say. */
export const RAISE_MS = { first: 30_000, most: 600_000 } as const;
/** BOUNDED: the oldest gives way. */
const MOST_STALLS = 32;

export class PathSearch {
  /** Bytes that pass, where that is less than full size. */
  found: number | null = null;
  /** When that was found last, milliseconds as the caller counts. */
  sinceMs = 0;
  private stalls: { readonly network: string; readonly atMs: number }[] = [];
  private passedMs = Number.NEGATIVE_INFINITY;
  private pauseMs: number = PAUSE_MS.first;
  private quietUntilMs = 0;
  private raiseMs: number = RAISE_MS.first;
  private raiseAtMs = 0;
  private isUrged = false;

  /** A connection hangs that waits for a server of a network. */
  stalled(network: string, nowMs: number): void {
    this.stalls.push({ network, atMs: nowMs });
    if (this.stalls.length > MOST_STALLS) this.stalls.shift();
  }

  /** A connection has brought back full segments. */
  passed(nowMs: number): void {
    this.passedMs = nowMs;
  }

  /** It is to be asked at once: the other family of the route was found narrow, or its link is another one. */
  urge(): void {
    this.isUrged = true;
  }

  /** What was found by a gateway before this one: true until it is asked. */
  recall(found: number, nowMs: number): void {
    this.found = found;
    this.sinceMs = nowMs;
    this.raiseAtMs = nowMs + this.raiseMs;
  }

  /** Whether the path is to be asked now. */
  isDue(nowMs: number): boolean {
    if (this.isUrged || (this.found !== null && nowMs >= this.raiseAtMs)) return true;
    return nowMs >= this.quietUntilMs && this.isSuspected(nowMs);
  }

  /** The path has been asked; returns what that changes. */
  take({ kind, largest }: Finding, nowMs: number): Change | null {
    this.isUrged = false;
    this.stalls = [];
    const from = this.found;
    const to = this.next(kind, largest);
    this.rest(from, to, nowMs);
    if (to === from) return null;
    this.found = to;
    this.sinceMs = nowMs;
    return { kind: from === null || (to !== null && to < from) ? 'lowered' : 'raised', from, to };
  }

  private next(kind: Finding['kind'], largest: number): number | null {
    const { found } = this;
    if (kind === 'wide') return null;
    if (kind === 'narrow') return largest;
    // An answer to a larger packet is true, whoever sends it.
    return found !== null && largest > found ? largest : found;
  }

  private rest(from: number | null, to: number | null, nowMs: number): void {
    this.pauseMs = nowMs - this.quietUntilMs > PAUSE_MS.most ? PAUSE_MS.first : this.pauseMs;
    this.quietUntilMs = nowMs + this.pauseMs;
    this.pauseMs = Math.min(2 * this.pauseMs, PAUSE_MS.most);
    // What was wide for long begins anew; what comes and goes does not.
    if (from === null && nowMs - this.sinceMs > RAISE_MS.most) this.raiseMs = RAISE_MS.first;
    if (to === null) return;
    this.raiseAtMs = nowMs + this.raiseMs;
    this.raiseMs = Math.min(2 * this.raiseMs, RAISE_MS.most);
  }

  /** Several servers, or one again and again; more while others are served well. */
  private isSuspected(nowMs: number): boolean {
    const recent = this.stalls.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
    const networks = new Set(recent.map(({ network }) => network)).size;
    if (nowMs - this.passedMs < PASSED_MS) return networks >= 3;
    return networks >= 2 || recent.length >= 3;
  }
}
