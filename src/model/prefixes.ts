/** A list of prefixes of both families, asked whether an address is in one of them. */
import { type AddressWords, maskAddress, parseAddress, sameAddress } from './address.js';

/** BOUNDED: by the configuration, which takes 256. Asking allocates nothing. */
export class Prefixes {
  /** Four words each, and lengths in bits of all four. */
  private words = new Int32Array(0);
  private lengths = new Uint8Array(0);
  private readonly masked = new Int32Array(4);

  /** `prefixes`: canonical text. */
  set(prefixes: readonly string[]): void {
    this.words = new Int32Array(4 * prefixes.length);
    this.lengths = new Uint8Array(prefixes.length);
    for (const [i, text] of prefixes.entries()) {
      const [address, length] = text.split('/');
      this.words.set(parseAddress(address)!, 4 * i);
      this.lengths[i] = Number(length) + (address.includes(':') ? 0 : 96);
    }
  }

  has(address: AddressWords): boolean {
    return this.indexOf(address) >= 0;
  }

  /** The place of the first that the address is in; -1: it is in none. */
  indexOf(address: AddressWords): number {
    for (let i = 0; i < this.lengths.length; i++) {
      for (let word = 0; word < 4; word++) this.masked[word] = address[word];
      maskAddress(this.masked, 0, 6, this.lengths[i]);
      if (sameAddress(this.masked, 0, this.words, 4 * i)) return i;
    }
    return -1;
  }
}
