/** How many wrong tokens an address may send: guessing is hopeless, and shall not cost the gateway its time either. */
import { PathraceError } from '../model/errors.js';

/** So many at once, and one more each so often. */
const BURST = 10;
const EARNED_MS = 6000;

interface Bucket {
  left: number;
  atMs: number;
}

export class WrongTokens {
  /** Since start. */
  count = 0;
  /** BOUNDED: MAX_ADDRESSES; the one that was wrong longest ago gives way. */
  private readonly buckets = new Map<string, Bucket>();

  /** Throws E_TOO_MANY for an address that was wrong too often. */
  refuse(address: string, nowMs: number): void {
    const bucket = this.buckets.get(keyOf(address));
    if (bucket === undefined) return;
    earn(bucket, nowMs);
    if (bucket.left >= 1) return;
    const seconds = Math.ceil((EARNED_MS * (1 - bucket.left)) / 1000);
    throw new PathraceError('E_TOO_MANY', 'Too many wrong tokens came from this address.', {
      remedy: `Wait for ${seconds} s.`,
    });
  }

  note(address: string, nowMs: number): void {
    this.count++;
    const key = keyOf(address);
    const bucket = this.buckets.get(key) ?? { left: BURST, atMs: nowMs };
    earn(bucket, nowMs);
    bucket.left--;
    this.buckets.delete(key);
    if (this.buckets.size >= MAX_ADDRESSES) {
      const [oldest] = this.buckets.keys();
      this.buckets.delete(oldest);
    }
    this.buckets.set(key, bucket);
  }
}

const MAX_ADDRESSES = 1024;

function earn(bucket: Bucket, nowMs: number): void {
  bucket.left = Math.min(BURST, bucket.left + (nowMs - bucket.atMs) / EARNED_MS);
  bucket.atMs = nowMs;
}

/** One host has a whole /64 of addresses. */
function keyOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head, tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...after]
    .slice(0, 4)
    .join(':');
}
