/** Destinations in memory, as the terminal and the page name them. */
import type { MemoryEntry } from '../contract.js';

/** The destination; with what its times are of, where that is not the first reply to a connection. */
export function destinationText({ destination, of }: Pick<MemoryEntry, 'destination' | 'of'>): string {
  return of === 'connections' ? destination : `${destination} ${WORDS[of]}`;
}

const WORDS: Readonly<Record<Exclude<MemoryEntry['of'], 'connections'>, string>> = {
  quic: 'QUIC',
  dns: 'DNS',
  datagrams: 'UDP',
  'first-payloads': 'payload',
};
