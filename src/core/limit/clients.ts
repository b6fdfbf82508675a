/** How much of the gateway one client may use: races at one time, and a token bucket of new races. */
import { type AddressWords, sameAddress } from '../../model/address.js';
import type { SingleReason } from '../../model/reasons.js';
import type { EngineSettings, Micros } from '../engine-types.js';
import { finishHash, mixAddress } from '../hash.js';

const WAYS = 4;

/**
 * BOUNDED: `settings.clientSets` sets of four clients. The least recent client without a race gives way to a new one; when all four
 * have races, the new one goes by one route.
 */
export class ClientLimits {
  private readonly address: AddressWords;
  private readonly used: Uint8Array;
  private readonly active: Int32Array;
  private readonly tokens: Float64Array;
  private readonly seenAt: Float64Array;

  constructor(
    private readonly settings: Pick<EngineSettings, 'clientSets' | 'racesPerClient' | 'clientRate'>,
    private readonly secret: number,
  ) {
    const clients = settings.clientSets * WAYS;
    this.address = new Int32Array(clients * 4);
    this.used = new Uint8Array(clients);
    this.active = new Int32Array(clients);
    this.tokens = new Float64Array(clients);
    this.seenAt = new Float64Array(clients);
  }

  /** Counts a new race for a client; a reason instead when it must not have one. */
  admit(client: AddressWords, now: Micros): SingleReason | null {
    const at = this.place(client, now);
    if (at < 0) return 'client-race-limit';
    const { clientRate, racesPerClient } = this.settings;
    const earned = ((now - this.seenAt[at]) * clientRate.perSecond) / 1e6;
    this.tokens[at] = Math.min(clientRate.burst, this.tokens[at] + earned);
    this.seenAt[at] = now;
    if (this.active[at] >= racesPerClient) return 'client-race-limit';
    if (this.tokens[at] < 1) return 'client-race-rate';
    this.tokens[at] -= 1;
    this.active[at]++;
    return null;
  }

  /** What `admit` would say; nothing is counted. */
  wouldAdmit(client: AddressWords, now: Micros): SingleReason | null {
    const base = this.base(client, 0);
    let hasPlace = false;
    for (let at = base; at < base + WAYS; at++) {
      hasPlace ||= this.used[at] === 0 || this.active[at] === 0;
      if (this.used[at] === 0 || !sameAddress(this.address, at * 4, client, 0)) continue;
      const { clientRate, racesPerClient } = this.settings;
      if (this.active[at] >= racesPerClient) return 'client-race-limit';
      const earned = ((now - this.seenAt[at]) * clientRate.perSecond) / 1e6;
      return Math.min(clientRate.burst, this.tokens[at] + earned) < 1 ? 'client-race-rate' : null;
    }
    return hasPlace ? null : 'client-race-limit';
  }

  /** The race of a client has been decided or has ended: it no longer counts as one at the same time. */
  done(addresses: AddressWords, addressAt: number): void {
    const base = this.base(addresses, addressAt);
    for (let at = base; at < base + WAYS; at++) {
      if (this.used[at] === 1 && sameAddress(this.address, at * 4, addresses, addressAt)) {
        this.active[at]--;
        return;
      }
    }
  }

  private place(client: AddressWords, now: Micros): number {
    const base = this.base(client, 0);
    let oldest = -1;
    for (let at = base; at < base + WAYS; at++) {
      if (this.used[at] === 0) {
        if (oldest < 0 || this.used[oldest] === 1) oldest = at;
        continue;
      }
      if (sameAddress(this.address, at * 4, client, 0)) return at;
      const idle = this.active[at] === 0;
      if (idle && (oldest < 0 || (this.used[oldest] === 1 && this.seenAt[at] < this.seenAt[oldest])))
        oldest = at;
    }
    if (oldest < 0) return -1;
    this.used[oldest] = 1;
    for (let i = 0; i < 4; i++) this.address[oldest * 4 + i] = client[i];
    this.active[oldest] = 0;
    this.tokens[oldest] = this.settings.clientRate.burst;
    this.seenAt[oldest] = now;
    return oldest;
  }

  private base(words: AddressWords, at: number): number {
    return (finishHash(mixAddress(this.secret, words, at)) & (this.settings.clientSets - 1)) * WAYS;
  }
}
