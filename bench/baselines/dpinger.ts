/**
 * Loss over a sliding window, as dpinger counts it. Pure; times are milliseconds of any clock.
 * A question without an answer counts as lost once it is older than `lossMs`; an answer that comes later still counts.
 */

export interface DpingerSettings {
  /** Between two questions. */
  readonly sendMs: number;
  readonly lossMs: number;
  /** Length of the window. */
  readonly periodMs: number;
  /** Above this share of lost questions, in whole per cent, the alarm is raised. */
  readonly lossPercent: number;
  /** Above this mean round trip the alarm is raised. */
  readonly latencyMs: number;
  /** How often the window is looked at. */
  readonly alertMs: number;
  /** Looks without cause before an alarm ends. */
  readonly hold: number;
}

export const DPINGER_PFSENSE: DpingerSettings = {
  ...{ sendMs: 500, lossMs: 2000, periodMs: 60_000, alertMs: 1000 },
  ...{ lossPercent: 20, latencyMs: 500, hold: 10 },
};
/** Its alarms come from a watcher that asks every second; it keeps no hold of its own. */
export const DPINGER_OPNSENSE: DpingerSettings = {
  ...{ sendMs: 1000, lossMs: 4000, periodMs: 60_000, alertMs: 1000 },
  ...{ lossPercent: 20, latencyMs: 500, hold: 1 },
};

export class LossWindow {
  readonly #settings: DpingerSettings;
  /** Rings, one slot per question of the window. NaN: none was sent, or none was answered. */
  readonly #sentAt: Float64Array;
  readonly #answeredAfter: Float64Array;
  #decay = 0;

  constructor(settings: DpingerSettings) {
    this.#settings = settings;
    const slots = Math.floor((settings.periodMs + settings.lossMs) / settings.sendMs);
    this.#sentAt = new Float64Array(slots).fill(Number.NaN);
    this.#answeredAfter = new Float64Array(slots).fill(Number.NaN);
  }

  get slots(): number {
    return this.#sentAt.length;
  }

  /** Questions are numbered without gaps. */
  sent(number: number, now: number): void {
    this.#sentAt[number % this.slots] = now;
    this.#answeredAfter[number % this.slots] = Number.NaN;
  }

  answered(number: number, now: number): void {
    const slot = number % this.slots;
    this.#answeredAfter[slot] = Math.max(0, now - (this.#sentAt[slot] as number));
  }

  /** Mean round trip of the answers, and lost questions in whole per cent. */
  report(now: number): { latencyMs: number; lossPercent: number } {
    let received = 0;
    let lost = 0;
    let total = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      const sentAt = this.#sentAt[slot] as number;
      const after = this.#answeredAfter[slot] as number;
      if (!Number.isNaN(after)) {
        received++;
        total += after;
      } else if (now - sentAt > this.#settings.lossMs) lost++;
    }
    return {
      latencyMs: received === 0 ? 0 : total / received,
      lossPercent: lost === 0 ? 0 : Math.floor((lost * 100) / (received + lost)),
    };
  }

  /** To be asked every `alertMs`: whether the alarm is on. */
  alarm(now: number): boolean {
    const { latencyMs, lossPercent } = this.report(now);
    const cause = lossPercent > this.#settings.lossPercent || latencyMs > this.#settings.latencyMs;
    if (cause) this.#decay = this.#settings.hold;
    else if (this.#decay > 0) this.#decay--;
    return this.#decay > 0;
  }
}
