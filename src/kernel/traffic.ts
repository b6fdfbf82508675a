/** How much each interface carries: the kernel's byte counters, and what they make per second. */
import { readFileSync } from 'node:fs';

/** Bytes since the interface was made. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** Bits per second. */
export interface Rate {
  readonly in: number;
  readonly out: number;
}

/** Of the network namespace that the process is in; threads have their own. */
const PATH = '/proc/thread-self/net/dev';

/** Counters of every interface by name; empty when the kernel does not tell. */
export function readTraffic(): Map<string, Traffic> {
  try {
    return parseTraffic(readFileSync(PATH, 'utf8'));
  } catch {
    return new Map();
  }
}

/** One line per interface: `name: bytes packets errs drop fifo frame compressed multicast bytes ...`; names may hold colons. */
export function parseTraffic(text: string): Map<string, Traffic> {
  const traffic = new Map<string, Traffic>();
  for (const line of text.split('\n')) {
    const found = /^\s*(\S+):\s*(\d+(?:\s+\d+)+)\s*$/.exec(line);
    if (found === null) continue;
    const numbers = found[2].split(/\s+/).map(Number);
    if (numbers.length < SENT_AT + 1) continue;
    traffic.set(found[1], { received: numbers[0], sent: numbers[SENT_AT] });
  }
  return traffic;
}

const SENT_AT = 8;

/** Turns successive readings into rates, of the time between the last two readings in which an interface was there. */
export class TrafficMeter {
  // BOUNDED: by the interfaces of the last reading.
  private last = new Map<string, Traffic & { readonly atMicros: number }>();
  private current = new Map<string, Rate>();

  /**
   * Takes a reading and gives the rates since the one before. A new interface has none yet; one that was made anew, so that a
   * counter went back, begins from zero. Readings closer than a millisecond change nothing.
   */
  update(traffic: ReadonlyMap<string, Traffic>, nowMicros: number): ReadonlyMap<string, Rate> {
    const last = new Map<string, Traffic & { readonly atMicros: number }>();
    const rates = new Map<string, Rate>();
    for (const [name, { received, sent }] of traffic) {
      const before = this.last.get(name);
      if (before !== undefined && nowMicros - before.atMicros < LEAST_MICROS) {
        last.set(name, before);
        const rate = this.current.get(name);
        if (rate !== undefined) rates.set(name, rate);
        continue;
      }
      last.set(name, { received, sent, atMicros: nowMicros });
      if (before === undefined) continue;
      const reset = received < before.received || sent < before.sent;
      const bitsPerSecond = (now: number, then: number): number =>
        ((now - (reset ? 0 : then)) * 8 * 1_000_000) / (nowMicros - before.atMicros);
      rates.set(name, {
        in: bitsPerSecond(received, before.received),
        out: bitsPerSecond(sent, before.sent),
      });
    }
    this.last = last;
    this.current = rates;
    return rates;
  }

  /** The rates of the last reading. */
  get rates(): ReadonlyMap<string, Rate> {
    return this.current;
  }
}

const LEAST_MICROS = 1000;
