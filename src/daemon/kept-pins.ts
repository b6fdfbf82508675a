/**
 * Pins over a restart. In the same boot of the machine the monotonic clock goes on, so that nobody asks for a date. In another one a pin
 * lasts for what it had left when it was written, or until its date where one is known (core/quota/clock.ts): a clock that says 1970 ends
 * none, and none lasts longer than it had left. Pure.
 */
import { formatAddress, parseAddress } from '../model/address.js';
import type { HeldPin } from './pins.js';

export interface KeptPin {
  readonly destination: string;
  readonly route: string;
  /** Its end by the monotonic clock, and how far that is from the moment of writing. */
  readonly untilMs: number;
  readonly leftMs: number;
  /** Its end as a date; 0: none was known. */
  readonly untilDateMs: number;
  /** That date has not been asked for yet: no date was known since the boot before. */
  readonly waitsForDate: boolean;
}

/** `dateAt`: the date of a monotonic time; null: none is known. */
export function pinsToKeep(
  pins: readonly HeldPin[],
  nowMs: number,
  dateAt: (monotonicMs: number) => number | null,
): KeptPin[] {
  return pins.map(({ destination, route, untilMs, untilDateMs }) => ({
    destination,
    route,
    untilMs: Math.max(0, untilMs),
    leftMs: Math.max(0, untilMs - nowMs),
    untilDateMs: Math.max(0, untilDateMs ?? dateAt(untilMs) ?? 0),
    waitsForDate: untilDateMs !== null,
  }));
}

export function pinsKept(kept: readonly KeptPin[], isSameBoot: boolean, nowMs: number): HeldPin[] {
  return kept.map(({ destination, route, untilMs, leftMs, untilDateMs, waitsForDate }) => ({
    destination,
    route,
    untilMs: isSameBoot ? untilMs : nowMs + leftMs,
    untilDateMs: untilDateMs !== 0 && (waitsForDate || !isSameBoot) ? untilDateMs : null,
  }));
}

/** As the gateway writes addresses: what is looked up by its text would not be found otherwise. */
export function isCanonical({ destination }: Pick<KeptPin, 'destination'>): boolean {
  const words = parseAddress(destination);
  return words !== null && formatAddress(words) === destination;
}
