/** Who has asked a name server: a host must not say to others where names lead. */
import { hostNumber } from '../core/limit/hosts.js';
import { type AddressWords, formatAddress } from '../model/address.js';
import type { Asker } from './kernel-memory.js';

/** A host that has asked. */
export interface AskingHost extends Asker {
  /** As the engine knows it (core/limit/hosts.ts). */
  readonly host: number;
}

/** BOUNDED: questions without an answer; the oldest gives way. */
const MOST_ASKED = 4096;

export class Askers {
  private readonly asked = new Map<string, AskingHost>();

  /** A question from this address and port, by whoever has this Ethernet address (0 and 0: none). */
  note(words: AddressWords, port: number, high: number, low: number): void {
    if ((high | low) === 0) return;
    const key = keyOf(words, port);
    this.asked.delete(key);
    if (this.asked.size >= MOST_ASKED) {
      for (const oldest of this.asked.keys()) {
        this.asked.delete(oldest);
        break;
      }
    }
    this.asked.set(key, { high, low, host: hostNumber(high, low) });
  }

  /** Who has asked what is answered to this address and port; null: nobody that is known. */
  take(words: AddressWords, port: number): AskingHost | null {
    const key = keyOf(words, port);
    const found = this.asked.get(key) ?? null;
    this.asked.delete(key);
    return found;
  }
}

/** What hosts have been told, so that none of them takes the place of all. */
export class ToldCounts {
  private readonly counts = new Map<number, number>();

  of(host: number): number {
    return this.counts.get(host) ?? 0;
  }

  add(host: number, change: 1 | -1): void {
    const count = this.of(host) + change;
    if (count === 0) this.counts.delete(host);
    else this.counts.set(host, count);
  }
}

function keyOf(words: AddressWords, port: number): string {
  return `${formatAddress(words)} ${port}`;
}
