/** Which web site an address belongs to, as the DNS answers that passed have said: `client+site` keeps a site's connections together. */
import { type AddressWords, formatAddress } from '../../model/address.js';
import type { Micros } from '../engine-types.js';

/** Whoever asks hears of it: what a name server has said that is believed. */
export const FOR_ALL = 0;

/** BOUNDED: the oldest address gives way. */
const LIMIT = 65_536;

export class WebSites {
  private readonly known = new Map<string, { number: number; expiresAt: Micros }>();

  /** The number of the site of an address, for all or as a host (limit/hosts.ts) has been told; 0 when no name of it is known. */
  of(host: number, words: AddressWords, at: number, now: Micros): number {
    if (this.known.size === 0) return 0;
    const address = formatAddress(words, at);
    return this.find(FOR_ALL, address, now) || this.find(host, address, now);
  }

  /** `host`: who has been told; FOR_ALL: everybody. */
  learn(host: number, words: AddressWords, at: number, number: number, expiresAt: Micros): void {
    const key = keyOf(host, formatAddress(words, at));
    this.known.delete(key);
    if (this.known.size >= LIMIT) {
      for (const oldest of this.known.keys()) {
        this.known.delete(oldest);
        break;
      }
    }
    this.known.set(key, { number, expiresAt });
  }

  private find(host: number, address: string, now: Micros): number {
    const found = this.known.get(keyOf(host, address));
    return found === undefined || found.expiresAt <= now ? 0 : found.number;
  }
}

function keyOf(host: number, address: string): string {
  return host === FOR_ALL ? address : `${address} ${host}`;
}
