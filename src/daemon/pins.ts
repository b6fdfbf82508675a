/**
 * Destinations that an operator holds on a route until a time. Engine and kernel get them as what else is not to be raced (`race.never`):
 * the rules name them before groups and memory, so that neither what is remembered nor who else is on which route counts.
 */
import type { HeldDestination } from '../core/engine-types.js';
import { PathraceError } from '../model/errors.js';
import type { Numbers } from './numbers.js';

export interface HeldPin {
  /** Canonical address. */
  readonly destination: string;
  /** Name of a route. */
  readonly route: string;
  /** Monotonic time, milliseconds. */
  readonly untilMs: number;
  /** Of one that another boot of the machine has left, until a date is known: that of its end; null: `untilMs` says all. */
  readonly untilDateMs: number | null;
}

/** Each is a line of the kernel's rules. */
export const MAX_PINS = 256;

export class Pins {
  // BOUNDED: MAX_PINS; beyond it a new one is refused.
  private readonly pins = new Map<string, HeldPin>();

  /** In the order of their end. */
  all(): readonly HeldPin[] {
    return [...this.pins.values()].sort((a, b) => a.untilMs - b.untilMs);
  }

  of(destination: string): HeldPin | undefined {
    return this.pins.get(destination);
  }

  on(route: string): number {
    return [...this.pins.values()].filter((pin) => pin.route === route).length;
  }

  /** In place of one for the same destination. Throws E_ARGUMENT when there is no room. */
  set(pin: HeldPin): void {
    if (!this.pins.has(pin.destination) && this.pins.size >= MAX_PINS) {
      throw new PathraceError('E_ARGUMENT', `${MAX_PINS} destinations are held already.`, {
        remedy: 'Let one go first.',
      });
    }
    this.pins.set(pin.destination, pin);
  }

  /** null: all. Returns how many there were. */
  remove(destination: string | null): number {
    const gone =
      destination === null ? [...this.pins.keys()] : this.pins.has(destination) ? [destination] : [];
    for (const one of gone) this.pins.delete(one);
    return gone.length;
  }

  /** What the last run has left; what was held since the start is the newer word. */
  restore(pins: readonly HeldPin[]): void {
    for (const pin of pins)
      if (!this.pins.has(pin.destination) && this.pins.size < MAX_PINS) this.pins.set(pin.destination, pin);
  }

  /** What was held on an old name of a route is held on the new one. */
  follow(name: string, old: string): void {
    for (const pin of this.all())
      if (pin.route === old) this.pins.set(pin.destination, { ...pin, route: name });
  }

  /** All as it is now; call it to have that back. */
  keep(): () => void {
    const kept = [...this.pins];
    return () => {
      this.pins.clear();
      for (const [destination, pin] of kept) this.pins.set(destination, pin);
    };
  }

  /** A date is known: what another boot has left ends by it, and by the monotonic clock from now on. */
  settle(nowMs: number, dateMs: number): void {
    for (const pin of this.all())
      if (pin.untilDateMs !== null) {
        const untilMs = Math.min(pin.untilMs, nowMs + pin.untilDateMs - dateMs);
        this.pins.set(pin.destination, { ...pin, untilMs, untilDateMs: null });
      }
  }

  /** Whether the time of some is over, or its route is not there any more. */
  isDue(nowMs: number, routes: readonly string[]): boolean {
    return this.all().some(({ route, untilMs }) => untilMs <= nowMs || !routes.includes(route));
  }

  /** Lets those go. */
  expire(nowMs: number, routes: readonly string[]): void {
    for (const { destination, route, untilMs } of this.all())
      if (untilMs <= nowMs || !routes.includes(route)) this.pins.delete(destination);
  }

  /** As the engine has them. */
  held(routes: Pick<Numbers, 'of'>): HeldDestination[] {
    return this.all().map(({ destination, route }) => ({
      prefix: `${destination}/${destination.includes(':') ? 128 : 32}`,
      route: routes.of(route),
    }));
  }
}
