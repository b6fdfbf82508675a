/** Which web site an address belongs to, as the DNS answers that passed have said: `client+site` keeps a site's connections together. */
import { type AddressWords, formatAddress } from '../../model/address.js';
import type { Micros } from '../engine-types.js';

/** BOUNDED: the oldest address gives way. */
const LIMIT = 65_536;

export class WebSites {
  private readonly known = new Map<string, { number: number; expiresAt: Micros }>();

  /** The number of the site of an address; 0 when no name of it is known. */
  of(words: AddressWords, at: number, now: Micros): number {
    if (this.known.size === 0) return 0;
    const found = this.known.get(formatAddress(words, at));
    return found === undefined || found.expiresAt <= now ? 0 : found.number;
  }

  learn(words: AddressWords, at: number, number: number, expiresAt: Micros): void {
    const key = formatAddress(words, at);
    this.known.delete(key);
    if (this.known.size >= LIMIT) {
      for (const oldest of this.known.keys()) {
        this.known.delete(oldest);
        break;
      }
    }
    this.known.set(key, { number, expiresAt });
  }
}
